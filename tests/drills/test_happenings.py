"""The event log of a run: what happened, by whom and in which role; as CSV and as XES, for others to read."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import Event, Evidence, Sentence, Trust
from drills.drill import Drill
from drills.errors import DrillError
from drills.happenings import happenings
from drills.judging import stored
from drills.reviewing import export
from reports.event_log import Case, Happening, to_csv, to_xes
from tests.checks.sop.story import Story
from tests.drills.afterwards import TEAM, act, run
from tests.drills.test_judging import run_of, whole
from tests.drills.writing import CACHE, good
from tests.drills.writing import Story as Writer

HOME = "{http://www.xes-standard.org/}"
TYPES = {
    "string": str,
    "date": datetime.fromisoformat,
    "int": int,
    "float": float,
    "boolean": {"true": True, "false": False}.get,
}


def told(folder: Path, *acts) -> list[Happening]:
    kept = stored(run(folder, *acts))
    return happenings(kept.evidence, kept.drill)


def read(xes: bytes) -> list[list[dict[str, object]]]:
    """Traces of events, as any reader of the standard would have them. The order of elements is the schema's."""
    log = ElementTree.fromstring(xes)
    assert (log.tag, log.get("xes.version")) == (f"{HOME}log", "1849.2016")
    kinds = [one.tag.removeprefix(HOME) for one in log]
    order = ["extension", "global", "classifier", "string", "trace"]
    assert sorted(kinds, key=order.index) == kinds
    known = {one.get("prefix") for one in log.iter(f"{HOME}extension")}
    traces = []
    for trace in log.iter(f"{HOME}trace"):
        assert next(iter(trace)).attrib["key"] == "concept:name"
        events = [{one.attrib["key"]: value(one, known) for one in event} for event in trace.iter(f"{HOME}event")]
        traces.append(events)
    return traces


def value(one: ElementTree.Element, known: set[str | None]) -> object:
    """What an attribute holds; its key is a name of XML, with no other prefix than a declared extension's."""
    assert re.fullmatch(r"([a-z]+:)?[a-z_]+", one.attrib["key"])
    prefix, colon, _ = one.attrib["key"].rpartition(":")
    assert not colon or prefix in known
    return TYPES[one.tag.removeprefix(HOME)](one.attrib["value"])


def xes(*cases: Case) -> bytes:
    return "".join(to_xes(cases)).encode()


def case(*listed: Happening, run: str = "r") -> Case:
    return Case(run=run, about={"drill": "d", "control": False}, happenings=listed)


def one(**changes: object) -> Happening:
    given = {"t_s": 1.5, "at": datetime(2026, 11, 21, 9, 41, 3, 123456, UTC), "seq": 7, "activity": "chat",
             "said": Sentence("x"), "source": "human:lin", **changes}  # fmt: skip
    return Happening(**given)


# what happened


def test_people_machines_and_the_service_stand_in_one_row_in_the_order_of_time(tmp_path: Path) -> None:
    listed = told(tmp_path, *TEAM)

    assert [one.t_s for one in listed] == sorted(one.t_s for one in listed)
    names = [f"{one.activity} {one.transition}".removesuffix(" complete") for one in listed]
    assert names == [
        "drill.start", "fault start", "fault.injected", "impact.start", "alert.pending", "alert.firing", "page.delivered",
        "page.acked", "incident.declared", "chat", "incident.severity", "role.taken", "cli start", "cli", "chat.announce",
        "submit.diagnosis", "flag.write", "incident.resolved", "contained", "recovered", "page.resolved", "alert.resolved",
        "incident.resolved", "note", "fault.healing", "fault", "drill.end",
    ]  # fmt: skip


def test_each_has_who_did_it_and_what_they_held_then(tmp_path: Path) -> None:
    listed = {one.activity: one for one in told(tmp_path, *TEAM)}

    assert (listed["page.acked"].actor, listed["page.acked"].roles) == ("lin", ("L1", "IC"))
    assert (listed["note"].actor, listed["note"].roles, listed["note"].trust) == ("chen", ("CL",), "declared")
    assert (listed["page.delivered"].actor, listed["page.delivered"].source) == ("", "conductor")
    assert listed["impact.start"].source == "probe:orders"
    assert listed["impact.start"].at == listed["fault.injected"].at


