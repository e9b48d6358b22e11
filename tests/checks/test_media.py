"""Packets come every 20 ms from 0 s on; the fault acts at 10 s and heals at 20 s, so packets 500 to 999 are judged.

A history is written as `50+ 3~ 2- 1?`: in time (2 ms), late (400 ms), lost, blind. What follows is in time.
"""

import random
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import FaultName, Measured, Outcome, ProbeName, Ratio, Verdict, Window, judge
from checks.evidence import Sample, Seen
from checks.media import Late, Lost, Media
from tests.checks.history import History, said

TOOK_S = {"+": 0.002, "~": 0.4, "-": 1.0, "?": 0.001}
RANK = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED)


def ms(figure: float) -> timedelta:
    return timedelta(milliseconds=figure)


def late(over_ms: float, at_most: float) -> Late:
    return Late(over=ms(over_ms), at_most=Ratio(at_most))


def media(*limits: Late, lost: float = 0.01, **settings: Any) -> Media:
    return Media(probe=ProbeName("call"), during=FaultName("kill"), late=limits, lost=Lost(at_most=Ratio(lost)),
                 **settings)  # fmt: skip


CALL = Media(probe=ProbeName("call"), during=FaultName("kill"))
"""With its defaults."""


def written(pattern: str) -> str:
    """`3+ -` as `+++-`."""
    return "".join(kind * int(count or 1) for count, kind in re.findall(r"(\d*)([-+?~])", pattern))


def stream(packets: str, *, before: str = "500+", after: str = "50+", took_s: dict[str, float] = TOOK_S,
           timeout_s: float = 1.0, healing: float | None = 20.0, effect: float | None = 10.5) -> History:  # fmt: skip
    """What a probe saw before, during (500 packets, filled up with such that are in time) and after the fault."""
    seen = written(before) + written(packets).ljust(500, "+") + written(after)
    told = History().opened("call", every_s=0.02, timeout_s=timeout_s).fault(effect=effect, healing=healing)
    return told.samples(
        (Sample(n=n, planned_s=n / 50, sent_s=n / 50, done_s=n / 50 + took_s[kind], seq=0, why="" if kind in "+~" else "why",
                seen=Seen.GOOD if kind in "+~" else Seen(kind)) for n, kind in enumerate(seen)),
        probe="call", batch=50,
    )  # fmt: skip


def verdict_of(packets: str, check: Media = CALL, **more: Any) -> Verdict:
    return judge(check, stream(packets, **more).evidence)


def answer(packets: str, check: Media = CALL, **more: Any) -> str:
    return said(verdict_of(packets, check, **more))


