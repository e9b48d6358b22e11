"""How the acts of people get into a run: a command lays a file into the run's directory, and the conductor takes it in.

The command knows that an act is down when the journal has its line and its file is gone, which is after the line is on
disk. So nothing that was acknowledged can be lost, however the conductor ends; and what was not acknowledged is said
not to be down.
"""

import json
import os
import secrets
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from checks import Event, Trust
from drills.acts import Refused, checked, clean
from drills.errors import choices, mistake
from drills.inventory import Inventory
from drills.journal import Journal
from drills.looking import looks
from drills.people import Claim, Person, Who, identify, is_guarded, may_take, proof
from drills.rundir import RunDir
from injectors.host import write_whole

TAKEN_S = 15.0
"""How long a command waits for its act to be taken down."""
_LOOK_S = 0.02
_AT_ONCE = 50
"""Acts that are taken in at one look, so that a crowd does not make the looks of probes late."""
_ROUNDS_MAX = 100
"""Looks that the rest may take, at the end."""
_FILE_MAX = 64 << 10
_TOLD = (b'"kind":"act.recorded"', b'"kind":"act.refused"')
_SOURCES: Mapping[str, str] = {"command line": "human", "shell": "shell"}
"""Ways in which acts come here, and what their source is called."""
_DONE_BY_SAYING = frozenset({"chat", "incident.declared", "incident.resolved", "incident.severity", "note", "page.acked",
                             "role.taken", "shell.closed", "shell.opened", "submit.diagnosis"})  # fmt: skip
"""What to say it is to do. All else somebody did elsewhere, and here only says so."""


class Inbox:
    """The conductor's side: takes in what lies in the folder, in the order in which it was sent."""

    def __init__(self, run: RunDir, journal: Journal, inventory: Inventory, roles: Sequence[str] = ()) -> None:
        """`roles` are those of the drill's SOPs; without any, every role may be taken."""
        self._run, self._journal = run, journal
        listed = (role for person in inventory.people.values() for role in person.roles)
        self._roles = [*roles, *listed] if roles else []
        self._people, self._looking = inventory.people, inventory.looking
        self._stuck: set[str] = set()
        """Files that could not be taken away; they are not taken in again."""
        self._proofs: set[str] = set()
        """Of acts that were taken in: whoever has seen a letter could lay it in again."""
        self._closed = False

    def take(self) -> int:
        """Take in what lies there, up to a bound, and pass how many that were. Raises OSError as the journal does."""
        names = self._names()[:_AT_ONCE]
        for name in names:
            self._take(name, sync=name == names[-1])
            if self._journal.lost:
                return 0  # it is not down, so its file stays: whoever waits for it is told
        for name in names:
            self._take_away(name)
        return len(names)

    def close(self) -> None:
        """Take in the rest, and nothing more after that."""
        for _ in range(_ROUNDS_MAX):
            if not self.take():
                break
        self._closed = True

    def _names(self) -> list[str]:
        if self._closed or self._journal.lost:
            return []
        try:
            with os.scandir(self._run.acts) as entries:
                names = [one.name for one in entries if one.name.endswith(".json") and not one.name.startswith(".")]
        except OSError:  # whoever waits for an act of theirs is told that it was not taken
            return []
        return sorted(name for name in names if name not in self._stuck)

    def _take_away(self, name: str) -> None:
        try:
            (self._run.acts / name).unlink()
        except OSError:
            self._stuck.add(name)

    def _take(self, name: str, *, sync: bool) -> None:
        letter: dict[str, Any] = {}
        claim = Claim()
        via = ""
        try:
            letter, user = _open(self._run.acts / name)
            claim = Claim(actor=_text(letter, "as"), for_=_text(letter, "for"), proof=_text(letter, "proof"), user=user)
            via = _text(letter, "via")
            if via not in _SOURCES:
                raise Refused(f"acts do not come by `{via}`")
            who = identify(self._people, claim, _body(self._run, letter))
            if claim.proof in self._proofs:
                raise Refused("it was handed in before")
            act = settled(checked(letter.get("act")), who, self._people, self._looking)
            self._see_that_it_is_one(act)
            record(self._journal, act, believed(who, act, via), via=via, id_=_id(name),
                   source=f"{_SOURCES[via]}:{who.by or who.actor}", sync=sync)  # fmt: skip
            self._proofs.update(filter(None, [claim.proof]))
        except Refused as refused:
            said = letter.get("act")
            what = said.get("act") if isinstance(said, Mapping) else ""
            self._journal.append("act.refused", {"act": clean(str(what))[:100], "id": _id(name), "via": via[:100],
                                                 "actor": (claim.for_ or claim.actor or claim.user)[:100],
                                                 "why": str(refused)}, sync=sync)  # fmt: skip

    def _see_that_it_is_one(self, act: Mapping[str, Any]) -> None:
        """Raise Refused for a role that nothing speaks of: whoever mistypes theirs would hold none, and not know it."""
        role = str(act.get("role"))
        known = {name.casefold(): name for name in self._roles}
        if act["act"] == "role.taken" and known and role.casefold() not in known:
            raise Refused(f"no SOP of this drill has a role `{role}`; {choices(role, [*known.values()], 'roles')}")


