"""How long it took until every role of a SOP was held, from the declaration on."""

from typing import Any

from checks.gauged import Gauged
from checks.moments import incident
from checks.sop.book import Book, Head, Role
from checks.sop.mobilised import mobilised
from tests.checks.sop.story import Story

SOP = Book(head=Head(kind="SOP", id="small", roles={"L1": Role(initial=True, holds=("IC",)),  # type: ignore[arg-type]
                                                    "IC": Role(exclusive=True), "CL": Role()}),
           events={}, rules=())  # fmt: skip


def there(story: Story, book: Book = SOP, **holds: str) -> Gauged:
    evidence = story.ended(60).evidence
    return mobilised(book, holds, evidence, incident(evidence).milestones["declared"])


def story(*acts: tuple[float, str, dict[str, Any]]) -> Story:
    found = Story().fault(1).page(2)
    for minute, act, data in acts:
        found.act(minute, act, data.pop("who", "lin"), **data)
    return found


def acked() -> tuple[float, str, dict[str, Any]]:
    return 3, "page.acked", {}


def declared() -> tuple[float, str, dict[str, Any]]:
    return 4, "incident.declared", {}


def taken(minute: float, role: str = "CL", who: str = "mei") -> tuple[float, str, dict[str, Any]]:
    return minute, "role.taken", {"who": who, "role": role, "holder": who}


def seconds(found: Gauged) -> float | None:
    return None if found.value is None else found.value.value


def test_it_lasts_until_the_last_role_is_held() -> None:
    found = there(story(acked(), declared(), taken(6.5)))
    assert seconds(found) == 150
    assert (found.from_s, found.to_s) == (240, 390)
    assert str(found.note) == "the last role was CL"


def test_a_role_that_is_handed_over_was_held_before() -> None:
    assert seconds(there(story(acked(), declared(), taken(6.5), taken(20, "IC"), taken(30, who="bo")))) == 150


def test_who_was_there_before_the_declaration_takes_no_time_and_a_second_after_it_does() -> None:
    found = there(story(acked(), taken(3.5), declared()))
    assert seconds(found) == 0
    assert str(found.note) == "everybody was there when it was declared"
    assert seconds(there(story(acked(), declared(), taken(4)))) == 0
    assert seconds(there(story(acked(), declared(), taken(4 + 1 / 60)))) == 1


def test_who_holds_a_role_by_the_drill_was_there_from_the_beginning() -> None:
    assert seconds(there(story(declared(), taken(5)), L1="lin")) == 60


def test_a_role_that_nobody_held_leaves_it_unmeasured_with_the_reason() -> None:
    found = there(story(acked(), declared()))
    assert seconds(found) is None
    assert str(found.why_not) == "nobody held the role CL"


def test_without_a_declaration_there_is_nothing_to_count_from() -> None:
    found = there(story(acked(), taken(5)))
    assert (seconds(found), str(found.why_not)) == (None, "nobody declared an incident")


def test_a_sop_without_roles_asks_for_nobody() -> None:
    found = there(story(acked(), declared()), Book(head=Head(kind="SOP", id="bare"), events={}, rules=()))
    assert (seconds(found), str(found.why_not)) == (None, "the SOP bare names no role")
