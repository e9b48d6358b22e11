"""The fault acts at 10 s and is in effect at 10 s, unless said otherwise; the alert `CachePrimaryDown` may take 30 s.

In the history that passes it is pending since 13.1 s, fires since 18.1 s, and its page is taken at 21.2 s.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.alert import Alert
from checks.alert_fate import Fate
from checks.alert_fate import told as told_of
from checks.alerting import Alerting
from checks.check import Evidence, FaultName, Outcome, Verdict, Waits, judge
from tests.checks.history import EPOCH_UNIX, History, said

ALL = ("prometheus", "alertmanager", "sink")


def alert(within_s: float = 30.0, **more: Any) -> Alert:
    return Alert(name_="CachePrimaryDown", after=FaultName("kill"), within=timedelta(seconds=within_s),
                 **{"severity": "page", "reaches": "oncall"} | more)  # fmt: skip


def ready(*observers: str, **more: Any) -> History:
    """A run in which these listen from the start, and the fault is there."""
    history = History().listening(*(observers or ALL), **more)
    if not observers or "prometheus" in observers:
        history.rules("CachePrimaryDown")
    if not observers or "alertmanager" in observers:
        history.routes()
    return history.fault(effect=10.0)


def fired(history: History | None = None) -> History:
    return (history or ready()).state(13.4, "pending", since=13.1).state(18.3, "firing", since=18.1)


def paged() -> History:
    return fired().page(21.2, starts=18.1)


def judged(history: History, wish: Alert | None = None, *, ended: float = 60.0) -> Verdict:
    return judge(wish or alert(), history.ended(ended).evidence)


class TestDelivered:
    def test_a_page_in_time_says_where_the_time_went(self) -> None:
        assert said(judged(paged())) == (
            "passed: CachePrimaryDown reached oncall after 11.2 s; limit 30 s"
            "  (scrape and evaluation 3.1, for 5.0, grouping and delivery 3.1)"
        )

    def test_an_attempt_that_was_refused_parts_grouping_from_delivery(self) -> None:
        history = fired().page(21.1, starts=18.1, answered=500).page(21.2, starts=18.1)
        assert said(judged(history)) == (
            "passed: CachePrimaryDown reached oncall after 11.2 s; limit 30 s"
            "  (scrape and evaluation 3.1, for 5.0, grouping 3.0, delivery 0.1)"
        )

    def test_the_scrape_that_showed_it_parts_scraping_from_evaluating(self) -> None:
        history = ready().seen(18.3, 11.0, active=13.1, firing=18.1).page(21.2, starts=18.1, took_s=0.1)
        assert said(judged(history)) == (
            "passed: CachePrimaryDown reached oncall after 11.2 s; limit 30 s"
            "  (scrape 1.0, evaluation 2.1, for 5.0, grouping 3.0, delivery 0.1)"
        )

    def test_a_scrape_that_began_before_the_fault_and_hung_took_none_of_its_time(self) -> None:
        history = ready().seen(18.3, 9.5, active=13.1, firing=18.1).page(21.2, starts=18.1, took_s=0.1)
        assert said(judged(history)).endswith("(scrape 0.0, evaluation 3.1, for 5.0, grouping 3.0, delivery 0.1)")

    def test_a_scrape_of_another_time_says_nothing(self) -> None:
        history = ready().seen(13.4, 9.0, active=9.1, firing=9.1, alert="Other").seen(18.3, active=13.1, firing=18.1)
        history.told(19, "prometheus", "alert.sensed", **dict(history.events[-1].data) | {
            "active_unix": EPOCH_UNIX + 2, "sample_unix": EPOCH_UNIX + 1})  # fmt: skip
        assert "scrape and evaluation 3.1" in said(judged(history.page(21.2, starts=18.1)))

    def test_without_prometheus_the_page_tells_since_when_it_fires_and_no_more(self) -> None:
        history = ready("sink").page(21.2, starts=18.1)
        assert said(judged(history)).endswith("  (scrape, evaluation and for 8.1, grouping and delivery 3.1)")

    def test_a_page_that_does_not_say_when_it_began_is_a_page_all_the_same(self) -> None:
        assert (
            said(judged(ready("sink").page(21.2))) == "passed: CachePrimaryDown reached oncall after 11.2 s; limit 30 s"
        )

    def test_the_figures_have_bounds_and_the_knobs_their_settings(self) -> None:
        history = (
            History().listening(*ALL, error_s=0.05).rules("CachePrimaryDown").routes().fault(acting=9.9, effect=10.0)
        )
        measured = judged(fired(history).page(21.2, starts=18.1)).measured
        bounds = {name: (one.low, one.high) for name, one in measured.items()}
        assert bounds == {
            "delivered_after_s": (11.2, 11.3), "sensing_s": (3.05, 3.25), "waiting_s": (5.0, 5.0), "sending_s": (3.05, 3.15),
            "set_scrape_interval_s": (1, 1), "set_evaluation_interval_s": (1, 1), "set_for_s": (5, 5),
            "set_group_wait_s": (3, 3), "set_group_interval_s": (300, 300),
        }  # fmt: skip

    def test_a_clock_that_is_an_hour_ahead_changes_nothing(self) -> None:
        history = ready(offset_s=3600.0).state(13.4, "pending", since=13.1, skew_s=3600)
        history.state(18.3, "firing", since=18.1, skew_s=3600).page(21.2, starts=18.1, skew_s=3600)
        assert said(judged(history)) == said(judged(paged()))

    def test_the_picture_has_a_lane_with_what_it_went_through(self) -> None:
        windows = judged(paged().state(40, "inactive").page(41, "resolved", starts=18.1)).windows
        assert {one.lane for one in windows} == {"alert:CachePrimaryDown"}
        assert [(one.label, one.from_s, one.to_s) for one in windows] == [
            ("pending", 13.1, 18.1), ("firing", 18.1, 40), ("delivered", 21.2, 21.2), ("limit", 40, 40), ("resolved", 41, 41),
        ]  # fmt: skip

    def test_a_limit_after_the_end_is_not_in_it(self) -> None:
        assert "limit" not in {one.label for one in judged(paged(), ended=39.9).windows}

    def test_repetitions_are_not_later_pages(self) -> None:
        assert said(judged(paged().page(55, starts=18.1))) == said(judged(paged()))

    def test_a_beginning_that_nobody_saw_pending_is_told_by_prometheus_itself(self) -> None:
        def story(active_s: float) -> History:
            return ready().told(
                18.3, "prometheus", "alert.state", alert="CachePrimaryDown", labels={"severity": "page"}, series="1",
                state="firing", since_unix=EPOCH_UNIX + 18.1, active_unix=EPOCH_UNIX + active_s,
            ).page(21.2, starts=18.1)  # fmt: skip

        assert said(judged(story(13.1))) == said(judged(paged()))
        assert said(judged(story(9.5))) == f"unknown: {BEFORE}"
        assert judged(story(18)).outcome is Outcome.PASSED

    def test_a_flap_is_told(self) -> None:
        history = paged().state(25, "inactive").state(30, "pending").state(35, "firing")
        verdict = judged(history)
        assert said(verdict).endswith("; it fired 2 times")
        assert verdict.measured["flaps"].value == 1

    @pytest.mark.parametrize("reaches", ["oncall", None])
    def test_any_receiver_will_do_where_none_is_named(self, reaches: str | None) -> None:
        assert judged(paged(), alert(reaches=reaches)).outcome is Outcome.PASSED

    def test_where_the_sender_does_not_say_whom_it_is_whose_sink_it_came_to(self) -> None:
        history = (
            ready("sink").told(0, "oncall", "observer.opened", what="a sink").page(21, receiver="", observer="oncall")
        )
        assert judged(history).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("within_s", "outcome", "harm"),
    [(11.2, "passed", ""), (11.199999, "unknown", ""), (11.1, "unknown", ""), (11.099999, "failed", "page_late")],
)
def test_a_limit_inside_the_bounds_is_unknown_and_outside_it_is_not(within_s: float, outcome: str, harm: str) -> None:
    """The fault began between its first act at 10 s and 10.1 s."""
    history = fired(History().listening(*ALL).rules("CachePrimaryDown").fault(acting=10.0, effect=10.1))
    verdict = judged(history.page(21.2, starts=18.1), alert(within_s))
    assert (verdict.outcome, verdict.harm) == (outcome, harm)


@pytest.mark.parametrize(
    ("history", "answer"),
    [
        (fired().page(41.2, starts=18.1), ("failed: CachePrimaryDown reached oncall only after 31.2 s; limit 30 s"
         "  (scrape and evaluation 3.1, for 5.0, grouping and delivery 23.1)")),
        (fired().page(21.2, starts=18.1, receiver="chat"), "failed: CachePrimaryDown reached chat and never oncall; limit 30 s"),
        (fired(), "failed: CachePrimaryDown fired after 8.1 s and never reached oncall; limit 30 s"),
        (fired().page(21.2, starts=18.1, answered=503),
         "failed: CachePrimaryDown fired after 8.1 s and never reached oncall; limit 30 s"),
        (fired().page(21.2, alert="Other", truncated=7), ("failed: CachePrimaryDown fired after 8.1 s and is not in the page to "
         "oncall, which left 7 alerts out; limit 30 s")),
        (fired().told(5, "alertmanager", "silence.changed", id="3f2a9c00-77", state="active", matchers=[], by="li",
                      comment="upgrade", ends_unix=0).held(18.5, "suppressed", silenced_by=["3f2a9c00-77"]),
         "failed: CachePrimaryDown fired and was silenced by 3f2a9c00 of li (upgrade); limit 30 s"),
        (fired().held(17, alert="RegionDown").held(18.5, "suppressed", inhibited_by=["alertname=RegionDown|severity=page"]),
         "failed: CachePrimaryDown fired and was inhibited by RegionDown; limit 30 s"),
        (fired().held(18.5, "suppressed", muted_by=["weekend"]),
         "failed: CachePrimaryDown fired and was muted by weekend; limit 30 s"),
        (ready().state(13.4, "pending", since=13.1).state(17, "inactive"),
         "failed: CachePrimaryDown was pending and never fired; limit 30 s"),
        (ready(), "failed: CachePrimaryDown never fired; limit 30 s"),
        (ready("sink"), "failed: no page of CachePrimaryDown came; limit 30 s"),
        (ready("sink").page(21, severity="warning"),
         "failed: CachePrimaryDown came only with severity=warning, and not with severity=page; limit 30 s"),
        (History().listening(*ALL).rules("Other").fault(effect=10.0),
         "failed: CachePrimaryDown never fired, since there is no such rule"),
        (History().listening(*ALL).rules("CachePrimaryDown", error="no such metric").fault(effect=10.0),
         "failed: CachePrimaryDown never fired, since its rule fails: no such metric"),
    ],
)  # fmt: skip
def test_what_did_not_reach_its_receiver_in_time_fails_and_says_where_it_ended(history: History, answer: str) -> None:
    assert said(judged(history)) == answer


class TestNoWebhook:
    """A receiver that is told in ways of which no sink hears may have been told."""

    UNKNOWN = "unknown: oncall has no webhook, so no sink could hear whether CachePrimaryDown reached it"

    def history(self, *watching: str, posting: bool = False) -> History:
        history = History().listening(*watching).rules("CachePrimaryDown").routes().fault(effect=10.0)
        routes = next(event for event in history.events if event.kind == "alerting.routes")
        told: Any = routes.data
        told["send_resolved"] = {"oncall": True} if posting else {}
        return history

    @pytest.mark.parametrize("reaches", ["oncall", None])
    def test_what_fired_may_have_reached_it(self, reaches: str | None) -> None:
        history = fired(self.history(*ALL)).held(18.5)
        assert said(judged(history, alert(reaches=reaches))) == self.UNKNOWN
        assert judged(fired(self.history(*ALL, posting=True)).held(18.5)).harm == "page_missed"

    def test_what_never_fired_did_not_and_without_prometheus_nobody_knows(self) -> None:
        assert said(judged(self.history(*ALL))) == "failed: CachePrimaryDown never fired; limit 30 s"
        quiet = self.history("alertmanager", "sink")
        quiet.events = [event for event in quiet.events if event.kind != "alerting.rules"]
        assert said(judged(quiet)) == self.UNKNOWN

    def test_what_was_silenced_did_not(self) -> None:
        history = fired(self.history(*ALL)).held(18.5, "suppressed", muted_by=["weekend"])
        assert said(judged(history)) == "failed: CachePrimaryDown fired and was muted by weekend; limit 30 s"


@pytest.mark.parametrize(
    ("history", "fate"),
    [
        (paged(), Fate.DELIVERED),
        (paged().page(22, starts=18.1, receiver="chat"), Fate.DELIVERED),
        (fired(), Fate.NOT_DELIVERED),
        (ready().state(13, "pending"), Fate.PENDING),
        (fired().held(40, "suppressed", muted_by=["x"]), Fate.SUPPRESSED),
        (fired().held(40.000001, "suppressed", muted_by=["x"]), Fate.NOT_DELIVERED),
        (fired().page(41, starts=18.1), Fate.LATE),
        (fired().page(21, starts=18.1, receiver="chat"), Fate.WRONG_RECEIVER),
        (ready(), Fate.MISSED),
        (ready().told(20, "sink", "observer.lost", why="?"), Fate.UNKNOWN),
    ],
)
def test_each_fate_is_told_by_its_name(history: History, fate: Fate) -> None:
    evidence = history.ended(60).evidence
    assert told_of(alert(), evidence, evidence.fault("kill"), Alerting(evidence)).fate is fate


def test_a_blip_that_ended_before_its_group_was_sent_reached_nobody() -> None:
    blip = fired().held(18.5).state(22, "inactive").held(22.2, "gone")
    assert said(judged(blip)) == "failed: CachePrimaryDown fired after 8.1 s and never reached oncall; limit 30 s"


def test_a_page_that_is_late_says_by_how_much_and_one_that_never_comes_is_worth_nothing() -> None:
    assert judged(fired().page(41.2, starts=18.1)).lateness == pytest.approx(31.2 / 30)
    missed = judged(fired())
    assert (missed.lateness, missed.points) == (None, 0)


class TestWithoutASink:
    @pytest.mark.parametrize("reaches", ["oncall", None])
    def test_nothing_can_be_said_to_have_been_delivered(self, reaches: str | None) -> None:
        history = fired(ready("prometheus", "alertmanager")).held(18.5)
        assert said(judged(history, alert(reaches=reaches))) == (
            "unknown: CachePrimaryDown fired after 8.1 s, but without a sink nobody can say whom it reached")  # fmt: skip

    def test_what_never_fired_was_never_delivered(self) -> None:
        assert said(judged(ready("prometheus"))) == "failed: CachePrimaryDown never fired; limit 30 s"

    @pytest.mark.parametrize(("within_s", "outcome"), [(8.1, "unknown"), (8.099999, "failed")])
    def test_what_fired_too_late_was_delivered_too_late(self, within_s: float, outcome: str) -> None:
        assert judged(fired(ready("prometheus")), alert(within_s)).outcome == outcome

    def test_alertmanager_alone_knows_nothing_of_what_it_was_not_sent(self) -> None:
        assert judged(ready("alertmanager")).outcome is Outcome.UNKNOWN


BEFORE = "CachePrimaryDown was there already before kill, so it proves nothing"


@pytest.mark.parametrize(
    ("history", "answer"),
    [
        (ready().state(0, "firing", since=-500, before=True), BEFORE),
        (ready().state(0, "firing", since=-500, before=True).page(21, starts=-500), BEFORE),
        (ready().state(9, "pending").state(14, "firing").page(17, starts=14), BEFORE),
        (ready("sink").page(21, starts=9.9), BEFORE),
        (ready("sink").page(5, starts=4).page(21, starts=18), BEFORE),
        (ready("alertmanager", "sink").held(0), BEFORE),
        (ready().state(2, "pending").state(3, "firing").state(6, "inactive").state(13, "pending").state(18, "firing")
         .page(21, starts=18), "CachePrimaryDown had come and gone already before kill, so it proves nothing"),
        (ready("sink").page(5, starts=4).page(8, "resolved", starts=4).page(21, starts=18),
         "CachePrimaryDown had come and gone already before kill, so it proves nothing"),
        (ready(error_s=0.5).state(10.6, "pending", since=10.3).state(16, "firing", since=15.3).page(18, starts=15.3),
         "CachePrimaryDown began within 800 ms of kill, so nobody can say which came first"),
    ],
)  # fmt: skip
def test_what_was_there_before_the_fault_proves_nothing(history: History, answer: str) -> None:
    """Also when it is delivered in the best of times."""
    assert said(judged(history)) == f"unknown: {answer}"


@pytest.mark.parametrize(("since", "outcome"), [(10.0, "passed"), (9.999999, "unknown")])
def test_what_begins_with_the_fault_does_not_count_as_before_it(since: float, outcome: str) -> None:
    history = ready().state(11, "pending", since=since).state(16, "firing", since=15).page(18, starts=15)
    assert judged(history).outcome == outcome


def test_what_alertmanager_held_before_the_fault_was_there_before_whatever_the_page_says() -> None:
    """Its sender's clock is ahead, and nobody listens to that."""
    history = History().listening("alertmanager", "sink").held(5).fault(effect=10.0)
    assert said(judged(history.page(21.2, starts=18.1))) == (
        "unknown: CachePrimaryDown was there already before kill, so it proves nothing"
    )


