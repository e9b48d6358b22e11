"""What happens to those who watch while a drill goes on, and what people do meanwhile: nothing of it makes a check pass.

Whole drills against real programs. Most of a drill is waiting, so both generations run theirs at the same time.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks.observers.monitoring import GENERATIONS, Generation, ask
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.end_to_end.watched import NOBODY, SINK, Watched, route, rule, stubborn

OUTAGE = {"id": "outage", "pause": "web"}
Story = Callable[[Path, Generation], "Told"]
"""A drill, run on a watched web server in a folder."""


@dataclass(frozen=True)
class Told:
    """A drill that is over."""

    code: int
    said: str
    verdicts: Mapping[str, Mapping[str, Any]]
    desk: Desk

    def of(self, check: str) -> str:
        """Outcome and reason of a check."""
        verdict = self.verdicts[check]
        return f"{verdict['outcome']}: {verdict['because']['text']}"


def pages(desk: Desk, alert: str) -> list[dict[str, Any]]:
    """Each time that the sink was told that this alert fires, as it was told."""
    alerts = [one for page in desk.told("page.received") for one in page["alerts"]]
    return [one for one in alerts if (one["alert"], one["status"]) == (alert, "firing")]


def conduct(folder: Path, watched: Watched, faults: list[Any], *checks: tuple[str, dict[str, Any]],
            meanwhile: Callable[[Desk], None] = lambda desk: None) -> Told:  # fmt: skip
    """Run a drill on a web server that is watched like this, and do something meanwhile."""
    watched.write(folder)
    drill = {
        "drill": "not-fooled",
        "lab": "lab.yaml",
        "safety": {"max_targets": 3, "preflight": "tell"},
        "probes": {"page": {"tcp": "web", "every": "100ms", "timeout": "400ms"}},
        "steady": [{"probe": "page", "success": ">= 95%", "hold": "2s", "at_least": 10}],
        "faults": faults,
        "checks": [{"id": id_, **check} for id_, check in checks],
    }
    (folder / "drill.yaml").write_text(yaml.safe_dump(drill, width=1000), encoding="utf-8")
    desk = Desk(folder)
    process = desk.start("run", "drill.yaml")
    try:
        meanwhile(desk)
        said, _ = process.communicate(timeout=120)
    except AssertionError as error:
        process.kill()
        raise AssertionError(process.communicate(timeout=20)[0]) from error
    finally:
        process.kill()
    wait_until(lambda: not desk.left(), "nothing is left that has to do with the run")
    verdicts = {one["id"]: one["verdict"] for one in desk.report()["checks"]}
    return Told(process.returncode, said, verdicts, desk)


def alert(name: str, within: str, reaches: str = "oncall", **more: Any) -> dict[str, Any]:
    """That this alert reaches somebody after the outage."""
    return {"alert": {"name": name, "after": "outage", "within": within, "reaches": reaches, **more}}


def silence(desk: Desk, alert: str) -> None:
    """What a responder does who has seen enough of an alert."""
    routing = next(one["what"] for one in desk.told("observer.opened") if one["kind"] == "alertmanager")
    now, matcher = time.time(), {"name": "alertname", "value": alert, "isRegex": False, "isEqual": True}
    ask(f"http://{routing.rpartition(' ')[2]}/api/v2/silences", {
        "matchers": [matcher], "startsAt": datetime.fromtimestamp(now, UTC).isoformat(),
        "endsAt": datetime.fromtimestamp(now + 600, UTC).isoformat(), "createdBy": "li", "comment": "on it",
    })  # fmt: skip


# --- one outage, and all that can become of an alert


def short_outage(folder: Path, generation: Generation) -> Told:
    """The web server hangs for 4 seconds. Twelve alerts are about it, each of which goes another way."""
    flaps = "(vector(time()) % 3 < 1.5) and on() max_over_time((1 - up{job='web'})[8s:500ms]) > 0"
    outlives = "max_over_time((1 - up{job='web'})[2s:500ms]) > 0"  # what inhibits is over after what it inhibits
    watched = Watched(
        generation=generation,
        rules=[*map(rule, ("Acked", "Blip", "Elsewhere", "DeadEnd", "Stubborn")), rule("Silenced", wait="2s"),
               rule("Root", outlives), rule("Inhibited", wait="1s"), rule("Patient", wait="8s"),
               rule("Stale", "vector(1)"), rule("Flaps", flaps)],
        routes=[route("Blip", "7s"), route("Elsewhere", receiver="chat"), route("DeadEnd", receiver="dead"),
                route("Stubborn", receiver="stubborn"), route("Stale", "7s")],
        receivers={"oncall": SINK, "chat": SINK, "dead": NOBODY, "stubborn": "http://127.0.0.1:${port.stubborn}/"},
        inhibit=[{"source_matchers": ['alertname="Root"'], "target_matchers": ['alertname="Inhibited"']}],
        more={"stubborn": stubborn(3)},
    )  # fmt: skip

    def respond(desk: Desk) -> None:
        wait_until(lambda: desk.has("injection.verified"), "the outage is there")
        silence(desk, "Silenced")
        wait_until(lambda: pages(desk, "Acked"), "a page has come")
        silence(desk, "Acked")

    return conduct(
        folder, watched, [{**OUTAGE, "for": "4s"}],
        *((name.lower(), alert(name, "8s")) for name in ("Silenced", "Acked", "Inhibited", "Blip", "Patient", "Elsewhere",
                                                        "Stale", "NoSuch")),
        ("deadend", alert("DeadEnd", "8s", "dead")),
        ("stubborn", alert("Stubborn", "8s", "stubborn")),
        ("too-stubborn", alert("Stubborn", "3s", "stubborn")),
        ("root", alert("Root", "8s", resolves_within="8s")),
        ("acked-until-the-end", alert("Acked", "8s", resolves_within="3s")),
        ("flaps", alert("Flaps", "8s", resolves_within="14s")),
        ("flaps-on", alert("Flaps", "8s", resolves_within="3s")),
        meanwhile=respond,
    )  # fmt: skip


WHAT_BECAME_OF_EACH = {
    "silenced": r"failed: Silenced fired and was silenced by [0-9a-f]{8} of li \(on it\); limit 8 s",
    "acked": r"passed: Acked reached oncall after ",
    "acked-until-the-end": r"unknown: Acked reached oncall in time, and was then suppressed by [0-9a-f]{8} of li \(on it\)",
    "inhibited": r"failed: Inhibited fired and was inhibited by Root; limit 8 s",
    "blip": r"failed: Blip fired after .* and never reached oncall; limit 8 s",
    "patient": r"failed: Patient was pending and never fired; limit 8 s",
    "elsewhere": r"failed: Elsewhere reached chat and never oncall; limit 8 s",
    "deadend": r"failed: DeadEnd fired after .* and never reached dead; limit 8 s",
    "stubborn": r"passed: Stubborn reached stubborn after ",
    "too-stubborn": r"failed: Stubborn reached stubborn only after ",
    "stale": r"unknown: Stale was there already before outage, so it proves nothing",
    "nosuch": r"failed: NoSuch never fired, since there is no such rule",
    "root": r"passed: Root reached oncall after ",
    "flaps": r"passed: Flaps reached oncall after .*; it fired \d+ times",
    "flaps-on": r"failed: Flaps reached oncall in time, but was resolved only .* after outage was gone; limit 3 s",
}


# --- those who watch die, or are started anew


def prometheus_dies(folder: Path, generation: Generation) -> Told:
    """Two alerts have fired, and wait for their groups, one of them longer than it lives; another is still pending."""
    watched = Watched(generation=generation, rules=[rule("Fired"), rule("Forgotten"), rule("Pending", wait="8s")],
                      routes=[route("Fired", "2s"), route("Forgotten", "60s")])  # fmt: skip
    dies = {"id": "dies", "kill": "metrics", "when": {"alert": "Fired", "state": "firing"}}
    return conduct(folder, watched, [OUTAGE, dies],
                   *((name.lower(), alert(name, "10s")) for name in ("Fired", "Forgotten", "Pending")))  # fmt: skip


def prometheus_is_restarted(folder: Path, generation: Generation) -> Told:
    """One alert has fired; another is pending, and is so again from the beginning."""
    watched = Watched(generation=generation, rules=[rule("Fired"), rule("Pending", wait="4s")],
                      routes=[route("Fired", "3s")], resend="3s")  # fmt: skip
    again = {"id": "again", "restart": "metrics", "when": {"alert": "Fired", "state": "firing"}}
    checks = {"fired": alert("Fired", "8s"), "pending": alert("Pending", "5s"), "patience": alert("Pending", "25s")}
    return conduct(folder, watched, [OUTAGE, again], *checks.items())


def alertmanager_dies(folder: Path, generation: Generation) -> Told:
    """One page was delivered; another alert fires when nobody is there any more."""
    watched = Watched(generation=generation, rules=[rule("Early"), rule("Late", wait="3s")])
    dies = {"id": "dies", "kill": "alertmanager", "when": {"event": "page.received"}}
    outage = {**OUTAGE, "for": "7s"}  # over before Alertmanager is there again
    return conduct(folder, watched, [outage, dies], *((name.lower(), alert(name, "8s")) for name in ("Early", "Late")))


def alertmanager_comes_back(folder: Path, generation: Generation) -> Told:
    """It dies when it has delivered one page, and waits with another; later it is restarted, and may tidy up before."""
    watched = Watched(generation=generation, rules=[rule("Early"), rule("Held")], routes=[route("Held", "3s")])
    dies = {"id": "dies", "kill": "alertmanager", "when": {"event": "page.received"}, "for": "1s"}
    again = {"id": "again", "restart": "alertmanager", "at": "6s"}
    wishes = [{"name": name, "within": "8s", "reaches": "oncall"} for name in ("Early", "Held")]
    every = {"alerts": {"after": "outage", "expect": wishes}}
    return conduct(folder, watched, [OUTAGE, dies, again], ("every", every),
                   *((name.lower(), alert(name, "8s")) for name in ("Early", "Held")))  # fmt: skip


def both_come_back(folder: Path, generation: Generation) -> Told:
    """An alert fired long before. To those who are started anew it is news."""
    watched = Watched(generation=generation, rules=[rule("Stale", "vector(1)"), rule("True")])
    dead = [{"id": f"{one}-dies", "kill": one, "at": "500ms", "for": "1s"} for one in ("metrics", "alertmanager")]
    return conduct(folder, watched, [OUTAGE, *dead], ("stale", alert("Stale", "10s")), ("true", alert("True", "15s")))


# --- clocks

AHEAD = {"exact": 0, "ahead": 7, "behind": -7, "far-ahead": 180, "far-behind": -180, "set": 0}


def wrong_clocks(folder: Path, generation: Generation) -> Told:
    """Six Prometheus servers, of which two know what time it is; and the clock of one of these is set twice."""
    watched = Watched(generation=generation, metrics=AHEAD, resend="1m", routes=[route("Before", "7s")],
                      rules=[rule("Down"), rule("Slow", wait="3s"), rule("Before", "last_over_time(early[1m]) > 0")])  # fmt: skip

    def meanwhile(desk: Desk) -> None:
        wait_until(lambda: desk.has("steady.confirmed"), "the drill begins", 60)
        (desk.run().lab / "metrics.txt").write_text("early 1\n")
        wait_until(lambda: desk.has("injection.verified"), "the outage is there")
        (desk.run().lab / "set.ahead").write_text("7")
        wait_until(lambda: len(pages(desk, "Down")) == len(AHEAD), "pages of all of them have come")
        (desk.run().lab / "set.ahead").write_text("-7")

    checks = [(f"{name.lower()}-{by}{'-in-time' * (within == '12s')}", alert(name, within, labels={"by": by}))
              for by in AHEAD
              for name, within in (("Down", "12s"), ("Slow", "2s"), ("Slow", "12s"), ("Before", "12s"))]  # fmt: skip
    return conduct(folder, watched, [{**OUTAGE, "at": "3s"}], *checks, meanwhile=meanwhile)


# --- the stories, told


class Evening:
    """Tells each story once, for both generations at the same time, when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(len(GENERATIONS))
        self._told: dict[tuple[str, Generation], Future[Told]] = {}

    def told(self, story: Story, generation: Generation) -> Told:
        for one in GENERATIONS:
            if (story.__name__, one) not in self._told:
                folder = self._folder / f"{story.__name__}-{one}"
                folder.mkdir()
                self._told[story.__name__, one] = self._pool.submit(story, folder, one)
        return self._told[story.__name__, generation].result()

    def end(self) -> None:
        self._pool.shutdown()


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    one = Evening(tmp_path_factory.mktemp("evening"))
    yield one
    one.end()


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> Generation:
    found: Generation = request.param
    return found


