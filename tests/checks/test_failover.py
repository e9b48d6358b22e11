"""Looks come every 100 ms from 0 s on and take 2 ms; the fault acts, and is in effect, at 10 s. The basic history,

    100+ 20- 50+

has its last good look sent at 9.9 s, bad ones sent from 10.0 to 11.9 s, and the first good one again at 12.0 s,
answered at 12.002 s. So the outage lasted longer than 11.9 - 10.0 = 1.9 s, and at most 12.002 - 9.9 = 2.102 s.
"""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import FaultName, Outcome, ProbeName, Verdict, Waits, Window, judge
from checks.evidence import Evidence, Sample, Seen
from checks.failover import Failover
from tests.checks.history import History, said


def failover(within_s: float = 5.0, hold_s: float = 2.0) -> Failover:
    return Failover(probe=ProbeName("orders"), after=FaultName("kill"), within=timedelta(seconds=within_s),
                    hold=timedelta(seconds=hold_s))  # fmt: skip


def judged(history: History, within_s: float = 5.0, hold_s: float = 2.0) -> Verdict:
    verdict = judge(failover(within_s, hold_s), history.evidence)
    assert "broke" not in str(verdict.because)
    return verdict


def basic(**fault: float | None) -> History:
    return History().opened().fault(**fault).looks("100+ 20- 50+")  # type: ignore[arg-type]


def test_an_outage_shorter_than_its_limit_passes_with_its_bounds() -> None:
    verdict = judged(basic())
    assert said(verdict) == "passed: orders down for 2 s ± 101 ms; limit 5 s"
    assert (verdict.measured["outage_s"].low, verdict.measured["outage_s"].high) == (1.9, 2.102)
    assert (verdict.measured["recovered_after_s"].low, verdict.measured["recovered_after_s"].high) == (1.9, 2.002)
    assert verdict.windows == (Window(lane="probe:orders", label="outage", from_s=10.0, to_s=12.002),)
    assert verdict.points == 1


@pytest.mark.parametrize(
    ("within_s", "outcome"),
    [(2.102, "passed"), (2.101999, "unknown"), (1.9, "unknown"), (1.899999, "failed")],
)
def test_a_limit_inside_the_bounds_is_unknown_and_outside_it_is_not(within_s: float, outcome: str) -> None:
    assert judged(basic(), within_s).outcome == outcome


def test_an_undecided_limit_says_how_to_decide_it() -> None:
    assert said(judged(basic(), 2.0)) == ("unknown: orders down for 2 s ± 101 ms, too coarse for limit 2 s; "
                                          "look more often than every 100 ms")  # fmt: skip
    blind = History().opened().fault().looks("100+ 20- 5? 50+")
    assert said(judged(blind, 2.2)) == ("unknown: orders down for 2.25 s ± 351 ms, too coarse for limit 2.2 s; "
                                        "5 looks were blind (refused)")  # fmt: skip
    unopened = History().fault().looks("100+ 20- 50+")
    assert said(judged(unopened, 2.05)).endswith("too coarse for limit 2.05 s; look more often")


def test_the_proof_is_the_fault_and_the_looks_at_the_edges() -> None:
    history = History().fault().looks("100+ 20- 50+", batch=1)
    lines = {int(event.data["n"][0]): event.seq for event in history.events if event.kind == "probe.sampled"}
    fault = history.evidence.fault("kill").lines
    assert judged(history).proof == tuple(sorted({*fault, *(lines[n] for n in (99, 100, 119, 120, 140))}))


@pytest.mark.parametrize("within_s", [1.8, 1.5, 1.01, 0.9])
def test_what_came_too_late_says_how_many_times_its_limit_it_took(within_s: float) -> None:
    verdict = judged(basic(), within_s)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.lateness == pytest.approx(2.001 / within_s, abs=1e-6)


@pytest.mark.parametrize(("within_s", "harm"), [(0.95, "over_rto"), (0.949999, "over_twice_rto")])
def test_twice_the_limit_is_proven_by_the_lower_bound(within_s: float, harm: str) -> None:
    assert judged(basic(), within_s).harm == harm


