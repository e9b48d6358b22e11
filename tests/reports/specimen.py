"""Reports as real runs give them: the cache that loses its primary, in every way in which it can end."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import yaml

from checks import (
    Measured,
    Outcome,
    Ratio,
    Sample,
    Samples,
    Seen,
    Sentence,
    Verdict,
    Window,
    failed,
    passed,
    quantile,
    unknown,
)
from reports import CheckResult, FaultResult, Moment, Phase, ProbeResult, Report, Words
from reports.score import Cap, Dimension, Rubric, headline, run_outcome, score
from tests.reports import RUBRICS

EFFECT_S, BACK_S, GONE_S, END_S = 8.214, 10.244, 18.902, 31.4


def rubric(name: str = "ci") -> Rubric:
    """One of ours, read without the machinery that reads drills."""
    data = yaml.safe_load((RUBRICS / f"{name}.yaml").read_text(encoding="utf-8"))
    return Rubric(
        rubric=data["rubric"],
        about=data["about"],
        dimensions={key: Dimension(**one) for key, one in data["dimensions"].items()},
        caps={key: Cap(**one) for key, one in data["caps"].items()},
        confidence=Ratio(float(data["confidence"].removesuffix("%")) / 100),
    )


def digest(name: str) -> str:
    """Some SHA-256."""
    return hashlib.sha256(name.encode()).hexdigest()


def looks(
    probe: str,
    every_s: float,
    end_s: float,
    see: Callable[[float], tuple[Seen, float, str]],
    from_s: float = 1.4,
    seq: int = 20,
) -> Samples:
    """Looks at a steady pace; `see` says what each saw, how long it took and why."""
    chance = random.Random(probe)
    count = int((end_s - from_s) / every_s)
    found = []
    for n in range(count):
        planned_s = from_s + n * every_s
        sent_s = planned_s + abs(chance.gauss(0, 0.0003))
        seen, took_s, why = see(sent_s)
        noise = 1 + abs(chance.gauss(0, 0.25)) + (chance.random() < 0.01) * 4
        done_s = sent_s + (took_s if seen is Seen.BAD else took_s * noise)
        found.append(
            Sample(
                n=n,
                planned_s=round(planned_s, 6),
                sent_s=round(sent_s, 6),
                done_s=round(done_s, 6),
                seen=seen,
                why=why,
                seq=seq + n // 25,
            )
        )
    return Samples(probe, found)


def probe(samples: Samples, does: str, every_s: float, *, fell_behind: bool = False) -> ProbeResult:
    """A probe's result, summed up as the product does it."""
    took, late = samples.took_s(), samples.late_s()
    return ProbeResult(
        name=samples.probe,
        does=does,
        samples=samples,
        success=samples.success,
        p50_s=quantile(took, 0.5),
        p99_s=quantile(took, 0.99),
        max_s=max(took, default=None),
        blind=samples.count(Seen.BLIND),
        late_p99_s=quantile(late, 0.99),
        every_s=every_s,
        fell_behind=fell_behind,
    )


def check(id_: str, kind: str, title: str, limits: str, verdict: Verdict) -> CheckResult:
    """A check's result."""
    return CheckResult(id=id_, kind=kind, title=title, limits=limits, verdict=verdict)


def steady(phase: str = "before", verdict: Verdict | None = None) -> CheckResult:
    """The system at rest, before or after."""
    from_s, to_s = (1.4, 6.4) if phase == "before" else (24.9, 29.9)
    said = verdict or passed(
        "{share} of {n} looks good, p99 {p99}",
        share="100 %",
        n=250,
        p99="3 ms",
        proof=tuple(range(20, 30)),
        measured={"success": Measured(value=1, low=1, high=1, unit="ratio")},
        windows=(Window(lane="probe:orders", label=f"steady {phase}", from_s=from_s, to_s=to_s),),
    )
    limits = "probe orders, success >= 99.9%, p99 <= 50ms, hold 5s"
    return check(f"steady-{phase}", "steady", f"steady {phase}", limits, said)


def in_effect(verdict: Verdict | None = None) -> CheckResult:
    """That the primary is dead."""
    said = verdict or passed("cache-primary dead {after} after the signal", after="1 ms", proof=(62, 64))
    return check("in-effect-primary-dies", "fault_in_effect", "fault in effect", "fault primary-dies", said)


