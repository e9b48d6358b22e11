"""Draws where the time until something went: how much of its limit it is, and below, enlarged, one part after the other.

It is a table whose middle column is drawn, so that it reads without eyes, and on a phone part by part.
"""

from collections.abc import Iterator
from itertools import accumulate

from checks import Part, Spent
from checks.units import show_duration
from reports.language import phrase, say, translate
from reports.markup import Html, el, join
from reports.report import Report
from reports.spending import COLUMNS, Spending, advice, head, longest, spendings, took_words
from reports.wording import MARKS, kept_together

_WIDE = 1000
"""The drawing's own width, whatever it is stretched to."""
_VISIBLE = 0.005
"""Bounds that are closer than this share of the whole are not drawn."""


def waterfalls(report: Report, language: str) -> Html:
    """One figure for each; nothing without any."""
    return join(*(_figure(one, language) for one in spendings(report)))


def _figure(spending: Spending, language: str) -> Html:
    spent, outcome = spending.spent, spending.result.outcome
    mark = el("a", el("i", MARKS[outcome], aria_hidden="true"), " ", translate(spent.what, language),
              href=f"#check-{spending.check}")  # fmt: skip
    return el(
        "div",
        el("h3", mark, " ", el("span", kept_together(head(spent, language)), class_="soft")),
        el("p", *_with_code(kept_together(advice(spent, language))), class_="advice"),
        _table(spent, language),
        class_=f"spent {outcome}",
    )


def _table(spent: Spent, language: str) -> Html:
    part, took, knob, set_to = (say(one, language) for one in COLUMNS)
    heads = [
        el("th", part, role="columnheader", scope="col"),
        el("th", took, role="columnheader", scope="col", class_="num"),
        el("td", _budget(spent, language), role="cell", class_="drawn"),
        el("th", knob, role="columnheader", scope="col"),
        el("th", set_to, role="columnheader", scope="col", class_="num"),
    ]
    return el(
        "table",
        el("caption", f"{say('Where the time went', language)}: {translate(spent.what, language)}"),
        el("thead", el("tr", *heads, role="row"), role="rowgroup"),
        el("tbody", *_rows(spent, language), role="rowgroup"),
        role="table",
    )


def _rows(spent: Spent, language: str) -> Iterator[Html]:
    whole_s = _whole_s(spent)
    begins = [0.0, *accumulate(one.took.value for one in spent.parts)]
    for one, begin_s in zip(spent.parts, begins, strict=False):
        knobs = list(one.knobs.items())
        names = [el("p", el("code", name), class_="soft" if n else "") for n, (name, _) in enumerate(knobs)] or [
            Html("–")
        ]
        settings = [
            el("p", show_duration(set_s), class_="soft" if n else "") for n, (_, set_s) in enumerate(knobs)
        ] or [Html("–")]
        yield el(
            "tr",
            el("th", say(one.name, language), role="rowheader", scope="row"),
            el("td", took_words(one.took), role="cell", class_="num"),
            el("td", *_bar(one, begin_s, whole_s, spent.limit_s), role="cell", class_="drawn", aria_hidden="true"),
            el("td", *names, role="cell"),
            el("td", *settings, role="cell", class_="num"),
            role="row",
            class_="longest" if one is longest(spent.parts) else "",
        )


def _bar(part: Part, begin_s: float, whole_s: float, limit_s: float) -> Iterator[Html]:
    """From where the part before it ended; its bounds at its end; and the limit, where that is within."""
    low_s, high_s = begin_s + part.took.low, begin_s + part.took.high
    yield el("span", class_="part", style=_place(begin_s, begin_s + part.took.value, whole_s))
    if high_s - low_s > _VISIBLE * whole_s:
        yield el("span", class_="bounds", style=_place(low_s, high_s, whole_s))
    if limit_s < whole_s:
        yield el("span", class_="limit", style=_place(limit_s, limit_s, whole_s))


def _budget(spent: Spent, language: str) -> Html:
    """The whole beside its limit, and lines from there to its enlargement below."""
    whole_s = _whole_s(spent)
    scale = _WIDE / max(whole_s, spent.limit_s)
    begins = [0.0, *accumulate(one.took.value * scale for one in spent.parts)]
    parts = [
        el("rect", x=f"{begin:.1f}", y=4, width=f"{one.took.value * scale:.1f}", height=10,
           class_="longest" if one is longest(spent.parts) else f"part-{place % 2}")
        for place, (one, begin) in enumerate(zip(spent.parts, begins, strict=False))
    ]  # fmt: skip
    limit, end = min(spent.limit_s * scale, _WIDE - 3), whole_s * scale  # its line is seen at the edge too
    told = "; ".join(f"{say(one.name, language)} {took_words(one.took)}" for one in spent.parts)
    drawing = el(
        "svg",
        el("path", d=f"M0 14L{end:.1f} 14L{_WIDE} 36L0 36z", class_="fan"),
        el("rect", x=0, y=4, width=f"{limit:.1f}", height=10, class_="budget"),
        *parts,
        el("path", d=f"M{limit:.1f} 0v{36 if limit < end else 18}", class_="limit"),
        viewBox=f"0 0 {_WIDE} 36",
        height=36,
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{translate(spent.what, language)} {head(spent, language)}: {told}",
    )
    at = f"{100 * limit / _WIDE:.2f}%"
    side = f"left:{at}" if limit < _WIDE / 2 else f"right:calc(100% - {at})"
    words = el("span", phrase("limit {limit}", language, limit=show_duration(spent.limit_s)), style=side)
    return join(el("div", words, class_="over", aria_hidden="true"), drawing)


def _whole_s(spent: Spent) -> float:
    """What the parts come to: the whole, to within its bounds."""
    return sum(one.took.value for one in spent.parts) or 1.0


def _place(from_s: float, to_s: float, whole_s: float) -> str:
    """What is too short to be seen is drawn at its least width, and still within."""
    return f"left:min({100 * from_s / whole_s:.2f}%, 100% - 3px);width:{100 * (to_s - from_s) / whole_s:.2f}%"


def _with_code(text: str) -> Iterator[str]:
    """Text in which what stands between backticks is code."""
    for place, piece in enumerate(text.split("`")):
        yield el("code", piece) if place % 2 else piece
