"""What each ability is worth, and that nothing ever pays but to do better: by property, whatever the verdicts."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from checks import Doubt, Outcome, Ratio, ScoreCap, Sentence, Share, Verdict
from reports import CheckResult, Score
from reports.credit import Lost
from reports.ratings import LETTERS, RATINGS, letter, rating
from reports.rubric import Cap, Curves, Dimension, Rubric
from reports.score import score
from reports.wording import show_points
from tests.reports import RUBRICS, specimen

PARTS = ("triage", "contain", "of_nobody")
HARMS = {"failover": ("over_rto", "not_recovered"), "data_loss": ("data_lost",), "alert": (), "sop": (), "plugin": ()}
STRICT = Rubric(
    rubric="strict",
    dimensions={
        "detect": Dimension(title="Detect", weight=15, checks={"alert": 1, "sop.detect": 1}),
        "triage": Dimension(title="Triage", weight=25, checks={"sop.triage": 1}),
        "contain": Dimension(title="Contain", weight=50, checks={"failover": 3, "data_loss": 2, "sop.contain": 1}),
        "learn": Dimension(title="Learn", weight=0, checks={"sop.learn": 1}),
    },
    caps={
        "data_lost": Cap(at_most=49, because="data was lost"),
        "not_recovered": Cap(at_most=49, because="it did not come back"),
        "over_rto": Cap(at_most=79, because="it took too long"),
    },
    unknown="earns nothing",
    confidence=Ratio(0.5),
)
ratios = st.floats(0, 1)


@st.composite
def shares(draw: st.DrawFn) -> dict[str, Share]:
    found = {}
    for part in draw(st.lists(st.sampled_from(PARTS), min_size=1, unique=True)):
        least, credit = sorted((draw(ratios), draw(ratios)))
        found[part] = Share(credit=draw(st.just(credit) | st.none()), least=least, because=Sentence("rules"))
    return found


@st.composite
def results(draw: st.DrawFn) -> list[CheckResult]:
    found = []
    for place, kind in enumerate(draw(st.lists(st.sampled_from(sorted(HARMS)), min_size=1, max_size=6))):
        outcome = draw(st.sampled_from([Outcome.PASSED, *Outcome]))
        failed = outcome is Outcome.FAILED
        verdict = Verdict(
            outcome=outcome,
            because=Sentence("because"),
            credit=draw(ratios) if failed and draw(st.booleans()) else None,
            lateness=draw(st.floats(1, 4)) if failed and draw(st.booleans()) else None,
            harm=draw(st.sampled_from(("", *HARMS[kind]))) if failed else "",
            cap=ScoreCap(at_most=draw(st.floats(0, 100)), because="a gate") if failed and draw(st.booleans()) else None,
            shares=draw(shares()) if kind == "sop" and draw(st.booleans()) else {},
        )
        found.append(
            CheckResult(id=f"{kind}-{place}", kind=kind, title=kind, limits="", verdict=verdict, harms=HARMS[kind])
        )
    return found


def scored(given: list[CheckResult], rubric: Rubric = STRICT) -> Score:
    return score(rubric, given, "digest")


def exchanged(given: list[CheckResult], place: int, verdict: Verdict) -> list[CheckResult]:
    return [replace(one, verdict=verdict) if at == place else one for at, one in enumerate(given)]


def not_above(lower: Score, higher: Score) -> bool:
    """No score is never above a score. One that comes only now, when less is known, is not above what was there already."""
    if lower.points is None:
        return True
    before = higher.points if higher.points is not None else higher.uncapped
    assert before is not None, "a score came from nowhere"
    return lower.points <= min([before, *(hit.cap for hit in higher.caps)]) + 1e-9


def hidden(result: CheckResult, *, broke: bool) -> Verdict:
    """What is left of a verdict whose evidence is gone: that nobody can say, and which cap may have been called for."""
    verdict = result.verdict
    gone = {} if broke else {part: replace(one, credit=None, least=0.0) for part, one in verdict.shares.items()}
    doubt = Doubt(at_most=verdict.cap.at_most, because=Sentence("nobody looked")) if verdict.cap else None
    return Verdict(outcome=Outcome.UNKNOWN, because=Sentence("nobody looked"), shares=gone, doubt=doubt)


@settings(max_examples=400)
@given(results(), st.data(), st.booleans())
def test_to_hide_something_never_raises_the_score(given: list[CheckResult], data, broke: bool) -> None:
    """Above all not what set a cap."""
    capped = [at for at, one in enumerate(given) if one.verdict.cap or one.verdict.harm]
    place = data.draw(st.sampled_from(capped or range(len(given))))
    # What a check was made of that broke, the rubric alone can tell: a part that it does not list is lost with it.
    assume(not broke or {*given[place].verdict.shares} <= {*STRICT.parts(given[place].kind)})
    less = exchanged(given, place, hidden(given[place], broke=broke))
    assert not_above(scored(less), scored(given))


def test_a_rubric_that_lets_unknowns_leave_pays_for_hiding_and_ours_do_not() -> None:
    """Why ours are strict. Those that runs have kept from before let them leave, and are judged as they were."""
    bad = CheckResult(id="d", kind="data_loss", title="data loss", limits="", harms=("data_lost",),
                      verdict=Verdict(outcome=Outcome.FAILED, because=Sentence("lost"), harm="data_lost"))  # fmt: skip
    good = replace(bad, id="f", kind="failover", verdict=Verdict(outcome=Outcome.PASSED, because=Sentence("back")))
    lenient = replace(STRICT, unknown="leaves")
    shown, unseen = [good, bad], [good, replace(bad, verdict=hidden(bad, broke=False))]
    assert (scored(shown, lenient).points, scored(unseen, lenient).points) == (49, 100)
    assert (scored(shown).points, scored(unseen).points) == (49, None)
    why = scored(unseen).withheld
    assert str(why) == "nobody can say whether data loss calls for a cap of 49: nobody looked"
    assert all(specimen.rubric(path.stem).strict for path in RUBRICS.glob("*.yaml"))


@given(results(), shares(), ratios, ratios)
def test_to_leave_open_what_a_share_may_be_worth_never_raises_the_score(
    given: list[CheckResult], known: dict[str, Share], credit: float, least: float
) -> None:
    opened = {
        part: replace(one, credit=None if one.credit is None else max(one.credit, credit), least=min(one.least, least))
        for part, one in known.items()
    }
    more, less = ([*given, result("sop", passing(shares=shares))] for shares in (known, opened))
    assert not_above(scored(less), scored(more))


@given(results())
def test_there_is_no_score_where_too_little_was_judged(given: list[CheckResult]) -> None:
    made = scored(given)
    assert made.points is None or made.confidence >= STRICT.confidence
    assert made.withheld is not None or made.uncapped is None or made.confidence >= STRICT.confidence


@given(results(), st.data())
def test_to_pass_instead_of_failing_never_lowers_the_score(given: list[CheckResult], data) -> None:
    place = data.draw(st.integers(0, len(given) - 1))
    verdict = given[place].verdict
    best = Verdict(outcome=Outcome.PASSED, because=verdict.because,
                   shares={part: replace(one, credit=1.0, least=1.0) for part, one in verdict.shares.items()})  # fmt: skip
    assert not_above(scored(given), scored(exchanged(given, place, best)))


@given(results(), st.data(), ratios, st.floats(1, 4), st.floats(1, 4))
def test_more_credit_less_lateness_and_a_higher_share_never_lower_it(
    given: list[CheckResult], data, more: float, one: float, other: float
) -> None:
    place = data.draw(st.integers(0, len(given) - 1))
    worse = replace(given[place].verdict, outcome=Outcome.FAILED, lateness=max(one, other))
    assert not_above(
        scored(exchanged(given, place, worse)),
        scored(exchanged(given, place, replace(worse, lateness=min(one, other)))),
    )
    raised = {
        part: replace(
            share, credit=None if share.credit is None else max(share.credit, more), least=max(share.least, more)
        )
        for part, share in worse.shares.items()
    }
    credited = replace(worse, lateness=None, credit=(worse.credit or 0.0) * more)
    better = replace(worse, lateness=None, credit=worse.credit or 0.0, shares=raised)
    assert not_above(scored(exchanged(given, place, credited)), scored(exchanged(given, place, better)))


@given(results(), st.floats(0, 60), st.floats(0, 60))
def test_less_service_lost_never_lowers_it_and_not_to_know_it_never_raises_it(
    given: list[CheckResult], one: float, other: float
) -> None:
    def of(area_s: float | None) -> Score:
        lost = {result.id: Lost(area_s, 10.0) for result in given if result.kind == "failover"}
        return score(STRICT, given, "digest", lost=lost)

    assert not_above(of(max(one, other)), of(min(one, other)))
    assert not_above(of(None), of(one))


@given(results(), st.randoms(use_true_random=False))
def test_the_order_of_checks_does_not_matter(given: list[CheckResult], chance) -> None:
    mixed = list(given)
    chance.shuffle(mixed)
    one, two = scored(given), scored(mixed)
    assert (one.points, one.uncapped, one.confidence, one.rating, one.letter, one.dimensions, one.caps) == (
        two.points, two.uncapped, two.confidence, two.rating, two.letter, two.dimensions, two.caps
    )  # fmt: skip


@given(results())
def test_weights_are_shared_in_the_proportions_of_the_rubric(given: list[CheckResult]) -> None:
    made = scored(given)
    counted = [one for one in made.dimensions if one.weight]
    whole = sum(one.written for one in counted)
    assert [one.weight for one in counted] == pytest.approx([100 * one.written / whole for one in counted])
    assert not counted or sum(line.weight for line in made.lines) == pytest.approx(100)
    assert not {one.title for one in made.dimensions} & made.dropped.keys()


@given(results())
def test_the_points_of_the_lines_are_the_score_before_caps(given: list[CheckResult]) -> None:
    made = scored(given)
    if made.uncapped is not None:
        assert sum(line.points or 0 for line in made.lines) == pytest.approx(made.uncapped, abs=1e-6)
    if made.points is not None and made.uncapped is not None:
        assert made.points == min([made.uncapped, *(hit.cap for hit in made.caps)])


@given(results())
def test_ratings_and_letters_agree_with_the_points_they_stand_beside(given: list[CheckResult]) -> None:
    made = scored(given)
    assert (made.rating, made.letter) == (rating(made.points), letter(made.points))
    for one in made.dimensions:
        assert one.rating == rating(one.points)
        assert one.points is None or 0 <= one.points <= 100


@pytest.mark.parametrize(
    ("points", "expected"),
    [(100, "P A"), (90, "P A"), (89.999, "P B"), (80, "P B"), (79.999, "S C"), (66, "S C"), (65.999, "M D"), (65.5, "M D"),
     (50, "M D"), (49.999, "U F"), (0, "U F"), (None, " ")],
)  # fmt: skip
def test_each_rating_begins_at_its_figure_and_ends_below_the_next(points: float | None, expected: str) -> None:
    assert f"{rating(points)} {letter(points)}" == expected


@given(st.floats(0, 100))
def test_no_figure_is_shown_as_one_of_another_rating(points: float) -> None:
    shown = float(show_points(points))
    assert (rating(shown), letter(shown)) == (rating(points), letter(points))
    assert abs(shown - points) <= 1


def test_both_scales_have_the_same_borders() -> None:
    assert {figure for figure, _ in RATINGS} < {figure for figure, _ in LETTERS}


# by example


def result(kind: str, verdict: Verdict, **more: object) -> CheckResult:
    return CheckResult(id=kind, kind=kind, title=kind, limits="", verdict=verdict, harms=HARMS.get(kind, ()), **more)  # type: ignore[arg-type]


def passing(**more: object) -> Verdict:
    return Verdict(outcome=Outcome.PASSED, because=Sentence("well"), **more)  # type: ignore[arg-type]


def shown(credit: float | None, least: float | None = None) -> Share:
    return Share(
        credit=credit, least=(credit or 0.0) if least is None else least, because=Sentence("rules"), proof=(7,)
    )


def test_a_sop_counts_in_each_ability_that_its_rules_show() -> None:
    sop = result("sop", passing(credit=0.9, shares={"triage": shown(0.5), "contain": shown(1.0)}))
    made = scored([result("failover", passing()), sop])
    assert [(line.check, line.part, line.dimension, line.proof) for line in made.lines] == [
        ("failover", "", "Contain", ()),
        ("sop", "triage", "Triage", (7,)),
        ("sop", "contain", "Contain", (7,)),
    ]
    assert [line.weight for line in made.lines] == pytest.approx([50, 100 / 3, 50 / 3])
    assert [line.points for line in made.lines] == pytest.approx([50, 50 / 3, 50 / 3])
    assert [(one.name, one.written, round(one.weight, 3), one.points, one.rating) for one in made.dimensions] == [
        ("triage", 25, 33.333, 50, "M"), ("contain", 50, 66.667, 100, "P")
    ]  # fmt: skip
    assert made.dropped == {"Detect": 15}  # and not what weighs nothing


def test_a_part_that_no_dimension_lists_counts_in_other_and_one_of_weight_0_is_shown_and_not_counted() -> None:
    sop = result("sop", passing(shares={"of_nobody": shown(0.0), "learn": shown(0.25)}))
    made = scored([result("failover", passing()), sop])
    assert [(one.name, one.weight, one.points) for one in made.dimensions] == [
        ("contain", pytest.approx(100 * 50 / 60), 100),
        ("learn", 0, 25),
        ("other", pytest.approx(100 * 10 / 60), 0),
    ]


def test_a_rubric_that_lists_a_check_as_a_whole_counts_its_own_credit_whatever_its_parts() -> None:
    old = Rubric(rubric="old", dimensions={"people": Dimension(title="People", weight=1, checks={"sop": 1})})
    made = scored([result("sop", passing(credit=0.9, shares={"triage": shown(0.5)}))], old)
    assert [(line.part, line.points) for line in made.lines] == [("", 90)]


def test_a_check_whose_parts_nobody_knows_is_unknown_in_each_that_is_listed() -> None:
    broke = result("sop", Verdict(outcome=Outcome.UNKNOWN, because=Sentence("it broke")))
    made = scored([result("failover", passing()), broke])
    assert [(line.part, line.points) for line in made.lines[1:]] == [
        ("detect", None), ("triage", None), ("contain", None), ("learn", None)
    ]  # fmt: skip
    assert made.confidence == pytest.approx(0.5 * 3 / 4 / 0.9)
    assert made.points is None


def test_what_is_certain_of_a_share_is_what_it_earns() -> None:
    made = scored([result("sop", passing(shares={"triage": shown(0.9, 0.6)}))])
    assert made.points == 60
    assert (
        scored([result("sop", passing(shares={"triage": shown(0.9, 0.6)}))], replace(STRICT, unknown="leaves")).points
        == 90
    )


def test_what_nobody_saw_earns_nothing_and_little_enough_leaves_a_score() -> None:
    unseen = Verdict(outcome=Outcome.UNKNOWN, because=Sentence("nobody looked"))
    made = scored([result("failover", passing()), result("alert", unseen)])
    assert made.points == pytest.approx(100 * 50 / 65)
    assert made.withheld is None
    few = scored([result("failover", passing()), result("alert", unseen)], replace(STRICT, confidence=Ratio(0.8)))
    assert few.points is None
    assert str(few.withheld) == "76.92 % of the score's weight was judged; 80 % is needed"
    assert few.uncapped == made.uncapped


def test_a_cap_that_may_be_called_for_matters_only_below_the_score() -> None:
    unseen = Verdict(outcome=Outcome.UNKNOWN, because=Sentence("nobody looked"))
    poor = Verdict(outcome=Outcome.FAILED, because=Sentence("late"), credit=0.1)
    assert scored([result("failover", passing()), result("data_loss", unseen)]).points is None
    assert scored([result("failover", poor), result("data_loss", unseen)]).points == pytest.approx(6)


@pytest.mark.parametrize(
    ("late", "zero_at", "credit"),
    [(1.0, 2, 1), (1.25, 2, 0.75), (2, 2, 0), (1.999, 2, 0.001), (9, 2, 0), (1.25, 1.5, 0.5), (2, 3, 0.5), (1.001, 1, 0)],
)  # fmt: skip
def test_the_rubrics_curve_says_what_is_left_of_what_came_late(late: float, zero_at: float, credit: float) -> None:
    verdict = Verdict(outcome=Outcome.FAILED, because=Sentence("late"), lateness=late)
    made = scored([result("failover", verdict)], replace(STRICT, curves=Curves(zero_at=zero_at)))
    assert made.points == pytest.approx(100 * credit)
    assert made.lines[0].curve is not None


def test_a_rubric_without_curves_pays_for_lateness_as_ever() -> None:
    """Such are those that were kept with runs of old."""
    old = Rubric(rubric="old", dimensions={"all": Dimension(title="All", weight=1, checks={"failover": 1})})
    verdict = Verdict(outcome=Outcome.FAILED, because=Sentence("late"), lateness=1.4)
    assert scored([result("failover", verdict)], old).points == pytest.approx(60)


def test_a_check_of_somebody_elses_still_gives_its_own_credit() -> None:
    verdict = Verdict(outcome=Outcome.FAILED, because=Sentence("in part"), credit=0.3)
    assert scored([result("plugin", verdict)]).points == pytest.approx(30)


@pytest.mark.parametrize(
    ("area_s", "points"), [(0, 100), (10, 100), (15, 75), (20, 50), (200, 50), (None, 50)]
)  # fmt: skip
def test_half_of_a_recovery_goes_by_the_service_that_was_lost_against_par(area_s: float | None, points: float) -> None:
    made = score(STRICT, [result("failover", passing())], "digest", lost={"failover": Lost(area_s, 10.0)})
    assert made.points == pytest.approx(points)
    assert "by service lost" in str(made.lines[0].curve)


def test_without_knowing_what_was_lost_a_lenient_rubric_goes_by_time_alone() -> None:
    lenient = replace(STRICT, unknown="leaves")
    made = score(lenient, [result("failover", passing())], "digest", lost={"failover": Lost(None, 10.0)})
    assert (made.points, made.lines[0].curve) == (100, None)


@pytest.mark.parametrize("make", [
    lambda: Curves(zero_at=0.9), lambda: Curves(zero_at=float("inf")),
    lambda: Rubric(rubric="x", dimensions={"a": Dimension(title="A", weight=1, checks={"sop": 1, "sop.triage": 1})}),
])  # fmt: skip
def test_a_curve_or_a_list_that_makes_no_sense_is_refused_with_a_cure(make) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the three parts are what is checked
        make()
    assert len(caught.value.args) == 3


@pytest.mark.parametrize(
    ("name", "weights"),
    [("ci", (35, 0, 50, 15, 0, 0)), ("game-day", (15, 15, 30, 20, 20, 0)), ("training", (10, 20, 25, 25, 20, 0))],
)
def test_our_rubrics_weigh_the_six_abilities_by_what_a_run_is_for(name: str, weights: tuple[float, ...]) -> None:
    rubric = specimen.rubric(name)
    assert tuple(one.weight for one in rubric.dimensions.values()) == weights
    assert list(rubric.dimensions) == ["detect", "triage", "contain", "safety", "command", "learn"]
    assert rubric.parts("sop") == list(rubric.dimensions)
