"""The score: its arithmetic by example, and what must hold of it whatever the verdicts, by property."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import Outcome, ScoreCap, Sentence, Verdict
from reports import CheckResult, RunOutcome, Score
from reports.rubric import Cap, Dimension, Rubric
from reports.score import headline, run_outcome, score
from tests.reports import RUBRICS, specimen

KINDS = ("failover", "recovered", "data_loss", "unaffected", "of_a_plugin")
HARMS = ("", "data_lost", "over_rto", "not_in_the_rubric")
RUBRIC = Rubric(
    rubric="test",
    dimensions={
        "recover": Dimension(title="Recover", weight=50, checks={"failover": 2, "recovered": 1, "steady": 1}),
        "data": Dimension(title="Data", weight=30, checks={"data_loss": 1}),
        "contain": Dimension(title="Contain", weight=20, checks={"unaffected": 1}),
    },
    caps={
        "data_lost": Cap(at_most=49, because="data was lost"),
        "over_rto": Cap(at_most=79, because="it took too long"),
    },
)


def result(
    kind: str, outcome: str = "passed", *, credit: float | None = None, harm: str = "", id_: str = ""
) -> CheckResult:
    said = Verdict(outcome=Outcome(outcome), because=Sentence("because"), credit=credit, harm=harm)
    return CheckResult(id=id_ or kind, kind=kind, title=kind, limits="", verdict=said)


def scored(*results: CheckResult) -> Score:
    return score(RUBRIC, results, "digest")


verdicts = st.one_of(
    st.builds(Verdict, outcome=st.just(Outcome.PASSED), because=st.just(Sentence("")), credit=st.none()),
    st.builds(
        Verdict,
        outcome=st.just(Outcome.FAILED),
        because=st.just(Sentence("")),
        credit=st.none() | st.floats(0, 1),
        harm=st.sampled_from(HARMS),
    ),
    st.builds(Verdict, outcome=st.just(Outcome.UNKNOWN), because=st.just(Sentence("")), harm=st.sampled_from(HARMS)),
)
runs = st.lists(st.tuples(st.sampled_from(KINDS), verdicts), max_size=8).map(
    lambda given: [
        CheckResult(id=f"{kind}-{place}", kind=kind, title=kind, limits="", verdict=verdict)
        for place, (kind, verdict) in enumerate(given)
    ]
)


def with_verdict(results: list[CheckResult], place: int, **changed: object) -> list[CheckResult]:
    verdict = replace(results[place].verdict, **changed)  # type: ignore[arg-type]
    return [replace(one, verdict=verdict) if at == place else one for at, one in enumerate(results)]


@given(runs)
def test_weights_are_shares_of_100_whatever_a_drill_checks(results: list[CheckResult]) -> None:
    lines = scored(*results).lines
    assert len(lines) == len(results)
    assert not lines or sum(line.weight for line in lines) == pytest.approx(100)


@given(runs, st.randoms(use_true_random=False))
def test_the_order_of_checks_does_not_matter_to_the_last_digit(results: list[CheckResult], chance) -> None:
    mixed = list(results)
    chance.shuffle(mixed)
    one, other = scored(*results), scored(*mixed)
    assert (one.points, one.uncapped, one.confidence, one.caps) == (
        other.points,
        other.uncapped,
        other.confidence,
        other.caps,
    )


@given(runs.filter(bool), st.data())
def test_more_credit_never_lowers_the_score(results: list[CheckResult], data) -> None:
    place = data.draw(st.integers(0, len(results) - 1))
    less, more = sorted(data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    lower = scored(*with_verdict(results, place, outcome=Outcome.FAILED, credit=less))
    higher = scored(*with_verdict(results, place, outcome=Outcome.FAILED, credit=more))
    assert lower.points is not None
    assert higher.points is not None
    assert lower.points <= higher.points + 1e-9


@given(runs.filter(bool), st.data())
def test_neither_failing_nor_not_looking_scores_above_passing(results: list[CheckResult], data) -> None:
    place = data.draw(st.integers(0, len(results) - 1))
    best = scored(*with_verdict(results, place, outcome=Outcome.PASSED, credit=None, harm=""))
    assert best.points is not None
    for outcome in (Outcome.FAILED, Outcome.UNKNOWN):
        worse = scored(*with_verdict(results, place, outcome=outcome, credit=None))
        assert worse.points is None or worse.points <= best.points + 1e-9
        assert worse.confidence <= best.confidence + 1e-9


@pytest.mark.parametrize("passed", range(1, 30))
def test_what_passed_alone_is_a_hundred_to_the_last_digit(passed: int) -> None:
    """A trace more or less would be shown as 99."""
    results = [result("failover", id_=str(n)) for n in range(passed)]
    assert scored(*results, result("failover", "unknown", id_="x")).points == 100


@given(runs)
def test_no_cap_is_ever_averaged_away(results: list[CheckResult]) -> None:
    made = scored(*results)
    harms = {one.verdict.harm for one in results if one.outcome is not Outcome.PASSED}
    assert {cap.harm for cap in made.caps} == harms & RUBRIC.caps.keys()
    if made.points is not None:
        assert all(made.points <= cap.cap for cap in made.caps)
        assert 0 <= made.points <= 100


@given(runs)
def test_a_score_is_there_when_and_only_when_something_was_judged(results: list[CheckResult]) -> None:
    judged = any(one.outcome is not Outcome.UNKNOWN for one in results)
    assert (scored(*results).points is None) == (not judged)


def test_no_checks_give_neither_0_nor_100() -> None:
    made = scored()
    assert made.points is None
    assert made.confidence == 0
    assert not made.confident


def test_dimensions_without_a_check_drop_out() -> None:
    made = scored(result("data_loss"), result("unaffected", "failed"))
    assert [line.weight for line in made.lines] == pytest.approx([60, 40])
    assert made.points == pytest.approx(60)
    assert [line.dimension for line in made.lines] == ["Data", "Contain"]


def test_writing_an_easy_check_twice_buys_nothing() -> None:
    once = scored(result("failover", "failed"), result("recovered"))
    twice = scored(result("failover", "failed"), result("recovered"), result("recovered", id_="recovered-2"))
    assert once.points == twice.points == pytest.approx(100 / 3)


def test_a_kind_that_the_rubric_does_not_list_still_counts() -> None:
    made = scored(result("data_loss"), result("of_a_plugin", "failed"))
    assert [line.weight for line in made.lines] == pytest.approx([75, 25])
    assert made.lines[1].dimension == "other"
    assert made.points == pytest.approx(75)


def test_the_lowest_of_several_caps_wins() -> None:
    made = scored(
        result("failover", "failed", credit=0.9, harm="over_rto"), result("data_loss", "failed", harm="data_lost")
    )
    assert [cap.cap for cap in made.caps] == [49, 79]
    made = scored(result("unaffected"), result("data_loss", "failed", credit=0.9, harm="data_lost"))
    assert made.uncapped == pytest.approx(94)
    assert made.points == 49


def test_a_pass_with_a_harm_is_not_capped() -> None:
    assert scored(result("data_loss", harm="data_lost")).points == 100


def test_gates_give_no_points_and_count_in_the_coverage() -> None:
    gates = [result("steady", id_="steady-before"), result("fault_in_effect"), result("clean")]
    made = scored(*gates, result("failover", "failed"))
    assert made.points == 0
    assert (made.judged, made.planned) == (4, 4)
    assert [line.check for line in made.lines] == ["failover"]


def test_being_steady_afterwards_is_the_systems_merit() -> None:
    made = scored(result("steady", id_="steady-before"), result("steady", "failed", id_="steady-after"))
    assert [line.check for line in made.lines] == ["steady-after"]
    assert made.points == 0


@pytest.mark.parametrize("outcome", ["failed", "unknown"])
@pytest.mark.parametrize(
    "gate", [result("steady", id_="steady-before-2"), result("fault_in_effect", id_="in-effect-x")]
)
def test_without_ground_there_is_no_score(gate: CheckResult, outcome: str) -> None:
    missing = replace(gate, verdict=replace(gate.verdict, outcome=Outcome(outcome)))
    made = scored(missing, result("failover"))
    assert made.points is None
    assert made.uncapped == 100


def test_confidence_is_the_judged_share_of_the_weight() -> None:
    made = scored(result("failover"), result("data_loss", "unknown"), result("unaffected"))
    assert made.confidence == pytest.approx(0.7)
    assert not made.confident
    assert made.points == 100


def test_enough_confidence_is_enough_to_the_digit() -> None:
    made = scored(result("failover"), result("data_loss"), result("unaffected", "unknown"))
    assert made.confidence == pytest.approx(0.8)
    assert made.confident


@pytest.mark.parametrize("credit", [float("nan"), float("inf"), -3.0, 7.0])
def test_a_credit_out_of_range_is_brought_back_into_it(credit: float) -> None:
    points = scored(result("failover", "failed", credit=credit)).points
    assert points in (0, 100)


def outcome(*results: CheckResult, aborted: bool = False, not_started: bool = False) -> RunOutcome:
    return run_outcome(results, scored(*results), aborted=aborted, not_started=not_started)


GROUND = (result("steady", id_="steady-before"), result("fault_in_effect"))


@pytest.mark.parametrize(
    ("results", "aborted", "expected"),
    [
        ([*GROUND, result("failover"), result("clean")], False, "passed"),
        ([*GROUND, result("failover", "failed"), result("clean")], False, "failed"),
        ([*GROUND, result("failover", "unknown"), result("clean")], False, "inconclusive"),
        ([*GROUND, result("failover", "failed"), result("data_loss", "unknown")], False, "failed"),
        ([*GROUND, result("failover"), result("clean", "unknown")], False, "inconclusive"),
        ([*GROUND, result("failover", "failed")], True, "aborted"),
        ([*GROUND, result("failover"), result("clean", "failed")], True, "not healed"),
        ([result("fault_in_effect", "failed"), result("failover", "failed")], False, "inconclusive"),
        ([result("steady", "unknown", id_="steady-before"), result("failover", "failed")], False, "inconclusive"),
        ([*GROUND, result("clean")], False, "inconclusive"),
        ([], False, "inconclusive"),
    ],
)
def test_the_gravest_outcome_is_the_runs(results: list[CheckResult], aborted: bool, expected: str) -> None:
    assert outcome(*results, aborted=aborted) == expected


def test_a_run_that_never_started_is_inconclusive_even_with_verdicts() -> None:
    assert outcome(*GROUND, result("failover"), not_started=True) is RunOutcome.INCONCLUSIVE


def test_low_confidence_alone_is_inconclusive() -> None:
    """Whoever weighs nothing has judged nothing."""
    rubric = Rubric(rubric="empty", dimensions={"all": Dimension(title="All", weight=0, checks={"failover": 1})})
    made = score(rubric, [result("failover")], "digest")
    assert made.points is None
    assert run_outcome([result("failover")], made, aborted=False) is RunOutcome.INCONCLUSIVE


def with_own_cap(outcome: str, at_most: float, harm: str = "") -> CheckResult:
    one = result("sop", outcome, credit=0.9, harm=harm)
    return replace(one, verdict=replace(one.verdict, cap=ScoreCap(at_most=at_most, because="nobody looked")))


def test_a_cap_that_a_verdict_brings_itself_holds_beside_those_of_the_rubric() -> None:
    made = scored(*GROUND, result("failover"), with_own_cap("failed", 59))
    assert (made.points, [(hit.cap, hit.because, hit.check) for hit in made.caps]) == (
        59,
        [(59, "nobody looked", "sop")],
    )

    both = scored(*GROUND, result("failover"), with_own_cap("failed", 59, "data_lost"))
    assert [hit.cap for hit in both.caps] == [49, 59]
    assert both.points == 49


def test_a_verdicts_own_cap_does_not_count_when_it_passed_and_counts_when_it_is_unknown() -> None:
    assert scored(*GROUND, result("failover"), with_own_cap("passed", 59)).caps == ()
    assert scored(*GROUND, result("failover"), with_own_cap("unknown", 59)).points == 59


@pytest.mark.parametrize("name", specimen.ALL)
def test_every_outcome_has_an_answer_in_one_sentence(name: str) -> None:
    report = specimen.ALL[name]()
    text = str(report.headline)
    assert text
    assert "{" not in text


def test_the_headline_gives_the_failed_checks_own_reason() -> None:
    said = specimen.failing_twice().headline
    assert str(said) == "Failed on failover and 1 more (data loss): orders down for 2.03 s ± 20 ms; limit 1.5 s"


def test_the_headline_says_that_nothing_was_asked() -> None:
    made = scored(*GROUND)
    assert "asks nothing" in str(headline(RunOutcome.INCONCLUSIVE, GROUND, made))
    assert "Ctrl-C" in str(headline(RunOutcome.INCONCLUSIVE, [], scored(), why="stopped by Ctrl-C"))


@pytest.mark.parametrize("path", sorted(RUBRICS.glob("*.yaml")), ids=lambda path: path.stem)
def test_our_rubrics_read_and_share_100(path) -> None:
    rubric = specimen.rubric(path.stem)
    assert rubric.rubric == path.stem
    assert sum(dimension.weight for dimension in rubric.dimensions.values()) == 100
    assert {"data_lost", "not_recovered", "not_clean"} <= rubric.caps.keys()
    assert {kind for one in rubric.dimensions.values() for kind in one.checks} >= {
        "failover",
        "data_loss",
        "unaffected",
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cap(at_most=101, because=""),
        lambda: Cap(at_most=-1, because=""),
        lambda: Dimension(title="", weight=-1, checks={}),
        lambda: Dimension(title="", weight=1, checks={"failover": float("nan")}),
        lambda: Rubric(rubric="", dimensions={}, other=float("inf")),
        lambda: Rubric(rubric="", dimensions=dict.fromkeys("ab", RUBRIC.dimensions["data"])),
        lambda: Rubric(rubric="", dimensions={"other": RUBRIC.dimensions["data"]}),
    ],
)
def test_a_rubric_that_makes_no_sense_says_which_setting_and_how_to_mend_it(make) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the three parts are what is checked
        make()
    setting, wrong, fix = caught.value.args
    assert setting in ("at_most", "weight", "checks", "other", "dimensions")
    assert wrong
    assert fix
