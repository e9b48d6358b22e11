"""A drill is read with everything it names, and every mistake of every file is told at once."""

import re
from pathlib import Path

import pytest

from drills.load import drills_in, load, rubric_of, rubric_path
from tests.drills.writing import CACHE, good, refusal, write

INVENTORY = """
environment: lab
targets:
  cache: {tcp: {host: 127.0.0.1, port: 1}}
  cache-primary: {process: {match: "^no such process$"}}
"""
LAB = """
lab: cache
ports: [cache]
processes:
  primary: {run: [sleep, "600"]}
"""


def slugs(path: Path, **how: object) -> list[str]:
    return sorted(one.slug for one in refusal(lambda: load(path, **how)))  # type: ignore[arg-type]


def test_a_drill_is_read_with_its_companions(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE + "lab: lab.yaml\nrubric: mine.yaml\n", inventory=INVENTORY, lab=LAB,
                 mine="rubric: mine\ndimensions: {}\n")  # fmt: skip
    loaded = load(path, lab_folder=tmp_path / "there")

    assert loaded.drill.name == "lose-the-primary"
    assert loaded.inventory.environment == "lab"
    assert loaded.lab is not None
    assert loaded.lab.folder == tmp_path / "there"
    assert loaded.rubric.rubric == "mine"
    assert {name: path.name for name, path in loaded.paths.items()} == {
        "drill": "drill.yaml", "inventory": "inventory.yaml", "lab": "lab.yaml", "rubric": "mine.yaml"
    }  # fmt: skip
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in loaded.digests.values())


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        drill=CACHE.replace("within: 5s", "within: 5") + "severty: P1\nlab: lab.yaml\nrubric: mine.yaml\n",
        inventory=INVENTORY.replace("port: 1", "prot: 1") + "  other: {process: {lab: nobody}}\n",
        lab=LAB.replace("run:", "rnu:"),
        mine="rubric: mine\ndimensions: {a: {title: A, weight: ten, checks: {}}}\n",
    )
    problems = refusal(lambda: load(path))

    assert [(Path(one.place.file).name, one.slug) for one in problems] == [
        ("drill.yaml", "missing-unit"),
        ("drill.yaml", "unknown-setting"),
        ("inventory.yaml", "missing-setting"),
        ("inventory.yaml", "unknown-setting"),
        ("inventory.yaml", "unknown-process"),
        ("lab.yaml", "missing-setting"),
        ("lab.yaml", "unknown-setting"),
        ("mine.yaml", "bad-number"),
    ]


def test_files_that_are_not_there_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE + "inventory: elsewhere.yaml\nrubric: nobodys\nseverity: P9\n")

    assert slugs(path) == ["bad-choice", "no-file", "unknown-rubric"]


def test_without_its_lab_an_inventory_is_not_said_to_be_full_of_mistakes(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE + "lab: missing.yaml\n",
                 inventory=INVENTORY.replace("port: 1", "port: '${port.cache}'"))  # fmt: skip

    assert slugs(path) == ["no-file"]


def test_a_drill_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert slugs(tmp_path / "drill.yaml") == ["no-file"]


def test_files_are_looked_for_beside_those_that_name_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what a lab runs, in the lab's folder: the same lab may serve drills of many folders."""
    write(tmp_path / "labs", lab=LAB)
    path = write(tmp_path / "drills", drill=CACHE + "lab: ../labs/lab.yaml\n", inventory=INVENTORY)
    monkeypatch.chdir(tmp_path)
    lab = load(path.relative_to(tmp_path)).lab

    assert lab is not None
    assert lab.here.is_absolute()
    assert lab.here.resolve() == tmp_path / "labs"


def test_another_inventory_can_stand_in(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE, inventory="not: an inventory", staging=INVENTORY.replace("lab", "staging"))

    assert load(path, inventory=tmp_path / "staging.yaml").inventory.environment == "staging"


# targets


def test_a_target_that_the_inventory_does_not_have_is_told_at_the_fault_and_the_probe(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE, inventory="environment: lab\ntargets: {cahce: {tcp: {host: a, port: 1}}}\n")
    problems = refusal(lambda: load(path))

    assert [(one.place.line, one.slug) for one in problems] == [(4, "unknown-target"), (6, "unknown-target")]
    assert "did you mean `cahce`?" in problems[0].fix


def test_a_target_without_the_address_that_is_needed_is_told_with_those_that_have_it(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE.replace("{tcp: cache}", "{http: cache}"), inventory=INVENTORY)
    (problem,) = refusal(lambda: load(path))

    assert problem.slug == "no-address"
    assert "give it `http:`" in problem.fix
    write(tmp_path, inventory=INVENTORY + "  shop: {http: {url: 'http://a'}}\n")
    assert "those that have it: shop" in refusal(lambda: load(path))[0].fix


