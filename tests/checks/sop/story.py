"""Runs as people live them: acts by the minute, with what machines tell of the same time, and SOPs in a few lines.

    story = Story().fault(1).page(2).act(3, "incident.severity", "lin", severity="P1")
    standing("- {id: triage, do: incident.severity, of: page.delivered, within: 5m}", story)

is a fault after one minute, a page after two, and somebody who says how grave it is after three.
"""

from pathlib import Path
from typing import Any, Self

from checks.check import Verdict, judge
from checks.evidence import Event, Evidence, Trust
from checks.sop.book import Book
from checks.sop.check import Sop
from checks.sop.standing import Ruling, Standing
from checks.sop.standing import standing as stands
from drills import sops, source
from drills.binding import Binding
from tests.checks.history import EPOCH_UNIX, History, _utc

OBSERVERS = ("replica_checksum", "lb_pool", "checksum", "pool")
"""Who observes for these tests, beside those who watch alerts."""
FLAGSHIP = Path(__file__).parent / "files" / "db-read-overload.yaml"


class Story:
    """Builds a run, minute by minute."""

    def __init__(self, *, attended: bool = True, heard: bool = True) -> None:
        self.history = History()
        self._add(0.0, "run.opened", attended=attended)
        if heard:
            self.history.listening("prometheus", "alertmanager", "sink")
            for name in OBSERVERS:
                self.history.told(0.0, name, "observer.opened", kind="members", what="a pool")
        self._add(0.0, "steady.confirmed", phase="before", from_s=0.0, to_s=0.0)

    @property
    def evidence(self) -> Evidence:
        """All of it, as the journal would have it: by time."""
        return self.until(1e9)

    def until(self, minute: float) -> Evidence:
        """What was known at this minute."""
        known = sorted((event for event in self.history.events if event.t_s <= minute * 60), key=lambda one: one.t_s)
        return Evidence(known)

    def _add(self, t_s: float, kind: str, *, trust: Trust = Trust.OBSERVED, source: str = "test", **data: Any) -> Self:
        seq = len(self.history.events)
        self.history.events.append(
            Event(seq=seq, t_s=t_s, at=_utc(t_s), kind=kind, source=source, trust=trust, data=data)
        )
        return self

    def fault(self, minute: float = 1.0) -> Self:
        """The fault begins to act, and is seen in effect at once."""
        self.history.fault(acting=minute * 60, effect=minute * 60)
        return self

    def page(self, minute: float) -> Self:
        """Somebody is paged."""
        self.history.page(minute * 60)
        return self

    def silence(self, minute: float, by: str, *, minutes: float = 60.0, comment: str = "") -> Self:
        """Somebody silences an alert."""
        self.history.told(minute * 60, "alertmanager", "silence.changed", id=f"s{len(self.history.events)}", state="active",
                          matchers=[], by=by, comment=comment, ends_unix=EPOCH_UNIX + (minute + minutes) * 60)  # fmt: skip
        return self

    def bad(self, from_minute: float, to_minute: float, end_minute: float, *, every_s: float = 1.0) -> Self:
        """A probe that looks every second is bad between two minutes, and good before and after."""
        spans = zip((0.0, from_minute, to_minute), (from_minute, to_minute, end_minute), "+-+", strict=True)
        pattern = "".join(f"{round((to - start) * 60 / every_s)}{seen}" for start, to, seen in spans if to > start)
        self.history.opened(every_s=every_s).looks(pattern, every_s=every_s, batch=60)
        return self

    def state(self, name: str, from_minute: float, to_minute: float, *, good: bool = True, **data: Any) -> Self:
        """What is told of a state, four times a minute."""
        for n in range(round((to_minute - from_minute) * 4) + 1):
            self.act(from_minute + n / 4, "state", state=name, good=good, **data)
        return self

    def act(self, minute: float, act: str, actor: str = "", *, trust: Trust | None = None, **data: Any) -> Self:
        """Somebody does something; without anybody it was observed."""
        believed = trust or (Trust.ATTRIBUTED if actor else Trust.OBSERVED)
        given = {"act": act, "actor": actor, "team": "", "text": "", **data}
        return self._add(round(minute * 60, 6), "act.recorded", trust=believed, source=f"human:{actor}", **given)

    def chat(self, minute: float, actor: str, text: str = "", *, channel: str = "war-room", **data: Any) -> Self:
        """Somebody writes something."""
        return self.act(minute, "chat", actor, text=text, channel=channel, **data)

    def ended(self, minute: float) -> Self:
        """The drill is over."""
        self._add(minute * 60, "run.phase_entered", phase="closing")
        return self._add(minute * 60 + 1, "run.closed")


def book(rules: str, *, head: str = "", events: str = "") -> Book:
    """A SOP of these rules. Its roles are L1, who begins as IC, and CL; other settings go into `head`."""
    text = (f"kind: SOP\nid: test\n{head or 'roles: {L1: {initial: true, holds: [IC]}, IC: {exclusive: true}, CL: {}}'}\n"
            + (f"events:\n{_indented(events)}" if events else "") + f"rules:\n{_indented(rules)}")  # fmt: skip
    binding = Binding()
    found = sops.bind(source.parse(text, "sop.yaml"), binding)
    assert not binding.problems, "\n".join(map(str, binding.problems))
    assert found
    return found


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.strip().splitlines())


def flagship() -> Book:
    """The worked example."""
    return sops.read(FLAGSHIP)


def standing(rules: "str | Book", story: Story, *, minute: float | None = None, holds: dict[str, str] | None = None,
             **more: str) -> Standing:  # fmt: skip
    """How a SOP stands at the end of a story, or at a minute of it."""
    made = book(rules, **more) if isinstance(rules, str) else rules
    evidence = story.evidence if minute is None else story.until(minute)
    return stands(made, evidence, now_s=None if minute is None else minute * 60, holds=holds or {})


def one(rules: str, story: Story, **more: Any) -> Ruling:
    """How the only rule stands."""
    (ruling,) = standing(rules, story, **more).rulings
    return ruling


def by_id(found: Standing) -> dict[str, Ruling]:
    """Every rule by its name."""
    return {ruling.rule.id: ruling for ruling in found.rulings}


def verdict(story: Story, made: Book | None = None, **settings: Any) -> Verdict:
    """What the check says of a story; without a SOP, by the worked example."""
    return judge(Sop(file="sop.yaml", book=made or flagship(), **settings), story.evidence)
