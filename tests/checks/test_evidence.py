"""Events and looks: in whatever order they came, they are found where they belong."""

import random
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.evidence import Event, Evidence, Sample, Samples, Seen, pack, quantile, rank, unpack
from tests.checks.history import History


def look(
    n: int, sent_s: float, seen: Seen = Seen.GOOD, *, took_s: float = 0.001, why: str = "", seq: int = 0
) -> Sample:
    return Sample(n=n, planned_s=sent_s, sent_s=sent_s, done_s=sent_s + took_s, seen=seen, why=why, seq=seq)


LOOKS = st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(0, 2_000_000), st.sampled_from(Seen)), max_size=40).map(
    lambda rows: [
        Sample(n=n, planned_s=sent / 1e6, sent_s=sent / 1e6, done_s=(sent + took) / 1e6, seen=seen,
               why="" if seen is Seen.GOOD else f"why {n}", seq=n // 7)
        for n, (sent, took, seen) in enumerate(rows)
    ]
)  # fmt: skip


@given(LOOKS, st.randoms(use_true_random=False), st.integers(0, 40))
def test_looks_stand_in_the_order_of_sending_however_they_came(
    looks: list[Sample], rng: random.Random, cut: int
) -> None:
    """Even when they are read in between, as a run does while it lasts."""
    shuffled = rng.sample(looks, len(looks))
    samples = Samples("orders", shuffled[:cut])
    assert len(list(samples)) == min(cut, len(looks))
    for one in shuffled[cut:]:
        samples.add(one)
    assert list(samples) == sorted(looks, key=lambda one: (one.sent_s, one.n))


@given(LOOKS)
def test_looks_come_out_of_a_journal_line_as_they_went_in(looks: list[Sample]) -> None:
    event = Event(seq=3, t_s=9, at="", kind="probe.sampled", source="probe:orders", data=pack("orders", looks))
    kept = [replace(one, seq=3) for one in sorted(looks, key=lambda one: (one.sent_s, one.n))]
    assert list(unpack(event)) == kept
    assert list(Evidence([event]).samples("orders")) == kept


@pytest.mark.parametrize(
    "change",
    [{"n": [0]}, {"sent_us": [0, 1, 2]}, {"took_us": []}, {"seen": "+"}, {"seen": "+x"}, {"planned_us": [1]}],
    ids=lambda change: next(iter(change)),
)
def test_a_batch_whose_columns_do_not_fit_is_refused_whole(change: dict[str, object]) -> None:
    samples = Samples("orders")
    with pytest.raises(ValueError, match="line 7"):
        samples.take({**pack("orders", [look(0, 0.0), look(1, 0.1)]), **change}, 7)
    assert len(samples) == 0
    assert list(samples) == []


def test_a_window_holds_its_beginning_and_not_its_end() -> None:
    samples = Samples("orders", [look(n, n / 10) for n in range(10)])
    assert [one.n for one in samples.between(0.2, 0.5)] == [2, 3, 4]
    assert [one.n for one in samples.between(0.2, 0.500001)] == [2, 3, 4, 5]
    assert len(samples.between(0.201, 0.299)) == 0


def test_looks_are_counted_found_and_picked_by_what_they_saw() -> None:
    samples = History().looks("2+ - ? + -").evidence.samples("orders")
    assert [samples.count(seen) for seen in (Seen.GOOD, Seen.BAD, Seen.BLIND)] == [3, 2, 1]
    assert samples.success == pytest.approx(3 / 5)
    assert [samples.first(Seen.BAD), samples.first(Seen.BAD, 3), samples.first(Seen.BLIND, 4)] == [2, 5, None]
    assert [samples.last(Seen.GOOD), samples.last(Seen.GOOD, before=4), samples.last(Seen.BAD, before=2)] == [
        4,
        1,
        None,
    ]
    assert list(samples.only(Seen.BAD).numbers()) == [2, 5]
    assert [one.why for one in samples.only(Seen.BAD)] == ["refused", "refused"]
    assert [one.n for one in samples.where([one.n % 2 == 0 for one in samples])] == [0, 2, 4]
    assert [one.n for one in samples[1:3]] == [1, 2]


def test_blind_looks_alone_give_no_success_rate() -> None:
    assert History().looks("5?").evidence.samples("orders").success is None
    assert Samples("orders").success is None


def test_lines_of_looks_are_named_once_each() -> None:
    assert History().looks("12+", batch=5).evidence.samples("orders").lines() == (0, 1, 2)


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(0, 1000))
def test_a_quantile_is_the_smallest_value_that_enough_do_not_exceed(values: list[int], thousandths: int) -> None:
    share = thousandths / 1000
    ordered = sorted(values)
    found = quantile(ordered, share)
    assert found in values
    assert sum(one <= found for one in values) * 1000 >= thousandths * len(values)
    smaller = [one for one in values if one < found]
    assert not smaller or sum(one <= max(smaller) for one in values) * 1000 < thousandths * len(values)


def test_a_quantile_of_nothing_is_nothing() -> None:
    assert quantile([], 0.5) is None


@pytest.mark.parametrize(
    ("count", "share", "place"), [(100, 0.07, 6), (100, 0.99, 98), (1, 0.99, 0), (10, 0, 0), (10, 1, 9)]
)
def test_the_rank_is_not_moved_by_binary_fractions(count: int, share: float, place: int) -> None:
    assert rank(count, share) == place


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_events_are_added_does_not_matter(rng: random.Random) -> None:
    history = (
        History().fault().fault("drop", acting=3, effect=4).steady(0, 5).looks("9+ - 9+").looks("5+", probe="shop")
    )
    whole, mixed = history.evidence, Evidence(rng.sample(history.events, len(history.events)))
    assert list(mixed.events) == list(whole.events)
    assert mixed.ended_s == whole.ended_s
    assert mixed.faults == whole.faults == ["kill", "drop"]
    assert mixed.probes == whole.probes == ["orders", "shop"]
    assert mixed.fault("kill") == whole.fault("kill")
    assert list(mixed.samples("orders")) == list(whole.samples("orders"))


