"""Do the right pages reach people in time, and no others?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from checks.alert_control import silent
from checks.alert_fate import told
from checks.alert_preflight import foresee
from checks.alert_wish import AlertMatcher, Wish
from checks.alerting import Alerting, Delivery
from checks.check import FaultName, Foreseen, Horizon, Measured, Outcome, Verdict, Window, failed, passed, unknown
from checks.evidence import Evidence, FaultSeen
from checks.ground import not_in_effect
from checks.units import show_count, show_duration

_NAMED = 3
"""Other things that are wrong are named up to so many, then counted."""
_HARMS = ("not_discriminating", "page_missed", "page_late", "noise", "page_not_resolved", "page_unclear")
"""What can be wrong, worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How many pages nobody asked for."""

    at_most: Annotated[int, "Pages that may come though they are neither expected nor allowed"] = 0

    def __post_init__(self) -> None:
        if self.at_most < 0:
            raise ValueError("at_most", f"there cannot be {self.at_most} pages", "write 0 for none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """After the fault each expected alert is delivered as `alert` would have it, and hardly anything else is.

    From the fault's first act to the end of the run every alert that reaches anybody is expected, allowed or noise. It
    counts once for each receiver and each time that it begins to fire. What is forbidden must not come at all.
    """

    name: ClassVar[str] = "alerts"
    listens: ClassVar[bool] = True
    harms: ClassVar[tuple[str, ...]] = ("page_missed",)

    after: Annotated[FaultName, "The fault that they must tell of"]
    expect: Annotated[tuple[Wish, ...], "Alerts that must come"] = ()
    allow: Annotated[tuple[AlertMatcher, ...], "Alerts that may come, as a consequence"] = ()
    forbid: Annotated[tuple[AlertMatcher, ...], "Alerts that must not come, as of another region"] = ()
    noise: Annotated[Noise, "How many others may come"] = Noise()

    @property
    def watched(self) -> timedelta:
        """How long after the fault it must be watched what comes."""
        return max((wish.within for wish in self.expect), default=timedelta(0))

    def horizon(self) -> Horizon:
        """Until the latest allowed page has had its time."""
        resolved_s = max((wish.healed_s for wish in self.expect), default=0.0)
        first = replace(self, expect=tuple(replace(wish, resolves_within=None) for wish in self.expect))
        return Horizon(after=self.after, for_s=self.watched.total_seconds() + 1, healed_s=resolved_s, first=first)

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        return self._judged(evidence, lambda *one: told(*one).verdict)

    def foresee(self, evidence: Evidence) -> tuple[Foreseen, ...]:
        """Whether each that is expected can come, whom it would reach, and how late."""
        return foresee(self.expect, evidence)

    def control(self, evidence: Evidence) -> Verdict:
        """No expected alert may come while the fault is withheld, and no more of the others than with it."""
        return self._judged(evidence, silent)

    def _judged(self, evidence: Evidence, of_wish: Callable[[Wish, Evidence, FaultSeen, Alerting], Verdict]) -> Verdict:
        """What follows from the verdict on each that is expected, and from all else that came."""
        fault = evidence.fault(self.after)
        if fault.effect_s is None:
            return not_in_effect(fault)
        alerting = evidence.derived(Alerting)
        results = [of_wish(wish, evidence, fault, alerting) for wish in self.expect]
        acting_s = fault.effect_s if fault.acting_s is None else min(fault.acting_s, fault.effect_s)
        came = [one for one in _first_told(alerting.deliveries) if one.t_s >= acting_s]
        bad = [one for one in came if any(matcher.matches(one) for matcher in self.forbid)]
        noisy = [one for one in came if one not in bad and not self._asked_for(one)]
        verdicts = [*results]
        if bad:
            verdicts.append(_forbidden(bad, fault))
        verdicts.append(self._quiet(noisy, fault, alerting, evidence, acting_s))
        spent = tuple(one for verdict in results for one in verdict.spent)
        return replace(self._worst(verdicts, results, noisy, bad, fault), spent=spent)

    def _asked_for(self, page: Delivery) -> bool:
        wished = any(one.matches(page.alert, page.labels) for one in self.expect)
        return wished or any(one.matches(page) for one in self.allow)

    def _quiet(self, noisy: Sequence[Delivery], fault: FaultSeen, alerting: Alerting, evidence: Evidence,
               acting_s: float) -> Verdict:  # fmt: skip
        """Whether there was little noise, and whether anybody could know."""
        limit = self.noise.at_most
        about: dict[str, Any] = {"fault": fault.fault, "limit": show_count(limit)}
        if len(noisy) > limit:
            names = _listed([one.alert for one in noisy])
            return failed("noise after {fault} ({names}): {noise}; limit {limit}",
                          proof=tuple(one.seq for one in noisy[:20]), harm="noise", noise=show_count(len(noisy)),
                          names=names, **about)  # fmt: skip
        if unheard := _unheard(alerting, fault, acting_s, evidence.ended_s):
            return unheard
        assert fault.effect_s is not None  # asked by whoever judges
        watched_s, needed_s = evidence.ended_s - fault.effect_s, self.watched.total_seconds()
        if watched_s < needed_s:
            return unknown("watched for only {watched} after {fault}; {hold} are needed",
                           watched=show_duration(watched_s, beside=needed_s), hold=show_duration(needed_s), **about)  # fmt: skip
        return passed("noise after {fault}: {noise}; limit {limit}",
                      noise=show_count(len(noisy)), **about)  # fmt: skip

    def _worst(self, verdicts: Sequence[Verdict], results: Sequence[Verdict], noisy: Sequence[Delivery],
               bad: Sequence[Delivery], fault: FaultSeen) -> Verdict:  # fmt: skip
        met = sum(1 for one in results if one.outcome is Outcome.PASSED)
        fine = "{met} of {all} expected alerts came as they should, and {noise} others"
        if fault.withheld:
            fine = "{met} of {all} expected alerts kept silent without {fault}, and {noise} others came"
        measured = {"expected": Measured.count(len(results)), "silent" if fault.withheld else "met": Measured.count(met),
                    "noise": Measured.count(len(noisy)), "forbidden": Measured.count(len(bad))}  # fmt: skip
        for wish, one in zip(self.expect, results, strict=True):
            measured |= {f"{wish.name_}.{name}": figure for name, figure in one.measured.items()}
        about: dict[str, Any] = {"measured": measured, "windows": _windows(verdicts, noisy, bad)}
        wrong = sorted(
            (one for one in verdicts if one.outcome is Outcome.FAILED), key=lambda one: _HARMS.index(one.harm)
        )
        doubtful = [one for one in verdicts if one.outcome is Outcome.UNKNOWN]
        if not wrong and not doubtful:
            proof = tuple(sorted({line for one in verdicts for line in one.proof}))
            return passed(fine, proof=proof, met=met, all=len(results), fault=fault.fault, noise=show_count(len(noisy)),
                          **about)  # fmt: skip
        first, *others = wrong or doubtful
        verdict = replace(first, **about, proof=tuple(sorted({line for one in (first, *others) for line in one.proof})))
        if others:
            because = replace(first.because, pattern=first.because.pattern + "; and {more} more ({others})",
                              values={**first.because.values, "more": str(len(others)),
                                      "others": _listed([_short(one) for one in others])})  # fmt: skip
            verdict = replace(verdict, because=because)
        return replace(verdict, credit=self._credit(met, len(results), noisy, bad), lateness=None) if wrong else verdict

    def _credit(self, met: int, all_: int, noisy: Sequence[Delivery], bad: Sequence[Delivery]) -> float:
        """The share of expectations that were met; what came beyond the limit counts as one that was not."""
        excess = max(0, len(noisy) - self.noise.at_most) + len(bad)
        return met / (all_ + excess) if all_ + excess else 0.0


def wishes_of(check: object) -> tuple[Wish, ...]:
    """The alerts that a check expects; none for one of other things."""
    if isinstance(check, Alerts):
        return check.expect
    return (check,) if isinstance(check, Wish) else ()


def _first_told(deliveries: Sequence[Delivery]) -> list[Delivery]:
    return [one for one in deliveries if one.status == "firing"]


def _unheard(alerting: Alerting, fault: FaultSeen, acting_s: float, ended_s: float) -> Verdict | None:
    """Unknown, when there may be pages that nobody told of."""
    about: dict[str, Any] = {"fault": fault.fault}
    if not alerting.has("sink"):
        return unknown("without a sink nobody can say which other pages came after {fault}", **about)
    if trouble := alerting.deaf_before(acting_s) or alerting.trouble(acting_s, ended_s):
        return unknown("nobody can say which other pages came after {fault}: {observer} was not listening all the time: "
                       "{why}", proof=(trouble.seq,), observer=trouble.observer, why=trouble.why, **about)  # fmt: skip
    if refused := alerting.refused(acting_s, ended_s):
        return unknown("nobody can say which other pages came after {fault}: {observer} refused a page: {why}",
                       proof=(refused.seq,), observer=refused.observer, why=refused.why, **about)  # fmt: skip
    if cut := alerting.truncated(acting_s, ended_s):
        return unknown("nobody can say which other pages came after {fault}: a page left some of its alerts out",
                       proof=(cut.seq,), **about)  # fmt: skip
    return None


def _forbidden(bad: Sequence[Delivery], fault: FaultSeen) -> Verdict:
    return failed("{names} came after {fault}, which must not be", proof=tuple(one.seq for one in bad[:20]), harm="noise",
                  names=_listed([one.alert for one in bad]), fault=fault.fault)  # fmt: skip


def _short(verdict: Verdict) -> str:
    """What a verdict is about, in as few words as there are: the alert, or the pages, that its sentence names."""
    values = verdict.because.values
    return values.get("alert") or values.get("names") or str(verdict.because)


def _listed(names: Sequence[str]) -> str:
    """`a, b, c, +4`, each once."""
    once = list(dict.fromkeys(names))
    return ", ".join(once[:_NAMED]) + (f", +{len(once) - _NAMED}" if len(once) > _NAMED else "")


def _windows(verdicts: Sequence[Verdict], noisy: Sequence[Delivery], bad: Sequence[Delivery]) -> tuple[Window, ...]:
    """Those of the expected alerts, and in a lane of their own the moments at which others came."""
    told_of = dict.fromkeys(window for one in verdicts for window in one.windows)
    named = (("noise", noisy), ("forbidden", bad))
    others = [Window(lane="other pages", label=f"{label} ({one.alert})", from_s=one.t_s, to_s=one.t_s)
              for label, pages in named for one in pages[:200]]  # fmt: skip
    return (*told_of, *others)