def settled(act: dict[str, Any], who: Who, people: Mapping[str, Person], looking: Sequence[str]) -> dict[str, Any]:
    """An act with what is for the run to say: whether it changes anything, and who holds a role now.

    Raises Refused when that is not theirs to take.
    """
    if act["act"] == "cli":
        return {**act, "mutating": not (act.get("cmd") and looks(str(act["cmd"]), looking))}
    if act["act"] != "role.taken":
        return act
    role, holder = str(act["role"]), str(act.get("holder") or who.actor)
    if not may_take(people, role, holder):
        raise Refused(f"the role {role} is not {holder}'s to take")
    if who.trust is Trust.DECLARED and is_guarded(people, role):
        raise Refused(f"the role {role} is given and taken with a token, and it is only said that this is {who.actor}")
    return {**act, "holder": holder, **({} if holder == who.actor else {"from": who.actor})}


def record(journal: Journal, act: Mapping[str, Any], who: Who, *, source: str, via: str, id_: str = "",
           sync: bool = False) -> Event:  # fmt: skip
    """Write an act that somebody did to the journal; with `sync` it is on disk when this returns."""
    more = {key: value for key, value in act.items() if key not in ("act", "text")}
    if who.by:
        more["by"] = who.by
    return journal.append("act.recorded", {
        "act": act["act"], "id": id_, "actor": who.actor, "team": who.team, "text": act.get("text", ""), "via": via,
        **more,
    }, source=source, trust=who.trust, sync=sync)  # fmt: skip


def believed(who: Who, act: Mapping[str, Any], via: str) -> Who:
    """What one only says of oneself, and no instrument saw, is declared, whoever says it; unless a witness does."""
    seen = act["act"] in _DONE_BY_SAYING or (act["act"] == "cli" and (act.get("cmd") or via == "shell"))
    return who._replace(trust=Trust.DECLARED) if not seen and who.trust is Trust.ATTRIBUTED else who


def _open(path: Path) -> tuple[dict[str, Any], str]:
    """What a file holds, and whose it is. Raises Refused."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _FILE_MAX:
                raise Refused(f"it is no file of at most {_FILE_MAX >> 10} KiB")
            letter = json.loads(file.read(_FILE_MAX))
    except OSError as error:
        raise Refused(f"it cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Refused("it is not JSON") from None
    if not isinstance(letter, dict):
        raise Refused("it is no act, which is a table")
    return letter, user_name(status.st_uid)


def _text(letter: Mapping[str, Any], key: str) -> str:
    value = letter.get(key, "")
    if not isinstance(value, str):
        raise Refused(f"its `{key}` is no text")
    return clean(value)


def _id(name: str) -> str:
    """What an act is known by; the end of its file's name."""
    return clean(name.removesuffix(".json").rpartition("-")[2])[:100]


def _body(run: RunDir, letter: Mapping[str, Any]) -> bytes:
    """What a proof is made for: everything that is said, in this run."""
    said = {key: value for key, value in letter.items() if key != "proof"}
    return json.dumps({"run": run.id, **said}, sort_keys=True).encode()


def user_name(number: int) -> str:
    """The system's name of a user; one without a name, as in a container, by number."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def send(run: RunDir, act: Mapping[str, Any], *, via: str = "command line", as_: str = "", for_: str = "",
         token: str = "") -> tuple[str, int]:  # fmt: skip
    """Lay an act into a run's inbox; pass its id, and where in the journal to look for it. Raises DrillError."""
    id_ = secrets.token_hex(6)
    letter: dict[str, Any] = {"act": dict(act), "id": id_, "as": as_, "for": for_, "via": via}
    if token:
        letter["proof"] = proof(token, _body(run, letter))
    try:
        from_ = run.journal.stat().st_size
        write_whole(run.acts / f"{time.time_ns():020d}-{id_}.json", json.dumps(letter))
    except OSError as error:
        raise mistake(str(run.acts), f"the act could not be handed in: {error.strerror}",
                      "acts come from the user whose run it is", "act-not-taken") from error  # fmt: skip
    return id_, from_


def wait(run: RunDir, id_: str, from_: int, within_s: float = TAKEN_S) -> Event:
    """Wait until an act is taken down. Raises DrillError when it was refused, or is not down."""
    until_s = time.monotonic() + within_s
    while True:
        over = not run.is_live
        waiting = next(run.acts.glob(f"*-{id_}.json"), None)
        found = None if waiting and not over else _told(run.journal, id_, from_)
        if found is not None and found.kind == "act.recorded":
            return found
        if found is not None:
            raise mistake(f"run {run.short}", f"the act was refused: {found.data['why']}",
                          "it stands in the journal as refused", "act-refused")  # fmt: skip
        if over or time.monotonic() > until_s:
            break
        time.sleep(_LOOK_S)
    why = "the run has ended" if over else f"the run did not take it within {within_s:g} s"
    if waiting:
        with suppress(OSError):
            waiting.unlink()
    raise mistake(f"run {run.short}", f"the act was not taken down: {why}", "it counts for nothing; try again",
                  "act-not-taken")  # fmt: skip


def _told(path: Path, id_: str, from_: int) -> Event | None:
    """What the journal says of this act, read from where it can first stand."""
    with path.open("rb") as file:
        file.seek(from_)
        lines: Sequence[bytes] = file.read().split(b"\n")
    for number, line in enumerate(lines):
        if number < len(lines) - 1 and id_.encode() in line and any(mark in line for mark in _TOLD):
            data = json.loads(line)
            if data["data"].get("id") == id_:
                return Event(seq=data["seq"], t_s=data["t_us"] / 1e6, at=data["at"], kind=data["kind"],
                             source=data["source"], trust=Trust(data["trust"]), data=data["data"])  # fmt: skip
    return None
