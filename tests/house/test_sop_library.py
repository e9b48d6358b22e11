"""The library of SOPs is whole: every rule of the catalogue has an answer that is there, and every page what it says."""

import re
from pathlib import Path

import pytest

from checks.sop.book import Content
from drills import model, sops
from drills.linting import lint
from drills.registry import Group, kinds
from tests.checks.sop.desk import Desk, typed
from tests.checks.sop.story import standing
from tests.house.pages import ROOT, commands, links, table
from tests.house.test_pages import subcommands

FOLDER = ROOT / "examples" / "sops"
PAGE = FOLDER / "README.md"
BOOKS = {path.stem: sops.read(path) for path in sorted(FOLDER.glob("*.yaml"))}
RUNBOOKS = [path for path in sorted(FOLDER.glob("*.md")) if path != PAGE]
AUTOMATABLE = [
    *(f"A{n}" for n in range(1, 15)), *(f"T{n}" for n in (1, 2, 3, 6, 7, 8, 9)),
    *(f"W{n}" for n in (1, 4, 5, 6, 7, 8, 9, 10, 15, 16, 20, 21)),
    *(f"M{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 17, 18)), *(f"F{n}" for n in range(1, 10)),
]  # fmt: skip
"""What a machine can hold people and systems to. The table has a row for each, in this order."""
GROUPS: tuple[Group, ...] = ("checks", "probes", "injectors")
ROWS = table(PAGE, "## The catalogue")
each_book = pytest.mark.parametrize("name", BOOKS)
each_runbook = pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)


def named(text: str) -> list[str]:
    """`triage#severity-in-5m`, wherever a page names a rule."""
    return re.findall(r"`(?:sop: )?([\w-]+#[\w-]+)`", text)


def rules(name: str) -> list[str]:
    return [f"{name}#{rule.id}" for rule in BOOKS[name].rules]


# --- the catalogue


def test_every_rule_that_a_machine_can_judge_has_its_row() -> None:
    assert [row[0] for row in ROWS] == AUTOMATABLE


def test_every_row_says_it_in_both_languages_and_who_holds_one_to_it() -> None:
    for number, english, chinese, held_by, remark in ROWS:
        assert english.isascii(), number
        assert re.search(r"[\u4e00-\u9fff]", chinese), number
        assert re.fullmatch(r"`[^`]+`(?: `[^`]+`)*", held_by), number
        assert not remark.startswith("in part") or len(remark) > 20, f"{number} does not say what nobody measures"


def test_every_line_of_a_sop_that_a_row_names_is_there() -> None:
    known = {rule for name in BOOKS for rule in rules(name)}

    assert [rule for row in ROWS for rule in named(" ".join(row)) if rule not in known] == []


def test_every_setting_of_a_check_a_probe_or_a_fault_that_a_row_names_is_there() -> None:
    found = {name: kind for group in GROUPS for name, kind in kinds(group).items()}
    known = {f"{name}.{one.name}" for name, kind in found.items() for one in model.settings(kind)}
    told = [setting for row in ROWS for setting in re.findall(r"`([\w-]+\.[\w-]+)`", row[3])]

    assert told
    assert [setting for setting in told if setting not in known] == []


def test_a_row_names_nothing_else_but_commands() -> None:
    told = [
        one for row in ROWS for one in re.findall(r"`([^`]+)`", row[3]) if not re.fullmatch(r"[\w-]+[#.][\w-]+", one)
    ]

    assert sorted(set(told) - {f"drills {name}" for name in subcommands()}) == []


# --- the SOPs


@each_book
def test_it_is_small_and_called_as_its_file(name: str) -> None:
    book = BOOKS[name]

    assert book.head.id == name
    assert 5 <= len(book.rules) <= 12


@each_book
def test_everything_is_said_in_english_and_chinese(name: str) -> None:
    book = BOOKS[name]
    said = {"title": book.head.title, "about": book.head.about, **{rule.id: rule.settings.note for rule in book.rules}}

    assert [what for what, one in said.items() if not one.en or not re.search(r"[\u4e00-\u9fff]", one.zh)] == []


