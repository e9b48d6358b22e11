"""A drill's file becomes a drill: ids, references, conditions and limits, with every mistake found at once."""

from datetime import timedelta

import pytest

from drills.drill import Safety
from drills.errors import DrillError
from drills.when import When
from tests.drills.writing import CACHE, bound, good, only, refusal, slugs

SECOND = timedelta(seconds=1)


def faults(*entries: str) -> str:
    """A drill with these faults."""
    return "drill: x\nprobes: {orders: {tcp: cache}}\nfaults:\n" + "".join(f"  - {entry}\n" for entry in entries)


def when(condition: str) -> str:
    return faults("{id: first, kill: a}", f"{{id: second, pause: b, when: {{{condition}}}}}")


def read_when(condition: str) -> When:
    drill = good(when(condition))
    assert drill.faults[1].when is not None
    return drill.faults[1].when


def checks(*entries: str) -> str:
    return faults("{id: dies, kill: a}") + "checks:\n" + "".join(f"  - {entry}\n" for entry in entries)


# what a drill is


def test_the_defaults_are_those_of_a_careful_operator() -> None:
    drill = good("drill: x")

    assert drill.head.safety == Safety()
    assert drill.head.safety.environments == ("lab",)
    assert drill.head.safety.max_targets == 1
    assert drill.head.rubric == "ci"
    assert drill.head.steady_within == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("written", "en", "zh"),
    [("Lost", "Lost", "Lost"), ("{en: Lost, zh: 丢失}", "Lost", "丢失"), ("{zh: 丢失}", "丢失", "丢失")],
)
def test_a_title_is_one_text_or_one_a_language(written: str, en: str, zh: str) -> None:
    title = good(f"drill: x\ntitle: {written}").head.title

    assert (title.in_("en"), title.in_("zh")) == (en, zh)


def test_a_file_that_is_a_list_is_one_mistake_and_no_drill() -> None:
    drill, problems = bound("- a\n- b")

    assert drill is None
    assert [one.slug for one in problems] == ["wrong-shape"]


def test_a_drill_with_a_bad_head_still_names_its_companions() -> None:
    drill, problems = bound("drill: x\nseverity: P9\ninventory: elsewhere.yaml\nlab: my-lab.yaml")

    assert [one.slug for one in problems] == ["bad-choice"]
    assert drill is not None
    assert (drill.head.inventory, drill.head.lab) == ("elsewhere.yaml", "my-lab.yaml")


@pytest.mark.parametrize("list_", ["faults: {a: b}", "checks: nothing", "faults: [kill, 7]", "probes: [a]"])
def test_a_list_of_another_shape_is_told(list_: str) -> None:
    assert set(slugs(f"drill: x\n{list_}")) == {"wrong-shape"}


def test_a_probe_looks_no_faster_than_it_can_be_sent() -> None:
    assert slugs("drill: x\nprobes: {a: {tcp: b, every: 1ms, timeout: 1ms}}") == []
    assert slugs("drill: x\nprobes: {a: {tcp: b, every: 999us}}") == ["setting-conflict"]
    assert slugs("drill: x\nprobes: {a: {tcp: b, timeout: 0}}") == ["setting-conflict"]


def test_what_lasted_for_how_long_cannot_be_asked_of_who_hears_of_it_late() -> None:
    text = (
        "drill: x\nprobes: {calls: {prometheus: metrics, query: up == 1}}\nfaults: [{id: dies, kill: a}]\n"
        "checks: [{%s: {probe: calls, %s: dies, within: 5s}}]"
    )
    assert slugs(text % ("failover", "after")) == ["second-hand"]
    assert slugs(text % ("appears", "during")) == []
    assert slugs((text % ("failover", "after")).replace("{prometheus: metrics, query: up == 1}", "{tcp: shop}")) == []


def test_a_probe_shows_whether_somebody_suffers_unless_the_drill_says_otherwise() -> None:
    probes = good("drill: x\nprobes: {a: {tcp: a}, b: {tcp: b, impact: false}}").probes

    assert [one.impact for one in probes.values()] == [True, False]


def test_a_steady_state_that_can_never_have_seen_enough_is_told() -> None:
    text = "drill: x\nprobes: {a: {tcp: b, every: 100ms}}\nsteady: {probe: a, success: '>= 99%', hold: %s}"

    assert slugs(text.replace("%s", "2s")) == []
    assert slugs(text.replace("%s", "1900ms")) == ["too-slow"]


