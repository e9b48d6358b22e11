"""Looks come every 100 ms from 0 s on and take 2 ms; the fault acts at 10 s and is in effect at 10.01 s.

In `100+ 20- 80+` the writes 0 to 99 and 120 to 199 are acknowledged, the last before the fault at 9.902 s.
"""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import Outcome, ProbeName, Verdict, Window, judge
from checks.data_loss import DataLoss
from checks.evidence import Evidence, Sample, Seen
from tests.checks.history import History, said


def data_loss(at_most: int | None = None, rpo_s: float | None = None, at_least: int = 20) -> DataLoss:
    return DataLoss(probe=ProbeName("orders"), at_most=at_most, at_least=at_least,
                    rpo=None if rpo_s is None else timedelta(seconds=rpo_s))  # fmt: skip


def written(looks: str = "100+ 20- 80+") -> History:
    return History().opened().fault(effect=10.01).looks(looks)


def judged(history: History, **limits: float | None) -> Verdict:
    return judge(data_loss(**limits), history.evidence)  # type: ignore[arg-type]


def test_all_there_passes() -> None:
    verdict = judged(written().read_back((0, 99), (120, 199)))
    assert said(verdict) == "passed: all 180 acknowledged orders are there"
    assert (verdict.measured["missing"].value, verdict.measured["acknowledged"].value) == (0, 180)


def test_what_was_never_acknowledged_may_be_missing_or_there() -> None:
    verdict = judged(written().read_back((0, 105), (110, 199)))
    assert said(verdict) == "passed: all 180 acknowledged orders are there"
    assert verdict.measured["unacknowledged_present"].value == 16


def test_acknowledged_and_missing_fails_and_says_which() -> None:
    verdict = judged(written().read_back((0, 96), (120, 199)))
    assert said(verdict) == (
        "failed: 3 of 180 acknowledged orders missing (numbers 97-99, last 98 ms before kill); limit 0"
    )
    assert (verdict.harm, verdict.points) == ("data_lost", 0)
    assert verdict.windows == (Window(lane="probe:orders", label="lost", from_s=9.702, to_s=9.902),)


def test_writes_lost_in_several_places_are_listed_up_to_the_third() -> None:
    some = judged(written().read_back((0, 1), (3, 9), (12, 95), (97, 99), (120, 199)))
    assert "(numbers 2, 10-11, 96, last" in str(some.because)
    many = judged(written().read_back((0, 1), (3, 9), (12, 95), (97, 97), (99, 99), (120, 199)))
    assert "(numbers 2, 10-11, 96, …, last" in str(many.because)


def test_writes_lost_during_the_fault_say_so() -> None:
    """A primary that was cut off goes on acknowledging, and all that is thrown away later."""
    verdict = judged(written("200+").read_back((0, 109), (131, 199)))
    assert said(verdict) == (
        "failed: 21 of 200 acknowledged orders missing (numbers 110-130, last 3 s into kill); limit 0"
    )
    assert (verdict.measured["rpo_s"].low, verdict.measured["rpo_s"].high) == (2.0, 2.1)


def test_the_proof_is_the_reading_the_fault_and_the_first_and_last_missing_write() -> None:
    history = History().fault().looks("100+ 20- 80+", batch=1)
    lines = {int(event.data["n"][0]): event.seq for event in history.events if event.kind == "probe.sampled"}
    history.read_back((0, 96), (120, 199))
    fault = history.evidence.fault("kill").lines
    assert judged(history).proof == tuple(sorted({*fault, lines[97], lines[99], history.events[-1].seq}))


class TestCount:
    @pytest.mark.parametrize(("at_most", "outcome"), [(3, "passed"), (2, "failed"), (0, "failed"), (None, "failed")])
    def test_as_many_as_allowed_pass_and_one_more_does_not(self, at_most: int | None, outcome: str) -> None:
        assert judged(written().read_back((0, 96), (120, 199)), at_most=at_most).outcome == outcome

    def test_a_loss_within_the_limit_is_told_all_the_same(self) -> None:
        assert said(judged(written().read_back((0, 96), (120, 199)), at_most=3)) == (
            "passed: 3 of 180 acknowledged orders missing (numbers 97-99, last 98 ms before kill); limit 3"
        )


