"""Draws a timeline: lanes of SVG that stretch to any width, with their texts beside them as HTML that does not.

Each lane's own coordinates are milliseconds across and pixels down, and no stroke scales; so a lane can be read on a
phone, printed, and zoomed by giving it another view box. Texts stand at a share of the width.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, log10

from checks import Seen, Spent
from checks.units import show_duration
from reports.language import phrase, say
from reports.markup import Html, el, join
from reports.report import Phase, Report
from reports.spending import longest, took_words
from reports.timeline import FaultLane, Judged, Point, ProbeLane, StateLane, Stretch, Timeline
from reports.wording import MARKS, seconds, share, utc, withheld_words

GRAPH_PX = 64
"""Height of a probe's latency."""
STRIP_PX = 10
"""Height of its availability, below."""
_ROOM = 0.25
"""The share of the width that a text needs beside its bracket."""
_SPENT_MAX, _ROWS_MAX = 3, 3
"""Of one alert: how many pages are drawn part by part, and rows of words beside its moments."""
_NARROW, _WIDE, _AIR = 0.018, 0.036, 0.03
"""The share of the width that a letter, a Chinese character and the blank behind a word need, on a phone."""
_KINDS = frozenset({"pending", "firing", "delivered", "resolved", "limit", "noise", "forbidden"})
_STEPS_S = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    43200,
    86400,
)


def picture(timeline: Timeline, report: Report, language: str) -> Html:
    """The whole picture: phases, axis, faults, alerts, probes, and below each the verdicts that speak of it."""
    lanes = [
        *(_fault_lane(lane, timeline, report, language) for lane in timeline.faults),
        *(_state_lane(lane, timeline, report, language) for lane in timeline.states),
        *(_probe_lane(lane, timeline, report, language) for lane in timeline.probes),
    ]
    if timeline.judged:
        lanes.append(_lane("run", join(el("b", say("Run", language))), _judged(timeline.judged, timeline, language)))
    return el(
        "div",
        _phases(timeline.phases, timeline, language),
        _axis(timeline, report),
        *lanes,
        _legend(language, control=report.control, alerts=any(lane.states for lane in timeline.states)),
        class_="picture",
        data_to=_ms(timeline.to_s),
        data_opened=report.opened_at,
        data_whole=say("whole run", language),
        data_good=say("good", language),
        data_bad=say("bad", language),
    )


def ticks(to_s: float, most: int = 10) -> list[float]:
    """Round times from 0, at most so many."""
    step = next(
        (one for one in _STEPS_S if to_s / one < most), _STEPS_S[-1] * max(1, round(to_s / _STEPS_S[-1] / most))
    )
    return [round(n * step, 6) for n in range(int(to_s / step) + 1)]


