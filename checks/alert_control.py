"""Did an alert come though its fault was withheld? Then something else brings it, and its coming proves nothing.

Since nothing was injected, all that was seen of it counts, also what came before its time: an alert that fires while a
lab starts is no sign of a fault either.
"""

from typing import Any

from checks.alert_fate import Fate, told
from checks.alert_wish import Wish
from checks.alerting import Alerting
from checks.check import Verdict, failed, passed, unknown
from checks.evidence import Evidence, FaultSeen


def silent(wish: Wish, evidence: Evidence, fault: FaultSeen, alerting: Alerting) -> Verdict:
    """Passed when all were listening and it never fired; failed when it was seen to, whomever it reached and when.

    To be pending for a while and never fire is what `for` is there for. What is pending at the end may have fired next.
    """
    made = told(wish, evidence, fault, alerting)
    about: dict[str, Any] = {"alert": wish.name_, "fault": fault.fault, "windows": made.verdict.windows}
    if came := _came(wish, alerting):
        pages = [one for one in alerting.deliveries if one.seq in came]
        reached = "reached {receivers}" if pages else "fired"
        return failed("not discriminating: {alert} " + reached + " without {fault}", harm="not_discriminating", **about,
                      proof=tuple(sorted(came)), receivers=_listed([one.receiver or "?" for one in pages]))  # fmt: skip
    about["proof"] = made.verdict.proof
    if made.fate is Fate.MISSED:
        return passed("{alert} did not come without {fault}", **about)
    if made.fate is Fate.PENDING:
        if any(one.ended is None for one in alerting.episodes if wish.matches(one.alert, one.labels)):
            return unknown("{alert} was still pending at the end, so nobody can say whether it fires without {fault}",
                           **about)  # fmt: skip
        return passed("{alert} was pending for a while without {fault}, and never fired", **about)
    return made.verdict


def _came(wish: Wish, alerting: Alerting) -> set[int]:
    """The journal lines that tell of it as firing, held or delivered. Who was told that it is over had been told of it."""
    fired = [one for one in alerting.episodes if one.firing and wish.matches(one.alert, one.labels)]
    pages = [one for one in alerting.deliveries if wish.matches(one.alert, one.labels)]
    held = [one for one in alerting.ever_held() if wish.matches(one.data["alert"], one.data["labels"])]
    lines = {line for one in fired for line in one.lines}
    return lines | {one.seq for one in pages} | {one.seq for one in held}


def _listed(receivers: list[str]) -> str:
    return ", ".join(dict.fromkeys(receivers))
