"""What may be taken down, and how it is said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.acts import TEXT_MAX, Refused, checked, said


def refusal(act: Any) -> str:
    with pytest.raises(Refused) as refused:
        checked(act)
    return str(refused.value)


def test_an_act_stays_as_it_is() -> None:
    act = {"act": "chat", "text": "进展：排查中", "channel": "war-room", "took_s": 0.5, "exit": 3, "loud": True}
    assert checked(act) == act


@pytest.mark.parametrize("act", ["chat", None, [], {}, {"act": 3}, {"act": ""}, {"act": "Chat"}, {"act": "a b"},
                                 {"act": "a" * 101}, {"act": ".chat"}, {"act": "chat."}])  # fmt: skip
def test_what_has_no_name_is_no_act(act: Any) -> None:
    assert refusal(act).startswith(("it is no act", "its `act` is no name"))


@pytest.mark.parametrize("name", ["observe", "fault.injected", "page.delivered", "recovered", "webhook"])
def test_nobody_tells_what_machines_tell(name: str) -> None:
    assert refusal({"act": name}) == f"only machines tell `{name}`"


@pytest.mark.parametrize(
    "key", ["actor", "team", "trust", "by", "scripted", "mutating", "id", "via", "A", "a-b", "", "\ud800"]
)
def test_nobody_sets_what_the_run_sets(key: str) -> None:
    assert refusal({"act": "note", "text": "x", key: "y"}).startswith("an act cannot have")


@pytest.mark.parametrize("value", [None, [], {}, float("nan"), float("inf")])
def test_values_are_texts_and_figures(value: Any) -> None:
    assert refusal({"act": "note", "text": "x", "more": value}) == "its `more` is neither a text nor a figure"


def test_a_text_has_its_bound() -> None:
    assert checked({"act": "note", "text": "x" * TEXT_MAX})
    assert refusal({"act": "note", "text": "x" * (TEXT_MAX + 1)}) == "its `text` is longer than 4000 characters"


def test_an_act_has_not_too_many_settings() -> None:
    assert refusal({"act": "note", "text": "x", **{f"a{n}": n for n in range(40)}}) == "it has more than 40 settings"


@pytest.mark.parametrize(("name", "needed"), [("chat", "text"), ("note", "text"), ("role.taken", "role"),
                                              ("manual", "step"), ("submit.diagnosis", "text")])  # fmt: skip
def test_an_act_without_what_it_is_about_is_none(name: str, needed: str) -> None:
    assert refusal({"act": name}) == f"`{name}` needs `{needed}`"
    assert checked({"act": name, needed: "x"})


@pytest.mark.parametrize(("written", "level"), [("P1", "P1"), ("p0", "P0"), ("sev 2", "SEV2"), ("SEV-1", "SEV1")])
def test_a_severity_is_written_in_one_way(written: str, level: str) -> None:
    assert checked({"act": "incident.severity", "severity": written})["severity"] == level


@pytest.mark.parametrize("written", ["P5", "high", "1", "SEV0", "P1 "[:2] + "x"])
def test_what_is_no_severity_is_refused(written: str) -> None:
    assert "is no severity" in refusal({"act": "incident.severity", "severity": written})


@given(st.dictionaries(st.text(max_size=5) | st.just("act"), st.text(max_size=5) | st.floats() | st.none() | st.just("note"),
                       max_size=5))  # fmt: skip
def test_whatever_comes_is_refused_or_can_be_written(act: dict[str, Any]) -> None:
    try:
        found = checked(act)
    except Refused as refused:
        str(refused).encode()
    else:
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
        said(found).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"act": "page.acked", "page": "CacheDown"}, "page acknowledged: CacheDown"),
        ({"act": "page.acked"}, "page acknowledged"),
        ({"act": "incident.declared", "text": ""}, "incident declared"),
        ({"act": "incident.severity", "severity": "P1"}, "severity P1"),
        ({"act": "role.taken", "role": "IC", "holder": "lin"}, "role IC is held by lin"),
        ({"act": "role.taken", "role": "IC", "holder": "lin", "from": "mei"}, "role IC is held by lin, handed over by mei"),
        ({"act": "chat", "channel": "war-room", "text": "hello"}, "said in war-room: hello"),
        ({"act": "chat", "tag": "announce", "change_id": "c2", "text": "x"}, "said in chat (announce c2): x"),
        ({"act": "cli", "cmd": "ls", "exit": 0, "took_s": 0.25, "mutating": False}, "ran `ls` (looks, exit 0, after 250 ms)"),
        ({"act": "cli", "text": "restarted it", "mutating": True, "change_id": "c2"}, "did: restarted it (changes, change c2)"),
        ({"act": "manual", "step": "verify"}, "step verify done"),
        ({"act": "flag.write", "text": "coupon off"}, "flag.write: coupon off"),
        ({"act": "observe", "probe": "lag", "replica": "db:7001", "result": "in_sync", "offset": 5}, "saw db:7001 in_sync"),
        ({"act": "observe", "result": "match"}, "saw match"),
        ({}, "None"),
    ],
)  # fmt: skip
def test_an_act_is_said_in_a_few_words(data: dict[str, Any], words: str) -> None:
    assert said(data) == words