@pytest.mark.parametrize("check", WHAT_BECAME_OF_EACH)
def test_each_alert_has_its_own_fate(evening: Evening, generation: Generation, check: str) -> None:
    assert re.match(WHAT_BECAME_OF_EACH[check], evening.told(short_outage, generation).of(check))


def test_a_blip_that_paged_nobody_was_there_for_all_to_see(evening: Evening, generation: Generation) -> None:
    """Whoever asks Alertmanager what it holds would take it for told."""
    told = evening.told(short_outage, generation)

    assert "active" in [one["state"] for one in told.desk.told("alert.held") if one["alert"] == "Blip"]
    assert pages(told.desk, "Blip") == []
    assert told.code == 1, told.said


def test_what_prometheus_had_not_told_when_it_died_is_unknown(evening: Evening, generation: Generation) -> None:
    told = evening.told(prometheus_dies, generation)

    assert told.of("fired").startswith("passed: Fired reached oncall after ")
    for name in ("Forgotten", "Pending"):
        assert told.of(name.lower()).startswith(f"unknown: {name} was not seen to be delivered in time, but metrics was not "
                                                "listening all the time: cannot be reached")  # fmt: skip
        assert pages(told.desk, name) == []
    assert told.code == 3, told.said


def test_a_restarted_prometheus_makes_a_page_late_and_not_two_of_one(evening: Evening, generation: Generation) -> None:
    told = evening.told(prometheus_is_restarted, generation)

    assert told.of("fired").startswith("passed: Fired reached oncall after ")
    assert len(pages(told.desk, "Fired")) == 1
    assert told.of("pending").startswith("failed: Pending reached oncall only after ")
    assert told.of("patience").startswith("passed: Pending reached oncall after ")
    assert told.desk.has("observer.restarted")
    assert told.code == 1, told.said


