"""People act while a drill runs, each from a process of their own, and what they did is in the run."""

import hmac
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from checks import Event
from drills import journal, lab
from tests.end_to_end.ground import Ground, ground, wait_until

DRILL = """
drill: people
safety: {max_duration: 2m}
probes: {page: {tcp: a, every: 20ms}}
steady: [{probe: page, success: ">= 99%", hold: 500ms}]
faults: [{kill: a, for: 100s}]
"""
PEOPLE = """
observers:
  war-room:
    chat:
      {system: slack, listen: "127.0.0.1:CHAT", secret: "${env.CHAT_SECRET}", channels: {C1: war-room}, people: {U1: lin}}
  page: {status_page: {listen: "127.0.0.1:NOTICES", token: "${env.CHAT_SECRET}"}}
people:
  lin: {roles: [IC], team: sre, token: "${env.LIN_TOKEN}"}
  mei: {team: shop}
  max: {roles: [facilitator], token: "${env.MAX_TOKEN}"}
looking: [mytool status]
"""
LIN, MAX = ("--token", "lin-knows-this"), ("--token", "max-knows-this")


class Played:
    """A drill under way."""

    def __init__(self, here: Ground) -> None:
        self.here = here
        self.drill: subprocess.Popen[str] | None = None
        self.said = ""
        self.chat, self.notices = lab.free_ports(("chat", "notices")).values()

    def begin(self) -> None:
        self.drill = self.here.start("run", "drill.yaml")
        wait_until(lambda: bool(self.here.all_runs()) and self.has("injection.verified"), "the fault is there")

    def end(self) -> str:
        """Ask the run to end, and pass what it printed."""
        if self.drill and self.drill.poll() is None:
            self.drill.send_signal(signal.SIGTERM)
        if self.drill and not self.said:
            self.said, _ = self.drill.communicate(timeout=60)
        return self.said

    def call(self, *words: str, code: int = 0) -> str:
        """A command of a responder: what it printed."""
        found, said = self.here.call(*words)
        assert found == code, said
        return said

    def has(self, kind: str) -> bool:
        return f'"kind":"{kind}"' in self.here.all_runs()[0].journal.read_text(encoding="utf-8")

    def acts(self) -> list[Event]:
        events = journal.read(self.here.all_runs()[0].journal)
        return [event for event in events if event.kind.startswith("act.")]


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    monkeypatch.setenv("LIN_TOKEN", "lin-knows-this")
    monkeypatch.setenv("MAX_TOKEN", "max-knows-this")
    monkeypatch.setenv("CHAT_SECRET", "slack-and-we-know-this")
    for name in ("CHAOS_DRILLS_ACTOR", "CHAOS_DRILLS_TOKEN", "CHAOS_DRILLS_RUN"):
        monkeypatch.delenv(name, raising=False)
    with ground(tmp_path, DRILL, "a") as here:
        whole = Played(here)
        inventory = here.folder / "inventory.yaml"
        people = PEOPLE.replace("CHAT", str(whole.chat), 1).replace("NOTICES", str(whole.notices))
        inventory.write_text(inventory.read_text(encoding="utf-8") + people, encoding="utf-8")
        try:
            whole.begin()
            yield whole
        finally:
            whole.end()


def plain(said: str) -> str:
    """Without the time, which nobody knows beforehand."""
    return re.sub(r"at \d\d:\d\d", "at 00:00", said)


def told(event: Event) -> dict[str, Any]:
    return {"trust": str(event.trust), **{key: value for key, value in event.data.items()
                                          if key not in ("id", "team", "via", "took_s") and value != ""}}  # fmt: skip


