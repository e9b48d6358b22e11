"""How long it took until all whom a SOP asks for were there."""

from collections.abc import Mapping

from checks.check import Measured
from checks.evidence import Evidence
from checks.gauged import Gauged
from checks.incident import Milestone
from checks.sop.acts import acts_in
from checks.sop.book import Book
from checks.sop.roles import Roles


def mobilised(book: Book, holds: Mapping[str, str], evidence: Evidence, declared: Milestone) -> Gauged:
    """From the declaration until the last of the SOP's roles was held; 0 when all of them were by then.

    Each role that the SOP names is required.
    """
    if declared.at_s is None:
        return Gauged(why_not=declared.why_not)
    if not book.head.roles:
        return Gauged.missing("the SOP {sop} names no role", sop=book.head.id)
    opened = evidence.first("run.opened")
    kept = (opened.data.get("kept") if opened else None) or {}
    roles = Roles(book.head, acts_in(evidence), holds, kept)
    first_s = {role: roles.first_held_s(role) for role in book.head.roles}
    for role, at_s in first_s.items():
        if at_s is None:
            return Gauged.missing("nobody held the role {role}", role=role)
    last, last_s = max(((role, at_s) for role, at_s in first_s.items() if at_s is not None), key=lambda one: one[1])
    took_s = round(max(0.0, last_s - declared.at_s), 6)
    found = Gauged(value=Measured.between(took_s, took_s), from_s=declared.at_s, to_s=max(declared.at_s, last_s),
                   proof=() if declared.seq is None else (declared.seq,))  # fmt: skip
    if not took_s:
        return found.noted("everybody was there when it was declared")
    return found.noted("the last role was {role}", role=last)