def clock(t_s: float) -> str:
    """`45 s`, and past five minutes `7:30` or `1:07:30`."""
    if t_s < 300:
        return f"{t_s:g} s"
    minutes, rest = divmod(round(t_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _lane(kind: str, label: Html, *track: Html) -> Html:
    return el("div", el("div", label, class_="label"), el("div", *track, class_="track"), class_=f"lane {kind}")


def _phases(phases: Sequence[Phase], timeline: Timeline, language: str) -> Html:
    """A strip of named stretches. A name that does not fit is cut; the table of phases at the foot has all of them."""
    parts = []
    for phase in phases:
        name = say(phase.name, language)
        title = f"{name}: {phase.from_s:.3f} – {phase.to_s:.3f} s"
        parts.append(el("span", el("span", name), title=title, **_place(phase.from_s, phase.to_s, timeline.to_s)))
    return _lane("phases", join(el("b", say("Phases", language))), el("div", *parts, class_="strip"))


def _axis(timeline: Timeline, report: Report) -> Html:
    """Seconds since the run was opened, and a mark for each moment that the table of evidence tells of."""
    marks = [
        el(
            "span",
            el("span", clock(at)),
            style=f"left:{_share(at, timeline.to_s)}",
            class_="late" if at > 0.92 * timeline.to_s else "",
        )
        for at in ticks(timeline.to_s)
    ]
    moments = [
        el(
            "a",
            href=f"#line-{one.seq}",
            title=f"{one.t_s:.3f} s ({utc(report, one.t_s)} UTC): {one.what}",
            tabindex="-1",
            **_place(one.t_s, one.t_s, timeline.to_s),
        )
        for one in report.moments
    ]
    return _lane(
        "axis",
        Html(""),
        el("div", *marks, class_="marks", aria_hidden="true"),
        el("div", *moments, class_="moments", aria_hidden="true"),
    )


def _fault_lane(lane: FaultLane, timeline: Timeline, report: Report, language: str) -> Html:
    fault = lane.fault
    lasted = None if fault.effect_s is None else (fault.healing_s or fault.gone_s or timeline.to_s) - fault.effect_s
    said = withheld_words(fault, language) or (
        say("never in effect", language)
        if lasted is None
        else phrase("{seconds} in effect", language, seconds=seconds(lasted))
    )
    parts = [_grid(timeline, 18)]
    for span in lane.spans:
        told = f"{say(span.stage, language)}: {_between(span.from_s, span.to_s, report)}"
        parts.append(
            el("g", el("title", told), _box(span.from_s, span.to_s, 3, 12), class_=span.stage.replace(" ", "-"))
        )
    told = "; ".join(f"{say(one.stage, language)} {one.from_s:.3f} – {one.to_s:.3f} s" for one in lane.spans)
    drawn = _svg(timeline, 18, f"{say('Fault', language)} {fault.id}: {told or said}", parts)
    does = fault.does + (f" — {fault.trouble}" if fault.trouble else "")
    label = join(el("b", fault.id), el("span", said))
    begins_s = lane.spans[0].from_s if lane.spans else 0.0
    note = _hanging(begins_s, begins_s, timeline, el("span", does), "does trouble" if fault.trouble else "does")
    return _lane("fault", label, drawn, note, _judged(lane.judged, timeline, language))


def _state_lane(lane: StateLane, timeline: Timeline, report: Report, language: str) -> Html:
    """Of an alert: how it got to somebody, part after part; what it was, pending or firing; and its moments."""
    marks = [
        el(
            "a",
            el("i", MARKS[one.outcome], aria_hidden="true"),
            " ",
            say(one.title, language),
            href=f"#check-{one.check}",
        )
        for one in lane.judged
    ]
    strips = [_parts_strip(one, timeline, language) for one in lane.spent[:_SPENT_MAX]]
    if lane.states:
        strips.append(el("div", *(_state(one, timeline, report, language) for one in lane.states), class_="strip"))
    told = "; ".join(
        f"{say(one.label, language)} {one.from_s:.3f}" + (f" – {one.to_s:.3f}" if one.to_s > one.from_s else "") + " s"
        for one in sorted((*lane.states, *lane.moments), key=lambda one: one.from_s)
    )
    name = lane.name or say(lane.kind, language)
    drawn = el(
        "div", *strips, *_moments(lane.moments, timeline, report, language), role="img", aria_label=f"{name}: {told}"
    )
    return _lane("states", join(el("b", name), *(el("span", one, class_=str(judged.outcome))
                                                 for one, judged in zip(marks, lane.judged, strict=True))), drawn)  # fmt: skip


def _parts_strip(spent: Spent, timeline: Timeline, language: str) -> Html:
    parts, begin_s = [], spent.from_s
    for place, one in enumerate(spent.parts):
        end_s = begin_s + one.took.value
        words = f"{say(one.name, language)} {took_words(one.took)}"
        kind = "longest" if one is longest(spent.parts) else f"part-{place % 2}"
        parts.append(el("span", el("span", words), title=words, class_=kind, **_place(begin_s, end_s, timeline.to_s)))
        begin_s = end_s
    return el("div", *parts, class_="strip parts")


def _state(one: Judged, timeline: Timeline, report: Report, language: str) -> Html:
    word = say(one.label, language)
    title = f"{word}: {_between(one.from_s, one.to_s, report)}"
    return el("span", el("span", word), title=title, class_=_kind(one), **_place(one.from_s, one.to_s, timeline.to_s))


def _moments(moments: Sequence[Judged], timeline: Timeline, report: Report, language: str) -> list[Html]:
    """Ticks with a word each, in as many rows as keep the words apart; where these are too many, without words."""
    rows: list[list[Html]] = [[]]
    free_s = [0.0] * _ROWS_MAX
    for one in moments:
        word = say(one.label, language)
        title = f"{word}: {one.from_s:.3f} s ({utc(report, one.from_s)} UTC)"
        wide_s = timeline.to_s * (_AIR + sum(_WIDE if ord(char) > 0x2E7F else _NARROW for char in word))
        late = one.from_s + wide_s > timeline.to_s
        from_s, to_s = (one.from_s - wide_s, one.from_s) if late else (one.from_s, one.from_s + wide_s)
        row = next((n for n, at_s in enumerate(free_s) if from_s >= at_s), None)
        if row is not None:
            free_s[row] = to_s
            rows += [[] for _ in range(row + 1 - len(rows))]
        kind = _kind(one) + (" late" if late else "")
        inside = [] if row is None else [el("span", word)]
        rows[row or 0].append(
            el("span", *inside, title=title, class_=kind, **_place(one.from_s, one.from_s, timeline.to_s))
        )
    return [el("div", *row, class_="ticks") for row in rows if row]


def _kind(one: Judged) -> str:
    """What a state or moment is drawn as: that of `noise (DiskFull)` is `noise`, and what is not known is plain."""
    return "" if (kind := one.label.partition(" (")[0]) not in _KINDS else kind


def _probe_lane(lane: ProbeLane, timeline: Timeline, report: Report, language: str) -> Html:
    probe, scale = lane.probe, _Scale.of(lane.points)
    height = GRAPH_PX + STRIP_PX
    said = [phrase("no look saw anything", language)]
    if probe.success is not None:
        said = [phrase("{success} good", language, success=share(probe.success)), f"p99 {seconds(probe.p99_s)}"]
    parts = [
        _grid(timeline, height),
        *(_box(span.from_s, span.to_s, 0, height, kind="while") for span in timeline.in_effect),
        *(el("path", class_="rule", d=f"M0 {scale.down(at_s)}h{_ms(timeline.to_s)}") for at_s in scale.decades),
        _dots(lane.points, scale),
        _crosses(lane.points, scale),
        *(_look_box(one, report, language) for one in lane.stretches),
    ]
    bad = sum(one.bad for one in lane.stretches)
    told = [*said, f"{say('bad', language)} {bad}", f"{say('blind', language)} {probe.blind}"]
    drawn = _svg(
        timeline,
        height,
        f"{say('Probe', language)} {probe.name}: {', '.join(told)}",
        parts,
        data_low=f"{scale.low_s:g}",
        data_high=f"{scale.high_s:g}",
        data_name=probe.name,
    )
    marks = [el("span", show_duration(at_s), style=f"top:{scale.down(at_s)}px") for at_s in scale.decades]
    return _lane(
        "probe",
        join(el("b", probe.name), *(el("span", one) for one in said)),
        el("div", drawn, el("div", *marks, class_="scale", aria_hidden="true"), class_="graph"),
        _judged(lane.judged, timeline, language),
    )


def _svg(timeline: Timeline, height: int, told: str, parts: Iterable[Html], **data: str) -> Html:
    return el(
        "svg",
        *parts,
        viewBox=f"0 0 {_ms(timeline.to_s)} {height}",
        height=height,
        preserveAspectRatio="none",
        role="img",
        aria_label=told,
        **data,
    )


def _grid(timeline: Timeline, height: int) -> Html:
    return el("path", class_="grid", d="".join(f"M{_ms(at)} 0v{height}" for at in ticks(timeline.to_s)))


def _box(from_s: float, to_s: float, top: float, height: float, *, kind: str = "", opacity: str = "") -> Html:
    width = max(0, _ms(to_s) - _ms(from_s))
    return el("rect", x=_ms(from_s), width=width, y=top, height=height, class_=kind, opacity=opacity)


def _look_box(one: Stretch, report: Report, language: str) -> Html:
    """Bad is tall, good is thin and blind is hollow, so that colour is not all there is to tell them by."""
    kind, top, height, count = {
        Seen.GOOD: ("ok", GRAPH_PX + 4, 3, one.looks),
        Seen.BAD: ("bad", GRAPH_PX + 1, 9, one.bad),
        Seen.BLIND: ("blind", GRAPH_PX + 2, 7, one.blind),
    }[one.seen]
    # Where looks of all kinds are drawn as one, its strength says how many of them were of the worst kind.
    strength = f"{0.25 + 0.75 * count / one.looks:.2f}" if count < one.looks else ""
    box = _box(one.from_s, one.to_s, top, height, kind=kind, opacity=strength)
    if one.seen is Seen.GOOD:
        return box
    word = say("bad" if one.seen is Seen.BAD else "blind", language)
    told = f"{word} {count}/{one.looks}, {_between(one.from_s, one.to_s, report)}"
    return el("g", el("title", f"{told}: {one.why}" if one.why else told), box)


def _dots(points: Iterable[Point], scale: "_Scale") -> Html:
    """Strokes of no length with round ends: dots that stay round however the lane is stretched."""
    drawn = "".join(f"M{_ms(one.t_s)} {scale.down(one.took_s)}h0" for one in points if one.good)
    return el("path", class_="good", d=drawn) if drawn else Html("")


def _crosses(points: Iterable[Point], scale: "_Scale") -> Html:
    drawn = "".join(f"M{_ms(one.t_s)} {scale.down(one.took_s) - 3:g}v6" for one in points if not one.good)
    return el("path", class_="bad", d=drawn) if drawn else Html("")


@dataclass(frozen=True, slots=True)
class _Scale:
    """The logarithmic scale of one graph."""

    low_s: float
    high_s: float

    @classmethod
    def of(cls, points: Sequence[Point]) -> "_Scale":
        """All points and a little air; at least half a decade, so that noise does not look like news."""
        took = [max(one.took_s, 1e-6) for one in points] or [0.001, 0.01]
        low_s, high_s = min(took) / 1.3, max(took) * 1.3
        spare = max(1.0, 3.0 / (high_s / low_s)) ** 0.5
        return cls(low_s / spare, high_s * spare)

    @property
    def decades(self) -> list[float]:
        """Powers of ten within; where there is none, a round figure from its middle."""
        powers = range(floor(log10(self.low_s)), floor(log10(self.high_s)) + 1)
        found = [10.0**n for n in powers if self.low_s <= 10.0**n <= self.high_s]
        return found or [float(f"{(self.low_s * self.high_s) ** 0.5:.1g}")]

    def down(self, took_s: float) -> float:
        """Pixels from the top."""
        part = log10(max(took_s, self.low_s) / self.low_s) / log10(self.high_s / self.low_s)
        return round(2 + (GRAPH_PX - 4) * (1 - min(1.0, part)), 1)


def _judged(judged: Sequence[Judged], timeline: Timeline, language: str) -> Html:
    """One row a verdict's window: a bracket over its time and its words beside it."""
    rows = []
    for one in judged:
        title = say(one.title, language)
        words = title if one.label in one.title else f"{title}: {say(one.label, language)}"
        text = el("a", el("i", MARKS[one.outcome], aria_hidden="true"), " ", words, href=f"#check-{one.check}")
        rows.append(_hanging(one.from_s, one.to_s, timeline, text, f"judged {one.outcome}"))
    return join(*rows)


def _hanging(from_s: float, to_s: float, timeline: Timeline, text: Html, kind: str) -> Html:
    """A bracket with a text on the side that has room for it, or within where neither has."""
    left, right = _share(from_s, timeline.to_s), _share(to_s, timeline.to_s)
    before, after = from_s / timeline.to_s, 1 - to_s / timeline.to_s
    if max(before, after) < _ROOM:
        side, place = "inside", f"left:{left}"
    elif after >= _ROOM + 0.1 or after >= before:
        side, place = "after", f"left:{right}"
    else:
        side, place = "before", f"right:calc(100% - {left})"
    bracket = (
        el("span", class_="bracket", **_place(from_s, to_s, timeline.to_s)) if kind.startswith("judged") else Html("")
    )
    return el(
        "div",
        bracket,
        el("span", text, class_=f"words {side}", style=place),
        class_=f"row {kind}",
        data_from=_ms(from_s),
        data_to=_ms(to_s),
    )


def _place(from_s: float, to_s: float, end_s: float) -> dict[str, str | int]:
    style = f"left:{_share(from_s, end_s)};width:{_share(max(0.0, to_s - from_s), end_s)}"
    return {"style": style, "data_from": _ms(from_s), "data_to": _ms(to_s)}


def _legend(language: str, *, control: bool, alerts: bool) -> Html:
    stages = [("acting", "acting"), ("in-effect", "in effect"), ("healing", "healing")]
    keys = [
        *([("withheld", "withheld")] if control else stages),
        ("ok", "good"),
        ("bad", "bad"),
        ("blind", "blind"),
        ("gap", "not looked"),
        *([("pending", "pending"), ("firing", "firing")] if alerts else []),
    ]
    return el(
        "p",
        *(el("span", el("i", class_=kind, aria_hidden="true"), say(word, language)) for kind, word in keys),
        class_="legend",
    )


def _between(from_s: float, to_s: float, report: Report) -> str:
    return f"{from_s:.3f} – {to_s:.3f} s ({utc(report, from_s)} – {utc(report, to_s)} UTC)"


def _share(at_s: float, end_s: float) -> str:
    return f"{min(100.0, max(0.0, 100 * at_s / end_s)):.3f}".rstrip("0").rstrip(".") + "%"


def _ms(at_s: float) -> int:
    return round(at_s * 1000)
