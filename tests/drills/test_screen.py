"""What is seen while a drill runs: the live screen in each phase and at each width, and plain lines elsewhere."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from checks import Event, Evidence, Sample, Seen
from drills import plan as plans
from drills import screen
from drills.load import load
from drills.plan import Plan
from drills.sampling import Recent
from tests.drills.writing import add_flags, write

DRILL = """
drill: lose-the-primary
probes: {orders: {tcp: hill}, storefront: {tcp: hill}}
faults:
  - {id: dies, flag: hill, at: 2s}
"""
INVENTORY = "environment: lab\ntargets: {hill: {flag: {path: /tmp/none}, tcp: {host: a, port: 1}}}\n"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    add_flags(monkeypatch)
    return make_plan(tmp_path)


def make_plan(folder: Path, drill: str = DRILL) -> Plan:
    return asyncio.run(plans.make(load(write(folder, drill=drill, inventory=INVENTORY), environment={})))


@dataclass
class Conducted:
    """A conductor as the screen sees it."""

    plan: Plan
    phase: str = "preparing"
    control: bool = False
    attended: bool = False
    now_s: float = 0.0
    next: str = ""
    recent: dict[str, Recent] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    run: Any = field(default_factory=lambda: SimpleNamespace(short="3f2a"))

    @property
    def opened(self) -> bool:
        return bool(self.evidence.events)

    def tell(self, t_s: float, kind: str, **data: Any) -> "Conducted":
        self.evidence.add(Event(seq=len(self.evidence.events), t_s=t_s, at="", kind=kind, source="test", data=data))
        self.now_s = max(self.now_s, t_s)
        return self

    def fault(self, t_s: float, *kinds: str, fault: str = "dies", **data: Any) -> "Conducted":
        names = {
            "injection": f"3f2a-{fault}",
            "fault": fault,
            "target": "hill",
            "in_effect": True,
            "why": "as it is",
            **data,
        }
        for kind in kinds:
            self.tell(t_s, f"injection.{kind}", **names)
        return self

    def look(self, probe: str, from_s: float, seen: str, why: str = "connection refused") -> "Conducted":
        recent = self.recent.setdefault(probe, Recent())
        for n, letter in enumerate(seen):
            t_s = from_s + n / 10
            recent.add(Sample(n=n, planned_s=t_s, sent_s=t_s, done_s=t_s + 0.003, seen=Seen(letter),
                              why="" if letter == "+" else why, seq=-1))  # fmt: skip
            self.now_s = max(self.now_s, t_s)
        return self


def shown(conducted: Conducted, width: int = 160) -> list[str]:
    """The lines of the screen, without what is only for the eye."""
    console = Console(width=width, file=io.StringIO(), color_system=None, legacy_windows=False)
    console.print(screen.picture(conducted))  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def row(conducted: Conducted, name: str, width: int = 160) -> str:
    """What stands behind a name."""
    (line,) = [line for line in shown(conducted, width) if line.strip().startswith(name)]
    return line.strip().removeprefix(name).strip()


def all_phases(plan: Plan) -> list[Conducted]:
    """The run at one moment of each phase."""
    steps: list[Callable[[Conducted], object]] = [
        lambda it: None,
        lambda it: it.tell(0, "run.opened"),
        lambda it: it.look("orders", 1, "+" * 30).look("storefront", 1, "+" * 30),
        lambda it: it.fault(6, "intended", "acting"),
        lambda it: it.fault(6.1, "verified").look("orders", 6, "-" * 20),
        lambda it: it.fault(10, "healing").look("orders", 8, "+" * 20),
        lambda it: it.fault(11, "gone"),
        lambda it: it.look("orders", 12, "?" * 5),
    ]
    phases = ["preparing", "preparing", "steady", "faults", "faults", "healing", "recovery", "closing"]
    found = []
    for last, phase in enumerate(phases):
        one = Conducted(plan=plan, phase=phase)
        for step in steps[: last + 1]:
            step(one)
        found.append(one)
    return found


# the head


def test_the_head_says_what_runs_where_how_long_and_how_to_stop(plan: Plan) -> None:
    (head, *_) = shown(Conducted(plan=plan, phase="steady", now_s=9.7).tell(9.7, "run.opened"))

    assert head.startswith("lose-the-primary   lab   3f2a   ▸ waiting for the steady state")
    assert head.endswith("00:09 of about 00:05     Ctrl-C heals and stops")


def test_before_its_first_line_a_run_has_no_time_yet(plan: Plan) -> None:
    (head, *_) = shown(Conducted(plan=plan))

    assert "preparing" in head
    assert "about 00:05" in head
    assert " of about" not in head


def test_minutes_go_on_beyond_an_hour(plan: Plan) -> None:
    assert "75:01 of about" in shown(Conducted(plan=plan).tell(4501, "run.opened"))[0]


def test_the_phase_says_that_a_fault_is_there_only_while_it_is(plan: Plan) -> None:
    def head(*kinds: str) -> str:
        return shown(Conducted(plan=plan, phase="faults").tell(0, "run.opened").fault(5, *kinds))[0]

    assert "▸ bringing faults about" in head()
    assert "▸ bringing faults about" in head("intended", "acting")
    assert "▸ fault in effect" in head("intended", "acting", "verified")
    assert "▸ fault in effect" in head("intended", "acting", "verified", "healing")
    assert "▸ bringing faults about" in head("intended", "acting", "verified", "healing", "gone")


# faults


def test_a_fault_is_followed_from_its_time_to_its_end(plan: Plan) -> None:
    one = Conducted(plan=plan).tell(0, "run.opened")

    assert row(one, "dies") == "starts 2 s after the steady state"
    assert row(one.fault(6, "intended", "acting"), "dies") == "being brought about, not yet seen in effect"
    one.fault(7, "verified").tell(11.1, "step.done")
    assert row(one, "dies") == "in effect 4.1 s  (raise a flag (hill), verified)"
    assert row(one.fault(12, "healing"), "dies") == "being healed"
    assert row(one.fault(13, "gone"), "dies") == "healed, and seen to be gone"


def test_a_control_says_what_it_withholds(plan: Plan) -> None:
    one = Conducted(plan=plan, phase="faults", control=True).tell(0, "run.opened", control=True)

    assert shown(one)[0].startswith("lose-the-primary   CONTROL   lab   3f2a   ▸ withholding faults")
    assert row(one, "dies") == "would start 2 s after the steady state"
    one.tell(7, "fault.withheld", fault="dies", does="raise a flag (hill)", target="hill").tell(11.1, "step.done")
    assert row(one, "dies") == "withheld for 4.1 s  (raise a flag (hill))"
    assert row(one.tell(12, "fault.elapsed", fault="dies"), "dies") == "withheld, and its time is over"


def test_a_fault_that_resists_its_healing_burns(plan: Plan) -> None:
    one = (
        Conducted(plan=plan)
        .fault(6, "intended", "acting", "verified", "healing")
        .fault(7, "heal_failed", why="no server")
    )

    assert row(one, "dies") == "NOT healed: no server"
    assert row(one.fault(8, "healing"), "dies") == "NOT healed: no server", "still, while it is tried again"
    assert row(one.fault(9, "gone"), "dies") == "healed, and seen to be gone"


def test_a_fault_that_could_not_be_brought_about_says_why_also_when_it_was_healed(plan: Plan) -> None:
    one = Conducted(plan=plan).fault(6, "intended", "acting").fault(7, "failed", why="no such process")

    assert row(one, "dies") == "no such process"
    assert row(one.fault(8, "healing", "gone"), "dies") == "no such process; healed"


def test_a_fault_that_was_skipped_says_why(plan: Plan) -> None:
    assert (
        row(Conducted(plan=plan).tell(6, "fault.skipped", fault="dies", why="it waited in vain"), "dies")
        == "it waited in vain"
    )


# probes


def test_a_probe_shows_its_state_its_history_and_its_figures(plan: Plan) -> None:
    one = Conducted(plan=plan).look("orders", 0, "+" * 200)

    assert row(one, "orders").split() == ["up", "▁" * 20, "100", "%", "p99", "3", "ms"]


def test_a_probe_that_is_down_says_for_how_long_and_why(plan: Plan) -> None:
    said = row(Conducted(plan=plan).look("orders", 0, "+" * 100 + "-" * 31), "orders")

    assert said.startswith("DOWN")
    assert said.endswith("76.34 %  p99 3 ms  for 3 s: connection refused")
    assert "█" in said


def test_a_probe_that_is_blind_is_not_down(plan: Plan) -> None:
    said = row(Conducted(plan=plan).look("orders", 0, "+" * 100 + "?" * 11, why="we ran out of something"), "orders")

    assert said.startswith("?")
    assert said.endswith("for 1 s: we ran out of something")
    assert "100 %" in said


def test_a_probe_that_came_back_says_how_long_it_was_away(plan: Plan) -> None:
    said = row(Conducted(plan=plan).look("orders", 0, "+" * 100 + "-" * 20 + "+" * 20), "orders")

    assert said.startswith("up")
    assert said.endswith("down 2 s, back")


def test_a_probe_that_has_not_looked_yet_says_so(plan: Plan) -> None:
    assert row(Conducted(plan=plan, recent={"orders": Recent()}), "orders") == "no looks"


def test_what_comes_next_stands_last(plan: Plan) -> None:
    one = Conducted(plan=plan, next="dies is healed in 4.2 s").look("orders", 0, "+")

    assert shown(one)[-1].split(maxsplit=1) == ["next", "dies is healed in 4.2 s"]
    assert not any("next" in line for line in shown(Conducted(plan=plan)))


# any terminal


@pytest.mark.parametrize("width", [60, 100, 160])
def test_every_phase_fits_every_width(plan: Plan, width: int) -> None:
    for one in all_phases(plan):
        one.next = "the checks have seen enough, at the latest in 12 s"
        lines = shown(one, width)

        assert max(map(len, lines)) <= width
        assert any("Ctrl-C" in line for line in lines), "how to stop is never cut off"
        assert sum(line.strip().startswith(("dies", "orders", "storefront", "next")) for line in lines) == 2 + len(
            one.recent
        )


@pytest.mark.parametrize("width", [60, 100, 160])
def test_long_names_take_no_more_than_their_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    add_flags(monkeypatch)
    name = "a-very-long-name-of-something-that-somebody-thought-would-be-clear-to-everybody"
    plan = make_plan(tmp_path, DRILL.replace("lose-the-primary", name).replace("dies", f"fault-{name}"))
    one = Conducted(plan=plan, phase="faults").tell(0, "run.opened")
    one.fault(1, "intended", "acting", "verified", fault=f"fault-{name}").look(
        f"probe-{name}", 0, "-" * 9, why="refused " * 40
    )
    lines = shown(one, width)

    assert max(map(len, lines)) <= width
    assert sum("fault-a-very" in line for line in lines) == 1
    assert sum("probe-a-very" in line for line in lines) == 1


def test_nothing_that_is_shown_means_anything_to_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither brackets, in which rich would see a style, nor control characters, which a server may have answered."""
    add_flags(monkeypatch)
    plan = make_plan(tmp_path, DRILL.replace("id: dies", "id: '[bold]dies[/]'"))
    one = Conducted(plan=plan, next="[/nothing] comes [red]next").look(
        "[orders]", 0, "-", why="\x1b[31mred\x07 [blink]"
    )
    said = "\n".join(shown(one))

    assert "[bold]dies[/]" in said
    assert "[/nothing] comes [red]next" in said
    assert "[orders]" in said
    assert "[blink]" in said
    assert "\x1b" not in said
    assert "\x07" not in said


