"""Draws the causal chain: one lane each for faults, service, alerts, people and verdicts, on the axis of the whole picture.

A line leads from each step down or up to the lane of what followed, and along it until that came; so its level part is as
long as it took. What was waited for and never came is a broken line to the end. Bounds are bars behind the dots.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

from checks import Outcome
from reports.axis import across, between, grid, ms, place
from reports.causal import LANES, Chain
from reports.evidence_table import shown_moments
from reports.language import phrase, say
from reports.markup import Html, el
from reports.packing import Hung, packed
from reports.report import Report
from reports.spending import took_words
from reports.timeline import Timeline
from reports.wording import MARKS, kept_together

_BASE_PX, _HANG_PX, _ROW_PX, _AIR_PX = 24, 9, 24, 7
_WIDE_PX = 780
"""How wide a lane is taken to be until a script knows better."""
_LETTER_PX, _SIGN_PX, _CHIP_PX = 7.4, 13, 34
"""About as wide as a letter, a Chinese character, and what is around a step's words."""
_MISSED_MAX = 8
_VERDICT_ROWS_MAX = 6
_LEAST = 0.01
"""The share of the width that a verdict's bar has at least."""
_FIGURES = {"service": ("TTM", "TTR"), "alerts": ("TTD", "TTN"), "people": ("TTA", "TTE")}
"""Spans that stand beside a lane."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Something in a lane that words hang from."""

    at_s: float
    number: str
    words: str
    href: str
    kind: str
    data: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Lane:
    """One lane, laid out."""

    name: str
    top: int
    height: int
    marks: Sequence[tuple[_Mark, Hung]]

    @property
    def base(self) -> int:
        """How far down its line is."""
        return self.top + _BASE_PX


def causal_picture(chain: Chain, timeline: Timeline, report: Report, language: str) -> Html:
    """The lanes of the chain, and that of the verdicts below."""
    lanes = _laid_out(chain, timeline, language)
    height = max(one.top + one.height for one in lanes.values())
    drawn = el(
        "svg",
        grid(timeline.to_s, height),
        *(_bands(lanes)),
        *(_faults(timeline, lanes["faults"])),
        *(_links(chain, timeline, lanes)),
        *(_bounds(chain, lanes)),
        viewBox=f"0 0 {ms(timeline.to_s)} {height}",
        height=height,
        preserveAspectRatio="none",
        role="img",
        aria_label=_told(chain, language),
        class_="links",
    )
    inside = [*_tooks(chain, timeline, lanes, language), *_acts(chain, report, timeline, lanes)]
    inside += [_hung(mark, hung, lane, timeline) for lane in lanes.values() for mark, hung in lane.marks]
    labels = (
        el(
            "div",
            el("b", say(LANES[lane.name], language)),
            *_figures(lane.name, report),
            style=f"height:{lane.height}px",
        )
        for lane in lanes.values()
    )
    return el(
        "div",
        el("div", *labels, class_="label"),
        el("div", drawn, *inside, class_="track"),
        class_="lane chain",
    )  # fmt: skip


def outage_lane(chain: Chain, timeline: Timeline, language: str) -> Html:
    """The outage in four: to identify, to know, to fix and to verify, as far as they are known; nothing without any."""
    parts = []
    for n, one in enumerate(chain.parts):
        if one.took is not None and one.from_s is not None and one.to_s is not None and one.to_s > one.from_s:
            words = kept_together(f"{one.name} {took_words(one.took)}")
            parts.append(
                el("span", el("span", words), title=words, class_=f"part-{n % 2}",
                   **place(one.from_s, one.to_s, timeline.to_s))
            )  # fmt: skip
    label = el("div", el("b", say("Outage", language)), class_="label")
    track = el("div", el("div", *parts, class_="strip parts"), class_="track")
    return el("div", label, track, class_="lane outage") if parts else Html("")


class _Bar(NamedTuple):
    """What a verdict speaks of."""

    from_s: float
    to_s: float
    check: int

    def apart(self, other: "_Bar", least_s: float) -> bool:
        """Whether both can stand in one row, each at least so wide."""
        return (
            max(self.to_s, self.from_s + least_s) <= other.from_s
            or max(other.to_s, other.from_s + least_s) <= self.from_s
        )