ALERTED = """
drill: alerted
probes: {p: {tcp: cache}}
faults:
  - {id: dies, kill: cache-primary}
  - {id: next, kill: cache-primary, when: {alert: Down}}
checks:
  - alert: {name: Down, after: dies, within: 5s}
"""


def test_who_waits_for_alerts_needs_somebody_to_listen_to(tmp_path: Path) -> None:
    """Else the check could never say anything, and the fault would never come."""
    path = write(tmp_path, drill=ALERTED, inventory=INVENTORY)
    problems = refusal(lambda: load(path))

    assert [one.slug for one in problems] == ["nobody-listens", "nobody-listens"]
    assert {one.what.split(" needs")[0] for one in problems} == {"fault `next`", "check `alert`"}
    write(tmp_path, inventory=INVENTORY + 'observers: {metrics: {prometheus: {url: "http://127.0.0.1:1"}}}\n')
    assert set(load(path).inventory.observers) == {"metrics"}


def test_targets_are_not_missed_in_an_inventory_that_does_not_read(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE, inventory="environment: lab\ntargets: {cache: [a, b\n")

    assert slugs(path) == ["not-closed"]


# the environment


def test_a_secret_is_needed_to_run_and_not_to_check(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE, inventory=INVENTORY.replace("port: 1", "port: '${env.PORT}'"))

    assert load(path).drill.name == "lose-the-primary"
    assert load(path, environment={"PORT": "7"}).address("cache", "tcp").port == 7
    assert slugs(path, environment={}) == ["unknown-variable"]


# rubrics


@pytest.mark.parametrize("name", ["ci", "game-day", "training"])
def test_our_rubrics_go_by_their_names(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, drill=CACHE + f"rubric: {name}\n", inventory=INVENTORY)

    assert load(path).rubric.rubric == name


def test_a_rubric_that_is_nowhere_is_told_where_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, drill=CACHE + "rubric: gameday\n", inventory=INVENTORY)
    (problem,) = refusal(lambda: load(path))

    assert (problem.slug, problem.place.line) == ("unknown-rubric", 9)
    assert "did you mean `game-day`?" in problem.fix


def test_a_rubric_that_was_kept_is_read_again(tmp_path: Path) -> None:
    kept = tmp_path / "rubric.yaml"
    kept.write_bytes(rubric_path("ci", tmp_path).read_bytes())

    assert rubric_of(good(CACHE), kept).rubric == "ci"
    kept.write_text("rubric: x\n", encoding="utf-8")
    assert [one.slug for one in refusal(lambda: rubric_of(good(CACHE), kept))] == ["missing-setting"]


# folders


def test_a_folder_means_every_drill_below_it(tmp_path: Path) -> None:
    write(tmp_path, drill=CACHE, inventory=INVENTORY)
    write(tmp_path / "deep" / "er", drill="# a comment first\n" + CACHE)
    (tmp_path / "deep" / "short.yml").write_text("about: x\ndrill : y\n", encoding="utf-8")
    (tmp_path / "notes.yaml").write_text("notes: |\n  drill: none\n", encoding="utf-8")

    assert [str(one.relative_to(tmp_path)) for one in drills_in(tmp_path)] == [
        "deep/er/drill.yaml", "deep/short.yml", "drill.yaml"
    ]  # fmt: skip


def test_what_runs_have_kept_is_no_drill_and_a_folder_of_that_name_may_hold_some(tmp_path: Path) -> None:
    write(tmp_path / "out" / "2026-11-21T09-41-03Z-x-3f2a", drill=CACHE)
    (tmp_path / "out" / "2026-11-21T09-41-03Z-x-3f2a" / "journal.jsonl").touch()
    mine = write(tmp_path / "runs", drill=CACHE)
    write(tmp_path / ".venv" / "lib", drill=CACHE)

    assert drills_in(tmp_path) == [mine]


def test_what_cannot_be_read_is_left_to_whoever_reads_it(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "nowhere.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\ndrill: x\n")

    assert [one.name for one in drills_in(tmp_path)] == ["binary.yaml"]
    assert slugs(tmp_path / "binary.yaml") == ["not-utf8"]


def test_a_file_is_itself_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / "x.txt").touch()

    assert drills_in(tmp_path / "x.txt") == [tmp_path / "x.txt"]


def test_a_path_without_a_drill_is_told(tmp_path: Path) -> None:
    assert [one.slug for one in refusal(lambda: drills_in(tmp_path))] == ["no-file"]
    assert [one.slug for one in refusal(lambda: drills_in(tmp_path / "nowhere"))] == ["no-file"]
