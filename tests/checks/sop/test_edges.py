"""Edges of the evaluator at which a wrong answer would cost or pay somebody."""

from collections.abc import Mapping
from typing import Any

from checks.evidence import Trust
from tests.checks.sop.story import Story, by_id, one, standing

DECIDES = "- {id: a, order: {first: chat, then: flag.write, first_by: [IC]}}"
ACKED = "- {id: a, do: page.acked, of: page.delivered, within: 5m}"
EVERY = "- {id: a, every: {what: chat, period: 5m, from: page.delivered, dedupe: 0.9}}"


def kept(**whose: list[str]) -> Story:
    """A run whose inventory says whose roles are."""
    story = Story()
    opened: Mapping[str, Any] = story.history.events[0].data
    story.history.events[0] = story.history.events[0].__class__(
        seq=0, t_s=0.0, at=story.history.events[0].at, kind="run.opened", source="test", trust=Trust.OBSERVED,
        data={**opened, "kept": whose},
    )  # fmt: skip
    return story.fault(1).page(2)


def decided(story: Story, actor: str) -> str:
    return one(DECIDES, story.chat(5, actor).act(6, "flag.write", "zhao").ended(60)).status


def test_who_takes_the_page_does_not_take_a_role_that_is_kept_for_another() -> None:
    def raced() -> Story:
        return kept(l1=["lin"], ic=["lin"]).act(2.1, "page.acked", "wang").act(2.5, "page.acked", "lin")

    assert decided(raced(), "wang") == "violated"
    assert decided(raced(), "lin") == "satisfied"


def test_what_comes_with_a_role_may_be_kept_for_another_too() -> None:
    assert decided(kept(ic=["lin"]).act(2.1, "page.acked", "wang"), "wang") == "violated"
    assert decided(kept(cl=["mei"]).act(2.1, "page.acked", "wang"), "wang") == "satisfied"


def test_to_acknowledge_all_the_time_acknowledges_nothing_before_there_is_a_page() -> None:
    early = Story().fault(1).page(2).act(1.5, "page.acked", "lin")

    found = one(ACKED, early.ended(60))
    assert found.status == "violated"
    assert str(found.obligations[0].because) == (
        "page.acked by lin came too early, before any page; none came within 5 min of page.delivered"
    )
    assert one(ACKED, early.act(7, "page.acked", "lin").ended(61)).status == "satisfied"
    assert decided(Story().fault(1).act(1.5, "page.acked", "lin").page(2), "lin") == "violated", (
        "nor does it make a leader"
    )


def test_a_bot_that_speaks_is_nobody_who_was_there() -> None:
    def attended(**data: object) -> bool:
        return standing(ACKED, Story(attended=False).fault(1).page(2).chat(3, "B042", **data).ended(60)).attended

    assert attended()
    assert not attended(bot=True)


def test_what_is_done_after_the_end_counts_no_more() -> None:
    late = Story().fault(1).page(2)
    rule = "- {id: a, never: {what: flag.write}}"

    assert one(rule, late.ended(10).act(10.5, "flag.write", "lin")).status == "satisfied"
    assert one(rule, Story().fault(1).page(2).act(9.5, "flag.write", "lin").ended(10)).status == "violated"


def test_what_a_system_recorded_is_not_taken_back_by_what_was_observed_later() -> None:
    events = """
verified: {any_of: [{kind: observe, probe: checksum, result: match}, {kind: submit.diagnosis}]}
live: {any_of: [{kind: observe, probe: pool, result: added}]}
"""
    rule = "- {id: a, order: {first: verified, then: live, same: [replica]}}"
    story = Story().fault(1).act(5, "submit.diagnosis", "zhao", replica="r1")
    story.act(6, "observe", probe="checksum", result="mismatch", replica="r1")
    story.act(10, "observe", probe="pool", result="added", replica="r1")

    assert one(rule, story.ended(20), events=events).credit == 1.0


