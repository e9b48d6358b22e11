"""Where the time of a page went: scraping, evaluating, `for`, grouping, delivering; each with its knobs as they are set.

The three moments in Prometheus are by one clock, so what lies between them is exact whatever that clock is worth; before
the first and after the last of them it counts how well it is known. What nobody saw apart is told together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checks.alerting import Episode
from checks.check import Measured, Part
from checks.clocks import Instant
from checks.page_routes import Labels, ways

_LATE_S = 1.0
"""So much longer than its `group_wait` a new group may take before it must have been an old one."""
_KEYS = {
    "scrape": "scrape", "evaluation": "evaluation", "for": "waiting", "grouping": "grouping", "delivery": "delivery",
    "scrape and evaluation": "sensing", "scrape, evaluation and for": "noticing", "grouping and delivery": "sending",
}  # fmt: skip
"""What each part is called among a sentence's values, and among the measured figures."""


def figures(parts: Sequence[Part]) -> Mapping[str, Measured]:
    """The parts, and the settings of their knobs."""
    took = {f"{_KEYS[one.name]}_s": one.took for one in parts}
    settings = {name: value for one in parts for name, value in one.knobs.items()}
    return took | {f"set_{name}_s": Measured.between(value, value) for name, value in settings.items()}


def clause(parts: Sequence[Part]) -> tuple[str, Mapping[str, str]]:
    """What tells them in a sentence, and its values: `  (scrape 1.0, evaluation 2.1, …)`; empty without any."""
    pattern = ", ".join(f"{one.name} {{{_KEYS[one.name]}}}" for one in parts)
    return f"  ({pattern})" if parts else "", {_KEYS[one.name]: f"{one.took.value:.1f}" for one in parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """What is known of an alert's way until it fired: by whom it was seen, and when."""

    firing: Instant
    waited_s: float | None
    """How long it was pending before; None when nobody saw that."""
    evaluation_s: float | None
    """How long after the scrape that showed it an evaluation first found it; None when nobody knows."""
    scrape_s: float | None = None
    """How often its target is scraped, where it is known which that is."""


def noticed(episode: Episode | None, starts: Instant | None, rule: Mapping[str, Any] | None) -> Noticed | None:
    """From what Prometheus told, or else from when the page says that it began; None when neither says."""
    firing = episode.firing if episode else starts
    if firing is None or firing.low_s == float("-inf"):
        return None
    waited_s = 0.0 if rule and not rule.get("for_s") else None
    if episode is None or episode.firing_unix is None:
        return Noticed(firing=firing, waited_s=waited_s, evaluation_s=None)
    if waited_s is None and episode.pending_unix is not None:
        waited_s = episode.firing_unix - episode.pending_unix
    evaluation_s = None
    if waited_s is not None and episode.sensed_unix is not None:
        evaluation_s = episode.firing_unix - waited_s - episode.sensed_unix
    return Noticed(firing=firing, waited_s=waited_s, evaluation_s=evaluation_s, scrape_s=episode.scrape_s)


def parts(*, fault: Instant, noticed: Noticed, first_s: float, page_s: float, rule: Mapping[str, Any] | None,
          routes: Sequence[Mapping[str, Any]], labels: Mapping[str, str], receiver: str) -> tuple[Part, ...]:  # fmt: skip
    """The parts of the time from the fault until the page was taken at `page_s`, one after the other.

    `first_s` is when the first attempt to deliver it began.
    """
    group = _group(routes, labels, receiver)
    # Whatever their clock is worth, it fired before it was sent.
    firing = Instant(min(noticed.firing.low_s, first_s), min(noticed.firing.high_s, first_s))
    seen = replace(noticed, firing=firing)
    return (*_noticing(fault, seen, rule or {}), *_sending(firing, first_s, page_s, group))


def _noticing(fault: Instant, seen: Noticed, rule: Mapping[str, Any]) -> Iterator[Part]:
    scraping = {"scrape_interval": seen.scrape_s or rule.get("scrape_s")}
    evaluating, waiting = {"evaluation_interval": rule.get("evaluation_s")}, {"for": rule.get("for_s")}
    if seen.waited_s is None:
        took = _between(fault, seen.firing)
        yield Part(name="scrape, evaluation and for", took=took, knobs=_known(scraping | evaluating | waiting))
        return
    active = _earlier(seen.firing, seen.waited_s)
    if seen.evaluation_s is None:
        yield Part(name="scrape and evaluation", took=_between(fault, active), knobs=_known(scraping | evaluating))
    else:
        scraped = _earlier(active, seen.evaluation_s)
        yield Part(name="scrape", took=_between(fault, scraped), knobs=_known(scraping))
        # The scrape may have begun before the fault, and then hung: no part of the page's time lies before the fault.
        since = _between(fault, active)
        took = Measured.between(min(seen.evaluation_s, since.low), min(seen.evaluation_s, since.high))
        yield Part(name="evaluation", took=took, knobs=_known(evaluating))
    yield Part(name="for", took=Measured.between(seen.waited_s, seen.waited_s), knobs=_known(waiting))


def _sending(firing: Instant, first_s: float, page_s: float, group: Mapping[str, Any]) -> Iterator[Part]:
    grouped = _between(firing, Instant(first_s, first_s))
    knobs = _known({name: group.get(f"{name}_s") for name in ("group_wait", "group_interval")})
    if grouped.low > knobs.get("group_wait", grouped.low) + _LATE_S:
        knobs = dict(
            sorted(knobs.items())
        )  # `group_interval` first: it waited for the next turn of a group that was there
    if page_s <= first_s:
        yield Part(name="grouping and delivery", took=grouped, knobs=knobs)
        return
    yield Part(name="grouping", took=grouped, knobs=knobs)
    yield Part(name="delivery", took=Measured.between(page_s - first_s, page_s - first_s))


def _group(routes: Sequence[Mapping[str, Any]], labels: Mapping[str, str], receiver: str) -> Mapping[str, Any]:
    """The route by which the page came; nothing when none is known to lead to that receiver."""
    taken = (way.route for tree in routes for way in ways(tree, Labels(labels, whole=True)) if way.receiver == receiver)
    return next(taken, {})


def _earlier(moment: Instant, by_s: float) -> Instant:
    return Instant(moment.low_s - by_s, moment.high_s - by_s)


def _between(earlier: Instant, later: Instant) -> Measured:
    return Measured.between(max(0.0, later.low_s - earlier.high_s), max(0.0, later.high_s - earlier.low_s))


def _known(knobs: Mapping[str, float | None]) -> Mapping[str, float]:
    return {name: float(value) for name, value in knobs.items() if value is not None}
