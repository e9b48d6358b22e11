"""An alert of our own that takes the way of an expected one, to see before a drill that pages arrive. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.alert_preflight import rules_for
from checks.alert_wish import Wish
from checks.check import Foreseen
from checks.evidence import Event, Evidence
from checks.foreseen import foreseen, latest
from checks.page_routes import Labels, labels_before, ways

NAME = "ChaosDrillsCanary"
"""How its name begins, wherever the routes lead an alert of its own name to the same receiver. The mark follows, so that
no group of an earlier one is still there for it to wait in."""
MARK = "chaos_drills_canary"
"""A label of its own, whose value tells one canary from another."""
_PATIENCE_S = 10.0
"""For sending, and for Alertmanager to try again."""
_SAYS = "A test of the way that pages take, sent by drills doctor. Nothing is broken, and nobody need act."
ANNOTATIONS: Mapping[str, str] = {"summary": _SAYS, "description": _SAYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One that is to be sent."""

    alert: str
    """The alert whose way it takes."""
    observer: str
    """The Alertmanager that is to route it."""
    labels: Mapping[str, str]
    receiver: str
    alone: bool
    """Whether it has a group of its own, so that no real page has to wait for it."""
    way: frozenset[tuple[str, str]]
    """Two canaries for which this is the same go the same way, and one of them shows as much as both."""
    group_interval_s: float
    within_s: float
    """It must have been delivered by then."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.labels["alertname"]


def canary(wish: Wish, evidence: Evidence, mark: str) -> Canary | Foreseen:
    """The canary for a wish that names its receiver, or why there can be none.

    It has a name of its own where that leads it by the very route of the true one, and else the true one's.
    """
    rule = next(iter(rules_for(wish, evidence)), None)
    true = {**labels_before(wish.name_, wish.wanted, rule).known, MARK: mark}
    own = {**true, "alertname": NAME + mark}
    true.setdefault("alertname", own["alertname"])
    for told in latest(evidence, "alerting.routes"):
        mine = _routes(wish, told, true)
        for labels, routes in ((own, _routes(wish, told, own)), (true, mine)):
            if same := [route for route in routes if route in mine]:
                return _canary(wish, told.data["observer"], labels, same[0], evidence)
    return foreseen("unknown", "no canary of {alert} can be led to {receiver}", "mend the route first, or let Alertmanager "
                    "be observed", alert=wish.name_, receiver=wish.reaches)  # fmt: skip


def _routes(wish: Wish, told: Event, labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The routes to the receiver that an alert with these labels takes."""
    return [way.route for way in ways(told.data["routes"], Labels(labels, whole=True)) if way.receiver == wish.reaches]


def _canary(
    wish: Wish, observer: str, labels: Mapping[str, str], route: Mapping[str, Any], evidence: Evidence
) -> Canary:
    by = list(route.get("group_by") or ())
    own = {MARK, "alertname"} if labels["alertname"].startswith(NAME) else {MARK}
    alone = bool({"...", *own} & {*by})
    group_s, wait_s = float(route.get("group_interval_s") or 0.0), float(route.get("group_wait_s") or 0.0)
    groups = [group for told in latest(evidence, "alerting.groups") for group in told.data["groups"]]
    known = Labels(labels, whole=True)
    lives = any(one["receiver"] == wish.reaches and known.same(one["labels"], by) for one in groups)
    tells = {(name, value) for name, value in labels.items() if (name not in own if alone else name in by)}
    return Canary(alert=wish.name_, observer=observer, labels=labels, receiver=str(wish.reaches), alone=alone,
                  way=frozenset({*tells, ("", str(wish.reaches))}), group_interval_s=group_s,
                  within_s=_PATIENCE_S + wait_s + (group_s if lives else 0.0))  # fmt: skip
