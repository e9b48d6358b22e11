"""Acts get into the journal in order, once, or not at all, and whoever sent one knows which."""

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from checks import Event, Trust
from drills import inbox
from drills.errors import DrillError
from drills.inbox import Inbox, send, user_name, wait
from drills.inventory import Inventory
from drills.journal import FORMAT, Journal, boot, read
from drills.people import Person
from drills.rundir import RunDir
from tests.fakes import StillClock

ME = user_name(os.getuid())
PEOPLE = {"lin": Person(roles=("IC",), team="sre", token="lin's own"), "mei": Person(team="shop")}


class Desk:
    """A run that is under way, with nobody at work but the test."""

    def __init__(self, folder: Path) -> None:
        self.run = RunDir(folder / "2026-01-01T00-00-00Z-people-1234")
        self.run.acts.mkdir(parents=True)
        self.journal = Journal.create(self.run.journal, StillClock())
        self.journal.append("run.opened", {"format": FORMAT, "boot": boot(), "monotonic_s": 0.0})
        self.inbox = Inbox(
            self.run, self.journal, Inventory(environment="lab", people=PEOPLE, looking=("mytool status",))
        )

    def tell(self, act: dict[str, Any], **who: str) -> Event:
        """From sending to being taken down. Raises DrillError."""
        sent = send(self.run, act, **who)
        self.inbox.take()
        return wait(self.run, *sent, within_s=5)

    def refused(self, act: dict[str, Any], **who: str) -> str:
        with pytest.raises(DrillError) as error:
            self.tell(act, **who)
        (problem,) = error.value.problems
        assert problem.slug == "act-refused"
        return problem.what.removeprefix("the act was refused: ")

    def lay(self, content: bytes, name: str = "1-abc.json") -> None:
        (self.run.acts / name).write_bytes(content)

    def events(self) -> list[Event]:
        return read(self.run.journal)[1:]

    @property
    def waiting(self) -> list[str]:
        return sorted(one.name for one in self.run.acts.iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


NOTE = {"act": "note", "text": "hello"}


def test_an_act_is_taken_down_with_who_did_it(desk: Desk) -> None:
    event = desk.tell({"act": "chat", "text": "进展", "channel": "war-room"}, as_="lin", token="lin's own")

    assert (event.kind, event.source, event.trust) == ("act.recorded", "human:lin", Trust.ATTRIBUTED)
    assert {key: event.data[key] for key in event.data if key != "id"} == {
        "act": "chat", "actor": "lin", "team": "sre", "text": "进展", "via": "command line", "channel": "war-room",
    }  # fmt: skip
    assert desk.events() == [event]
    assert desk.waiting == []


def test_the_token_is_nowhere(desk: Desk) -> None:
    send(desk.run, NOTE, token="lin's own")
    (name,) = desk.waiting
    letter = (desk.run.acts / name).read_text()
    desk.inbox.take()

    assert "lin's own" not in letter + desk.run.journal.read_text()
    assert desk.events()[0].data["actor"] == "lin"


def test_a_letter_that_was_changed_on_its_way_is_refused(desk: Desk) -> None:
    sent = send(desk.run, NOTE, token="lin's own")
    (path,) = desk.run.acts.iterdir()
    path.write_text(path.read_text().replace("hello", "hullo"))
    desk.inbox.take()

    with pytest.raises(DrillError, match="nobody who takes part has this token"):
        wait(desk.run, *sent)


def test_a_proof_of_one_run_is_none_in_another(desk: Desk, tmp_path: Path) -> None:
    send(desk.run, NOTE, as_="lin", token="lin's own")
    (path,) = desk.run.acts.iterdir()
    other = RunDir(tmp_path / "2026-01-01T00-00-00Z-people-9999")
    other.acts.mkdir(parents=True)
    path.rename(other.acts / path.name)
    moved = Inbox(other, desk.journal, Inventory(environment="lab", people=PEOPLE))
    moved.take()

    assert [one.data["why"] for one in desk.events()] == ["the token is not lin's"]


def test_without_a_name_it_is_the_user_of_the_file(desk: Desk) -> None:
    event = desk.tell(NOTE)
    assert (event.data["actor"], event.trust) == (ME, Trust.ATTRIBUTED)


def test_what_is_refused_is_told_and_written(desk: Desk) -> None:
    assert desk.refused(NOTE, as_="lin", token="wrong") == "the token is not lin's"
    assert desk.refused({"act": "observe"}) == "only machines tell `observe`"
    assert [(one.kind, one.data["act"], one.data["actor"]) for one in desk.events()] == [
        ("act.refused", "note", "lin"), ("act.refused", "observe", ME),
    ]  # fmt: skip
    assert desk.waiting == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[" * 60000, "it is not JSON"),
        (b"[]", "it is no act, which is a table"),
        (b"{}", "acts do not come by ``"),
        (b'{"via": "cast"}', "acts do not come by `cast`"),
        (b'{"via": "shell"}', "it is no act, which is a table with `act`, its name"),
        (b'{"via": "shell", "as": 3}', "its `as` is no text"),
        (b'{"via": "shell", "as": "\\ud800", "act": {"act": "note", "text": "\\udc00"}}', None),
        (b" " * 70000, "it is no file of at most 64 KiB"),
    ],
)
def test_whatever_lies_there_is_taken_away(desk: Desk, content: bytes, why: str | None) -> None:
    desk.lay(content)
    desk.inbox.take()

    (event,) = desk.events()
    assert event.data.get("why") == why
    assert event.kind == ("act.refused" if why else "act.recorded")
    assert desk.waiting == []