def test_what_alertmanager_had_not_delivered_when_it_died_is_unknown(evening: Evening, generation: Generation) -> None:
    told = evening.told(alertmanager_dies, generation)

    assert told.of("early").startswith("passed: Early reached oncall after ")
    assert told.of("late").startswith("unknown: Late was not seen to be delivered in time, but routing was not listening all "
                                      "the time: cannot be reached")  # fmt: skip
    assert told.code == 3, told.said


def test_an_alertmanager_that_forgot_pages_again_and_that_is_no_news(evening: Evening, generation: Generation) -> None:
    """It forgets when it is killed, and not when it is asked to end."""
    told = evening.told(alertmanager_comes_back, generation)

    assert told.of("early").startswith("passed: Early reached oncall after ")
    assert told.of("held").startswith("passed: Held reached oncall after ")
    assert told.of("every").startswith("unknown: nobody can say which other pages came after outage: routing was not")
    assert len(told.desk.told("observer.restarted")) == 2
    assert len(pages(told.desk, "Early")) == 2
    assert len({one["starts_unix"] for one in pages(told.desk, "Early")}) == 1
    assert told.code == 3, told.said


def test_an_old_alert_is_no_news_when_all_who_watch_were_started_anew(evening: Evening, generation: Generation) -> None:
    told = evening.told(both_come_back, generation)

    assert told.of("stale") == "unknown: Stale was there already before outage, so it proves nothing"
    assert len({one["starts_unix"] for one in pages(told.desk, "Stale")}) == 2, (
        "it looked as if it had begun after the outage"
    )
    assert told.of("true").startswith("passed: True reached oncall after ")
    assert told.code == 3, told.said


