"""Who holds a role when: at the beginning, after a hand-over, and by what evidence."""

from checks.evidence import Trust
from tests.checks.sop.story import Story, one

DECIDES = "- {id: a, order: {first: chat, then: flag.write, first_by: [IC]}}"
BY_CL = "- {id: a, do: webhook, of: drill.start, within: 30m, by: [CL]}"


def decided(story: Story, actor: str, minute: float, **more: object) -> str:
    """Whether this person's word was the IC's."""
    return one(DECIDES, story.chat(minute, actor).act(minute + 1, "flag.write", "wang").ended(60), **more).status


def begun() -> Story:
    return Story().fault(1).page(2).act(2.5, "page.acked", "lin")


def test_who_takes_the_page_first_holds_the_initial_role_and_what_comes_with_it() -> None:
    assert decided(begun(), "lin", 5) == "satisfied"
    assert decided(begun().act(3, "page.acked", "wang"), "wang", 5) == "violated"


def test_without_anybody_who_took_the_page_it_is_who_declared_it() -> None:
    assert decided(Story().fault(1).act(3, "incident.declared", "wang"), "wang", 5) == "satisfied"
    assert decided(Story().fault(1), "wang", 5) == "violated"


def test_who_is_given_a_role_holds_it_whoever_takes_the_page() -> None:
    assert decided(begun(), "chen", 5, holds={"L1": "chen"}) == "satisfied"
    assert decided(begun(), "lin", 5, holds={"L1": "chen"}) == "violated"
    assert decided(begun(), "lin", 5, holds={"IC": "chen"}) == "violated"


def test_an_exclusive_role_leaves_whoever_held_it_when_somebody_takes_it() -> None:
    def story() -> Story:
        return begun().act(10, "role.taken", "wang", role="IC", **{"from": "lin"})

    assert decided(story(), "lin", 9) == "satisfied"
    assert decided(story(), "lin", 10.5) == "violated"
    assert decided(story(), "wang", 9) == "violated"
    assert decided(story(), "wang", 10) == "satisfied"  # from that very moment


def test_a_role_may_come_back() -> None:
    story = begun().act(10, "role.taken", "wang", role="IC").act(20, "role.taken", "wang", role="ic", holder="lin")

    assert decided(story, "lin", 25) == "satisfied"


def test_to_hand_it_over_is_an_event_and_to_take_what_nobody_held_is_none() -> None:
    rule = "- {id: a, do: ic.handoff, of: drill.start, within: 30m}"

    assert one(rule, begun().act(10, "role.taken", "wang", role="IC").ended(60)).credit == 1.0
    assert one(rule, begun().act(10, "role.taken", "lin", role="IC").ended(60)).credit == 0.0
    assert one(rule, Story().fault(1).act(10, "role.taken", "lin", role="IC").ended(60)).credit == 0.0


def test_several_hold_a_role_that_is_not_exclusive_until_they_hand_it_over_or_give_it_up() -> None:
    def by(actor: str, *more: tuple[str, dict[str, str]]) -> float | None:
        story = Story().fault(1).act(2, "role.taken", "chen", role="CL").act(3, "role.taken", "zhao", role="CL")
        for who, data in more:
            story.act(4, "role.taken", who, role="CL", **data)
        return one(BY_CL, story.act(5, "webhook", actor).ended(60)).credit

    assert by("chen") == by("zhao") == 1.0
    assert by("chen", ("wang", {"holder": "wang", "from": "chen"})) == 0.0
    assert by("zhao", ("wang", {"holder": "wang", "from": "chen"})) == 1.0
    assert by("chen", ("chen", {"holder": ""})) == 0.0


def test_a_role_that_is_only_claimed_is_worth_what_the_claim_is() -> None:
    claimed = Story().fault(1).act(2, "role.taken", "chen", role="CL", trust=Trust.DECLARED)
    seen = Story().fault(1).act(2, "role.taken", "chen", role="CL", trust=Trust.ATTESTED)

    assert one(BY_CL, claimed.act(5, "webhook", "chen").ended(60)).credit == 0.3
    assert one(BY_CL, seen.act(5, "webhook", "chen").ended(60)).credit == 0.8


def test_what_nobody_is_known_to_have_done_was_done_by_no_role() -> None:
    assert one(BY_CL, Story().fault(1).act(5, "webhook").ended(60)).credit == 0.0


def test_a_silence_that_stands_for_an_acknowledgement_takes_the_page() -> None:
    story = Story().fault(1).page(2).silence(2.5, "lin", minutes=10, comment="ACK! looking")

    assert decided(story, "lin", 5) == "satisfied"
