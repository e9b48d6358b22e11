"""What observers see is a state: it is so until they see otherwise, it was so before the fault, and the last word decides."""

import pytest

from tests.checks.sop.story import Story, one

EVENTS = """
whole: {any_of: [{kind: observe, probe: checksum, result: match}, {kind: manual, step: look}]}
live: {any_of: [{kind: observe, probe: pool, result: replica_added}]}
gone: {any_of: [{kind: observe, probe: replication, result: unreachable}]}
change: {any_of: [{kind: cli, mutating: true}]}
seen: {any_of: [{kind: observe, probe: pool, result: primary}]}
"""
RULE = "- {id: a, level: must, order: {first: whole, then: live, same: [replica], within: 30m}, min_trust: observed}"


def judged(story: Story, rule: str = RULE, *, end: float = 60) -> tuple[str, float | None]:
    found = one(rule, story.ended(end), events=EVENTS)
    return found.status, found.credit


def seen(story: Story, minute: float, result: str, replica: str = "r1", **data: object) -> Story:
    return story.act(minute, "observe", probe="checksum", result=result, replica=replica, **data)


def live(story: Story, minute: float = 20, replica: str = "r1") -> Story:
    return story.act(minute, "observe", probe="pool", result="replica_added", replica=replica)


# what was seen last


def test_what_was_seen_last_decides_and_not_what_was_seen_at_any_time() -> None:
    def status(*results: str) -> str:
        story = Story().fault(1)
        for minute, result in enumerate(results, 5):
            seen(story, minute, result)
        return judged(live(story))[0]

    assert status("match") == status("mismatch", "match") == "satisfied"
    assert status("match", "mismatch") == status("match", "mismatch", "match", "mismatch") == "violated"


def test_it_is_said_what_was_seen_last() -> None:
    found = one(RULE, live(seen(seen(Story().fault(1), 5, "match"), 6, "mismatch")).ended(60), events=EVENTS)

    (obligation,) = found.obligations
    assert str(obligation.because) == "live by somebody (r1) without whole: checksum last saw mismatch"
    assert len(obligation.proof) == 2


def test_what_was_seen_of_another_replica_does_not_count_against_this_one() -> None:
    assert judged(live(seen(seen(Story().fault(1), 5, "match"), 6, "mismatch", "r2")))[0] == "satisfied"
    assert judged(live(seen(seen(Story().fault(1), 5, "match", "r2"), 6, "mismatch", "r1")))[0] == "violated"


def test_what_is_seen_after_it_or_at_its_very_moment_changes_nothing() -> None:
    assert judged(seen(live(seen(Story().fault(1), 5, "match")), 20, "mismatch"))[0] == "satisfied"
    assert judged(live(seen(seen(Story().fault(1), 5, "match"), 20, "mismatch")))[0] == "violated"


def test_where_nothing_is_asked_to_be_the_same_the_server_that_was_seen_tells_things_apart() -> None:
    rule = "- {id: a, order: {first: gone, then: change}}"

    def fenced(*more: tuple[float, str, str]) -> str:
        story = Story().fault(1)
        for minute, replica, result in ((2, "r0", "unreachable"), *more):
            story.act(minute, "observe", probe="replication", result=result, replica=replica, was="x", offset=minute)
        return judged(story.act(10, "cli", "w", mutating=True), rule)[0]

    assert fenced() == fenced((3, "r1", "behind")) == "satisfied"
    assert fenced((3, "r0", "replica")) == "violated"


def test_while_a_command_runs_what_was_seen_when_it_began_decides() -> None:
    rule = "- {id: a, order: {first: gone, then: change}}"
    story = Story().fault(1).act(2, "observe", probe="replication", result="unreachable", replica="r0")
    story.act(9, "observe", probe="replication", result="primary", replica="r0")

    assert judged(story.act(10, "cli", "w", mutating=True, took_s=61), rule)[0] == "satisfied"


# what was so all along


