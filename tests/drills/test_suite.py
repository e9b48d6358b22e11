"""A drill that claims a published suite holds to it, or is refused; and the report says how far its score compares."""

from pathlib import Path

import pytest
import yaml

from drills import suite
from drills.drill import digest
from drills.errors import DrillError
from drills.judging import judge_run
from drills.load import load
from reports import RunOutcome
from tests.drills.test_judging import DRILL, run_of, whole
from tests.drills.writing import good, refusal, write

OURS = Path(suite.__file__).parent.parent / "reports" / "suites"
INVENTORY = """
environment: lab
targets:
  cache: {tcp: {host: 127.0.0.1, port: 1}}
  cache-primary: {process: {match: "^no such process$"}}
"""
SUITE = """
suite: house/back-soon@2
rubric: ci
steady: {success: ">= 90%"}
checks:
  - {check: failover, limits: {within: "<= 5s", hold: ">= 2s"}}
"""
CLAIM = DRILL + "suite: mine.yaml\n"


def problems(tmp_path: Path, drill: str, *, mine: str = SUITE) -> list[tuple[str, str]]:
    path = write(tmp_path, drill=drill, inventory=INVENTORY, mine=mine)
    return [(one.slug, one.what) for one in refusal(lambda: load(path))]


def differing(drill: str, text: str = SUITE) -> list[tuple[str, bool]]:
    folder = yaml.safe_load(text)
    found = suite.Suite(suite=folder["suite"], rubric=folder["rubric"], steady=folder.get("steady", {}),
                        checks=tuple(suite.Demand(**one) for one in folder["checks"]))  # fmt: skip
    return [tuple(one) for one in suite.differences(good(drill), found)]  # type: ignore[misc]


def test_a_drill_that_holds_to_its_suite_is_read_with_it(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CLAIM, inventory=INVENTORY, mine=SUITE)
    loaded = load(path)
    assert loaded.paths["suite"] == tmp_path / "mine.yaml"
    assert loaded.digests["suite"] == digest(SUITE.encode())


@pytest.mark.parametrize(
    ("written", "instead", "what"),
    [
        ("within: 5s", "within: 5.001s", "failover.within 5s1ms, <= 5s is asked"),
        ("after: dies, within: 5s", "after: dies, within: 5s, hold: 1999ms", "failover.hold 1s999ms, >= 2s is asked"),
        ('success: ">= 90%"', 'success: ">= 89%"', "steady.success >= 89%, >= 90% is asked"),
        ("severity: P1", "severity: P1\nrubric: training", "rubric training, ci is asked"),
        (
            "  - failover: {probe: orders, after: dies, within: 5s}",
            "  - recovered: {probe: orders, within: 5s}",
            "no failover",
        ),
    ],
)
def test_a_drill_that_is_laxer_or_lacks_a_check_is_refused(
    tmp_path: Path, written: str, instead: str, what: str
) -> None:
    assert written in CLAIM
    assert problems(tmp_path, CLAIM.replace(written, instead)) == [
        ("suite-not-held", f"the drill is laxer than its suite: {what}")
    ]


def test_what_asks_more_or_something_else_besides_is_told_and_not_refused() -> None:
    assert differing(DRILL) == []
    assert differing(DRILL.replace("within: 5s", "within: 4s")) == [("failover.within 4s, <= 5s is asked", False)]
    more = DRILL + "  - recovered: {probe: orders, within: 5s}\n"
    assert differing(more) == [("recovered besides", False)]


def test_of_two_checks_of_a_kind_each_stands_for_the_demand_that_it_meets() -> None:
    two = SUITE + '  - {check: failover, limits: {within: "<= 9s"}}\n'
    loose = "  - failover: {id: slow, probe: orders, after: dies, within: 9s}\n".replace("id: slow, ", "")
    assert differing(DRILL + loose, two) == []
    assert differing(DRILL.replace("within: 5s", "within: 9s") + loose.replace("9s", "5s"), two) == []
    assert differing(DRILL, two) == [("no failover", True)]


