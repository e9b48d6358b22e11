"""What can be said of an expected alert before anything is broken: whether it can fire, whom it would reach, and how soon.

It judges what was told up to now, by those who listen or by the files that alerting is set up by. What nobody told is
not held against anybody: of files nobody expects to know what fires already.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from checks.alert_wish import Wish
from checks.alerting import Alerting, matching
from checks.check import Foreseen
from checks.evidence import Event, Evidence
from checks.foreseen import Grade, choice, foreseen, is_live, latest, lines, pairs, worst
from checks.page_delay import labels_of, timed
from checks.page_preflight import foresee_page
from checks.page_routes import Labels, candidates, labels_before
from checks.units import show_count


def foresee(wishes: Sequence[Wish], evidence: Evidence) -> tuple[Foreseen, ...]:
    """What can be said of those who listen, and then of each alert that is wished for."""
    alerting = evidence.derived(Alerting)
    of_each = [one for wish in wishes for one in foresee_wish(wish, alerting, evidence)]
    return (*_listening(alerting, evidence), *of_each) if wishes else ()


def foresee_wish(wish: Wish, alerting: Alerting, evidence: Evidence) -> tuple[Foreseen, ...]:
    """What can be said of one alert. Where several rules could make it, of the one of which there is least to say."""
    if wish.elsewhere:
        return tuple(_there(wish, alerting))
    fitting = rules_for(wish, evidence)
    rules = [rule for rule in _rules(evidence) if matching(wish.name_, rule["alert"])]
    if not fitting and (missing := _missing(wish, rules, alerting, evidence)):
        return (missing,)
    by: list[Mapping[str, Any] | None] = [*fitting] or [None]
    seen = [tuple(_OfRule(wish, rule, alerting, evidence).foreseen()) for rule in by]
    return (*_there(wish, alerting), *min(seen, key=worst))


def rules_for(wish: Wish, evidence: Evidence) -> list[Mapping[str, Any]]:
    """The rules that may make such an alert."""
    return [rule for rule in _rules(evidence) if matching(wish.name_, rule["alert"]) and not _against(rule, wish)]


# --- those who listen


def _listening(alerting: Alerting, evidence: Evidence) -> Iterator[Foreseen]:
    for listener in alerting.listeners:
        if lost := next((one for one in listener.troubles if one.to_s == inf), None):
            yield foreseen("wrong", "{observer} cannot be heard: {why}", "see that it runs, and that the inventory says where",
                        observer=lost.observer, why=lost.why, proof=(lost.seq,))  # fmt: skip
    if is_live(evidence) and not alerting.has("sink"):
        yield foreseen("doubtful", "no sink listens, so nobody will know whom a page reached",
                    "name a `sink` among the inventory's observers, and lead the receiver there too")  # fmt: skip
    for event in latest(evidence, "alerting.dead_man"):
        about = {"dead_man": event.data["alert"], "proof": (event.seq,)}
        if event.data["alive"]:
            yield foreseen("fine", "{dead_man} is alive", **about)
        elif event.data["alive"] is None:
            yield foreseen("unknown", "{dead_man} was not heard of yet: {why}", "wait a minute or two", why=event.data["why"],
                           **about)  # fmt: skip
        else:
            yield foreseen("wrong", "{dead_man} is not alive: {why}", "see that Prometheus runs, evaluates a rule that always "
                        "fires, and sends to this Alertmanager", why=event.data["why"], **about)  # fmt: skip


# --- the alert itself


def _there(wish: Wish, alerting: Alerting) -> Iterator[Foreseen]:
    """That it is there already, or was in this run, so that its coming would prove nothing."""
    cure = "see to what it tells of, or wait until it is over"
    about = {"alert": wish.name_}
    episodes = [one for one in alerting.episodes if wish.matches(one.alert, one.labels)]
    held = [event for event in alerting.held() if wish.matches(event.data["alert"], event.data["labels"])]
    if now := [one for one in episodes if one.ended is None]:
        pattern = "{alert} fires already, so it would prove nothing"
        if not any(one.firing for one in now):
            pattern = "{alert} is pending already, so it would prove nothing"
        yield foreseen("wrong", pattern, cure, proof=now[0].lines, **about)
    elif held:
        proof = (held[0].seq,)
        yield foreseen(
            "wrong", "Alertmanager holds {alert} already, so it would prove nothing", cure, proof=proof, **about
        )
    elif gone := [one for one in episodes if one.firing]:
        yield foreseen("doubtful", "{alert} has come and gone already, so it may prove nothing",
                    "find out why it fires without the fault; `for` makes it wait", proof=gone[0].lines, **about)  # fmt: skip


def _missing(wish: Wish, rules: Sequence[Mapping[str, Any]], alerting: Alerting, evidence: Evidence) -> Foreseen | None:
    """That no rule would make it; None where nobody told of rules at all, and nobody was asked."""
    about: dict[str, Any] = {"alert": wish.name_, "proof": lines(evidence, "alerting.rules")}
    if rules:
        against = _against(rules[0], wish)
        return foreseen("wrong", "{alert} has {labels}, and not {wanted}", "change the labels of the rule, or of the check",
                     labels=pairs(labels_of(rules[0]), against), wanted=pairs(wish.wanted, against), **about)  # fmt: skip
    if alerting.rules_known and not _lost(alerting, "prometheus"):
        cure, known = choice(wish.name_, (one["alert"] for one in _rules(evidence)))
        return foreseen("wrong", "no rule is called {alert}", cure, **known, **about)
    if evidence.of("alerting.rules"):
        return foreseen("unknown", "no rule is called {alert} among those that are known", "see that all of them can be read",
                     **about)  # fmt: skip
    if is_live(evidence) and not _lost(alerting, "prometheus"):
        return foreseen("unknown", "nobody tells of rules, so nobody can say whether {alert} can fire",
                     "name a `prometheus` among the inventory's observers", **about)  # fmt: skip
    return None


def _against(rule: Mapping[str, Any], wish: Wish) -> list[str]:
    """The labels that a rule sets otherwise than is wished."""
    fixed = labels_of(rule)
    return [name for name, value in wish.wanted.items() if name in fixed and not matching(value, fixed[name])]


@dataclass(frozen=True, slots=True)
class _OfRule:
    """One wish, and the rule that is to fulfil it; None where no rule is known."""

    wish: Wish
    rule: Mapping[str, Any] | None
    alerting: Alerting
    evidence: Evidence

    def foreseen(self) -> Iterator[Foreseen]:
        """All that can be said."""
        if self.rule:
            yield from self._rule(self.rule)
            yield from self._data(self.rule)
            yield from self._says(self.rule)
        yield from self._kept_back()
        yield from foresee_page(self.wish, self.rule, self.labels, self.evidence)

    @property
    def alert(self) -> str:
        """What it is called."""
        return str(self.rule["alert"]) if self.rule else self.wish.name_

    @property
    def labels(self) -> Labels:
        """What is known of its labels."""
        return labels_before(self.wish.name_, self.wish.wanted, self.rule)

    def _seen(self, grade: Grade, pattern: str, cure: str = "", /, **about: Any) -> Foreseen:
        line = (self.rule["line"],) if self.rule else ()
        return foreseen(grade, pattern, cure, **{"alert": self.alert, "proof": line, **about})

    # --- can it fire

    def _rule(self, rule: Mapping[str, Any]) -> Iterator[Foreseen]:
        if rule.get("error") or rule.get("health") == "err":
            yield self._seen("wrong", "the rule of {alert} fails: {why}", "mend its expression",
                             why=rule.get("error") or "?")  # fmt: skip
        elif rule.get("health") == "unknown" and is_live(self.evidence):
            yield self._seen("unknown", "the rule of {alert} was not evaluated yet", "wait for its first evaluation")
        elif rule.get("series"):
            count = show_count(rule["series"])
            yield self._seen("fine", "the rule of {alert} works; it finds {count} series", count=count)
        elif rule.get("health") == "ok":
            yield self._seen("fine", "the rule of {alert} works")

    def _data(self, rule: Mapping[str, Any]) -> Iterator[Foreseen]:
        could = rule.get("could_fire") or {"count": 0, "labels": []}
        wanted = {name: value for name, value in self.wish.wanted.items() if name not in (rule.get("labels") or {})}
        fitting = candidates(rule, self.wish.wanted)
        if rule.get("series") == 0 and "absent" not in str(rule.get("query")):
            yield self._seen("doubtful", "the rule of {alert} finds no series now, so it may never fire",
                             "see that what it watches is scraped and is called so")  # fmt: skip
        elif wanted and could["labels"] and not fitting and could["count"] == len(could["labels"]):
            yield self._seen("doubtful", "nothing that {alert} watches now has {wanted}", "change the labels of the check",
                             wanted=pairs(wanted, wanted))  # fmt: skip
        elif (count := len(fitting) or could["count"]) > 1 and not wanted.keys() & _apart(fitting or could["labels"]):
            yield self._seen("doubtful", "{alert} can fire for {count} series, so its page may be about another one",
                             "say by `labels` which one is meant, or that any is, as {example}", count=show_count(count),
                             example=f"{min(_apart(fitting or could['labels']), default='instance')}: /.*/")  # fmt: skip

    def _says(self, rule: Mapping[str, Any]) -> Iterator[Foreseen]:
        """Whether its annotations say what they should; of a template nobody knows before it is filled in."""
        told = rule.get("annotations") or {}
        for name in dict.fromkeys((*self.wish.annotations, *self.wish.says)):
            if not str(told.get(name, "")).strip():
                yield self._seen("wrong", "the rule of {alert} has no annotation {annotation}", "write it into the rule",
                                 annotation=name)  # fmt: skip
        for name, expression in self.wish.says.items():
            text = str(told.get(name, ""))
            if text.strip() and "{{" not in text and not re.search(expression, text) and not rule.get("cut"):
                yield self._seen("wrong", "the annotation {annotation} of {alert} does not say {expression}",
                                 "write it into the rule", annotation=name, expression=expression)  # fmt: skip

    # --- is it kept back

    def _kept_back(self) -> Iterator[Foreseen]:
        labels = self.labels
        for event in latest(self.evidence, "silence.changed", "id"):
            fits = event.data["state"] == "active" and labels.fits(event.data["matchers"])
            if fits is not False:
                pattern = "{alert} is silenced until {until}: {by}"
                if fits is None:
                    pattern = "{alert} may be silenced until {until}, depending on its labels: {by}"
                yield self._seen("wrong" if fits else "doubtful", pattern, "end that silence, or make it narrower",
                                 until=_utc(event.data["ends_unix"]), by=self.alerting.silence(event.data["id"]),
                                 proof=(event.seq,))  # fmt: skip
        firing = [one for one in self.alerting.held() if not self.wish.matches(one.data["alert"], one.data["labels"])]
        for told in latest(self.evidence, "alerting.routes"):
            rules = told.data.get("inhibit") or ()
            if inhibiting := [one for rule in rules for one in firing if _inhibits(rule, one, labels)]:
                yield self._seen("doubtful", "{alert} would be inhibited by {other}, which fires now",
                                 "wait until that one is over", other=inhibiting[0].data["alert"],
                                 proof=(told.seq, inhibiting[0].seq))  # fmt: skip


# --- what was told


def _rules(evidence: Evidence) -> Iterator[Mapping[str, Any]]:
    """All rules, each with what holds for all of its Prometheus, and the line that tells it."""
    for event in latest(evidence, "alerting.rules"):
        common = {name: event.data.get(name) for name in ("external_labels", "relabelled", "cut")}
        for rule in event.data["rules"]:
            yield {**timed(rule, event.data), **common, "line": event.seq}


def _lost(alerting: Alerting, role: str) -> bool:
    return any(role in one.roles and any(trouble.to_s == inf for trouble in one.troubles) for one in alerting.listeners)


def _inhibits(rule: Mapping[str, Any], other: Event, labels: Labels) -> bool:
    theirs = Labels(other.data["labels"], whole=True)
    mine = [(labels.get(name), theirs.get(name)) for name in rule.get("equal") or ()]
    differ = any(value is not None and value != their for value, their in mine)
    return theirs.fits(rule["source"]) is True and labels.fits(rule["target"]) is not False and not differ


def _apart(series: Sequence[Mapping[str, str]]) -> set[str]:
    """The labels in which these differ."""
    return {name for one in series for name in one if any(other.get(name) != one[name] for other in series)}


def _utc(unix: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
