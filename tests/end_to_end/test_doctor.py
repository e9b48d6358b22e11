"""Before anything is broken: what `drills doctor`, `drills plan` and a run find with real Prometheus and Alertmanager."""

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from drills import journal
from tests.checks.observers.monitoring import GENERATIONS, Generation, alertmanager, gauges, prometheus
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.end_to_end.watched import NOBODY, Watched, route, rule
from tests.ports import free_port

each_generation = pytest.mark.parametrize("generation", GENERATIONS)
WATCHDOG = {"alert": "Watchdog", "expr": "vector(1)"}
EXPECTED = {"name": "PageDown", "within": "20s", "severity": "page", "reaches": "oncall", "annotations": ["summary"]}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    here = Desk(tmp_path)
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with it")


def write(desk: Desk, watched: Watched, *expected: Mapping[str, Any], safety: Mapping[str, Any] | None = None) -> None:
    """A drill on a web server that is watched like this, with a dead man, and what is expected of its alerts."""
    watched.write(desk.folder)
    inventory = desk.folder / "inventory.yaml"
    content = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    content["observers"]["routing"]["alertmanager"]["dead_man"] = "Watchdog"
    inventory.write_text(yaml.safe_dump(content), encoding="utf-8")
    drill = {
        "drill": "foreseen", "lab": "lab.yaml", "safety": safety or {},
        "probes": {"page": {"tcp": "web", "every": "100ms", "timeout": "400ms"}},
        "steady": [{"probe": "page", "success": ">= 95%", "hold": "2s"}],
        "faults": [{"id": "hangs", "pause": "web", "for": "3s"}],
        "checks": [{"alert": {**one, "after": "hangs"}} for one in expected or [EXPECTED]],
    }  # fmt: skip
    (desk.folder / "drill.yaml").write_text(yaml.safe_dump(drill, sort_keys=False), encoding="utf-8")


def watched(generation: Generation, *rules: Mapping[str, Any], **more: Any) -> Watched:
    return Watched(generation=generation, rules=[WATCHDOG, *(rules or [rule("PageDown", wait="1s")])], **more)


def lines(said: str, grade: str) -> list[str]:
    """What was said of this grade."""
    return [" ".join(line.split()) for line in said.splitlines() if line.startswith(f"  {grade} ")]


def is_clean(desk: Desk) -> bool:
    """No run is kept, listed or alive."""
    return not desk.runs.exists() and not any((desk.folder / "state" / "open").iterdir())


