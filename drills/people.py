"""Who takes part in a drill, and how far it is believed that an act is theirs.

A token is never written, and never travels: a command makes a proof of it, for one act of one run, and the conductor
makes the same proof of the token that it knows. So no file of a run holds one, not even for a moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from checks import Trust
from drills.acts import Refused

FACILITATOR = "facilitator"
"""The role of whoever runs the drill, and is not drilled: may say what others did, and is believed as a witness."""
_NAME_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who takes part."""

    roles: Annotated[tuple[str, ...], "Roles that are theirs to take; what nobody lists, anybody may take"] = ()
    team: Annotated[str, "The team they belong to"] = ""
    token: Annotated[str, "What only they know, as ${env.LIN_TOKEN}; without one it is only said that it was they"] = (
        field(default="", repr=False)
    )

    def __post_init__(self) -> None:
        if FACILITATOR in self.roles and not self.token:
            raise ValueError("roles", "a facilitator without a token could be anybody", "give them a `token`, from the "
                             "environment: ${env.FACILITATOR_TOKEN}")  # fmt: skip


class Claim(NamedTuple):
    """Who is said to have acted, and what there is to show for it."""

    actor: str = ""
    """Empty where it is not said: then whoever has the token, or else the user of this system."""
    for_: str = ""
    """On whose behalf a facilitator says it."""
    proof: str = ""
    user: str = ""
    """Whom the operating system says it was."""


class Who(NamedTuple):
    """Who acted, and how far that is believed."""

    actor: str
    team: str = ""
    trust: Trust = Trust.ATTRIBUTED
    by: str = ""
    """Who says so, when it is not the actor."""


def proof(token: str, body: bytes) -> str:
    """What only somebody with this token can make for this body."""
    import hmac

    return hmac.new(token.encode("utf-8", "surrogateescape"), body, "sha256").hexdigest()


def identify(people: Mapping[str, Person], claim: Claim, body: bytes) -> Who:
    """Who acted. Raises Refused for a token that does not fit, or one that is missing."""
    proven = _proven(people, claim, body)
    if claim.for_:
        return _attested(people, claim, proven)
    actor = claim.actor or proven or claim.user
    if len(actor) > _NAME_MAX:
        raise Refused("nobody has so long a name")
    person = people.get(actor, Person())
    if claim.proof and proven != actor:
        raise Refused(f"the token is not {claim.actor}'s" if claim.actor else "nobody who takes part has this token")
    if person.token and not proven:
        raise Refused(f"{actor} has a token, and it was not given")
    known = bool(proven) or actor == claim.user
    return Who(actor, person.team, Trust.ATTRIBUTED if known else Trust.DECLARED)


def _proven(people: Mapping[str, Person], claim: Claim, body: bytes) -> str:
    """Whose token made the proof: the named one's, or else anybody's. All are tried, so that time tells nothing."""
    from hmac import compare_digest

    fits = [name for name, person in people.items()
            if person.token and compare_digest(proof(person.token, body).encode(), claim.proof.encode())]  # fmt: skip
    return claim.actor if claim.actor in fits else next(iter(fits), "")


def _attested(people: Mapping[str, Person], claim: Claim, proven: str) -> Who:
    if claim.actor not in ("", proven) or FACILITATOR not in people.get(proven, Person()).roles:
        raise Refused("only a facilitator, with their token, says what others did")
    return Who(claim.for_, people.get(claim.for_, Person()).team, Trust.ATTESTED, by=proven)


def may_take(people: Mapping[str, Person], role: str, holder: str) -> bool:
    """Whether a role is this person's to take: kept for nobody, or for them."""
    kept = kept_for(people).get(role.casefold(), ())
    return not kept or holder in kept


def kept_for(people: Mapping[str, Person]) -> dict[str, list[str]]:
    """Whose each role is that somebody lists. How it is written makes no difference, as nowhere with roles."""
    kept: dict[str, list[str]] = {}
    for name, person in people.items():
        for role in person.roles:
            kept.setdefault(role.casefold(), []).append(name)
    return kept


def is_guarded(people: Mapping[str, Person], role: str) -> bool:
    """Whether somebody whose role this is has a token, so that it must be known who gives or takes it."""
    return any(people[name].token for name in kept_for(people).get(role.casefold(), ()))
