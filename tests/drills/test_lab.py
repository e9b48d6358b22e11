"""A lab: its processes come up in their order, on ports of their own, and nothing of them is left when it is ended.

All processes are real, small, and led by pidfiles in the test's own folder.
"""

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drills import lab as labs
from drills.binding import Binding
from drills.errors import DrillError, Problem
from drills.lab import Lab, LabFailed
from drills.programs import LeftOut
from drills.source import parse
from injectors import host
from tests.injectors.processes import a_name, eventually, heard_late, named, swept

SERVER = (Path(__file__).parent.parent / "end_to_end" / "listener.py").resolve()
FAMILY = "sleep {name} & (trap '' TERM; sleep {name}; sleep {name}) & trap '' TERM; while :; do sleep {name}; done"
"""A shell that refuses to end when it is asked, with children that refuse too."""


def read(folder: Path, text: str, *, only_check: bool = False) -> tuple[Lab | None, list[Problem]]:
    binding = Binding()
    (folder / "lab").mkdir(exist_ok=True)
    node = parse(textwrap.dedent(text), "lab.yaml")
    return labs.bind(node, folder, folder / "lab", binding, only_check=only_check), binding.problems


def good(folder: Path, text: str) -> Lab:
    lab, problems = read(folder, text)
    assert [str(one) for one in problems] == []
    assert lab is not None
    return lab


def slugs(folder: Path, text: str) -> list[str]:
    return [one.slug for one in read(folder, text)[1]]


@contextmanager
def ended(lab: Lab) -> Iterator[Lab]:
    """On leaving, end whatever of the lab runs."""
    try:
        yield lab
    finally:
        assert labs.end(lab.folder, patience_s=0.0) == []


def start(lab: Lab) -> list[str]:
    """Start it; pass the names of its processes in the order in which they were started."""
    names: list[str] = []
    asyncio.run(labs.start(lab, lambda name, _: names.append(name)))
    return names


def failure(lab: Lab) -> str:
    with pytest.raises(LabFailed) as failed:
        start(lab)
    return str(failed.value)


def sleeper(name: str, *, after: str = "[]", ready: str = "", seconds: str = "600") -> str:
    return f"  {name}: {{run: [sleep, '{seconds}'], after: {after}{', ready: ' + ready if ready else ''}}}\n"


# coming up

QUICK_IS_THERE = "{command: [test, -e, '${dir}/quick.pid']}"


def test_each_process_is_started_as_soon_as_what_it_needs_is_ready(tmp_path: Path) -> None:
    """`second` looks for a file that `first` makes only after a while, and ends if it is not there."""
    text = """
    lab: x
    processes:
      third: {run: [sleep, '600'], after: second}
      second: {run: [sh, -c, 'test -e ${dir}/made && exec sleep 600'], after: [first]}
      first:
        run: [sh, -c, 'sleep 0.2; touch ${dir}/made; exec sleep 600']
        ready: {command: [test, -e, '${dir}/made']}
    """
    with ended(good(tmp_path, text)) as lab:
        assert start(lab) == ["first", "second", "third"]
        time.sleep(0.05)
        assert labs.running(lab.folder) == ["first", "second", "third"]


def test_what_needs_nothing_does_not_wait_for_others(tmp_path: Path) -> None:
    """`slow` is not ready before `quick` is there, so if `quick` waited for it, neither would ever be."""
    text = f"lab: x\nprocesses:\n{sleeper('slow', ready=QUICK_IS_THERE)}{sleeper('quick')}"
    with ended(good(tmp_path, text)) as lab:
        assert start(lab) == ["slow", "quick"]
        assert labs.running(lab.folder) == ["quick", "slow"]


@pytest.mark.parametrize("way", ["{tcp: '127.0.0.1:${port.a}'}", "{tcp: '[::1]:${port.a}', within: 300ms}"])
def test_ready_by_connecting(tmp_path: Path, way: str) -> None:
    text = f"lab: x\nports: a\nprocesses:\n  a: {{run: ['${{python}}', {SERVER}, '${{port.a}}'], ready: {way}}}\n"
    with ended(good(tmp_path, text)) as lab:
        if "::1" in way:
            assert "a was not ready within 300 ms" in failure(lab), "nobody listens there"
        else:
            start(lab)
            socket.create_connection(("127.0.0.1", lab.ports["a"]), timeout=1).close()


