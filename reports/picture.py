"""Draws a timeline: lanes of SVG that stretch to any width, with their texts beside them as HTML that does not.

Each lane's own coordinates are milliseconds across and pixels down, and no stroke scales; so a lane can be read on a
phone, printed, and zoomed by giving it another view box. Texts stand at a share of the width.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, log10

from checks import Measured, Seen, Spent
from checks.units import show_duration
from reports.axis import across, between, clock, grid, ms, place, ticks
from reports.evidence_table import shown_moments
from reports.language import phrase, say
from reports.markup import Html, el, join
from reports.report import Moment, Phase, Report
from reports.spending import longest, took_words
from reports.timeline import FaultLane, Judged, Point, ProbeLane, StateLane, Stretch, Timeline
from reports.wording import MARKS, kept_together, seconds, share, utc, withheld_words

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
_MOMENTS_MAX = 120
"""How many marks there are at most for moments; those that are closer have one together."""
_TITLE_MAX = 80
_WORDS = ("whole run", "earlier", "later", "closer", "wider", "moment", "good", "bad", "lines", "Line")
"""What the script says."""
_KINDS = frozenset({"pending", "firing", "delivered", "resolved", "limit", "noise", "forbidden"})


def picture(timeline: Timeline, chain: Sequence[Html], report: Report, language: str) -> Html:
    """The whole picture: phases, axis, the lanes of the causal chain, and then each fault, alert and probe by itself."""
    lanes = [
        *chain,
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
        data_to=ms(timeline.to_s),
        data_opened=report.opened_at,
        data_words="|".join(say(one, language) for one in _WORDS),
    )


def _lane(kind: str, label: Html, *track: Html) -> Html:
    return el("div", el("div", label, class_="label"), el("div", *track, class_="track"), class_=f"lane {kind}")


def _phases(phases: Sequence[Phase], timeline: Timeline, language: str) -> Html:
    """A strip of named stretches. A name that does not fit is cut; the table of phases at the foot has all of them."""
    parts = []
    for phase in phases:
        name = say(phase.name, language)
        title = f"{name}: {phase.from_s:.3f} – {phase.to_s:.3f} s"
        parts.append(el("span", el("span", name), title=title, **place(phase.from_s, phase.to_s, timeline.to_s)))
    return _lane("phases", join(el("b", say("Phases", language))), el("div", *parts, class_="strip"))


def _axis(timeline: Timeline, report: Report) -> Html:
    """Seconds since the run was opened, and a mark for each moment that the table of evidence tells of."""
    marks = [
        el(
            "span",
            el("span", clock(at)),
            style=f"left:{across(at, timeline.to_s)}",
            class_="late" if at > 0.92 * timeline.to_s else "",
        )
        for at in ticks(timeline.to_s)
    ]
    return _lane(
        "axis",
        Html(""),
        el("div", *marks, class_="marks", aria_hidden="true"),
        el("div", *_evidence(timeline, report), class_="moments", aria_hidden="true"),
    )


def _evidence(timeline: Timeline, report: Report) -> Iterable[Html]:
    """A mark for each moment, or for several that are close to each other; the table of evidence tells of them."""
    near: dict[int, list[Moment]] = {}
    for one in shown_moments(report):
        near.setdefault(int(_MOMENTS_MAX * one.t_s / timeline.to_s), []).append(one)
    for found in near.values():
        first, more = found[0], len(found) - 1
        title = f"{first.t_s:.3f} s: {first.what[:_TITLE_MAX]}" + (f" (+{more})" if more else "")
        yield el("a", href=f"#line-{first.seq}", title=title, tabindex="-1", class_="several" if more else "",
                 data_from=ms(first.t_s), style=f"left:{across(first.t_s, timeline.to_s)}")  # fmt: skip


def _fault_lane(lane: FaultLane, timeline: Timeline, report: Report, language: str) -> Html:
    fault = lane.fault
    lasted = None if fault.effect_s is None else (fault.healing_s or fault.gone_s or timeline.to_s) - fault.effect_s
    said = withheld_words(fault, language) or (
        say("never in effect", language)
        if lasted is None
        else phrase("{seconds} in effect", language, seconds=seconds(lasted))
    )
    parts = [grid(timeline.to_s, 18)]
    for span in lane.spans:
        told = f"{say(span.stage, language)}: {between(span.from_s, span.to_s, report)}"
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
    for n, one in enumerate(spent.parts):
        end_s = begin_s + one.took.value
        words = f"{say(one.name, language)} {took_words(one.took)}"
        kind = "longest" if one is longest(spent.parts) else f"part-{n % 2}"
        parts.append(el("span", el("span", words), title=words, class_=kind, **place(begin_s, end_s, timeline.to_s)))
        begin_s = end_s
    return el("div", *parts, class_="strip parts")


def _state(one: Judged, timeline: Timeline, report: Report, language: str) -> Html:
    word = say(one.label, language)
    title = f"{word}: {between(one.from_s, one.to_s, report)}"
    return el("span", el("span", word), title=title, class_=_kind(one), **place(one.from_s, one.to_s, timeline.to_s))


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
            el("span", *inside, title=title, class_=kind, **place(one.from_s, one.from_s, timeline.to_s))
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
        grid(timeline.to_s, height),
        *(_box(span.from_s, span.to_s, 0, height, kind="while") for span in timeline.in_effect),
        *(el("path", class_="rule", d=f"M0 {scale.down(at_s)}h{ms(timeline.to_s)}") for at_s in scale.decades),
        _dots(lane.points, scale),
        _crosses(lane.points, scale),
        *(_look_box(one, report, language) for one in lane.stretches),
        *_limits(lane.judged, height),
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


def _limits(judged: Sequence[Judged], height: int) -> Iterable[Html]:
    """Within which an interruption really ended, and by when it had to."""
    for one in judged:
        if one.took is not None and one.due_s is not None:
            half_s = (one.took.high - one.took.low) / 2
            yield _box(one.to_s - half_s, one.to_s + half_s, 0, height, kind="bounds")
            yield el("path", class_="due", d=f"M{ms(one.due_s)} 0v{height}")


def _svg(timeline: Timeline, height: int, told: str, parts: Iterable[Html], **data: str) -> Html:
    return el(
        "svg",
        *parts,
        viewBox=f"0 0 {ms(timeline.to_s)} {height}",
        height=height,
        preserveAspectRatio="none",
        role="img",
        aria_label=told,
        **data,
    )


def _box(from_s: float, to_s: float, top: float, height: float, *, kind: str = "", opacity: str = "") -> Html:
    width = max(0, ms(to_s) - ms(from_s))
    return el("rect", x=ms(from_s), width=width, y=top, height=height, class_=kind, opacity=opacity)


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
    told = f"{word} {count}/{one.looks}, {between(one.from_s, one.to_s, report)}"
    return el("g", el("title", f"{told}: {one.why}" if one.why else told), box)


def _dots(points: Iterable[Point], scale: "_Scale") -> Html:
    """Strokes of no length with round ends: dots that stay round however the lane is stretched."""
    drawn = "".join(f"M{ms(one.t_s)} {scale.down(one.took_s)}h0" for one in points if one.good)
    return el("path", class_="good", d=drawn) if drawn else Html("")


def _crosses(points: Iterable[Point], scale: "_Scale") -> Html:
    drawn = "".join(f"M{ms(one.t_s)} {scale.down(one.took_s) - 3:g}v6" for one in points if not one.good)
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
        if one.took is not None and one.due_s is not None:
            words += " " + _held_against(one.took, one.due_s - one.from_s, language)
        text = el("a", el("i", MARKS[one.outcome], aria_hidden="true"), " ", words, href=f"#check-{one.check}")
        rows.append(_hanging(one.from_s, one.to_s, timeline, text, f"judged {one.outcome}"))
    return join(*rows)


def _held_against(took: Measured, limit_s: float, language: str) -> str:
    limit = phrase("limit {limit}", language, limit=show_duration(limit_s))
    return kept_together(f"{took.beside(limit_s)}; {limit}" if language != "zh" else f"{took.beside(limit_s)}；{limit}")


def _hanging(from_s: float, to_s: float, timeline: Timeline, text: Html, kind: str) -> Html:
    """A bracket with a text on the side that has room for it, or within where neither has."""
    left, right = across(from_s, timeline.to_s), across(to_s, timeline.to_s)
    before, after = from_s / timeline.to_s, 1 - to_s / timeline.to_s
    if max(before, after) < _ROOM:
        side, where = "inside", f"left:{left}"
    elif after >= _ROOM + 0.1 or after >= before:
        side, where = "after", f"left:{right}"
    else:
        side, where = "before", f"right:calc(100% - {left})"
    bracket = (
        el("span", class_="bracket", **place(from_s, to_s, timeline.to_s)) if kind.startswith("judged") else Html("")
    )
    return el(
        "div",
        bracket,
        el("span", text, class_=f"words {side}", style=where),
        class_=f"row {kind}",
        data_from=ms(from_s),
        data_to=ms(to_s),
    )


def _legend(language: str, *, control: bool, alerts: bool) -> Html:
    stages = [("acting", "acting"), ("in-effect", "in effect"), ("healing", "healing")]
    keys = [
        *([("withheld", "withheld")] if control else stages),
        ("ok", "good"),
        ("bad", "bad"),
        ("blind", "blind"),
        ("gap", "not looked"),
        *([("pending", "pending"), ("firing", "firing")] if alerts else []),
        ("bounds", "bounds"),
        ("due", "due"),
        ("never", "never came"),
    ]
    return el(
        "p",
        *(el("span", el("i", class_=kind, aria_hidden="true"), say(word, language)) for kind, word in keys),
        class_="legend",
    )