class TestReach:
    """97 was acknowledged at 9.702 s and 96, the last one kept, at 9.602 s; the fault came between 10 s and 10.01 s.

    So the loss reaches back by 10 - 9.702 = 298 ms at least, and by 10.01 - 9.602 = 408 ms at most.
    """

    @pytest.mark.parametrize(
        ("rpo_s", "outcome"), [(0.408, "passed"), (0.407999, "unknown"), (0.298, "unknown"), (0.297999, "failed")]
    )
    def test_a_limit_inside_the_bounds_is_unknown_and_outside_it_is_not(self, rpo_s: float, outcome: str) -> None:
        verdict = judged(written().read_back((0, 96), (120, 199)), rpo_s=rpo_s)
        assert verdict.outcome == outcome
        assert (verdict.measured["rpo_s"].low, verdict.measured["rpo_s"].high) == (0.298, 0.408)

    def test_it_is_told_beside_its_limit(self) -> None:
        history = written().read_back((0, 96), (120, 199))
        lead = "3 of 180 acknowledged orders missing (numbers 97-99, last 98 ms before kill), which reaches back 353 ms ± 55 ms"
        assert said(judged(history, rpo_s=1)) == f"passed: {lead}; limit 1 s"
        assert said(judged(history, rpo_s=0.2)) == f"failed: {lead}; limit 200 ms"
        assert said(judged(history, rpo_s=0.3)) == f"unknown: {lead}, too coarse for limit 300 ms"

    def test_with_both_limits_each_must_hold(self) -> None:
        history = written().read_back((0, 96), (120, 199))
        assert judged(history, at_most=3, rpo_s=1).outcome is Outcome.PASSED
        assert judged(history, at_most=2, rpo_s=1).outcome is Outcome.FAILED
        assert judged(history, at_most=3, rpo_s=0.1).outcome is Outcome.FAILED

    def test_with_nothing_kept_before_it_reaches_back_to_the_first_look(self) -> None:
        assert judged(written().read_back((120, 199))).measured["rpo_s"].high == 10.01

    def test_of_several_faults_the_nearest_counts(self) -> None:
        history = written().fault("later", acting=14, effect=14).read_back((0, 96), (120, 199))
        assert "before kill" in str(judged(history).because)
        history = written().fault("later", acting=14, effect=14).read_back((0, 99), (120, 138), (140, 199))
        assert "(numbers 139, last 98 ms before later)" in str(judged(history).because)

    def test_a_loss_without_any_fault_is_a_loss(self) -> None:
        assert said(judged(History().opened().looks("100+").read_back((0, 96)))) == (
            "failed: 3 of 100 acknowledged orders missing (numbers 97-99); limit 0"
        )


class TestUnknown:
    @pytest.mark.parametrize(
        ("history", "reason"),
        [
            (History().fault(), "orders was not read back"),
            (written(), "orders was not read back"),
            (History().opened(writes=False).fault().looks("200+"), "orders writes nothing that could be lost"),
            (written().event(50, "probe.read_back_failed", probe="orders", why="timed out"),
             "orders could not be read back: timed out"),
            (written().read_back((0, 199), probe="shop"), "orders was not read back"),
            (History().opened().looks("200+").read_back((0, 199)),
             "all 200 acknowledged orders are there, but no fault put them at risk"),
            (History().opened().fault(effect=None).looks("200+").read_back((0, 199)),
             "all 200 acknowledged orders are there, but no fault put them at risk"),
            (written("81- 19+ 200-").read_back((81, 99)), "only 19 orders were acknowledged around the faults, 20 are needed"),
            (written("40+ 200-").read_back((0, 39)), "only 0 orders were acknowledged around the faults, 20 are needed"),
            (written("200?").read_back((0, 199)), "only 0 orders were acknowledged around the faults, 20 are needed"),
            (written("").read_back(), "only 0 orders were acknowledged around the faults, 20 are needed"),
        ],
    )  # fmt: skip
    def test_what_was_not_put_at_risk_or_not_read_is_unknown(self, history: History, reason: str) -> None:
        assert said(judged(history)) == f"unknown: {reason}"

    def test_twenty_acknowledged_just_before_the_fault_suffice(self) -> None:
        assert judged(written("80- 20+ 100-").read_back((80, 99))).outcome is Outcome.PASSED
        assert judged(written("30- 20+ 100-").read_back((30, 49))).outcome is Outcome.UNKNOWN  # more than 5 s before

    def test_writes_acknowledged_after_the_healing_were_never_at_risk(self) -> None:
        history = History().opened().fault(healing=12).looks("40+ 80- 100+").read_back((0, 39), (120, 219))
        assert judged(history, at_least=2).outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize(("strange", "outcome"), [(11, "passed"), (12, "unknown")])
    def test_more_strange_numbers_than_could_be_under_way_make_the_reading_unbelievable(
        self, strange: int, outcome: str
    ) -> None:
        """With a timeout of 1 s and a look each 100 ms, ten writes and one may have been under way at the end."""
        verdict = judged(written("200+").read_back((0, 199 + strange)))
        assert verdict.outcome == outcome

    def test_a_reading_of_everything_is_not_believed(self) -> None:
        verdict = judged(written("200+").read_back((-5, 10**9)))
        assert said(verdict) == ("unknown: 999 999 806 writes of orders are there that were never sent, "
                                 "so the reading cannot be believed")  # fmt: skip

    def test_a_failed_reading_after_a_good_one_does_not_spoil_it(self) -> None:
        history = written("200+").read_back((0, 199)).event(200, "probe.read_back_failed", probe="orders", why="gone")
        assert judged(history).outcome is Outcome.PASSED