HTTP = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Answer.asked += 1
        self.send_response(503 if Answer.asked < 3 else 204); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def test_ready_by_an_answer_below_400(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(HTTP, encoding="utf-8")
    text = """
    lab: x
    ports: [a]
    processes:
      a: {run: ['${python}', server.py, '${port.a}'], ready: {http: 'http://127.0.0.1:${port.a}/'}}
    """
    with ended(good(tmp_path, text)) as lab:
        start(lab)
        assert (lab.folder / "a.log").read_text(encoding="utf-8").count('" 503 ') == 2


def test_a_server_that_answers_in_another_tongue_is_not_ready_and_breaks_nothing(tmp_path: Path) -> None:
    text = f"""
    lab: x
    ports: [a]
    processes:
      a: {{run: ['${{python}}', {SERVER}, '${{port.a}}'], ready: {{http: 'http://127.0.0.1:${{port.a}}/', within: 500ms}}}}
    """
    with ended(good(tmp_path, text)) as lab:
        assert "a was not ready within 500 ms" in failure(lab)


def test_ready_by_what_it_says(tmp_path: Path) -> None:
    text = """
    lab: x
    processes:
      a: {run: [sh, -c, 'echo waking; sleep 0.1; echo up on port 7 >&2; exec sleep 600'], ready: {output: 'port \\d'}}
    """
    with ended(good(tmp_path, text)) as lab:
        start(lab)
        assert "up on port 7" in (lab.folder / "a.log").read_text(encoding="utf-8")


def test_the_whole_lab_has_conditions_of_its_own(tmp_path: Path) -> None:
    text = f"lab: x\nprocesses:\n{sleeper('a')}ready: {{command: [test, -e, '${{dir}}/a.pid']}}\n"
    with ended(good(tmp_path, text)) as lab:
        assert start(lab) == ["a"]


def test_a_condition_of_the_whole_lab_has_its_deadline(tmp_path: Path) -> None:
    text = f"lab: x\nprocesses:\n{sleeper('a')}ready: {{command: ['false'], within: 200ms}}\n"
    with ended(good(tmp_path, text)) as lab:
        assert failure(lab) == "the lab was not ready within 200 ms"


# not coming up


def test_one_that_ends_early_is_told_at_once_with_its_last_words(tmp_path: Path) -> None:
    text = """
    lab: x
    processes:
      a: {run: [sh, -c, 'seq 1 9; echo no such file; exit 3'], ready: {tcp: '127.0.0.1:9', within: 60s}}
    """
    with ended(good(tmp_path, text)) as lab:
        began = time.monotonic()
        said = failure(lab)

    assert said == "a ended before it was ready\n  6\n  7\n  8\n  9\n  no such file"
    assert time.monotonic() - began < 10


def test_one_that_takes_too_long_is_told_with_its_last_words(tmp_path: Path) -> None:
    text = """
    lab: x
    processes:
      a: {run: [sh, -c, 'echo still thinking; exec sleep 600'], ready: {output: done, within: 3s}}
    """
    with ended(good(tmp_path, text)) as lab:
        assert failure(lab) == "a was not ready within 3 s\n  still thinking", "which it has said long before"


def test_what_comes_after_one_that_failed_is_not_started(tmp_path: Path) -> None:
    text = f"lab: x\nprocesses:\n{sleeper('a', ready='{output: x, within: 100ms}')}{sleeper('b', after='a')}"
    with ended(good(tmp_path, text)) as lab:
        failure(lab)
        assert labs.running(lab.folder) == ["a"]


def test_all_that_failed_at_once_are_told(tmp_path: Path) -> None:
    text = "lab: x\nprocesses:\n" + "".join(
        f"  {name}: {{run: ['true'], ready: {{output: never, within: 10s}}}}\n" for name in "ab"
    )
    with ended(good(tmp_path, text)) as lab:
        assert "ended before it was ready" in failure(lab)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    text = "lab: x\nprocesses:\n  a: {run: [no-such-program-here], ready: {output: never}}\n"
    with ended(good(tmp_path, text)) as lab:
        said = failure(lab)

    assert "a ended before it was ready" in said
    assert "no-such-program-here" in said


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    text = f"lab: x\nprocesses:\n{sleeper('a')}ready: {{command: [no-such-program-here]}}\n"
    with ended(good(tmp_path, text)) as lab:
        assert "no-such-program-here" in failure(lab)


def test_a_command_that_hangs_does_not_outlive_the_time_it_has(tmp_path: Path) -> None:
    """Nor does what it has started."""
    name = a_name()
    text = f"lab: x\nprocesses:\n{sleeper('a')}ready: {{command: [sh, -c, 'sleep {name} & sleep {name}'], within: 300ms}}\n"
    with swept(name), ended(good(tmp_path, text)) as lab:
        assert failure(lab) == "the lab was not ready within 300 ms"
        assert eventually(lambda: named(name) == [])


def test_a_command_whose_time_is_over_while_it_is_being_started_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard_late(monkeypatch, lambda: time.sleep(0.5))
    name = a_name()
    text = f"lab: x\nprocesses:\n{sleeper('a')}ready: {{command: [sh, -c, 'sleep {name} & sleep {name}'], within: 300ms}}\n"
    with swept(name), ended(good(tmp_path, text)) as lab:
        assert failure(lab) == "the lab was not ready within 300 ms"
        assert eventually(lambda: named(name) == [])


# files and variables


def test_files_are_written_before_anything_starts(tmp_path: Path) -> None:
    text = """
    lab: x
    ports: [a]
    files:
      a.conf: |
        port ${port.a}
        folder ${dir}
        price $${5}
    processes:
      a: {run: [sh, -c, 'cat ${dir}/a.conf; exec sleep 600'], ready: {output: price}}
    """
    with ended(good(tmp_path, text)) as lab:
        start(lab)
        said = (lab.folder / "a.log").read_text(encoding="utf-8")

    assert said == f"port {lab.ports['a']}\nfolder {lab.folder}\nprice ${{5}}\n"


def test_a_process_runs_in_its_labs_folder_with_its_own_variables(tmp_path: Path) -> None:
    text = """
    lab: x
    processes:
      a: {run: [sh, -c, 'pwd; echo $COLOUR; exec sleep 600'], env: {COLOUR: blue}, ready: {output: blue}}
    """
    with ended(good(tmp_path, text)) as lab:
        start(lab)
        assert (lab.folder / "a.log").read_text(encoding="utf-8") == f"{tmp_path}\nblue\n"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    lab = good(tmp_path, f"lab: x\nfiles: {{taken: x}}\nprocesses:\n{sleeper('a')}")
    (lab.folder / "taken").mkdir()
    with ended(lab):
        assert "taken" in failure(lab)
        assert labs.running(lab.folder) == []


# ports


@pytest.fixture
def _ports_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which no lab of another test is given meanwhile."""
    monkeypatch.setattr(labs, "_PORTS", range(10_000, 12_000))


def release_ports() -> None:
    """As if we ended."""
    while labs._reserved:
        os.close(labs._reserved.popleft())


@pytest.mark.usefixtures("_ports_of_our_own")
def test_ports_are_free_and_no_two_the_same() -> None:
    names = tuple(f"port-{n}" for n in range(100))
    found = labs.free_ports(names)

    assert len(set(found.values())) == 100
    for port in found.values():
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as one:
                one.bind(("127.0.0.1", port))


@pytest.mark.usefixtures("_ports_of_our_own")
def test_a_port_that_somebody_holds_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    held, free = labs.free_ports(("held", "free")).values()
    monkeypatch.setattr(labs, "_PORTS", (held, free))
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        release_ports()
        with socket.socket(socket.AF_INET, kind) as one:
            one.bind(("127.0.0.1", held))
            assert labs.free_ports(("a",)) == {"a": free}


@pytest.mark.usefixtures("_ports_of_our_own")
def test_when_no_port_is_free_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = labs.free_ports(("a",)).values()
    monkeypatch.setattr(labs, "_PORTS", (port,))
    release_ports()
    with pytest.raises(DrillError, match=r"none was free for `b`[\s\S]*\[no-port\]"):
        labs.free_ports(("a", "b"))


@pytest.mark.skipif(sys.platform != "linux", reason="such claims are Linux's")
@pytest.mark.usefixtures("_ports_of_our_own")
def test_a_port_that_was_given_out_is_nobody_elses_before_its_server_is_there() -> None:
    (port,) = labs.free_ports(("a",)).values()
    asks = f"from drills import lab; lab._PORTS = ({port},); print(lab.free_ports(('b',)))"
    words = [sys.executable, "-c", asks]

    refused = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    release_ports()
    given = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)

    assert "none was free for `b`" in refused.stderr
    assert given.stdout == f"{{'b': {port}}}\n"


def test_few_claims_are_held_however_many_ports_are_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labs, "_RESERVED_MAX", 3)
    release_ports()
    for _ in range(5):
        labs.free_ports(("a",))
    assert len(labs._reserved) == 3


def test_two_labs_at_once_do_not_meet(tmp_path: Path) -> None:
    text = f"""
    lab: x
    ports: [a]
    processes:
      a: {{run: ['${{python}}', {SERVER}, '${{port.a}}'], ready: {{tcp: '127.0.0.1:${{port.a}}'}}}}
    """
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with ended(good(tmp_path / "one", text)) as one:
        start(one)
        with ended(good(tmp_path / "two", text)) as two:
            start(two)
            assert one.ports != two.ports
            assert labs.end(one.folder) == []
            assert labs.running(one.folder) == []
            assert labs.running(two.folder) == ["a"], "each ends its own"


def test_only_to_check_a_lab_no_port_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labs, "free_ports", None)
    lab, problems = read(tmp_path, f"lab: x\nports: [a, b]\nprocesses:\n{sleeper('a')}", only_check=True)

    assert problems == []
    assert lab is not None
    assert len(set(lab.ports.values())) == 2


# ending


def test_ending_reaches_those_who_refuse_and_their_children(tmp_path: Path) -> None:
    name = a_name()
    lab = good(tmp_path, f'lab: x\nprocesses:\n  a: {{run: [sh, -c, "{FAMILY.format(name=name)}"]}}\n{sleeper("b")}')
    with swept(name), ended(lab):
        start(lab)
        assert eventually(lambda: len(named(name)) == 5)
        began = time.monotonic()

        assert labs.end(lab.folder, patience_s=0.2) == []

        assert time.monotonic() - began < 5
        assert named(name) == []
        assert labs.running(lab.folder) == []


def test_ending_needs_nothing_but_the_folder(tmp_path: Path) -> None:
    """As for whoever comes after a conductor that was killed: another process, which did not start them."""
    with ended(good(tmp_path, f"lab: x\nprocesses:\n{sleeper('a')}{sleeper('b')}")) as lab:
        start(lab)
        code = (
            "import sys, pathlib; from drills.lab import *; it = pathlib.Path(sys.argv[1]); print(running(it), end(it))"
        )
        command = (sys.executable, "-c", code, str(lab.folder))
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False,
                              cwd=Path(labs.__file__).parent.parent)  # fmt: skip

        assert said.stdout == "['a', 'b'] []\n", said.stderr
        assert labs.running(lab.folder) == []


def test_children_of_an_earlier_life_are_ended_too(tmp_path: Path) -> None:
    """A server that a drill killed left a child, and was started again under the same pidfile."""
    name = a_name()
    lab = good(tmp_path, f"lab: x\nprocesses:\n  a: {{run: [sh, -c, 'sleep {name} & wait']}}\n")
    with swept(name), ended(lab):
        start(lab)
        assert eventually(lambda: len(named(name)) == 2)
        for lives in (2, 3):
            process = host.read_pidfile(str(lab.folder / "a.pid"))
            assert process is not None
            host.send(process, 9)
            assert eventually(lambda process=process: host.state(process) == "gone")
            host.spawn(lab.start_of("a"))
            assert eventually(lambda lives=lives: len(named(name)) == lives + 1)

        assert labs.end(lab.folder) == []
        assert named(name) == []


def test_a_lab_whose_server_died_still_runs_as_long_as_its_children_do(tmp_path: Path) -> None:
    name = a_name()
    lab = good(tmp_path, f"lab: x\nprocesses:\n  a: {{run: [sh, -c, 'sleep {name} & sleep 0.1']}}\n")
    with swept(name), ended(lab):
        started: list[host.Process] = []
        asyncio.run(labs.start(lab, lambda _, process: started.append(process)))
        (process,) = started
        assert eventually(lambda: host.state(process) == "gone")
        assert labs.running(lab.folder) == ["a"]
        assert labs.end(lab.folder) == []
        assert named(name) == []


def test_ending_twice_and_ending_nothing_is_nothing_special(tmp_path: Path) -> None:
    lab = good(tmp_path, f"lab: x\nprocesses:\n{sleeper('a')}")
    start(lab)

    assert labs.end(lab.folder) == []
    assert labs.end(lab.folder) == []
    assert labs.end(tmp_path / "nowhere") == []
    assert labs.running(tmp_path / "nowhere") == []


def test_a_programs_own_pidfile_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    """Its number may be anybody's by now."""
    lab = good(tmp_path, f"lab: x\nprocesses:\n{sleeper('a')}")
    with ended(lab), subprocess.Popen(["sleep", "600"]) as bystander:
        try:
            (lab.folder / "server.pid").write_text(f"{bystander.pid}\n", encoding="utf-8")
            (lab.folder / "other.pid").write_text("not a number", encoding="utf-8")
            start(lab)
            assert labs.running(lab.folder) == ["a"]
            assert labs.end(lab.folder) == []
            assert bystander.poll() is None
        finally:
            bystander.kill()


# what a lab's file may say


@pytest.mark.parametrize(
    ("lines", "slug"),
    [
        ("processes: {a: {run: [x], after: b}, b: {run: [x], after: a}}", "waits-for-itself"),
        ("processes: {a: {run: [x], after: a}}", "waits-for-itself"),
        ("processes: {a: {run: [x], after: c}, b: {run: [x]}}", "unknown-process"),
        ("processes: {a: {run: []}}", "setting-conflict"),
        ("processes: {a: {run: ['']}}", "setting-conflict"),
        ("processes: {a/b: {run: [x]}}", "setting-conflict"),
        ("processes: {..: {run: [x]}}", "setting-conflict"),
        ("processes: {a: {run: [x]}}\nfiles: {../escaped: x}", "setting-conflict"),
        ("processes: {a: {run: [x]}}\nfiles: {/etc/passwd: x}", "setting-conflict"),
        ("processes: {a: {run: [x]}}\nfiles: {a.pid: x}", "setting-conflict"),
        ("processes: {a: {run: [x]}}\nfiles: {a.log: x}", "setting-conflict"),
        ("processes: {a: {run: [x]}}\nready: {output: x}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {tcp: 'a:1', http: 'http://a'}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {tcp: localhost}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {tcp: 'localhost:http'}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {tcp: 'localhost:70000'}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {tcp: ':80'}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {http: 'localhost:80'}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {http: 'file:///etc/passwd'}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {output: '('}}}", "setting-conflict"),
        ("processes: {a: {run: [x], ready: {tcp: 'a:1', within: 0s}}}", "setting-conflict"),
        ("processes: {a: {run: ['${port.a}']}}", "unknown-variable"),
        ("processes: {a: {run: ['${env.HOME}']}}", "unknown-variable"),
        ("port: [a]\nprocesses: {a: {run: [x]}}", "unknown-setting"),
        ("ports: [a]", "missing-setting"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, lines: str, slug: str) -> None:
    assert slugs(tmp_path, f"lab: x\n{lines}") == [slug]


def test_a_file_that_is_a_list_is_refused(tmp_path: Path) -> None:
    assert slugs(tmp_path, "- a") == ["wrong-shape"]


def test_a_process_that_is_not_there_is_told_where_it_is_named(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, "lab: x\nprocesses:\n  a: {run: [x]}\n  b:\n    run: [x]\n    after: [a, aa]\n")[1]

    assert (problem.place.line, problem.slug) == (6, "unknown-process")
    assert "did you mean `a`?" in problem.fix


def test_a_lab_with_mistakes_still_has_its_processes(tmp_path: Path) -> None:
    """So that an inventory that names them is not full of mistakes that are none."""
    lab, problems = read(tmp_path, "lab: x\nports: [a]\nprocesses: {a: {rnu: [x]}, b: {run: [x]}}")

    assert {one.slug for one in problems} == {"unknown-setting", "missing-setting"}
    assert lab is not None
    assert list(lab.file.processes) == ["a", "b"]
    assert "port.a" in lab.values


# programs that may not be here


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH: what is put there is installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexec /bin/sleep 600\n", encoding="utf-8")
        (folder / name).chmod(0o700)


WATCHED = """
lab: x
programs: {eyes: [eyes, old-eyes], voice: voice}
processes:
  last: {run: [/bin/sleep, '600'], after: watcher}
  eyes: {run: ['${program.eyes}', --all], after: voice}
  voice: {run: ['${program.voice}']}
  watcher: {run: [/bin/sleep, '600'], instead_of: [eyes, voice]}
  report: {run: [/bin/sleep, '600'], after: [eyes, voice]}
"""


def test_the_first_program_that_is_there_is_run(tmp_path: Path, installed: Path) -> None:
    install(installed, "old-eyes", "voice")
    lab = good(tmp_path, WATCHED)

    assert lab.file.processes["eyes"].run == (str(installed / "old-eyes"), "--all")
    install(installed, "eyes")
    assert good(tmp_path, WATCHED).file.processes["eyes"].run == (str(installed / "eyes"), "--all")


def test_who_would_stand_in_is_left_out_where_all_programs_are_there(tmp_path: Path, installed: Path) -> None:
    install(installed, "eyes", "voice")
    lab = good(tmp_path, WATCHED)

    assert lab.left_out == (LeftOut(name="watcher", missing=(), instead=("eyes", "voice")),)
    assert lab.file.processes["last"].after == ("eyes", "voice")
    with ended(lab):
        assert start(lab) == ["voice", "eyes", *start_of_rest(lab)]


def start_of_rest(lab: Lab) -> list[str]:
    """What comes after both, in the file's order."""
    return [name for name in lab.file.processes if name in ("last", "report")]


@pytest.mark.parametrize(
    ("there", "missing"), [(["eyes"], ("voice",)), (["voice"], ("eyes",)), ([], ("eyes", "voice"))]
)
def test_for_want_of_one_program_all_are_stood_in_for(
    tmp_path: Path, installed: Path, there: list[str], missing: tuple[str, ...]
) -> None:
    install(installed, *there)
    lab = good(tmp_path, WATCHED)

    assert set(lab.left_out) == {LeftOut(name=one, missing=missing, instead=("watcher",)) for one in ("eyes", "voice")}
    assert lab.file.processes["report"].after == ("watcher",)
    with ended(lab):
        assert sorted(start(lab)) == ["last", "report", "watcher"]


def test_who_is_asked_for_by_name_is_who_runs_in_the_place(tmp_path: Path, installed: Path) -> None:
    lab = good(tmp_path, WATCHED)
    assert [lab.running(name) for name in ("last", "eyes", "voice", "watcher", "nobody")] == [
        "last", "watcher", "watcher", "watcher", None,
    ]  # fmt: skip
    install(installed, "eyes", "voice")
    assert good(tmp_path, WATCHED).running("watcher") == "eyes"


def test_a_missing_program_that_nobody_stands_in_for_is_told_with_what_to_install(
    tmp_path: Path, installed: Path
) -> None:
    text = "lab: x\nprograms: {eyes: [eyes, old-eyes]}\nprocesses:\n  a: {run: ['${program.eyes}']}\n"
    (problem,) = read(tmp_path, text)[1]

    assert (problem.place.line, problem.slug) == (4, "not-installed")
    assert problem.what == "process `a` cannot run here: none of `eyes`, `old-eyes` is on PATH"
    assert problem.fix.startswith("install eyes or old-eyes, or ")
    install(installed, "old-eyes")
    assert read(tmp_path, text)[1] == []


def test_to_check_a_lab_nothing_needs_to_be_installed(tmp_path: Path, installed: Path) -> None:
    lab, problems = read(tmp_path, WATCHED.replace("instead_of: [eyes, voice]", "after: eyes"), only_check=True)

    assert problems == []
    assert lab is not None
    assert lab.left_out == ()
    assert list(installed.iterdir()) == []


@pytest.mark.parametrize(
    ("processes", "slug"),
    [
        ("{a: {run: [x]}, b: {run: [x], instead_of: aa}}", "unknown-process"),
        ("{a: {run: [x]}, b: {run: [x], instead_of: b}}", "setting-conflict"),
        ("{a: {run: [x]}, b: {run: [x], instead_of: a}, c: {run: [x], instead_of: a}}", "setting-conflict"),
        ("{a: {run: [x]}, b: {run: [x], instead_of: a}, c: {run: [x], instead_of: b}}", "setting-conflict"),
        ("{a: {run: ['${program.nose}']}}", "unknown-variable"),
    ],
)
def test_stand_ins_that_make_no_sense_are_refused(tmp_path: Path, processes: str, slug: str) -> None:
    assert slugs(tmp_path, f"lab: x\nprocesses: {processes}") == [slug]


def test_a_stand_in_that_would_wait_for_itself_is_told_where_it_would_run(tmp_path: Path, installed: Path) -> None:
    text = ("lab: x\nprograms: {eyes: eyes}\nprocesses:\n  eyes: {run: ['${program.eyes}']}\n"
            "  between: {run: [/bin/sleep, '600'], after: eyes}\n"
            "  watcher: {run: [/bin/sleep, '600'], after: between, instead_of: eyes}\n")  # fmt: skip

    assert slugs(tmp_path, text) == ["waits-for-itself"]
    install(installed, "eyes")
    assert slugs(tmp_path, text) == []


# templates


def test_a_template_is_written_filled_in(tmp_path: Path) -> None:
    (tmp_path / "set up").mkdir()
    (tmp_path / "set up" / "config.yml").write_text("port: ${port.a}\ncost: $${much} {{ $kept }}\n", encoding="utf-8")
    lab = good(tmp_path, f"lab: x\nports: a\ntemplates: 'set up/config.yml'\nprocesses:\n{sleeper('a')}")

    with ended(lab):
        start(lab)
        written = (lab.folder / "config.yml").read_text(encoding="utf-8")
    assert written == f"port: {lab.ports['a']}\ncost: ${{much}} {{{{ $kept }}}}\n"


def test_a_mistake_in_a_template_is_told_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("a: 1\nport: ${port.b}\n", encoding="utf-8")
    text = f"lab: x\nports: a\ntemplates: [config.yml, nowhere.yml]\nprocesses:\n{sleeper('a')}"
    unknown, missing = sorted(read(tmp_path, text, only_check=True)[1], key=lambda one: one.slug, reverse=True)

    assert (unknown.place.file, unknown.place.line, unknown.place.column) == (str(tmp_path / "config.yml"), 2, 7)
    assert unknown.slug == "unknown-variable"
    assert (missing.place.line, missing.slug) == (3, "no-file")


@pytest.mark.parametrize("lines", ["templates: [a/b.yml, c/b.yml]", "templates: a/b.yml\nfiles: {b.yml: x}",
                                   "templates: a/a.log", "templates: ['a/b c']"])  # fmt: skip
def test_a_template_needs_a_name_of_its_own(tmp_path: Path, lines: str) -> None:
    assert "setting-conflict" in slugs(tmp_path, f"lab: x\n{lines}\nprocesses: {{a: {{run: [x]}}}}")