@pytest.mark.parametrize("by", [by for by in AHEAD if by != "set"])
def test_a_clock_that_is_wrong_neither_helps_nor_harms(evening: Evening, generation: Generation, by: str) -> None:
    told = evening.told(wrong_clocks, generation)

    assert told.of(f"down-{by}-in-time").startswith("passed: Down reached oncall after ")
    assert told.of(f"slow-{by}-in-time").startswith("passed: Slow reached oncall after ")
    assert told.of(f"slow-{by}").startswith("failed: Slow reached oncall only after ")
    assert told.of(f"before-{by}-in-time") == "unknown: Before was there already before outage, so it proves nothing"
    assert by in [one["labels"]["by"] for one in pages(told.desk, "Before")], "its page came after the outage began"
    for check in (f"down-{by}-in-time", f"slow-{by}-in-time"):
        parts = [one["value"] for name, one in told.verdicts[check]["measured"].items() if name.endswith("ing_s")]
        assert sum(parts) < 12, "the parts of its way are by our clock too"
    assert told.code == 1, told.said


def test_a_clock_that_is_set_in_the_middle_makes_nothing_pass_that_came_late(
    evening: Evening, generation: Generation
) -> None:
    """Set back, Prometheus sees nothing new until it is as late again as it was, and so does whoever asks it."""
    told = evening.told(wrong_clocks, generation)

    offsets = [one["offset_s"] for one in told.desk.told("observer.clock") if one["observer"] == "set"]
    assert max(offsets) > 6
    assert min(offsets) < -6
    assert not told.of("down-set-in-time").startswith("failed")
    assert not told.of("slow-set").startswith("passed")
    assert told.of("before-set-in-time").startswith("unknown")


def test_a_run_whose_conductor_is_killed_is_healed_and_proves_nothing(tmp_path: Path, generation: Generation) -> None:
    Watched(generation=generation, rules=[rule("Down")]).write(tmp_path)
    drill = {"drill": "not-fooled", "lab": "lab.yaml", "probes": {"page": {"tcp": "web"}}, "faults": [OUTAGE],
             "checks": [alert("Down", "20s", resolves_within="20s")]}  # fmt: skip
    (tmp_path / "drill.yaml").write_text(yaml.safe_dump(drill), encoding="utf-8")
    desk = Desk(tmp_path)
    process = desk.start("run", "drill.yaml")
    try:
        wait_until(lambda: desk.has("page.received"), "a page has come", 60)
    finally:
        process.kill()
        process.communicate(timeout=20)
    wait_until(lambda: not desk.left(), "nothing is left that has to do with the run")
    code, said = desk.call("judge", "last")

    assert code == 4, said
    assert "PASSED" not in said