def verdict_lane(timeline: Timeline, report: Report, language: str) -> Html:
    """What each verdict speaks of, as bars in rows that keep them apart, the gravest first; nothing without any."""
    rows: list[list[_Bar]] = [[] for _ in range(_VERDICT_ROWS_MAX)]
    left_out = 0
    well = {check for check, result in enumerate(report.checks) if result.outcome is Outcome.PASSED}
    for bar in sorted(_bars(timeline, report), key=lambda one: (one.check in well, one)):
        free = (row for row in rows if all(bar.apart(other, _LEAST * timeline.to_s) for other in row))
        row = next(free, None)
        if row is None:
            left_out += 1
        else:
            row.append(bar)
    if not rows[0]:
        return Html("")
    more = [el("span", phrase("and {n} more", language, n=left_out))] if left_out else []
    label = el("div", el("b", say("Verdicts", language)), *more, class_="label")
    drawn = [[_verdict(bar, timeline, report, language) for bar in sorted(row)] for row in rows if row]
    strips = (el("div", *row, class_="strip") for row in drawn)
    return el("div", label, el("div", *strips, class_="track"), class_="lane verdicts")


def _bars(timeline: Timeline, report: Report) -> Iterable[_Bar]:
    """One of a page until it was delivered, else from first to last of what was told of alerts; of others, each window."""
    for check, result in enumerate(report.checks):
        spans = [(one.from_s, one.from_s + one.took.value) for one in result.verdict.spent]
        if not spans:
            spans = [(one.from_s, one.to_s) for one in result.verdict.windows]
            if any(one.lane.startswith("alert:") for one in result.verdict.windows):
                spans = [(min(from_s for from_s, _ in spans), max(to_s for _, to_s in spans))]
        for from_s, to_s in spans:
            if isfinite(from_s) and isfinite(to_s) and to_s > from_s:
                yield _Bar(max(0.0, from_s), min(timeline.to_s, to_s), check)


def _verdict(bar: _Bar, timeline: Timeline, report: Report, language: str) -> Html:
    result = report.checks[bar.check]
    words = f"{MARKS[result.outcome]} {say(result.title, language)}"
    title = f"{words}: {between(bar.from_s, bar.to_s, report)}"
    return el("a", el("span", words), href=f"#check-{bar.check}", title=title, class_=f"judged {result.outcome}",
              **place(bar.from_s, bar.to_s, timeline.to_s))  # fmt: skip


def _laid_out(chain: Chain, timeline: Timeline, language: str) -> dict[str, _Lane]:
    lanes: dict[str, _Lane] = {}
    top = 0
    for name in LANES:
        marks = _marks(chain, name, timeline, language)
        hung = packed([(_WIDE_PX * one.at_s / timeline.to_s, _words_px(one.words)) for one in marks], _WIDE_PX)
        rows = max((one.row + 1 for one in hung), default=0)
        height = _BASE_PX + _HANG_PX + rows * _ROW_PX + _AIR_PX
        lanes[name] = _Lane(name, top, height, list(zip(marks, hung, strict=True)))
        top += height
    return lanes


def _marks(chain: Chain, lane: str, timeline: Timeline, language: str) -> list[_Mark]:
    marks = [
        _Mark(one.at_s or 0.0, str(one.number), say(one.title, language), f"#step-{one.name}", "came")
        for one in chain.of_lane(lane)
    ]
    awaited = chain.awaited(lane)
    if awaited:
        words = phrase("never: {what}", language, what=say(awaited.title, language))
        kind, sign = ("never", "✕") if lane != "people" or chain.ruled else ("never unasked", "–")
        marks.append(_Mark(timeline.to_s, sign, words, f"#step-{awaited.name}", kind))
    missed = [one for one in chain.missed if one.lane == lane]
    return marks + [
        _Mark(min(one.due_s, timeline.to_s), "✕", one.what, f"#check-{one.check}", "missed")
        for one in missed[:_MISSED_MAX]
    ]


def _words_px(words: str) -> float:
    return _CHIP_PX + sum(_SIGN_PX if ord(char) > 0x2E7F else _LETTER_PX for char in words)


def _hung(mark: _Mark, hung: Hung, lane: _Lane, timeline: Timeline) -> Html:
    kind = " ".join(
        ["step", mark.kind, *(["late"] if hung.late else []), *([hung.shown] if hung.shown != "words" else [])]
    )
    chip = el("span", el("b", mark.number), el("span", mark.words))
    style = f"left:{across(mark.at_s, timeline.to_s)};top:{lane.base}px" + (f";--row:{hung.row}" if hung.row else "")
    return el("a", chip, href=mark.href, class_=kind, style=style, data_from=ms(mark.at_s), data_lane=lane.name)


def _bands(lanes: dict[str, _Lane]) -> Iterable[Html]:
    """A line between lanes."""
    tops = [lane.top for lane in lanes.values()][1:]
    yield el("path", class_="between", d="".join(f"M0 {top}h999999999" for top in tops))