@pytest.mark.parametrize(("again", "outcome"), [(40.0, "failed"), (40.1, "unknown")])
def test_what_was_there_before_and_comes_again_only_when_its_time_is_over_proves_nothing(
    again: float, outcome: str
) -> None:
    history = ready().state(0, "firing", since=-500, before=True).state(12, "inactive").state(again, "firing")
    assert judged(history).outcome == outcome


def test_labels_that_alerts_get_on_their_way_out_are_theirs() -> None:
    history = ready().told(0, "prometheus", "alerting.rules", rules=[], external_labels={"region": "sg"})
    assert said(judged(fired(history), alert(labels={"region": "sg"}))) == (
        "failed: CachePrimaryDown fired after 8.1 s and never reached oncall; limit 30 s"
    )
    assert "CachePrimaryDown never fired" in said(judged(fired(history), alert(labels={"region": "eu"})))


def test_another_series_that_was_there_before_does_not_stand_in_its_way() -> None:
    history = ready().state(0, "firing", since=-500, before=True, instance="a")
    history.state(13, "pending", instance="b").state(18, "firing", instance="b").page(21, starts=18, instance="b")
    assert judged(history).outcome is Outcome.PASSED


def test_one_that_was_only_pending_and_gone_does_not_either() -> None:
    assert (
        judged(fired(ready().state(2, "pending").state(4, "inactive")).page(21, starts=18.1)).outcome is Outcome.PASSED
    )


