"""The review afterwards: the draft, what is open in one that people edited, and its action items elsewhere."""

import ast
import csv
import json
import re
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import Sentence
from drills import review_file, review_rules
from drills.errors import DrillError, Problem
from drills.judging import judge_run
from drills.reviewing import NAME, items, review
from drills.rundir import RunDir
from reports.chinese import PATTERNS, WORDS
from reports.event_log import Happening
from reports.review import SECTIONS, Finding, People, findings
from reports.review import headings as headings_of
from tests.drills.afterwards import DRILL, GOLDEN, TEAM, act, drafts, run
from tests.drills.test_judging import run_of, whole

ROOT = Path(__file__).resolve().parent.parent.parent
TODAY = date(2026, 11, 24)
"""Three days after the run, which was on a Saturday."""
ITEM = """
- finding: failover
  what: Let a sentinel vote in each zone
  owner: mei
  due: 2026-12-05
  term: short
  verified_by: drills run lose-the-primary.yaml
"""
WHYS = "1. The primary was gone for two minutes\n2. No replica was fit to take over\n3. Nobody watches replicas"


@pytest.fixture
def kept(tmp_path: Path) -> RunDir:
    return run(tmp_path, *TEAM)


def finished(kept: RunDir, **changes: str) -> Path:
    """The draft, completed as people would; `changes` are other settings, sections by their names, or `items`."""
    path = kept.path / NAME
    path.unlink(missing_ok=True)
    review(kept, path=None, today=TODAY, language=changes.pop("language", "en"))
    text = path.read_text(encoding="utf-8")
    front = {"held": "2026-11-23", "organised_by": "L3", "class": "config", "knowledge": "https://wiki.example/lost"}
    sections = {
        "sense": "The board showed green.",
        "whys": WHYS,
        "prevent": "A vote in each zone.",
        "faster": "An alert.",
    }
    wanted = changes.pop("items", ITEM)
    for name, value in (front | {key: value for key, value in changes.items() if key not in SECTIONS}).items():
        text = re.sub(rf"(?m)^{name}:.*$", f"{name}: {value}", text)
    for key, said in (sections | {key: value for key, value in changes.items() if key in SECTIONS}).items():
        text = re.sub(rf"(?ms)^(## (?:{'|'.join(map(re.escape, headings_of(key)))})\n).*?(?=^## )",
                      lambda match, said=said: f"{match[1]}\n{said}\n\n", text)  # fmt: skip
    text = re.sub(r"(?s)```yaml\n.*```", lambda _: f"```yaml\n{wanted.strip()}\n```", text)
    path.write_text(text, encoding="utf-8")
    return path


def judged(kept: RunDir, *, today: date = TODAY, **changes: str) -> review_rules.Judged:
    """What is open in a review with these changes, and what else is said of it."""
    written = review_file.read(finished(kept, **changes))
    names = frozenset({"lin", "zhao", "李雷", "li.lei", "root"})
    asked = review_rules.Asked(run=kept.id, findings=findings(judge_run(kept)), names=names, today=today)
    found = review_rules.judge(written, asked)
    return review_rules.Judged([*written.problems, *found.open], found.remarks)


def only(kept: RunDir, *, today: date = TODAY, **changes: str) -> Problem:
    """The one thing that is open."""
    found = judged(kept, today=today, **changes).open
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


# the draft


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_draft_is_as_it_was(language: str) -> None:
    """Refresh with `python -m tests.drills.afterwards`, and look at the difference."""
    assert drafts()[language] == (GOLDEN / f"review.{language}.md").read_text(encoding="utf-8")


def test_what_the_run_shows_is_told_of_roles_and_not_of_persons(kept: RunDir) -> None:
    review(kept, path=None, today=None, language="en")
    text = (kept.path / NAME).read_text(encoding="utf-8")

    assert re.findall(r"\b(lin|wang|zhao|chen)\b", text) == []
    assert "| L1/IC sets the severity to P1 |" in text
    assert "`sop/announce`: change by responder 4 (c1) without announce" in text


