"""Where the time of a page went. The fault acts at 10 s, and the page may take 30 s."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.alert import Alert
from checks.check import FaultName, Spent, Verdict, judge
from checks.units import parse_duration
from tests.checks.history import History

ALL = ("prometheus", "alertmanager", "sink")
FIVE = ("scrape", "evaluation", "for", "grouping", "delivery")


def judged(history: History, **more: Any) -> Verdict:
    wish = Alert(name_="CachePrimaryDown", after=FaultName("kill"), within=parse_duration("30s"), **more)
    return judge(wish, history.ended(60.0).evidence)


def ready(**more: Any) -> History:
    return History().listening(*ALL, **more).rules("CachePrimaryDown", scrape_s=2.0, evaluation_s=4.0).routes()


def paged(history: History | None = None) -> History:
    history = history or ready().fault(effect=10.0)
    return history.seen(18.3, 11.0, active=13.1, firing=18.1).page(21.2, starts=18.1, took_s=0.1)


def the_one(verdict: Verdict) -> Spent:
    (spent,) = verdict.spent
    return spent


def test_each_part_has_its_time_and_its_knobs_as_they_are_set() -> None:
    spent = the_one(judged(paged()))
    assert (str(spent.what), spent.lane) == ("CachePrimaryDown reached oncall", "alert:CachePrimaryDown")
    assert (spent.from_s, spent.took.value, spent.limit_s) == (10, 11.2, 30)
    assert [(one.name, one.took.value, dict(one.knobs)) for one in spent.parts] == [
        ("scrape", 1.0, {"scrape_interval": 2}), ("evaluation", 2.1, {"evaluation_interval": 4}), ("for", 5.0, {"for": 5}),
        ("grouping", 3.0, {"group_wait": 3, "group_interval": 300}), ("delivery", 0.1, {}),
    ]  # fmt: skip


def test_a_job_that_is_scraped_at_an_interval_of_its_own_has_that_as_its_knob() -> None:
    history = ready().fault(effect=10.0).seen(18.3, 11.0, active=13.1, firing=18.1, scrape_s=7.0)
    assert the_one(judged(history.page(21.2, starts=18.1, took_s=0.1))).parts[0].knobs == {"scrape_interval": 7}


def test_the_figures_and_the_knobs_are_measured_too() -> None:
    measured = {name: one.value for name, one in judged(paged()).measured.items()}
    assert measured == {
        "delivered_after_s": 11.2, "scrape_s": 1.0, "evaluation_s": 2.1, "waiting_s": 5.0, "grouping_s": 3.0,
        "delivery_s": 0.1, "set_scrape_interval_s": 2, "set_evaluation_interval_s": 4, "set_for_s": 5,
        "set_group_wait_s": 3, "set_group_interval_s": 300,
    }  # fmt: skip


def test_a_clock_that_is_not_well_known_blurs_what_it_is_read_beside_and_nothing_else() -> None:
    spent = the_one(judged(paged(ready(error_s=0.25).fault(effect=10.0))))
    # It is told 200 ms after it fires, and nothing is told before it happens.
    assert {one.name: round((one.took.high - one.took.low) / 2, 6) for one in spent.parts} == {
        "scrape": 0.225, "evaluation": 0, "for": 0, "grouping": 0.225, "delivery": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("history", "names"),
    [
        (ready().seen(18.3, active=13.1, firing=18.1).page(21.2, starts=18.1, took_s=0.1),
         ["scrape and evaluation", "for", "grouping", "delivery"]),
        (ready().seen(18.3, 11.0, active=13.1, firing=18.1).page(21.2, starts=18.1),
         ["scrape", "evaluation", "for", "grouping and delivery"]),
        (ready().page(21.2, starts=18.1, took_s=0.1), ["scrape, evaluation and for", "grouping", "delivery"]),
        (ready().page(21.2, took_s=0.1), []),
    ],
)  # fmt: skip
def test_what_nobody_saw_apart_is_told_together(history: History, names: list[str]) -> None:
    events = history.fault(effect=10.0)
    assert [one.name for spent in judged(events).spent for one in spent.parts] == names


def test_a_rule_without_for_waits_for_nothing() -> None:
    history = History().listening(*ALL).rules("CachePrimaryDown", for_s=0.0).routes().fault(effect=10.0)
    spent = the_one(judged(history.seen(13.3, 11.0, active=13.1, firing=13.1).page(16.2, starts=13.1, took_s=0.1)))
    assert [(one.name, one.took.value) for one in spent.parts] == [
        ("scrape", 1.0), ("evaluation", 2.1), ("for", 0.0), ("grouping", 3.0), ("delivery", 0.1),
    ]  # fmt: skip


@pytest.mark.parametrize(("page", "decides"), [(22.2, "group_wait"), (22.3, "group_interval")])
def test_a_page_that_waited_much_longer_than_a_new_group_does_waited_for_an_old_one(page: float, decides: str) -> None:
    """It fires at 18.1 s and `group_wait` is 3 s; a machine may be a second late."""
    history = ready().fault(effect=10.0).seen(18.3, 11.0, active=13.1, firing=18.1)
    spent = the_one(judged(history.page(page, starts=18.1, took_s=0.1)))
    assert next(iter(spent.parts[3].knobs)) == decides


def test_a_page_that_came_again_later_is_told_of_once() -> None:
    assert len(judged(paged().page(30, starts=18.1).page(40, starts=35)).spent) == 1


def test_each_series_and_each_receiver_has_its_own() -> None:
    history = paged()
    history.page(21.3, starts=18.1, receiver="chat", took_s=0.1)
    history.seen(22, 11.0, active=14.1, firing=19.1, shard="2").page(23, starts=19.1, shard="2", took_s=0.1)
    found = [(str(one.what), one.took.value) for one in judged(history).spent]
    assert found == [
        ("CachePrimaryDown reached oncall", 11.2),
        ("CachePrimaryDown reached chat", 11.3),
        ("CachePrimaryDown reached oncall", 13),
    ]


def test_of_a_storm_of_series_some_are_told() -> None:
    history = ready().fault(effect=10.0)
    for n in range(30):
        history.page(20 + n / 100, starts=18, shard=str(n))
    assert len(judged(history).spent) == 8


def test_of_what_may_have_been_there_before_the_fault_nothing_is_told() -> None:
    history = ready().fault(effect=10.0).seen(18.3, 8.0, active=9.0, firing=14.0).page(21.2, starts=14.0, took_s=0.1)
    assert judged(history).spent == ()


# --- properties

GRID = st.integers(0, 8_000).map(lambda ms: ms / 1000)


@given(steps=st.tuples(*[GRID] * 6), error_s=st.sampled_from([0.0, 0.004, 0.3]), off=st.floats(-1, 1), offset_s=GRID)
def test_bounds_hold_what_was_and_together_the_time_of_the_page(
    steps: tuple[float, ...], error_s: float, off: float, offset_s: float
) -> None:
    """The true times of a story, told by a clock that is known within `error_s`; each part's bounds hold its true length."""
    acting = 10.0
    hidden, *true = (round(one, 3) for one in steps)
    scrape, evaluation, waiting, grouping, delivery = true
    sample = acting + hidden + scrape  # the fault begins somewhere between its first act and its being verified
    active = sample + evaluation
    firing = active + waiting
    page = firing + grouping + delivery
    assume(delivery > 0)
    skew_s = offset_s + off * error_s  # what their clock really is ahead by
    history = History().listening(*ALL, offset_s=offset_s, error_s=error_s).rules("CachePrimaryDown", for_s=waiting)
    history.routes().fault(acting=acting, effect=acting + hidden + 0.001)
    # Prometheus is heard of this only afterwards.
    story = [(firing + 0.01, "seen"), (page, "page")]
    for _, what in sorted(story):
        if what == "seen":
            history.seen(firing + 0.01, sample, active=active, firing=firing, skew_s=skew_s)
        else:
            history.page(page, starts=firing, skew_s=skew_s, took_s=delivery)
    for spent in judged(history).spent:
        parts = spent.parts
        low, high = sum(one.took.low for one in parts), sum(one.took.high for one in parts)
        assert tuple(one.name for one in parts) == FIVE
        for part, length in zip(parts[1:], true[1:], strict=True):
            assert part.took.low - 1e-5 <= length <= part.took.high + 1e-5
        assert parts[0].took.low - 1e-5 <= scrape <= parts[0].took.high + 1e-5
        assert low - 1e-5 <= page - acting - hidden <= high + 1e-5
        assert low <= spent.took.high + 1e-5
        assert spent.took.low <= high + 1e-5
        if error_s == 0 and hidden == 0:
            assert sum(one.took.value for one in parts) == pytest.approx(spent.took.value, abs=2e-3)