class TestContent:
    @pytest.mark.parametrize(
        ("annotations", "answer"),
        [
            ({"summary": "the primary is down", "cause": "it died"}, "passed"),
            ({"summary": " \n", "cause": "it died"}, "CachePrimaryDown reached oncall in time, but has no summary"),
            ({"cause": "it died"}, "CachePrimaryDown reached oncall in time, but has no summary"),
            ({"summary": "down", "cause": "?"},
             "CachePrimaryDown reached oncall in time, but its cause does not say died|killed"),
            ({"summary": "down", "cause": "died", "x": "<error expanding template: no such>"},
             "CachePrimaryDown reached oncall in time, but its x is a template that failed"),
        ],
    )  # fmt: skip
    def test_a_page_must_say_what_one_must_know(self, annotations: dict[str, str], answer: str) -> None:
        wish = alert(annotations=("summary",), says={"cause": "died|killed"})
        verdict = judged(fired().page(21.2, starts=18.1, annotations=annotations), wish)
        assert answer in said(verdict)
        assert verdict.points == (1.0 if answer == "passed" else 0.5)

    def test_what_was_cut_off_may_have_said_it(self) -> None:
        history = fired().page(21.2, starts=18.1, annotations={"cause": "x" * 2000}, cut=True)
        assert judged(history, alert(says={"cause": "died"})).outcome is Outcome.UNKNOWN