class TestDoctor:
    @each_generation
    def test_all_is_fine_a_canary_arrives_and_nothing_is_left(self, desk: Desk, generation: Generation) -> None:
        write(desk, watched(generation))
        code, said = desk.call("doctor", "drill.yaml", "--canary")

        assert code == 0, said
        assert "all is fine" in said
        assert "fine alert Watchdog is alive" in lines(said, "fine")
        assert (
            "fine alert PageDown reaches oncall at worst after scrape 500 ms + evaluation 500 ms + for 1 s + grouping 0 s = 2 s; "
            "limit 20 s"
        ) in lines(said, "fine")
        (canary,) = [line for line in lines(said, "fine") if line.startswith("fine canary")]
        assert "called ChaosDrillsCanary" in canary
        assert "reached oncall after" in canary
        assert is_clean(desk)

    def test_a_canary_that_shares_a_group_with_real_pages_says_how_long_to_wait(self, desk: Desk) -> None:
        """Where only the true name leads to the receiver, and nothing tells its group apart."""
        routes = [{**route("PageDown"), "group_by": ["severity"], "group_interval": "7s"}]
        write(desk, watched("new", routes=[{**routes[0], "receiver": "pager"}],
                            receivers={"oncall": NOBODY, "pager": "http://127.0.0.1:${port.sink}/"}),
              {**EXPECTED, "reaches": "pager"})  # fmt: skip
        code, said = desk.call("doctor", "drill.yaml", "--canary")

        assert code == 0, said
        assert "called PageDown, reached pager" in said
        assert "its group lives on, so wait 7 s before the drill" in said

    def test_a_pipeline_that_ends_nowhere_is_found_by_a_canary_alone(self, desk: Desk) -> None:
        write(desk, watched("new", receivers={"oncall": NOBODY}))
        code, said = desk.call("doctor", "drill.yaml", "--canary")

        assert code == 1, said
        assert lines(said, "WRONG") == ["WRONG canary the canary of PageDown did not reach oncall within 10 s"]
        assert desk.call("doctor", "drill.yaml")[0] == 0

    def test_a_route_that_leads_elsewhere_has_no_canary_that_would_hide_it(self, desk: Desk) -> None:
        """One with a name of its own would arrive, by a route that the true one does not take."""
        receivers = {"oncall": "http://127.0.0.1:${port.sink}/", "others": NOBODY}
        write(desk, watched("new", routes=[route("PageDown", receiver="others")], receivers=receivers))
        code, said = desk.call("doctor", "drill.yaml", "--canary")

        assert code == 1, said
        assert lines(said, "WRONG") == ['WRONG alert PageDown goes to others (alertname="PageDown") and not to oncall']
        assert lines(said, "UNKNOWN") == ["UNKNOWN canary no canary of PageDown can be led to oncall"]

    def test_a_page_that_the_sink_refuses_is_told_with_its_reason(self, desk: Desk) -> None:
        write(desk, watched("new"))
        inventory = desk.folder / "inventory.yaml"
        inventory.write_text(
            inventory.read_text(encoding="utf-8").replace("drill-token", "other-token"), encoding="utf-8"
        )
        code, said = desk.call("doctor", "drill.yaml", "--canary")

        assert code == 1, said
        (wrong,) = lines(said, "WRONG")
        assert wrong.endswith("did not reach oncall, and the sink refused a page: sent with a wrong token")

    @each_generation
    def test_each_mistake_is_told_with_its_cure(self, desk: Desk, generation: Generation) -> None:
        write(
            desk, watched(generation, rule("PageDown", wait="1s"), rule("Fails", 'label_replace(up, "a", "", "b", "(")'),
                          rule("Empty", "nothing > 0")),
            {**EXPECTED, "name": "PageDwn"},
            {**EXPECTED, "name": "PageDown", "reaches": "oncal"},
            {**EXPECTED, "name": "PageDown", "within": "900ms"},
            {**EXPECTED, "name": "PageDown", "annotations": ["impact"]},
            {**EXPECTED, "name": "Empty"},
            {**EXPECTED, "name": "Fails"},
        )  # fmt: skip
        code, said = desk.call("doctor", "drill.yaml")

        assert code == 1, said
        *wrong, fails = lines(said, "WRONG")
        assert fails.startswith("WRONG alert 6 the rule of Fails fails: invalid regular expression")
        assert wrong == [
            "WRONG alert no rule is called PageDwn",
            "WRONG alert 2 no receiver is called oncal",
            "WRONG alert 3 PageDown cannot reach oncall before for 1 s + grouping 0 s = 1 s; limit 900 ms",
            "WRONG alert 4 the rule of PageDown has no annotation impact",
        ]
        assert lines(said, "DOUBTFUL") == [
            "DOUBTFUL alert 5 the rule of Empty finds no series now, so it may never fire"
        ]
        assert {"did you mean PageDown?", "did you mean oncall?", "write it into the rule"} <= {
            line.strip() for line in said.splitlines()
        }
        assert is_clean(desk)

    def test_an_observer_that_cannot_be_heard_is_wrong(self, desk: Desk) -> None:
        write(desk, watched("new"))
        inventory = desk.folder / "inventory.yaml"
        text = inventory.read_text(encoding="utf-8").replace(
            "http://127.0.0.1:${port.metrics}", "http://127.0.0.1:${port.nobody}"
        )
        inventory.write_text(text, encoding="utf-8")
        code, said = desk.call("doctor", "drill.yaml")

        assert code == 1, said
        assert any("metrics cannot be heard" in line for line in lines(said, "WRONG"))

        code, said = desk.call("run", "drill.yaml")
        assert code == 3, said
        assert not desk.has("injection.intended")

    def test_a_lab_that_does_not_start_is_told_and_ended(self, desk: Desk) -> None:
        dies = {
            "dies": {"run": ["${python}", "-c", "print('no room'); raise SystemExit(1)"], "ready": {"output": "never"}}
        }
        write(desk, watched("new", more=dies))
        code, said = desk.call("doctor", "drill.yaml")

        assert code == 1, said
        (wrong,) = lines(said, "WRONG")
        assert wrong.startswith("WRONG start the lab did not start: dies ended before it was ready")
        assert is_clean(desk)

    def test_ctrl_c_ends_the_lab_and_leaves_nothing(self, desk: Desk) -> None:
        write(desk, watched("new", rule("Empty", "nothing > 0")), {**EXPECTED, "name": "Empty"})
        process = desk.start("doctor", "drill.yaml")
        wait_until(lambda: desk.has("observer.opened"), "the lab runs, and is looked at", 60)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

        assert process.returncode == 4, said
        assert is_clean(desk)

    def test_when_it_is_killed_the_reaper_ends_the_lab(self, desk: Desk) -> None:
        write(desk, watched("new", rule("Empty", "nothing > 0")), {**EXPECTED, "name": "Empty"})
        process = desk.start("doctor", "drill.yaml")
        wait_until(lambda: desk.has("observer.opened"), "the lab runs, and is looked at", 60)
        process.kill()
        process.communicate(timeout=60)

        wait_until(lambda: not desk.left(), "the lab has ended")
        wait_until(lambda: not any((desk.folder / "state" / "open").iterdir()), "it is not listed any more")
        assert process.returncode == -signal.SIGKILL
        assert desk.left() == []

    def test_a_target_that_is_not_there_is_told_without_a_lab(self, desk: Desk) -> None:
        (desk.folder / "inventory.yaml").write_text(
            "environment: lab\ntargets: {web: {process: {pidfile: /nowhere/web.pid, start: [web]}}}\n", encoding="utf-8"
        )
        (desk.folder / "drill.yaml").write_text("drill: d\nfaults: [{pause: web}]\n", encoding="utf-8")
        code, said = desk.call("doctor", "drill.yaml")

        assert code == 1, said
        assert "WRONG plan pause of `web` has no target" in " ".join(said.split())
        assert not desk.runs.exists()

    def test_a_drill_that_cannot_be_read_is_a_mistake(self, desk: Desk) -> None:
        (desk.folder / "drill.yaml").write_text("drill: d\nfault: x\n", encoding="utf-8")
        code, said = desk.call("doctor", "drill.yaml")

        assert code == 2, said
        assert "[unknown-setting]" in said
        assert not desk.runs.exists()