def failover(down_s: float = 2.03, limit_s: float = 5) -> CheckResult:
    """That somebody took over."""
    measured = {"outage": Measured(value=down_s, low=down_s - 0.02, high=down_s + 0.02, unit="s")}
    window = Window(lane="probe:orders", label="orders refused", from_s=EFFECT_S, to_s=EFFECT_S + down_s)
    values = {"outage": measured["outage"], "limit": f"{limit_s:g} s"}
    if down_s <= limit_s:
        said = passed(
            "orders refused for {outage}; limit {limit}",
            measured=measured,
            windows=(window,),
            proof=(64, 66, 78),
            **values,
        )
    else:
        credit = max(0.0, 1 - (down_s - limit_s) / limit_s)
        said = failed(
            "orders refused for {outage}; limit {limit}",
            harm="over_rto",
            credit=credit,
            measured=measured,
            windows=(window,),
            proof=(64, 66, 78),
            **values,
        )
    return check("failover", "failover", "failover", f"probe orders, after primary-dies, within {limit_s:g}s", said)


def data_loss(missing: int = 0) -> CheckResult:
    """That nothing acknowledged is missing."""
    measured = {"missing": Measured(value=missing, low=missing, high=missing, unit="count")}
    if missing:
        said = failed(
            "{missing} of {all} acknowledged orders missing (numbers {which}, last {ago} before the kill); limit {limit}",
            missing=missing,
            all="1 397",
            which="338-340",
            ago="12 ms",
            limit=0,
            harm="data_lost",
            proof=(41, 96),
            measured=measured,
            windows=(Window(lane="probe:orders", label="written and lost", from_s=EFFECT_S - 0.07, to_s=EFFECT_S),),
        )
    else:
        said = passed(
            "all {all} acknowledged orders are there; limit {limit} missing",
            all="1 397",
            limit=0,
            proof=(96,),
            measured=measured,
        )
    return check("data_loss", "data_loss", "data loss", "probe orders, at most 0", said)


def unaffected() -> CheckResult:
    """That the storefront stayed up."""
    window = Window(lane="probe:storefront", label="unaffected", from_s=EFFECT_S, to_s=GONE_S)
    said = passed(
        "{share} of {n} looks good while primary-dies was in effect; limit {limit}",
        share="100 %",
        n=107,
        limit=">= 99.5 %",
        windows=(window,),
        proof=(31, 33, 35, 37, 39, 41, 43, 45, 47),
    )
    return check(
        "storefront-stays-up",
        "unaffected",
        "unaffected",
        "probe storefront, during primary-dies, success >= 99.5%",
        said,
    )


def clean(left: str = "") -> CheckResult:
    """That nothing of ours is left."""
    said = (
        failed("{left}; `drills heal` takes it away", left=left, harm="not_clean", proof=(110,))
        if left
        else passed("nothing of ours is left", proof=(112,))
    )
    return check("clean", "clean", "clean", "", said)


def kill(**changed: object) -> FaultResult:
    """The primary, killed."""
    fault = FaultResult(
        id="primary-dies",
        does="SIGKILL to 1 process (cache-primary)",
        targets=("cache-primary",),
        acting_s=8.211,
        effect_s=EFFECT_S,
        healing_s=18.7,
        gone_s=GONE_S,
        trouble="",
    )
    return replace(fault, **changed)  # type: ignore[arg-type]


def orders(end_s: float = END_S, every_s: float = 0.02) -> ProbeResult:
    """A writer that is refused from the kill until a replica has taken over."""

    def see(at_s: float) -> tuple[Seen, float, str]:
        if EFFECT_S <= at_s < BACK_S:
            return (
                (Seen.BAD, 0.0004, "connection refused")
                if at_s < BACK_S - 0.6
                else (Seen.BAD, 0.25, "no answer in 250 ms")
            )
        return Seen.GOOD, 0.0021 if BACK_S <= at_s < BACK_S + 2 else 0.0009, ""

    return probe(looks("orders", every_s, end_s, see), "valkey cache, write numbered, every 20ms", every_s)


def storefront(end_s: float = END_S) -> ProbeResult:
    """A page that stays up and is slow for a while."""

    def see(at_s: float) -> tuple[Seen, float, str]:
        return Seen.GOOD, 0.031 if EFFECT_S <= at_s < BACK_S else 0.0042, ""

    return probe(looks("storefront", 0.1, end_s, see, seq=21), "http shop, path /health, every 100ms", 0.1)


def half_blind(end_s: float = END_S) -> ProbeResult:
    """A probe whose own credentials run out on the way."""

    def see(at_s: float) -> tuple[Seen, float, str]:
        return (Seen.BLIND, 0.0002, "NOAUTH: our password was refused") if at_s > 14 else (Seen.GOOD, 0.0018, "")

    return probe(
        looks("replica", 0.25, end_s, see, seq=22), "valkey cache-replica, read, every 250ms", 0.25, fell_behind=True
    )