class TestResolved:
    def story(
        self, *pages: tuple[float, str], gone: float | None = 30.0, ended: float = 60.0, limit_s: float = 20
    ) -> str:
        history = History().listening(*ALL).rules("CachePrimaryDown").fault(effect=10.0, healing=29.0, gone=gone)
        fired(history).page(21.2, starts=18.1)
        for t_s, status in pages:
            history.page(t_s, status, starts=18.1 if t_s < 45 else 45)
        return said(judged(history, alert(resolves_within=timedelta(seconds=limit_s)), ended=ended))

    @pytest.mark.parametrize(
        ("pages", "more", "answer"),
        [
            ([(41.0, "resolved")], {"limit_s": 11}, "passed"),
            ([(41.0, "resolved")], {"limit_s": 10.999999}, "resolved only 11 s after kill was gone; limit 10.999999 s"),
            ([(25.0, "resolved")], {}, "passed"),
            ([], {}, "failed: CachePrimaryDown reached oncall in time, but was never resolved after kill was gone; limit 20 s"),
            ([], {"ended": 50.0}, "the run ended before it had to be resolved; limit 20 s"),
            ([], {"ended": 50.000001}, "was never resolved"),
            ([(41, "resolved"), (45, "firing")], {}, "was never resolved"),
            ([(41, "resolved"), (45, "firing"), (46, "resolved")], {}, "passed"),
            ([], {"gone": None}, "unknown: kill was never seen to be gone"),
            ([(41, "resolved")], {"ended": 52.199999}, "but the run ended before it could have come again; that takes 11.2 s"),
            ([(41, "resolved")], {"ended": 52.2}, "passed"),
        ],
    )  # fmt: skip
    def test_a_page_is_taken_back_once_the_fault_is_gone(
        self, pages: list[Any], more: dict[str, Any], answer: str
    ) -> None:
        assert answer in self.story(*pages, **more)

    @pytest.mark.parametrize(
        ("why", "by"), [({"silenced_by": ["0123456789"]}, "01234567 of li (on it)"), ({"inhibited_by": ["?"]}, "?")]
    )
    def test_of_the_end_of_what_was_silenced_after_its_page_nobody_is_told(self, why: dict[str, Any], by: str) -> None:
        history = fired(History().listening(*ALL).rules("CachePrimaryDown").fault(effect=10.0, healing=29.0, gone=30.0))
        history.told(24, "alertmanager", "silence.changed", id="0123456789", state="active", matchers=[], by="li",
                     comment="on it", ends_unix=EPOCH_UNIX)  # fmt: skip
        paged = history.page(21.2, starts=18.1).held(25, "suppressed", **why)
        assert said(judged(paged, alert(resolves_within=timedelta(seconds=20)))) == (
            f"unknown: CachePrimaryDown reached oncall in time, and was then suppressed by {by}, so that nobody was told of "
            "its end"
        )
        assert judged(paged).outcome is Outcome.PASSED


