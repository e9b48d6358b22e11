"""How long a page may take at worst, and to whom it goes, from rules and routes alone. Pure, and needs no fault.

A fault is seen by the next scrape, noticed by the next evaluation after it, has to last for `for` in whole steps of the
evaluation, and then waits for its group. So with a scrape and an evaluation every minute, `for: 5m` and a group wait of
30 s, a page may be 7.5 minutes late with everything working as it was set up.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from checks.check import Sentence
from checks.units import show_duration

_MATCHER = re.compile(r"""\s*"?([^"=!~]+?)"?\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|.*?)\s*""", re.DOTALL)
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
    mute: tuple[str, ...] = ()
    """Times at which the route sends nothing."""
    active: tuple[str, ...] = ()
    """Times outside of which it sends nothing; without any, it always does."""

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

    def keeps(self, within_s: float) -> bool | None:
        """Whether even the worst case is within this limit; None when it cannot be said."""
        return None if self.worst_s is None else self.worst_s <= within_s


def page_delays(
    rule: Mapping[str, Any], routes: Mapping[str, Any] | None, labels: Mapping[str, str]
) -> tuple[PageDelay, ...]:
    """The worst case for each route that an alert of this rule with these labels takes, in the order of the routes.

    `rule` is one of `alerting.rules` as `rule_in` gives it; labels that a rule makes of its series must be among
    `labels`, or no route can be said to match them. Without routes there is one case, of which the group is not known.
    """
    known = {**labels_of(rule), **labels}
    taken: Sequence[Mapping[str, Any]] = routes_of(routes, known) if routes else ({},)
    return tuple(
        PageDelay(
            alert=rule["alert"], receiver=str(route.get("receiver") or "?"), scrape_s=rule.get("scrape_s"),
            evaluation_s=rule.get("evaluation_s"), for_s=float(rule.get("for_s") or 0.0),
            group_wait_s=route.get("group_wait_s"), group_interval_s=route.get("group_interval_s"),
            mute=tuple(route.get("mute") or ()), active=tuple(route.get("active") or ()),
        )
        for route in taken
    )  # fmt: skip


def rule_in(told: Mapping[str, Any], alert: str) -> Mapping[str, Any] | None:
    """The first rule of this name in the data of `alerting.rules`, with the intervals that count for it."""
    for rule in told["rules"]:
        if rule["alert"] == alert:
            return timed(rule, told)
    return None


def timed(rule: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """A rule with `scrape_s` and `evaluation_s`, the latter of its group where that has one of its own."""
    evaluation_s = rule.get("interval_s") or told.get("evaluation_s")
    return {**rule, "scrape_s": told.get("scrape_s"), "evaluation_s": evaluation_s}


def labels_of(rule: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels that each alert of a rule has: those that are no templates, and its name."""
    fixed = {name: value for name, value in (rule.get("labels") or {}).items() if "{{" not in value}
    return {**fixed, "alertname": rule["alert"]}


def routes_of(tree: Mapping[str, Any], labels: Mapping[str, str]) -> tuple[Mapping[str, Any], ...]:
    """The routes that an alert with these labels takes, as Alertmanager chooses them.

    The first child that matches takes it, and with `continue` the ones after it may too; where none does, it is the
    route's own. What the root says is matched by everything.
    """
    found: list[Mapping[str, Any]] = []
    for child in tree.get("routes") or ():
        if all(matches(one, labels) for one in child.get("matchers") or ()):
            found.extend(routes_of(child, labels))
            if not child.get("continue"):
                break
    return tuple(found) or (tree,)


def matches(matcher: str | Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    r"""Whether labels satisfy a matcher, `severity=~"page|ticket"` or as the API writes it. One that is not there is empty.

    Raises ValueError for a text that is no matcher.
    """
    if isinstance(matcher, str):
        read = _MATCHER.fullmatch(matcher)
        if read is None:
            raise ValueError(f"`{matcher}` is no matcher")
        name, sign, value = read[1], read[2], _unquoted(read[3])
    else:
        name, value = matcher["name"], matcher["value"]
        sign = ("=" if matcher.get("isEqual", True) else "!") + ("~" if matcher.get("isRegex") else "=")
        sign = {"==": "=", "=~": "=~", "!=": "!=", "!~": "!~"}[sign]
    text = labels.get(name, "")
    same = re.fullmatch(value, text) is not None if sign.endswith("~") else text == value
    return same is not sign.startswith("!")


def _unquoted(value: str) -> str:
    if len(value) < 2 or value[0] != '"':
        return value
    return re.sub(r"\\(.)", lambda one: "\n" if one[1] == "n" else one[1] if one[1] in '"\\' else one[0], value[1:-1])


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return round(sum(known), 6) if len(known) == len(parts) else None
