"""The timeline: what is kept of a long run, and what must never be thinned away."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import Sample, Samples, Seen, Window
from reports.timeline import POINTS_MAX, STRETCHES_MAX, points, spans, stretches, timeline
from tests.reports import specimen


def samples(seen: str, every_s: float = 1.0, took_s: float = 0.01) -> Samples:
    """One look a second, seen as `+`, `-` and `?`; a blank is a look that was never sent."""
    return Samples(
        "orders",
        [
            Sample(n=n, planned_s=n * every_s, sent_s=n * every_s, done_s=n * every_s + took_s, seen=Seen(one), seq=n)
            for n, one in enumerate(seen)
            if one != " "
        ],
    )


def drawn(seen: str, most: int = STRETCHES_MAX) -> list[tuple[str, float, float, int]]:
    return [(one.seen, one.from_s, one.to_s, one.looks) for one in stretches(samples(seen), 1.0, most)]


def test_looks_in_a_row_that_saw_the_same_are_one_stretch() -> None:
    assert drawn("++--?+") == [("+", 0, 2, 2), ("-", 2, 4, 2), ("?", 4, 5, 1), ("+", 5, 6, 1)]


def test_not_having_looked_is_a_gap_and_never_good() -> None:
    assert drawn("++      ++") == [("+", 0, 2, 2), ("+", 8, 10, 2)]


def test_a_look_or_two_left_out_is_no_gap() -> None:
    assert drawn("++  ++") == [("+", 0, 6, 4)]


def test_nothing_looked_at_is_nothing_drawn() -> None:
    assert drawn("") == []
    assert points(Samples("orders")) == ((), False)


def test_too_many_stretches_are_drawn_as_the_worst_that_each_holds() -> None:
    merged = stretches(samples("+-" * 500), 1.0, 10)
    assert len(merged) <= 11
    assert all(one.seen is Seen.BAD for one in merged)
    assert sum(one.looks for one in merged) == 1000
    assert sum(one.bad for one in merged) == 500


def test_a_stretch_says_why_the_first_look_failed() -> None:
    looks = specimen.orders().samples
    assert [one.why for one in stretches(looks, 0.02)] == ["", "connection refused", ""]


def test_few_looks_are_all_kept_except_blind_ones_which_took_no_time_of_the_systems() -> None:
    kept, thinned = points(samples("+-?+"))
    assert not thinned
    assert [(one.t_s, one.good) for one in kept] == [(0, True), (1, False), (3, True)]


@given(st.lists(st.tuples(st.sampled_from("+-?"), st.floats(0.001, 2)), min_size=31, max_size=400))
def test_thinning_keeps_the_fastest_the_slowest_and_the_worst(looks: list[tuple[str, float]]) -> None:
    made = Samples(
        "orders",
        [
            Sample(n=n, planned_s=n, sent_s=n, done_s=n + took_s, seen=Seen(seen), seq=n)
            for n, (seen, took_s) in enumerate(looks)
        ],
    )
    kept, thinned = points(made, 30)
    assert len(kept) <= 30
    for good in (True, False):
        all_took = [one.took_s for one in made if one.seen is (Seen.GOOD if good else Seen.BAD)]
        kept_took = [one.took_s for one in kept if one.good is good]
        if all_took:
            assert max(kept_took) == pytest.approx(max(all_took))
        if all_took and good:
            assert min(kept_took) == pytest.approx(min(all_took))
    assert thinned or len(kept) == sum(seen != "?" for seen, _ in looks)


def test_a_few_bad_looks_are_all_kept_among_many_good_ones() -> None:
    seen = ["+"] * 50_000
    for place in (10, 11, 12, 40_000):
        seen[place] = "-"
    kept, thinned = points(samples("".join(seen)))
    assert thinned
    assert [one.t_s for one in kept if not one.good] == [10, 11, 12, 40_000]


def test_a_million_looks_are_laid_out_in_seconds_and_stay_few() -> None:
    report = specimen.long_run(1_000_000)
    began = time.process_time()
    lane = timeline(report).probes[0]
    assert time.process_time() - began < 15
    assert lane.thinned
    assert len(lane.points) <= POINTS_MAX
    assert len(lane.stretches) <= STRETCHES_MAX + 1
    assert sum(one.looks for one in lane.stretches) == 1_000_000


def test_a_fault_goes_through_its_stages() -> None:
    assert [(one.stage, one.from_s, one.to_s) for one in spans(specimen.kill(), 30)] == [
        ("acting", 8.211, 8.214),
        ("in effect", 8.214, 18.7),
        ("healing", 18.7, 18.902),
    ]


def test_a_fault_that_never_took_effect_has_no_such_stage() -> None:
    never = specimen.kill(effect_s=None, healing_s=13.4, gone_s=13.5)
    assert [one.stage for one in spans(never, 30)] == ["acting", "healing"]


def test_a_fault_that_was_not_healed_lasts_to_the_end() -> None:
    assert spans(specimen.kill(gone_s=None), 30)[-1].to_s == 30
    assert spans(specimen.kill(acting_s=None, effect_s=None, healing_s=None, gone_s=None), 30) == ()


def test_windows_stand_in_the_lane_they_speak_of_and_within_the_run() -> None:
    report = specimen.failing()
    far = Window(lane="probe:nobody", label="far", from_s=-5, to_s=1e9)
    last = report.checks[-1]
    verdict = replace(last.verdict, windows=(far, Window(lane="", label="endless", from_s=1, to_s=float("inf"))))
    laid = timeline(replace(report, checks=(*report.checks[:-1], replace(last, verdict=verdict))))
    assert [one.title for one in laid.probes[0].judged] == ["steady before", "failover", "data loss", "steady after"]
    assert [one.title for one in laid.faults[0].judged] == ["fault in effect"]
    assert [(one.label, one.from_s, one.to_s) for one in laid.judged] == [("far", 0, laid.to_s)]


def test_an_alert_has_a_lane_with_its_states_its_moments_and_where_its_time_went() -> None:
    laid = timeline(specimen.paging())
    primary, budget, others = laid.states
    assert [(one.kind, one.name) for one in laid.states] == [
        ("alert", "CachePrimaryDown"), ("alert", "ErrorBudgetBurn"), ("other pages", ""),
    ]  # fmt: skip
    assert [one.label for one in primary.states] == ["pending", "firing"]
    assert [one.label for one in primary.moments] == ["delivered", "limit", "resolved"]
    assert [str(one.what) for one in primary.spent] == [
        "CachePrimaryDown reached oncall"
    ]  # though two checks tell of it
    assert [(one.title, one.outcome) for one in budget.judged] == [("alert", "failed")]
    assert [one.label for one in others.moments] == ["noise (DiskFull)", "noise (CpuHot)", "forbidden (NodeDown)"]
    assert laid.judged == ()


def test_states_of_many_series_are_drawn_as_one_where_they_touch() -> None:
    spans = [("firing", 5, 9), ("firing", 1, 3), ("pending", 2, 4), ("firing", 3, 4), ("firing", 8, 8.5)]
    windows = tuple(Window(lane="alert:A", label=label, from_s=from_s, to_s=to_s) for label, from_s, to_s in spans)
    last = specimen.clean()
    report = specimen.report([replace(last, verdict=replace(last.verdict, windows=windows))])
    (lane,) = timeline(report).states
    assert [(one.label, one.from_s, one.to_s) for one in lane.states] == [
        ("firing", 1, 4), ("pending", 2, 4), ("firing", 5, 9),
    ]  # fmt: skip


def test_an_empty_run_has_a_timeline_that_can_be_drawn() -> None:
    assert timeline(specimen.empty()).to_s > 0
