"""Reports as real runs give them: the cache that loses its primary, in every way in which it can end."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import yaml

from checks import (
    Measured,
    Outcome,
    Part,
    Ratio,
    Row,
    Sample,
    Samples,
    ScoreCap,
    Seen,
    Sentence,
    Share,
    Spent,
    Verdict,
    Window,
    failed,
    passed,
    quantile,
    unknown,
)
from checks.incident import MILESTONES, Incident, Milestone
from checks.rescheduling import Rescheduling
from reports import CheckResult, FaultResult, Metric, Moment, Phase, ProbeResult, Report, RunOutcome, Words
from reports.report import Action
from reports.rubric import Cap, Curves, Dimension, Rubric
from reports.score import headline, run_outcome, score, unscored
from tests.reports import RUBRICS

EFFECT_S, BACK_S, HEALING_S, GONE_S, END_S = 8.214, 10.244, 18.7, 18.902, 31.4
See = Callable[[float], tuple[Seen, float, str]]
"""What a look sent at this time sees, how long it takes, and why."""


def rubric(name: str = "ci") -> Rubric:
    """One of ours, read without the machinery that reads drills."""
    data = yaml.safe_load((RUBRICS / f"{name}.yaml").read_text(encoding="utf-8"))
    return Rubric(
        rubric=data["rubric"],
        about=data["about"],
        dimensions={key: Dimension(**one) for key, one in data["dimensions"].items()},
        caps={key: Cap(**one) for key, one in data["caps"].items()},
        curves=Curves(zero_at=float(data["curves"]["zero_at"])),
        unknown=data["unknown"],
        confidence=Ratio(float(data["confidence"].removesuffix("%")) / 100),
    )


def digest(name: str) -> str:
    """Some SHA-256."""
    return hashlib.sha256(name.encode()).hexdigest()


def looks(probe: str, every_s: float, end_s: float, see: See) -> Samples:
    """Looks at a steady pace from 1.4 s on, with the jitter of a real network."""
    chance = random.Random(probe)
    found = []
    for n in range(int((end_s - 1.4) / every_s)):
        planned_s = 1.4 + n * every_s
        sent_s = planned_s + abs(chance.gauss(0, 0.0003))
        seen, took_s, why = see(sent_s)
        noise = 1 + abs(chance.gauss(0, 0.25)) + (chance.random() < 0.01) * 4
        done_s = sent_s + took_s * (noise if seen is Seen.GOOD else 1)
        times = {"planned_s": round(planned_s, 6), "sent_s": round(sent_s, 6), "done_s": round(done_s, 6)}
        found.append(Sample(n=n, seen=seen, why=why, seq=20 + n // 25, **times))
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
        "{success} of {looks} looks good, {times}",
        success="100 %",
        looks=250,
        times="p99 3 ms",
        proof=tuple(range(20, 30)),
        measured={"success": Measured(value=1, low=1, high=1, unit="ratio")},
        windows=(Window(lane="probe:orders", label=f"steady {phase}", from_s=from_s, to_s=to_s),),
    )
    limits = "probe orders, success >= 99.9%, p99 <= 50ms, hold 5s"
    return check(f"steady-{phase}", "steady", f"steady {phase}", limits, said)


def in_effect(verdict: Verdict | None = None) -> CheckResult:
    """That the primary is dead."""
    said = verdict or passed(
        "{fault} in effect {took} after the first act on {targets}",
        fault="primary-dies",
        took="3 ms",
        targets="cache-primary",
        proof=(62, 64),
        windows=(Window(lane="fault:primary-dies", label="in effect", from_s=EFFECT_S, to_s=HEALING_S),),
    )
    return check("in-effect-primary-dies", "fault_in_effect", "fault in effect", "fault primary-dies", said)


def failover(down_s: float = 2.03, limit_s: float = 5) -> CheckResult:
    """That somebody took over."""
    outage = Measured.between(down_s - 0.02, down_s + 0.02)
    pattern = "{probe} down for {outage}; limit {limit}"
    about = {
        "probe": "orders",
        "outage": outage,
        "limit": f"{limit_s:g} s",
        "measured": {"outage_s": outage},
        "windows": (Window(lane="probe:orders", label="outage", from_s=EFFECT_S, to_s=EFFECT_S + down_s),),
        "proof": (64, 66, 78),
    }
    late = down_s / limit_s
    said = passed(pattern, **about) if down_s <= limit_s else failed(pattern, harm="over_rto", lateness=late, **about)
    return check("failover", "failover", "failover", f"probe orders, after primary-dies, within {limit_s:g}s", said)


def data_loss(missing: int = 0) -> CheckResult:
    """That nothing acknowledged is missing."""
    about = {"acknowledged": "1 397", "probe": "orders", "measured": {"missing": Measured.count(missing)}}
    if missing:
        said = failed(
            "{missing} of {acknowledged} acknowledged {probe} missing (numbers {numbers}, last {apart} before {fault})"
            "; limit {limit}",
            missing=missing,
            numbers="338-340",
            apart="12 ms",
            fault="primary-dies",
            limit=0,
            harm="data_lost",
            proof=(41, 96),
            windows=(Window(lane="probe:orders", label="lost", from_s=EFFECT_S - 0.07, to_s=EFFECT_S - 0.012),),
            **about,
        )
    else:
        said = passed("all {acknowledged} acknowledged {probe} are there", proof=(96,), **about)
    return check("data_loss", "data_loss", "data loss", "probe orders, at most 0", said)


def unaffected() -> CheckResult:
    """That the storefront stayed up."""
    said = passed(
        "{probe}: {success} of {looks} looks good, {times}",
        probe="storefront",
        success="100 %",
        looks=107,
        times="p99 41 ms",
        windows=(Window(lane="probe:storefront", label="primary-dies", from_s=EFFECT_S, to_s=GONE_S),),
        proof=(31, 33, 35, 37, 39, 41, 43, 45, 47),
    )
    limits = "probe storefront, during primary-dies, success >= 99.5%"
    return check("storefront-stays-up", "unaffected", "unaffected", limits, said)


def clean(left: str = "") -> CheckResult:
    """That nothing of ours is left."""
    said = passed("nothing of ours is left", proof=(112,))
    if left:
        said = failed("left behind: {what}", what=left, harm="not_clean", proof=(112,))
    return check("clean", "clean", "clean", "", said)


FIVE = (
    Part(name="scrape", took=Measured.between(0.7, 1.3), knobs={"scrape_interval": 2}),
    Part(name="evaluation", took=Measured.between(2.1, 2.1), knobs={"evaluation_interval": 4}),
    Part(name="for", took=Measured.between(5, 5), knobs={"for": 5}),
    Part(name="grouping", took=Measured.between(2.7, 3.3), knobs={"group_wait": 3, "group_interval": 300}),
    Part(name="delivery", took=Measured.between(0.1, 0.1)),
)
"""Where the time of a page went that took 11.2 s."""


def page_of(alert: str, parts: Sequence[Part], limit_s: float) -> Spent:
    """Where the time of a page went from the kill on."""
    took = Measured.between(*(sum(one.took.value for one in parts),) * 2)
    what = Sentence.of("{alert} reached {receiver}", alert=alert, receiver="oncall")
    return Spent(what=what, lane=f"alert:{alert}", from_s=EFFECT_S, took=took, limit_s=limit_s, parts=tuple(parts))


def paged(spent: Spent, *, resolved_s: float | None = None) -> CheckResult:
    """That somebody was paged in time, or too late."""
    name, late = spent.what.values["alert"], spent.took.value > spent.limit_s
    begin_s, scraped, evaluated, waited = spent.from_s, *(one.took.value for one in FIVE[:3])
    active_s, end_s = begin_s + scraped + evaluated, begin_s + spent.took.value
    times = [("pending", active_s, active_s + waited), ("firing", active_s + waited, GONE_S + 2), ("delivered", end_s, end_s),
             ("limit", begin_s + spent.limit_s, begin_s + spent.limit_s)]  # fmt: skip
    times += [("resolved", resolved_s, resolved_s)] if resolved_s else []
    windows = tuple(Window(lane=spent.lane, label=label, from_s=one, to_s=other) for label, one, other in times)
    pattern = "{alert} reached {receiver} " + ("only " if late else "") + "after {took}; limit {limit}"
    pattern += "  (scrape {scrape}, evaluation {evaluation}, for {waiting}, grouping {grouping}, delivery {delivery})"
    keys = ("scrape", "evaluation", "waiting", "grouping", "delivery")
    about = {**spent.what.values, **{key: f"{one.took.value:.1f}" for key, one in zip(keys, spent.parts, strict=True)},
             "took": spent.took, "limit": f"{spent.limit_s:g} s", "proof": (64, 70), "windows": windows}  # fmt: skip
    lateness = spent.took.value / spent.limit_s
    said = failed(pattern, harm="page_late", lateness=lateness, **about) if late else passed(pattern, **about)
    limits = f"name {name}, after primary-dies, within {spent.limit_s:g}s, reaches oncall"
    return check(f"alert-{name}", "alert", "alert", limits, replace(said, spent=(spent,)))


def noisy(*spent: Spent) -> CheckResult:
    """That there was more noise than there may be."""
    moments = [(18.1, "noise (DiskFull)"), (18.3, "noise (CpuHot)"), (20.2, "forbidden (NodeDown)")]
    said = failed(
        "{names} came after {fault}, which must not be", names="NodeDown", fault="primary-dies", harm="noise", proof=(71,),
        windows=tuple(Window(lane="other pages", label=label, from_s=at_s, to_s=at_s) for at_s, label in moments),
    )  # fmt: skip
    return check("alerts", "alerts", "alerts", "after primary-dies, noise at most 0", replace(said, spent=spent))


def kill(**changed: object) -> FaultResult:
    """The primary, killed."""
    fault = FaultResult(
        id="primary-dies",
        does="SIGKILL to 1 process (cache-primary)",
        targets=("cache-primary",),
        acting_s=8.211,
        effect_s=EFFECT_S,
        healing_s=HEALING_S,
        gone_s=GONE_S,
        trouble="",
    )
    return replace(fault, **changed)  # type: ignore[arg-type]


def orders(end_s: float = END_S) -> ProbeResult:
    """A writer that is refused from the kill until a replica has taken over."""

    def see(at_s: float) -> tuple[Seen, float, str]:
        if EFFECT_S <= at_s < BACK_S - 0.6:
            return Seen.BAD, 0.0004, "connection refused"
        if BACK_S - 0.6 <= at_s < BACK_S:
            return Seen.BAD, 0.25, "no answer in 250 ms"
        return Seen.GOOD, 0.0021 if BACK_S <= at_s < BACK_S + 2 else 0.0009, ""

    return probe(looks("orders", 0.02, end_s, see), "valkey cache, write numbered, every 20ms", 0.02)


def storefront(slow_s: float = 0.031, end_s: float = END_S) -> ProbeResult:
    """A page that stays up and is slow for a while."""

    def see(at_s: float) -> tuple[Seen, float, str]:
        return Seen.GOOD, slow_s if EFFECT_S <= at_s < BACK_S else 0.0042, ""

    return probe(looks("storefront", 0.1, end_s, see), "http shop, path /health, every 100ms", 0.1)


def half_blind() -> ProbeResult:
    """A probe whose own credentials run out on the way."""

    def see(at_s: float) -> tuple[Seen, float, str]:
        return (Seen.BLIND, 0.0002, "NOAUTH: our password was refused") if at_s > 14 else (Seen.GOOD, 0.0018, "")

    samples = looks("replica", 0.25, END_S, see)
    return probe(samples, "valkey cache-replica, read, every 250ms", 0.25, fell_behind=True)


PHASES = tuple(
    Phase(name=name, from_s=from_s, to_s=to_s)
    for name, from_s, to_s in (
        ("preparing", 0, 1.4),
        ("steady", 1.4, 6.4),
        ("faults", 6.4, HEALING_S),
        ("healing", HEALING_S, GONE_S),
        ("recovery", GONE_S, 29.9),
        ("closing", 29.9, END_S),
    )
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
    fell_behind = Sentence.of(
        "probe {probe} fell behind its plan: 1 look in 100 was sent more than {late} late", probe="orders", late="22 ms"
    )
    return report(
        [steady(), in_effect(), failover(), data_loss(3), unaffected(), steady("after"), clean()],
        findings=(fell_behind,),
        changed_limits=("failover.within=5s",),
    )


def failing_twice() -> Report:
    """Too late as well."""
    return report([steady(), in_effect(), failover(2.03, 1.5), data_loss(3), unaffected(), steady("after"), clean()])


def inconclusive() -> Report:
    """The fault never took effect, so there is nothing to stand on, and half of what was seen was seen blindly."""
    nothing = unknown(
        "{fault} never took effect: {why}", fault="primary-dies", why="process 4711 outlived SIGKILL", proof=(63,)
    )
    results = [
        steady(),
        in_effect(nothing),
        check("failover", "failover", "failover", "probe orders, after primary-dies, within 5s", nothing),
        data_loss(),
        check("storefront-stays-up", "unaffected", "unaffected", "probe storefront, during primary-dies", nothing),
        clean(),
    ]
    never = Moment(
        t_s=13.2, at="2026-11-21T09:41:16.200000Z", seq=63, what="not in effect after 5 s", source="conductor"
    )
    blind = Sentence.of("probe {probe} was blind in {share} of its looks", probe="replica", share="58 %")
    return report(
        results,
        faults=(kill(effect_s=None, healing_s=13.4, gone_s=13.5, trouble="process 4711 outlived SIGKILL"),),
        probes=(storefront(slow_s=0.0042), half_blind()),
        moments=(*MOMENTS[:4], never, MOMENTS[-1]),
        findings=(blind,),
    )


def aborting() -> Report:
    """A guard rail stopped it."""
    cut = unknown("{probe} was not read back", probe="orders")
    short = unknown(
        "{fault} was healed before {probe} was good for {hold} again, down for {outage}; limit {limit}",
        fault="primary-dies",
        probe="orders",
        hold="1 s",
        outage="2.03 s",
        limit="5 s",
    )
    results = [
        steady(),
        in_effect(),
        check("failover", "failover", "failover", "probe orders, after primary-dies, within 5s", short),
        check("data_loss", "data_loss", "data loss", "probe orders, at most 0", cut),
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
    left = "cache-primary: not started again, address in use"
    results = [steady(), in_effect(), failover(), data_loss(), clean(left)]
    return report(results, faults=(kill(gone_s=None, trouble="address in use"),))


def control() -> Report:
    """Nothing was injected, and a page came all the same."""
    paged = failed("not discriminating: {alert} reached {receivers} without {fault}", alert="CacheDown", receivers="oncall",
                   fault="primary-dies", harm="not_discriminating", proof=(81,))  # fmt: skip
    results = [
        steady(),
        check("failover", "failover", "failover", "probe orders, after primary-dies, within 5s", passed(
            "{probe} never failed; an interruption of less than {gap} would not have been seen", probe="orders", gap="23 ms",
        )),
        check("alert", "alert", "alert", "name CacheDown, after primary-dies, within 30s", paged),
        steady("after"),
        clean(),
    ]  # fmt: skip
    times = {"acting_s": None, "effect_s": None, "healing_s": None, "gone_s": None}
    made = report(results, probes=(storefront(slow_s=0.0042),), moments=(*MOMENTS[:2], MOMENTS[-1]),
                  faults=(kill(**times, withheld=(EFFECT_S, HEALING_S)),))  # fmt: skip
    said = headline(made.outcome, results, made.score, control=True)
    again = {"again": "drills run lose-the-primary.yaml --control"}
    return replace(made, control=True, headline=said, score=unscored(made.score), commands={**made.commands, **again})


def paging() -> Report:
    """One page in time, one too late since its group had been there, and some that nobody asked for."""
    in_time = page_of("CachePrimaryDown", FIVE, 15)
    parts = [
        *FIVE[:3],
        replace(FIVE[3], took=Measured.between(11.3, 11.5), knobs={"group_interval": 15, "group_wait": 3}),
        FIVE[4],
    ]
    late = page_of("ErrorBudgetBurn", parts, 12)
    return report(
        [steady(), in_effect(), failover(), paged(in_time, resolved_s=26.4), paged(late), noisy(in_time), clean()]
    )


def sop() -> CheckResult:
    """A SOP that nobody followed, with a gate."""
    late = Sentence.of("{event} by {who}, {took} after {anchor}; limit {limit}", event="sev_set", who="L1/IC",
                       took="7 s", anchor="page.delivered", limit="5 s")  # fmt: skip
    alone = Sentence.of("{then} by {doer} without {first}", then="replica_in", doer="zhao (r1)", first="integrity_ok")
    never = Sentence.of("there was no {event}", event="silence")
    rows = (
        Row(status="violated", name="integrity-gate", because=alone, at_s=12.5, remarks=("must", "declared", "unsubstantiated"),
            proof=(85, 86)),
        Row(status="violated", name="triage-5s", because=late, at_s=19.0, due_s=17.0, remarks=("must", "attributed"),
            quote="SEV 1?", proof=(88,)),
        Row(status="satisfied", name="no-silencing", because=never, remarks=("must",)),
    )  # fmt: skip
    verdict = Verdict(
        outcome=Outcome.FAILED,
        because=Sentence.of("{score} of 100, {least} are needed; {rule}: {then} by {doer} without {first}; also {others}",
                            score="22.1", least="80", rule="integrity-gate", then="replica_in", doer="zhao (r1)",
                            first="integrity_ok", others="triage-5s"),
        credit=0.221,
        cap=ScoreCap(at_most=59, because="unverified replica served reads"),
        shares={
            "triage": Share(credit=0.6, least=0.6, proof=(88,), because=Sentence.of(
                "{score} of 100 over one rule; {rule}: {event} by {who}, {took} after {anchor}; limit {limit}", score=60,
                rule="triage-5s", event="sev_set", who="L1/IC", took="7 s", anchor="page.delivered", limit="5 s")),
            "safety": Share(credit=0.0, least=0.0, proof=(85, 86), because=Sentence.of(
                "{score} of 100 over {rules} rules; {rule}: {then} by {doer} without {first}", score=0, rules=2,
                rule="integrity-gate", then="replica_in", doer="zhao (r1)", first="integrity_ok")),
        },
        rows=rows,
        proof=(85, 86, 88),
    )  # fmt: skip
    return check("sop", "sop", "sop", "file ../sops/cache-primary-down.yaml", verdict)


def rehearsed() -> Report:
    """The machines did well, and the people did not."""
    return report([steady(), in_effect(), failover(), data_loss(), sop(), steady("after"), clean()])


MEASURED = (
    Metric(name="TTD", title="time to detect", value=Measured.between(1.7, 1.9), from_s=8.24, to_s=10.04, proof=(66, 70)),
    Metric(name="TTA", title="time to acknowledge", value=None,
           why_not=Sentence("nobody acknowledged a page")),
    Metric(name="MTTI", title="time to identify", value=Measured(value=0.0, low=0.0, high=0.0, unit="s"), proof=(66,)),
    Metric(name="RTO", title="service outage", of="orders", value=Measured.between(1.88, 2.32), from_s=8.24, to_s=10.24,
           note=Sentence("the drill had begun to heal by then"), proof=(66, 78)),
    Metric(name="RTO", title="service outage", of="storefront", value=None,
           why_not=Sentence.of("no look of {probe} failed", probe="storefront")),
    Metric(name="RPO", title="data-loss window", of="orders", value=Measured(value=0, low=0, high=0.018, unit="s")),
    Metric(name="lost writes", title="acknowledged, and missing", of="orders", value=Measured.count(0),
           note=Sentence.of("of {acknowledged} acknowledged ones", acknowledged="1 397")),
    Metric(name="availability", title="share of good looks", of="orders",
           value=Measured(value=0.912, low=0.91, high=0.96, unit="ratio"), from_s=8.24, to_s=31.38),
    Metric(name="error budget", title="share of it that was burned", of="orders",
           value=Measured(value=0.00078, low=0.00077, high=0.00079, unit="ratio"),
           note=Sentence.of("virtual: the looks stand for all that is asked of it in {period}; objective {slo} of {probe}",
                            period="30 d", slo="99.9 %", probe="orders")),
    Metric(name="burn rate", title="times as fast as it may", of="orders",
           value=Measured(value=88, low=40, high=1250, unit="times")),
    Metric(name="lost area", title="service lost below its objective", of="orders", value=Measured.between(1.86, 2.3)),
)  # fmt: skip
"""Figures of every sort: exact and not, with one bound and with two, and not measured."""


def measured() -> Report:
    """A run with its figures, and with the times of its incident as far as they are known."""
    known = {"fault": EFFECT_S, "impact": 8.24, "fired": 10.04, "recovered": BACK_S}
    milestones = {
        name: Milestone(at_s=known[name], low_s=known[name] - 0.02, high_s=known[name], seq=64)
        if name in known
        else Milestone.missing("nobody said that it was over")
        for name in MILESTONES
    }
    return replace(rehearsed(), incident=Incident(milestones=milestones), metrics=MEASURED)


def handled() -> Report:
    """People were paged and did most of what they should; nobody said what the cause was, and no page said that it was over."""
    page = replace(page_of("CachePrimaryDown", FIVE, 15), from_s=EFFECT_S)
    known = {
        "fault": (EFFECT_S, 8.211, EFFECT_S, ""), "impact": (8.234, 8.214, 8.234, ""), "active": (11.3, 11.0, 11.6, ""),
        "fired": (16.3, 16.0, 16.6, ""), "paged": (19.414, 19.414, 19.414, ""), "acked": (20.1, 20.1, 20.1, "lin"),
        "graded": (20.9, 20.9, 20.9, "lin"), "engaged": (21.2, 21.2, 21.2, "wang"), "mitigating": (22.0, 22.0, 22.0, "wang"),
        "mitigated": (23.1, 22.9, 23.1, ""), "recovered": (23.1, 22.9, 23.1, ""), "verified": (27.5, 27.5, 27.5, "lin"),
    }  # fmt: skip
    lines = {"fault": 64, "impact": 66, "paged": 70, "acked": 84, "graded": 88, "mitigated": 78, "recovered": 78}
    milestones = {
        name: Milestone(at_s=known[name][0], low_s=known[name][1], high_s=known[name][2], actor=known[name][3],
                        seq=lines.get(name))
        if name in known
        else Milestone.missing("nobody said what the cause was")
        for name in MILESTONES
    }  # fmt: skip
    acked = Sentence.of("{event} by {who}, {took} after {anchor}; limit {limit}", event="page.acked", who="L1/IC",
                        took="686 ms", anchor="page.delivered", limit="5 s")  # fmt: skip
    silent = Sentence.of("no {event} within {limit} of {anchor}", event="update", limit="5 s", anchor="page.delivered")
    rows = (
        Row(status="satisfied", name="acknowledged", because=acked, at_s=20.1, due_s=24.414, remarks=("must", "attributed"),
            quote="I have it", proof=(70, 84)),
        Row(status="violated", name="updates", because=silent, due_s=24.414, remarks=("should",), proof=(70, 90)),
    )  # fmt: skip
    followed = replace(sop(), verdict=replace(sop().verdict, rows=rows, cap=None, proof=(70, 84)))
    out = failover(14.9, 20)
    more = (
        Moment(t_s=19.414, at="2026-11-21T09:41:22.414000Z", seq=70, what="page received", source="observer:oncall"),
        Moment(t_s=20.1, at="2026-11-21T09:41:23.100000Z", seq=84, what="lin: page acknowledged", source="console"),
    )
    return report(
        [steady(), in_effect(), replace(out, within_s=20.0), paged(page), followed, steady("after"), clean()],
        incident=Incident(milestones=milestones),
        moments=tuple(sorted((*MOMENTS, *more), key=lambda one: one.t_s)),
        actions=(Action(finding="sop/updates", what="remind the lead", owner="L3", due="2026-12-05"),),
    )


def hurt(object_: str, *times: tuple[str, float, float], fault: str = "primary-dies", **more: object) -> Rescheduling:
    """What became of it: each step and between when it came after the fault."""
    after = {step: Measured.between(low, high) for step, low, high in times}
    lines = dict(zip(after, (64, 66, 70, 78), strict=False))
    namespace = "" if object_.startswith("node/") else "shop"
    about = {"namespace": namespace, "fault": fault, "since_s": 8.211, "after": after, "lines": lines, **more}
    return Rescheduling(object=object_, **about)


def rescheduled() -> Report:
    """A node is lost: one workload is back soon, one at a time that nobody knows well, one never; and so is the node."""
    shop = hurt(
        "deployment/shop",
        ("not_ready", 0.4, 0.4),
        ("evicted", 1.2, 1.2),
        ("rescheduled", 1.3, 1.3),
        ("ready", 3.9, 3.9),
    )
    cart = hurt(
        "statefulset/cart",
        ("not_ready", 0.5, 4.5),
        ("evicted", 2.1, 4.6),
        ("rescheduled", 4.7, 4.7),
        ("ready", 9.2, 9.2),
        unseen=((8.7, 12.7),),
    )
    stuck = hurt(
        "deployment/worker",
        ("not_ready", 0.4, 0.4),
        ("evicted", 1.2, 1.2),
        unready_s=23.189,
        why_not=Sentence("not ready again when the run ended"),
    )
    node = hurt("node/b", ("not_ready", 6.0, 6.0), ("ready", 14.0, 14.0))
    said = failed(
        "{workload} still not ready {low} after {fault}; limit {limit}",
        workload="deployment/worker",
        low="23.2 s",
        fault="primary-dies",
        limit="10 s",
        credit=0.0,
        proof=(64, 66),
        measured={"not_ready_after_s": Measured.between(0.4, 0.4)},
        windows=(Window(lane="fault:primary-dies", label="not ready", from_s=8.611, to_s=31.4),),
    )
    limits = "workload deployment/worker, after primary-dies, within 10s"
    return report(
        [steady(), in_effect(), check("rescheduled", "rescheduled", "rescheduled", limits, said), clean()],
        rescheduled=(shop, cart, stuck, node),
        findings=(Sentence.of("observer {observer} missed what came and went in its cluster from {from_s} to {to_s}",
                              observer="cluster", from_s="8.700 s", to_s="12.700 s"),),
    )  # fmt: skip


def chinese() -> Report:
    """Written by somebody who writes Chinese, in every field that is free."""
    return replace(
        failing(),
        drill="缓存主库宕机",
        run="2026-11-21T09-41-03Z-缓存主库宕机-3f2a",
        title=Words("", "缓存主库宕机，从库必须在五秒内接管"),
        about=Words("", "下单期间杀死缓存主库。从库须在五秒内接管，且已确认的订单一条都不能少。"),
        environment="演练环境",
        faults=(kill(does="向 1 个进程发送 SIGKILL（缓存主库）", targets=("缓存主库",), note="演练负责人：李雷"),),
    )


def empty() -> Report:
    """A run that broke off before anything: no check, no probe, no fault, not even a second."""
    return replace(
        report([]),
        outcome=RunOutcome.INCONCLUSIVE,
        duration_s=0.0,
        faults=(),
        probes=(),
        phases=(),
        moments=(),
        digests={},
        versions={},
        commands={},
    )


HOSTILE = (
    "<script>alert('1')</script>\x1b[31m\x00\u202egnp.exe & \"quoted\" `tick` | pipe\nline @team #12 ]]> \ud800 אבג"
)


def hostile() -> Report:
    """Every text that comes from outside tries to break out."""
    windows = (
        Window(lane=f"probe:{HOSTILE}", label=HOSTILE, from_s=2, to_s=float("inf")),
        Window(lane="", label=HOSTILE, from_s=2, to_s=90),
    )
    verdict = failed(HOSTILE, harm="data_lost", proof=(64, 9999), windows=windows)
    results = [*failing().checks, check(HOSTILE, "data_loss", HOSTILE, HOSTILE, verdict)]
    return report(
        results,
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
        rescheduled=(
            hurt(
                HOSTILE,
                ("not_ready", 0.4, 0.4),
                fault=HOSTILE,
                namespace=HOSTILE,
                unready_s=9.0,
                why_not=Sentence(HOSTILE),
            ),
        ),
    )


def long_run(count: int = 200_000) -> Report:
    """Hours of looks, some of them bad, one stretch of them blind."""
    chance = random.Random(7)
    samples = Samples("orders")
    for n in range(count):
        at_s = n * 0.02
        seen = Seen.BLIND if 0.4 < n / count < 0.41 else Seen.BAD if chance.random() < 0.02 else Seen.GOOD
        took_s = 0.001 + chance.random() * 0.004
        why = "" if seen is Seen.GOOD else "slow down"
        samples.add(
            Sample(n=n, planned_s=at_s, sent_s=at_s, done_s=at_s + took_s, seen=seen, why=why, seq=20 + n // 25)
        )
    one = probe(samples, "valkey cache, write numbered, every 20ms", 0.02)
    return replace(passing(), probes=(one,), duration_s=count * 0.02)


ALL: dict[str, Callable[[], Report]] = {
    "passed": passing,
    "failed": failing,
    "failed-twice": failing_twice,
    "inconclusive": inconclusive,
    "aborted": aborting,
    "not-healed": not_healed,
    "control": control,
    "paged": paging,
    "rehearsed": rehearsed,
    "handled": handled,
    "measured": measured,
    "rescheduled": rescheduled,
    "chinese": chinese,
}
"""By the name of their golden files."""
