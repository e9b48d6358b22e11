"""What machines tell is read into moments, and what people tell is timed by our clock unless theirs is close to it."""

import pytest

from checks.evidence import Trust
from checks.sop.acts import acts_in
from tests.checks.history import EPOCH_UNIX
from tests.checks.sop.story import Story, one


def moments(story: Story) -> dict[str, float]:
    """The first of each kind, in minutes."""
    found: dict[str, float] = {}
    for act in acts_in(story.evidence):
        found.setdefault(act.kind, act.t_s / 60)
    return found


def test_the_moments_of_a_run_are_known_by_themselves() -> None:
    story = Story().fault(1).bad(1.5, 4, 10).page(3)
    story.history.state(150, "firing", since=149)
    found = moments(story.ended(9))

    assert found["drill.start"] == 0
    assert found["fault.injected"] == 1
    assert found["impact.start"] == 1.5
    assert found["alert.firing"] == 2.5
    assert found["page.delivered"] == 3
    assert found["contained"] == found["recovered"] == 4
    assert found["drill.end"] == 9


def test_what_came_before_the_fault_is_not_its_page_and_not_its_alert() -> None:
    story = Story().fault(5).page(3)
    story.history.state(240, "firing", since=239)

    assert not {"page.delivered", "alert.firing"} & moments(story).keys()


FIRED = "- {id: a, do: chat, of: alert.firing, within: 5m}"
SINCE = "- {id: a, order: {first: alert.firing, then: chat}}"


@pytest.mark.parametrize(("kind", "state"), [("alert.state", "firing"), ("alert.held", "active")])
def test_an_alert_that_was_there_when_its_observer_began_to_listen_is_not_the_faults(kind: str, state: str) -> None:
    """However late that was: one that was there already is told with `before`, and what comes after that without."""

    def told(**more: bool) -> Story:
        story = Story().fault(1).chat(3, "lin")
        story.history.told(120, "late", kind, alert="A", labels={}, state=state, silenced_by=[], **more)
        return story.ended(30)

    assert "alert.firing" not in moments(told(before=True))
    assert moments(told())["alert.firing"] == moments(told(before=False))["alert.firing"] == 2
    assert [one(rule, told(before=True)).status for rule in (FIRED, SINCE)] == ["n/a", "violated"]
    assert [one(rule, told()).status for rule in (FIRED, SINCE)] == ["satisfied", "satisfied"]


@pytest.mark.parametrize(("minute", "firing"), [(0.999, False), (1.0, True), (1.001, True)])
def test_an_alert_that_fires_as_the_fault_begins_may_be_the_faults(minute: float, firing: bool) -> None:
    story = Story().fault(1)
    story.history.told(60 * minute, "prometheus", "alert.state", alert="A", labels={}, state="firing")
    story.history.page(60 * minute)

    assert {"alert.firing", "page.delivered"} & moments(story).keys() == (
        {"alert.firing", "page.delivered"} if firing else set()
    )


def test_an_alert_that_a_silence_holds_back_is_a_page_withheld_unless_it_was_before() -> None:
    def told(t_s: float = 120.0, by: tuple[str, ...] = ("s1",), **more: bool) -> bool:
        story = Story().fault(1)
        story.history.told(
            t_s, "alertmanager", "alert.held", alert="A", labels={}, state="suppressed", silenced_by=[*by], **more
        )
        return "page.withheld" in moments(story)

    assert told()
    assert told(60.0)
    assert not told(59.9)
    assert not told(by=())
    assert not told(before=True)


def test_a_page_that_was_not_taken_was_not_delivered() -> None:
    story = Story().fault(1)
    story.history.page(120, answered=503).page(180, "resolved")
    assert "page.delivered" not in moments(story)
    story.history.page(240)
    assert moments(story)["page.delivered"] == 4


