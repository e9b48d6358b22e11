"""Writes the golden files anew."""

from tests.reports.golden import HERE, files

for old in (one for one in HERE.iterdir() if one.is_file() and one.suffix != ".py"):
    old.unlink()
for path, text in files():
    path.write_text(text, encoding="utf-8")