@each_book
def test_every_rule_names_its_source(name: str) -> None:
    notes = {rule.id: rule.settings.note for rule in BOOKS[name].rules}

    assert [id_ for id_, note in notes.items() if not re.search(r"Source: \w", note.en)] == []
    assert [id_ for id_, note in notes.items() if not re.search(r"来源：\S", note.zh)] == []
    alone = [id_ for id_, note in notes.items() if re.search(r"Source: the same|同上", f"{note.en}{note.zh}")]
    assert alone == [], "in a report a note stands alone"


# --- the runbooks


@each_book
def test_both_of_its_runbooks_name_every_rule_and_no_other(name: str) -> None:
    for page in (FOLDER / f"{name}.md", FOLDER / f"{name}.zh.md"):
        assert sorted(set(named(page.read_text(encoding="utf-8")))) == sorted(rules(name)), page.name


def test_every_sop_and_runbook_is_linked_from_the_page() -> None:
    files = [path.name for path in (*FOLDER.glob("*.yaml"), *RUNBOOKS)]

    assert sorted(set(files) - set(links(PAGE))) == []
    assert sorted(f"{name}{suffix}" for name in BOOKS for suffix in (".md", ".yaml", ".zh.md")) == sorted(files)


@pytest.mark.parametrize("page", [PAGE, *RUNBOOKS], ids=lambda page: page.name)
def test_its_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link.partition("#")[0]).exists()] == []


@each_runbook
def test_its_commands_can_be_typed_as_they_stand(page: Path) -> None:
    """Each is one, and a tag in it is read as one."""
    typed_in = re.findall(r"`(drills [^`]+)`", page.read_text(encoding="utf-8"))
    for text in typed_in:
        act = typed(text)
        assert not act.get("text", "").startswith("/") or act.get("tag"), text

    assert typed_in


@each_runbook
def test_its_tags_and_channels_are_those_of_its_sop(page: Path) -> None:
    """Else who does what the page says would not have done what the SOP asks."""
    name = page.name.partition(".")[0]
    known = {
        key: {value for pattern in patterns(name) for value in pattern.get(key, "").split("|")}
        for key in ("tag", "channel")
    }
    for text in re.findall(r"`(drills say [^`]+)`", page.read_text(encoding="utf-8")):
        act = typed(text)
        assert act["tag"] in known["tag"], text
        assert act["channel"] in known["channel"] | {"war-room"}, text


def patterns(name: str) -> list[dict[str, str]]:
    return [dict(pattern.texts) for event in BOOKS[name].events.values() for pattern in event.any_of]


@each_runbook
def test_who_types_what_it_says_says_all_that_one_must(page: Path) -> None:
    """Of its examples no rule that reads words finds anything missing."""
    desk, book = Desk().fault(1).page(2), BOOKS[page.name.partition(".")[0]]
    for number, text in enumerate(re.findall(r"`(drills [^`]+)`", page.read_text(encoding="utf-8"))):
        desk.does(3 + number / 10, "lin", text, team="shop")
    read = [one for one in standing(book, desk.ended(60)).rulings if isinstance(one.rule.form, Content)]

    assert {one.rule.id: one.credit for one in read if one.credit not in (1.0, None)} == {}


def test_a_drill_may_be_judged_by_all_of_them(tmp_path: Path) -> None:
    """As `drills lint` says, of a drill that names each, one of them as the page shows it."""
    named_files = "".join(f"  - {{id: {name}, sop: {FOLDER / name}.yaml}}\n" for name in BOOKS)
    (tmp_path / "inventory.yaml").write_text(
        "environment: lab\ntargets: {a: {process: {pidfile: x}, tcp: {host: 127.0.0.1, port: 1}}}\n", encoding="utf-8"
    )
    (tmp_path / "drill.yaml").write_text(
        "drill: all\nprobes: {orders: {tcp: a}}\nfaults: [{kill: a}]\n"
        f"checks:\n{named_files}  - {{id: told, sop: {{file: {FOLDER}/customer-notice.yaml, holds: {{L1: lin}}}}}}\n",
        encoding="utf-8",
    )
    found = lint([tmp_path, FOLDER])

    assert [str(problem) for problem in found.problems] == []
    assert (found.drills, found.sops) == (1, len(BOOKS))


def test_the_commands_of_the_page_are_commands() -> None:
    told = [text.split()[1] for text in commands(PAGE)]

    assert "lint" in told
    assert sorted(set(told) - set(subcommands())) == []