class TestRun:
    def kinds(self, desk: Desk) -> list[str]:
        return [event.kind for event in journal.read(desk.run().journal)]

    def test_what_is_sure_to_be_in_vain_breaks_nothing(self, desk: Desk) -> None:
        write(desk, watched("new"), {**EXPECTED, "name": "PageDwn"})
        code, said = desk.call("run", "drill.yaml")

        assert code == 3, said
        assert "it would be in vain: no rule is called PageDwn" in said
        assert [kind for kind in self.kinds(desk) if kind.startswith("injection.")] == []
        (found,) = [one for one in desk.told("preflight.found") if one["grade"] == "wrong"]
        assert (found["check"], found["cure"]) == ("alert", "did you mean PageDown?")
        notes = [one["text"] for one in desk.report()["findings"]]
        assert "foreseen: no rule is called PageDwn; did you mean PageDown?" in notes

    def test_with_tell_it_goes_on_and_tells(self, desk: Desk) -> None:
        write(desk, watched("new"), {**EXPECTED, "name": "PageDwn", "within": "3s"}, safety={"preflight": "tell"})
        code, said = desk.call("run", "drill.yaml")

        assert code == 1, said
        assert "injection.verified" in self.kinds(desk)
        assert [one["what"] for one in desk.told("preflight.found") if one["grade"] == "wrong"] == [
            "no rule is called PageDwn"
        ]


class TestPlan:
    def test_what_runs_in_the_lab_is_left_to_the_doctor(self, desk: Desk) -> None:
        write(desk, watched("new"))
        code, said = desk.call("plan", "drill.yaml")

        assert code == 0, said
        assert (
            "alerts   metrics, pages, routing: looked at once the lab runs; to do it now: drills doctor drill.yaml"
            in said
        )
        assert "breaks nothing when it is foreseen" in said

    @each_generation
    def test_what_runs_already_is_looked_at(self, desk: Desk, generation: Generation) -> None:
        config = {"route": {"receiver": "oncall", "group_wait": "1s"}, "receivers": [{"name": "oncall"}]}
        rules = yaml.safe_dump({"groups": [{"name": "g", "rules": [rule("PageDown", 'up{job="gauges"} == 0', "2s")]}]})
        with (
            alertmanager(generation, config) as routing,
            gauges() as target,
            prometheus(generation, rules, [target], alertmanager=routing.url) as metrics,
            running(desk.folder) as web,
        ):
            staging(desk, web, {"prometheus": metrics.url, "alertmanager": routing.url})
            code, said = desk.call("plan", "drill.yaml")
            assert code == 0, said
            assert (
                "fine: PageDown reaches oncall at worst after scrape 500 ms + evaluation 500 ms + for 2 s + grouping 1 s = 4 s; "
                "limit 20 s"
            ) in said
            assert "wrong: no rule is called PageDwn; did you mean PageDown?" in said

            staging(desk, web, {"prometheus": "http://127.0.0.1:1", "alertmanager": routing.url})
            code, said = desk.call("plan", "drill.yaml")
            assert code == 0, said
            assert "wrong: prometheus cannot be heard" in said
        assert not desk.runs.exists()


@contextmanager
def running(folder: Path) -> Iterator[Path]:
    """A process that could be paused; its pidfile."""
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            (folder / "web.pid").write_text(str(process.pid), encoding="utf-8")
            yield folder / "web.pid"
        finally:
            process.kill()


def staging(desk: Desk, pidfile: Path, observers: Mapping[str, str]) -> None:
    """The drill on what runs already."""
    heard: dict[str, Any] = {name: {name: {"url": url}} for name, url in observers.items()}
    heard["pages"] = {"sink": {"listen": f"127.0.0.1:{free_port()}", "token": ""}}
    web = {"process": {"pidfile": str(pidfile), "start": ["sleep", "600"]}}
    inventory = {"environment": "lab", "targets": {"web": web}, "observers": heard}
    drill = {"drill": "foreseen", "faults": [{"id": "hangs", "pause": "web"}],
             "checks": [{"alert": {**EXPECTED, "name": name, "after": "hangs"}} for name in ("PageDown", "PageDwn")]}  # fmt: skip
    for name, content in (("inventory", inventory), ("drill", drill)):
        (desk.folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