# ids


def test_ids_are_made_of_kind_and_target() -> None:
    assert [one.id for one in good(faults("kill: a", "pause: a", "kill: b")).faults] == ["kill-a", "pause-a", "kill-b"]


def test_ids_made_up_are_numbered_when_they_meet() -> None:
    assert [one.id for one in good(faults("kill: a", "kill: a", "kill: a")).faults] == [
        "kill-a",
        "kill-a-2",
        "kill-a-3",
    ]


def test_an_id_made_up_gives_way_to_one_that_is_given_later() -> None:
    """Whoever gives an id means it; a mistake about an id that nobody wrote would puzzle him."""
    assert [one.id for one in good(faults("kill: a", "{id: kill-a, kill: b}")).faults] == ["kill-a-2", "kill-a"]


def test_an_id_given_twice_is_told_where_it_stands_the_second_time() -> None:
    problem = only(faults("{id: one, kill: a}", "{id: one, kill: b}"))

    assert problem.slug == "duplicate-id"
    assert (problem.place.line, problem.place.column) == (5, 10)


def test_checks_of_one_kind_are_numbered_and_called_by_their_ids() -> None:
    drill = good(checks("data_loss: orders", "data_loss: orders", "{id: lost, data_loss: orders}"))

    assert [(one.id, one.title) for one in drill.checks] == [
        ("data_loss", "data loss"), ("data_loss-2", "data loss 2"), ("lost", "lost")
    ]  # fmt: skip


def test_every_drill_is_judged_on_its_ground_and_on_what_it_leaves() -> None:
    drill = good(CACHE + "steady:\n  - {probe: orders, success: '>= 99%'}\n")

    assert [one.id for one in drill.all_checks] == [
        "steady-before", "in-effect-primary-dies", "failover", "steady-after", "clean"
    ]  # fmt: skip


def test_several_steady_entries_are_told_apart() -> None:
    text = CACHE + "steady:\n  - {probe: orders, success: '>= 99%'}\n  - {probe: orders, p99: '<= 1s'}\n"

    assert [one.id for one in good(text).all_checks if one.kind == "steady"] == [
        "steady-before-1", "steady-before-2", "steady-after-1", "steady-after-2"
    ]  # fmt: skip


# references


@pytest.mark.parametrize(
    ("entry", "slug", "fix"),
    [
        ("failover: {probe: ordres, after: dies, within: 5s}", "unknown-probe", "did you mean `orders`?"),
        ("failover: {probe: orders, after: dise, within: 5s}", "unknown-fault", "did you mean `dies`?"),
    ],
)
def test_a_name_that_names_nothing_is_told_with_the_nearest(entry: str, slug: str, fix: str) -> None:
    problem = only(checks(entry))

    assert problem.slug == slug
    assert fix in problem.fix


def test_a_guard_rail_names_a_probe_of_the_drill() -> None:
    assert slugs(CACHE + "safety: {abort_when: {probe: other, success: '< 20%'}}") == ["unknown-probe"]


def test_what_names_a_probe_that_has_a_mistake_is_no_second_mistake() -> None:
    assert slugs(CACHE.replace("{tcp: cache}", "{tcp: cache, evry: 5s}")) == ["unknown-setting"]


def test_what_names_a_fault_that_has_a_mistake_is_no_second_mistake() -> None:
    assert slugs(CACHE.replace("kill: cache-primary", "kill: {target: a, singal: KILL}")) == ["unknown-setting"]


def test_a_name_is_not_looked_for_when_a_fault_without_an_id_has_a_mistake() -> None:
    """Its id would have been made up of what is wrong, so it could be the one that is meant."""
    text = CACHE.replace("{id: primary-dies, kill: cache-primary, at: 2s}", "kil: cache-primary")

    assert slugs(text) == ["unknown-kind"]


# when a fault starts


def test_a_fault_without_a_time_starts_at_the_steady_state() -> None:
    assert good(faults("kill: a")).faults[0].at == timedelta(0)


def test_at_and_when_together_are_refused() -> None:
    assert slugs(faults("{kill: a, at: 5s, when: {probe: orders, good_for: 3s}}")) == ["setting-conflict"]