PHASES = (
    Phase(name="preparing", from_s=0, to_s=1.4),
    Phase(name="steady", from_s=1.4, to_s=6.4),
    Phase(name="faults", from_s=6.4, to_s=18.7),
    Phase(name="healing", from_s=18.7, to_s=GONE_S),
    Phase(name="recovery", from_s=GONE_S, to_s=29.9),
    Phase(name="closing", from_s=29.9, to_s=END_S),
)

MOMENTS = tuple(
    Moment(t_s=t_s, at=f"2026-11-21T09:41:{3 + t_s:09.6f}Z", seq=seq, what=what, source=source)
    for t_s, seq, what, source in (
        (0.0, 0, "run opened: lose-the-primary in lab", "conductor"),
        (6.4, 58, "steady state confirmed: 100 % of 250 looks good", "conductor"),
        (8.209, 61, "intended: SIGKILL to 1 process (cache-primary), undo on disk", "conductor"),
        (8.211, 62, "acting: SIGKILL to process 4711 (valkey-server *:6379)", "conductor"),
        (8.214, 64, "verified in effect: process 4711 is gone", "conductor"),
        (8.234, 66, "first bad look: connection refused", "probe:orders"),
        (10.244, 78, "good again", "probe:orders"),
        (18.7, 90, "healing: cache-primary started again", "conductor"),
        (18.902, 92, "gone: process 4988 answers PING", "conductor"),
        (29.95, 96, "read back: 1 394 numbers found", "probe:orders"),
        (31.1, 112, "residue scan: nothing of ours is left", "conductor"),
    )
)


