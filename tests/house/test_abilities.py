"""Every line of our SOPs counts for the ability that its rule of the catalogue shows."""

import re

import pytest

from checks.sop.book import Ability
from drills import sops
from tests.house.pages import ROOT, table

FOLDER = ROOT / "examples" / "sops"
BOOKS = {path.stem: sops.read(path) for path in sorted(FOLDER.glob("*.yaml"))}
OF_RULES: dict[Ability, str] = {
    "detect": r"A\d+",
    "triage": r"T\d+|R1[2-9]|R20",
    "contain": r"F\d+|M([1-9]|10|12)",
    "safety": r"M1[13-8]|W[789]",
    "command": r"R\d|R1[01]|W\d+",
    "learn": r"P\d+",
}
"""Which rules of the catalogue show which ability; the first that fits."""


def ability_of(number: str) -> str:
    return next(ability for ability, numbers in OF_RULES.items() if re.fullmatch(numbers, number))


def rows() -> dict[str, set[str]]:
    """By each line of a SOP that the catalogue names, the abilities of the rules that it is named for."""
    found: dict[str, set[str]] = {}
    for number, *_, held_by, _ in table(FOLDER / "README.md", "## The catalogue"):
        for line in re.findall(r"`([\w-]+#[\w-]+)`", held_by):
            found.setdefault(line, set()).add(ability_of(number))
    return found


SHOWN = {f"{name}#{rule.id}": rule.settings.shows for name, book in BOOKS.items() for rule in book.rules}


@pytest.mark.parametrize("line", rows())
def test_a_line_of_a_sop_shows_an_ability_of_a_rule_that_it_is_named_for(line: str) -> None:
    assert SHOWN[line] in rows()[line]


def test_each_ability_is_shown_by_some_line() -> None:
    assert set(SHOWN.values()) == set(OF_RULES)


def test_a_review_shows_that_people_learn_and_nothing_else_does() -> None:
    assert {line.partition("#")[0] for line, shows in SHOWN.items() if shows == "learn"} == {"review"}