def test_a_failure_does_not_print_a_figure_that_looks_like_its_limit() -> None:
    history = History().fault().looks("100+ 20- 50+", took_s=0.000001, every_s=0.1)
    assert said(judged(history, 1.899)) == "failed: orders down for 2 s ± 100 ms; limit 1.9 s"
    close = History().fault().looks("10000+ 5004- 9999+", every_s=0.001, took_s=0.0001)
    assert said(judged(close, 5.0)) == "failed: orders down for 5.00405 s ± 1.05 ms; limit 5 s"


class TestNothingInterrupted:
    def test_no_bad_look_passes_and_says_what_would_not_have_been_seen(self) -> None:
        verdict = judged(History().fault().looks("200+"))
        assert (
            said(verdict) == "passed: orders never failed; an interruption of less than 102 ms would not have been seen"
        )
        assert (verdict.measured["outage_s"].low, verdict.measured["outage_s"].high) == (0, 0.102)

    @pytest.mark.parametrize(("looks", "outcome"), [(151, "passed"), (150, "unknown")])
    def test_it_must_be_watched_for_as_long_as_the_limit(self, looks: int, outcome: str) -> None:
        """The last of 151 looks is sent at 15.0 s, which is 5 s after the effect."""
        assert judged(History().fault().looks(f"{looks}+")).outcome == outcome

    @pytest.mark.parametrize(("healing", "outcome"), [(12.002, "passed"), (12.001999, "unknown")])
    def test_a_fault_that_ends_early_must_have_been_watched_for_hold(self, healing: float, outcome: str) -> None:
        """With `hold` 2 s the look sent at 12.0 s is needed, and it is answered at 12.002 s."""
        assert judged(History().fault(healing=healing).looks("200+")).outcome == outcome

    @pytest.mark.parametrize(("blind", "outcome"), [(48, "passed"), (49, "unknown")])
    def test_a_gap_as_long_as_the_limit_could_hide_an_outage(self, blind: int, outcome: str) -> None:
        """48 blind looks after the good one at 10.0 s: the next good one is answered at 14.902 s."""
        verdict = judged(History().fault().looks(f"101+ {blind}? 99+"), within_s=4.902)
        assert verdict.outcome == outcome

    @pytest.mark.parametrize(("healing", "outcome"), [(17.9, "passed"), (17.900001, "unknown")])
    def test_a_probe_that_stopped_could_have_missed_an_outage_up_to_the_healing(
        self, healing: float, outcome: str
    ) -> None:
        """Its last look was sent at 12.9 s."""
        assert judged(History().fault(healing=healing).looks("130+")).outcome == outcome

    def test_a_probe_that_goes_blind_with_the_fault_proves_nothing(self) -> None:
        assert said(judged(History().fault().looks("100+ 100?"))) == (
            "unknown: no look of orders failed, but it was not watched for 2 s while kill was in effect"
        )

    def test_a_probe_that_stops_with_the_fault_proves_nothing(self) -> None:
        assert judged(History().fault(healing=13).looks("100+ 100. 20+"), within_s=30).outcome is Outcome.UNKNOWN


