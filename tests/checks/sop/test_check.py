"""The verdict: who was there, how much could be seen, what is too little, and the table that shows it."""

from checks import Outcome
from checks.sop.check import Sop
from tests.checks.history import said
from tests.checks.sop.story import Story, book, verdict

TRIAGE = "- {id: triage, level: must, do: incident.severity, of: page.delivered, within: 5m}\n"
NOTICE = "- {id: notice, level: should, do: webhook, of: page.delivered, within: 5m, zero_at: 10m}\n"
GATED = "- {id: whole, level: may, order: {first: observe, then: flag.write}, gate: {cap: 59, why: nobody looked}}\n"


def paged(**how: bool) -> Story:
    return Story(**how).fault(1).page(2)


def test_nobody_there_is_unknown_and_nobody_who_acts_is_a_failure() -> None:
    assert said(verdict(paged(attended=False).ended(30), book(TRIAGE))) == (
        "unknown: unattended run: no responder was there to be judged"
    )
    nobody = verdict(paged().ended(30), book(TRIAGE))
    assert (nobody.outcome, nobody.credit) == (Outcome.FAILED, 0.0)
    anybody = verdict(paged(attended=False).act(20, "note", "lin").ended(30), book(TRIAGE))
    assert (anybody.outcome, anybody.credit) == (Outcome.FAILED, 0.0)


def test_what_the_run_itself_observed_makes_nobody_attend() -> None:
    story = paged(attended=False).act(3, "observe", probe="pool", result="ok").ended(30)

    assert verdict(story, book(TRIAGE)).outcome is Outcome.UNKNOWN


def test_who_was_played_by_a_script_is_named_in_the_verdict_and_who_was_there_is_not() -> None:
    story = paged().act(3, "incident.severity", "wang", scripted=True).act(4, "note", "lin", scripted=True)

    assert said(verdict(story.act(5, "note", "mei").ended(30), book(TRIAGE))) == (
        "passed: 100 of 100 over one rule, 80 are needed; scripted: lin, wang"
    )


def test_the_score_must_reach_the_least() -> None:
    story = paged().act(3, "incident.severity", "lin").act(9, "webhook", "lin").ended(30)  # 3·1 + 2·0.6 of 5

    assert said(verdict(story, book(TRIAGE + NOTICE), at_least=0.84)) == (
        "passed: 84 of 100 over 2 rules, 84 are needed; "
        "notice: webhook by lin, 7 min after page.delivered; limit 5 min"
    )  # fmt: skip
    assert said(verdict(story, book(TRIAGE + NOTICE), at_least=0.841)).startswith(
        "failed: 84 of 100, 84.1 are needed; notice: "
    )


def test_a_must_that_was_passed_over_fails_whatever_the_score() -> None:
    others = "".join(NOTICE.replace("notice", f"n{n}").replace("webhook", "note") for n in range(20))
    story = paged().act(3, "note", "lin").ended(30)
    found = verdict(story, book(TRIAGE + others))

    assert (found.outcome, round(100 * (found.credit or 0))) == (Outcome.FAILED, 93)
    late = paged().act(3, "note", "lin").act(11.9, "incident.severity", "lin").ended(30)
    assert verdict(late, book(TRIAGE + others)).outcome is Outcome.PASSED  # it was done, if late


def test_a_gate_that_bites_fails_and_caps_though_the_score_is_high() -> None:
    story = paged().act(3, "incident.severity", "lin").act(4, "flag.write", "lin").ended(30)
    found = verdict(story, book(TRIAGE + GATED), at_least=0.5)

    assert said(found) == "failed: 59 of 100, 50 are needed; whole: flag.write by lin without observe"
    assert found.cap is not None
    assert (found.cap.at_most, found.cap.because, found.credit) == (59, "nobody looked", 0.59)
    kept = paged().act(3, "incident.severity", "lin").act(3.5, "observe").act(4, "flag.write", "lin").ended(30)
    assert verdict(kept, book(TRIAGE + GATED)).cap is None


def test_too_much_that_nobody_could_see_is_unknown_unless_a_gate_bites() -> None:
    unheard = paged(heard=False)
    unheard.history.events = [one for one in unheard.history.events if one.kind != "page.received"]
    unheard.act(4, "flag.write", "lin").ended(30)

    assert said(verdict(unheard, book(TRIAGE))) == (
        "unknown: too little can be said of the SOP; triage: "
        "nobody can say whether there was page.delivered: no sink was listened to"
    )  # fmt: skip
    assert verdict(unheard, book(TRIAGE + GATED)).outcome is Outcome.FAILED


def test_four_fifths_by_weight_are_enough_to_be_sure() -> None:
    seen = "".join(f"- {{id: s{n}, level: should, do: note, of: fault.injected, within: 5m}}\n" for n in range(6))
    story = Story(heard=False).fault(1).act(2, "note", "lin").ended(30)

    assert verdict(story, book(seen + TRIAGE)).outcome is Outcome.PASSED  # 12 of 15
    assert verdict(story, book(seen.partition("- {id: s5")[0] + TRIAGE)).outcome is Outcome.UNKNOWN  # 10 of 13


def test_no_rule_that_came_to_bear_is_unknown_and_one_that_only_forbids_can_still_be_broken() -> None:
    forbids = book("- {id: hush, level: must, never: {what: am.silence}}\n")

    assert said(verdict(Story().fault(1).ended(30), forbids)) == "unknown: the only rule did not come to bear"
    broken = verdict(Story().fault(1).silence(3, "wang").ended(30), forbids)
    assert said(broken) == "failed: the SOP was broken; hush: am.silence by wang"


def test_a_run_that_is_under_way_or_never_read_its_sop_is_unknown() -> None:
    assert verdict(paged(), book(TRIAGE)).outcome is Outcome.UNKNOWN
    from checks.check import judge

    assert "was not read" in str(judge(Sop(file="x.yaml"), paged().evidence).because)


def test_the_table_has_a_line_for_each_obligation_the_gravest_first() -> None:
    rules = "- {id: told, level: must, order: {first: note, then: cli, same: [change_id]}}\n" + NOTICE
    story = paged().act(3, "note", "lin", change_id="c0")
    for n in range(8):
        story.act(4 + n, "cli", "lin", change_id=f"c{n}")
    rows = verdict(story.ended(30), book(rules)).rows

    assert [(row.name, row.status) for row in rows] == [*[("told", "violated")] * 6, ("notice", "violated")]
    assert str(rows[0].because) == "cli by lin (c1) without note"
    assert (rows[0].at_s, rows[0].remarks) == (300, ("must", "attributed"))
    assert str(rows[5].because) == "and 3 more"
    assert (rows[6].due_s, rows[6].at_s, rows[6].remarks) == (420, None, ("should",))


def test_figures_and_proof_are_those_of_the_rules() -> None:
    story = paged().act(3, "incident.severity", "lin").ended(30)
    found = verdict(story, book(TRIAGE + NOTICE))

    assert found.measured["sop_score"].value == 0.6
    assert {name: figure.value for name, figure in found.measured.items() if name.startswith("rules")} == {
        "rules_satisfied": 1, "rules_violated": 1, "rules_unknown": 0, "rules_not_applicable": 0
    }  # fmt: skip
    page = next(event.seq for event in story.history.events if event.kind == "page.received")
    assert page in found.proof
