"""Score, timeline and renderers."""

from pathlib import Path

import reports

RUBRICS = Path(reports.__file__).parent / "rubrics"