def test_a_limit_inside_a_list_holds_for_each_of_it_and_a_list_must_have_what_is_named() -> None:
    wish = "{name: A, within: 3m, annotations: [summary]}"
    alerts = f"  - alerts: {{after: dies, expect: [{wish}, {wish.replace('3m', '4m')}]}}\n"
    asked = """
suite: house/told@1
rubric: ci
checks:
  - {check: alerts, limits: {expect.within: "<= 3m", noise.at_most: "<= 0"}, has: {expect.annotations: [summary, action]}}
"""
    assert differing(DRILL + alerts, asked) == [
        ("alerts.expect.within 4m, <= 3m is asked", True),
        ("alerts.expect.annotations without action", True),
        ("alerts.expect.annotations without action", True),
        ("failover besides", False),
    ]


def test_a_setting_that_is_not_there_or_bounds_the_other_way_keeps_no_limit() -> None:
    asked = 'suite: a@1\nrubric: ci\nsteady: {p99: "<= 50ms"}\nchecks:\n  - {check: failover}\n'
    assert differing(DRILL, asked) == [("steady.p99 not set, <= 50ms is asked", True)]
    other = DRILL.replace('success: ">= 90%"', 'success: "<= 90%"')
    assert differing(other) == [("steady.success <= 90%, >= 90% is asked", True)]


def test_a_suite_that_is_nowhere_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    path = write(tmp_path, drill=DRILL + "suite: standard/losing-a-primery@1\n", inventory=INVENTORY)
    (problem,) = refusal(lambda: load(path))
    assert problem.slug == "unknown-suite"
    assert "did you mean `standard/losing-a-primary@1`?" in problem.fix


@pytest.mark.parametrize(
    ("written", "instead"), [("@2", ""), ("@2", "@two"), ('"<= 5s"', "5s"), ('"<= 5s"', '"< 5s"'), ("rubric: ci", "")]
)
def test_a_suite_with_a_mistake_is_told(tmp_path: Path, written: str, instead: str) -> None:
    assert len(problems(tmp_path, CLAIM, mine=SUITE.replace(written, instead))) == 1


@pytest.mark.parametrize("path", sorted(OURS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_our_suites_read_and_are_called_as_their_files(path: Path) -> None:
    assert suite.read(path).suite == str(path.relative_to(OURS).with_suffix(""))


def judged(tmp_path: Path, *, drill: str = CLAIM, limits: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    return judge_run(run_of(tmp_path, whole(), drill=drill, suite=SUITE), limits=limits)


def test_a_report_says_that_the_suite_was_held_as_it_is(tmp_path: Path) -> None:
    report = judged(tmp_path)
    assert report.outcome is RunOutcome.PASSED
    assert report.suite is not None
    assert report.suite.as_it_is
    assert (report.suite.name, report.suite.version, report.suite.digest) == (
        "house/back-soon",
        "2",
        digest(SUITE.encode()),
    )


def test_a_report_says_where_limits_that_were_set_for_it_are_laxer_or_stricter(tmp_path: Path) -> None:
    laxer = judged(tmp_path / "a", limits=("failover.within=9s",)).suite
    assert laxer is not None
    assert (laxer.as_it_is, laxer.laxer) == (False, ("failover.within 9s, <= 5s is asked",))
    stricter = judged(tmp_path / "b", limits=("failover.within=3s",)).suite
    assert stricter is not None
    assert (stricter.as_it_is, stricter.otherwise) == (False, ("failover.within 3s, <= 5s is asked",))


def test_a_limit_that_is_set_for_one_run_is_no_reason_to_refuse_it(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CLAIM, inventory=INVENTORY, mine=SUITE)
    assert load(path, limits=("failover.within=9s",)).paths["suite"]


def test_a_suite_that_was_changed_after_the_run_is_not_judged_by(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole(), drill=CLAIM, suite=SUITE)
    (run.path / "suite.yaml").write_text(SUITE.replace("5s", "9s"), encoding="utf-8")
    with pytest.raises(DrillError) as caught:
        judge_run(run)
    assert caught.value.problems[0].slug == "journal-edited"