class TestLimits:
    @pytest.mark.parametrize(
        ("packets", "answer_"),
        [
            ("", "passed: call: 0 % of 500 packets lost, 0 % > 300 ms, 0 % > 500 ms"),
            ("5-", "passed: call: 1 % of 500 packets lost, 1 % > 300 ms, 1 % > 500 ms"),
            ("6-", "failed: call: 1.2 % of 500 packets lost; limit <= 1%"),
            ("25~", "passed: call: 0 % of 500 packets lost, 5 % > 300 ms, 0 % > 500 ms"),
            ("26~", "failed: call: 5.2 % of 500 packets took longer than 300 ms or never came; limit <= 5%"),
            ("500~", "failed: call: 100 % of 500 packets took longer than 300 ms or never came; limit <= 5%"),
            ("500-", "failed: call: 100 % of 500 packets lost; limit <= 1%"),
        ],
    )
    def test_those_of_a_call_are_kept_up_to_their_edge(self, packets: str, answer_: str) -> None:
        assert answer(packets) == answer_

    @pytest.mark.parametrize(("slow", "outcome"), [("5~", "passed"), ("6~", "failed")])
    def test_of_more_than_half_a_second_a_call_takes_only_one_in_a_hundred(self, slow: str, outcome: str) -> None:
        assert verdict_of(slow, took_s=TOOK_S | {"~": 0.6}).outcome == outcome

    @pytest.mark.parametrize(("packets", "outcome"), [("5- 20~", "passed"), ("5- 21~", "failed"), ("1- 24~", "passed")])
    def test_a_lost_packet_is_late_as_well(self, packets: str, outcome: str) -> None:
        assert verdict_of(packets).outcome == outcome

    @pytest.mark.parametrize(("took_ms", "late_"), [(300.0, "0 %"), (300.001, "100 %")])
    def test_a_packet_is_late_when_it_took_longer_and_not_when_it_took_as_long(
        self, took_ms: float, late_: str
    ) -> None:
        """Each of them, for arithmetic makes a little more than 300 ms of some."""
        told = answer("500~", media(late(300, 1.0)), took_s=TOOK_S | {"~": took_ms / 1000})
        assert told == f"passed: call: 0 % of 500 packets lost, {late_} > 300 ms"

    def test_one_limit_may_be_all_there_is(self) -> None:
        assert answer("100~", media(late(500, 0.01))) == "passed: call: 0 % of 500 packets lost, 0 % > 500 ms"
        assert answer("100~", media()) == "passed: call: 0 % of 500 packets lost"
        assert answer("6-", media()) == "failed: call: 1.2 % of 500 packets lost; limit <= 1%"

    def test_limits_may_forbid_or_allow_everything(self) -> None:
        assert verdict_of("", media(late(300, 0.0), lost=0.0)).outcome is Outcome.PASSED
        assert verdict_of("1-", media(late(300, 1.0), lost=0.0)).outcome is Outcome.FAILED
        assert verdict_of("1~", media(late(300, 0.0), lost=1.0)).outcome is Outcome.FAILED
        assert verdict_of("250- 250~", media(late(300, 1.0), lost=1.0)).outcome is Outcome.PASSED

    def test_a_miss_by_a_hair_does_not_look_like_its_limit(self) -> None:
        packets = written("101-").ljust(100_000, "+")
        told = History().fault(acting=0.0, effect=0.0, healing=100.0).samples(
            (Sample(n=n, planned_s=n / 1000, sent_s=n / 1000, done_s=n / 1000 + 0.0005, seen=Seen(kind), seq=0)
             for n, kind in enumerate(packets)), probe="call", batch=5000)  # fmt: skip
        assert (
            said(judge(media(lost=0.001), told.evidence))
            == "failed: call: 0.101 % of 100 000 packets lost; limit <= 0.1%"
        )

    @pytest.mark.parametrize("over", [timedelta(0), ms(-1)])
    def test_a_limit_that_nothing_can_keep_is_refused(self, over: timedelta) -> None:
        with pytest.raises(ValueError, match="no time at all"):
            Late(over=over, at_most=Ratio(0.01))

    def test_two_limits_for_the_same_time_are_refused(self) -> None:
        with pytest.raises(ValueError, match="two limits for the same time"):
            media(late(300, 0.01), late(300, 0.02))


class TestWindow:
    @pytest.mark.parametrize(
        ("before", "during", "after", "lost"),
        [("500-", "", "50-", "0 %"), ("500+", "-", "50+", "0.2 %"), ("500+", "499+ -", "50+", "0.2 %")],
    )
    def test_it_lies_between_the_first_act_and_the_healing(
        self, before: str, during: str, after: str, lost: str
    ) -> None:
        said_ = answer(during, before=before, after=after)
        assert said_ == f"passed: call: {lost} of 500 packets lost, {lost} > 300 ms, {lost} > 500 ms"

    def test_a_fault_that_was_never_healed_counts_to_the_end(self) -> None:
        assert answer("", healing=None).startswith("passed: call: 0 % of 550 packets lost")

    def test_a_fault_that_was_never_in_effect_proves_nothing(self) -> None:
        assert answer("", effect=None) == "unknown: kill never took effect"

    def test_the_proof_names_the_fault_and_the_bad_looks_and_the_picture_its_time(self) -> None:
        history = stream("100+ 10- 10~")
        verdict = judge(CALL, history.evidence)
        bad = history.evidence.samples("call").only(Seen.BAD)
        assert set(history.evidence.fault("kill").lines) | set(bad.lines()) == set(verdict.proof)
        assert verdict.windows == (Window(lane="probe:call", label="kill", from_s=10.0, to_s=20.0),)

    def test_the_proof_of_lateness_names_the_late_ones(self) -> None:
        history = stream("100+ 30~")
        verdict = judge(CALL, history.evidence)
        slow = [one for one in history.evidence.samples("call") if one.took_s > 0.3]
        assert set(history.evidence.fault("kill").lines) | {one.seq for one in slow} == set(verdict.proof)


