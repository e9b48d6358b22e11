"""Observers are listened to for as long as a run lasts, and their trouble is told and ends no run."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest

from checks import CannotObserve, Event, Observer, Tell, Trust
from drills.journal import FORMAT, Journal, boot, read
from drills.observing import Observing
from drills.people import Person
from tests.fakes import JumpingClock, jump

TELLS: list[Tell] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """Says what it is told to say."""

    name: ClassVar[str] = "ear"

    fails: Annotated[str, "How it cannot begin"] = ""
    hangs: Annotated[bool, "Whether it never begins"] = False
    breaks: Annotated[bool, "Whether ending it breaks"] = False

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        if self.fails:
            raise CannotObserve(self.fails)
        if self.hangs:
            await asyncio.sleep(3600)
        TELLS.append(tell)
        tell("observer.opened", what="an ear")
        try:
            yield
        finally:
            if self.breaks:
                raise ZeroDivisionError("a bug")
            tell("alert.state", alert="Last", state="inactive")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    TELLS.clear()


def observed(folder: Path, observers: dict[str, Observer],
             play: Callable[[Observing], Coroutine[Any, Any, None]] | None = None,
             people: dict[str, Person] | None = None) -> list[Event]:  # fmt: skip
    """Listen to these from beginning to end; pass what was written."""

    async def whole(clock: JumpingClock) -> None:
        journal = Journal.create(folder / "journal.jsonl", clock)
        journal.append("run.opened", {"format": FORMAT, "boot": boot(), "monotonic_s": journal.origin_s})
        observing = Observing(journal, people)
        await observing.open(observers)
        if play:
            await play(observing)
        await observing.close()
        for tell in TELLS:
            tell("alert.state", alert="Late", state="firing")
        journal.close()

    jump(whole)
    return read(folder / "journal.jsonl")[1:]


def test_what_an_observer_tells_is_written_under_its_name_until_it_is_closed(tmp_path: Path) -> None:
    events = observed(tmp_path, {"metrics": Ear()})

    assert [(one.kind, one.source, one.data["observer"]) for one in events] == [
        ("observer.opened", "observer:metrics", "metrics"), ("alert.state", "observer:metrics", "metrics"),
    ]  # fmt: skip
    assert (events[0].data["kind"], "kind" in events[1].data) == ("ear", False)
    assert events[1].data["alert"] == "Last", "its last words are heard, and what comes after them is not"


@pytest.mark.parametrize(
    ("ear", "why"),
    [
        (Ear(fails="nobody answers at :9090"), "nobody answers at :9090"),
        (Ear(hangs=True), "it did not begin within 15 s"),
    ],
)
def test_one_that_cannot_be_heard_is_told_and_the_others_are_heard(tmp_path: Path, ear: Ear, why: str) -> None:
    events = observed(tmp_path, {"deaf": ear, "metrics": Ear()})

    assert [(one.data["observer"], one.kind) for one in events][:2] == [
        ("deaf", "observer.lost"), ("metrics", "observer.opened"),
    ]  # fmt: skip
    assert events[0].data["why"] == why


def test_one_that_breaks_at_the_end_is_told_and_ends_nothing_else(tmp_path: Path) -> None:
    events = observed(tmp_path, {"metrics": Ear(), "breaks": Ear(breaks=True)})

    assert [one.kind for one in events[2:]] == ["alert.state", "run.broke"]
    assert events[-1].data["why"] == "ZeroDivisionError: a bug"


def test_an_act_has_its_trust_the_actors_team_and_all_that_every_act_has(tmp_path: Path) -> None:
    async def play(_: Observing) -> None:
        (tell,) = TELLS
        tell("act.recorded", act="chat", id="m1", actor="lin", text="hello", via="webhook", trust="attributed")
        tell("act.recorded", act="observe", result="replica_added", replica="r2", why="it answers again")
        tell("act.refused", act="chat", why="sent with a wrong token")

    said, seen, refused = observed(tmp_path, {"pool": Ear()}, play, {"lin": Person(team="sre")})[1:4]

    common = {"observer": "pool", "id": "", "via": "observer", "actor": ""}
    assert (said.kind, said.source, said.trust) == ("act.recorded", "observer:pool", Trust.ATTRIBUTED)
    assert said.data == {"observer": "pool", "act": "chat", "id": "m1", "actor": "lin", "team": "sre", "text": "hello",
                         "via": "webhook"}  # fmt: skip
    assert (seen.trust, dict(seen.data)) == (Trust.OBSERVED, {
        **common, "act": "observe", "team": "", "text": "", "probe": "pool", "result": "replica_added", "replica": "r2",
        "why": "it answers again",
    })  # fmt: skip
    assert refused.data == {**common, "act": "chat", "why": "sent with a wrong token"}