def test_a_role_that_is_kept_for_another_does_not_come_with_the_page(tmp_path: Path) -> None:
    kept = stored(run(tmp_path, *TEAM, kept={"ic": ["mei"]}))
    listed = {one.activity: one for one in happenings(kept.evidence, kept.drill)}

    assert listed["page.acked"].roles == ("L1",)


def test_a_command_has_a_beginning_by_how_long_it_took(tmp_path: Path) -> None:
    began, ended = (one for one in told(tmp_path, *TEAM) if one.activity == "cli")

    assert (began.t_s, ended.t_s, (ended.at - began.at).total_seconds()) == (59, 62, 3)
    assert (began.transition, ended.transition) == ("start", "complete")


def test_without_a_sop_roles_are_those_that_people_took(tmp_path: Path) -> None:
    drill = good(CACHE)
    story = Story().fault(1).act(2, "role.taken", "mei", role="IC", holder="mei").chat(3, "mei", "I decide")

    assert [one.roles for one in happenings(story.evidence, drill) if one.activity == "chat"] == [("IC",)]


def test_an_alert_of_both_watchers_fires_once() -> None:
    story = Story().fault(1)
    story.history.state(70, "firing").held(71, "active")

    assert [one.activity for one in _of(story.ended(5).evidence)].count("alert.firing") == 1


def test_an_observer_that_could_not_be_asked_has_a_name_too() -> None:
    story = (
        Story().fault(1).act(2, "observe", observer="replication", replica="r1:6379", result="unreachable", why="gone")
    )
    story.act(3, "observe", probe="pool", observer="pool", result="replica_added")

    assert [str(one.said) for one in _of(story.ended(5).evidence) if one.activity == "observe"] == [
        "replication sees r1:6379: unreachable", "pool sees: replica_added"
    ]  # fmt: skip


def test_of_a_cluster_changes_are_told_and_not_how_its_thousands_of_objects_stood_before() -> None:
    story = Story()
    shop = {"object": "deployment/shop", "namespace": "shop", "uid": "u", "state": "ready", "now": {}}
    story.history.told(0, "cluster", "kubernetes.listed", resource="deployments", namespace="shop", n=1, objects=[shop])
    wrote = {"manager": "kubectl", "by": "somebody", "verb": "scale", "change": "replicas 3→5"}
    ill = {**shop, "change": "changed", "state": "not_ready", "was_state": "ready", "was": {}, "wrote": wrote}
    story.fault(1).history.told(120, "cluster", "kubernetes.changed", **ill)

    said = [one for one in _of(story.ended(5).evidence) if one.activity in ("observe", "k8s.write")]
    assert [one.said.pattern for one in said] == [
        "{probe} sees {object}: {result}",
        "{who} changes the cluster: {text}",
    ]
    assert str(said[0].said) == "cluster sees deployment/shop: not_ready"
    assert said[1].text == "scale deployment/shop: replicas 3→5"


def test_spans_hold_where_utc_was_set_meanwhile() -> None:
    at = {0: "2026-11-21T09:41:00Z", 2: "2026-11-21T08:00:02Z", 3: "2026-11-21T08:00:03Z"}
    events = [Event(seq=t_s, t_s=float(t_s), at=at[t_s], kind="run.opened" if t_s == 0 else "run.aborted", source="conductor",
                    data={"why": "x"}) for t_s in at]  # fmt: skip

    assert [one.at.isoformat() for one in _of(Evidence(events))] == [
        "2026-11-21T09:41:02+00:00",
        "2026-11-21T09:41:03+00:00",
    ]


def test_a_time_by_another_clock_is_told_by_ours() -> None:
    story = Story().fault(1).chat(2, "lin", "late", at_unix=1_780_000_000.0 + 118)
    (chat,) = (one for one in _of(story.ended(5).evidence) if one.activity == "chat")

    assert (chat.t_s, chat.at.timestamp()) == (118, 1_780_000_118)


def test_a_control_and_an_ended_run_say_so() -> None:
    kinds = [("run.opened", {}), ("fault.withheld", {"fault": "f"}), ("run.aborted", {"why": "why"})]
    events = [Event(seq=n, t_s=n, at=f"2026-11-21T09:41:0{n}Z", kind=kind, source="conductor", data=data)
              for n, (kind, data) in enumerate(kinds)]  # fmt: skip

    assert [str(one.said) for one in _of(Evidence(events))] == [
        "f would have begun, and is withheld", "the run is ended: why"
    ]  # fmt: skip