class TestWithoutGround:
    @pytest.mark.parametrize(
        ("history", "reason"),
        [
            (History().looks("200+"), "kill never took effect"),
            (History().fault(effect=None).looks("100+ 20- 50+"), "kill never took effect"),
            (History().event(0, "fault.skipped", fault="kill", why="no time").looks("9+"), "kill never took effect: no time"),
            (History().fault(), "orders never looked"),
            (History().fault().looks("100+ 20- 50+", probe="shop"), "orders never looked"),
            (History().fault().looks("200+", from_s=10.0), "no look of orders saw anything before kill"),
            (History().fault().looks("100? 20- 50+"), "no look of orders saw anything before kill"),
            (History().fault().looks("99+ - 20- 50+"), "orders failed already before kill: refused"),
            (History().fault().looks("80+ 3- 17+ 20- 50+"), "orders failed already before kill: refused"),
            (History().fault().looks("99+ -", why=""), "orders failed already before kill: ?"),
        ],
    )  # fmt: skip
    def test_it_is_unknown_and_says_why(self, history: History, reason: str) -> None:
        verdict = judged(history)
        assert said(verdict) == f"unknown: {reason}"
        assert verdict.points is None

    @pytest.mark.parametrize(("bad", "outcome"), [(2, "passed"), (3, "unknown")])
    def test_a_tenth_of_bad_looks_before_the_fault_is_the_most(self, bad: int, outcome: str) -> None:
        """20 looks lie within `hold`, 2 s, before the fault."""
        assert judged(History().fault().looks(f"85+ {bad}- {15 - bad}+ 20- 50+")).outcome == outcome

    def test_a_look_that_hangs_when_the_fault_begins_belongs_to_it(self) -> None:
        """It was sent before and failed after: no failure before the fault, and no time before the fault counts."""
        hung = Sample(n=500, planned_s=9.5, sent_s=9.5, done_s=10.5, seen=Seen.BAD, why="timeout", seq=0)
        verdict = judged(History().fault().samples([hung]).looks("100+ 20- 50+"))
        assert verdict.outcome is Outcome.PASSED
        assert (verdict.measured["outage_s"].low, verdict.measured["outage_s"].high) == (1.9, 2.502)


class TestComingBack:
    def test_flapping_is_one_outage(self) -> None:
        """Good for 1.9 s, less than `hold`, then bad again."""
        verdict = judged(History().fault().looks("100+ 10- 20+ 10- 50+"))
        assert said(verdict) == "passed: orders down for 4 s ± 101 ms; limit 5 s"

    def test_good_for_as_long_as_hold_ends_it(self) -> None:
        """21 looks, the first and last of them 2 s apart."""
        verdict = judged(History().fault().looks("100+ 10- 21+ 9- 50+"))
        assert said(verdict) == "passed: orders down for 1 s ± 101 ms, the longest of 2 interruptions; limit 5 s"

    def test_the_longest_of_several_interruptions_decides(self) -> None:
        verdict = judged(History().fault().looks("100+ 1- 30+ 60- 50+"))
        assert said(verdict) == "failed: orders down for 6 s ± 101 ms; limit 5 s"

    def test_one_that_was_certainly_too_long_decides_over_one_of_which_less_is_known(self) -> None:
        """6 s and little more; then something between 0.1 s and 8.2 s, for the probe was blind."""
        verdict = judged(History().fault().looks("100+ 61- 30+ 2- 80? 30+"))
        assert said(verdict) == "failed: orders down for 6.1 s ± 101 ms; limit 5 s"

    def test_an_interruption_after_a_recovery_and_another_fault_is_that_one_s(self) -> None:
        history = History().fault().fault("later", acting=14.5, effect=14.5).looks("100+ 20- 30+ 60- 50+")
        assert said(judged(history)) == "passed: orders down for 2 s ± 101 ms; limit 5 s"

    def test_an_interruption_by_faults_that_began_together_is_each_one_s(self) -> None:
        history = History().fault().fault("twin", acting=10.05, effect=10.05).looks("100+ 1+ 20- 30+ 60- 50+")
        assert judged(history).outcome is Outcome.FAILED

    @pytest.mark.parametrize(("looks", "outcome"), [(21, "passed"), (20, "unknown")])
    def test_good_looks_must_go_on_for_hold(self, looks: int, outcome: str) -> None:
        assert judged(History().fault().looks(f"100+ 20- {looks}+")).outcome == outcome

    def test_hold_of_nothing_needs_one_good_look(self) -> None:
        assert judged(History().fault().looks("100+ 20- +"), hold_s=0).outcome is Outcome.PASSED

    def test_good_looks_around_a_blind_gap_do_not_count_as_lasting(self) -> None:
        """Back at 12.0 s, then blind for longer than half of `hold`: only what begins after the gap is seen to last."""
        verdict = judged(History().fault().looks("100+ 20- + 15? 30+"))
        assert verdict.measured["outage_s"].high == 3.702
        assert judged(History().fault().looks("100+ 20- + 9? 30+")).measured["outage_s"].high == 2.102

    def test_a_slow_probe_is_judged_by_its_own_distance(self) -> None:
        history = History().opened(every_s=2).fault().looks("5+ 3- 9+", every_s=2)
        verdict = judged(history, within_s=9, hold_s=4)
        assert said(verdict) == "passed: orders down for 6 s ± 2 s; limit 9 s"
        assert judged(history, within_s=8, hold_s=4).outcome is Outcome.UNKNOWN

    def test_a_fast_probe_finds_what_lies_inside_a_slow_one_s_bounds(self) -> None:
        slow = judged(History().fault().looks("100+ 20- 50+")).measured["outage_s"]
        fast = judged(History().fault().looks("10000+ 1957- 5000+", every_s=0.001, took_s=0.0005)).measured["outage_s"]
        assert slow.low <= fast.low < fast.high <= slow.high


