"""What the conductor must know while a run is under way: is it steady, is a condition met, does a guard rail trip?"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from checks import Evidence, Horizon, RatioLimit, Verdict, failed, passed
from checks.check import ProbeName
from checks.evidence import Event
from checks.steady import Steady
from drills import live
from drills.drill import AbortWhen, CheckUse
from drills.when import When
from tests.drills.writing import samples

ORDERS = ProbeName("orders")


class Seen(Evidence):
    """Evidence, told step by step."""

    def tell(self, t_s: float, kind: str, **data: Any) -> "Seen":
        self.add(Event(seq=len(self.events) + 1000, t_s=t_s, at="", kind=kind, source="test", data=data))
        return self

    def look(self, from_s: float, seen: str, **how: Any) -> "Seen":
        """Looks every 0.1 s from there on, one a letter."""
        return self.tell(
            from_s, "probe.sampled", **samples("orders", from_s, seen, n=len(self.samples("orders")), **how)
        )

    def effect(self, effect_s: float) -> "Seen":
        names = {"injection": "run-dies", "fault": "dies", "target": "a"}
        self.tell(effect_s, "injection.intended", **names)
        return self.tell(effect_s, "injection.verified", **names, in_effect=True)


def opened(timeout_s: float = 1.0) -> Seen:
    return Seen().tell(0, "probe.opened", probe="orders", every_s=0.1, timeout_s=timeout_s)


def seconds(figure: float) -> timedelta:
    return timedelta(seconds=figure)


# the steady state


def steady(hold_s: float = 3.0) -> Steady:
    return Steady(probe=ORDERS, success=RatioLimit.parse(">= 90%"), hold=seconds(hold_s))


def test_it_is_steady_when_the_last_hold_of_each_entry_is_good() -> None:
    assert live.unsteady([steady()], opened().look(0, "-" * 10 + "+" * 41), 5.0) == ""


def test_it_is_unsteady_with_the_probe_and_the_reason() -> None:
    why = live.unsteady([steady()], opened().look(0, "+" * 20 + "-" * 5 + "+" * 26), 5.0)

    assert why.startswith("orders: 83.33 % of 30 looks good")


def test_it_is_unsteady_as_long_as_nothing_was_seen() -> None:
    assert "orders" in live.unsteady([steady()], opened(), 5.0)


def test_no_entries_are_always_steady() -> None:
    assert live.unsteady([], Seen(), 0.0) == ""


# conditions


def met(when: When, evidence: Evidence, now_s: float, zero_s: float = 0.0) -> bool:
    return live.met(when, evidence, zero_s=zero_s, now_s=now_s)


GOOD = When(probe=ORDERS, good_for=seconds(3))
BAD = When(probe=ORDERS, bad_for=seconds(3))


@pytest.mark.parametrize(("when", "wanted", "other"), [(GOOD, "+", "-"), (BAD, "-", "+")])
def test_a_probe_must_have_been_so_for_all_of_the_time(when: When, wanted: str, other: str) -> None:
    assert met(when, opened().look(0, wanted * 31), 3.1)
    assert not met(when, opened().look(0, wanted * 15 + other + wanted * 15), 3.1)
    assert not met(when, opened().look(0, wanted * 30 + other), 3.1)
    assert met(when, opened().look(0, other + wanted * 31), 3.2), "what was before does not count"


@pytest.mark.parametrize("when", [GOOD, BAD])
def test_a_blind_look_is_neither_good_nor_bad(when: When) -> None:
    for seen in ("+", "-"):
        assert not met(when, opened().look(0, seen * 15 + "?" + seen * 15), 3.1)


@pytest.mark.parametrize("when", [GOOD, BAD])
def test_nothing_seen_meets_nothing(when: When) -> None:
    assert not met(when, Seen(), 100.0)
    assert not met(when, opened(), 100.0)


def test_what_was_before_the_steady_state_meets_nothing() -> None:
    looks = opened().look(0, "+" * 51)

    assert met(GOOD, looks, 5.0, zero_s=2.0)
    assert not met(GOOD, looks, 5.0, zero_s=2.1)


def test_a_system_that_hangs_is_bad_though_its_last_looks_are_not_told_yet() -> None:
    """Each look is told only when its time is up, so of the last second nothing is known; half a second of it may suffice."""
    when = When(probe=ORDERS, bad_for=seconds(0.5))
    told = opened(timeout_s=1.0).look(0, "+" * 10).look(1.0, "-" * 6, took_s=1.0)

    assert met(when, told, 2.75), "looks up to 1.5 s are told by then, and bad since 1.0"
    assert not met(when, opened().look(0, "+" * 10).look(1.0, "-" * 5, took_s=1.0), 2.65)


def test_a_probe_that_has_stopped_looking_meets_nothing() -> None:
    """What it saw last may be long ago."""
    looks = opened(timeout_s=1.0).look(0, "+" * 31)

    assert met(GOOD, looks, 4.9)
    assert not met(GOOD, looks, 20.0)


def test_a_fault_must_have_been_in_effect_for_that_long() -> None:
    when = When(fault="dies", verified_for=seconds(5))  # type: ignore[arg-type]
    evidence = Seen().effect(10.0)

    assert not met(when, evidence, 14.9)
    assert met(when, evidence, 15.0)
    assert not met(when, Seen(), 100.0)
    assert met(When(fault="dies"), evidence, 10.0)  # type: ignore[arg-type]


def test_a_fault_that_was_not_verified_meets_nothing() -> None:
    evidence = Seen().tell(1, "injection.intended", injection="run-dies", fault="dies", target="a")

    assert not met(When(fault="dies"), evidence, 100.0)  # type: ignore[arg-type]


def test_an_event_counts_from_the_steady_state_on() -> None:
    when = When(event="injection.gone")

    assert not met(when, Seen(), 10.0)
    assert not met(when, Seen().tell(1.9, "injection.gone"), 10.0, zero_s=2.0)
    assert met(when, Seen().tell(2.0, "injection.gone"), 10.0, zero_s=2.0)


@pytest.mark.parametrize(
    ("event", "told"), [("injection.verified", "fault.withheld"), ("injection.gone", "fault.elapsed")]
)
def test_in_a_control_the_time_of_a_fault_counts_for_the_fault(event: Any, told: str) -> None:
    control = Seen().tell(0, "run.opened", control=True).tell(3.0, told, fault="dies", does="", target="a")

    assert met(When(event=event), control, 10.0, zero_s=2.0)
    assert not met(When(event=event), Seen().tell(3.0, told, fault="dies", does="", target="a"), 10.0)


def test_in_a_control_a_fault_waits_for_another_as_if_that_were_there() -> None:
    when = When(fault="dies", verified_for=seconds(5))  # type: ignore[arg-type]
    control = Seen().tell(0, "run.opened", control=True).tell(10.0, "fault.withheld", fault="dies", does="", target="a")

    assert not met(when, control, 14.9)
    assert met(when, control, 15.0)


def test_an_alert_counts_in_its_state_and_from_the_steady_state_on() -> None:
    when = When(alert="RegionDown")

    def told(t_s: float, **data: str) -> Evidence:
        return Seen().tell(t_s, "alert.state", observer="metrics", **data)

    assert not met(when, Seen(), 10.0)
    assert not met(when, told(3.0, alert="RegionDown", state="pending"), 10.0)
    assert not met(when, told(3.0, alert="Another", state="firing"), 10.0)
    assert not met(when, told(1.9, alert="RegionDown", state="firing"), 10.0, zero_s=2.0)
    assert met(when, told(2.0, alert="RegionDown", state="firing"), 10.0, zero_s=2.0)
    assert met(When(alert="RegionDown", state="pending"), told(3.0, alert="RegionDown", state="pending"), 10.0)


# guard rails

GUARD = AbortWhen(probe=ORDERS, success=RatioLimit.parse("< 20%"), for_=seconds(3))


def tripped(evidence: Evidence, now_s: float, *, since_s: float = 0.0, guard: AbortWhen = GUARD) -> str:
    return live.tripped(guard, evidence, since_s=since_s, now_s=now_s)


def test_a_guard_rail_trips_beyond_its_limit_and_not_at_it() -> None:
    """Of thirty-one looks in three seconds, six are 19.4 % and seven 22.6 %."""
    assert "orders succeeded 19.35 % of the time over 3 s; the guard rail is < 20%" in tripped(
        opened().look(0, "+" * 6 + "-" * 25), 3.1
    )
    assert tripped(opened().look(0, "+" * 7 + "-" * 24), 3.1) == ""
    assert tripped(opened().look(0, "+" * 6 + "-" * 24), 2.95) == "", "not yet for three seconds"


def test_a_guard_rail_at_its_very_limit_holds() -> None:
    assert tripped(opened().look(0, ("-" * 4 + "+") * 6), 2.95, guard=AbortWhen(
        probe=ORDERS, success=RatioLimit.parse("< 20%"), for_=seconds(2.9))) == ""  # fmt: skip
    assert tripped(opened().look(0, ("-" * 4 + "+") * 6), 2.95, guard=AbortWhen(
        probe=ORDERS, success=RatioLimit.parse("<= 20%"), for_=seconds(2.9)))  # fmt: skip


def test_a_guard_rail_may_stand_on_the_other_side() -> None:
    guard = AbortWhen(probe=ORDERS, success=RatioLimit.parse("> 50%"), for_=seconds(3))

    assert tripped(opened().look(0, "+" * 31), 3.1, guard=guard)
    assert tripped(opened().look(0, "-" * 31), 3.1, guard=guard) == ""


def test_a_guard_rail_does_not_count_what_was_before_the_first_fault() -> None:
    looks = opened().look(0, "-" * 51)

    assert tripped(looks, 5.0, since_s=2.1) == ""
    assert tripped(looks, 5.0, since_s=2.0)


def test_a_guard_rail_that_sees_nothing_trips() -> None:
    assert tripped(opened().look(0, "?" * 31), 3.1) == "the guard rail on orders saw nothing for 3 s"


def test_a_guard_rail_whose_probe_never_looked_trips_when_it_should_have_seen_something() -> None:
    """Three seconds, one for a look to be answered in, and one for us to be told."""
    assert tripped(opened(timeout_s=1.0), 4.9) == ""
    assert "saw nothing" in tripped(opened(timeout_s=1.0), 5.0)


def test_a_guard_rail_whose_probe_has_stopped_looking_trips() -> None:
    looks = opened(timeout_s=1.0).look(0, "+" * 31)

    assert tripped(looks, 7.9) == ""
    assert "saw nothing" in tripped(looks, 8.1)


def test_a_slow_service_that_answers_trips_no_guard_rail_of_a_shorter_span() -> None:
    """It answers after 0.9 s, so of the last second hardly a look is told; it is not blind for that."""
    guard = AbortWhen(probe=ORDERS, success=RatioLimit.parse("< 20%"), for_=seconds(0.5))
    told = opened(timeout_s=1.0).look(0, "+" * 31, took_s=0.9)

    assert tripped(told, 4.1, guard=guard) == ""


def test_a_service_that_hangs_trips_a_guard_rail_of_a_shorter_span_and_says_so() -> None:
    guard = AbortWhen(probe=ORDERS, success=RatioLimit.parse("< 20%"), for_=seconds(0.5))
    told = opened(timeout_s=1.0).look(0, "-" * 31, took_s=1.0)

    assert "succeeded 0 % of the time" in tripped(told, 4.2, guard=guard)


# waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A check that waits, and says what it is told to."""

    name: ClassVar[str] = "waiting"
    after: str | None = None
    for_s: float = 10.0
    healed_s: float = 0.0
    verdict: Verdict = field(default_factory=lambda: failed("not yet"))
    first: "Waiting | None" = None

    def horizon(self) -> Horizon:
        return Horizon(after=self.after, for_s=self.for_s, healed_s=self.healed_s, first=self.first)

    def judge(self, evidence: Evidence) -> Verdict:
        return self.verdict