class TestNotSeen:
    @pytest.mark.parametrize("observer", ALL)
    @pytest.mark.parametrize("what", ["observer.lost", "observer.restarted"])
    @pytest.mark.parametrize("story", [ready, fired])
    def test_what_may_have_been_missed_is_unknown(self, observer: str, what: str, story: Callable[[], History]) -> None:
        verdict = judged(story().told(20, observer, what, why="it died"))
        assert said(verdict) == (f"unknown: CachePrimaryDown was not seen to be delivered in time, but {observer} was not "
                                 "listening all the time: it died")  # fmt: skip

    @pytest.mark.parametrize("observer", ALL)
    @pytest.mark.parametrize("what", ["observer.lost", "observer.restarted"])
    def test_what_was_seen_delivered_stays_delivered(self, observer: str, what: str) -> None:
        assert judged(paged().told(16, observer, what, why="it died")).outcome is Outcome.PASSED

    @pytest.mark.parametrize(("t_s", "outcome"), [(50.0, "unknown"), (50.000001, "failed")])
    def test_a_loss_well_after_the_limit_does_not_matter(self, t_s: float, outcome: str) -> None:
        """It may be told 10 s late."""
        assert judged(ready().told(t_s, "sink", "observer.lost", why="it died")).outcome == outcome

    def test_a_loss_that_had_ended_before_the_fault_leaves_the_ground_in_doubt(self) -> None:
        history = History().listening(*ALL).told(3, "prometheus", "observer.lost", why="no answer")
        history.told(5, "prometheus", "observer.back", lost_s=2).rules("CachePrimaryDown").fault(effect=10.0)
        assert said(judged(fired(history).page(21.2, starts=18.1))) == (
            "unknown: prometheus was not listening all the time before kill, so nobody can say whether CachePrimaryDown was "
            "there already: no answer")  # fmt: skip

    def test_a_sink_that_began_after_the_fault_cannot_say_what_was_before(self) -> None:
        history = (
            History().listening("prometheus").listening("sink", from_s=11).rules("CachePrimaryDown").fault(effect=10.0)
        )
        assert judged(fired(history).page(21.2, starts=18.1)).outcome is Outcome.UNKNOWN

    def test_one_that_never_began_may_have_been_any(self) -> None:
        history = (
            History()
            .told(0, "oncall", "observer.lost", why="address in use")
            .listening("prometheus")
            .fault(effect=10.0)
        )
        assert judged(history).outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize(("starts", "outcome"), [(16.0, "passed"), (15.999999, "unknown")])
    def test_a_loss_just_after_the_fault_hides_what_was_pending_unless_the_rule_tells(
        self, starts: float, outcome: str
    ) -> None:
        """With `for: 5s` and an evaluation each second, what fires since 16 s was not pending before 10 s."""
        history = ready().told(12, "prometheus", "observer.lost", why="it died").page(21.2, starts=starts)
        assert judged(history).outcome == outcome

    @pytest.mark.parametrize(("ended", "outcome"), [(40.0, "unknown"), (40.000001, "failed")])
    def test_a_run_that_ended_before_the_limit_says_nothing(self, ended: float, outcome: str) -> None:
        assert judged(ready(), ended=ended).outcome == outcome

    def test_a_late_page_after_a_sink_that_was_lost_is_unknown(self) -> None:
        history = fired().told(20, "sink", "observer.lost", why="?").told(22, "sink", "observer.back", lost_s=2)
        assert judged(history.page(45, starts=18.1)).outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize(
        ("t_s", "outcome"), [(9.9, "failed"), (10.0, "unknown"), (40.0, "unknown"), (40.1, "failed")]
    )
    def test_a_page_that_the_sink_refused_may_have_been_this_one(self, t_s: float, outcome: str) -> None:
        refused = ready().told(t_s, "sink", "page.rejected", why="the token is wrong", answered=401)
        assert judged(refused).outcome == outcome
        assert judged(fired(refused).page(21.2, starts=18.1)).outcome is Outcome.PASSED
        late = ready().told(t_s, "sink", "page.rejected", why="the token is wrong", answered=401)
        assert judged(fired(late).page(41.2, starts=18.1)).outcome == outcome

    def test_nobody_listened_and_no_fault(self) -> None:
        assert said(judged(History().fault())) == "unknown: nobody listened to alerts"
        assert said(judged(History().listening(*ALL).fault(effect=None))) == "unknown: kill never took effect"