def _faults(timeline: Timeline, lane: _Lane) -> Iterable[Html]:
    """When any fault was in effect, or would have been."""
    for one in timeline.faults:
        for span in one.spans:
            yield el("rect", x=ms(span.from_s), width=max(0, ms(span.to_s) - ms(span.from_s)), y=lane.base - 4, height=8,
                     class_=f"fault {span.stage.replace(' ', '-')}")  # fmt: skip


def _links(chain: Chain, timeline: Timeline, lanes: dict[str, _Lane]) -> Iterable[Html]:
    paths: list[str] = []
    limits: list[str] = []
    gaps: list[str] = []
    unasked: list[str] = []  # gaps where nothing was asked of anybody
    for one in chain.steps:
        base = lanes[one.lane].base
        cause = chain.step(one.after)
        if one.at_s is not None and cause is not None and cause.at_s is not None:
            begin = lanes[cause.lane].base
            paths.append(f"M{ms(cause.at_s)} {begin}V{base}H{ms(one.at_s)}")
        if one.due_s is not None and one.due_s <= timeline.to_s:
            limits.append(f"M{ms(one.due_s)} {base - 11}v22")
    for lane in lanes.values():
        awaited = chain.awaited(lane.name)
        waiting = chain.cause_of(awaited.name) if awaited else None
        if waiting is not None and waiting.at_s is not None:
            begin = lanes[waiting.lane].base
            drawn = gaps if lane.name != "people" or chain.ruled else unasked
            drawn.append(f"M{ms(waiting.at_s)} {begin}V{lane.base}H{ms(timeline.to_s)}")
    limits += [f"M{ms(one.due_s)} {lanes[one.lane].base - 11}v22" for one in chain.missed if one.due_s <= timeline.to_s]
    for kind, lines in (("gap", gaps), ("gap unasked", unasked), ("link", paths), ("due", limits)):
        if lines:
            yield el("path", class_=kind, d="".join(lines))


def _bounds(chain: Chain, lanes: dict[str, _Lane]) -> Iterable[Html]:
    """Within which each step really was; drawn for all, and seen where it is wide enough."""
    for one in chain.steps:
        if one.at_s is not None and one.high_s - one.low_s >= 0.001:
            yield el("rect", x=ms(one.low_s), width=ms(one.high_s) - ms(one.low_s), y=lanes[one.lane].base - 6, height=12,
                     class_="bounds")  # fmt: skip


def _tooks(chain: Chain, timeline: Timeline, lanes: dict[str, _Lane], language: str) -> Iterable[Html]:
    """How long each link took, where its level part is long enough for that."""
    for one in chain.steps:
        cause = chain.step(one.after)
        if one.at_s is None or one.took is None or cause is None or cause.at_s is None:
            continue
        words = took_words(one.took)
        room = (one.at_s - cause.at_s) / timeline.to_s * _WIDE_PX
        fits = room > len(words) * _LETTER_PX + 12
        yield el("span", el("span", kept_together(words)), class_="took" if fits else "took tight",
                 **_at(cause.at_s, one.at_s, lanes[one.lane].base, timeline))  # fmt: skip


def _at(from_s: float, to_s: float, base: int, timeline: Timeline) -> dict[str, str | int]:
    where = place(from_s, to_s, timeline.to_s)
    return {**where, "style": f"{where['style']};top:{base - 20}px"}


def _acts(chain: Chain, report: Report, timeline: Timeline, lanes: dict[str, _Lane]) -> Iterable[Html]:
    """What else rules were judged by, as small rings."""
    wanted = frozenset(chain.acts)
    for one in shown_moments(report):
        if one.seq in wanted:
            yield el("a", href=f"#line-{one.seq}", class_="act", tabindex="-1", aria_hidden="true", data_from=ms(one.t_s),
                     style=f"left:{across(one.t_s, timeline.to_s)};top:{lanes['people'].base}px")  # fmt: skip


def _figures(lane: str, report: Report) -> Iterable[Html]:
    for name in _FIGURES.get(lane, ()):
        took = report.incident.span(name).took if report.incident else None
        if took is not None:
            yield el("span", f"{name} {kept_together(took_words(took))}")


def _told(chain: Chain, language: str) -> str:
    """The chain in one line, for those who do not see it."""
    came = "; ".join(
        f"{one.number} {say(one.title, language)} {one.at_s:.3f} s" for one in chain.steps if one.at_s is not None
    )
    return f"{say('Causal chain', language)}: {came}"
