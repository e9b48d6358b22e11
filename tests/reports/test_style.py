"""The style sheet's colours can be read by everybody: WCAG 2.2 AA, in the light, in the dark and on paper."""

import re
from pathlib import Path

import pytest

import reports

STYLE = (Path(reports.__file__).parent / "html" / "style.css").read_text(encoding="utf-8")
TEXTS = [
    *((ink, ground) for ink in ("ink", "soft", "fail") for ground in ("paper", "card", "code", "faint")),
    *((tone, "paper") for tone in ("pass", "doubt")),
    *((tone, f"{tone}-wash") for tone in ("pass", "fail", "doubt")),
    *(("ink", ground) for ground in ("doubt-wash", "alarm", "part", "part-too")),
    ("soft", "doubt-wash"), ("paper", "dot"),
]  # fmt: skip
"""What is written in which colour on which."""
DRAWN = [(tone, "paper") for tone in ("dot", "fault", "fail", "pass", "doubt", "soft", "ok")]
"""What is drawn, and must be seen to be understood."""


def themes() -> dict[str, dict[str, str]]:
    """The colours of each, by name: those of the dark and of paper stand over those of the light."""
    light, dark, paper = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    )
    return {"light": light, "dark": light | dark, "paper": light | paper}


def luminance(colour: str) -> float:
    """As WCAG reckons it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_reckoning_is_that_of_the_standard() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
@pytest.mark.parametrize(("ink", "ground"), TEXTS)
def test_text_stands_out_from_its_ground(theme: str, ink: str, ground: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
@pytest.mark.parametrize(("ink", "ground"), DRAWN)
def test_what_is_drawn_stands_out_too(theme: str, ink: str, ground: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[ink], colours[ground]) >= 3


def test_nothing_moves_by_itself() -> None:
    assert not re.search(r"animation|transition", STYLE)
    assert "prefers-reduced-motion: reduce" in STYLE