def test_what_two_people_and_a_facilitator_do_is_in_the_run(played: Played) -> None:
    said = [
        played.call("ack", "CacheDown", "--as", "mei"),
        played.call("declare", "nobody", "can", "pay", *LIN),
        played.call("severity", "p1", "--as", "lin", *LIN),
        played.call("role", "IC", *LIN),
        played.call("role", "CL", "mei", *LIN),
        played.call("say", "/announce c2 I restart the page", *LIN),
        played.call("say", "批准", "--tag", "approve", "--change", "c2", "--channel", "bridge", "--as", "mei"),
        played.call("act", "--change", "c2", *LIN, "--", "sh", "-c", "echo out; exit 3", code=3),
        played.call("act", "restarted it", "--as", "mei"),
        played.call("diagnose", "it was killed", *LIN),
        played.call("done", "verify-integrity", *LIN),
        played.call("done", "verify-integrity", "--for", "mei", *MAX),
        played.call("note", "for the review", *LIN),
        played.call("resolve", "it is back", *LIN),
    ]
    printed = played.end()

    assert [told(event) for event in played.acts()] == [
        {"trust": "declared", "act": "page.acked", "actor": "mei", "page": "CacheDown"},
        {"trust": "attributed", "act": "incident.declared", "actor": "lin", "text": "nobody can pay"},
        {"trust": "attributed", "act": "incident.severity", "actor": "lin", "severity": "P1"},
        {"trust": "attributed", "act": "role.taken", "actor": "lin", "role": "IC", "holder": "lin"},
        {"trust": "attributed", "act": "role.taken", "actor": "lin", "role": "CL", "holder": "mei", "from": "lin"},
        {"trust": "attributed", "act": "chat", "actor": "lin", "text": "/announce c2 I restart the page",
         "channel": "war-room", "tag": "announce", "change_id": "c2"},
        {"trust": "declared", "act": "chat", "actor": "mei", "text": "批准", "channel": "bridge", "tag": "approve",
         "change_id": "c2"},
        {"trust": "attributed", "act": "cli", "actor": "lin", "cmd": "sh -c 'echo out; exit 3'", "exit": 3,
         "mutating": True, "change_id": "c2"},
        {"trust": "declared", "act": "cli", "actor": "mei", "text": "restarted it", "mutating": True},
        {"trust": "attributed", "act": "submit.diagnosis", "actor": "lin", "text": "it was killed"},
        {"trust": "declared", "act": "manual", "actor": "lin", "step": "verify-integrity"},
        {"trust": "attested", "act": "manual", "actor": "mei", "step": "verify-integrity", "by": "max"},
        {"trust": "attributed", "act": "note", "actor": "lin", "text": "for the review"},
        {"trust": "attributed", "act": "incident.resolved", "actor": "lin", "text": "it is back"},
    ]  # fmt: skip
    assert {event.source for event in played.acts()} == {"human:lin", "human:mei", "human:max"}
    assert {event.data["team"] for event in played.acts() if event.data["actor"] == "lin"} == {"sre"}
    assert plain(said[2]) == "taken down at 00:00: severity P1, by lin (attributed)\n"
    assert plain(said[11]) == "taken down at 00:00: step verify-integrity done, by mei, says max (attested)\n"
    assert said[7].startswith("out\n"), "what a command prints is printed"
    assert "lin: severity P1" in printed
    assert "knows-this" not in played.here.all_runs()[0].journal.read_text(encoding="utf-8")


def test_a_wrong_token_is_refused_and_in_the_run(played: Played) -> None:
    said = [
        played.call("declare", "--as", "lin", code=2),
        played.call("declare", "--as", "lin", "--token", "a-guess", code=2),
        played.call("done", "x", "--for", "mei", *LIN, code=2),
        played.call("role", "IC", "mei", *LIN, code=2),
    ]
    played.end()

    assert "lin has a token, and it was not given" in said[0]
    assert "the token is not lin's" in said[1]
    assert {event.kind for event in played.acts()} == {"act.refused"}
    assert [event.data["actor"] for event in played.acts()][:3] == ["lin", "lin", "mei"]
    assert played.acts()[3].data["why"] == "the role IC is not mei's to take"
    assert "a-guess" not in played.here.all_runs()[0].journal.read_text(encoding="utf-8")


def test_the_environment_says_who_acts(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOS_DRILLS_ACTOR", "lin")
    monkeypatch.setenv("CHAOS_DRILLS_TOKEN", "lin-knows-this")
    monkeypatch.setenv("CHAOS_DRILLS_RUN", played.here.all_runs()[0].short)

    assert "by lin (attributed)" in played.call("note", "x")


def test_thirty_at_once_are_all_in_the_run_once(played: Played) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: played.call("note", str(number)), range(30)))
    played.end()

    assert sorted(int(event.data["text"]) for event in played.acts()) == list(range(30))