def test_what_was_seen_before_the_fault_holds_until_something_else_is_seen() -> None:
    assert judged(live(seen(Story().fault(3), 1, "match", before=True)))[0] == "satisfied"
    assert (
        judged(live(seen(seen(Story().fault(3), 1, "match", before=True), 5, "mismatch", was="match")))[0] == "violated"
    )
    assert judged(live(seen(seen(Story().fault(3), 1, "match"), 2, "mismatch", was="match")))[0] == "violated"
    assert judged(live(Story().fault(3)))[0] == "violated"


@pytest.mark.parametrize(("minute", "told", "status"), [
    (33, {}, "satisfied"), (33.1, {}, "violated"), (59, {"before": True}, "satisfied"),
])  # fmt: skip
def test_who_tells_of_changes_alone_is_silent_while_nothing_changes(
    minute: float, told: dict[str, bool], status: str
) -> None:
    """What is told again and again is stale after `within`; from the fault on, for what was seen before it."""
    assert judged(live(seen(Story().fault(3), 1, "match", **told), minute))[0] == status


def test_what_was_seen_before_the_fault_is_no_answer_to_it() -> None:
    was = {"probe": "pool", "result": "primary", "before": True}
    for form in ("do: seen, of: fault.injected, within: 5m", "every: {what: seen, period: 5m, from: fault.injected}"):
        assert judged(Story().fault(3).act(1, "observe", **was), f"- {{id: a, {form}}}")[0] == "violated"
    never = "- {id: a, never: {what: seen, from: drill.start}}"
    assert judged(Story().fault(3).act(1, "observe", **was), never)[0] == "satisfied"
    order = "- {id: a, order: {first: change, then: seen}}"
    assert judged(Story().fault(3).act(1, "observe", **was), order)[0] == "n/a"


def test_who_cannot_be_heard_when_it_counts_says_nothing_of_what_was_before_the_fault() -> None:
    def story() -> Story:
        made = seen(Story().fault(3), 1, "match", before=True, observer="checksum")
        made.history.told(240, "checksum", "observer.lost", kind="query", why="gone")
        return made

    assert judged(live(story())) == ("unknown", None)
    back = story()
    back.history.told(300, "checksum", "observer.back", lost_s=60)
    assert judged(live(back))[0] == "satisfied"


def test_a_tick_is_contradicted_by_what_was_seen_before_the_fault_too() -> None:
    rule = RULE.replace(", min_trust: observed", "")
    ticked = seen(Story().fault(3), 1, "mismatch").act(5, "manual", "w", trust="declared", step="look", replica="r1")

    assert judged(live(ticked), rule)[1] == 0.0


# what follows


AFTER = "- {id: a, after: {when: change, then: seen, within: 1m}}"


@pytest.mark.parametrize(("minute", "status"), [
    (7.99, "violated"), (8.01, "satisfied"), (8.49, "satisfied"), (8.6, "satisfied"), (9, "satisfied"), (9.01, "violated"),
])  # fmt: skip
def test_what_follows_a_command_may_come_while_it_runs_and_its_time_counts_from_when_it_began(
    minute: float, status: str
) -> None:
    story = Story().fault(1).act(8.5, "cli", "w", mutating=True, took_s=30)

    assert judged(story.act(minute, "observe", probe="pool", result="primary"), AFTER)[0] == status


def test_what_a_quick_command_did_may_be_seen_before_the_command_is_taken_down() -> None:
    def status(before_s: float, **told: object) -> str:
        story = Story().fault(1).act(8, "cli", "w", mutating=True, **told)
        return judged(story.act(8 - before_s / 60, "observe", probe="pool", result="primary"), AFTER)[0]

    assert [status(0.1, took_s=0.005), status(0.2, took_s=0.005), status(0.01)] == ["satisfied", "violated", "violated"]


def test_the_same_again_follows_the_first_and_not_itself() -> None:
    rule = "- {id: a, after: {when: change, then: change, within: 5m}}"
    story = Story().fault(1).act(8, "cli", "w", mutating=True, took_s=30).act(10, "cli", "w", mutating=True, took_s=1)

    assert [ob.status for ob in one(rule, story.ended(60), events=EVENTS).obligations] == ["satisfied", "violated"]