class TestNotLooking:
    @pytest.mark.parametrize(
        ("packets", "answer_"),
        [
            ("5?", "passed"),
            ("6?", "unknown: call: 6 of 500 looks were blind (why), so nobody can say whether lost <= 1%"),
            ("1- 4?", "passed"),
            ("1- 5?", "unknown: call: 5 of 500 looks were blind (why), so nobody can say whether lost <= 1%"),
            ("6- 100?", "failed: call: 1.5 % of 400 packets lost; limit <= 1%"),
            ("26~ 100?", "failed: call: 6.5 % of 400 packets took longer than 300 ms or never came; limit <= 5%"),
        ],
    )
    def test_blind_looks_widen_the_bounds_of_what_is_lost(self, packets: str, answer_: str) -> None:
        assert answer(packets).startswith(answer_)

    @pytest.mark.parametrize(
        ("packets", "outcome"), [("20~ 5?", "passed"), ("21~ 5?", "unknown"), ("26~ 5?", "failed")]
    )
    def test_and_of_what_is_late(self, packets: str, outcome: str) -> None:
        verdict = verdict_of(packets)
        assert verdict.outcome == outcome
        if outcome == "unknown":
            assert str(verdict.because).endswith("so nobody can say whether late over 300ms <= 5%")

    def test_the_figures_have_these_bounds(self) -> None:
        measured = verdict_of("10- 20~ 20?", media(late(300, 1.0), lost=1.0)).measured
        assert measured == {
            "lost": Measured(value=10 / 480, low=10 / 500, high=30 / 500, unit="ratio"),
            "late_300ms": Measured(value=30 / 480, low=30 / 500, high=50 / 500, unit="ratio"),
            "looks": Measured.count(500),
            "blind": Measured.count(20),
        }

    def test_nobody_looked(self) -> None:
        assert said(judge(CALL, History().fault(healing=20).evidence)) == "unknown: call never looked"

    @pytest.mark.parametrize(("saw", "outcome"), [(100, "passed"), (99, "unknown")])
    def test_too_few_looks_are_unknown(self, saw: int, outcome: str) -> None:
        told = History().fault(healing=20).looks(f"{saw}+", probe="call", from_s=10.0, every_s=10 / saw)
        assert judge(CALL, told.evidence).outcome == outcome

    def test_a_gap_is_unknown(self) -> None:
        told = History().fault(healing=20).looks("300+ 60. 190+", probe="call", from_s=10.0, every_s=0.02)
        assert said(judge(CALL, told.evidence)) == "unknown: call: nobody looked for 1.22 s of 10 s"


WAITED = ("unknown: call: it waits 499 ms for an answer, so nobody can say how many packets took longer than 500 ms; "
          "limit <= 5%; give it a longer `timeout`")  # fmt: skip