def test_no_act_that_was_acknowledged_is_lost_when_the_conductor_is_killed(played: Played) -> None:
    """Thirty are under way while it is killed: each is in the journal, or its command said that it is not."""
    assert played.drill
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(played.here.call, "note", str(number)) for number in range(30)]
        wait_until(lambda: played.has("act.recorded"), "one is taken down")
        played.drill.send_signal(signal.SIGKILL)
        done = [call.result() for call in calls]
    wait_until(lambda: not played.here.all_runs()[0].is_live, "the run is healed")
    acknowledged = [number for number, (code, _) in enumerate(done) if code == 0]
    there = [int(event.data["text"]) for event in played.acts()]

    assert len(acknowledged) > 0
    assert sorted(there) == acknowledged
    assert all("act-not-taken" in said or "unknown-run" in said for code, said in done if code)


def test_without_a_run_there_is_nobody_to_tell(tmp_path: Path) -> None:
    with ground(tmp_path, DRILL, "a") as here:
        code, said = here.call("ack")
        ran, _ = here.call("act", "--", "touch", str(tmp_path / "made"))

    assert (code, ran) == (2, 2)
    assert "drills ack: no runs are under way" in said
    assert not (tmp_path / "made").exists()


def test_a_command_is_run_as_it_would_be_without_us(played: Played) -> None:
    nothing = played.call("act", "--", "no-such-command", code=127)
    played.call("act", "--", "sh", "-c", "kill -9 $$", code=137)
    played.call("act", code=2)
    hidden = played.call("act", "--", "true", "--password", "opensesame")
    played.end()

    assert "no-such-command: No such file or directory" in nothing
    assert [(event.data["cmd"], event.data["exit"]) for event in played.acts()] == [
        ("no-such-command", 127), ("sh -c 'kill -9 $$'", 137), ("true --password ***", 0),
    ]  # fmt: skip
    assert "opensesame" not in hidden


def test_acts_stand_in_the_report(played: Played) -> None:
    played.call("severity", "P1", *LIN)
    played.end()
    report = json.loads((played.here.all_runs()[0].path / "report.json").read_text(encoding="utf-8"))

    assert "lin (attributed): severity P1" in json.dumps(report["moments"], ensure_ascii=False)


def test_what_is_said_in_a_chat_and_to_customers_is_in_the_run(played: Played) -> None:
    event = {
        "type": "message",
        "channel": "C1",
        "user": "U1",
        "text": "#update still looking",
        "ts": "1355517523.000005",
    }
    body = json.dumps({"type": "event_callback", "event_id": "Ev1", "event": event}).encode()
    stamp = str(int(time.time()))
    signed = hmac.new(b"slack-and-we-know-this", f"v0:{stamp}:".encode() + body, "sha256").hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed}"}
    notice = json.dumps({"text": "Orders fail; next word at 10:30"}).encode()

    assert post(played.chat, body, headers) == post(played.chat, body, headers) == 200
    assert post(played.chat, body, {**headers, "X-Slack-Signature": "v0=x"}) == 401
    assert post(played.notices, notice, {"Authorization": "Bearer slack-and-we-know-this"}) == 200
    printed = played.end()

    assert [(one.kind, one.source, str(one.trust)) for one in played.acts()] == [
        ("act.recorded", "observer:war-room", "attributed"), ("act.repeated", "observer:war-room", "observed"),
        ("act.refused", "observer:war-room", "observed"), ("act.recorded", "observer:page", "attributed"),
    ]  # fmt: skip
    said, _, _, told_customers = (one.data for one in played.acts())
    assert (said["actor"], said["team"], said["channel"], said["tag"]) == ("lin", "sre", "war-room", "update")
    assert (told_customers["act"], told_customers["target"]) == ("webhook", "statuspage")
    assert "lin: said in war-room (update): #update still looking" in printed
    assert "observer:war-room: chat is refused: sent with a wrong signature or token" in printed


def post(port: int, body: bytes, headers: dict[str, str]) -> int:
    """Status of the answer."""
    request = Request(f"http://127.0.0.1:{port}/", body, {"Content-Type": "application/json", **headers}, method="POST")
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
