"""Nothing of ours is left, or what is, or why that cannot be said."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import Outcome, judge
from checks.clean import Clean
from checks.evidence import Evidence
from tests.checks.history import History, said


def answer(history: History) -> str:
    return said(judge(Clean(), history.evidence))


def scanned(history: History, *found: tuple[str, str], when: str = "after", t_s: float = 50) -> History:
    return history.event(
        t_s, "residue.scanned", when=when, found=[{"target": target, "what": what} for target, what in found]
    )


def healed(**settings: Any) -> History:
    return History().fault(healing=20, gone=21, **settings)


NAMES = {"injection": "kill-primary", "fault": "kill"}


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (scanned(healed()), "passed: nothing of ours is left"),
        (scanned(healed().fault("drop", healing=22, gone=23)), "passed: nothing of ours is left"),
        (scanned(History()), "passed: nothing of ours is left"),
        (scanned(healed(), ("shop", "toxic x"), when="before").event(60, "residue.scanned", when="after", found=[]),
         "passed: nothing of ours is left"),
        (scanned(scanned(healed(), ("shop", "toxic x")), t_s=60), "passed: nothing of ours is left"),
        (scanned(healed(), ("shop", "toxic x")), "failed: left behind: shop: toxic x"),
        (scanned(healed(), ("", "shop: toxic x")), "failed: left behind: shop: toxic x"),
        (scanned(healed(), ("a", "x"), ("b", "y"), ("c", "z")), "failed: left behind: a: x and 2 more"),
        (scanned(History().fault()), "failed: kill on primary was not healed"),
        (History().fault(), "failed: kill on primary was not healed"),
        (scanned(History().fault(effect=None)), "failed: kill on primary was not healed"),
        (scanned(History().fault(healing=20).event(21, "injection.heal_failed", **NAMES, why="refused")),
         "failed: kill on primary was not healed: refused"),
        (scanned(healed(target="a").fault(target="b", healing=20)), "failed: kill on b was not healed"),
        (scanned(History().fault(healing=20), ("primary", "still dead")), "failed: left behind: primary: still dead"),
        (scanned(History().fault(acting=None, effect=None)),
         "unknown: kill was meant for primary, and nobody saw whether it is there"),
        (scanned(History().fault(acting=None, effect=None, gone=12)), "passed: nothing of ours is left"),
        (healed(), "unknown: nobody looked whether anything is left"),
        (History(), "unknown: nobody looked whether anything is left"),
        (scanned(healed(), when="before"), "unknown: nobody looked whether anything is left"),
        (healed().event(50, "residue.unknown", when="after", why="no access"),
         "unknown: it could not be seen whether anything is left: no access"),
        (scanned(healed().event(50, "residue.unknown", when="after", why="no access")),
         "unknown: it could not be seen whether anything is left: no access"),
        (scanned(healed().event(0, "residue.unknown", when="before", why="no access")), "passed: nothing of ours is left"),
        (scanned(healed().event(50, "residue.unknown", when="after", why="no access"), ("a", "x")),
         "failed: left behind: a: x"),
        (History().fault().event(50, "residue.unknown", when="after", why="no access"),
         "failed: kill on primary was not healed"),
    ],
)  # fmt: skip
def test_only_what_was_seen_to_be_gone_is_clean(history: History, expected: str) -> None:
    assert answer(history) == expected


def test_leftovers_are_a_harm_of_their_own() -> None:
    assert judge(Clean(), scanned(healed(), ("a", "x")).evidence).harm == "not_clean"
    assert judge(Clean(), scanned(History().fault()).evidence).harm == "not_clean"


def test_its_proof_is_each_goodbye_and_the_scan() -> None:
    history = scanned(healed(target="a").fault(target="b", healing=20, gone=22))
    gone = [event.seq for event in history.events if event.kind in ("injection.gone", "residue.scanned")]
    assert judge(Clean(), history.evidence).proof == tuple(gone)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=4), st.booleans(), st.sampled_from(["none", "empty", "found"]),
    st.integers(0, 10**9),
)  # fmt: skip
def test_a_pass_means_all_gone_and_a_whole_scan_that_found_nothing(faults: list[tuple[bool, bool]], blind: bool, scan: str,
                                                                   seed: int) -> None:  # fmt: skip
    history = History()
    for place, (acted, gone) in enumerate(faults):
        history.fault(f"f{place}", acting=1 if acted else None, effect=None, gone=2 if gone else None)
    if blind:
        history.event(3, "residue.unknown", when="after", why="?")
    if scan != "none":
        scanned(history, *([("a", "x")] if scan == "found" else []))
    mixed = Evidence(random.Random(seed).sample(history.events, len(history.events)))
    verdict = judge(Clean(), mixed)
    assert (verdict.outcome is Outcome.PASSED) == (all(gone for _, gone in faults) and scan == "empty" and not blind)
    assert (verdict.outcome is Outcome.FAILED) == (scan == "found" or any(acted and not gone for acted, gone in faults))
    assert verdict == judge(Clean(), history.evidence)
