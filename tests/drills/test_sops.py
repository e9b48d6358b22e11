"""SOP files: what is right is read, every mistake is told at once and in its place, and a run keeps what it was judged by."""

from pathlib import Path

import pytest

from checks import Outcome
from checks.sop.check import Sop
from drills import sops
from drills.binding import Binding
from drills.cli import main
from drills.drill import digest
from drills.errors import DrillError, Problem
from drills.judging import judge_run
from drills.load import load, sops_in
from drills.rundir import RunDir
from drills.source import parse
from tests.checks.sop.story import FLAGSHIP, flagship
from tests.drills.test_judging import DRILL, run_of, whole
from tests.drills.test_load import INVENTORY
from tests.drills.writing import CACHE, refusal, write

HEAD = """
kind: SOP
id: small
roles: {IC: {}}
events: {update: {any_of: [{kind: chat, tag: update}]}}
states: {fine: {probe: orders, success: ">= 99%"}}
"""
GOOD = "- {id: report, do: update, of: page.delivered, within: 5m, by: IC}"
SMALL = f"{HEAD}rules:\n  {GOOD}\n"


def mistakes(rules: str, head: str = HEAD) -> list[Problem]:
    """Those in a SOP of these rules."""
    binding = Binding()
    sops.bind(parse(f"{head}rules:\n  {rules}\n", "sop.yaml"), binding)
    return binding.problems


def test_the_worked_example_is_read_as_it_stands() -> None:
    book = flagship()

    assert len(book.rules) == 15
    assert {type(rule.form).name for rule in book.rules} == {"do", "order", "every", "never", "hold", "content"}
    assert book.head.title.en == "Database read overload, incl. replica scale-out"
    assert book.head.roles["L1"].holds == ("IC",)


def test_every_rule_form_may_be_written_flat_or_nested() -> None:
    assert mistakes("- {id: a, do: {event: update, of: drill.start, within: 5m}}") == []
    assert mistakes("- {id: a, every: update, period: 5m, from: drill.start}") == []
    assert mistakes("- {id: a, order: update, then: cli}") == []