def until(evidence: Evidence, healed_s: float | None, *checks: Any) -> float:
    uses = [CheckUse(id=str(n), kind="waiting", title="", check=check) for n, check in enumerate(checks)]
    return live.waiting(uses, evidence, healed_s=healed_s)


def test_checks_after_a_fault_are_waited_for_from_its_effect_on() -> None:
    evidence = Seen().effect(5.0)

    assert until(evidence, None, Waiting(after="dies"), Waiting(after="dies", for_s=3)) == 15
    assert until(evidence, 20.0, Waiting(after="dies")) == 0, "once it is healed there is nothing more to see"


def test_checks_after_the_healing_are_waited_for_from_there_on() -> None:
    assert until(Seen(), 20.0, Waiting()) == 30
    assert until(Seen(), None, Waiting()) == 0, "not before"


def test_what_waits_after_a_fault_may_wait_besides_once_it_is_healed() -> None:
    evidence = Seen().effect(5.0)
    page = Waiting(after="dies", for_s=3, healed_s=30)

    assert until(evidence, None, page) == 8
    assert until(evidence, 20.0, page) == 50


def test_what_can_only_come_after_the_healing_is_not_waited_for_before() -> None:
    evidence = Seen().effect(5.0)
    page = Waiting(after="dies", healed_s=30, first=Waiting(verdict=passed("delivered")))

    assert until(evidence, None, page) == 0
    assert until(evidence, 20.0, page) == 50, "then all of it counts"


def test_what_passes_already_is_not_waited_for() -> None:
    assert until(Seen(), 20.0, Waiting(verdict=passed("done")), Waiting(for_s=2)) == 22


def test_a_fault_that_never_was_is_not_waited_for() -> None:
    assert until(Seen(), None, Waiting(after="dies")) == 0


def test_a_check_that_does_not_wait_is_not_waited_for() -> None:
    assert until(Seen(), 20.0, steady()) == 0


def test_a_check_that_breaks_is_waited_for_in_full() -> None:
    assert until(Seen(), 20.0, Waiting(verdict=None)) == 30  # type: ignore[arg-type]