class TestNotComingBack:
    def test_a_limit_that_is_broken_already_fails(self) -> None:
        verdict = judged(History().fault().looks("100+ 100-"))
        assert said(verdict) == "failed: orders did not come back, down for > 9.9 s; limit 5 s"
        assert (verdict.harm, verdict.points, dict(verdict.measured)) == ("not_recovered", 0, {})

    @pytest.mark.parametrize(("bad", "outcome"), [(52, "failed"), (51, "unknown")])
    def test_the_edge_is_the_last_bad_look(self, bad: int, outcome: str) -> None:
        """51 bad looks are 5.0 s apart, first to last: no longer than the limit."""
        assert judged(History().fault().looks(f"100+ {bad}-")).outcome == outcome

    def test_evidence_that_ends_too_early_is_unknown(self) -> None:
        assert said(judged(History().fault().looks("100+ 20- 10+"))) == (
            "unknown: orders was not seen good for 2 s again, down for > 1.9 s; limit 5 s"
        )

    def test_coming_back_because_of_the_healing_is_no_failover(self) -> None:
        verdict = judged(History().fault(healing=17, gone=17.2).looks("100+ 72- 50+"))
        assert said(verdict) == "failed: orders came back only once kill was healed, down for 7.2 s ± 101 ms; limit 5 s"
        assert (verdict.harm, verdict.points) == ("not_recovered", 0)
        assert verdict.measured["outage_s"].high == 7.302

    def test_a_fault_healed_before_the_limit_gave_failover_no_time(self) -> None:
        verdict = judged(History().fault(healing=13, gone=13.1).looks("100+ 31- 50+"))
        assert (
            said(verdict)
            == "unknown: kill was healed before orders was good for 2 s again, down for > 2.9 s; limit 5 s"
        )

    @pytest.mark.parametrize(("healing", "outcome"), [(14.002, "passed"), (14.001999, "unknown")])
    def test_it_must_have_lasted_before_the_healing(self, healing: float, outcome: str) -> None:
        """Back at 12.0 s; the look that makes it 2 s is answered at 14.002 s."""
        assert judged(basic(healing=healing)).outcome == outcome

    def test_coming_back_too_late_but_by_itself_is_late_and_not_lost(self) -> None:
        """It lasted only when seen together with the looks after the healing, which began meanwhile."""
        verdict = judged(History().fault(healing=17, gone=17).looks("100+ 60- 50+"))
        assert said(verdict) == "failed: orders down for 6 s ± 101 ms; limit 5 s"
        assert verdict.harm == "over_rto"

    def test_never_coming_back_even_after_the_healing_says_so(self) -> None:
        assert said(judged(History().fault(healing=17).looks("100+ 100-"))) == (
            "failed: orders did not come back, down for > 9.9 s; limit 5 s"
        )

    def test_a_look_that_the_healing_broke_is_not_the_fault_s(self) -> None:
        """Sent just before, failed just after: restarting what was killed may drop a request."""
        broken = Sample(n=500, planned_s=16.9995, sent_s=16.9995, done_s=17.01, seen=Seen.BAD, why="reset", seq=0)
        history = basic(healing=17, gone=17).samples([broken])
        assert judged(history).outcome is Outcome.PASSED
        assert judged(History().fault(healing=17).looks("200+").samples([broken])).outcome is Outcome.PASSED

    def test_a_look_that_hung_into_the_healing_is_the_fault_s(self) -> None:
        """Every tenth request hangs: sent while all others are good, long before the healing, and never answered."""
        hung = Sample(n=500, planned_s=13.5, sent_s=13.55, done_s=14.55, seen=Seen.BAD, why="timeout", seq=0)
        assert judged(basic(healing=14.1)).outcome is Outcome.PASSED
        assert judged(basic(healing=14.1).samples([hung])).outcome is Outcome.UNKNOWN

    def test_an_answer_that_came_only_with_the_healing_is_none(self) -> None:
        """Requests hang during the whole fault and are answered the moment it is taken away."""
        hanging = [Sample(n=500 + n, planned_s=15 + n / 10, sent_s=15 + n / 10, done_s=18.01, seen=Seen.GOOD, seq=0)
                   for n in range(30)]  # fmt: skip
        history = History().fault(healing=18, gone=18).looks("100+ 50- 30. 50+").samples(hanging)
        assert judged(history, within_s=6).outcome is Outcome.UNKNOWN
        assert judged(history, within_s=4).harm == "not_recovered"


