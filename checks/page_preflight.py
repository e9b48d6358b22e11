"""Whom the page of an expected alert would reach, and how late, by its rule and the routes as they are set up. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

from checks.alert_wish import Wish
from checks.check import Foreseen
from checks.evidence import Evidence
from checks.foreseen import Grade, choice, foreseen, latest, lines, pairs
from checks.page_delay import PageDelay, page_delay
from checks.page_routes import Labels, Way, ways
from checks.units import show_duration

_NOISE = 1e-9
"""Of a division."""


def foresee_page(wish: Wish, rule: Mapping[str, Any] | None, labels: Labels, evidence: Evidence) -> Iterator[Foreseen]:
    """All that can be said of the way from a rule, if one is known, to whoever is to be reached."""
    page = _Page(wish, rule, labels, evidence)
    told = latest(evidence, "alerting.routes")
    receivers = [name for event in told for name in event.data.get("receivers") or ()]
    if not told:
        yield from page.when(({"receiver": wish.reaches or "anybody"},))
    elif receivers and wish.reaches not in (None, *receivers) and not any(event.data.get("cut") for event in told):
        yield page.nobody(str(wish.reaches), receivers)
    else:
        taken = [way for event in told for way in ways(event.data["routes"], labels)]
        mine = [way for way in taken if wish.reaches in (None, way.receiver)]
        sure = [way for way in mine if not way.asks]
        if not sure:
            yield page.astray(taken, mine)
        yield from page.when([way.route for way in sure or mine])


@dataclass(frozen=True, slots=True)
class _Page:
    wish: Wish
    rule: Mapping[str, Any] | None
    labels: Labels
    evidence: Evidence

    def _seen(self, grade: Grade, pattern: str, cure: str = "", /, **about: Any) -> Foreseen:
        alert = str(self.rule["alert"]) if self.rule else self.wish.name_
        return foreseen(grade, pattern, cure, **{"alert": alert, "proof": self._settings, **about})

    @property
    def _settings(self) -> tuple[int, ...]:
        """The lines that tell of the rule and of routes."""
        return (*((self.rule["line"],) if self.rule else ()), *lines(self.evidence, "alerting.routes"))

    # --- to whom

    def nobody(self, wanted: str, receivers: Sequence[str]) -> Foreseen:
        """That nobody is called so."""
        cure, known = choice(wanted, receivers)
        return self._seen("wrong", "no receiver is called {receiver}", cure, receiver=wanted, **known)

    def astray(self, taken: Sequence[Way], mine: Sequence[Way]) -> Foreseen:
        """That it goes to others, or may."""
        about = {"receiver": self.wish.reaches or "anybody"}
        if mine:
            asks = ", ".join(sorted({name for way in mine for name in way.asks}))
            return self._seen("doubtful", "{alert} reaches {receiver} or others, depending on {labels}", "let the rule set "
                              "these labels, or say by `labels` which ones are meant", labels=asks, **about)  # fmt: skip
        others = ", ".join(dict.fromkeys(f"{way.receiver} ({_path(way.route)})" for way in taken))
        sure = not (self.rule and self.rule.get("relabelled"))
        return self._seen("wrong" if sure else "doubtful", "{alert} goes to {receivers} and not to {receiver}",
                          "give {receiver} a route that its labels match, or expect it elsewhere",
                          receivers=others, **about)  # fmt: skip

    # --- when

    def when(self, routes: Sequence[Mapping[str, Any]]) -> Iterator[Foreseen]:
        """The time it takes at worst, by the fastest of these routes, and what else they do."""
        if self.rule and routes:
            delays = [(page_delay(self.rule, route), route) for route in routes]
            delay, route = min(delays, key=lambda one: inf if one[0].worst_s is None else one[0].worst_s)
            living = self._living(route)
            yield self._in_time(delay, living is not None)
            if living:
                yield from self._in_turn(delay, *living)
            yield from self._over(self.rule, delay)
        yield from self._unheard(routes)
        for route in routes:
            if times := (*(route.get("mute") or ()), *(f"not {one}" for one in route.get("active") or ())):
                yield self._seen("doubtful", "{receiver} is told nothing at some times ({times})", "see that the drill is "
                                 "run at another time", receiver=route["receiver"], times=", ".join(times))  # fmt: skip

    def _unheard(self, routes: Sequence[Mapping[str, Any]]) -> Iterator[Foreseen]:
        """That a sink listens, and no webhook leads from these receivers to any."""
        told = [
            event.data["send_resolved"]
            for event in latest(self.evidence, "alerting.routes")
            if "send_resolved" in event.data
        ]
        hooks = {name for one in told for name in one}
        listens = any(event.data.get("kind") == "sink" for event in self.evidence.of("observer.opened"))
        if told and listens and routes and not hooks & {one["receiver"] for one in routes}:
            yield self._seen("doubtful", "{receiver} has no webhook, so no sink hears of its pages", "give it one that leads "
                             "to the sink", receiver=", ".join(dict.fromkeys(one["receiver"] for one in routes)))  # fmt: skip

    def _in_time(self, delay: PageDelay, living: bool) -> Foreseen:
        within_s = self.wish.within.total_seconds()
        about = {**delay.arithmetic.values, "limit": show_duration(within_s)}
        if delay.worst_s is not None:
            about["worst"] = show_duration(delay.worst_s, beside=within_s)
        waiting_s = delay.for_s if delay.waiting_s is None else delay.waiting_s
        grouping_s = 0.0 if living else delay.group_wait_s or 0.0
        if within_s < (least_s := waiting_s + grouping_s):
            return self._seen("wrong", "{alert} cannot reach {receiver} before for {waiting} + grouping {grouping} = {least}; "
                              "limit {limit}", "shorten `for` or `group_wait`, or allow more than {least}",
                              **{**about, "waiting": show_duration(waiting_s), "grouping": show_duration(grouping_s),
                                 "least": show_duration(least_s, beside=waiting_s), "receiver": delay.receiver})  # fmt: skip
        pattern = delay.arithmetic.pattern
        if delay.worst_s is None:
            return self._seen("unknown", pattern, "let Prometheus and Alertmanager be observed", **about)
        if delay.worst_s > within_s:
            return self._seen("doubtful", f"{pattern}; limit {{limit}}", "shorten `for`, `group_wait` or the intervals, or "
                              "allow {worst}", **about)  # fmt: skip
        return self._seen("fine", f"{pattern}; limit {{limit}}", **about)

    def _living(self, route: Mapping[str, Any]) -> tuple[Mapping[str, Any], int] | None:
        """A group of this route that holds alerts already and would take this one in, and where that is told."""
        for event in latest(self.evidence, "alerting.groups"):
            for group in event.data["groups"]:
                mine = group["receiver"] == route.get("receiver")
                if mine and self.labels.same(group["labels"], route.get("group_by") or ()) is not False:
                    return group, event.seq
        return None

    def _in_turn(self, delay: PageDelay, group: Mapping[str, Any], line: int) -> Iterator[Foreseen]:
        """That it would wait for the group's next turn, and perhaps for too long."""
        limit_s, worst_s = self.wish.within.total_seconds(), delay.worst_in_group_s
        if worst_s is not None and worst_s > limit_s:
            yield self._seen("doubtful", "{receiver} was told of the group of {alert} already ({group}), whose next turn may be "
                             "{interval} away, so it may take {worst}; limit {limit}",
                             "wait {interval} after that group is over, or group by a label that tells the two apart",
                             receiver=delay.receiver, group=pairs(group["labels"], group["labels"]) or "all alerts",
                             interval=show_duration(delay.group_interval_s or 0.0), worst=show_duration(worst_s, beside=limit_s),
                             limit=show_duration(limit_s), proof=(*self._settings, line))  # fmt: skip

    def _over(self, rule: Mapping[str, Any], delay: PageDelay) -> Iterator[Foreseen]:
        """Whether its end is told, and in time."""
        if self.wish.resolves_within is None:
            return
        limit_s = self.wish.resolves_within.total_seconds()
        about = {"receiver": delay.receiver, "limit": show_duration(limit_s)}
        hooks = [event.data.get("send_resolved") or {} for event in latest(self.evidence, "alerting.routes")]
        if False in [one.get(delay.receiver) for one in hooks]:
            yield self._seen("wrong", "{receiver} is never told that {alert} is over", "let its webhook have "
                             "`send_resolved: true`, or expect no end", **about)  # fmt: skip
        keep_s = float(rule.get("keep_firing_for_s") or 0.0)
        if keep_s > limit_s:
            yield self._seen("wrong", "{alert} cannot be over before keep_firing_for {keeping}; limit {limit}",
                             "shorten `keep_firing_for`, or allow more", keeping=show_duration(keep_s), **about)  # fmt: skip
        elif delay.evaluation_s and delay.scrape_s is not None and delay.group_interval_s is not None:
            steps_s = ceil(keep_s / delay.evaluation_s - _NOISE) * delay.evaluation_s
            worst_s = delay.scrape_s + delay.evaluation_s + steps_s + delay.group_interval_s
            if worst_s > limit_s:
                figures = {"scrape": delay.scrape_s, "evaluation": delay.evaluation_s, "keeping": steps_s,
                           "interval": delay.group_interval_s}  # fmt: skip
                yield self._seen("doubtful", "{receiver} is told that {alert} is over at worst after scrape {scrape} + "
                                 "evaluation {evaluation} + keep_firing_for {keeping} + group_interval {interval} = {worst}; "
                                 "limit {limit}", "shorten these, or allow {worst}", **about,
                                 worst=show_duration(worst_s, beside=limit_s),
                                 **{name: show_duration(value) for name, value in figures.items()})  # fmt: skip


def _path(route: Mapping[str, Any]) -> str:
    """How a route is told from others."""
    return ", ".join(route.get("matchers") or ()) or "by default"