def test_what_is_no_file_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"via": "shell", "act": {"act": "note", "text": "x"}}')
    (desk.run.acts / "1-a.json").symlink_to(tmp_path / "secret")
    os.mkfifo(desk.run.acts / "2-b.json")
    (desk.run.acts / "3-c.json").mkdir()
    assert desk.inbox.take() == 3

    assert [one.kind for one in desk.events()] == ["act.refused"] * 3
    assert desk.waiting == ["3-c.json"]
    assert desk.inbox.take() == 0, "what cannot be taken away is not taken in twice"


def test_half_written_files_are_left_alone(desk: Desk) -> None:
    desk.lay(b"{", ".1-abc.json.123")
    assert desk.inbox.take() == 0
    assert desk.events() == []


def test_they_come_in_the_order_in_which_they_were_sent(desk: Desk) -> None:
    for number in range(120):
        send(desk.run, {"act": "note", "text": str(number)})

    assert [desk.inbox.take() for _ in range(4)] == [50, 50, 20, 0]
    assert [one.data["text"] for one in desk.events()] == [str(number) for number in range(120)]


def test_a_hundred_at_once_are_all_taken_down_once(desk: Desk) -> None:
    over = threading.Event()

    def take() -> None:
        while not over.wait(0.01):
            desk.inbox.take()

    taking = threading.Thread(target=take)
    taking.start()
    try:
        with ThreadPoolExecutor(20) as pool:
            done = list(
                pool.map(lambda n: wait(desk.run, *send(desk.run, {"act": "note", "text": str(n)})), range(100))
            )
    finally:
        over.set()
        taking.join()

    assert [one.data["text"] for one in done] == [str(number) for number in range(100)]
    assert sorted(int(one.data["text"]) for one in desk.events()) == list(range(100))


def test_what_nobody_takes_is_said_not_to_be_down(desk: Desk) -> None:
    sent = send(desk.run, NOTE)
    with pytest.raises(DrillError, match="the run did not take it within"):
        wait(desk.run, *sent, within_s=0.05)
    desk.inbox.take()

    assert desk.events() == []
    assert desk.waiting == []


def test_what_comes_after_the_end_is_said_not_to_be_down(desk: Desk) -> None:
    send(desk.run, {"act": "note", "text": "in time"})
    desk.inbox.close()
    sent = send(desk.run, NOTE)
    assert desk.inbox.take() == 0
    desk.journal.close()

    with pytest.raises(DrillError, match="the run has ended"):
        wait(desk.run, *sent)
    assert [one.data["text"] for one in desk.events()] == ["in time"]
    assert desk.waiting == []


def test_what_is_in_the_journal_is_down_though_the_conductor_died_before_it_could_say_so(desk: Desk) -> None:
    sent = send(desk.run, NOTE)
    (path,) = desk.run.acts.iterdir()
    kept = path.read_bytes()
    desk.inbox.take()
    path.write_bytes(kept)
    desk.journal.close()

    assert wait(desk.run, *sent).data["text"] == "hello"


def test_one_that_a_full_disk_does_not_take_is_not_acknowledged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = send(desk.run, NOTE)
    desk.journal.may_fail = True

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(desk.journal, "_write", full)
    assert [desk.inbox.take(), desk.inbox.take()] == [0, 0]
    assert desk.journal.lost == 1
    with pytest.raises(DrillError, match="the run did not take it within"):
        wait(desk.run, *sent, within_s=0.05)


def test_the_run_says_what_changes_anything_and_not_who_sends_it(desk: Desk) -> None:
    def mutating(**act: Any) -> bool:
        return bool(desk.tell({"act": "cli", **act}).data["mutating"])

    assert not mutating(cmd="redis-cli info")
    assert not mutating(cmd="mytool status")
    assert mutating(cmd="redis-cli flushall")
    assert mutating(text="restarted it")
    assert desk.refused({"act": "cli", "cmd": "rm x", "mutating": False}) == "an act cannot have `mutating`"


