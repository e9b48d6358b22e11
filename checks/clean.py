"""Is nothing of ours left? Every fault must have been seen to be gone, and a scan must find nothing."""

from dataclasses import dataclass
from typing import ClassVar

from checks.check import Verdict, failed, passed, unknown
from checks.evidence import Event, Evidence
from checks.units import show_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """The run left nothing behind. What could not be looked at is unknown, however likely it is that all went well."""

    name: ClassVar[str] = "clean"
    harms: ClassVar[tuple[str, ...]] = ("not_clean",)

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        scan = evidence.last("residue.scanned", when="after")
        if scan and scan.data["found"]:
            first, *others = scan.data["found"]
            what = ": ".join(part for part in (first.get("target"), first["what"]) if part)
            return failed("left behind: {what}" + (" and {count} more" if others else ""), proof=(scan.seq,),
                          harm="not_clean", what=what, count=show_count(len(others)))  # fmt: skip
        meant = evidence.of("injection.intended")
        there = [event for event in meant if not evidence.first("injection.gone", injection=event.data["injection"])]
        acted = [event for event in there if evidence.first("injection.acting", injection=event.data["injection"])]
        if acted:
            return _not_healed(acted[0], evidence)
        if there:
            return unknown("{fault} was meant for {target}, and nobody saw whether it is there", proof=(there[0].seq,),
                           fault=there[0].data["fault"], target=there[0].data["target"])  # fmt: skip
        # A scan that was partly blind is told by both events, so one that saw nothing does not outweigh it.
        blind = evidence.last("residue.unknown", when="after")
        if blind:
            return unknown("it could not be seen whether anything is left: {why}", proof=(blind.seq,),
                           why=blind.data["why"])  # fmt: skip
        if scan is None:
            return unknown("nobody looked whether anything is left")
        gone = [event.seq for event in evidence.of("injection.gone")]
        return passed("nothing of ours is left", proof=(*gone, scan.seq))


def _not_healed(meant: Event, evidence: Evidence) -> Verdict:
    failure = evidence.last("injection.heal_failed", injection=meant.data["injection"])
    why = str(failure.data.get("why", "")) if failure else ""
    return failed("{fault} on {target} was not healed" + (": {why}" if why else ""), harm="not_clean",
                  proof=(meant.seq, failure.seq) if failure else (meant.seq,), fault=meant.data["fault"],
                  target=meant.data["target"], why=why)  # fmt: skip