def test_at_zero_and_when_together_are_refused_too() -> None:
    assert slugs(faults("{kill: a, at: 0s, when: {probe: orders, good_for: 3s}}")) == ["setting-conflict"]


def test_each_condition_is_read() -> None:
    assert read_when("probe: orders, good_for: 3s").good_for == 3 * SECOND
    assert read_when("probe: orders, bad_for: 3s").bad_for == 3 * SECOND
    assert read_when("fault: first").verified_for == timedelta(0)
    assert read_when("fault: first, verified_for: 5s").verified_for == 5 * SECOND
    assert read_when("event: injection.gone").event == "injection.gone"
    assert (read_when("alert: RegionDown").alert, read_when("alert: RegionDown").state) == ("RegionDown", "firing")
    assert read_when("event: injection.gone").deadline == timedelta(minutes=1)


@pytest.mark.parametrize(
    "condition",
    [
        "deadline: 5s",
        "probe: orders",
        "probe: orders, good_for: 1s, bad_for: 1s",
        "probe: orders, good_for: 0s",
        "good_for: 1s, event: injection.gone",
        "probe: orders, bad_for: 1s, fault: first",
        "fault: first, event: injection.gone",
        "event: injection.gone, verified_for: 5s",
        "alert: RegionDown, event: injection.gone",
        "event: injection.gone, state: pending",
    ],
)
def test_a_condition_that_says_too_much_or_too_little_is_refused(condition: str) -> None:
    assert slugs(when(condition)) == ["setting-conflict"]


def test_a_condition_names_a_fault_and_a_probe_of_the_drill() -> None:
    assert slugs(when("fault: firts")) == ["unknown-fault"]
    assert slugs(when("probe: others, good_for: 1s")) == ["unknown-probe"]


def test_a_condition_on_an_event_that_never_comes_is_told() -> None:
    problem = only(when("event: injection.gnoe"))

    assert problem.slug == "bad-choice"
    assert "did you mean `injection.gone`?" in problem.fix


def test_faults_that_wait_for_each_other_are_told_once() -> None:
    problem = only(faults(
        "{id: a, kill: a, when: {fault: b}}", "{id: b, kill: b, when: {fault: c}}", "{id: c, kill: c, when: {fault: a}}",
        "{id: d, kill: d, when: {fault: a}}",
    ))  # fmt: skip

    assert problem.slug == "waits-for-itself"
    assert "a waits for b waits for c waits for a" in problem.what


def test_a_fault_that_waits_for_itself_is_told() -> None:
    assert slugs(faults("{id: a, kill: a, when: {fault: a}}")) == ["waits-for-itself"]


def test_a_chain_of_faults_is_no_circle() -> None:
    entries = ("{id: a, kill: a}", "{id: b, kill: b, when: {fault: a}}", "{id: c, kill: c, when: {fault: b}}")

    assert slugs(faults(*entries)) == []


def test_a_guard_rail_over_no_time_is_refused() -> None:
    """It would trip at the first tick, on nothing at all."""
    assert slugs(CACHE + "safety: {abort_when: {probe: orders, success: '< 20%', for: 0s}}") == ["setting-conflict"]


# limits that are set from outside

TWO = """
drill: x
probes: {orders: {tcp: cache}}
steady: [{probe: orders, success: ">= 99%"}]
faults: [{id: dies, kill: a}]
checks:
  - failover: {probe: orders, after: dies, within: 5s}
  - failover: {probe: orders, after: dies, within: 6s}
  - {id: slow, failover: {probe: orders, after: dies, within: 7s}}
  - data_loss: orders
"""


def within(*limits: str) -> list[float]:
    """How long each failover may take, in seconds."""
    found = [one.check for one in good(TWO, *limits).checks if one.kind == "failover"]
    return [one.within.total_seconds() for one in found]  # type: ignore[attr-defined]


def test_a_kind_means_every_check_of_that_kind() -> None:
    assert within("failover.within=3s") == [3, 3, 3]


def test_an_id_means_that_check_alone() -> None:
    assert within("slow.within=3s") == [5, 6, 3]


def test_an_id_that_was_made_up_can_be_named_as_the_report_does() -> None:
    assert within("failover-2.within=3s") == [5, 3, 7]


