"""What a figure is called: one scale for each ability and for the whole.

The cut-offs are those by which HSEEP's four ratings are commonly put into figures. Each rating begins at its cut-off and
ends below the next, so that there is no figure without one: 65.5 is below 66, and so it is `M`.
"""

RATINGS = ((80.0, "P"), (66.0, "S"), (50.0, "M"), (0.0, "U"))
WORDS = {"P": "performed without challenges", "S": "performed with some challenges", "M": "performed with major challenges",
         "U": "unable to be performed"}  # fmt: skip
"""What each rating says."""
LETTERS = ((90.0, "A"), (80.0, "B"), (66.0, "C"), (50.0, "D"), (0.0, "F"))
CUT_OFFS = frozenset(figure for figure, _ in (*RATINGS, *LETTERS))


def rating(points: float | None) -> str:
    """`P`, `S`, `M` or `U`; empty without points."""
    return _of(points, RATINGS)


def letter(points: float | None) -> str:
    """`A`, `B`, `C`, `D` or `F`; empty without points."""
    return _of(points, LETTERS)


def _of(points: float | None, scale: tuple[tuple[float, str], ...]) -> str:
    if points is None:
        return ""
    return next((name for least, name in scale if points >= least), scale[-1][1])
