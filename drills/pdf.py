"""The report's page as PDF: by a browser, else by WeasyPrint, which cannot draw it. The only form that is not pure."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from drills.errors import mistake

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell", "microsoft-edge",
)  # fmt: skip
"""Looked for in this order; `CHAOS_DRILLS_BROWSER` names another."""
_LIMIT_S = 120


def to_pdf(page: str) -> bytes:
    """Print one page. Raises DrillError when there is nothing here that can, or when it could not."""
    if browser := browser_here():
        return _by_browser(browser, page)
    if importlib.util.find_spec("weasyprint"):
        return _by_weasyprint(in_words(page))
    raise mistake("--format pdf", "nothing here can print a page",
                  "install Chromium (CHAOS_DRILLS_BROWSER names one elsewhere), or pip install weasyprint, which leaves the "
                  "plots out; or open report.html in any browser and print it", "no-printer")  # fmt: skip


def in_words(page: str) -> str:
    """The page with each plot told by its text alternative: half drawn, it would be wrong evidence."""
    return re.sub(r'<svg\b[^>]*\baria-label="([^"]*)".*?</svg>', r'<p class="soft">\1</p>', page, flags=re.DOTALL)


def browser_here() -> str | None:
    """The browser's program."""
    given = os.environ.get("CHAOS_DRILLS_BROWSER")
    return next((found for name in ([given] if given else BROWSERS) if (found := shutil.which(name))), None)


def _by_weasyprint(page: str) -> bytes:
    from weasyprint import HTML  # type: ignore[import-not-found,import-untyped,unused-ignore]

    content: Any = HTML(string=page).write_pdf()
    return bytes(content)


def _by_browser(browser: str, page: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="chaos-drills-pdf-") as folder:
        source, target = Path(folder) / "report.html", Path(folder) / "report.pdf"
        source.write_text(page, encoding="utf-8")
        words = [browser, "--headless", "--disable-gpu", f"--user-data-dir={folder}/profile", "--no-pdf-header-footer",
                 f"--print-to-pdf={target}", source.as_uri()]  # fmt: skip
        if os.geteuid() == 0:  # Chromium has no sandbox for root; the page is ours, and lets no script but ours run
            words.insert(1, "--no-sandbox")
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise mistake("--format pdf", f"{browser} did not end within {_LIMIT_S} s", "try again, or another browser",
                          "no-printer") from late  # fmt: skip
        if done.returncode or not target.is_file():
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise mistake("--format pdf", f"{browser} ended with {done.returncode}: {said}", "see that it runs by itself",
                          "no-printer")  # fmt: skip
        return target.read_bytes()