@pytest.mark.parametrize(
    ("settings", "setting"),
    [({"within_s": 0}, "within"), ({"resolves_within": timedelta(0)}, "resolves_within"), ({"labels": {"a": "/(/"}}, "labels"),
     ({"says": {"a": "("}}, "says"), ({"severity": "/(/"}, "severity"), ({"labels": {"severity": "page"}}, "severity")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], setting: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its first argument says which
        alert(**settings)
    assert raised.value.args[0] == setting


def test_it_waits_for_the_page() -> None:
    wish = alert()
    assert isinstance(wish, Waits)
    assert (wish.horizon().after, wish.horizon().for_s) == ("kill", 31)


# --- properties

TIMES = st.one_of(st.floats(10.0, 25.0), st.floats(10.0, 25.0), st.floats(0.0, 45.0)).map(lambda t_s: round(t_s, 3))
_NO_SUCH_TIME = 1e9


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[float, str, Any]]:
    """States of one series in an order that can be, pages of it, and repeated or foreign pages."""
    times = sorted(draw(st.lists(TIMES, min_size=draw(st.sampled_from([0, 2])), max_size=6, unique=True)))
    story: list[tuple[float, str, Any]] = []
    for place, t_s in enumerate(times):
        state = ("pending", "firing", "inactive")[place % 3]
        story.append((t_s, "state", state))
        if state == "firing" and draw(st.sampled_from([True, True, False])):
            receiver = draw(st.sampled_from(["oncall", "oncall", "oncall", "chat"]))
            story.append((round(t_s + draw(st.sampled_from([0.5, 3.0, 20.0])), 3), "page", (t_s, receiver)))
    return sorted(story, key=lambda one: one[0])