class TestImpatientProbe:
    """A probe that gives up before a packet would be late cannot tell late from lost."""

    @pytest.mark.parametrize(
        ("timeout_s", "lost", "answer_"),
        [
            (0.5, "30-", "failed: call: 6 % of 500 packets took longer than 500 ms or never came; limit <= 5%"),
            (0.499, "30-", WAITED),
            (0.499, "25-", "passed: call: 5 % of 500 packets lost, 5 % > 500 ms"),
        ],
    )  # fmt: skip
    def test_what_it_did_not_wait_for_is_late_only_where_it_waited_long_enough(
        self, timeout_s: float, lost: str, answer_: str
    ) -> None:
        assert answer(lost, media(late(500, 0.05), lost=0.1), timeout_s=timeout_s) == answer_

    def test_what_it_waited_for_in_vain_is_lost_all_the_same(self) -> None:
        assert (
            answer("30-", media(late(500, 0.05)), timeout_s=0.2) == "failed: call: 6 % of 500 packets lost; limit <= 1%"
        )

    def test_late_answers_that_it_did_see_are_late(self) -> None:
        check = media(late(300, 0.05), late(500, 0.05), lost=0.1)
        assert verdict_of("26~", check, timeout_s=0.45).outcome is Outcome.FAILED

    def test_where_none_was_lost_the_blind_ones_are_to_blame(self) -> None:
        assert "were blind" in answer("30?", media(late(500, 0.05), lost=0.1), timeout_s=0.2)


KINDS = st.sampled_from("+~-?")
LIMITS = st.sampled_from([(300, 0.05), (500, 0.01), (100, 0.2), (350, 0.5), (450, 0.0)])
CHECKS = st.builds(lambda limits, lost: media(*(late(*one) for one in limits), lost=lost, at_least=10),
                   st.lists(LIMITS, max_size=3, unique=True), st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]))  # fmt: skip


def outcome_of(check: Media, packets: str, timeout_s: float) -> int:
    """0 failed, 1 unknown, 2 passed."""
    told = History().opened("call", timeout_s=timeout_s).fault(acting=0.0, effect=0.0, healing=len(packets) / 50).samples(
        (Sample(n=n, planned_s=n / 50, sent_s=n / 50, done_s=n / 50 + TOOK_S[kind], seen=Seen.GOOD if kind == "~" else Seen(kind),
                seq=0) for n, kind in enumerate(packets)), probe="call")  # fmt: skip
    verdict = judge(check, told.evidence)
    assert "broke" not in str(verdict.because)
    return RANK.index(verdict.outcome)


PACKETS = st.builds(lambda seen, seed: "".join(random.Random(seed).sample(seen, len(seen))),
                    st.builds(lambda *n: "".join(kind * count for kind, count in zip("+~-?", n, strict=True)),
                              st.integers(10, 100), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)),
                    st.integers(0, 9))  # fmt: skip
TIMEOUTS = st.sampled_from([0.2, 0.42, 0.5, 1.0])


@given(CHECKS, PACKETS, TIMEOUTS, st.data())
def test_looking_away_never_turns_anything_into_a_pass(check: Media, packets: str, timeout_s: float, data: Any) -> None:
    hidden = data.draw(st.sets(st.integers(0, len(packets) - 1)))
    away = "".join("?" if place in hidden else kind for place, kind in enumerate(packets))
    if outcome_of(check, away, timeout_s) == 2:
        assert outcome_of(check, packets, timeout_s) == 2


@given(CHECKS, PACKETS, TIMEOUTS, st.data())
def test_packets_that_come_later_or_not_at_all_never_help(
    check: Media, packets: str, timeout_s: float, data: Any
) -> None:
    worse = "".join(
        data.draw(st.sampled_from("+~-"[max(0, "+~-".index(kind)) :])) if kind != "?" and place % 3 == 0 else kind
        for place, kind in enumerate(packets)
    )
    assert outcome_of(check, worse, timeout_s) <= outcome_of(check, packets, timeout_s)


@given(CHECKS, PACKETS, st.data())
def test_what_a_blind_look_really_was_is_never_contradicted(check: Media, packets: str, data: Any) -> None:
    """A verdict with blind looks says no more than what the truth says, whatever they would have seen."""
    truth = "".join(data.draw(st.sampled_from("+~-")) if kind == "?" else kind for kind in packets)
    told, true = outcome_of(check, packets, 1.0), outcome_of(check, truth, 1.0)
    assert told in (1, true)
