"""Throws a switch of the shop, throws it back, or says whether it is thrown: `flag.py FOLDER throw|undo|look NAME`."""

import sys
from pathlib import Path

folder, word, name = sys.argv[1:]
flag = Path(folder, name)
if word == "throw":
    flag.touch()
elif word == "undo":
    flag.unlink(missing_ok=True)
print(f"{name} is {'thrown' if flag.exists() else 'not thrown'}")
sys.exit(word == "look" and not flag.exists())
