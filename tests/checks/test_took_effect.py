"""A fault was in effect, or why that cannot be said."""

import pytest

from checks.check import FaultName, Window, judge
from checks.took_effect import TookEffect
from tests.checks.history import History, said

CHECK = TookEffect(fault=FaultName("kill"))
NAMES = {"injection": "kill-primary", "fault": "kill", "target": "primary"}


def answer(history: History) -> str:
    return said(judge(CHECK, history.evidence))


def test_in_effect_passes_and_says_how_soon() -> None:
    history = History().fault(acting=10.0, effect=10.001, healing=20).event(30, "run.closed")
    verdict = judge(CHECK, history.evidence)
    assert said(verdict) == "passed: kill in effect 1 ms after the first act on primary"
    assert verdict.windows == (Window(lane="fault:kill", label="in effect", from_s=10.001, to_s=20),)
    assert verdict.proof == history.evidence.fault("kill").lines


@pytest.mark.parametrize(("targets", "listed"), [("ab", "a, b"), ("abc", "a, b, c"), ("abcde", "a, b, c, +2")])
def test_all_targets_count_and_some_are_named(targets: str, listed: str) -> None:
    history = History()
    for place, target in enumerate(targets):
        history.fault(acting=10.0 + place, effect=20.0 - place, target=target)
    assert answer(history) == f"passed: kill in effect 10 s after the first act on {listed}"


def test_one_target_that_was_missed_is_named_with_what_is_wrong() -> None:
    history = History().fault(target="a").fault(target="b", effect=None)
    assert answer(history) == "unknown: kill was not seen in effect on b, 1 of 2 targets"
    history.event(12, "injection.unverified", injection="kill-b", fault="kill", why="still answers")
    assert answer(history) == "unknown: kill was not seen in effect on b, 1 of 2 targets: still answers"


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (History().fault(effect=None), "kill never took effect"),
        (History().fault(effect=None).event(12, "injection.unverified", **NAMES, why="still answers"),
         "kill never took effect: still answers"),
        (History().fault(acting=None, effect=None).event(12, "injection.failed", **NAMES, why="no such process"),
         "kill never took effect: no such process"),
        (History().fault(effect=None).event(12, "injection.verified", **NAMES, in_effect=False), "kill never took effect"),
        (History().event(0, "fault.planned", fault="kill"), "kill was never brought about"),
        (History().event(9, "fault.skipped", fault="kill", why="its condition never came"),
         "kill was never brought about: its condition never came"),
        (History().event(9, "fault.skipped", fault="other", why="x").event(9, "run.aborted", by="guard", why="max_duration"),
         "kill was never brought about: max_duration"),
        (History().event(9, "run.not_started", why="the lab did not start"),
         "kill was never brought about: the lab did not start"),
        (History().fault("other"), "kill was never brought about"),
        (History(), "kill was never brought about"),
    ],
)  # fmt: skip
def test_what_was_never_seen_in_effect_is_unknown_and_says_why(history: History, reason: str) -> None:
    assert answer(history) == f"unknown: {reason}"


def test_a_fault_whose_lease_was_not_renewed_may_have_been_gone_and_proves_nothing() -> None:
    history = History().fault(effect=10.0, healing=60.0, gone=60.1)
    history.event(45.0, "injection.lapsed", **NAMES, why="nobody answers at 127.0.0.1:8474")
    verdict = judge(CHECK, history.evidence)
    assert said(verdict) == (
        "unknown: kill was in effect, and may have ended before it was healed: nobody answers at 127.0.0.1:8474"
    )
    assert history.evidence.events[-1].seq in verdict.proof


def test_an_effect_without_a_noted_act_counts_from_itself() -> None:
    assert (
        answer(History().fault(acting=None, effect=10.0)) == "passed: kill in effect 0 s after the first act on primary"
    )