@pytest.mark.parametrize(
    ("rules", "slug", "says"),
    [
        ("- {id: a, do: updat, of: page.delivered, within: 5m}", "unknown-event", "did you mean `update`"),
        ("- {id: a, do: update, of: page.deliverd+5m, within: 5m}", "unknown-event", "did you mean `page.delivered`"),
        ("- {id: a, do: update, of: page.delivered+5, within: 5m}", "bad-duration", "page.delivered+5m"),
        ("- {id: a, do: update, of: page.delivered, within: 5m, by: IK}", "unknown-role", "roles: IC"),
        ("- {id: a, hold: {state: fein, for: 5m, before: update}}", "unknown-state", "did you mean `fine`"),
        ("- {id: a, content: update, require: {next: '(a'}}", "bad-value", "a regular expression"),
        ("- {id: a, content: update, require: {next: '(a+)+b'}}", "bad-value", "would never end"),
        ("- {id: a, do: update, of: page.delivered, within: 5m, zero_at: 1m}", "setting-conflict", "zero_at"),
        ("- {id: a, never: {what: update, from: drill.start, after: drill.start}}", "setting-conflict", "same"),
        ("- {id: a, never: {what: update, unless: {}}}", "setting-conflict", "pre_authorised"),
        ("- {id: a, content: update, require: {next: x}, gate: {cap: 59, why: x}}", "gate-on-words", "text_re"),
        ("- {id: a, never: {what: update}, gate: {cap: 590, why: x}}", "setting-conflict", "0 to 100"),
        (f"{GOOD}\n  {GOOD}", "duplicate-id", "another id"),
        ("- {id: a, level: must}", "unknown-kind", "do, order, after, every, never, hold, content"),
        ("- {id: a, never: {what: update}, content: update}", "two-kinds", "entry of its own"),
        ("- {id: a, nevr: {what: update}}", "unknown-kind", "did you mean `never`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule_is_told_where_it_is(rules: str, slug: str, says: str) -> None:
    (problem,) = mistakes(rules)

    assert problem.slug == slug
    assert says in str(problem)
    assert problem.place.line >= 7


def test_all_mistakes_are_told_at_once_each_on_its_line() -> None:
    text = HEAD.replace("tag: update", "text_re: '['").replace("{IC: {}}", "{IC: {exclusive: true, many: true}}")
    binding = Binding()
    sops.bind(
        parse(f"{text}titel: x\nrules:\n  - {{id: a, do: update, of: nothing, within: 5}}\n", "sop.yaml"), binding
    )

    assert sorted((one.place.line, one.slug) for one in binding.problems) == [
        (4, "setting-conflict"),
        (5, "bad-value"),
        (7, "unknown-setting"),
        (9, "missing-unit"),
        (9, "unknown-event"),
    ]
    assert next(one for one in binding.problems if one.slug == "bad-value").place.column == 50


def test_a_file_that_is_no_table_or_asks_nothing_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("[a]", encoding="utf-8")
    (tmp_path / "empty.yaml").write_text("{kind: SOP, id: x}", encoding="utf-8")

    assert [one.slug for one in refusal(lambda: sops.read(tmp_path / "list.yaml"))] == ["wrong-shape"]
    assert [one.slug for one in refusal(lambda: sops.read(tmp_path / "empty.yaml"))] == ["missing-setting"]


# a drill that is judged by one


def with_sop(folder: Path, sop: str = SMALL, check: str = "sop: sop.yaml", **more: str) -> Path:
    return write(folder, drill=CACHE + f"  - {check}\n", inventory=INVENTORY, sop=sop, **more)


def test_a_drill_reads_its_sop_beside_it_and_names_it_among_its_files(tmp_path: Path) -> None:
    loaded = load(with_sop(tmp_path, check="sop: {file: sop.yaml, at_least: 60%, holds: {IC: lin}}"))
    check = loaded.drill.checks[-1].check

    assert isinstance(check, Sop)
    assert check.book is not None
    assert (check.at_least, check.holds, [rule.id for rule in check.book.rules]) == (0.6, {"IC": "lin"}, ["report"])
    assert loaded.paths["sop"] == tmp_path / "sop.yaml"
    assert loaded.digests["sop"] == digest((tmp_path / "sop.yaml").read_bytes())


def test_each_sop_of_a_drill_is_kept_under_a_name_of_its_own(tmp_path: Path) -> None:
    path = with_sop(tmp_path, other=SMALL.replace("report", "other"))
    path.write_text(path.read_text() + "  - sop: {file: other.yaml}\n", encoding="utf-8")

    loaded = load(path)

    assert {name: one.name for name, one in loaded.paths.items() if name.startswith("sop")} == {
        "sop": "sop.yaml", "sop-2": "other.yaml"
    }  # fmt: skip
    assert [one.id for one in loaded.drill.checks[-2:]] == ["sop", "sop-2"]


def test_mistakes_of_a_sop_are_told_with_those_of_the_drill(tmp_path: Path) -> None:
    path = with_sop(tmp_path, SMALL.replace("within: 5m", "within: 5").replace("probe: orders", "probe: oders"))
    path.write_text(path.read_text().replace("at: 2s", "at: 2"), encoding="utf-8")

    assert sorted(one.slug for one in refusal(lambda: load(path))) == ["missing-unit", "missing-unit", "unknown-probe"]


def test_a_sop_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert [one.slug for one in refusal(lambda: load(with_sop(tmp_path, check="sop: spo.yaml")))] == ["no-file"]


def test_a_role_that_the_sop_does_not_have_cannot_be_held(tmp_path: Path) -> None:
    path = with_sop(tmp_path, check="sop: {file: sop.yaml, holds: {IK: lin}}")

    assert [(one.slug, one.place.file) for one in refusal(lambda: load(path))] == [("unknown-role", str(path))]


def test_lint_looks_through_a_sop_by_itself_and_through_folders_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "sops", sop=SMALL)
    assert main(["lint", str(tmp_path / "sops" / "sop.yaml")]) == 0
    assert main(["lint", str(tmp_path / "sops")]) == 0
    assert "1 SOP, no problems" in capsys.readouterr().out

    write(tmp_path / "sops", wrong=SMALL.replace("within: 5m", "within: 5"))
    assert main(["lint", str(tmp_path / "sops")]) == 2
    assert "wrong.yaml:8:" in capsys.readouterr().out
    assert [one.name for one in sops_in(tmp_path)] == ["sop.yaml", "wrong.yaml"]


@pytest.mark.parametrize(("rule", "open_"), [
    ("{id: a, do: update, of: page.acked, within: 5m}", True),
    ("{id: a, do: {event: update, of: [incident.declared, told+5m], within: 5m}}", True),
    ("{id: a, every: {what: update, period: 5m, from: incident.declared}}", True),
    ("{id: a, do: update, of: [page.acked, page.delivered+5m], within: 5m}", False),
    ("{id: a, do: update, of: [incident.declared, drill.start+5m], within: 5m}", False),
    ("{id: a, do: update, of: decided, within: 5m}", False),
    ("{id: a, never: {what: update, from: incident.declared}}", False),
    ("{id: a, after: {when: incident.declared, then: update}}", False),
])  # fmt: skip
def test_a_duty_that_people_could_leave_out_is_told_while_it_is_written(tmp_path: Path, rule: str, open_: bool) -> None:
    """A run that was judged by such a one still is."""
    events = (
        "events: {update: {kind: chat, tag: update}, decided: {kind: chat, tag: approve}, told: {kind: role.taken}}"
    )
    path = tmp_path / "sop.yaml"
    path.write_text(f"kind: SOP\nid: small\n{events}\nrules:\n  - {rule}\n", encoding="utf-8")

    assert main(["lint", str(path)]) == (2 if open_ else 0)
    assert sops.read(path).rules
    if open_:
        with pytest.raises(DrillError) as told:
            sops.read(path, written=True)
        assert [one.slug for one in told.value.problems] == ["no-fall-back"]


def test_the_example_lints() -> None:
    assert main(["lint", str(FLAGSHIP)]) == 0


# a stored run


def stored(folder: Path, sop: str = SMALL) -> RunDir:
    """A run that was judged by a SOP, of which it kept a copy."""
    return run_of(folder, whole(), drill=DRILL + "  - sop: ../sops/small.yaml\n", sop=sop, attended=True)


def test_a_stored_run_is_judged_by_the_copy_that_it_kept(tmp_path: Path) -> None:
    report = judge_run(stored(tmp_path))
    sop = next(one for one in report.checks if one.kind == "sop")

    assert sop.outcome is Outcome.UNKNOWN
    assert "nobody can say whether there was page.delivered" in str(sop.verdict.because)
    assert sop.limits == "file ../sops/small.yaml"
    assert [row.name for row in sop.verdict.rows] == ["report"]


def test_a_copy_that_was_edited_is_not_judged_by(tmp_path: Path) -> None:
    run = stored(tmp_path)
    (run.path / "sop.yaml").write_text(SMALL.replace("5m", "50m"), encoding="utf-8")

    assert [one.slug for one in refusal(lambda: judge_run(run))] == ["journal-edited"]


def test_a_copy_that_is_gone_is_told(tmp_path: Path) -> None:
    run = stored(tmp_path)
    (run.path / "sop.yaml").unlink()

    assert [one.slug for one in refusal(lambda: judge_run(run))] == ["no-file"]


def test_another_limit_may_be_set_when_judging(tmp_path: Path) -> None:
    report = judge_run(stored(tmp_path), limits=("sop.at_least=10%",))

    assert next(one for one in report.checks if one.kind == "sop").limits.endswith("at least 10%")
