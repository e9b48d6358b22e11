"""Where the time of a page went: scraping, evaluating, `for`, grouping, delivering; each with its knobs as they are set.

What nobody saw apart is told together. Of the scrape that first showed the fault nothing is told, so it is one with the
evaluation after it; and the first attempt to deliver ends the waiting for the group, so these are one when it succeeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checks.alerting import Instant
from checks.check import Measured
from checks.page_delay import routes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a page's way, or several that nobody can tell apart."""

    key: str
    """Its name among a sentence's values, and among the measured figures."""
    pattern: str
    """The clause that tells it, with its value."""
    took: Measured
    knobs: Mapping[str, float] = field(default_factory=dict)
    """What makes it longer or shorter, by name, in seconds as it is set."""

    def figures(self) -> Mapping[str, Measured]:
        """The part, and the settings of its knobs."""
        settings = {f"set_{name}_s": Measured.between(value, value) for name, value in self.knobs.items()}
        return {f"{self.key}_s": self.took, **settings}


def parts(*, fault: Instant, firing: Instant | None, for_s: float | None, first_s: float, page_s: float,
          rule: Mapping[str, Any] | None, routes: Sequence[Mapping[str, Any]], labels: Mapping[str, str],
          receiver: str) -> tuple[Part, ...]:  # fmt: skip
    """The parts of the time from the fault until the page was taken at `page_s`; none when nobody saw it begin to fire.

    `for_s` is how long it was pending, None where that was not seen; `first_s` is when the first attempt came.
    """
    if firing is None or firing.low_s == float("-inf"):
        return ()
    noticing = tuple(_noticing(fault, firing, for_s, rule or {}))
    return (*noticing, *_sending(firing, first_s, page_s, _group(routes, labels, receiver)))


def _noticing(fault: Instant, firing: Instant, for_s: float | None, rule: Mapping[str, Any]) -> Iterator[Part]:
    knobs = {"scrape_interval": rule.get("scrape_s"), "evaluation_interval": rule.get("evaluation_s")}
    waits = {"for": rule.get("for_s")}
    sensed = _between(fault, firing, less_s=for_s or 0.0)
    if for_s is None:
        yield Part(
            key="noticing", pattern="scrape, evaluation and for {noticing}", took=sensed, knobs=_known(knobs | waits)
        )
        return
    yield Part(key="sensing", pattern="scrape and evaluation {sensing}", took=sensed, knobs=_known(knobs))
    yield Part(key="waiting", pattern="for {waiting}", took=Measured.between(for_s, for_s), knobs=_known(waits))


def _sending(firing: Instant, first_s: float, page_s: float, group: Mapping[str, Any]) -> Iterator[Part]:
    knobs = _known({name: group.get(f"{name}_s") for name in ("group_wait", "group_interval")})
    grouped = _between(firing, Instant(first_s, first_s))
    if page_s <= first_s:
        yield Part(key="sending", pattern="grouping and delivery {sending}", took=grouped, knobs=knobs)
        return
    yield Part(key="grouping", pattern="grouping {grouping}", took=grouped, knobs=knobs)
    took = Measured.between(page_s - first_s, page_s - first_s)
    yield Part(key="delivery", pattern="delivery {delivery}", took=took)


def _group(routes: Sequence[Mapping[str, Any]], labels: Mapping[str, str], receiver: str) -> Mapping[str, Any]:
    """The route by which the page came; nothing when none is known to lead to that receiver."""
    taken = (route for tree in routes for route in routes_of(tree, labels))
    return next((route for route in taken if route.get("receiver") == receiver), {})


def _between(earlier: Instant, later: Instant, less_s: float = 0.0) -> Measured:
    low_s, high_s = later.low_s - earlier.high_s - less_s, later.high_s - earlier.low_s - less_s
    return Measured.between(max(0.0, low_s), max(0.0, high_s))


def _known(knobs: Mapping[str, float | None]) -> Mapping[str, float]:
    return {name: float(value) for name, value in knobs.items() if value is not None}
