"""What a drill's checks foresee: told once, never by raising; and a look at observers that nobody's trouble spoils."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from checks import CannotObserve, Evidence, Foreseen, Observer, Sentence, Tell
from checks.observers.sink import Sink
from drills import preflight
from drills.drill import CheckUse


@dataclass(frozen=True)
class Sees:
    """A check that foresees what it is given; one that is given an error raises it."""

    found: tuple[Foreseen, ...] = ()
    raises: Exception | None = None

    def foresee(self, evidence: Evidence) -> tuple[Foreseen, ...]:
        if self.raises:
            raise self.raises
        return self.found


def use(title: str, check: Any) -> CheckUse:
    return CheckUse(id=title, kind="alert", title=title, check=check)


def wrong(what: str, **values: str) -> Foreseen:
    return Foreseen(grade="wrong", what=Sentence.of(what, **values), cure=Sentence("mend it"))


def test_what_several_checks_say_is_told_once_of_the_first() -> None:
    first, second = use("first", Sees((wrong("a"), wrong("b")))), use("second", Sees((wrong("b"), wrong("c"))))
    found = preflight.foresee([first, second], Evidence())

    assert [(one.check, str(one)) for one in found] == [
        ("first", "a; mend it"), ("first", "b; mend it"), ("second", "c; mend it"),
    ]  # fmt: skip


def test_a_check_that_raises_is_unknown_and_one_that_foresees_nothing_is_passed_over() -> None:
    (found,) = preflight.foresee([use("bad", Sees(raises=KeyError("x"))), use("other", object())], Evidence())

    assert (found.check, found.grade) == ("bad", "unknown")
    assert "KeyError" in str(found)


def test_a_finding_keeps_its_patterns_for_a_translator() -> None:
    (found,) = preflight.foresee([use("one", Sees((wrong("no {name}", name="x"),)))], Evidence())

    assert found.sentences == [{"pattern": "no {name}", "values": {"name": "x"}}, {"pattern": "mend it", "values": {}}]


@dataclass(frozen=True)
class Says:
    """An observer that opens, or does not."""

    name: ClassVar[str] = "says"
    trouble: Exception | None = None
    hangs: bool = False

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        if self.trouble:
            raise self.trouble
        if self.hangs:
            await asyncio.sleep(60)
        tell("observer.opened", what="here")
        yield


def test_one_that_cannot_be_heard_spoils_no_look(monkeypatch: Any) -> None:
    monkeypatch.setattr(preflight, "LOOK_S", 0.05)
    observers: dict[str, Observer] = {
        "well": Says(), "cannot": Says(CannotObserve("no")), "broken": Says(ZeroDivisionError("oh")), "hangs": Says(hangs=True),
    }  # fmt: skip
    evidence = asyncio.run(preflight.look(observers))

    assert [(event.data["observer"], event.data["kind"]) for event in evidence.of("observer.opened")] == [
        ("well", "says")
    ]
    assert {event.data["observer"]: event.data["why"] for event in evidence.of("observer.lost")} == {
        "cannot": "no", "broken": "it broke: ZeroDivisionError: oh", "hangs": "it did not begin within 0.05 s",
    }  # fmt: skip
    assert [event.seq for event in evidence.events] == [*range(4)]


def test_the_port_of_who_waits_to_be_told_is_left_to_the_run_that_may_hold_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        sink = Sink(listen=f"127.0.0.1:{taken.getsockname()[1]}", token="token")
        evidence = asyncio.run(preflight.look({"oncall": sink}))

    assert [(event.kind, event.data["kind"]) for event in evidence.events] == [("observer.opened", "sink")]