def _of(evidence: Evidence, drill: Drill | None = None) -> list[Happening]:
    return happenings(evidence, drill or good(CACHE))


# for others to read


def test_xes_is_read_back_with_its_types(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert export([run(tmp_path, *TEAM)], form="xes", path=None) == 0
    ((*events,),) = read(capfdbinary.readouterr().out)
    command = next(
        event for event in events if event["concept:name"] == "cli" and event["lifecycle:transition"] == "complete"
    )

    assert len(events) == 27
    assert command == {
        "concept:name": "cli", "time:timestamp": datetime(2026, 11, 21, 9, 43, 45, tzinfo=UTC),
        "lifecycle:transition": "complete", "concept:instance": "39", "org:resource": "zhao", "trust": "attributed",
        "source": "human:zhao", "t_s": 62.0,
        "journal_line": 39, "change_id": "c1", "cmd": "=cmd|' /C calc'!A0", "exit": 0, "mutating": True, "took_s": 3.0,
    }  # fmt: skip
    assert next(event for event in events if event["concept:name"] == "chat.announce")["text"] == "@all 从库 r1 上线"


def test_csv_has_the_same_columns_for_all_and_runs_nothing(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    runs = [run(tmp_path / "a", *TEAM), run(tmp_path / "b", act(30, "note", "李雷", text="+1"))]
    assert export(runs, form="csv", path=None) == 0
    rows = list(csv.DictReader(StringIO(capfdbinary.readouterr().out.decode(), newline="")))

    assert {row["case:concept:name"] for row in rows} == {runs[0].id}  # both were called the same in this test
    assert len(rows) == 27 + 15
    command = next(row for row in rows if row["concept:name"] == "cli")
    assert (command["cmd"], command["time:timestamp"]) == ("'=cmd|' /C calc'!A0", "2026-11-21T09:43:42.000000+00:00")
    note = next(row for row in rows if row["org:resource"] == "李雷")
    assert (note["text"], note["org:role"]) == ("'+1", "")


def test_several_runs_are_several_cases() -> None:
    cases = [case(one(), run="a"), case(one(), one(), run="b")]
    rows = list(csv.DictReader(StringIO("".join(to_csv(cases)), newline="")))

    assert [len(trace) for trace in read(xes(*cases))] == [1, 2]
    assert [(row["case:concept:name"], row["case:drill"], row["case:control"]) for row in rows] == [
        ("a", "d", "false"), ("b", "d", "false"), ("b", "d", "false")
    ]  # fmt: skip


@pytest.mark.parametrize("form", [to_csv, to_xes])
def test_a_log_is_made_piece_by_piece_and_run_by_run(form: Callable[[Iterable[Case]], Iterator[str]]) -> None:
    """A log of a thousand runs need not fit into memory: none is read before all of the one before is written."""
    asked: list[str] = []

    def cases() -> Iterator[Case]:
        for name in ("first", "second"):
            asked.append(name)
            yield case(*[one()] * 100, run=name)

    pieces = form(cases())
    while not asked:
        next(pieces)
    events = 0
    while asked == ["first"]:
        piece = next(pieces)
        events += "2026-11-21" in piece
        assert len(piece) < 1000

    assert 99 <= events <= 101


def test_what_began_at_the_same_time_is_told_apart_at_its_end(tmp_path: Path) -> None:
    """As two faults, or two commands, that overlap."""
    listed = told(tmp_path, *TEAM)
    found = [(one.activity, one.transition, one.instance) for one in listed if one.activity in ("fault", "cli")]

    assert found == [("fault", "start", "run-dies"), ("cli", "start", "39"), ("cli", "complete", "39"),
                     ("fault", "complete", "run-dies")]  # fmt: skip
    assert {one.instance for one in listed if one.activity not in ("fault", "cli")} == {""}
    assert read(xes(case(*listed)))[0][1]["concept:instance"] == "run-dies"


def test_a_file_is_written_where_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, path = run(tmp_path, *TEAM), tmp_path / "log.xes"

    assert export([kept], form="xes", path=path) == 0
    assert capsys.readouterr().out == f"27 events of 1 run in {path}\n"
    assert len(read(path.read_bytes())[0]) == 27


@given(st.text(), st.one_of(st.text(), st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)))
def test_whatever_people_write_makes_good_files(text: str, more: object) -> None:
    said = one(text=text, actor=text, team=text, data={"cmd": more, "channel": text}, trust=Trust.DECLARED)
    ((event,),) = read(xes(case(said)))
    assert event.get("cmd", "") == more or isinstance(more, str) or abs(more) >= 2**63

    (row,) = csv.DictReader(StringIO("".join(to_csv([case(said)])), newline=""))
    cells = [row[key].lstrip(" ") for key in ("text", "org:resource", "org:group", "channel")]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))] == []