def test_without_an_injection_there_is_no_fault_and_a_page_is_a_page() -> None:
    story = Story().page(3).bad(4, 5, 10)
    story.history.event(60, "fault.withheld", fault="kill", does="", target="primary")

    assert moments(story).keys() & {"fault.injected", "impact.start", "page.delivered"} == {"page.delivered"}


def test_good_looks_for_a_moment_contain_and_only_lasting_ones_recover() -> None:
    story = Story().fault(1)
    story.history.opened(every_s=1.0).looks("60+30-3+30-60+", every_s=1.0, batch=60)
    found = moments(story)

    assert found["contained"] == 1.5
    assert found["recovered"] == pytest.approx(123 / 60)


def test_a_service_that_never_came_back_is_not_recovered_unless_the_steady_state_says_so() -> None:
    story = Story().fault(1).bad(1, 10, 10)
    assert not {"contained", "recovered"} & moments(story).keys()
    story.history.steady(560, 590, phase="after")
    assert moments(story)["recovered"] == pytest.approx(590 / 60)


def test_what_only_machines_can_know_is_not_believed_of_people() -> None:
    story = Story().fault(1)
    for kind in ("recovered", "page.delivered", "observe", "state", "drill.end", "fault.injected"):
        story.act(2, kind, "wang")

    assert moments(story).keys() == {"drill.start", "fault.injected"}


def test_rules_that_were_changed_and_a_fault_that_went_by_itself_are_acts() -> None:
    story = Story().fault(1)
    story.history.rules("A", t_s=0.0).rules("A", t_s=60.0, series=2).rules("A", "B", t_s=120.0)
    story.history.event(180, "injection.lapsed", fault="kill", why="it is gone")
    found = moments(story)

    assert (found["rules.changed"], found["fault.lapsed"]) == (2, 3)


@pytest.mark.parametrize(("off_s", "credit"), [(0, 1.0), (-5, 1.0), (-4, 1.0), (-5.1, 0.0), (3600, 0.0), (-3600, 0.0)])
def test_another_clock_is_believed_for_five_seconds(off_s: float, credit: float) -> None:
    """It was told four seconds too late; a clock that says that it was done before is believed, if it is near ours."""
    rule = "- {id: a, do: chat, of: page.delivered, within: 1m, zero_at: 1m}"
    heard_s = 180 + (4 if off_s else 0)
    story = Story().fault(1).page(2).chat(heard_s / 60, "lin", at_unix=EPOCH_UNIX + heard_s + off_s).ended(10)
    found = one(rule, story)

    assert found.credit == credit
    assert found.obligations[0].remarks == (() if abs(off_s) <= 5 else ("clock off",))


def test_an_act_without_a_kind_and_odd_values_break_nothing() -> None:
    story = Story().fault(1).act(2, "").act(2, "chat", "lin", text=None, tag=5, odd={"a": [1]}, at_unix="soon")

    assert [act.value("tag") for act in acts_in(story.evidence) if act.kind == "chat"] == ["5"]


def test_a_silence_counts_once_however_often_it_is_told_and_again_when_it_is_made_longer() -> None:
    story = Story().fault(1)
    for t_s, ends_s in ((120, 600), (130, 600), (140, 900)):
        story.history.told(t_s, "alertmanager", "silence.changed", id="s", state="active", matchers=[], by="wang",
                           comment="", ends_unix=EPOCH_UNIX + ends_s)  # fmt: skip

    assert [act.t_s for act in acts_in(story.evidence) if act.kind == "am.silence"] == [120, 140]


def test_who_tells_of_an_act_does_not_matter_for_what_it_is_worth_only_how_it_is_known() -> None:
    rule = "- {id: a, do: cli, of: drill.start, within: 10m}"
    worth = {trust: one(rule, Story().fault(1).act(2, "cli", "wang", trust=trust).ended(30)).credit for trust in Trust}

    assert worth == {"observed": 1.0, "attributed": 1.0, "attested": 0.8, "declared": 0.3}
