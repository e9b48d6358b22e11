"""What Prometheus' and Alertmanager's own tools say of the files that drills name, where these tools are installed.

`promtool` reads every expression and template, `amtool` every route, as nobody else can. A tool that is not here is told,
and so is one that breaks: what was not looked at is not fine.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checks import commands
from checks.alert_wish import Wish
from checks.alerting import Alerting, expression_in
from checks.alerts import wishes_of
from checks.page_routes import labels_before, ways
from drills import source
from drills.alert_files import File, Setup
from drills.errors import Place, Problem
from drills.source import Scalar

if TYPE_CHECKING:
    from asyncio import Semaphore, StreamReader

DEADLINE_S = 10.0
"""How long one call of a tool may take."""
_OUTPUT_MAX = 1 << 20
"""Bytes of a tool's output that are kept."""
_NAMED = 3
"""What a tool was to do is named up to so many, then counted."""


class Said(NamedTuple):
    """How a tool ended, and what it printed."""

    code: int
    out: str
    err: str


class NoAnswer(Exception):
    """A tool said nothing that can be used; the message says why."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a tool."""

    tool: str
    words: tuple[str, ...]
    task: str
    """What it is to do: `check rules.yml`."""
    read: Callable[[Said], list[Problem]]
    """What its answer means. Raises NoAnswer where it means nothing."""
    given: str = ""
    """The file that it looks at, if that is one."""


class Answers(NamedTuple):
    """What became of all calls."""

    problems: list[Problem]
    unseen: list[str]
    """What could not be looked at, and why."""
    lacking: list[str]
    """Which tools are not here, and what each would do."""


def ask(setups: Sequence[Setup]) -> Answers:
    """Have the tools look at all files of these drills, and at the routes that something is expected of."""
    import asyncio
    from shutil import which
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        calls = _calls(setups, _Room(Path(folder)))
        paths = {tool: which(tool) for tool in dict.fromkeys(call.tool for call in calls)}
        lacking = [_lack(tool, [call.task for call in calls if call.tool == tool]) for tool in paths if not paths[tool]]
        tried = [(call, path) for call in calls if (path := paths[call.tool])]
        return _read(asyncio.run(_try_all(tried)), lacking)


# --- what to ask


class _Room:
    """Where files are written anew in which variables of a lab stand, so that a tool finds what they stand for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._given: dict[Path, str] = {}

    def given(self, file: File[Any], setup: Setup) -> str:
        """The path to give to a tool."""
        if file.path not in self._given:
            text = file.path.read_text(encoding="utf-8")
            settled = source.substitute(Scalar(text, Place(str(file.path)), True), setup.values, [])
            path = file.path.absolute()
            if isinstance(settled, Scalar) and settled.text != text:
                path = self._folder / f"{len(self._given)}-{file.path.name}"
                path.write_text(settled.text, encoding="utf-8")
            self._given[file.path] = str(path)
        return self._given[file.path]


def _calls(setups: Sequence[Setup], room: _Room) -> list[_Call]:
    """Each file once, and each route once, however many drills name it."""
    rules = {room.given(file, setup): _Blame(file, setup) for setup in setups for file in setup.rules}
    routes = {room.given(setup.routes, setup): _Blame(setup.routes, setup) for setup in setups if setup.routes}
    calls = [_check_rules(rules)] if rules else []
    calls += [_check_routes(given, blame) for given, blame in routes.items()]
    calls += [call for setup in setups for call in _tests(setup, room)]
    return list({call.words: call for call in calls}.values())


def _check_rules(files: Mapping[str, "_Blame"]) -> _Call:
    def read(said: Said) -> list[Problem]:
        if not said.code:
            return []
        told = said.out + said.err
        return [one for given, blame in files.items()
                for one in blame.of(rf"^{re.escape(given)}: ", told, "promtool", "Prometheus")]  # fmt: skip

    names = _listed([blame.file.path.name for blame in files.values()])
    return _Call("promtool", ("check", "rules", *files), f"check {names}", read)


def _check_routes(given: str, blame: "_Blame") -> _Call:
    def read(said: Said) -> list[Problem]:
        if not said.code:
            return []
        return list(blame.of("^Checking .*  FAILED: ", said.out + said.err, "amtool", "Alertmanager"))

    return _Call("amtool", ("check-config", given), f"check {blame.file.path.name}", read, given)


def _tests(setup: Setup, room: _Room) -> Iterator[_Call]:
    """Whether those are reached who are by our own reading. Where labels decide that nobody knows yet, nothing is said."""
    told = setup.evidence.first("alerting.routes") if setup.evidence else None
    if not (setup.evidence and setup.routes and told) or setup.evidence.first("alerting.rules", relabelled=True):
        return
    alerting = Alerting(setup.evidence)
    for use in setup.drill.checks:
        for wish in wishes_of(use.check):
            fixed = {name: value for name, value in wish.wanted.items() if expression_in(value) is None}
            rule = alerting.rule(wish.name_, fixed)
            labels = labels_before(wish.name_, wish.wanted, rule)
            found = list(ways(told.data["routes"], labels))
            if rule and not any(one.asks for one in found) and wish.reaches in {one.receiver for one in found}:
                place = setup.drill.places["check", use.id]
                yield _test(room.given(setup.routes, setup), labels.known, wish, place)


def _test(given: str, labels: Mapping[str, str], wish: Wish, place: Place) -> _Call:
    def read(said: Said) -> list[Problem]:
        if said.code:
            return []
        reached = (said.out.strip().splitlines() or [""])[-1]
        if f",{wish.reaches}," in f",{reached},":
            return []
        return [Problem(place, f"{wish.name_} does not reach {wish.reaches}, but {reached or 'nobody'}",
                        "amtool says so; change the routes, the rule's labels, or `reaches`", "alert-foreseen")]  # fmt: skip

    words = (f"--config.file={given}", *(f"{name}={_quoted(value)}" for name, value in labels.items()))
    return _Call("amtool", ("config", "routes", "test", *words), f"try the route of {wish.name_}", read, given)


def _quoted(value: str) -> str:
    """As one writes a value in a matcher, so that nothing in it means anything."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _lack(tool: str, tasks: Sequence[str]) -> str:
    return f"{tool}, which would {_listed(tasks)}"