def test_the_same_words_count_once_however_many_others_come_between() -> None:
    """Only so many earlier reports are compared one by one, and the same text is known for ever."""
    names = [
        "alpha",
        "bravo",
        "charlie",
        "delta",
        "echo",
        "foxtrot",
        "golf",
        "hotel",
        "india",
        "juliet",
        "kilo",
        "lima",
    ]
    story, other = Story().fault(1).page(2), Story().fault(1).page(2)
    for told in (story, other):
        for n, name in enumerate(names):
            told.chat(3 + n / 100, "lin", name * 3)
    story.chat(20, "lin", f"{names[0] * 3} 2!")

    assert one(EVERY, story.ended(40)).credit == one(EVERY, other.ended(40)).credit


def test_a_report_that_is_like_an_earlier_one_counts_no_more_though_another_came_between() -> None:
    def credit(third: str) -> float | None:
        story = Story().fault(1).page(2).chat(3, "lin", "the queries are slow, next the index of prices")
        story.chat(3.1, "lin", "something else entirely").chat(10, "lin", third)
        return one(EVERY, story.ended(20)).credit

    like = credit("the queries are slow; next the index of the prices")
    assert like is not None
    assert like < (credit("db back to normal, I watch") or 0.0)


def test_of_two_gates_that_bite_the_lower_counts() -> None:
    rules = (
        "- {id: a, level: must, never: {what: flag.write}, gate: {cap: 70, why: hasty}}\n"
        "- {id: b, level: must, never: {what: k8s.write}, gate: {cap: 40, why: worse}}\n"
        "- {id: c, level: must, do: page.acked, of: page.delivered, within: 5m}\n"
    )
    for kinds in (("flag.write", "k8s.write"), ("k8s.write", "flag.write")):
        story = Story().fault(1).page(2).act(3, "page.acked", "lin")
        for n, kind in enumerate(kinds):
            story.act(4 + n, kind, "lin")
        found = standing(rules, story.ended(20))
        assert found.gate is not None
        assert found.gate.cap == 40


def test_a_service_has_recovered_when_all_that_was_hurt_has() -> None:
    """One of two probes that never comes back is enough."""
    story = Story().fault(1).bad(1, 10, 20).ended(21)
    rule = "- {id: a, do: chat, of: recovered, within: 1m}"
    assert by_id(standing(rule, story))["a"].status == "violated"
    story.history.opened("other", every_s=1.0).looks(f"60+{20 * 60}-", probe="other", every_s=1.0, batch=60)

    assert by_id(standing(rule, story))["a"].status == "n/a"


def test_at_the_instant_of_a_hand_over_it_is_with_the_new_holder() -> None:
    def story() -> Story:
        return Story().fault(1).page(2).act(2.5, "page.acked", "lin").act(5, "role.taken", "wang", role="IC")

    assert decided(story(), "lin") == "violated"
    assert decided(story(), "wang") == "satisfied"


def test_a_probe_that_hardly_looked_shows_no_success() -> None:
    head = 'states: {well: {probe: orders, success: ">= 99%", over: 10s}}'
    rule = "- {id: a, hold: {state: well, for: 30s, before: incident.resolved}}"

    def held(every_s: float) -> str:
        story = Story().fault(1)
        story.history.opened(every_s=1.0).looks(f"{round(600 / every_s)}+", every_s=every_s)
        return one(rule, story.act(9, "incident.resolved", "lin").ended(10), head=head).status

    assert held(2.0) == "satisfied"
    assert held(4.0) == "unknown"


def test_who_says_at_once_that_it_is_over_has_done_nothing_of_what_was_still_due() -> None:
    """A run with responders ends on that word. Were what was due then unknown, nobody could fail."""
    rule = "- {id: a, do: webhook, of: page.delivered, within: 15m}"

    def status(*, back: float, resolved: float | None) -> str:
        story = Story().fault(1).bad(1, back, 10).page(2)
        if resolved:
            story.act(resolved, "incident.resolved", "lin")
        return one(rule, story.ended(5)).status

    assert status(back=6, resolved=3) == "violated"
    assert status(back=4, resolved=4.5) == "unknown", "it was over, and nothing more was due"
    assert status(back=6, resolved=None) == "unknown", "the drill ended for another reason"