# beside the run


class Runs(Conducted):
    """A conductor that takes a moment, and may break."""

    error: Exception | None = None

    async def conduct(self) -> None:
        await asyncio.sleep(0.05)
        if self.error:
            raise self.error


def conduct(one: Runs, *, plain: bool = False) -> None:
    asyncio.run(screen.conduct(one, plain=plain))  # type: ignore[arg-type]


def test_a_screen_that_breaks_costs_the_run_nothing_and_is_told(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(screen, "picture", broken)
    conduct(Runs(plan=plan))

    assert (
        "the screen broke, and the run went on without it: ZeroDivisionError: a bug of ours" in capsys.readouterr().err
    )


def test_a_terminal_that_goes_away_costs_the_run_nothing(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(screen, "picture", gone)
    conduct(Runs(plan=plan))


def test_what_breaks_the_run_is_not_hidden_by_the_screen(plan: Plan) -> None:
    one = Runs(plan=plan)
    one.error = KeyError("a bug of ours")
    with pytest.raises(KeyError):
        conduct(one)


# plain lines


def tell(kind: str, **data: Any) -> None:
    screen.Lines().tell(Event(seq=0, t_s=62.5, at="", kind=kind, source="test", data=data))


def test_an_event_that_matters_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell("injection.verified", fault="dies", target="hill", why="process 7 is gone", in_effect=True)
    tell("probe.sampled", probe="orders")
    tell("run.aborted", by="guard", why="too much")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "01:02  dies: in effect: process 7 is gone\n01:02  aborted by guard: too much; healing\n"


def test_last_words_of_several_lines_stay_lines_and_steer_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    tell("lab.failed", why="a ended before it was ready\n  \x1b[2Jbye")

    assert capsys.readouterr().err == "01:02  the lab did not start: a ended before it was ready\n  \\x1b[2Jbye\n"


def test_nobody_who_reads_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            calls.append(text)
            raise BrokenPipeError(32, "Broken pipe")

    lines = screen.Lines()
    monkeypatch.setattr("sys.stderr", Gone())
    for _ in range(3):
        lines.tell(Event(seq=0, t_s=0, at="", kind="lab.ready", source="test"))
    assert len(calls) == 1, "and it is not tried again"
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    screen.Lines().tell(Event(seq=0, t_s=0, at="", kind="lab.ready", source="test"))


# people, and those who are played


def test_the_last_act_is_shown_with_its_time_and_what_observers_saw_is_none(plan: Plan) -> None:
    one = Conducted(plan=plan, phase="faults").tell(0, "run.opened")
    assert "last act" not in "\n".join(shown(one))
    one.tell(61, "act.recorded", act="incident.severity", actor="lin", severity="P1")
    assert row(one, "last act") == "01:01  lin: severity P1"
    one.tell(62, "act.recorded", act="note", actor="wang", text="I act alone", scripted=True)
    one.tell(63, "act.recorded", act="observe", actor="", probe="pool", result="replica_added")
    assert row(one, "last act") == "01:02  wang (scripted): note: I act alone"


PAGE = {"receiver": "oncall", "new": True, "answered": 200, "alerts": [{"alert": "CacheDown"}, {"alert": "CacheDown"}]}


def test_a_page_that_reached_somebody_shows_once_and_again_when_it_is_resolved(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Conducted(plan=plan, phase="faults").tell(0, "run.opened")
    assert "page" not in "\n".join(shown(one))
    one.tell(61, "page.received", **PAGE, status="firing")
    assert row(one, "page") == "01:01  CacheDown reached oncall (firing)"
    one.tell(62, "page.received", **{**PAGE, "new": False}, status="firing")
    one.tell(63, "page.received", **{**PAGE, "answered": 503}, status="resolved")
    assert row(one, "page") == "01:01  CacheDown reached oncall (firing)"

    tell("page.received", **PAGE, status="resolved")
    tell("page.received", **{**PAGE, "new": False}, status="resolved")
    assert capsys.readouterr().err == "01:02  page: CacheDown reached oncall (resolved)\n"


def test_of_a_page_about_many_alerts_some_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    many = [{"alert": f"A{number}"} for number in range(5)]
    tell("page.received", **{**PAGE, "alerts": many}, status="firing")

    assert capsys.readouterr().err == "01:02  page: A0, A1, A2 and 2 more reached oncall (firing)\n"


def test_an_act_that_is_left_out_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    tell("act.skipped", act="lin-ack", actor="lin", why="it never came")

    assert capsys.readouterr().err == "01:02  lin-ack: lin leaves it out: it never came\n"
