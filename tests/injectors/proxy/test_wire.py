"""What bodies say. That the texts are Go's own is held against the real server in test_conformance."""

import json
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from injectors.proxy import wire
from injectors.proxy.gojson import BadBody, Number, Object, figure, figure32, first_value, rounded, text
from injectors.proxy.toxic import KINDS, Toxic

LATENCY = KINDS["latency"]


def plain(value: object) -> object:
    """As `json.loads` has it."""
    if isinstance(value, Object):
        return {key: plain(one) for key, one in value}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return json.loads(value) if isinstance(value, Number) else value


def refusal(body: bytes) -> str:
    """What is said of a body that is no proxy."""
    with pytest.raises(BadBody) as bad:
        wire.read_proxy(body)
    return str(bad.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values), st.sampled_from(["", "x", "{", " ]", "\x00"]))
def test_the_first_value_is_read_whatever_trails_it(value: object, trail: str) -> None:
    assert plain(first_value((json.dumps(value) + trail).encode())) == value


READERS = (
    wire.read_proxy, wire.read_proxies, wire.read_toxic, lambda body: wire.read_toxic_update(body, LATENCY),
    lambda body: wire.read_attributes(LATENCY, wire.read_toxic(body).attributes),
)  # fmt: skip
words = st.sampled_from(
    ['"name"', '"listen"', '"upstream"', '"enabled"', '"toxics"', '"lease_ms"', '"attributes"', '"latency"', '"Logger"',
     '"toxicity"', '"protocol"', "{", "}", "[", "]", ":", ",", "1", "-", "1e999", "1.5", "9" * 30, "true", "nul", '"', "\\",
     "\\u", "\\ud800", " ", "\x00", "é", "\ufeff", "NaN", "-Infinity"]
)  # fmt: skip


@given(st.binary(max_size=60) | st.lists(words, max_size=25).map(lambda found: "".join(found).encode()))
@example(b'{"name":"\xff\xe2\x82"}')
@example(b'{"toxicity":' + b"9" * 400 + b"}")
@example(b'{"lease_ms":' + b"9" * 5000 + b"}")
def test_no_body_does_more_than_be_refused(body: bytes) -> None:
    for read in READERS:
        said = "nothing"
        try:
            read(body)
        except BadBody as bad:
            said = str(bad)
        assert said


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"name":['])
@pytest.mark.parametrize("depth", [900, 9_000, 1_000_000])
def test_no_depth_of_nesting_does_more_than_be_refused(opening: bytes, depth: int) -> None:
    with pytest.raises(BadBody):
        wire.read_proxy(opening * depth)


def test_ten_thousand_levels_are_the_most() -> None:
    assert refusal(b"[" * 10_000) == "unexpected EOF"
    assert refusal(b"[" * 10_001) == "invalid character '[' exceeded max depth"


def test_what_is_left_out_or_null_is_told_from_what_is_said() -> None:
    assert wire.read_proxy(b'{"enabled":null,"listen":null}') == wire.ProxyBody()
    assert wire.read_proxy(b'{"enabled":false,"listen":""}') == wire.ProxyBody(enabled=False, listen="")


@pytest.mark.parametrize(
    "body", [b'{"NAME":"a"}', b'{"nAmE":"a"}', b'{"name":"b","Name":"a"}', b'{"name":"a","NAME":null}']
)
def test_names_match_in_any_case_and_the_last_one_counts(body: bytes) -> None:
    assert wire.read_proxy(body).name == "a"


def test_attributes_given_twice_are_merged() -> None:
    body = wire.read_toxic(b'{"attributes":{"latency":1,"jitter":5},"attributes":{"JITTER":2,"other":"x"}}')
    assert wire.read_attributes(LATENCY, body.attributes) == {"latency": 1, "jitter": 2}


@pytest.mark.parametrize(
    "number",
    ["1.0", "1e3", "1E3", "0.5", "9223372036854775808", "-9223372036854775809", "1" * 100, '"1"', "true", "[]", "{}"],
)
def test_what_is_no_whole_number_of_64_bits_is_refused(number: str) -> None:
    body = wire.read_toxic(f'{{"attributes":{{"latency":{number}}}}}'.encode())
    with pytest.raises(BadBody, match=r"into Go struct field LatencyToxic\.attributes\.latency of type int64"):
        wire.read_attributes(LATENCY, body.attributes)


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63)])
def test_the_ends_of_64_bits_are_whole_numbers(number: int) -> None:
    body = wire.read_toxic(f'{{"attributes":{{"latency":{number}}}}}'.encode())
    assert wire.read_attributes(LATENCY, body.attributes) == {"latency": number}


def test_bytes_that_are_no_character_are_replaced() -> None:
    assert wire.read_proxy(b'{"name":"\xff\xe2\x82\\ud800"}').name == "\ufffd" * 4
    assert wire.read_proxy(b'{"name":"\\ud83d\\ude00"}').name == "\U0001f600"


@given(st.text() | st.text(st.characters(categories=["Cs"])))
def test_strings_are_written_so_that_they_can_be_read_again(value: str) -> None:
    told = text(value)
    assert json.loads(told) == value.encode("utf-8", "replace").decode() or "\ufffd" in told
    assert not set(told) & set("<>&\u2028\u2029")


def test_strings_are_safe_inside_html() -> None:
    assert text('<&>\u2028\u2029\x01\b\f"\\/é') == '"\\u003c\\u0026\\u003e\\u2028\\u2029\\u0001\\b\\f\\"\\\\/é"'
    assert text("<" * 300) == '"' + "\\u003c" * 300 + '"'


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(3.4028234663852886e38)
def test_a_number_of_32_bits_survives_and_is_short(number: float) -> None:
    told = figure32(number)
    assert struct.pack("f", float(told)) == struct.pack("f", number)
    assert len(told.lstrip("-").replace(".", "").partition("e")[0].strip("0")) <= 9


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0.3, "0.3"), (7.123456789, "7.123457"), (1.0, "1"), (-3.0, "-3"), (0.0, "0"), (-0.0, "-0"), (1e-6, "0.000001"),
        (1e-7, "1e-7"), (1e20, "100000000000000000000"), (1e21, "1e+21"), (16777217.0, "16777216"), (1.5e-45, "1e-45"),
    ],
)  # fmt: skip
def test_toxicity_is_told_as_go_does(number: float, told: str) -> None:
    assert figure32(rounded(number)) == told


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_fraction_survives(number: float) -> None:
    assert float(figure(number)) == number


def test_toxics_are_told_with_the_stream_upstream_first() -> None:
    down, up = (Toxic(name=name, type="noop", stream=name) for name in ("downstream", "UPSTREAM"))
    assert [one["name"] for one in json.loads(wire.toxics([down, up], 0.0))] == ["UPSTREAM", "downstream"]


def test_a_lease_is_told_only_while_there_is_one() -> None:
    toxic = Toxic(name="a", type="latency", stream="upstream", attributes={"latency": 5, "jitter": 0})
    assert wire.toxic(toxic, 7.0) == (
        '{"attributes":{"latency":5,"jitter":0},"name":"a","type":"latency","stream":"upstream","toxicity":1}'
    )
    toxic.expires_s = 9.5
    assert json.loads(wire.toxic(toxic, 7.0))["lease_ms"] == 2500
    assert json.loads(wire.toxic(toxic, 9.5))["lease_ms"] == 1