def test_every_section_is_headed_and_those_of_people_are_empty(kept: RunDir) -> None:
    review(kept, path=None, today=None, language="en")
    written = review_file.read(kept.path / NAME)

    assert list(written.sections) == [*SECTIONS]
    assert written.problems == ()
    assert [key for key, one in written.sections.items() if not one.text.strip("123.\n ")] == [
        "sense",
        "whys",
        "prevent",
        "faster",
    ]
    assert [one.item.finding for one in written.items] == ["failover", "sop/announce"]


def test_a_draft_is_never_written_over_and_is_open_at_first(kept: RunDir, capsys: pytest.CaptureFixture[str]) -> None:
    assert review(kept, path=None, today=TODAY, language="en") == 1
    assert f"drills review {kept.short}" in capsys.readouterr().out
    path = kept.path / NAME
    path.write_text(path.read_text(encoding="utf-8") + "mine\n", encoding="utf-8")

    assert review(kept, path=None, today=TODAY, language="zh") == 1
    assert path.read_text(encoding="utf-8").endswith("mine\n")


def test_what_was_not_measured_says_why(tmp_path: Path) -> None:
    kept = run(tmp_path)
    review(kept, path=None, today=None, language="en")
    text = (kept.path / NAME).read_text(encoding="utf-8")

    assert "| **MTTI** | not measured: nobody ran a command or wrote to the others |  |  |" in text
    assert "| **total** | not measured: nobody said that it was over |" in text
    assert "severity: P2" in text


def test_text_of_people_cannot_become_markup_of_the_page(tmp_path: Path) -> None:
    kept = run(tmp_path, act(30, "note", "lin", text="| <script> | ## Action items\n```yaml\n- what: x\n``` <!-- -->"))
    review(kept, path=None, today=None, language="en")
    written = review_file.read(kept.path / NAME)

    assert list(written.sections) == [*SECTIONS]
    assert "x" not in [one.item.what for one in written.items]
    assert "<script>" not in (kept.path / NAME).read_text(encoding="utf-8")


CAST = [
    act(30, "page.acked", "李雷", scripted=True),
    act(
        40,
        "chat",
        "wang",
        text="@wang, Lin and 李雷说：wang看看 root, ops@wang, growing",
        channel="room",
        scripted=True,
    ),
    act(50, "cli", "root", cmd="sudo -u wang ls", mutating=False, exit=0, id="look", scripted=True),
    act(60, "role.taken", "cl", role="CL", holder="cl"),
    act(70, "chat", "lin", text="root cause: the cl asked 100 times", channel="room"),
    act(80, "chat", "100", text="100 looks", channel="room"),
]
NAMED = DRILL.replace("en: The primary of the cache is killed.", "en: wang acts alone and 李雷 looks on.")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nobody_is_named_by_what_checks_say_or_people_wrote(tmp_path: Path, language: str) -> None:
    """As of a cast, whose names stand in the verdict; and in a text of Chinese, which sets no spaces."""
    kept = run(tmp_path, *CAST, drill=NAMED)
    review(kept, path=None, today=None, language=language)
    text = (kept.path / NAME).read_text(encoding="utf-8")

    assert re.findall(r"李雷|(?<!ops@)(?<!&#8203;)\bwang\b|\b[lL]in\b", text) == []
    if language == "en":
        assert "responder 2, responder 5 and L1/IC说：responder 2看看 root, ops" in text
        assert "responder 2 acts alone and L1/IC looks on." in text
        assert "root cause: the cl asked 100 times" in text
        assert "100 looks" in text


def test_in_chinese_who_is_not_known_is_called_so_in_chinese() -> None:
    people = People([], "zh")

    assert dict(people.unnamed(Sentence("{who} {team}", {"who": "somebody", "team": "anybody"})).values) == {
        "who": "有人", "team": "各方"
    }  # fmt: skip


