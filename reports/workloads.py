"""What became of workloads and nodes of a cluster, in words: when each was not ready, evicted, rescheduled, ready again."""

from collections.abc import Mapping, Sequence

from checks import Measured
from checks.rescheduling import Rescheduling
from checks.units import show_duration
from reports.language import phrase, say, translate
from reports.report import Report
from reports.spending import took_words
from reports.wording import proof_words

TITLES: Mapping[str, str] = {
    "not_ready": "not ready",
    "evicted": "evicted",
    "rescheduled": "rescheduled",
    "ready": "ready again",
}
"""What each step is called."""
COLUMNS: Sequence[str] = ("Workload", "Fault", *(title.capitalize() for title in TITLES.values()), "journal lines")
SAID_MAX, SHOWN_MAX = 6, 100
"""How many are said on the end screen and drawn, and how many stand in tables; the JSON has all."""


def gravest(report: Report) -> list[Rescheduling]:
    """Those first that were not ready again, then those that took longest; workloads before nodes."""
    return sorted(report.rescheduled, key=_grave)


def _grave(one: Rescheduling) -> tuple[bool, bool, float]:
    ready = one.after.get("ready")
    return one.object.startswith("node/"), ready is not None, -(ready.value if ready else 0.0)


def named(one: Rescheduling, report: Report) -> str:
    """`deployment/shop`, with its namespace where another one is called so too."""
    namesakes = {other.namespace for other in report.rescheduled if other.object == one.object}
    return f"{one.object} ({one.namespace})" if len(namesakes) > 1 else one.object


def lines(report: Report, language: str) -> list[tuple[str, str]]:
    """The end screen's: its name, and how long after which fault each step came."""
    listed = gravest(report)
    said = [(named(one, report), steps_words(one, language)) for one in listed[:SAID_MAX]]
    more = len(listed) - SAID_MAX
    return [*said, ("", phrase("and {n} more", language, n=more))] if more > 0 else said


def steps_words(one: Rescheduling, language: str) -> str:
    """`not ready 0.4 s · evicted 1.2 s · rescheduled 1.3 s · ready again 3.9 s after pod-lost`."""
    steps = " · ".join(f"{say(TITLES[step], language)} {took_words(took)}" for step, took in one.after.items())
    said = phrase("{steps} after {fault}", language, steps=steps, fault=one.fault)
    return said if one.why_not is None else f"{said} · {not_again(one, language)}"


def not_again(one: Rescheduling, language: str) -> str:
    """Why it was not seen to be ready again, and for how long it was not."""
    if one.why_not is None or one.unready_s is None:
        return ""
    why = translate(one.why_not, language)
    return phrase("{why} (> {time})", language, why=why, time=show_duration(one.unready_s))


def rows(report: Report, language: str) -> list[tuple[str, ...]]:
    """A table's, in these columns."""
    return [_row(one, report, language) for one in gravest(report)[:SHOWN_MAX]]


def _row(one: Rescheduling, report: Report, language: str) -> tuple[str, ...]:
    times = [step_words(one, step, language) for step in TITLES]
    return named(one, report), one.fault, *times, proof_words(one.lines.values(), 4)


def step_words(one: Rescheduling, step: str, language: str) -> str:
    """How long after the fault it came; of one that did not come why, where that is known."""
    took: Measured | None = one.after.get(step)
    if took is not None:
        return took_words(took)
    return not_again(one, language) if step == "ready" else "–" if step in one.steps else ""
