"""Draws what became of workloads and nodes of a cluster: a lane each from the fault until it was ready again, and a table."""

from collections.abc import Iterable
from itertools import pairwise

from checks.rescheduling import Rescheduling
from reports.axis import between, place
from reports.evidence_table import known_lines
from reports.language import phrase, say
from reports.markup import Html, el, join
from reports.pieces import Line, cards
from reports.report import Report
from reports.timeline import Timeline
from reports.wording import kept_together, moment, utc
from reports.workloads import COLUMNS, SAID_MAX, SHOWN_MAX, TITLES, gravest, named, not_again, step_words, steps_words

_DRAWN = {"not_ready": "not-ready", "evicted": "part-0", "rescheduled": "part-1"}
"""What the time from each step to the next is drawn as."""
_SEEN_S = 0.001
_LATE = 0.7
"""From this share of the width on, words stand before their moment."""


def workload_lanes(timeline: Timeline, report: Report, language: str) -> list[Html]:
    """One lane each, the gravest first; nothing without any."""
    listed = gravest(report)
    lanes = [_lane(n, one, timeline, report, language) for n, one in enumerate(listed[:SAID_MAX])]
    more = len(listed) - SAID_MAX
    if more > 0:
        said = el("span", el("a", phrase("and {n} more", language, n=more), href=f"#workload-{SAID_MAX}"))
        lanes.append(el("div", el("div", said, class_="label"), el("div", class_="track"), class_="lane states"))
    return lanes


def workload_table(report: Report, language: str) -> Html:
    """Each step with its bounds and the line that shows it."""
    listed = gravest(report)
    if not listed:
        return Html("")
    known = known_lines(report)
    kinds = ("", "", "num", "num", "num", "num")
    columns = dict(zip(COLUMNS, kinds, strict=False))  # the lines are linked from each step
    lines = [Line(id=f"workload-{n}", kind="missing" if one.why_not else "", cells=_cells(one, report, known, language))
             for n, one in enumerate(listed[:SHOWN_MAX])]  # fmt: skip
    table = cards("Workloads and nodes after the fault", columns, [lines], language, class_="steps workloads")
    more = len(listed) - SHOWN_MAX
    return join(table, *([el("p", phrase("and {n} more", language, n=more), class_="soft")] if more > 0 else []))


def _lane(n: int, one: Rescheduling, timeline: Timeline, report: Report, language: str) -> Html:
    name, told = named(one, report), steps_words(one, language)
    link = el("a", phrase("after {fault}", language, fault=one.fault), href=f"#workload-{n}")
    parts = [*_parts(one, timeline, report, language), *_bounds(one, timeline)]
    end = el("div", _end(one, timeline, report, language), class_="ticks")
    drawn = el("div", el("div", *parts, class_="strip"), end, role="img", aria_label=f"{name}: {told}")
    return el("div", el("div", el("b", name), el("span", link), class_="label"), el("div", drawn, class_="track"),
              class_="lane states")  # fmt: skip


def _parts(one: Rescheduling, timeline: Timeline, report: Report, language: str) -> Iterable[Html]:
    """From each step to the next that came; the last to the end, where it was not ready again."""
    end_s = _end_s(one, timeline)
    times = [(one.since_s + took.value, step) for step, took in one.after.items() if step != "ready"]
    drawn = sorted(time for time in times if time[0] <= end_s)
    for (from_s, step), (to_s, _) in pairwise([*drawn, (end_s, "")]):
        word = say(TITLES[step], language)
        title = f"{word}: {between(from_s, to_s, report)}"
        yield el("span", el("span", word), title=title, class_=_DRAWN[step],
                 **place(from_s, to_s, timeline.to_s))  # fmt: skip


def _bounds(one: Rescheduling, timeline: Timeline) -> Iterable[Html]:
    """Within which each step really came; drawn where they are apart."""
    for took in one.after.values():
        if took.high - took.low >= _SEEN_S:
            yield el("i", class_="bounds", aria_hidden="true",
                     **place(one.since_s + took.low, one.since_s + took.high, timeline.to_s))  # fmt: skip


def _end(one: Rescheduling, timeline: Timeline, report: Report, language: str) -> Html:
    at_s = min(_end_s(one, timeline), timeline.to_s)
    word = say(TITLES["ready"], language) if "ready" in one.after else not_again(one, language)
    late = " late" if at_s > _LATE * timeline.to_s else ""
    kind = ("delivered" if "ready" in one.after else "forbidden") + late
    title = f"{word}: {at_s:.3f} s ({utc(report, at_s)} UTC)"
    return el("span", el("span", kept_together(word)), title=title, class_=kind, **place(at_s, at_s, timeline.to_s))


def _end_s(one: Rescheduling, timeline: Timeline) -> float:
    """When it was ready again, or until when it was known not to be."""
    ready = one.after.get("ready")
    if ready is not None:
        return one.since_s + ready.value
    return timeline.to_s if one.unready_s is None else one.since_s + one.unready_s


def _cells(one: Rescheduling, report: Report, known: set[int], language: str) -> list[str]:
    where = [el("p", one.namespace, class_="soft")] if one.namespace else []
    return [join(el("b", one.object), *where), one.fault, *(_step(one, step, known, language) for step in TITLES)]


def _step(one: Rescheduling, step: str, known: set[int], language: str) -> Html:
    """How long after the fault, with its bounds as moments of the run; a link to the line that shows it."""
    said = kept_together(step_words(one, step, language))
    took = one.after.get(step)
    if took is None:
        return el("span", said, class_="soft")
    line = one.lines.get(step)
    shown = el("a", said, href=f"#line-{line}") if line in known else el("span", said)
    low_s, high_s = one.since_s + took.low, one.since_s + took.high
    at = moment(high_s) if high_s - low_s < _SEEN_S else f"{low_s:.3f} – {high_s:.3f} s"
    return join(shown, el("p", at, class_="soft"))
