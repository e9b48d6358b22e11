"""The cast is played: each act when its time or condition comes, again and again where it says so, or not at all.

Time is a jumping loop's, so that minutes take none. Commands, which are processes, are in the end-to-end tests.
"""

import asyncio
from pathlib import Path
from typing import Any

from checks import Event, Evidence
from drills.journal import Journal, read
from drills.load import load
from drills.playing import Playing
from tests.drills.writing import opening, write
from tests.fakes import JumpingClock, jump

INVENTORY = """
environment: lab
people: {wang: {team: database}}
targets:
  cache: {tcp: {host: 127.0.0.1, port: 1}}
  a: {process: {match: "^no such process$"}}
"""
ZERO_S = 5.0


def play(folder: Path, *entries: str, events: dict[float, tuple[str, dict[str, Any]]] | None = None, until_s: float = 300,
         control: bool = False) -> list[Event]:  # fmt: skip
    """Play these acts from second 5 on, while these events come; pass what was written after the beginning."""
    acts = "".join(f"  - {entry}\n" for entry in entries)
    drill = write(folder, inventory=INVENTORY, drill="drill: x\nprobes: {orders: {tcp: cache}}\n"
                  f"faults: [{{id: dies, kill: a}}]\ncast:\n{acts}")  # fmt: skip
    loaded = load(drill)

    async def whole(clock: JumpingClock) -> None:
        journal = Journal.create(folder / "journal.jsonl", clock)
        evidence = Evidence()
        journal.listen(evidence.add)
        journal.append("run.opened", {**opening(), "monotonic_s": journal.origin_s, "control": control})
        coming: dict[str, tuple[float, str]] = {}
        playing = Playing(loaded, journal, evidence, coming)

        async def happen(at_s: float, kind: str, data: dict[str, Any]) -> None:
            await asyncio.sleep(at_s)
            journal.append(kind, data)  # type: ignore[arg-type]

        happening = [asyncio.ensure_future(happen(at_s, *event)) for at_s, event in (events or {}).items()]
        await asyncio.sleep(ZERO_S)
        task = asyncio.ensure_future(playing.play(ZERO_S))
        await asyncio.wait([task], timeout=until_s)
        if task.done():
            task.result()
            assert coming == {}, "what has come is not to come any more"
        task.cancel()
        await asyncio.gather(*happening, task, return_exceptions=True)
        journal.close()

    jump(whole)
    return [event for event in read(folder / "journal.jsonl") if event.kind.startswith("act.")]


def effect() -> list[tuple[str, dict[str, Any]]]:
    names = {"injection": "i", "fault": "dies", "target": "a"}
    return [("injection.intended", {**names, "injector": "kill", "version": 1, "does": "kill (a)"}),
            ("injection.verified", {**names, "in_effect": True, "why": "it is gone"})]  # fmt: skip


def times(events: list[Event]) -> list[tuple[str, int]]:
    """Who acted, and when, in seconds after the steady state."""
    return [(event.data["actor"], round(event.t_s - ZERO_S)) for event in events if event.kind == "act.recorded"]


def test_acts_come_at_their_time_and_are_taken_down_as_scripted(tmp_path: Path) -> None:
    events = play(tmp_path, "{who: wang, severity: P1, at: 10s}", "{who: lin, ack: CacheDown, at: 3s}")

    assert times(events) == [("lin", 3), ("wang", 10)]
    ack, severity = events
    assert ack.data == {
        "act": "page.acked", "id": "lin-ack", "actor": "lin", "team": "", "text": "", "via": "cast", "page": "CacheDown",
        "scripted": True,
    }  # fmt: skip
    assert (severity.source, str(severity.trust), severity.data["team"]) == ("cast", "attributed", "database")


def test_what_is_only_said_to_be_done_is_believed_as_little_as_of_a_person(tmp_path: Path) -> None:
    did, done = play(tmp_path, "{who: wang, act: restarted it}", "{who: wang, done: verify, at: 1s}")

    assert (str(did.trust), did.data["mutating"]) == ("declared", True)
    assert str(done.trust) == "declared"


def test_a_role_that_is_handed_over_has_both_names(tmp_path: Path) -> None:
    taken, given = play(tmp_path, "{who: lin, role: IC}", "{who: lin, role: {role: IC, to: wang}, at: 1s}")

    assert (taken.data["holder"], "from" in taken.data) == ("lin", False)
    assert (given.data["holder"], given.data["from"]) == ("wang", "lin")


