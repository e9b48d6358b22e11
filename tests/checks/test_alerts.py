"""The fault acts at 10 s; `CachePrimaryDown` and `ErrorBudgetBurn` are expected within 30 s, `ReplicaLag` may come."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.alert_wish import AlertMatcher, Wish
from checks.alerts import Alerts, Noise
from checks.check import FaultName, Outcome, Verdict, Waits, judge
from tests.checks.history import History, said

ALL = ("prometheus", "alertmanager", "sink")
EXPECTED = ("CachePrimaryDown", "ErrorBudgetBurn")


def wish(name: str, within_s: float = 30.0, **more: Any) -> Wish:
    return Wish(name_=name, within=timedelta(seconds=within_s), **more)


def alerts(*expect: Wish, at_most: int = 0, **more: Any) -> Alerts:
    allow = (AlertMatcher(name_="/Replica.*/"), AlertMatcher(labels={"region": "sea"}))
    return Alerts(after=FaultName("kill"), noise=Noise(at_most=at_most),
                  **{"expect": expect or tuple(map(wish, EXPECTED)), "allow": allow} | more)  # fmt: skip


def ready() -> History:
    return History().listening(*ALL).rules(*EXPECTED).routes().fault(effect=10.0)


def came(*names: str, history: History | None = None, from_s: float = 20.0) -> History:
    history = history or ready()
    for place, name in enumerate(names):
        history.page(from_s + place, alert=name, starts=from_s - 5 + place)
    return history


def judged(history: History, check: Alerts | None = None, *, ended: float = 60.0) -> Verdict:
    return judge(check or alerts(), history.ended(ended).evidence)


def test_all_that_were_expected_and_nothing_else_passes() -> None:
    verdict = judged(came(*EXPECTED))
    assert said(verdict) == "passed: 2 of 2 expected alerts came as they should, and 0 others"
    assert {name: one.value for name, one in verdict.measured.items() if "." not in name} == {
        "expected": 2, "met": 2, "noise": 0, "forbidden": 0,
    }  # fmt: skip
    assert verdict.measured["ErrorBudgetBurn.delivered_after_s"].value == 11.0


@pytest.mark.parametrize(
    ("names", "answer", "points"),
    [
        ([*EXPECTED, "ReplicaLag", "ReplicaGone"], "passed: 2 of 2 expected alerts came as they should, and 0 others", 1),
        (["ErrorBudgetBurn"], "failed: CachePrimaryDown never fired; limit 30 s", 1 / 2),
        ([], "failed: CachePrimaryDown never fired; limit 30 s; and 1 more (ErrorBudgetBurn)", 0),
        ([*EXPECTED, "DiskFull"], "failed: noise after kill (DiskFull): 1; limit 0", 2 / 3),
        (["ErrorBudgetBurn", "DiskFull", "CpuHot"],
         "failed: CachePrimaryDown never fired; limit 30 s; and 1 more (DiskFull, CpuHot)", 1 / 4),
        ([*EXPECTED, "A", "B", "C", "D"],
         "failed: noise after kill (A, B, C, +1): 4; limit 0", 2 / 6),
    ],
)  # fmt: skip
def test_what_is_missing_and_what_is_too_much_fail_and_cost(names: list[str], answer: str, points: float) -> None:
    verdict = judged(came(*names))
    assert said(verdict) == answer
    assert verdict.points == pytest.approx(points)


@pytest.mark.parametrize(("at_most", "outcome"), [(2, "passed"), (1, "failed")])
def test_as_much_noise_as_the_limit_is_fine(at_most: int, outcome: str) -> None:
    assert judged(came(*EXPECTED, "A", "B"), alerts(at_most=at_most)).outcome == outcome


@pytest.mark.parametrize(
    ("page", "noise"),
    [
        ({"t_s": 30, "alert": "A", "region": "sea"}, 0),
        ({"t_s": 30, "alert": "A", "region": "sea-2"}, 1),
        ({"t_s": 9.999999, "alert": "A", "starts": 9}, 0),
        ({"t_s": 10.0, "alert": "A", "starts": 9}, 1),
        ({"t_s": 30, "alert": "A", "answered": 500}, 0),
        ({"t_s": 30, "alert": "A", "status": "resolved"}, 0),
        ({"t_s": 30, "alert": "CachePrimaryDown", "starts": 29}, 0),
        ({"t_s": 30, "alert": "CachePrimaryDown", "receiver": "chat", "starts": 15}, 0),
    ],
)
def test_noise_is_what_was_delivered_since_the_fault_and_nobody_asked_for(page: dict[str, Any], noise: int) -> None:
    assert judged(came(*EXPECTED).page(**page)).measured["noise"].value == noise


def test_noise_that_is_sent_again_is_told_once_for_each_receiver_and_beginning() -> None:
    history = came(*EXPECTED)
    for t_s, receiver, starts in [(30, "oncall", 29), (31, "oncall", 29), (32, "chat", 29), (40, "oncall", 39)]:
        history.page(t_s, alert="A", receiver=receiver, starts=starts)
    assert judged(history).measured["noise"].value == 3


def test_what_is_forbidden_must_not_come_even_if_it_is_allowed_too() -> None:
    check = alerts(forbid=(AlertMatcher(name_="NodeDown", labels={"region": "/sg|hk/"}),), at_most=9,
                   allow=(AlertMatcher(name_="NodeDown"),))  # fmt: skip
    assert judged(came(*EXPECTED).page(30, alert="NodeDown", region="sea"), check).outcome is Outcome.PASSED
    verdict = judged(came(*EXPECTED).page(30, alert="NodeDown", region="hk"), check)
    assert said(verdict) == "failed: NodeDown came after kill, which must not be"
    assert verdict.points == pytest.approx(2 / 3)


def test_one_that_is_late_among_several_is_one_that_was_not_met_and_no_curve_pays_for_it() -> None:
    late = came("ErrorBudgetBurn").page(45, alert="CachePrimaryDown", starts=20)
    verdict = judged(late)
    assert (verdict.harm, verdict.lateness, verdict.points) == ("page_late", None, 0.5)


def test_the_worst_that_is_wrong_gives_the_harm() -> None:
    late = came("ErrorBudgetBurn").page(45, alert="CachePrimaryDown", starts=20)
    assert judged(late).harm == "page_late"
    assert (
        judged(came("ErrorBudgetBurn", "X"), alerts(wish("ErrorBudgetBurn", annotations=("summary",)))).harm == "noise"
    )
    assert judged(came("X")).harm == "page_missed"


def test_a_failure_is_told_even_where_something_else_is_unknown() -> None:
    history = came("ErrorBudgetBurn", "DiskFull").told(30, "prometheus", "observer.lost", why="it died")
    assert said(judged(history)) == (
        "failed: noise after kill (DiskFull): 1; limit 0")  # fmt: skip


class TestUnknown:
    @pytest.mark.parametrize("observer", ALL)
    @pytest.mark.parametrize("what", ["observer.lost", "observer.restarted"])
    def test_who_was_lost_may_have_missed_noise(self, observer: str, what: str) -> None:
        assert said(judged(came(*EXPECTED).told(50, observer, what, why="it died"))) == (
            f"unknown: nobody can say which other pages came after kill: {observer} was not listening all the time: it died"
        )

    def test_a_page_that_was_refused_may_have_been_noise(self) -> None:
        history = came(*EXPECTED).told(50, "sink", "page.rejected", why="the token is wrong", answered=401)
        assert said(judged(history)) == (
            "unknown: nobody can say which other pages came after kill: sink refused a page: the token is wrong")  # fmt: skip

    def test_a_page_that_left_alerts_out_may_have_left_noise_out(self) -> None:
        assert judged(came(*EXPECTED).page(30, alert="ReplicaLag", truncated=3)).outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize(("ended", "outcome"), [(40.0, "passed"), (39.999999, "unknown")])
    def test_pages_in_the_first_seconds_do_not_end_the_wait_for_noise(self, ended: float, outcome: str) -> None:
        assert judged(came(*EXPECTED), ended=ended).outcome == outcome

    def test_silence_without_a_sink_is_no_silence(self) -> None:
        quiet = Alerts(after=FaultName("kill"))
        assert judged(History().listening("prometheus").fault(), quiet).outcome is Outcome.UNKNOWN
        assert judged(History().fault(), quiet).outcome is Outcome.UNKNOWN
        assert judged(History().fault().listening("sink", from_s=11), quiet).outcome is Outcome.UNKNOWN
        assert judged(History().listening("sink").fault(), quiet).outcome is Outcome.PASSED

    def test_without_the_fault_nothing_was_proved(self) -> None:
        assert said(judged(History().listening(*ALL).fault(effect=None))) == "unknown: kill never took effect"

    def test_what_was_there_before_makes_it_unknown_and_names_the_rest(self) -> None:
        history = came("ErrorBudgetBurn", history=ready().state(0, "firing", since=-99, before=True))
        assert said(judged(history)) == "unknown: CachePrimaryDown was there already before kill, so it proves nothing"


def test_the_picture_shows_noise_too() -> None:
    check = alerts(forbid=(AlertMatcher(name_="NodeDown"),))
    lanes = {(one.lane, one.label) for one in judged(came(*EXPECTED, "DiskFull", "NodeDown"), check).windows}
    assert lanes == {
        *((f"alert:{name}", label) for name in EXPECTED for label in ("delivered", "limit")),
        ("other pages", "noise (DiskFull)"),
        ("other pages", "forbidden (NodeDown)"),
    }


def test_it_is_told_of_each_page_that_was_expected_where_its_time_went() -> None:
    for names in ([*EXPECTED], [*EXPECTED, "DiskFull"]):
        spent = judged(came(*names)).spent
        assert [str(one.what) for one in spent] == [f"{name} reached oncall" for name in EXPECTED]
        assert {one.lane for one in spent} == {f"alert:{name}" for name in EXPECTED}


def test_it_waits_for_the_slowest() -> None:
    check = alerts(wish("A", 30), wish("B", 45))
    assert isinstance(check, Waits)
    assert (check.horizon().after, check.horizon().for_s) == ("kill", 46)


def test_what_may_come_to_one_receiver_may_not_come_to_another() -> None:
    check = alerts(allow=(AlertMatcher(name_="DiskFull", reaches="tickets"), AlertMatcher(reaches="chat")))
    quiet = came(*EXPECTED).page(30, alert="DiskFull", receiver="tickets").page(31, alert="CpuHot", receiver="chat")
    assert judged(quiet, check).outcome is Outcome.PASSED
    woken = quiet.page(32, alert="DiskFull", receiver="oncall")
    assert said(judged(woken, check)) == "failed: noise after kill (DiskFull): 1; limit 0"


def test_while_the_fault_is_there_it_does_not_wait_for_the_end_of_alerts() -> None:
    """They end only when it is gone."""
    check = alerts(wish("CachePrimaryDown", resolves_within=timedelta(seconds=20)))
    first = check.horizon().first
    assert first is not None
    assert judged(came("CachePrimaryDown"), check).outcome is Outcome.UNKNOWN
    assert judge(first, came("CachePrimaryDown").ended(60).evidence).outcome is Outcome.PASSED
    assert check.horizon().healed_s > 20


@pytest.mark.parametrize("settings", [{}, {"name_": "/(/"}, {"labels": {"a": "/(/"}}])
def test_a_matcher_that_matches_all_or_is_broken_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"every alert|no regular expression"):
        AlertMatcher(**settings)
    with pytest.raises(ValueError, match="cannot be -1"):
        Noise(at_most=-1)


NAMES = st.lists(st.sampled_from([*EXPECTED, "ReplicaLag", "DiskFull", "CpuHot"]), max_size=6, unique=True)


@given(names=NAMES, more=st.lists(st.sampled_from(["X", "Y", "Z"]), min_size=1, unique=True), at_most=st.integers(0, 3))
def test_more_noise_never_helps(names: list[str], more: list[str], at_most: int) -> None:
    check = alerts(at_most=at_most)
    before, after = judged(came(*names), check), judged(came(*names, *more), check)
    assert after.outcome is not Outcome.PASSED or before.outcome is Outcome.PASSED
    assert before.points is not None
    assert after.points is not None
    assert after.points <= before.points


@given(names=NAMES, observer=st.sampled_from(ALL), from_s=st.floats(0, 70), at_most=st.integers(0, 3))
def test_losing_an_observer_never_turns_anything_into_a_pass(
    names: list[str], observer: str, from_s: float, at_most: int
) -> None:
    heard = came(*names)
    less = History()
    less.events = [one for one in heard.events if one.t_s < from_s or one.data.get("observer") != observer]
    less.told(from_s, observer, "observer.lost", why="it died")
    check = alerts(at_most=at_most)
    outcome = judged(less, check, ended=80).outcome
    assert outcome is not Outcome.PASSED or judged(heard, check, ended=80).outcome is Outcome.PASSED
