"""A SOP counts in several abilities: what each is worth by its own rules, and that the whole stays what it was."""

from collections.abc import Callable

import pytest

from checks import Outcome
from checks.sop.check import Sop
from tests.checks.sop import five_logs
from tests.checks.sop.story import Story, book, flagship, verdict

TRIAGE = "- {id: triage, shows: triage, level: must, do: incident.severity, of: page.delivered, within: 5m}\n"
NOTICE = "- {id: notice, shows: command, do: webhook, of: page.delivered, within: 5m, zero_at: 10m}\n"
HUSH = "- {id: hush, shows: command, never: {what: am.silence}}\n"
GATED = "- {id: whole, level: may, order: {first: observe, then: flag.write}, gate: {cap: 59, why: nobody looked}}\n"


def paged(**how: bool) -> Story:
    return Story(**how).fault(1).page(2)


def shares(story: Story, rules: str) -> dict[str, tuple[float | None, float]]:
    return {name: (one.credit, one.least) for name, one in verdict(story, book(rules)).shares.items()}


def test_each_ability_is_scored_by_its_own_rules_and_the_formula_of_the_whole() -> None:
    story = paged().act(3, "incident.severity", "lin").act(9, "webhook", "lin").ended(30)
    assert shares(story, TRIAGE + NOTICE + HUSH) == {"triage": (1, 1), "command": (pytest.approx(0.6),) * 2}
    loud = paged().act(3, "incident.severity", "lin").act(9, "webhook", "lin").silence(4, "wang").ended(30)
    assert shares(loud, TRIAGE + NOTICE + HUSH) == {"triage": (1, 1), "command": (pytest.approx(0.1),) * 2}


def test_a_rule_that_does_not_say_counts_as_change_safety_and_abilities_come_in_their_order() -> None:
    story = paged().act(3, "incident.severity", "lin").act(4, "flag.write", "lin").ended(30)
    assert list(verdict(story, book(GATED + NOTICE + TRIAGE)).shares) == ["triage", "safety", "command"]


@pytest.mark.parametrize(
    "make",
    [five_logs.disciplined, five_logs.nobody_reports, five_logs.with_boilerplate, five_logs.with_self_tick, five_logs.nothing],
)  # fmt: skip
def test_the_worked_example_counts_as_change_safety_as_a_whole(make: Callable[[], Story]) -> None:
    found = verdict(make(), flagship())
    assert {name: share.credit for name, share in found.shares.items()} == {"safety": found.credit}


def test_an_ability_of_which_no_rule_came_to_bear_is_left_out() -> None:
    assert list(shares(paged().act(3, "incident.severity", "lin").ended(30), TRIAGE + GATED)) == ["triage"]


def test_where_rules_only_forbid_to_keep_them_has_no_say_and_to_break_one_is_worth_nothing() -> None:
    quiet = paged().act(3, "incident.severity", "lin")
    assert list(shares(quiet.ended(30), TRIAGE + HUSH)) == ["triage"]
    loud = paged().act(3, "incident.severity", "lin").silence(4, "wang").ended(30)
    assert shares(loud, TRIAGE + HUSH)["command"] == (0, 0)


def test_a_gate_that_bites_caps_the_ability_that_it_belongs_to_and_no_other() -> None:
    story = paged().act(3, "incident.severity", "lin").act(4, "flag.write", "lin").ended(30)
    several = GATED + "- {id: other, level: must, do: incident.severity, of: page.delivered, within: 5m}\n"
    found = shares(story, TRIAGE + several)
    assert found["triage"] == (1, 1)
    assert found["safety"] == (0.59, 0.59)


def test_what_is_unknown_of_an_ability_has_earned_nothing_for_certain() -> None:
    """Four rules of six could be judged by the run itself; of the page nobody could hear."""
    seen = "".join(f"- {{id: s{n}, shows: triage, do: note, of: fault.injected, within: 5m}}\n" for n in range(6))
    unheard = Story(heard=False).fault(1).act(2, "note", "lin").ended(30)
    found = shares(unheard, seen + TRIAGE)  # 12 of 15 by weight
    assert found["triage"] == (1, pytest.approx(0.8))
    few = shares(unheard, seen.partition("- {id: s5")[0] + TRIAGE + NOTICE.replace("page.delivered", "fault.injected"))
    assert few["triage"] == (None, pytest.approx(10 / 13))


def test_a_gate_of_which_nobody_can_say_whether_it_bites_is_a_doubt() -> None:
    unseen = Story(heard=False).fault(1).act(2, "note", "lin").ended(30)
    rule = "- {id: whole, order: {first: observe, then: page.delivered}, gate: {cap: 59, why: nobody looked}}\n"
    told = "".join(f"- {{id: s{n}, do: note, of: fault.injected, within: 5m}}\n" for n in range(9))
    found = verdict(unseen, book(told + rule))
    assert (found.outcome, found.cap) == (Outcome.PASSED, None)
    assert found.doubt is not None
    assert found.doubt.at_most == 59
    assert str(found.doubt.because).startswith("whole: nobody can say whether there was ")
    assert verdict(unseen, book(told)).doubt is None


def test_without_responders_every_gate_is_in_doubt_and_no_ability_is_known() -> None:
    found = verdict(paged(attended=False).ended(30), book(TRIAGE + GATED))
    assert found.outcome is Outcome.UNKNOWN
    assert found.doubt is not None
    assert found.doubt.at_most == 59


def test_a_share_says_which_of_its_rules_cost_and_what_shows_it() -> None:
    story = paged().act(3, "incident.severity", "lin").act(9, "webhook", "lin").ended(30)
    said = verdict(story, book(TRIAGE + NOTICE)).shares
    assert str(said["command"].because) == (
        "60 of 100 over one rule; notice: webhook by lin, 7 min after page.delivered; limit 5 min"
    )
    assert str(said["triage"].because) == "100 of 100 over one rule"
    acts = [event.seq for event in story.history.events if event.kind == "act.recorded"]
    assert acts[1] in said["command"].proof


def test_how_many_rules_there_are_is_not_taken_for_a_figure_of_the_worst_of_them() -> None:
    """That rule counts too, and calls its count `n`."""
    sync = "- {id: sync, shows: command, every: {what: note, period: 5s, from: fault.injected}}\n"
    said = verdict(paged().ended(60), book(sync)).shares["command"].because
    assert str(said).startswith("0 of 100 over one rule; "), said


def test_a_sop_that_was_not_read_has_no_parts() -> None:
    assert Sop(file="x.yaml").judge(paged().ended(30).evidence).shares == {}