def test_what_one_only_says_of_oneself_is_declared(desk: Desk) -> None:
    def trust(act: dict[str, Any], **who: str) -> Trust:
        return desk.tell(act, **who).trust

    assert trust({"act": "cli", "text": "restarted it"}, as_="lin", token="lin's own") is Trust.DECLARED
    assert trust({"act": "cli", "cmd": "ls"}, as_="lin", token="lin's own") is Trust.ATTRIBUTED
    assert trust({"act": "manual", "step": "verify"}) is Trust.DECLARED
    assert trust(NOTE, as_="mei") is Trust.DECLARED


def test_a_role_is_taken_or_handed_over(desk: Desk) -> None:
    def role(**who: str) -> tuple[Any, Any]:
        data = desk.tell({"act": "role.taken", **act}, **who).data
        return data["holder"], data.get("from")

    act = {"role": "CL"}
    assert role() == (ME, None)
    act = {"role": "CL", "holder": "mei"}
    assert role(as_="mei") == ("mei", None)
    assert role() == ("mei", ME)
    act = {"role": "IC"}
    assert role(as_="lin", token="lin's own") == ("lin", None)


def test_a_role_with_a_token_goes_to_those_it_belongs_to(desk: Desk) -> None:
    assert desk.refused({"act": "role.taken", "role": "IC"}) == f"the role IC is not {ME}'s to take"
    assert desk.refused({"act": "role.taken", "role": "IC", "holder": "lin"}, as_="bob").endswith(
        "it is only said that this is bob"
    )
    assert desk.tell({"act": "role.taken", "role": "IC", "holder": "lin"}).data["from"] == ME


def test_a_role_that_no_sop_of_the_drill_has_is_refused_with_the_nearest(desk: Desk) -> None:
    inventory = Inventory(environment="lab", people={"mei": Person(roles=("scribe",))})
    desk.inbox = Inbox(desk.run, desk.journal, inventory, ["L1", "IC", "lead"])

    said = desk.refused({"act": "role.taken", "role": "leaf"})
    assert said == "no SOP of this drill has a role `leaf`; did you mean `lead`?  roles: L1, IC, lead, scribe"
    assert desk.tell({"act": "role.taken", "role": "ic"}).data["holder"] == ME
    assert desk.tell({"act": "role.taken", "role": "scribe", "holder": "mei"}).data["holder"] == "mei"
    desk.tell({"act": "incident.severity", "severity": "P1", "role": "whatever"})


def test_another_users_run_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(inbox, "write_whole", denied)
    with pytest.raises(DrillError, match="could not be handed in: Permission denied"):
        send(desk.run, NOTE)


def test_without_a_folder_nothing_is_taken(desk: Desk) -> None:
    desk.run.acts.rmdir()
    assert desk.inbox.take() == 0


def test_only_its_own_line_answers(desk: Desk) -> None:
    """Somebody may quote an id."""
    first = desk.tell(NOTE)
    sent = send(desk.run, NOTE)
    desk.tell({"act": "note", "text": f"not {sent[0]} but {first.data['id']}"})
    take: Callable[[], int] = desk.inbox.take
    take()

    assert wait(desk.run, *sent).data["id"] == sent[0]
    assert json.loads(desk.run.journal.read_text().splitlines()[-1])["seq"] == 3


def test_a_letter_that_is_laid_in_again_is_refused(desk: Desk) -> None:
    """Whoever shares the account could else say again, later, what somebody with a token said."""
    sent = send(desk.run, {"act": "chat", "text": "go", "tag": "approve"}, as_="lin", token="lin's own")
    (name,) = desk.waiting
    letter = (desk.run.acts / name).read_bytes()
    desk.inbox.take()
    wait(desk.run, *sent, within_s=5)
    desk.lay(letter, name="2-again.json")
    desk.inbox.take()

    assert [event.kind for event in desk.events()] == ["act.recorded", "act.refused"]
    assert desk.events()[1].data["why"] == "it was handed in before"


def test_what_was_done_elsewhere_and_is_only_said_here_is_declared(desk: Desk) -> None:
    """No command tells of such acts, but a letter written by hand may."""
    for act in ("flag.write", "k8s.write", "chat.channel_created"):
        assert desk.tell({"act": act}).trust is Trust.DECLARED


def test_who_handed_a_role_over_is_for_the_run_to_say(desk: Desk) -> None:
    assert desk.refused({"act": "role.taken", "role": "CL", "from": "mei"}) == "an act cannot have `from`"


@pytest.mark.parametrize("role", ["IC", "ic", "Ic"])
def test_a_role_is_kept_for_its_own_however_it_is_written(desk: Desk, role: str) -> None:
    assert desk.refused({"act": "role.taken", "role": role}, as_="mei") == f"the role {role} is not mei's to take"