def _listed(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`, each once."""
    once = list(dict.fromkeys(names))
    more = len(once) - _NAMED
    return ", ".join(once[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# --- asking


async def _try_all(calls: Sequence[tuple[_Call, str]]) -> list[tuple[_Call, Said | NoAnswer]]:
    """All of them, as many at a time as there are processors."""
    import asyncio
    import os

    gate = asyncio.Semaphore(os.cpu_count() or 1)
    said = await asyncio.gather(*(_try(path, call.words, gate) for call, path in calls))
    return [(call, one) for (call, _), one in zip(calls, said, strict=True)]


async def _try(path: str, words: Sequence[str], gate: "Semaphore") -> Said | NoAnswer:
    """One call, of which nothing outlives the time it has."""
    import asyncio
    from subprocess import PIPE

    async with gate:
        try:
            process = await commands.start(path, *words, stdout=PIPE, stderr=PIPE)
        except OSError as error:
            return NoAnswer(f"cannot be run: {error.strerror or error}")
        assert process.stdout
        assert process.stderr
        try:
            async with asyncio.timeout(DEADLINE_S):
                out, err = await asyncio.gather(_all_of(process.stdout), _all_of(process.stderr))
                return Said(await process.wait(), out, err)
        except BaseException as ended:
            commands.kill(process)
            await process.wait()
            if not isinstance(ended, TimeoutError):
                raise
            return NoAnswer(f"gave no answer within {DEADLINE_S:g} s")


async def _all_of(stream: "StreamReader") -> str:
    """What comes until its end, as text; what is too much is read and forgotten."""
    kept = bytearray()
    while part := await stream.read(1 << 16):
        kept += part[: _OUTPUT_MAX - len(kept)]
    return kept.decode("utf-8", errors="replace")


# --- what the answers mean


def _read(answers: Sequence[tuple[_Call, Said | NoAnswer]], lacking: list[str]) -> Answers:
    """A tool that ended badly and named no mistake has not looked; but to a file that was refused all else is in vain."""
    found = Answers([], [], lacking)
    refused: set[str] = set()
    for call, said in answers:
        problems = call.read(said) if isinstance(said, Said) else []
        found.problems.extend(problems)
        if isinstance(said, NoAnswer):
            found.unseen.append(f"{call.tool} {said}; it was to {call.task}")
        elif problems and call.given:
            refused.add(call.given)
        elif said.code and not problems and call.given not in refused:
            last = ((said.out + said.err).strip().splitlines() or ["it said nothing"])[-1]
            found.unseen.append(f"{call.tool} ended with {said.code}: {last[:200]}; it was to {call.task}")
    return found


class _Blame:
    """Finds the place in a file that a tool complains of."""

    def __init__(self, file: File[Any], setup: Setup) -> None:
        self.file, self._setup = file, setup

    def of(self, begins: str, told: str, tool: str, whose: str) -> Iterator[Problem]:
        """A problem for each complaint in what a tool told, which begins so; yaml's go on for several lines."""
        for complaint in dict.fromkeys(re.findall(f"{begins}(.*(?:\n  line .*)*)", told, re.MULTILINE)):
            for place, what in self._located(complaint):
                yield Problem(place, what, f"{tool} says so: {whose} would not load this file", "refused-by-tool")

    def _located(self, complaint: str) -> Iterator[tuple[Place, str]]:
        if several := re.findall(r"^  line (\d+): (.*)", complaint, re.MULTILINE):
            yield from ((self._line(int(line)), what) for line, what in several)
        elif (one := re.fullmatch(r"(?:yaml: line )?(\d+)(?::(\d+))?: (.*)", complaint)) and int(one[1]):
            yield self._line(int(one[1]), int(one[2] or 0)), one[3]
        else:
            yield self._named(complaint), re.sub("^0:0: ", "", complaint)

    def _line(self, number: int, column: int = 0) -> Place:
        lines = self.file.path.read_text(encoding="utf-8").split("\n")
        text = lines[number - 1].rstrip() if number <= len(lines) else ""
        column = column or len(text) - len(text.lstrip()) + 1
        return Place(str(self.file.path), number, column, max(1, len(text) - column + 1), text)

    def _named(self, complaint: str) -> Place:
        """Where the rule stands that it names, or the last text that it quotes; the file where it does neither."""
        if rule := re.match(r'group "(.*?)", rule (\d+), ', complaint):
            for one in self._setup.rules_at():
                if (one.file, one.group, one.number) == (self.file.path, rule[1], int(rule[2])):
                    return one.place
        quoted = set(re.findall('"(.*?)"', complaint))
        found = [one.place for one in source.texts(self.file.node) if one.text in quoted]
        return found[-1] if found else Place(str(self.file.path))
