"""The cast: colleagues who act by a script. An entry is one act: its kind is a key, as the commands of responders are called,
and beside it stand who does it and when. Settings only; `playing` plays them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, NewType, Protocol

from checks.ground import need_time
from checks.units import parse_duration
from drills.acts import Refused, checked
from drills.when import When

CueName = NewType("CueName", str)
"""A setting of this type names an act of the cast, or a fault; `+5s` after it stands for so much later."""
Act = dict[str, Any]
_HEALING = frozenset({
    "fault.elapsed", "injection.gone", "injection.heal_failed", "injection.healed", "injection.healing",
    "injection.restoring", "run.phase_entered", "steady.confirmed", "steady.missed",
})  # fmt: skip
"""Events that may come only when the faults are healed: who waits for one of these does not keep the faults there."""


class Line(Protocol):
    """What somebody does, in one of the ways below."""

    name: ClassVar[str]
    """The key that says what it is."""

    def act(self) -> Act:
        """As it is taken down."""
        ...


class Anchor(NamedTuple):
    """A moment: an act of the cast, or a fault's verified effect, and how much later."""

    name: str
    later: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Says that a page has come, and that somebody is at it."""

    name: ClassVar[str] = "ack"
    page: Annotated[str, "The page"] = ""

    def act(self) -> Act:
        """See `Line`."""
        return _act("page.acked", page=self.page)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare:
    """Declares an incident."""

    name: ClassVar[str] = "declare"
    text: Annotated[str, "In what words"] = ""

    def act(self) -> Act:
        """See `Line`."""
        return _act("incident.declared", text=self.text)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """Says how bad it is."""

    name: ClassVar[str] = "severity"
    level: Annotated[Literal["P0", "P1", "P2", "P3", "P4", "SEV1", "SEV2", "SEV3", "SEV4", "SEV5"], "How bad"]

    def act(self) -> Act:
        """See `Line`."""
        return _act("incident.severity", severity=self.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Takes a role, or hands it over."""

    name: ClassVar[str] = "role"
    role: Annotated[str, "The role, as IC"]
    to: Annotated[str, "Who holds it from now on; left out, who says so"] = ""

    def act(self) -> Act:
        """See `Line`."""
        return _act("role.taken", role=self.role, holder=self.to)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Says something to the others. Its tag and change may stand first in the text: `/announce c2 We fail over now`."""

    name: ClassVar[str] = "say"
    text: Annotated[str, "What is said"]
    tag: Annotated[str, "What it is: update, announce, approve, notice, or another word"] = ""
    change: Annotated[str, "The change that it is about, as c2"] = ""
    channel: Annotated[str, "Where it is said"] = "war-room"

    def act(self) -> Act:
        """See `Line`."""
        from checks.observers.sayings import read

        said = read(self.text)
        return _act("chat", text=said.text, channel=self.channel, tag=self.tag or said.tag,
                    change_id=self.change or said.change_id)  # fmt: skip

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """Says what was done, without doing it."""

    name: ClassVar[str] = "act"
    text: Annotated[str, "What was done, in words"]
    change: Annotated[str, "The change that this was, as c2"] = ""

    def act(self) -> Act:
        """See `Line`."""
        return _act("cli", text=self.text, change_id=self.change)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Really runs a command, in the lab's folder; only where all that the drill touches is in its lab."""

    name: ClassVar[str] = "run"
    command: Annotated[tuple[str, ...], "The program and its arguments; no shell. Variables are the lab's: ${python}, "
                       "${port.NAME}, ${dir}, ${here}"]  # fmt: skip
    change: Annotated[str, "The change that this is, as c2"] = ""
    within: Annotated[timedelta, "After this time it is ended"] = timedelta(seconds=30)

    def act(self) -> Act:
        """See `Line`; the command and how it ended are added when it was run."""
        return _act("cli", change_id=self.change)

    def __post_init__(self) -> None:
        if not self.command or not self.command[0]:
            raise ValueError("run", "`run` names no program", "write it and its arguments: [${python}, repair.py]")
        need_time("within", self.within)
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnose:
    """Says what the cause is."""

    name: ClassVar[str] = "diagnose"
    text: Annotated[str, "The cause"]

    def act(self) -> Act:
        """See `Line`."""
        return _act("submit.diagnosis", text=self.text)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Declares that the incident is over."""

    name: ClassVar[str] = "resolve"
    text: Annotated[str, "In what words"] = ""

    def act(self) -> Act:
        """See `Line`."""
        return _act("incident.resolved", text=self.text)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Writes something down for the review."""

    name: ClassVar[str] = "note"
    text: Annotated[str, "What"]

    def act(self) -> Act:
        """See `Line`."""
        return _act("note", text=self.text)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Says that a step of the SOP is done, where nothing else shows it."""

    name: ClassVar[str] = "done"
    step: Annotated[str, "The step"]
    text: Annotated[str, "And what there is to say of it"] = ""

    def act(self) -> Act:
        """See `Line`."""
        return _act("manual", step=self.step, text=self.text)

    def __post_init__(self) -> None:
        _check(self)


LINES: Mapping[str, type] = {one.name: one for one in (Ack, Declare, Severity, Role, Say, Did, Run, Diagnose, Resolve, Note,
                                                       Done)}  # fmt: skip
"""By the key that says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CueSettings:
    """What every act of the cast may have beside its kind."""

    who: Annotated[str, "Whose act it is"]
    team: Annotated[str, "Their team; left out, as the inventory's `people` have it"] = ""
    id: Annotated[str, "Its name for other acts; left out, made of who and what, as lin-severity"] = ""
    at: Annotated[timedelta | None, "When, counted from the confirmed steady state"] = None
    after: Annotated[CueName | None, "Once this act was played, or this fault was verified in effect; `lin-ack+2s` is so "
                     "much later"] = None  # fmt: skip
    when: Annotated[When | None, "What it waits for; with `after`, from then on"] = None
    every: Annotated[timedelta | None, "Again and again, so often"] = None
    until: Annotated[CueName | None, "No more after this act or fault; left out, until the run ends"] = None

    def __post_init__(self) -> None:
        if not self.who:
            raise ValueError("who", "`who` is empty", "say whose act it is: {who: lin, ack: CacheDown}")
        if self.at is not None and (self.after or self.when):
            other = "after" if self.after else "when"
            raise ValueError(other, f"an act comes `at` a time or `{other}` something, not both", "take one away")
        if self.every is not None and self.every < timedelta(seconds=1):
            raise ValueError("every", "nobody acts more often than once a second", "write every: 2m")
        if self.until and self.every is None:
            raise ValueError("until", "`until` means nothing without `every`", "as in every: 2m, until: lin-resolve")
        for name in ("after", "until"):
            try:
                split(getattr(self, name) or "")
            except ValueError as expected:
                fix = f"write {expected}, as in lin-ack+2s"
                raise ValueError(name, f"`{name}` does not say how much later", fix) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One act of the cast, and when it comes."""

    id: str
    line: Line
    settings: CueSettings

    @property
    def who(self) -> str:
        """Whose act it is."""
        return self.settings.who

    @property
    def after(self) -> Anchor | None:
        """What it comes after."""
        return split(self.settings.after) if self.settings.after else None

    @property
    def until(self) -> Anchor | None:
        """After what it comes no more."""
        return split(self.settings.until) if self.settings.until else None


def split(text: str) -> Anchor:
    """`lin-ack+2s` as the name and how much later. Raises ValueError when that is no time."""
    name, plus, later = text.rpartition("+")
    return Anchor(name.strip(), parse_duration(later)) if plus else Anchor(text.strip(), timedelta(0))


def after_healing(cues: Iterable[Cue]) -> frozenset[str]:
    """The ids of those that wait for what may come only when the faults are healed, and of all that come after them."""
    cues = list(cues)
    found = {one.id for one in cues if one.settings.when and one.settings.when.event in _HEALING}
    while more := {one.id for one in cues if one.after and one.after.name in found} - found:
        found |= more
    return frozenset(found)


def _act(name: str, **data: str) -> Act:
    return {"act": name, **{key: value for key, value in data.items() if value}}


def _check(line: Line) -> None:
    """What no run would take down is a mistake of the drill."""
    try:
        checked(line.act())
    except Refused as refused:
        raise ValueError("", f"this cannot be taken down: {refused}", "") from None
