"""Every name in square brackets is in the catalogue of messages, and the catalogue holds no other."""

import re
from pathlib import Path

from drills.messages import MESSAGES
from drills.pdf import BROWSERS

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_SLUGS = {"check-config", "utf-8", "chaos-drills", "game-day", "war-room", "2026-12-05", *BROWSERS}
SLUG = re.compile(r'"([a-z0-9]+(?:-[a-z0-9]+)+|tab|usage)"')


def slugs_in_code() -> set[str]:
    """Texts of the form of a slug, but for the few that are something else."""
    found: set[str] = set()
    for path in sorted((ROOT / "drills").glob("*.py")):
        if path.name not in {"messages.py", "schema.py", "schemas.py", "cli.py"}:
            text = path.read_text(encoding="utf-8")
            found |= {slug for slug in SLUG.findall(text) if slug not in NOT_SLUGS}
    return found


def test_every_slug_is_explained() -> None:
    assert sorted(slugs_in_code() - set(MESSAGES)) == []


def test_nothing_is_explained_that_nobody_says() -> None:
    text = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "drills").glob("*.py") if path.name != "messages.py"
    )

    assert [slug for slug in MESSAGES if f'"{slug}"' not in text and slug != "unknown-message"] == []


def test_an_explanation_is_sentences() -> None:
    assert [slug for slug, text in MESSAGES.items() if not text.endswith(".") or len(text) < 60] == []
