"""How long a page may take at worst, from a rule and a route alone. Pure, and needs no fault.

A fault is seen by the next scrape, noticed by the next evaluation after it, has to last for `for` in whole steps of the
evaluation, and then waits for its group. So with a scrape and an evaluation every minute, `for: 5m` and a group wait of
30 s, a page may be 7.5 minutes late with everything working as it was set up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from checks.check import Sentence
from checks.units import show_duration

_NOISE = 1e-9
"""Of a division; without it 0.6 s in steps of 0.2 s would be four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDelay:
    """The worst case of one alert on its way to one receiver, and what it is made of. None is not known."""

    alert: str
    receiver: str
    scrape_s: float | None
    evaluation_s: float | None
    for_s: float
    group_wait_s: float | None
    group_interval_s: float | None

    @property
    def waiting_s(self) -> float | None:
        """What `for` comes to: it is over only at an evaluation."""
        if not self.evaluation_s:
            return None if self.for_s else 0.0
        return round(ceil(self.for_s / self.evaluation_s - _NOISE) * self.evaluation_s, 6)

    @property
    def worst_s(self) -> float | None:
        """The longest from the fault to the page while all that is on the way works."""
        return _sum(self.scrape_s, self.evaluation_s, self.waiting_s, self.group_wait_s)

    @property
    def worst_in_group_s(self) -> float | None:
        """The same where other alerts of its group have been told before: then it waits for the group's next turn."""
        turn_s = None if None in (self.group_wait_s, self.group_interval_s) else max(self.group_wait_s or 0.0,
                                                                                    self.group_interval_s or 0.0)  # fmt: skip
        return _sum(self.scrape_s, self.evaluation_s, self.waiting_s, turn_s)

    @property
    def arithmetic(self) -> Sentence:
        """How the worst case comes about."""
        about = {"alert": self.alert, "receiver": self.receiver}
        named = {
            "scrape interval": self.scrape_s,
            "evaluation interval": self.evaluation_s,
            "group_wait": self.group_wait_s,
        }
        if self.worst_s is None:
            lacking = ", ".join(name for name, value in named.items() if value is None)
            return Sentence.of(
                "nobody can say when {alert} reaches {receiver}: {lacking} not known", lacking=lacking, **about
            )
        figures = {"scrape": self.scrape_s, "evaluation": self.evaluation_s, "waiting": self.waiting_s,
                   "grouping": self.group_wait_s, "worst": self.worst_s}  # fmt: skip
        shown = {name: show_duration(value or 0.0) for name, value in figures.items()}
        return Sentence.of("{alert} reaches {receiver} at worst after scrape {scrape} + evaluation {evaluation} + for {waiting}"
                           " + grouping {grouping} = {worst}", **about, **shown)  # fmt: skip


def page_delay(rule: Mapping[str, Any], route: Mapping[str, Any]) -> PageDelay:
    """The worst case of an alert of this rule on this route; of an empty one nothing is known."""
    return PageDelay(
        alert=rule["alert"], receiver=str(route.get("receiver") or "?"), scrape_s=rule.get("scrape_s"),
        evaluation_s=rule.get("evaluation_s"), for_s=float(rule.get("for_s") or 0.0),
        group_wait_s=route.get("group_wait_s"), group_interval_s=route.get("group_interval_s"),
    )  # fmt: skip


def timed(rule: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """A rule with `scrape_s` and `evaluation_s`, the latter of its group where that has one of its own."""
    evaluation_s = rule.get("interval_s") or told.get("evaluation_s")
    return {**rule, "scrape_s": told.get("scrape_s"), "evaluation_s": evaluation_s}


def labels_of(rule: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels that each alert of a rule has: those that are no templates, and its name."""
    fixed = {name: value for name, value in (rule.get("labels") or {}).items() if "{{" not in value}
    return {**fixed, "alertname": rule["alert"]}


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return round(sum(known), 6) if len(known) == len(parts) else None