def test_one_act_comes_after_another_and_after_a_fault(tmp_path: Path) -> None:
    entries = ("{who: c, ack: , after: b-ack}", "{who: b, ack: , after: a-ack+2s}", "{who: a, ack: , after: dies+1s}")
    intended, verified = effect()
    events = play(tmp_path, *entries, events={8.0: intended, 9.0: verified})

    assert times(events) == [("a", 5), ("b", 7), ("c", 7)]


def test_an_act_waits_for_what_happens_and_not_for_what_has_happened(tmp_path: Path) -> None:
    page = ("page.received", {"status": "firing"})
    events = play(tmp_path, "{who: a, ack: , when: {event: page.received}}",
                  "{who: b, ack: , after: a-ack, when: {event: page.received}}",
                  events={3.0: page, 12.01: page, 20.0: page})  # fmt: skip

    assert times(events) == [("a", 7), ("b", 15)]


def test_what_does_not_come_in_time_is_left_out_with_all_that_comes_after(tmp_path: Path) -> None:
    events = play(tmp_path, "{who: a, ack: , when: {event: page.received, deadline: 20s}}", "{who: b, ack: , after: a-ack}",
                  "{who: c, ack: , at: 30s}", events={26.0: ("page.received", {"status": "firing"})})  # fmt: skip

    assert [(event.kind, event.data["actor"]) for event in events] == [
        ("act.skipped", "a"), ("act.skipped", "b"), ("act.recorded", "c"),
    ]  # fmt: skip
    assert events[0].data["why"] == "it waited until page.received is seen, which did not come in time"
    assert events[1].data["why"] == "it comes after a-ack, which never came"


def test_what_comes_after_a_fault_that_is_skipped_is_left_out(tmp_path: Path) -> None:
    (event,) = play(
        tmp_path, "{who: a, ack: , after: dies}", events={9.0: ("fault.skipped", {"fault": "dies", "why": ""})}
    )

    assert (event.kind, event.data["why"]) == ("act.skipped", "it comes after dies, which never came")


def test_a_question_comes_again_until_it_is_over(tmp_path: Path) -> None:
    entries = ("{who: vp, say: When?, at: 10s, every: 2m, until: lin-resolve}", "{who: lin, resolve: , at: 4m}")

    assert times(play(tmp_path, *entries)) == [("vp", 10), ("vp", 130), ("lin", 240)]


def test_what_was_over_before_it_began_never_comes_and_is_no_news(tmp_path: Path) -> None:
    entries = ("{who: vp, say: When?, at: 10s, every: 2m, until: lin-resolve}", "{who: lin, resolve: , at: 4s}")

    events = play(tmp_path, *entries)
    assert times(events) == [("lin", 4)]
    assert len(events) == 1


def test_what_comes_again_goes_on_until_it_is_cancelled(tmp_path: Path) -> None:
    assert times(play(tmp_path, "{who: vp, say: When?, every: 1m}", until_s=150)) == [
        ("vp", 0),
        ("vp", 60),
        ("vp", 120),
    ]


def test_in_a_control_what_comes_after_a_fault_comes_after_its_time(tmp_path: Path) -> None:
    withheld = ("fault.withheld", {"fault": "dies", "does": "kill (a)", "target": "a"})
    events = play(tmp_path, "{who: a, ack: , after: dies+1s}", events={8.0: withheld}, control=True)

    assert times(events) == [("a", 4)]


def test_the_faults_stay_until_all_is_decided_but_what_waits_for_healing(tmp_path: Path) -> None:
    """The conductor heals after `before_healing`."""
    write(tmp_path, inventory=INVENTORY, drill="drill: x\nprobes: {orders: {tcp: cache}}\nfaults: [{id: dies, kill: a}]\n"
          "cast:\n- {who: a, ack: , at: 10s}\n- {who: b, note: gone, when: {event: injection.gone}}\n"
          "- {who: vp, say: When?, every: 1m}\n")  # fmt: skip
    loaded = load(tmp_path / "drill.yaml")
    seen: list[int] = []

    async def whole(clock: JumpingClock) -> None:
        journal = Journal.create(tmp_path / "journal.jsonl", clock)
        evidence = Evidence()
        journal.listen(evidence.add)
        playing = Playing(loaded, journal, evidence, {})
        task = asyncio.ensure_future(playing.play(0.0))
        await playing.before_healing()
        seen.append(round(journal.now_s))
        await asyncio.sleep(5)
        journal.append("injection.gone", {"injection": "i", "fault": "dies", "target": "a", "why": ""})
        await playing.to_the_end()
        seen.append(round(journal.now_s))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()

    jump(whole)
    assert seen == [10, 15]