def report(results: Sequence[CheckResult], *, aborted: str = "", **changed: object) -> Report:
    """A report of these verdicts, scored by the rubric `ci`."""
    points = score(rubric(), results, digest("ci.yaml"))
    outcome = run_outcome(results, points, aborted=bool(aborted))
    whole = Report(
        run="2026-11-21T09-41-03Z-lose-the-primary-3f2a",
        drill="lose-the-primary",
        title=Words("The cache loses its primary", "缓存主库宕机"),
        about=Words(
            "The primary of the shop's cache is killed while orders are being written. A replica must take over within "
            "five seconds, and no acknowledged order may be missing afterwards."
        ),
        severity="P1",
        environment="lab",
        opened_at="2026-11-21T09:41:03.000000Z",
        duration_s=END_S,
        outcome=outcome,
        headline=headline(outcome, results, points, why=aborted),
        checks=tuple(results),
        score=points,
        faults=(kill(),),
        probes=(orders(), storefront()),
        phases=PHASES,
        moments=MOMENTS,
        findings=(),
        digests={name: digest(name) for name in ("drill", "inventory", "lab", "journal")},
        versions={"chaos-drills": "0.1.0", "python": "3.11.9", "valkey": "9.1.2", "system": "Linux 6.1 x86_64"},
        commands={"again": "drills run lose-the-primary.yaml", "judge": "drills judge 3f2a --set failover.within=3s"},
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def passing() -> Report:
    """All is well."""
    return report([steady(), in_effect(), failover(), data_loss(), unaffected(), steady("after"), clean()])


def failing() -> Report:
    """Data was lost: the cap hides all that went well."""
    return report(
        [steady(), in_effect(), failover(), data_loss(3), unaffected(), steady("after"), clean()],
        findings=(
            Sentence.of(
                "probe {probe} fell behind its plan at {t}: figures there are coarser than {every}",
                probe="orders",
                t="10.2 s",
                every="20 ms",
            ),
        ),
        changed_limits=("failover.within=5s",),
    )


def failing_twice() -> Report:
    """Too late as well."""
    return report([steady(), in_effect(), failover(2.03, 1.5), data_loss(3), unaffected(), steady("after"), clean()])


def inconclusive() -> Report:
    """The fault never took effect, so there is nothing to stand on, and half of what was seen was seen blindly."""
    nothing = unknown("primary-dies was never in effect", proof=(63,))
    results = [
        steady(),
        in_effect(failed("the process {pid} outlived SIGKILL for {time}", pid=4711, time="5 s", proof=(62, 63))),
        check("failover", "failover", "failover", "probe orders, after primary-dies, within 5s", nothing),
        data_loss(),
        check("storefront-stays-up", "unaffected", "unaffected", "probe storefront, during primary-dies", nothing),
        clean(),
    ]
    return report(
        results,
        faults=(kill(effect_s=None, healing_s=13.4, gone_s=13.5, trouble="not in effect after 5 s"),),
        probes=(storefront(), half_blind()),
        findings=(Sentence.of("probe {probe} was blind in {share} of its looks", probe="replica", share="58 %"),),
    )


def aborting() -> Report:
    """A guard rail stopped it."""
    cut = unknown("the run was aborted {before} before the limit was reached", before="2.8 s")
    results = [
        steady(),
        in_effect(),
        check("failover", "failover", "failover", "within 5s", cut),
        check("data_loss", "data_loss", "data loss", "at most 0", unknown("nothing was read back")),
        clean(),
    ]
    end_s = 12.6
    return report(
        results,
        aborted="storefront below 20 % for 2 s",
        duration_s=end_s,
        probes=(orders(end_s),),
        faults=(kill(healing_s=10.4, gone_s=10.9),),
        phases=tuple(replace(one, to_s=min(one.to_s, end_s)) for one in PHASES[:3]),
        moments=tuple(one for one in MOMENTS if one.t_s < end_s),
    )


def not_healed() -> Report:
    """The fault is still there."""
    results = [
        steady(),
        in_effect(),
        failover(),
        data_loss(),
        clean("cache-primary was not started again: address in use"),
    ]
    return report(results, faults=(kill(gone_s=None, trouble="address in use"),))


def chinese() -> Report:
    """Written by somebody who writes Chinese, in every field that is free."""
    base = failing()
    return replace(
        base,
        drill="缓存主库宕机",
        run="2026-11-21T09-41-03Z-缓存主库宕机-3f2a",
        title=Words("", "缓存主库宕机，从库必须在五秒内接管"),
        about=Words("", "下单期间杀死缓存主库。从库须在五秒内接管，且已确认的订单一条都不能少。"),
        environment="演练环境",
        faults=(kill(does="向 1 个进程发送 SIGKILL（缓存主库）", targets=("缓存主库",), note="演练负责人：李雷"),),
    )


HOSTILE = (
    "<script>alert('1')</script>\x1b[31m\x00\u202egnp.exe & \"quoted\" `tick` | pipe\nline @team #12 ]]> \ud800 אבג"
)


def hostile() -> Report:
    """Every text that comes from outside tries to break out."""
    base = failing()
    verdict = failed(
        HOSTILE.replace("{", "{{"),
        harm="data_lost",
        proof=(64, 9999),
        windows=(
            Window(lane="probe:" + HOSTILE, label=HOSTILE, from_s=2, to_s=float("inf")),
            Window(lane="", label=HOSTILE, from_s=2, to_s=90),
        ),
    )
    results = (*base.checks, check(HOSTILE, "data_loss", HOSTILE, HOSTILE, verdict))
    return replace(
        report(results),
        drill=HOSTILE,
        run=HOSTILE,
        title=Words(HOSTILE),
        about=Words(HOSTILE, HOSTILE),
        severity=HOSTILE,
        environment=HOSTILE,
        findings=(Sentence.of("{x}", x=HOSTILE), Sentence("{gone} {0} {")),
        faults=(kill(id=HOSTILE, does=HOSTILE, targets=(HOSTILE,), trouble=HOSTILE, note=HOSTILE),),
        probes=(replace(storefront(), name=HOSTILE, does=HOSTILE),),
        phases=(Phase(name=HOSTILE, from_s=0, to_s=30),),
        moments=(Moment(t_s=1, at=HOSTILE, seq=64, what=HOSTILE, source=HOSTILE),),
        digests={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        commands={HOSTILE: HOSTILE},
        changed_limits=(HOSTILE,),
    )


def long_run(count: int = 200_000) -> Report:
    """Hours of looks, some of them bad, one stretch of them blind."""
    chance = random.Random(7)
    every_s = 0.02
    samples = Samples("orders")
    for n in range(count):
        at_s = n * every_s
        seen = Seen.BLIND if 0.4 < n / count < 0.41 else Seen.BAD if chance.random() < 0.02 else Seen.GOOD
        samples.add(
            Sample(
                n=n,
                planned_s=at_s,
                sent_s=at_s,
                done_s=at_s + 0.001 + chance.random() * 0.004,
                seen=seen,
                why="" if seen is Seen.GOOD else "slow down",
                seq=20 + n // 25,
            )
        )
    return replace(
        passing(),
        probes=(probe(samples, "valkey cache, write numbered, every 20ms", every_s),),
        duration_s=count * every_s,
    )


def quick(seconds: float) -> timedelta:
    """A duration, shortly."""
    return timedelta(seconds=seconds)


ALL: dict[str, Callable[[], Report]] = {
    "passed": passing,
    "failed": failing,
    "failed-twice": failing_twice,
    "inconclusive": inconclusive,
    "aborted": aborting,
    "not-healed": not_healed,
    "chinese": chinese,
}
"""By the name of their golden files."""

__all__ = ["ALL", "Outcome"]