def test_a_write_acknowledged_after_the_reading_is_not_missing() -> None:
    assert judged(written("200+").read_back((0, 149), t_s=15.0)).outcome is Outcome.PASSED
    assert judged(written("200+").read_back((0, 148), t_s=15.0)).outcome is Outcome.FAILED


def test_ranges_may_overlap_and_stand_in_any_order() -> None:
    assert judged(written().read_back((120, 199), (50, 99), (0, 60), (10, 20))).outcome is Outcome.PASSED


def test_fewer_than_no_missing_writes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be missing"):
        data_loss(at_most=-1)


@given(
    st.lists(st.tuples(st.sampled_from("+-?"), st.booleans()), min_size=1, max_size=80),
    st.integers(0, 3),
    st.integers(0, 10**9),
)
def test_what_is_missing_is_what_was_acknowledged_and_is_not_there(
    rows: list[tuple[str, bool]], at_most: int, seed: int
) -> None:
    """Held against plain sets, with the journal's lines in any order."""
    there = {n for n, (_, present) in enumerate(rows) if present}
    acknowledged = {n for n, (seen, _) in enumerate(rows) if seen == "+"}
    history = History().opened().fault(acting=1, effect=1).looks("".join(seen for seen, _ in rows))
    history.read_back(*[(n, n) for n in random.Random(seed).sample(sorted(there), len(there))])
    mixed = Evidence(random.Random(seed).sample(history.events, len(history.events)))
    verdict = judge(data_loss(at_most=at_most, at_least=0), mixed)
    assert verdict == judged(history, at_most=at_most, at_least=0)
    missing = acknowledged - there
    assert verdict.measured["missing"].value == len(missing)
    assert (verdict.outcome is Outcome.FAILED) == (len(missing) > at_most)
    assert verdict.outcome is not Outcome.PASSED or acknowledged


@given(
    lost_us=st.integers(1, 2_000_000),
    kill_us=st.integers(5_000_000, 6_000_000),
    every_us=st.sampled_from([1_000, 20_000, 100_000]),
)
def test_the_bounds_of_the_window_hold_the_truth(lost_us: int, kill_us: int, every_us: int) -> None:
    """All that was acknowledged within `lost_us` before the kill is gone."""
    safe_until_us = kill_us - lost_us
    looks = [Sample(n=n, planned_s=us / 1e6, sent_s=us / 1e6, done_s=(us + 500) / 1e6,
                    seen=Seen.GOOD if us + 500 <= kill_us else Seen.BAD, seq=0)
             for n, us in enumerate(range(0, kill_us + 100_000, every_us))]  # fmt: skip
    kept = sum(round(one.done_s * 1e6) <= safe_until_us for one in looks if one.seen is Seen.GOOD)
    history = History().fault(acting=kill_us / 1e6, effect=(kill_us + 700) / 1e6).samples(looks)
    history.read_back(*([(0, kept - 1)] if kept else []))
    verdict = judged(history, at_most=0)
    if verdict.outcome is Outcome.FAILED:
        window = verdict.measured["rpo_s"]
        assert window.low <= lost_us / 1e6 <= window.high
    else:
        assert lost_us < every_us