NAMES = st.lists(st.text("abAB李雷.-@ ", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=4, unique=True)


@given(NAMES, st.text())
def test_no_name_is_left_standing_by_itself_whatever_people_are_called(names: list[str], text: str) -> None:
    people = People([_by(name) for name in names], "en")
    told = people.nameless(f"{text}\n{' / '.join(names)}").splitlines()[-1]

    assert [name for name in told.split(" / ") if name in people.names] == []


def _by(name: str) -> Happening:
    return Happening(
        t_s=0, at=datetime.fromtimestamp(0, UTC), seq=0, activity="chat", said=Sentence(""), source="s", actor=name
    )


def test_a_severity_may_be_said_in_the_chat_and_nonsense_is_none(tmp_path: Path) -> None:
    said = [act(30, "incident.severity", "lin", severity="P3"), act(40, "chat", "lin", text="/定级 定为SEV-1", tag="定级"),
            act(50, "incident.severity", "lin"), act(60, "chat", "lin", text="P0?", tag="question")]  # fmt: skip
    kept = run(tmp_path, *said)
    review(kept, path=None, today=None, language="en")

    assert "\nseverity: SEV1 " in (kept.path / NAME).read_text(encoding="utf-8")


def test_a_file_that_somebody_writes_while_the_run_is_judged_is_theirs(
    kept: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept.path / NAME

    def draft_slowly(*_: object) -> str:
        path.write_text("mine", encoding="utf-8")
        return "draft"

    monkeypatch.setattr("drills.reviewing.draft", draft_slowly)
    with pytest.raises(DrillError, match="somebody wrote this file meanwhile"):
        review(kept, path=None, today=None, language="en")
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_run_under_way_is_not_reviewed(kept: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunDir, "is_live", True)
    with pytest.raises(DrillError, match="under way"):
        review(kept, path=None, today=None, language="en")


def test_all_that_a_review_says_is_translated() -> None:
    """Every text of several words in the code that makes it, other than docstrings, has its Chinese."""
    said = set[str]()
    for name in ("checks/moments.py", "drills/happenings.py", "reports/review.py"):
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        plain = {one.value for one in ast.walk(tree) if isinstance(one, ast.Expr)}
        inside = {part for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
        said |= {one.value for one in ast.walk(tree)
                 if isinstance(one, ast.Constant) and one not in plain | inside and isinstance(one.value, str)}  # fmt: skip
    sentences = {text for text in said if re.search(r"[a-z}] [{a-z`]", text)}

    assert len(sentences) > 60
    assert sorted(text for text in sentences if text not in PATTERNS and text not in WORDS) == []


def test_a_control_and_a_run_that_died_have_a_review_too(tmp_path: Path) -> None:
    for name, tell in (("control", whole(skip=frozenset({"fault"}))), ("died", whole(closed=False))):
        kept = run_of(tmp_path / name, tell, control=name == "control")

        assert review(kept, path=None, today=None, language="en") == 1
        assert review_file.read(kept.path / NAME).problems == ()


# what is open


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_that_says_all_is_complete(kept: RunDir, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    finished(kept, language=language)
    capsys.readouterr()

    assert review(kept, path=None, today=TODAY, language="en") == 0
    said = capsys.readouterr().out
    assert "complete: " in said
    assert said.endswith("1 action items, 1 of them to be done\n")
    assert "nobody looked whether https://wiki.example/cache leads to https://wiki.example/lost" in said


@pytest.mark.parametrize(
    ("severity", "last"),
    [
        ("P0", date(2026, 11, 24)),
        ("SEV1", date(2026, 11, 24)),
        ("P1", date(2026, 11, 27)),
        ("SEV2", date(2026, 11, 27)),
    ],
)
def test_what_was_grave_is_reviewed_in_time(kept: RunDir, severity: str, last: date) -> None:
    """Saturday and Sunday are no working days."""
    problem = only(kept, severity=severity, held="", today=last)
    assert (problem.slug, problem.what.partition("; ")[2]) == ("not-reviewed", f"for {severity} it is due by {last}")
    assert problem.place.text.startswith("held:")
    late = only(kept, severity=severity, held="", today=date(2026, 12, 1))
    assert f"it was due by {last}" in late.what


def test_one_that_was_late_is_complete_and_said_to_be_late(kept: RunDir) -> None:
    found = judged(kept, severity="P0", held="2026-11-25", today=date(2026, 11, 26))

    assert found.open == []
    assert "the review was held 1 day late: for P0 it was due by 2026-11-24" in found.remarks


@pytest.mark.parametrize("held", ["2026-11-20", "2026-11-25"])
def test_it_was_held_neither_before_it_was_over_nor_on_a_day_to_come(kept: RunDir, held: str) -> None:
    assert only(kept, held=held).slug == "not-reviewed"


def test_what_was_not_grave_may_be_reviewed_at_any_time_by_anybody(kept: RunDir) -> None:
    assert judged(kept, severity="P2", held="", organised_by="").open == []


@pytest.mark.parametrize(
    ("said", "slug"),
    [
        ("The page came late, and lin forgot to look.", "names-blame"),
        ("李雷误操作，导致切换失败。", "names-blame"),
        ("It was zhao's fault.", "names-blame"),
        ("Lin forgot to look", "names-blame"),
        ("@lin forgot to look", "names-blame"),
        ("li.lei forgot to look", "names-blame"),
        ("是lin搞错了", "names-blame"),
        ("当时 lin，忘了看面板", ""),
        ("The host lin-laptop failed to connect", ""),
        ("ops@lin failed to answer", ""),
        ("lin.example broke", ""),
        ("lin looked at the board. The probe failed to connect.", ""),
        ("The berlin zone forgot its peers.", ""),
        ("lin said that the board was green", ""),
        ("The root cause was a mistake in a file", ""),
    ],
)
def test_nobody_is_named_in_a_clause_that_finds_fault(kept: RunDir, said: str, slug: str) -> None:
    found = judged(kept, sense=said).open
    assert [one.slug for one in found] == ([slug] if slug else [])
    if slug:
        assert found[0].place.text == said


def test_a_clause_may_go_on_in_the_next_line_and_not_in_the_next_point(kept: RunDir) -> None:
    problem = only(kept, sense="The page came late, and lin\nforgot to look.")
    assert (problem.slug, problem.place.around()) == ("names-blame", ("The page came late, ", "and lin", ""))

    assert judged(kept, sense="- lin\n- The probe failed to connect\n\nlin\n\nwas a mistake").open == []


def test_an_action_item_blames_nobody_either_however_long_it_is(kept: RunDir) -> None:
    short = only(
        kept, items=ITEM.replace("Let a sentinel vote in each zone", "Teach lin, who is careless, and zhao to blame")
    )
    assert (short.what, short.place.text) == (
        "this holds `zhao` to be at fault: `to blame`", "  what: Teach lin, who is careless, and zhao to blame"
    )  # fmt: skip
    folded = ITEM.replace("Let a sentinel vote in each zone", ">\n    Teach lin,\n    since lin\n    forgot to look")
    assert only(kept, items=folded).what == "this holds `lin` to be at fault: `forgot`"


def test_the_place_of_blame_is_its_clause(kept: RunDir) -> None:
    place = only(kept, sense="The page came late, and lin forgot to look.").place

    assert place.around() == ("The page came late, ", "and lin forgot to look", ".")


def test_words_that_look_for_somebody_are_noted_and_keep_nothing_open(kept: RunDir) -> None:
    found = judged(kept, faster="谁干的？ And human error is no answer.")

    assert found.open == []
    assert [remark.partition(": ")[2] for remark in found.remarks[:2]] == [
        "`谁干的` looks for somebody, and not for a cause", "`human error` looks for somebody, and not for a cause"
    ]  # fmt: skip


def test_what_was_quoted_in_the_timeline_is_evidence_and_no_blame(kept: RunDir) -> None:
    assert "whose fault" in finished(kept).read_text(encoding="utf-8")
    assert not any("whose fault" in remark for remark in judged(kept).remarks)


def test_three_whys_are_needed_and_empty_ones_are_none(kept: RunDir) -> None:
    problem = only(kept, whys="1. It was gone\n2. No replica\n3. …\n\nand so on")
    assert (problem.slug, problem.what) == ("no-cause", "2 of at least 3 whys are answered")
    assert problem.place.text == "## Five whys"


@pytest.mark.parametrize(
    "whys", ["1、主库宕机\n2、没有副本\n3、无人监控", "1.主库宕机\n2）没有副本\n３．无人监控", "* a\n* b\n* c"]
)
def test_whys_may_be_numbered_as_in_chinese(kept: RunDir, whys: str) -> None:
    assert judged(kept, whys=whys).open == []


def test_figures_and_what_only_holds_a_place_are_no_whys(kept: RunDir) -> None:
    assert "1 of at least 3" in only(kept, whys="1. It was gone\n1.5 s later\n2. TBD\n3. 待定\n- n/a").what


@pytest.mark.parametrize(("written", "slug"), [("", "no-cause"), ("human", "bad-choice")])
def test_the_class_is_one_of_four(kept: RunDir, written: str, slug: str) -> None:
    assert only(kept, **{"class": written}).slug == slug


@pytest.mark.parametrize("key", ["prevent", "faster"])
def test_both_questions_are_answered(kept: RunDir, key: str) -> None:
    for nothing in ("<!-- later\nor never -->", "TBD", "-\n-\n", "无"):
        problem = only(kept, **{key: nothing})
        assert (problem.slug, problem.place.text) == ("no-lesson", f"## {SECTIONS[key]}")
    assert judged(kept, **{key: "Nothing: it was seen at once"}).open == []


@pytest.mark.parametrize("lacking", ["what", "owner", "due", "term"])
def test_an_action_item_says_what_who_and_until_when(kept: RunDir, lacking: str) -> None:
    problem = only(kept, items=re.sub(rf"(?m)^  {lacking}: .*$", f"  {lacking}:", ITEM))

    assert (problem.slug, problem.what) == ("vague-item", f"action item 1 has no {lacking}")
    assert problem.place.text == f"  {lacking}:"


@pytest.mark.parametrize("owner", ["TBD", "'?'", "' '", "待定", "n/a"])
def test_whoever_holds_the_place_of_an_owner_is_none(kept: RunDir, owner: str) -> None:
    assert only(kept, items=ITEM.replace("mei", owner)).what == "action item 1 has no owner"


@pytest.mark.parametrize("due", ["2026-02-30", "05.12.2026", "soon"])
def test_a_day_that_is_none_is_refused(kept: RunDir, due: str) -> None:
    assert only(kept, items=ITEM.replace("2026-12-05", due)).slug == "bad-value"


def test_a_due_date_is_a_date(kept: RunDir) -> None:
    problem = only(kept, items=ITEM.replace("2026-12-05", "soon"))
    assert (problem.slug, problem.what, problem.fix) == (
        "bad-value",
        "`due` cannot be `soon`",
        "write a day, as 2026-12-05",
    )


def test_a_slip_of_the_pen_is_told_in_its_place(kept: RunDir) -> None:
    problem = judged(kept, items=ITEM.replace("owner:", "ownr:")).open[0]

    assert (problem.slug, problem.place.column) == ("unknown-setting", 3)
    assert "did you mean `owner`?" in problem.fix
    assert problem.place.text == "  ownr: mei"


def test_a_slip_of_the_pen_hides_nothing_else_in_its_line(kept: RunDir) -> None:
    """A first setting has the place of the whole item."""
    found = judged(kept, items="- waht: Vote\n  term: short\n  finding: failover\n").open

    assert [one.slug for one in found] == ["unknown-setting", "vague-item", "unproven-item"]


def test_findings_need_an_action_item_and_one_answers_what_was_found(kept: RunDir) -> None:
    assert only(kept, items="# none").what == "there are 3 findings and no action item"
    problem = only(kept, items=ITEM.replace("finding: failover", "finding: failver"))
    assert (problem.what, "did you mean `failover`?" in problem.fix) == ("the run has no finding `failver`", True)


def test_a_missing_monitor_always_is_an_action_item(kept: RunDir) -> None:
    written = review_file.read(finished(kept))
    because = findings(judge_run(kept))[0].because

    def open_with(*, known: bool) -> list[str]:
        found = [Finding(id="failover", title="", because=because, monitor=False),
                 Finding(id="alert", title="", because=because, monitor=True, known=known)]  # fmt: skip
        asked = review_rules.Asked(run=kept.id, findings=found, names=frozenset(), today=TODAY)
        return [one.what for one in review_rules.judge(written, asked).open]

    assert open_with(known=True) == ["`alert` is about a monitor, and no action item mends it"]
    assert open_with(known=False) == []


@pytest.mark.parametrize("link", ["", "trust me", "n/a", "N.A.", "TBD"])
def test_something_must_show_that_an_item_is_done(kept: RunDir, link: str) -> None:
    problem = only(kept, items=ITEM.replace("drills run lose-the-primary.yaml", link))
    assert (problem.slug, problem.what) == ("unproven-item", "nothing will show that action item 1 is done")


def test_an_item_is_closed_by_its_due_date_and_counts_from_the_day_that_is_given(kept: RunDir) -> None:
    due, after = date(2026, 12, 5), date(2026, 12, 6)
    assert judged(kept, today=due).open == []
    assert only(kept, today=after).what == "action item 1 was due on 2026-12-05 and is not closed"
    assert judged(kept, today=after, items=f"{ITEM}  closed: 2026-12-05\n").open == []
    late = judged(kept, today=date(2026, 12, 20), items=f"{ITEM}  closed: 2026-12-08\n")
    assert (late.open, "action item 1 was closed 3 days late" in late.remarks) == ([], True)
    assert only(kept, today=due, items=f"{ITEM}  closed: 2026-12-08\n").what.startswith(
        "action item 1 is closed on a day to come"
    )


def test_nothing_was_mended_before_it_was_over(kept: RunDir) -> None:
    assert judged(kept, items=f"{ITEM}  closed: 2026-11-21\n").open == []
    problem = only(kept, items=f"{ITEM}  closed: 2026-11-20\n")
    assert (problem.slug, problem.what) == (
        "unproven-item",
        "action item 1 was closed on 2026-11-20, before it was over",
    )


@pytest.mark.parametrize(
    ("knowledge", "text", "leads"),
    [
        ("lost.md", "not-lost.md lost.md5 xlost.md", False),
        ("lost.md#why", "[lost](lost.md)", True),
        ("kept/丢失 1.md", "[lost](kept/%E4%B8%A2%E5%A4%B1%201.md)", True),
        ("https://wiki.example/lost/", "nothing", False),
        ("https://wiki.example/1", "in 1 minute", False),
        ("https://wiki.example/lost/", "See http://wiki.example/lost.", True),
    ],
)
def test_a_runbook_leads_to_the_page_itself(kept: RunDir, knowledge: str, text: str, leads: bool) -> None:
    (kept.path / "kept").mkdir()
    for name in ("lost.md", "kept/丢失 1.md"):
        (kept.path / name).write_text("# Lost\n", encoding="utf-8")
    (kept.path / "cache.md").write_text(text, encoding="utf-8")

    found = judged(kept, knowledge=f'"{knowledge}"', runbook="cache.md").open
    assert [one.what for one in found] == ([] if leads else [f"cache.md does not lead to {knowledge}"])


def test_a_page_that_cannot_be_read_is_none(kept: RunDir) -> None:
    (kept.path / "folder").mkdir()
    for name in ("folder", "x" * 300 + ".md"):
        assert "there is no such file" in only(kept, knowledge=name).what


def test_a_review_that_grades_otherwise_than_the_run_is_said_to(
    kept: RunDir, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or else whoever is late would write P4."""
    finished(kept, severity="P4", held="", organised_by="")
    capsys.readouterr()

    assert review(kept, path=None, today=TODAY, language="en") == 0
    assert "note: the run was graded P1, and its review P4\n" in capsys.readouterr().out
    finished(kept)
    capsys.readouterr()
    assert review(kept, path=None, today=TODAY, language="en") == 0
    assert "graded" not in capsys.readouterr().out


def test_what_was_learnt_stands_where_the_runbook_leads(kept: RunDir) -> None:
    assert only(kept, knowledge="").slug == "not-kept"
    assert only(kept, runbook="").what == "no alert of this run led to a runbook, and none is named"
    assert "there is no such file" in only(kept, knowledge="lost.md").what
    (kept.path / "lost.md").write_text("# Lost\n", encoding="utf-8")
    (kept.path / "cache.md").write_text("# Cache\n", encoding="utf-8")
    assert only(kept, knowledge="lost.md", runbook="cache.md").what == "cache.md does not lead to lost.md"
    (kept.path / "cache.md").write_text("See [lost](lost.md).\n", encoding="utf-8")
    assert judged(kept, knowledge="lost.md", runbook="cache.md").open == []


@pytest.mark.parametrize(
    ("who", "right"), [("L3", True), ("l3 (mei)", True), ("三线", True), ("", False), ("L2", False), ("L30", False)]
)
def test_the_third_line_organises_the_review_of_what_was_grave(kept: RunDir, who: str, right: bool) -> None:
    assert [one.slug for one in judged(kept, organised_by=who).open] == ([] if right else ["wrong-organiser"])


def test_the_review_of_another_run_is_not_taken_for_this_one(kept: RunDir) -> None:
    assert only(kept, run="2026-01-01T00-00-00Z-other-1234").what.startswith("this is the review of another run")


def test_a_section_that_is_gone_is_missed(kept: RunDir) -> None:
    path = finished(kept)
    path.write_text(path.read_text(encoding="utf-8").replace("## How to prevent it", "## Thoughts"), encoding="utf-8")

    (problem,) = review_file.read(path).problems
    assert (problem.slug, problem.fix) == ("review-form", "write a heading `## How to prevent it` or `## 如何避免`")


def test_a_block_without_an_end_hides_no_action_item(kept: RunDir) -> None:
    """As of a file that was torn, or of an editor that took the last line with it."""
    path = finished(kept)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rindex("```")], encoding="utf-8")

    written = review_file.read(path)
    (problem,) = written.problems
    assert (written.items, problem.slug, problem.place.text) == ((), "review-form", "```yaml")
    assert problem.what == "this block has no end, so what follows is taken for a part of it"


def test_a_comment_without_an_end_is_told_where_it_begins(kept: RunDir) -> None:
    path = finished(kept)
    path.write_text(path.read_text(encoding="utf-8").replace("The board showed green.", "<!-- later"), encoding="utf-8")

    first = review_file.read(path).problems[0]
    assert (first.what.partition(",")[0], first.place.text) == ("this comment has no end", "<!-- later")


@pytest.mark.parametrize("text", ["", "# A page\n", "---\nrun: x\n", "---\n"])
def test_what_has_no_settings_in_front_is_not_readable(kept: RunDir, text: str) -> None:
    (kept.path / NAME).write_text(text, encoding="utf-8")
    with pytest.raises(DrillError, match="the settings in front are missing"):
        review(kept, path=None, today=TODAY, language="en")


def test_broken_yaml_is_told_in_its_line_beside_what_is_open_and_is_2(
    kept: RunDir, capsys: pytest.CaptureFixture[str]
) -> None:
    path = finished(kept, items="- what: [", prevent="")
    capsys.readouterr()

    assert review(kept, path=None, today=TODAY, language="en") == 2
    said = capsys.readouterr().out
    line = path.read_text(encoding="utf-8").splitlines().index("- what: [") + 1
    assert f"{path}:{line}:" in said
    assert "[no-lesson]" in said


def test_windows_lines_and_a_mark_of_bytes_do_no_harm(kept: RunDir) -> None:
    path = finished(kept)
    path.write_bytes("\ufeff".encode() + path.read_bytes().replace(b"\n", b"\r\n"))

    assert review(kept, path=None, today=TODAY, language="en") == 0


# action items elsewhere


def test_action_items_go_to_a_tracker(kept: RunDir, capsys: pytest.CaptureFixture[str]) -> None:
    finished(kept, items=f"{ITEM}  closed: 2026-12-01\n- what: '=HYPERLINK(1)'\n  owner: '@lin'\n")
    capsys.readouterr()
    assert items(kept, path=None, form="csv") == 0
    first, second = csv.DictReader(StringIO(capsys.readouterr().out))

    assert (first["Summary"], first["Assignee"], first["Due Date"]) == (
        "Let a sentinel vote in each zone",
        "mei",
        "2026-12-05",
    )
    assert (first["Status"], first["Finding"], first["Run"]) == ("Done", "failover", kept.id)
    assert (second["Summary"], second["Assignee"], second["Due Date"]) == ("'=HYPERLINK(1)", "'@lin", "")

    assert items(kept, path=None, form="json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["title"], first["assignees"], first["state"], first["due"]) == (
        "Let a sentinel vote in each zone", ["mei"], "closed", "2026-12-05"
    )  # fmt: skip
    assert (second["title"], second["state"], second["due"]) == ("=HYPERLINK(1)", "open", None)


def test_an_action_item_that_says_nothing_is_not_exported(kept: RunDir) -> None:
    """No tracker takes an issue without a title."""
    finished(kept, items="- finding: failover\n  what: TBD\n")
    for form in ("csv", "json"):
        with pytest.raises(DrillError, match="action item 1 has no what"):
            items(kept, path=None, form=form)


def test_items_of_a_review_that_has_no_form_are_not_exported(kept: RunDir) -> None:
    finished(kept, items="- what: [")
    with pytest.raises(DrillError):
        items(kept, path=None, form="csv")