def told(story: list[tuple[float, str, Any]], lost: tuple[str, float, float] | None = None) -> Evidence:
    observer, from_s, to_s = lost or ("", _NO_SUCH_TIME, _NO_SUCH_TIME)
    history = ready()
    unheard = {"state": "prometheus", "page": "sink"}
    for t_s, what, data in story:
        if unheard[what] == observer and from_s <= t_s < to_s:
            continue
        if what == "state":
            history.state(t_s, data)
        else:
            history.page(t_s, starts=data[0], receiver=data[1])
    if lost:
        history.told(from_s, observer, "observer.lost", why="it died")
        history.told(to_s, observer, "observer.back", lost_s=to_s - from_s)
    return history.ended(60).evidence


@given(story=stories(), observer=st.sampled_from(ALL), from_s=TIMES, lasts_s=st.floats(0.1, 60))
def test_losing_an_observer_never_turns_anything_into_a_pass(
    story: list[tuple[float, str, Any]], observer: str, from_s: float, lasts_s: float
) -> None:
    whole = judge(alert(20), told(story)).outcome
    less = judge(alert(20), told(story, (observer, from_s, from_s + lasts_s))).outcome
    assert less is not Outcome.PASSED or whole is Outcome.PASSED


@given(story=stories(), later_s=st.floats(0.0, 20.0))
def test_a_later_page_never_helps(story: list[tuple[float, str, Any]], later_s: float) -> None:
    later = [(t_s + later_s if what == "page" else t_s, what, data) for t_s, what, data in story if t_s >= 10]
    before, after = (judge(alert(20), told(one)) for one in ([one for one in story if one[0] >= 10], later))
    assert after.outcome is not Outcome.PASSED or before.outcome is Outcome.PASSED
    assert (after.points or 0.0) <= (before.points or 0.0) or before.outcome is Outcome.UNKNOWN
