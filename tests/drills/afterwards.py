"""A run with people in it, for what comes afterwards: two minutes of outage, a late page, and a team that mends it.

`python -m tests.drills.afterwards` writes the drafts of its review anew; look at the difference.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks import Trust
from drills.rundir import RunDir
from tests.drills.test_judging import run_of
from tests.drills.writing import Story, samples

GOLDEN = Path(__file__).parent / "golden"
DRILL = """
drill: lose-the-primary
title: {en: The cache loses its primary, zh: 缓存主库宕机}
about: {en: The primary of the cache is killed., zh: 杀死缓存主库。}
severity: P2
probes:
  orders: {tcp: cache, every: 100ms}
steady: {probe: orders, success: ">= 90%", hold: 3s}
faults:
  - {id: dies, kill: cache-primary}
checks:
  - failover: {probe: orders, after: dies, within: 5s}
  - alert: {name: CachePrimaryDown, after: dies, within: 5s, reaches: oncall}
  - sop: {file: sop.yaml}
"""
SOP = """
kind: SOP
id: cache
roles: {L1: {initial: true, holds: [IC]}, IC: {exclusive: true}, CL: {}}
events:
  announce: {any_of: [{kind: chat, tag: announce}]}
  change: {any_of: [{kind: cli, mutating: true}, {kind: flag.write}]}
rules:
  - {id: triage, level: must, do: incident.severity, of: page.delivered, within: 1m, by: [L1, IC]}
  - {id: announce, level: must, order: {first: announce, then: change, same: [change_id]}}
"""
PAGE = {"alert": "CachePrimaryDown", "fingerprint": "f", "labels": {"alertname": "CachePrimaryDown"}, "starts_unix": None,
        "ends_unix": None}  # fmt: skip
Told = tuple[float, Callable[[Story], object]]


def told(t_s: float, kind: str, /, **data: Any) -> Told:
    """An event of the run itself."""
    return t_s, lambda story: story.at(t_s, kind, **data)


def act(t_s: float, name: str, actor: str = "", /, *, trust: Trust = Trust.ATTRIBUTED, **data: Any) -> Told:
    """Somebody does something."""

    def tell(story: Story) -> None:
        story.at(t_s, "run.phase_entered", phase="faults")  # moves the clock
        story._journal.append("act.recorded", {"act": name, "actor": actor, "team": "", "text": "", **data},
                              source=f"human:{actor}", trust=trust)  # fmt: skip

    return t_s, tell


def page(t_s: float, status: str, **annotations: str) -> Told:
    """A page is delivered to oncall."""
    return told(t_s, "page.received", observer="pages", receiver="oncall", group="g", status=status, truncated=0, attempt=1,
                new=True, answered=200, format="alertmanager", reason="",
                alerts=[{**PAGE, "status": status, "annotations": annotations}])  # fmt: skip


def alert(t_s: float, state: str) -> Told:
    """Prometheus tells what it holds the alert for."""
    return told(t_s, "alert.state", observer="metrics", alert="CachePrimaryDown", labels=PAGE["labels"], series="s",
                state=state, since_unix=None, active_unix=None)  # fmt: skip


def machines() -> list[Told]:
    """What happens by itself: good until second 8, bad until 128, good until 200."""
    names = {"injection": "run-dies", "fault": "dies", "target": "cache-primary"}
    seen = "+" * 70 + "-" * 1200 + "+" * 720
    looks = [told(1 + (start + 50) / 10, "probe.sampled", **samples("orders", 1 + start / 10, seen[start : start + 50], n=start))
             for start in range(0, len(seen), 50)]  # fmt: skip
    return [
        told(0, "fault.planned", fault="dies", does="kill (cache-primary)", target="cache-primary"),
        told(0.5, "run.phase_entered", phase="preparing"),
        told(0.6, "observer.opened", observer="metrics", kind="prometheus", what="Prometheus"),
        told(0.6, "observer.opened", observer="pages", kind="sink", what="a sink"),
        told(0.9, "probe.opened", probe="orders", kind="tcp", target="cache", every_s=0.1, timeout_s=1.0, writes=False),
        told(1, "run.phase_entered", phase="steady"),
        told(5, "steady.confirmed", phase="before", from_s=2.0, to_s=5.0),
        told(5, "run.phase_entered", phase="faults"),
        (7.9, lambda story: story.fault("dies", intended=7.9, effect=8.0, target="cache-primary", injector="kill")),
        alert(9, "pending"), alert(19, "firing"), page(22, "firing", runbook_url="https://wiki.example/cache"),
        page(132, "resolved"), alert(133, "inactive"),
        told(160, "injection.healing", **names), told(161, "injection.gone", **names, why="it runs"),
        told(161, "run.phase_entered", phase="recovery"),
        told(170, "steady.confirmed", phase="after", from_s=167.0, to_s=170.0),
        told(175, "residue.scanned", when="after", found=[]), told(180, "run.closed", by="conductor"), *looks,
    ]  # fmt: skip


TEAM = [
    act(30, "page.acked", "lin", page="CachePrimaryDown"),
    act(35, "incident.declared", "lin", text="orders fail"),
    act(40, "chat", "wang", text="whose fault is it? | looking", channel="war-room"),
    act(45, "incident.severity", "lin", severity="P1"),
    act(50, "role.taken", "chen", role="CL", holder="chen"),
    act(62, "cli", "zhao", cmd="=cmd|' /C calc'!A0", mutating=True, took_s=3.0, exit=0, change_id="c1"),
    act(70, "chat", "lin", text="@all 从库 r1 上线", channel="war-room", tag="announce", change_id="c2"),
    act(80, "submit.diagnosis", "zhao", text="the replica was asleep"),
    act(90, "flag.write", "wang", flag="order_admission", change_id="c2"),
    act(110, "incident.resolved", "lin", text="too early"),
    act(150, "incident.resolved", "lin", text="orders are good"),
    act(155, "note", "chen", trust=Trust.DECLARED, text="the dashboard was wrong", scripted=True),
]


def run(folder: Path, *acts: Told, drill: str = DRILL, sop: str = SOP, **opening: Any) -> RunDir:
    """The directory of a run in which these acts were done."""

    def tell(story: Story) -> None:
        for _, one in sorted([*machines(), *acts], key=lambda pair: pair[0]):
            one(story)

    return run_of(folder, tell, drill=drill, sop=sop, **opening)


def drafts() -> dict[str, str]:
    """The review's drafts, by language."""
    from drills.reviewing import NAME, review

    found = {}
    for language in ("en", "zh"):
        with tempfile.TemporaryDirectory() as folder:
            kept = run(Path(folder), *TEAM)
            review(kept, path=None, today=None, language=language)
            found[language] = (kept.path / NAME).read_text(encoding="utf-8")
    return found


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for language, text in drafts().items():
        (GOLDEN / f"review.{language}.md").write_text(text, encoding="utf-8")