def test_events_are_found_by_kind_and_by_what_they_say() -> None:
    evidence = History().event(1, "a.done", x=1).event(2, "a.done", x=2).event(3, "b.done", x=1).evidence
    assert [event.t_s for event in evidence.of("a.done")] == [1, 2]
    assert [event.t_s for event in evidence.of("a.done", x=2)] == [2]
    assert evidence.of("a.done", y=None) == evidence.of("a.done")
    first, last, none = evidence.first("a.done"), evidence.last("a.done"), evidence.first("c.done")
    assert (first and first.t_s, last and last.t_s, none) == (1, 2, None)


def test_batches_of_looks_do_not_stay_among_the_events() -> None:
    evidence = History().looks("20+").event(9, "run.closed").evidence
    assert [event.kind for event in evidence.events] == ["run.closed"]
    assert evidence.ended_s == 9


def test_a_probe_that_never_looked_has_no_looks_and_no_name() -> None:
    evidence = History().opened(every_s=0.02).evidence
    assert (len(evidence.samples("orders")), evidence.probes) == (0, [])
    assert (evidence.every_s("orders"), evidence.every_s("shop")) == (0.02, None)


def test_a_fault_is_in_effect_when_the_last_of_its_targets_is() -> None:
    fault = (
        History().fault(acting=1, effect=2, target="a").fault(acting=1.5, effect=4, target="b").evidence.fault("kill")
    )
    assert (fault.acting_s, fault.effect_s, fault.trouble) == (1, 4, "")


def test_a_fault_with_one_target_left_out_is_not_in_effect() -> None:
    history = History().fault(acting=1, effect=2, target="a").fault(acting=1, effect=None, target="b")
    history.event(5, "injection.unverified", injection="kill-b", fault="kill", why="still answers")
    fault = history.evidence.fault("kill")
    assert (fault.effect_s, fault.trouble) == (None, "still answers")


def test_a_fault_is_over_when_its_first_target_is_healed_and_gone_when_its_last_is() -> None:
    history = History().fault(healing=20, gone=21, target="a").fault(healing=30, gone=31, target="b")
    fault = history.evidence.fault("kill")
    assert (fault.healing_s, fault.gone_s, fault.until_s) == (20, 31, 20)


def test_trouble_that_passed_is_no_trouble() -> None:
    history = History().fault(acting=1, effect=None).event(2, "injection.unverified", injection="kill-primary", fault="kill",
                                                           why="not yet")  # fmt: skip
    assert history.evidence.fault("kill").trouble == "not yet"
    history.event(3, "injection.verified", injection="kill-primary", fault="kill", in_effect=True)
    assert history.evidence.fault("kill").trouble == ""
    history.event(4, "injection.heal_failed", injection="kill-primary", fault="kill", why="busy")
    assert history.evidence.fault("kill").trouble == "busy"
    history.event(5, "injection.gone", injection="kill-primary", fault="kill")
    assert history.evidence.fault("kill").trouble == ""


def test_a_fault_that_was_skipped_says_why_and_has_no_times() -> None:
    fault = History().event(1, "fault.skipped", fault="kill", why="its condition never came").evidence.fault("kill")
    assert (fault.acting_s, fault.effect_s, fault.until_s) == (None, None, None)
    assert (fault.trouble, fault.lines) == ("its condition never came", (0,))


def test_a_verification_that_saw_no_effect_is_none() -> None:
    history = History().fault(effect=None).event(12, "injection.verified", injection="kill-primary", fault="kill",
                                                 in_effect=False)  # fmt: skip
    assert history.evidence.fault("kill").effect_s is None


def test_hundreds_of_thousands_of_looks_in_disorder_are_read_in_seconds() -> None:
    """They end out of order, and inserting each where it belongs would take minutes."""
    rng = random.Random(1)
    looks = sorted((look(n, n * 0.02, took_s=1.0 if rng.random() < 0.05 else 0.003) for n in range(300_000)),
                   key=lambda one: one.done_s)  # fmt: skip
    events = History().samples(looks, batch=12).events
    began = time.perf_counter()
    samples = Evidence(events).samples("orders")
    assert list(samples.numbers()) == list(range(300_000))
    assert len(samples.between(100, 200)) == 5000
    assert time.perf_counter() - began < 10  # 0.5 s on two old cores; a mistake here costs powers of ten


def test_reading_between_batches_costs_no_more_than_the_batch() -> None:
    rng = random.Random(1)
    looks = sorted((look(n, n * 0.02, took_s=1.0 if rng.random() < 0.05 else 0.003) for n in range(60_000)),
                   key=lambda one: one.done_s)  # fmt: skip
    evidence, began = Evidence(), time.perf_counter()
    for event in History().samples(looks, batch=12).events:
        evidence.add(event)
        assert evidence.samples("orders").first(Seen.BAD) is None
    assert time.perf_counter() - began < 10  # 0.3 s; sorting everything each time would take minutes


def test_a_look_that_ended_long_after_all_others_stands_where_it_was_sent() -> None:
    """Farther away than any block that is sorted at a time."""
    looks = [look(n, n * 0.02) for n in range(1, 150_000)]
    samples = Samples("p", [*looks, look(0, 0.0, took_s=3_000.0), look(70_000, 70_000 * 0.02 - 600)])

    assert [one.n for one in samples[:3]] == [0, 1, 2]
    assert samples[-1].n == 149_999
    sent = list(samples.columns()[0])
    assert sent == sorted(sent)
