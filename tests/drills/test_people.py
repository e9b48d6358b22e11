"""Whose act an act is, and how far that is believed."""

import pytest

from checks import Trust
from drills.acts import Refused
from drills.people import Claim, Person, Who, identify, is_guarded, may_take, proof

BODY = b"what is said, in this run"
PEOPLE = {
    "lin": Person(roles=("IC", "L1"), team="sre", token="lin's own"),
    "mei": Person(team="shop"),
    "max": Person(roles=("facilitator",), token="max's own"),
}


def who(**claim: str) -> Who:
    return identify(PEOPLE, Claim(**claim), BODY)


def refusal(**claim: str) -> str:
    with pytest.raises(Refused) as refused:
        who(**claim)
    return str(refused.value)


def by(token: str) -> str:
    return proof(token, BODY)


def test_a_token_that_fits_is_attributed_and_brings_the_team() -> None:
    assert who(actor="lin", proof=by("lin's own")) == Who("lin", "sre", Trust.ATTRIBUTED)


def test_a_token_alone_says_whose_it_is() -> None:
    assert who(proof=by("lin's own"), user="oncall").actor == "lin"


def test_without_a_token_it_is_declared() -> None:
    assert who(actor="mei", user="oncall") == Who("mei", "shop", Trust.DECLARED)
    assert who(actor="a stranger").trust is Trust.DECLARED


def test_the_user_of_the_system_is_who_the_system_says() -> None:
    assert who(user="mei") == Who("mei", "shop", Trust.ATTRIBUTED)
    assert who(actor="oncall", user="oncall") == Who("oncall", "", Trust.ATTRIBUTED)


@pytest.mark.parametrize("user", ["lin", "oncall"])
def test_who_has_a_token_must_give_it(user: str) -> None:
    assert refusal(actor="lin", user=user) == "lin has a token, and it was not given"


def test_a_system_user_of_a_name_with_a_token_must_give_it() -> None:
    assert refusal(user="lin") == "lin has a token, and it was not given"


@pytest.mark.parametrize("token", ["max's own", "lin's", ""])
def test_a_token_that_is_not_theirs_is_refused(token: str) -> None:
    assert refusal(actor="lin", proof=by(token)) == "the token is not lin's"


def test_a_token_for_somebody_without_one_is_refused() -> None:
    assert refusal(actor="mei", proof=by("x")) == "the token is not mei's"


def test_a_token_that_nobody_has_is_refused() -> None:
    assert refusal(proof=by("x"), user="oncall") == "nobody who takes part has this token"
    assert refusal(proof="\xe4", user="mei") == "nobody who takes part has this token"


def test_a_proof_is_for_one_body_alone() -> None:
    assert by("lin's own") != proof("lin's own", BODY + b" ")
    assert refusal(actor="lin", proof=proof("lin's own", b"another")) == "the token is not lin's"


def test_a_facilitator_attests_what_others_did() -> None:
    assert who(for_="lin", proof=by("max's own")) == Who("lin", "sre", Trust.ATTESTED, by="max")
    assert who(actor="max", for_="a stranger", proof=by("max's own")).trust is Trust.ATTESTED


@pytest.mark.parametrize("claim", [{"proof": "lin's own"}, {"actor": "mei"}, {}, {"actor": "max"},
                                   {"actor": "lin", "proof": "max's own"}])  # fmt: skip
def test_nobody_else_attests_anything(claim: dict[str, str]) -> None:
    shown = {**claim, "proof": by(claim["proof"])} if "proof" in claim else claim
    assert refusal(for_="lin", **shown) == "only a facilitator, with their token, says what others did"


def test_a_facilitator_needs_a_token() -> None:
    with pytest.raises(ValueError, match="could be anybody"):
        Person(roles=("facilitator",))


def test_a_long_name_is_refused() -> None:
    assert refusal(actor="x" * 101) == "nobody has so long a name"
    assert who(actor="x" * 100).actor == "x" * 100


def test_a_token_is_not_shown() -> None:
    assert "lin's own" not in repr(PEOPLE)


def test_a_role_that_is_listed_is_for_those_who_list_it() -> None:
    assert may_take(PEOPLE, "IC", "lin")
    assert not may_take(PEOPLE, "IC", "mei")
    assert may_take(PEOPLE, "CL", "mei")


def test_a_role_is_guarded_where_a_token_belongs_to_it() -> None:
    assert is_guarded(PEOPLE, "IC")
    assert not is_guarded(PEOPLE, "CL")
    assert not is_guarded({"lin": Person(roles=("IC",))}, "IC")