def test_no_time_at_all_is_no_limit() -> None:
    with pytest.raises(ValueError, match="no time at all") as caught:
        failover(within_s=0)
    assert caught.value.args[0] == "within"


def test_a_run_goes_on_until_the_latest_allowed_recovery_has_lasted() -> None:
    check = failover(within_s=5, hold_s=2)
    assert isinstance(check, Waits)
    assert (check.horizon().after, check.horizon().for_s) == ("kill", 8)


# The rest holds the check against simulated truth: one outage [a, b), in which requests sent get no answer.

MICROSECONDS = 1_000_000


class Truth:
    """What really was, and what a probe with such a plan would see of it. All times in microseconds."""

    def __init__(self, *, seed: int, outage_us: int, delay_us: int, every_us: int, blind: float) -> None:
        rng = random.Random(seed)
        self.acting_us = 10 * MICROSECONDS + rng.randrange(MICROSECONDS)
        self.from_us = self.acting_us + delay_us
        self.to_us = self.from_us + outage_us
        self.end_us = self.to_us + 40 * MICROSECONDS
        self.looks: list[Sample] = []
        phase_us = rng.randrange(every_us)
        for n, planned_us in enumerate(range(phase_us, self.end_us, every_us)):
            sent_us = planned_us + rng.randrange(every_us // 2 + 1)
            down = self.from_us <= sent_us < self.to_us
            seen = Seen.BLIND if rng.random() < blind else Seen.BAD if down else Seen.GOOD
            took_us = (
                rng.choice([300, 5_000, MICROSECONDS]) if seen is not Seen.GOOD else rng.choice([1, 300, 5_000, 90_000])
            )
            self.looks.append(Sample(n=n, planned_s=planned_us / 1e6, sent_s=sent_us / 1e6, done_s=(sent_us + took_us) / 1e6,
                                     seen=seen, seq=0))  # fmt: skip

    @property
    def lasted_s(self) -> float:
        return (self.to_us - self.from_us) / 1e6

    def history(self, *, looks: list[Sample] | None = None, healed_after_us: int | None = None) -> History:
        healing_s = None if healed_after_us is None else (self.acting_us + healed_after_us) / 1e6
        history = History().fault(acting=self.acting_us / 1e6, effect=(self.acting_us + 1000) / 1e6, healing=healing_s)
        return history.samples(sorted(self.looks if looks is None else looks, key=lambda one: one.done_s))


def truths(*blind: float) -> st.SearchStrategy[Truth]:
    return st.builds(
        Truth,
        seed=st.integers(0, 10**9),
        outage_us=st.integers(1, 12 * MICROSECONDS),
        delay_us=st.integers(0, 2 * MICROSECONDS),
        every_us=st.sampled_from([37_000, 100_000, 250_000, 1_000_000]),
        blind=st.sampled_from(blind or (0.0, 0.0, 0.1, 0.5, 0.9)),
    )


LIMITS = st.sampled_from([0.05, 0.5, 1.0, 2.0, 4.0, 8.0])
SEEDS = st.integers(0, 10**9).map(random.Random)
HEALED = st.none() | st.integers(MICROSECONDS, 30 * MICROSECONDS)


@given(truths(), LIMITS, HEALED)
def test_bounds_hold_the_truth_and_no_verdict_contradicts_it(truth: Truth, within_s: float, healed: int | None) -> None:
    verdict = judged(truth.history(healed_after_us=healed), within_s)
    outage = verdict.measured.get("outage_s")
    if outage is not None:
        assert outage.low <= truth.lasted_s <= outage.high
    if verdict.outcome is Outcome.PASSED:
        assert truth.lasted_s <= within_s
    if verdict.outcome is Outcome.FAILED:
        assert truth.lasted_s > within_s


@given(truths(), st.floats(0.01, 15))
def test_a_limit_well_outside_the_bounds_is_never_unknown(truth: Truth, within_s: float) -> None:
    """Seen at all, and nothing healed: then only a limit inside the bounds is unknown."""
    verdict = judged(truth.history(), within_s)
    outage = verdict.measured.get("outage_s")
    if outage is not None and not outage.low <= within_s < outage.high:
        assert verdict.outcome is (Outcome.PASSED if within_s >= outage.high else Outcome.FAILED)


@given(truths(0.0), st.integers(0, 999))
def test_somebody_who_looks_every_millisecond_agrees_within_that(truth: Truth, phase_us: int) -> None:
    outage = judged(truth.history(), 60).measured.get("outage_s")
    down = [at for at in range(phase_us, truth.end_us, 1000) if truth.from_us <= at < truth.to_us]
    if outage is not None and down:
        seen_s = (down[-1] - down[0] + 1000) / 1e6
        assert outage.low - 0.001 <= seen_s <= outage.high + 0.001


@given(truths(), LIMITS, SEEDS)
def test_blinding_or_removing_looks_never_makes_a_pass_of_a_failure(
    truth: Truth, within_s: float, rng: random.Random
) -> None:
    before = judged(truth.history(), within_s).outcome
    blinded = [replace(one, seen=Seen.BLIND) if rng.random() < 0.3 else one for one in truth.looks]
    removed = [one for one in blinded if one.seen is not Seen.BLIND]
    after = judged(truth.history(looks=blinded), within_s).outcome
    assert (before, after) not in [(Outcome.FAILED, Outcome.PASSED), (Outcome.PASSED, Outcome.FAILED)]
    assert judged(truth.history(looks=removed), within_s).outcome is after


@given(truths(), LIMITS, HEALED, SEEDS)
def test_more_blind_looks_change_nothing(truth: Truth, within_s: float, healed: int | None, rng: random.Random) -> None:
    sent_s = [rng.uniform(0, truth.end_us / 1e6) for _ in range(20)]
    more = [
        Sample(n=10**6 + n, planned_s=t_s, sent_s=t_s, done_s=t_s + 1, seen=Seen.BLIND, seq=0)
        for n, t_s in enumerate(sent_s)
    ]
    plain = judged(truth.history(healed_after_us=healed), within_s)
    blind = judged(truth.history(looks=[*truth.looks, *more], healed_after_us=healed), within_s)
    assert (plain.outcome, plain.harm, plain.measured) == (blind.outcome, blind.harm, blind.measured)


@given(truths(), LIMITS, HEALED, SEEDS)
def test_the_order_of_the_journal_s_lines_does_not_matter(truth: Truth, within_s: float, healed: int | None,
                                                           rng: random.Random) -> None:  # fmt: skip
    history = truth.history(healed_after_us=healed)
    mixed = Evidence(rng.sample(history.events, len(history.events)))
    assert judge(failover(within_s), mixed) == judge(failover(within_s), history.evidence)


@given(st.text("+-?.", max_size=60), st.none() | st.floats(10, 18), st.sampled_from([0.5, 2.0, 5.0]))
def test_no_history_breaks_the_check_and_a_pass_was_seen(pattern: str, healing: float | None, within_s: float) -> None:
    verdict = judged(History().fault(healing=healing).looks("100+ " + pattern), within_s, hold_s=0.5)
    if verdict.outcome is Outcome.PASSED:
        assert verdict.measured["outage_s"].high <= within_s
        assert pattern.count("+") >= 3