def test_a_negative_figure_stays_a_figure() -> None:
    (row,) = csv.DictReader(StringIO("".join(to_csv([case(one(data={"exit": -9, "took_s": -0.5}))])), newline=""))

    assert (row["exit"], row["took_s"]) == ("-9", "-0.5")


def test_no_control_character_reaches_a_terminal_or_a_spreadsheet() -> None:
    """A log that is printed must not move the cursor; ends of lines are what people wrote."""
    (row,) = csv.DictReader(StringIO("".join(to_csv([case(one(text="a\x1b[2J\x00\x9b\r\nb\tc"))])), newline=""))

    assert row["text"] == "a\ufffd[2J\ufffd\ufffd\r\nb\tc"


@pytest.mark.parametrize(("figure", "written"), [(float("inf"), "INF"), (float("-inf"), "-INF"), (float("nan"), "NaN")])
def test_figures_are_written_as_the_schema_has_them(figure: float, written: str) -> None:
    assert f'<float key="took_s" value="{written}"/>' in xes(case(one(data={"took_s": figure}))).decode()


def test_a_run_that_does_not_read_leaves_nothing_printed_or_written(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    good_one, bad = run(tmp_path / "a", *TEAM), run(tmp_path / "b", *TEAM)
    bad.journal.write_bytes(bad.journal.read_bytes().replace(b"wang", b"wong", 1))
    for path in (None, tmp_path / "log.csv"):
        with pytest.raises(DrillError, match="does not follow"):
            export([good_one, bad], form="csv", path=path)

    assert capfdbinary.readouterr().out == b""
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b"]


def test_a_journal_that_was_torn_gives_what_it_holds(tmp_path: Path) -> None:
    kept = run(tmp_path, *TEAM)
    content = kept.journal.read_bytes()
    for share, least in ((0.999, 26), (0.3, 5), (0.01, 0)):
        first = content.index(b"\n") + 1
        kept.journal.write_bytes(content[: max(first, int(len(content) * share))])
        assert export([kept], form="xes", path=tmp_path / "log") == 0
        (events,) = read((tmp_path / "log").read_bytes())
        assert least <= len(events) < 28


def test_a_control_says_that_it_is_one_and_what_was_withheld(tmp_path: Path) -> None:
    def tell(story: Writer) -> None:
        whole(skip=frozenset({"fault"}))(story)
        story.at(24, "fault.withheld", fault="dies", target="cache-primary", does="kill")

    assert export([run_of(tmp_path, tell, control=True)], form="csv", path=tmp_path / "log") == 0
    rows = list(csv.DictReader((tmp_path / "log").read_text(encoding="utf-8").splitlines()))
    assert {row["case:control"] for row in rows} == {"true"}
    assert [row["fault"] for row in rows if row["concept:name"] == "fault.withheld"] == ["dies"]
    assert {row["org:role"] for row in rows} == {""}


@pytest.mark.parametrize("form", ["csv", "xes"])
def test_a_run_that_never_started_or_broke_off_says_so(tmp_path: Path, form: str) -> None:
    for kind, activity in (("run.not_started", "run.not_started"), ("run.broke", "run.broke")):

        def tell(story: Writer, kind: str = kind) -> None:
            story.at(1, kind, why="there is residue")

        kept = run_of(tmp_path / kind, tell)
        assert export([kept], form=form, path=tmp_path / "log") == 0
        assert activity in (tmp_path / "log").read_text(encoding="utf-8")
