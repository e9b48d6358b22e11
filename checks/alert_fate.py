"""What became of an alert that was to reach somebody after a fault: the ground that `alert` and `alerts` share.

Delivered is what a sink answered 2xx. Without a sink nothing can be said to have been delivered, so nothing passes;
that an alert never fired, or fired too late, can be said all the same by those who watched.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from checks.alert_wish import Wish
from checks.alerting import Alerting, Delivery, Episode, Trouble, expression_in, matching, same
from checks.check import Measured, Part, Sentence, Spent, Verdict, Window, failed, passed, unknown
from checks.clocks import Instant
from checks.evidence import Event, Evidence, FaultSeen
from checks.page_parts import clause, figures, noticed, parts
from checks.units import show_duration

_FLAWED = 0.5
"""What is left of the credit when a page came in time and does not say what it should, or is never taken back."""
_TEMPLATE_ERROR = "<error expanding template"
_SPENT_MAX = 8
"""Pages of one alert of which it is told where their time went."""


class Fate(StrEnum):
    """What became of an alert that was to reach somebody."""

    DELIVERED = "delivered"
    NOT_DELIVERED = "fired but not delivered"
    PENDING = "pending only"
    SUPPRESSED = "suppressed"
    LATE = "late"
    WRONG_RECEIVER = "wrong receiver"
    MISSED = "missed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A verdict on one alert, and the alert's fate, which the verdict's outcome does not tell."""

    fate: Fate
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judging:
    """One wish before what a run knows, after a fault that was in effect."""

    wish: Wish
    alerting: Alerting
    fault: FaultSeen
    ended_s: float

    def told(self) -> Told:
        """What became of it. Not having been able to see is unknown; what was seen delivered stays delivered."""
        made = self._no_ground() or self._delivered() or self._undelivered()
        verdict = made.verdict
        windows = tuple(sorted({*verdict.windows, *self._windows()}, key=lambda one: (one.from_s, one.to_s, one.label)))
        return replace(made, verdict=replace(verdict, proof=tuple(sorted({*verdict.proof, *self.fault.lines})),
                                             windows=windows, spent=tuple(self._spent())))  # fmt: skip

    # --- when

    @property
    def acting_s(self) -> float:
        """The earliest moment at which the fault can have done anything."""
        assert self.fault.effect_s is not None  # whoever judges has asked
        return self.fault.effect_s if self.fault.acting_s is None else min(self.fault.acting_s, self.fault.effect_s)

    @property
    def effect_s(self) -> float:
        """The latest moment at which it can have begun."""
        assert self.fault.effect_s is not None
        return self.fault.effect_s

    @property
    def within_s(self) -> float:
        """The limit."""
        return self.wish.within.total_seconds()

    def _after(self, moment: Instant) -> Measured:
        """How long after the fault's beginning this was."""
        return Measured.between(max(0.0, moment.low_s - self.effect_s), max(0.0, moment.high_s - self.acting_s))

    def _about(self, **more: Any) -> dict[str, Any]:
        return {"alert": self.wish.name_, "fault": self.fault.fault, "limit": show_duration(self.within_s), **more}

    # --- whether anything can be said

    def _no_ground(self) -> Told | None:
        if not self.alerting.listeners:
            return _unknown("nobody listened to alerts")
        deaf = self.alerting.deaf_before(self.acting_s)
        return self._unseen_before(deaf) if deaf else None

    def _unseen_before(self, deaf: Trouble) -> Told:
        return _unknown("{observer} was not listening all the time before {fault}, so nobody can say whether {alert} "
                        "was there already: {why}", proof=(deaf.seq,),
                        **self._about(observer=deaf.observer, why=deaf.why))  # fmt: skip

    def _pending_unseen(self, delivery: Delivery) -> Trouble | None:
        """Who was lost so soon that it may not have told yet of what was pending when the fault began.

        It does not matter where the beginning was seen all the same, or follows from the rule.
        """
        trouble = self.alerting.trouble(self.acting_s, self.acting_s, "prometheus")
        if trouble is None or self._behind(delivery):
            return None
        rule = self.alerting.rule(delivery.alert, delivery.labels, self.effect_s)
        if rule is None or delivery.starts is None:
            return trouble
        pending_s = rule["for_s"] + (rule.get("evaluation_s") or rule["for_s"]) if rule.get("for_s") else 0.0
        return trouble if delivery.starts.low_s - pending_s < self.acting_s else None

    def _doubt(self, delivery: Delivery) -> Told | None:
        """Unknown, when this page may be about something that was there before the fault."""
        if delivery.starts and delivery.starts.low_s < self.acting_s:
            if delivery.starts.high_s < self.acting_s:
                return self._there_before((delivery.seq,))
            return self._straddles(delivery.starts, (delivery.seq,))
        for one in self._episodes():
            if same(delivery.labels, one.labels) and (doubt := self._doubt_of(one)):
                return doubt
        for event in self.alerting.held(self.acting_s):
            if event.data["fingerprint"] == delivery.fingerprint:
                return self._there_before((event.seq,))
        trouble = self._pending_unseen(delivery)
        return self._unseen_before(trouble) if trouble else self._told_before(delivery)

    def _told_before(self, delivery: Delivery) -> Told | None:
        """Unknown, when the same alert was delivered already before the fault."""
        earlier = [one for one in self._deliveries("firing", "resolved")
                   if one.t_s < self.acting_s and one.fingerprint == delivery.fingerprint]  # fmt: skip
        if not earlier:
            return None
        over = earlier[-1].status == "resolved"
        return (self._came_and_went if over else self._there_before)((earlier[-1].seq,))

    def _doubt_of(self, episode: Episode) -> Told | None:
        since, ended, firing = episode.since, episode.ended, episode.firing
        if since.low_s >= self.acting_s:
            return None
        if ended is not None and ended.high_s < self.acting_s:
            return self._came_and_went(episode.lines) if firing else None
        if since.high_s < self.acting_s:
            return self._there_before(episode.lines)
        return self._straddles(since, episode.lines)

    def _there_before(self, proof: tuple[int, ...]) -> Told:
        return _unknown("{alert} was there already before {fault}, so it proves nothing", proof=proof, **self._about())

    def _came_and_went(self, proof: tuple[int, ...]) -> Told:
        return _unknown("{alert} had come and gone already before {fault}, so it proves nothing", proof=proof,
                        **self._about())  # fmt: skip

    def _straddles(self, since: Instant, proof: tuple[int, ...]) -> Told:
        return _unknown("{alert} began within {error} of {fault}, so nobody can say which came first", proof=proof,
                        **self._about(error=show_duration(since.high_s - max(0.0, since.low_s))))  # fmt: skip

    # --- what was seen of it

    def _episodes(self) -> list[Episode]:
        return [one for one in self.alerting.episodes if self.wish.matches(one.alert, one.labels)]

    def _deliveries(self, *status: str) -> list[Delivery]:
        return [one for one in self.alerting.deliveries
                if one.status in status and self.wish.matches(one.alert, one.labels)]  # fmt: skip

    def _reached(self, delivery: Delivery) -> bool:
        return self.wish.reaches is None or delivery.receiver == self.wish.reaches

    def _since_fault(self) -> list[Delivery]:
        return [one for one in self._deliveries("firing") if one.t_s >= self.acting_s]

    # --- delivered

    def _delivered(self) -> Told | None:
        """What can be said when the right receiver got it, be it late; None when it did not."""
        pages = [one for one in self._since_fault() if self._reached(one)]
        if not pages:
            return None
        doubts = [self._doubt(one) for one in pages]
        page = next((one for one, doubt in zip(pages, doubts, strict=True) if doubt is None), None)
        if page is None:
            return doubts[0]
        took = self._after(Instant(page.t_s, page.t_s))
        went = self._parts(page)
        times, values = clause(went)
        measured = {"delivered_after_s": took, **self._flaps(), **figures(went)}
        about: dict[str, Any] = self._about(receiver=page.receiver or "?", took=took.beside(self.within_s),
                                            proof=(page.seq,), measured=measured, **values)  # fmt: skip
        reached = "{alert} reached {receiver}"
        if took.low > self.within_s:
            late = failed(reached + " only after {took}; limit {limit}" + times, harm="page_late",
                          lateness=took.value / self.within_s, **about)  # fmt: skip
            return self._earlier_unseen(page) or Told(fate=Fate.LATE, verdict=late)
        if took.high > self.within_s:
            return _unknown(reached + " after {took}, too coarse for limit {limit}", **about)
        verdict = self._flawed(page, about)
        if verdict is None and self.wish.resolves_within:
            verdict = self._unresolved(self.wish.resolves_within.total_seconds(), pages, about)
        if verdict is None:
            flaps = int(measured["flaps"].value) if "flaps" in measured else 0
            again = "; it fired {count} times" if flaps else ""
            verdict = passed(reached + " after {took}; limit {limit}" + times + again, **about, count=flaps + 1)
        return Told(fate=Fate.DELIVERED, verdict=verdict)

    def _earlier_unseen(self, page: Delivery) -> Told | None:
        """Unknown, when a sink may have missed an earlier page than this one, which is late."""
        if trouble := self.alerting.trouble(self.acting_s, page.t_s, "sink"):
            return self._lost(trouble.observer, trouble.why, trouble.seq)
        refused = self.alerting.refused(self.acting_s, self.effect_s + self.within_s)
        return self._refused(refused) if refused else None

    def _flaps(self) -> dict[str, Measured]:
        """How often it fired again after the fault; nothing when it did not."""
        fired = sum(1 for one in self._episodes() if one.firing and one.since.low_s >= self.acting_s)
        return {"flaps": Measured.count(fired - 1)} if fired > 1 else {}

    def _flawed(self, page: Delivery, about: Mapping[str, Any]) -> Verdict | None:
        """What is wrong with what the page says."""
        told = page.annotations
        for name, text in told.items():
            if _TEMPLATE_ERROR in text:
                return failed("{alert} reached {receiver} in time, but its {annotation} is a template that failed",
                              credit=_FLAWED, harm="page_unclear", annotation=name, **about)  # fmt: skip
        for name in self.wish.annotations:
            if not told.get(name, "").strip():
                return failed("{alert} reached {receiver} in time, but has no {annotation}", credit=_FLAWED,
                              harm="page_unclear", annotation=name, **about)  # fmt: skip
        for name, expression in self.wish.says.items():
            if re.search(expression, told.get(name, "")) is None:
                if page.cut:
                    return unknown("{alert} reached {receiver} in time, but its {annotation} was too long to be kept",
                                   annotation=name, **about)  # fmt: skip
                return failed("{alert} reached {receiver} in time, but its {annotation} does not say {expression}",
                              credit=_FLAWED, harm="page_unclear", annotation=name, expression=expression, **about)  # fmt: skip
        return None

    def _unresolved(self, limit_s: float, pages: list[Delivery], about: dict[str, Any]) -> Verdict | None:
        """What is wrong with the end of it; None when each page was taken back in time, whose time is then measured."""
        gone_s = self.fault.gone_s
        if gone_s is None:
            why = ": {why}" if self.fault.trouble else ""
            return unknown("{fault} was never seen to be gone" + why, why=self.fault.trouble, **about)
        if trouble := self.alerting.trouble(self.acting_s, gone_s + limit_s, "sink"):
            return unknown("{alert} may have come again unseen, as {observer} was not listening all the time: {why}",
                           observer=trouble.observer, why=trouble.why, **about)  # fmt: skip
        ends: list[Delivery] = []
        for one in {page.fingerprint: page for page in pages}.values():  # the last page of each
            end = next((two for two in self._deliveries("resolved") if two.fingerprint == one.fingerprint
                        and two.receiver == one.receiver and two.seq > one.seq), None)  # fmt: skip
            if end is None:
                return self._never_resolved(one, gone_s, limit_s, about)
            ends.append(end)
        last = max(ends, key=lambda one: one.t_s)
        took_s = round(max(0.0, last.t_s - gone_s), 6)
        about["measured"] |= {"resolved_after_s": Measured.between(took_s, took_s)}
        about["proof"] += (last.seq,)
        if took_s <= limit_s:
            return self._may_come_again(last, about)
        return failed("{alert} reached {receiver} in time, but was resolved only {ended} after {fault} was gone; limit {until}",
                      credit=_FLAWED, harm="page_not_resolved", ended=show_duration(took_s, beside=limit_s),
                      until=show_duration(limit_s, beside=took_s), **about)  # fmt: skip

    def _may_come_again(self, end: Delivery, about: dict[str, Any]) -> Verdict | None:
        """Unknown, when nobody has listened for as long after the end as the alert took to come the first time."""
        again_s = about["measured"]["delivered_after_s"].high
        if self.ended_s >= end.t_s + again_s:
            return None
        return unknown("{alert} was resolved, but the run ended before it could have come again; that takes {again}",
                       again=show_duration(again_s), **about)  # fmt: skip

    def _never_resolved(self, page: Delivery, gone_s: float, limit_s: float, about: dict[str, Any]) -> Verdict:
        values: dict[str, Any] = {"until": show_duration(limit_s), **about}
        for event in self.alerting.suppressed(page.t_s, self.ended_s):
            if event.data["fingerprint"] == page.fingerprint:
                values["proof"] += (event.seq,)
                return unknown("{alert} reached {receiver} in time, and was then suppressed by {by}, so that nobody was told "
                               "of its end", by=self._by(event), **values)  # fmt: skip
        if trouble := self.alerting.trouble(gone_s, gone_s + limit_s):
            return unknown("{alert} was not seen to be resolved, but {observer} was not listening all the time: {why}",
                           observer=trouble.observer, why=trouble.why, **values)  # fmt: skip
        if self.ended_s <= gone_s + limit_s:
            return unknown("{alert} reached {receiver} in time, but the run ended before it had to be resolved; limit {until}",
                           **values)  # fmt: skip
        return failed("{alert} reached {receiver} in time, but was never resolved after {fault} was gone; limit {until}",
                      credit=_FLAWED, harm="page_not_resolved", **values)  # fmt: skip

    # --- not delivered

    def _undelivered(self) -> Told:
        """What can be said when the right receiver never got it."""
        episodes = [one for one in self._episodes() if one.since.low_s >= self.acting_s]
        in_time = any(one.since.low_s <= self.effect_s + self.within_s for one in episodes)
        if not in_time and (doubt := self._still_there()):
            return doubt
        if trouble := self.alerting.trouble(self.acting_s, self.effect_s + self.within_s):
            return self._lost(trouble.observer, trouble.why, trouble.seq)
        if refused := self.alerting.refused(self.acting_s, self.effect_s + self.within_s):
            return self._refused(refused)
        lines = tuple(sorted({line for one in episodes for line in one.lines}))
        first = min((one.firing for one in episodes if one.firing), key=lambda one: one.low_s, default=None)
        if first and not self.alerting.has("sink"):
            return self._fired(first, lines)
        if self.ended_s <= self.effect_s + self.within_s:
            return _unknown("the run ended before {alert} had to be there; limit {limit}", proof=lines, **self._about())
        return self._undelivered_in_sight(episodes, first, lines)

    def _still_there(self) -> Told | None:
        """Unknown, when it was there before the fault and nobody saw it begin anew."""
        for one in self._episodes():
            if (one.ended is None or one.ended.high_s >= self.acting_s) and (doubt := self._doubt_of(one)):
                return doubt
        for event in self.alerting.held(self.acting_s):
            if self.wish.matches(event.data["alert"], event.data["labels"]):
                return self._there_before((event.seq,))
        return None

    def _fired(self, first: Instant, lines: tuple[int, ...]) -> Told:
        """What can be said without a sink: what fired too late cannot have been delivered in time."""
        took = self._after(first)
        if took.low > self.within_s:
            return self._failed(Fate.LATE, "{alert} fired only after {took}; limit {limit}", harm="page_late", proof=lines,
                                took=took.beside(self.within_s), lateness=took.value / self.within_s)  # fmt: skip
        return _unknown("{alert} fired after {took}, but without a sink nobody can say whom it reached", proof=lines,
                        **self._about(took=took.beside(None)))  # fmt: skip

    def _undelivered_in_sight(self, episodes: list[Episode], first: Instant | None, lines: tuple[int, ...]) -> Told:
        """Everybody was listening for all of the time, and it did not come."""
        if (first or not self.alerting.has("prometheus")) and (unheard := self._unheard(lines)):
            return self._suppressed(lines) or unheard
        if elsewhere := self._since_fault():
            if doubt := self._doubt(elsewhere[0]):
                return doubt
            others = ", ".join(dict.fromkeys(one.receiver or "?" for one in elsewhere))
            return self._failed(Fate.WRONG_RECEIVER, "{alert} reached {receivers} and never {receiver}; limit {limit}",
                                proof=(*lines, elsewhere[0].seq), receivers=others, receiver=self.wish.reaches)  # fmt: skip
        if first:
            return self._suppressed(lines) or self._lost_on_the_way(first, lines)
        if episodes:
            return self._failed(Fate.PENDING, "{alert} was pending and never fired; limit {limit}", proof=lines)
        return self._missed()

    def _unheard(self, lines: tuple[int, ...]) -> Told | None:
        """Unknown, when whoever it was to reach is told in ways of which no sink hears."""
        held = [one for one in self.alerting.ever_held() if self.wish.matches(one.data["alert"], one.data["labels"])]
        whom = {self.wish.reaches} if self.wish.reaches else {name for one in held for name in one.data["receivers"]}
        if self.wish.elsewhere or not whom or not whom <= self.alerting.unheard:
            return None
        return _unknown("{receiver} has no webhook, so no sink could hear whether {alert} reached it", proof=lines,
                        **self._about(receiver=", ".join(sorted(whom))))  # fmt: skip

    def _suppressed(self, lines: tuple[int, ...]) -> Told | None:
        for event in self.alerting.suppressed(self.acting_s, self.effect_s + self.within_s):
            if self.wish.matches(event.data["alert"], event.data["labels"]):
                silent, inhibited = event.data.get("silenced_by"), event.data.get("inhibited_by")
                what = "silenced" if silent else "inhibited" if inhibited else "muted"
                return self._failed(Fate.SUPPRESSED, "{alert} fired and was " + what + " by {by}; limit {limit}",
                                    proof=(*lines, event.seq), by=self._by(event))  # fmt: skip
        return None

    def _by(self, suppressed: Event) -> str:
        """What keeps an alert back, as one would tell it."""
        if silences := suppressed.data.get("silenced_by"):
            return ", ".join(map(self.alerting.silence, silences))
        if others := suppressed.data.get("inhibited_by"):
            return ", ".join(map(self._named, others))
        return ", ".join(suppressed.data.get("muted_by") or ("?",))

    def _named(self, fingerprint: str) -> str:
        """The alert with this fingerprint, by its name where Alertmanager told it."""
        return self.alerting.name_of(fingerprint) or fingerprint

    def _lost_on_the_way(self, first: Instant, lines: tuple[int, ...]) -> Told:
        took = self._after(first)
        about: dict[str, Any] = {"took": took.beside(None), "measured": {"fired_after_s": took}, "proof": lines}
        page = self.alerting.truncated(self.acting_s, self.effect_s + self.within_s, self.wish.reaches)
        if page is not None:
            return self._failed(Fate.NOT_DELIVERED, "{alert} fired after {took} and is not in the page to {receiver}, which "
                                "left {count} alerts out; limit {limit}", receiver=page.data.get("receiver") or "?",
                                count=page.data.get("truncated") or "?", **about)  # fmt: skip
        whom = "reached nobody" if self.wish.reaches is None else "never reached {receiver}"
        return self._failed(Fate.NOT_DELIVERED, "{alert} fired after {took} and " + whom + "; limit {limit}",
                            receiver=self.wish.reaches, **about)  # fmt: skip

    def _missed(self) -> Told:
        others = [one for one in self.alerting.deliveries if one.t_s >= self.acting_s and one.status == "firing"
                  and matching(self.wish.name_, one.alert)]  # fmt: skip
        if others:
            lacking = {name: others[0].labels.get(name, "") for name, value in self.wish.wanted.items()
                       if not matching(value, others[0].labels.get(name, ""))}  # fmt: skip
            return self._failed(Fate.MISSED, "{alert} came only with {labels}, and not with {wanted}; limit {limit}",
                                proof=(others[0].seq,), labels=_listed(lacking),
                                wanted=_listed({name: self.wish.wanted[name] for name in lacking}))  # fmt: skip
        rule = self.alerting.rule(self.wish.name_, {}, self.effect_s + self.within_s)
        if self.alerting.rules_known and rule is None and expression_in(self.wish.name_) is None:
            return self._failed(Fate.MISSED, "{alert} never fired, since there is no such rule")
        if rule and rule.get("error"):
            return self._failed(Fate.MISSED, "{alert} never fired, since its rule fails: {why}", why=rule["error"])
        if self.alerting.has("prometheus"):
            return self._failed(Fate.MISSED, "{alert} never fired; limit {limit}")
        if self.alerting.has("sink"):
            return self._failed(Fate.MISSED, "no page of {alert} came; limit {limit}")
        return _unknown("without a sink nobody can say whether {alert} reached anybody", **self._about())

    def _failed(self, fate: Fate, pattern: str, /, *, harm: str = "page_missed", **about: Any) -> Told:
        return Told(fate=fate, verdict=failed(pattern, harm=harm, **self._about(**about)))

    def _lost(self, observer: str, why: str, line: int) -> Told:
        return _unknown("{alert} was not seen to be delivered in time, but {observer} was not listening all the time: {why}",
                        proof=(line,), **self._about(observer=observer, why=why))  # fmt: skip

    def _refused(self, page: Trouble) -> Told:
        return _unknown("{alert} was not seen to be delivered in time, but {observer} refused a page: {why}",
                        proof=(page.seq,), **self._about(observer=page.observer, why=page.why))  # fmt: skip

    # --- where the time went, and the picture

    @property
    def _lane(self) -> str:
        return f"alert:{self.wish.name_}"

    def _parts(self, page: Delivery) -> tuple[Part, ...]:
        """Where the time of a page went; nothing when nobody saw it begin to fire, or it came another way."""
        rule = self.alerting.rule(page.alert, page.labels, self.effect_s)
        seen = noticed(self._behind(page), page.starts, rule)
        if seen is None or self.wish.elsewhere:
            return ()
        return parts(fault=Instant(self.acting_s, self.effect_s), noticed=seen, first_s=page.first_s, page_s=page.t_s,
                     rule=rule, routes=self.alerting.routes(page.t_s), labels=page.labels, receiver=page.receiver)  # fmt: skip

    def _spent(self) -> Iterator[Spent]:
        """Where the time went of each page that can only be the fault's: the first of each series to each receiver."""
        first: dict[tuple[str, str], Delivery] = {}
        for page in self._since_fault():
            first.setdefault((page.fingerprint, page.receiver), page)
        for page in list(first.values())[:_SPENT_MAX]:
            if self._no_ground() is None and self._doubt(page) is None and (found := self._parts(page)):
                took = self._after(Instant(page.t_s, page.t_s))
                what = Sentence.of("{alert} reached {receiver}", alert=page.alert, receiver=page.receiver or "?")
                yield Spent(what=what, lane=self._lane, from_s=round(page.t_s - took.value, 6), took=took,
                            limit_s=self.within_s, parts=found)  # fmt: skip

    def _behind(self, page: Delivery) -> Episode | None:
        """The episode that the page tells of: the last one of its series that fired before it."""
        found = [one for one in self._episodes() if one.firing and self.acting_s <= one.since.low_s
                 and one.firing.low_s <= page.t_s and same(page.labels, one.labels)]  # fmt: skip
        return max(found, key=lambda one: one.firing.low_s if one.firing else 0.0, default=None)

    def _windows(self) -> Iterator[Window]:
        """One lane for the alert: pending, firing, each delivery as a moment, and the one at which its time is over."""
        for one in self._episodes():
            ended_s = one.ended.high_s if one.ended else self.ended_s
            if one.pending:
                until_s = one.firing.high_s if one.firing else ended_s
                yield Window(lane=self._lane, label="pending", from_s=max(0.0, one.pending.low_s), to_s=until_s)
            if one.firing:
                yield Window(lane=self._lane, label="firing", from_s=max(0.0, one.firing.low_s), to_s=ended_s)
        for page in self._deliveries("firing", "resolved"):
            label = "delivered" if page.status == "firing" else "resolved"
            yield Window(lane=self._lane, label=label, from_s=page.t_s, to_s=page.t_s)
        limit_s = self.acting_s + self.within_s
        if limit_s <= self.ended_s:
            yield Window(lane=self._lane, label="limit", from_s=limit_s, to_s=limit_s)


def told(wish: Wish, evidence: Evidence, fault: FaultSeen, alerting: Alerting) -> Told:
    """What became of a wish after a fault, which must have been in effect."""
    return _Judging(wish=wish, alerting=alerting, fault=fault, ended_s=evidence.ended_s).told()


def _unknown(pattern: str, /, **about: Any) -> Told:
    return Told(fate=Fate.UNKNOWN, verdict=unknown(pattern, **about))


def _listed(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())