def test_the_last_limit_wins() -> None:
    assert within("failover.within=3s", "slow.within=4s") == [3, 3, 4]


def test_a_setting_that_was_not_written_can_be_set() -> None:
    (*_, loss) = good(TWO, "data_loss.at_most=3").checks

    assert loss.check.at_most == 3  # type: ignore[attr-defined]


def test_the_steady_state_can_be_set_before_and_after_at_once() -> None:
    drill = good(TWO, "steady.success=>= 90%")
    limits = {str(one.check.success) for one in drill.all_checks if one.kind == "steady"}  # type: ignore[attr-defined]

    assert limits == {">= 90%"}


def test_a_value_may_be_quoted_as_in_a_file() -> None:
    assert str(good(TWO, 'steady.success=">= 90%"').head.steady[0].success) == ">= 90%"


@pytest.mark.parametrize(
    ("limit", "slug", "said"),
    [
        ("failover", "bad-set", "CHECK.SETTING=VALUE"),
        ("failover=3s", "bad-set", "CHECK.SETTING=VALUE"),
        ("failover.=3s", "bad-set", "CHECK.SETTING=VALUE"),
        (".within=3s", "bad-set", "CHECK.SETTING=VALUE"),
        ("", "bad-set", "CHECK.SETTING=VALUE"),
        ("failovre.within=3s", "bad-set", "did you mean `failover`?"),
        ("failover.wihtin=3s", "unknown-setting", "did you mean `within`?"),
        ("failover.within=3", "missing-unit", "write 3s, 3ms or 3m"),
        ("failover.within=", "empty-value", "`within` has no value"),
        ("failover.within=[1s, 2s]", "wrong-shape", "`within` is a list"),
        ("failover.within=0s", "setting-conflict", "no time at all"),
        ("failover.probe=other", "unknown-probe", "probes: orders"),
        ("steady.success=90%", "bad-limit", "a limit such as"),
    ],
)
def test_a_mistake_in_a_limit_is_told_once_and_at_its_option(limit: str, slug: str, said: str) -> None:
    problem = only(TWO, limit)

    assert str(problem.place) == f"--set {limit}"
    assert problem.slug == slug
    assert said in str(problem)


@pytest.mark.parametrize("limit", ["failover.within={", "failover.within='", "failover.within=[1s"])
def test_a_value_that_does_not_read_is_told_as_one_of_the_file_is(limit: str) -> None:
    (problem,) = refusal(lambda: bound(TWO, limit))

    assert str(problem.place).startswith(f"--set {limit}")


def test_the_steady_state_of_a_drill_that_has_none_cannot_be_set() -> None:
    assert slugs(CACHE, "steady.success=>= 90%") == ["bad-set"]


def test_mistakes_in_limits_and_in_the_file_are_told_together() -> None:
    assert sorted(slugs(TWO + "severty: P1\n", "nope.x=1", "failover.within=3")) == [
        "bad-set", "missing-unit", "unknown-setting"
    ]  # fmt: skip


def test_a_limit_may_be_written_with_blanks() -> None:
    assert within(" failover . within = 3s ") == [3, 3, 3]


def test_reading_a_file_raises_all_its_mistakes(tmp_path: object) -> None:
    from pathlib import Path

    from drills import drill

    path = Path(str(tmp_path)) / "drill.yaml"
    path.write_text("drill: x\nseverty: P1\nsteady_within: 5\n", encoding="utf-8")
    with pytest.raises(DrillError) as refused:
        drill.read(path)

    assert [one.slug for one in refused.value.problems] == ["unknown-setting", "missing-unit"]


# how often it must be rehearsed


@pytest.mark.parametrize(("written", "every"), [("30d", 30 * 24 * 3600 * SECOND), ("1h", 3600 * SECOND)])
def test_a_drill_says_how_often_it_must_be_rehearsed(written: str, every: timedelta) -> None:
    assert good(f"drill: x\nevery: {written}").head.every == every
    assert good("drill: x").head.every is None


@pytest.mark.parametrize(
    ("written", "slug"), [("59m59s", "setting-conflict"), ("30", "missing-unit"), ("monthly", "bad-duration")]
)
def test_how_often_is_a_span_of_an_hour_or_more(written: str, slug: str) -> None:
    assert slugs(f"drill: x\nevery: {written}") == [slug]
