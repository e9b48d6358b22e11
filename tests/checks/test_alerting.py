"""What observers told, read: whose clock, from when to when, delivered once, and who was not listening."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.alerting import Alerting, Delivery, Episode, fits, matching
from tests.checks.history import EPOCH_UNIX, History

ALL = ("prometheus", "alertmanager", "sink")


def read(history: History) -> Alerting:
    return Alerting(history.evidence)


def episodes(history: History) -> tuple[Episode, ...]:
    return read(history).episodes


def deliveries(history: History) -> tuple[Delivery, ...]:
    return read(history).deliveries


def spans(history: History) -> list[tuple[float | None, float | None, float | None]]:
    return [tuple(at and at.low_s for at in (one.pending, one.firing, one.ended)) for one in episodes(history)]  # type: ignore[misc]


class TestClock:
    @pytest.mark.parametrize("offset_s", [0.0, 3600.0, -0.25])
    def test_times_of_another_clock_become_ours_within_its_error(self, offset_s: float) -> None:
        history = History().listening("prometheus", offset_s=offset_s, error_s=0.02)
        (one,) = episodes(history.state(14, "firing", since=12.5, skew_s=offset_s))
        assert one.firing is not None
        assert (one.firing.low_s, one.firing.high_s) == (12.48, 12.52)

    def test_nothing_is_seen_before_it_happened(self) -> None:
        (one,) = episodes(History().listening("prometheus", error_s=1.0).state(13, "firing", since=12.5))
        assert one.firing is not None
        assert (one.firing.low_s, one.firing.high_s) == (11.5, 13)

    def test_a_clock_that_is_set_counts_from_when_that_was_told(self) -> None:
        history = History().listening("prometheus", offset_s=0.0).state(8, "pending", since=7)
        history.told(10, "prometheus", "observer.clock", offset_s=60.0, error_s=0.0)
        assert spans(history.state(14, "firing", since=13, skew_s=60)) == [(7, 13, None)]

    def test_what_is_learnt_of_a_clock_later_helps_for_what_was_told_before(self) -> None:
        history = History().listening("prometheus", offset_s=0.2, error_s=0.5).state(8, "firing", since=7)
        (one,) = episodes(history.told(10, "prometheus", "observer.clock", offset_s=0.0, error_s=0.01))
        assert one.firing is not None
        assert (one.firing.low_s, one.firing.high_s) == (6.99, 7.01)

    def test_a_clock_of_which_nothing_is_known_is_taken_for_ours(self) -> None:
        (page,) = deliveries(History().listening("sink").page(20, starts=15))
        assert page.starts is not None
        assert (page.starts.low_s, page.starts.high_s) == (15, 15)

    def test_pages_tell_beginnings_by_the_clock_of_prometheus(self) -> None:
        history = History().listening("alertmanager", offset_s=7).listening("prometheus", offset_s=60).rules("A")
        (page,) = deliveries(history.listening("sink").page(20, starts=15, skew_s=60))
        assert page.starts is not None
        assert page.starts.low_s == 15

    def test_a_page_that_tells_of_what_some_prometheus_saw_began_when_that_one_saw_it(self) -> None:
        """Of two servers of one alert, the clocks of which are 3 min off; no other reading of the page is left."""
        history = History().listening("prometheus", offset_s=180).told(0, "other", "observer.opened", kind="prometheus")
        history.told(0, "other", "observer.clock", offset_s=-180.0, error_s=0.01)
        history.state(15.2, "firing", since=15, skew_s=180, alert="A").listening("sink")
        history.state(14.2, "firing", since=14, skew_s=-180, alert="A", observer="other")
        first, second = deliveries(history.page(20, starts=15, skew_s=180, alert="A").page(21, starts=14, skew_s=-180,
                                                                                             alert="A"))  # fmt: skip
        assert first.starts is not None
        assert second.starts is not None
        assert [(one.low_s, one.high_s) for one in (first.starts, second.starts)] == [(15, 15), (13.99, 14.01)]

    def test_a_page_that_tells_of_what_none_of_them_saw_may_be_by_the_clock_of_any(self) -> None:
        history = History().listening("prometheus", offset_s=60).told(0, "other", "observer.opened", kind="prometheus")
        history.told(0, "other", "observer.clock", offset_s=0.0, error_s=0.0)
        (page,) = deliveries(history.listening("sink").page(90, starts=75))
        assert page.starts
        assert (page.starts.low_s, page.starts.high_s) == (15, 75)

    def test_a_time_that_is_not_known_is_some_time_until_it_was_told(self) -> None:
        history = History().told(9, "prometheus", "alert.state", alert="A", labels={}, series="1", state="firing",
                                 since_unix=None, active_unix=None)  # fmt: skip
        (one,) = episodes(history)
        assert one.firing is not None
        assert (one.firing.low_s, one.firing.high_s) == (-inf, 9)


class TestEpisodes:
    def test_one_goes_from_pending_over_firing_to_its_end(self) -> None:
        assert spans(History().state(1, "pending").state(6, "firing").state(9, "inactive")) == [(1, 6, 9)]

    def test_one_that_comes_again_is_another(self) -> None:
        history = History().state(1, "firing").state(2, "inactive").state(3, "pending").state(4, "inactive")
        assert spans(history) == [(None, 1, 2), (3, None, 4)]

    def test_pending_after_firing_is_another_even_where_nobody_saw_the_end(self) -> None:
        history = History().state(1, "pending").state(6, "firing").state(20, "pending").state(25, "firing")
        assert spans(history) == [(1, 6, None), (20, 25, None)]

    def test_an_end_of_nothing_is_nothing(self) -> None:
        assert spans(History().state(1, "inactive")) == []

    def test_each_series_and_each_observer_has_its_own(self) -> None:
        history = History().state(1, "firing", instance="a").state(2, "firing", instance="b")
        assert len(episodes(history.state(3, "firing", instance="a", observer="other"))) == 3


class TestDeliveries:
    def test_it_is_the_first_attempt_that_was_taken(self) -> None:
        history = History().page(5, starts=1, answered=500).page(6, starts=1, answered=204).page(7, starts=1)
        (page,) = deliveries(history)
        assert (page.first_s, page.t_s, page.seq) == (5, 6, 1)

    def test_one_that_took_a_while_to_come_began_to_come_before(self) -> None:
        (page,) = deliveries(History().page(5, starts=3, answered=503, took_s=0.5).page(6, starts=3, took_s=0.25))
        assert (page.first_s, page.t_s) == (4.5, 6)

    @pytest.mark.parametrize(("answered", "count"), [(199, 0), (200, 1), (299, 1), (300, 0), (401, 0)])
    def test_taken_is_2xx(self, answered: int, count: int) -> None:
        assert len(deliveries(History().page(5, starts=1, answered=answered))) == count

    def test_another_receiver_beginning_state_or_series_is_another(self) -> None:
        history = History().page(5, starts=1).page(6, starts=1, receiver="chat").page(7, starts=2)
        assert len(deliveries(history.page(8, "resolved", starts=2).page(9, starts=2, instance="a"))) == 5

    def test_what_does_not_say_when_it_began_begins_anew_once_it_was_resolved(self) -> None:
        history = History().page(5).page(6).page(7, "resolved").page(8, "resolved").page(9).page(10, "resolved")
        assert [(one.t_s, one.status) for one in deliveries(history)] == [
            (5, "firing"), (7, "resolved"), (9, "firing"), (10, "resolved"),
        ]  # fmt: skip


class TestListeners:
    def test_their_roles_come_from_their_kinds_and_from_what_they_tell(self) -> None:
        history = History().told(0, "a", "observer.lost", kind="prometheus", why="refused")
        history.told(0, "b", "observer.opened", what="?", kind="sink").told(
            0, "c", "observer.opened", what="?"
        ).routes()
        history.told(0, "d", "observer.lost", why="refused")
        roles = {one.name: one.roles for one in read(history).listeners}
        assert roles == {"a": {"prometheus"}, "b": {"sink"}, "alertmanager": {"alertmanager"}, "c": {*ALL}, "d": {*ALL}}

    def test_whoever_listens_to_other_things_is_none_of_them(self) -> None:
        """A chat is no sink, and that it cannot be heard makes no page unseen."""
        history = History().told(0, "war-room", "observer.opened", kind="chat", what="Slack")
        history.told(0, "replicas", "observer.lost", kind="replication", why="refused")
        assert read(history).listeners == ()

    def test_a_loss_lasts_from_the_last_that_was_heard_until_it_is_back(self) -> None:
        history = History().listening("sink").told(10, "sink", "observer.lost", why="died").told(
            15, "sink", "observer.back", lost_s=6.0)  # fmt: skip
        (sink,) = read(history).listeners
        assert [(one.from_s, one.to_s, one.why) for one in sink.troubles] == [(9, 15, "died")]

    @pytest.mark.parametrize(("from_s", "to_s", "there"), [
        (0, 9.999999, False), (0, 10.0, True), (22, 99, True), (22.000001, 99, False),
    ])  # fmt: skip
    def test_a_loss_matters_where_it_touches_or_is_told_soon_after(
        self, from_s: float, to_s: float, there: bool
    ) -> None:
        history = (
            History()
            .listening("sink")
            .told(20, "sink", "observer.lost", why="?")
            .told(22, "sink", "observer.back", lost_s=2)
        )
        assert (read(history).trouble(from_s, to_s) is not None) is there

    def test_only_those_of_a_role_may_be_asked_for(self) -> None:
        lost = read(History().listening(*ALL).told(10, "prometheus", "observer.lost", why="?"))
        assert lost.trouble(0, 99, "sink") is None
        assert lost.trouble(0, 99, "sink", "prometheus") is not None


class TestRules:
    def test_the_rule_is_the_one_of_that_time_with_the_intervals_that_count(self) -> None:
        history = History().rules("A", for_s=5, evaluation_s=15).rules("A", for_s=9, interval_s=2.0, t_s=20)
        told = read(history)
        found = [told.rule("A", {}, at) for at in (0, 19, 20)]
        assert [(one["for_s"], one["evaluation_s"]) for one in found if one] == [(5, 15), (5, 15), (9, 2)]
        assert told.rule("B", {}) is None

    def test_of_rules_of_one_name_it_is_the_one_with_these_labels(self) -> None:
        rules = [{"alert": "A", "for_s": n, "labels": {"severity": one}} for n, one in enumerate(["page", "{{ $x }}"])]
        told = read(History().told(0, "prometheus", "alerting.rules", rules=rules))
        assert [one and one["for_s"] for one in (told.rule("A", {"severity": s}) for s in ("page", "ticket"))] == [0, 1]

    def test_a_list_that_was_cut_does_not_hold_all(self) -> None:
        assert read(History().rules("A")).rules_known
        assert not read(History()).rules_known
        assert not read(History().told(0, "prometheus", "alerting.rules", rules=[], cut=True)).rules_known


def test_a_silence_is_told_by_whose_it_is() -> None:
    history = History().told(1, "alertmanager", "silence.changed", id="0123456789", state="active", matchers=[], by="li",
                             comment="", ends_unix=EPOCH_UNIX)  # fmt: skip
    assert (read(history).silence("0123456789"), read(history).silence("abc")) == ("01234567 of li", "abc")


def test_what_is_held_is_what_was_said_last_and_is_not_gone() -> None:
    told = read(History().held(1).held(2, "suppressed", silenced_by=["x"]).held(3, "gone").held(4, alert="B"))
    assert [[one.data["state"] for one in told.held(at)] for at in (0.5, 1, 2, 3, 4)] == [
        [], ["active"], ["suppressed"], [], ["active"],
    ]  # fmt: skip
    assert [one.t_s for one in told.suppressed(0, 9)] == [2]


@pytest.mark.parametrize(
    ("wanted", "text", "answer"),
    [("a", "a", True), ("a", "b", False), ("/a|b/", "b", True), ("/a|b/", "bc", False), ("/", "/", True), ("a.c", "abc", False)],
)  # fmt: skip
def test_a_text_is_meant_as_it_is_and_between_slashes_as_an_expression_of_the_whole(
    wanted: str, text: str, answer: bool
) -> None:
    assert matching(wanted, text) is answer
    assert fits({"label": text}, {"label": wanted}) is answer


def test_a_label_that_is_not_there_is_empty() -> None:
    assert fits({}, {"a": "/.*/", "b": ""})
    assert not fits({}, {"a": "/.+/"})


@given(offset_s=st.floats(-1e5, 1e5), off_s=st.floats(-1, 1), since=st.floats(0, 50), late_s=st.floats(0.001, 10))
def test_the_truth_lies_within_the_bounds(offset_s: float, off_s: float, since: float, late_s: float) -> None:
    """The measured offset is wrong by up to its error of 1 s."""
    history = History().listening("prometheus", offset_s=offset_s + off_s, error_s=1.0)
    (one,) = episodes(history.state(since + late_s, "firing", since=since, skew_s=offset_s))
    assert one.firing is not None
    assert one.firing.low_s - 1e-5 <= since <= one.firing.high_s + 1e-5
