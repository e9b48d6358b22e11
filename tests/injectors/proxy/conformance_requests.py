"""Single requests, each with what Toxiproxy 2.12.0 answers to it."""
# ruff: noqa: E501 - a case is read best on one line

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request, sent when there is one proxy `a`, enabled, with the toxics `lag` and `up`."""

    method: str
    path: str
    body: str | bytes | None = None
    status: int
    says: str = ""
    """What the body holds: of an error its text, else a part of it."""
    type: str = ""
    """The content type; that of its status when empty."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with it."""

    @property
    def name(self) -> str:
        """The request on one line."""
        body = "" if self.body is None else f" {self.body!r}"
        body = body if len(body) < 120 else f"{body[:20]}...({len(body)})"
        sent = "".join(f" {name}={value}" for name, value in self.headers)
        return f"{self.method} {self.path}{body}{sent}"


JSON, ERROR, PLAIN = "application/json", "text/plain; charset=utf-8", "text/plain; charset=utf-8"
TOXICS, LAG = "/proxies/a/toxics", "/proxies/a/toxics/lag"
NOT_FOUND = "404 page not found\n"


def _of_routes() -> Iterator[Case]:
    for path, says in (
        ("/proxies", '{"a":{"name":"a","listen":"127.0.0.1:P"'), ("/proxies/a", '"enabled":true,"Logger":{},"toxics":[{'),
        ("/proxies/%61?x=%zz", '{"name":"a"'), (TOXICS, '[{"attributes":{'), ("/proxies/a%2ftoxics", '[{"attributes":{'),
        (LAG, '{"attributes":{"latency":1,"jitter":0},"name":"lag","type":"latency","stream":"downstream","toxicity":1}'),
        (f"{TOXICS}/up", '"stream":"Upstream","toxicity":0.3}'),
    ):  # fmt: skip
        yield Case(method="GET", path=path, status=200, says=says)
    yield Case(
        method="GET", path="/version", status=200, says='{"version": "2.12.0', type="application/json;charset=utf-8"
    )
    for path in ("/", "/nope", "/PROXIES", "/proxies/", "/proxies/a/", "/proxies/a/toxics/", "/proxies/a/toxics/lag/",
                 "/proxies/a/nope", "/proxies/a/toxics/lag/x", "/proxies/a%2Fb", "/metrics", "/*", "/proxies/*/toxics/*"):  # fmt: skip
        says = "" if path == "/proxies/*/toxics/*" else NOT_FOUND
        yield Case(method="GET", path=path, status=404, says=says or '{"error":"proxy not found","status":404}\n')
    for path in (
        "//proxies?x=1",
        "/./proxies",
        "/proxies/../version",
        "/proxies//a",
        "/../../proxies/./a/../",
        "/a%20b/../c%20d/.",
    ):
        yield Case(method="GET", path=path, status=301)
        yield Case(method="POST", path=path, body="{}", status=301)
    for method, path in (
        ("PUT", "/proxies"), ("HEAD", "/proxies"), ("OPTIONS", "/proxies"), ("DELETE", "/proxies"), ("PUT", "/proxies/a"),
        ("PUT", LAG), ("PATCH", TOXICS), ("GET", "/populate"), ("GET", "/reset"), ("POST", "/version"), ("HEAD", "/version"),
        ("BREW", "/reset"),
    ):  # fmt: skip
        yield Case(method=method, path=path, status=405)
    browser = (("User-Agent", "Mozilla/5.0"),)
    yield Case(method="GET", path="/proxies", headers=browser, status=403, says="User agent not allowed\n")
    yield Case(method="POST", path="/reset", headers=browser, status=403, says="User agent not allowed\n")
    yield Case(method="GET", path="/nope", headers=browser, status=404, says=NOT_FOUND)
    yield Case(method="GET", path="/proxies", headers=(("User-Agent", "mozilla/5.0"),), status=200)
    for name in ("a;b", "a+b", "a#b", "%C3%A9", "A", "a%00", "%ff"):
        yield Case(method="GET", path=f"/proxies/{name}", status=404, says="proxy not found")
    yield Case(method="GET", path="/proxies/%zz", status=400, says="400 Bad Request")
    yield Case(method="POST", path="/reset", status=204)
    yield Case(method="POST", path="/reset", body="junk", status=204)
    yield Case(method="DELETE", path="/proxies/a", status=204)
    yield Case(method="DELETE", path=LAG, body="junk", status=204)
    for method, path, says in (
        ("GET", "/proxies/b", "proxy"), ("PATCH", "/proxies/b", "proxy"), ("POST", "/proxies/b", "proxy"),
        ("DELETE", "/proxies/b", "proxy"), ("GET", "/proxies/b/toxics", "proxy"), ("POST", "/proxies/b/toxics", "proxy"),
        ("PATCH", "/proxies/b/toxics/lag", "proxy"), ("DELETE", "/proxies/b/toxics/lag", "proxy"),
        ("GET", f"{TOXICS}/b", "toxic"), ("PATCH", f"{TOXICS}/b", "toxic"), ("POST", f"{TOXICS}/b", "toxic"),
        ("DELETE", f"{TOXICS}/b", "toxic"), ("GET", f"{TOXICS}/LAG", "toxic"),
    ):  # fmt: skip
        body = "x" if method in ("PATCH", "POST") else None
        yield Case(method=method, path=path, body=body, status=404, says=f"{says} not found")


WRONG_JSON = {
    "": "EOF", " \n": "EOF", "{": "unexpected EOF", '{"name"': "unexpected EOF", "tru": "unexpected EOF", "-": "unexpected EOF",
    '"\x7f': "unexpected EOF", '{"name":5,"upstream":6': "unexpected EOF", "[" * 10_000: "unexpected EOF",
    "x": "invalid character 'x' looking for beginning of value", "'": r"invalid character '\\'' looking for beginning",
    "\ufeff{}": "invalid character 'ï' looking for beginning of value", "\x00": r"invalid character '\\x00' looking for",
    "NaN": "invalid character 'N' looking for beginning of value", "-Infinity": "invalid character 'I' in numeric literal",
    "trux": "invalid character 'x' in literal true (expecting 'e')", "nan": "invalid character 'a' in literal null (expecting 'u')",
    '{"a":falze}': "invalid character 'z' in literal false (expecting 's')",
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    "{,}": "invalid character ',' looking for beginning of object key string", '{"a" 1}': "invalid character '1' after object key",
    '{"a":1 2}': "invalid character '2' after object key:value pair", '{"a":01}': "invalid character '1' after object key:value pair",
    "[1 2]": "invalid character '2' after array element", "[1,]": "invalid character ']' looking for beginning of value",
    '"\x01"': r"invalid character '\\x01' in string literal", '{"a":"\t"}': r"invalid character '\\t' in string literal",
    '"\\x"': "invalid character 'x' in string escape code", '"\\u12x"': r"invalid character 'x' in \\u hexadecimal character escape",
    "-x": "invalid character 'x' in numeric literal", '{"a":.5}': "invalid character '.' looking for beginning of value",
    "1.x": "invalid character 'x' after decimal point in numeric literal", "1ex": "invalid character 'x' in exponent of",
    "1e+x": "invalid character 'x' in exponent of numeric literal", "[" * 10_001: "invalid character '[' exceeded max depth",
    '{"a":' * 10_001: "invalid character '{' exceeded max depth", "\x80": "invalid character 'Â' looking for",
    "5": "json: cannot unmarshal number into Go value of type", "01": "json: cannot unmarshal number into Go value of type",
    '"a"x': "json: cannot unmarshal string into Go value of type", "truex": "json: cannot unmarshal bool into Go value of type",
}  # fmt: skip
"""Bodies that are no object, and what is said of them."""


def _of_bodies() -> Iterator[Case]:
    for body, says in WRONG_JSON.items():
        yield Case(method="POST", path="/proxies", body=body, status=400, says=f"bad request body: {says}")
        yield Case(method="POST", path="/populate", body=body, status=400, says=f"bad request body: {says}")
        yield Case(method="POST", path=TOXICS, body=body, status=400, says=f"bad request body: {says}")
        yield Case(method="PATCH", path="/proxies/a", body=body, status=400, says=f"bad request body: {says}")
        yield Case(method="PATCH", path=LAG, body=body, status=400, says=f"bad request body: {says}")


def _of_proxies() -> Iterator[Case]:
    wrong = "bad request body: json: cannot unmarshal {} into Go struct field Proxy.{} of type {}"
    for body, status, says in (
        ("null", 400, "missing required field: name"), ("{}x", 400, "missing required field: name"),
        ('{"upstream":"u"}', 400, "missing required field: name"), ('{"name":"z"}', 400, "missing required field: upstream"),
        ('{"name":"","upstream":"u"}', 400, "missing required field: name"),
        ('{"name":"z","upstream":null}', 400, "missing required field: upstream"),
        ('{"name":5}', 400, wrong.format("number", "name", "string")), ('{"name":[]}', 400, wrong.format("array", "name", "string")),
        ('{"listen":1.5}', 400, wrong.format("number", "listen", "string")),
        ('{"upstream":{}}', 400, wrong.format("object", "upstream", "string")),
        ('{"enabled":"x"}', 400, wrong.format("string", "enabled", "bool")), ('{"ENABLED":1}', 400, wrong.format("number", "enabled", "bool")),
        ('{"Logger":"x"}', 400, wrong.format("string", "Logger", "zerolog.Logger")), ('{"logger":{}}', 400, "missing required"),
        ('{"name":5,"upstream":6}', 400, wrong.format("number", "name", "string")),
        ('{"\\u006eame":true}', 400, wrong.format("bool", "name", "string")), ('{"Mutex":5}', 400, "missing required field: name"),
        ('{"name":"a","upstream":"u","listen":"nope"}', 409, "proxy already exists"),
        ('{"name":"z","upstream":"u","listen":"nope"}', 500, "listen tcp: address nope: missing port in address"),
        ('{"name":"z","upstream":"u","listen":"127.0.0.1:99999"}', 500, "listen tcp: address 99999: invalid port"),
        ('{"name":"z","upstream":"u","listen":"127.0.0.1:-1"}', 500, "listen tcp: address -1: invalid port"),
        ('{"name":"z","upstream":"u","listen":"127.0.0.1:foo"}', 500, "listen tcp: lookup tcp/foo: unknown port"),
        ('{"name":"z","upstream":"u","listen":"a:b:c"}', 500, "listen tcp: address a:b:c: too many colons in address"),
        ('{"name":"z","upstream":"u","listen":"[::1"}', 500, "listen tcp: address [::1: missing ']' in address"),
        ('{"name":"z","upstream":"u","listen":"[::1]"}', 500, "listen tcp: address [::1]: missing port in address"),
        ('{"name":"z","upstream":"u","listen":"a]:5"}', 500, "listen tcp: address a]:5: unexpected ']' in address"),
        ('{"name":"z","upstream":"u","listen":"203.0.113.1:5"}', 500, "listen tcp 203.0.113.1:5: bind: cannot assign requested address"),
        ('{"name":"z","upstream":"zzz"}', 201, '{"name":"z","listen":"[::]:P","upstream":"zzz","enabled":true,"Logger":{},"toxics":[]}'),
        ('{"name":"z","upstream":"u","listen":"localhost:0"}', 201, '"listen":"127.0.0.1:P"'),
        ('{"name":"z","upstream":"u","listen":"127.0.0.1:"}', 201, '"listen":"127.0.0.1:P"'),
        ('{"name":"z","upstream":"u","listen":"0.0.0.0:0"}', 201, '"listen":"[::]:P"'),
        ('{"name":"z","upstream":"u","listen":"[::1]:0"}', 201, '"listen":"[::1]:P"'),
        ('{"name":"z","upstream":"u","listen":":0","enabled":null}', 201, '"listen":"[::]:P","upstream":"u","enabled":true'),
        ('{"name":"z","upstream":"u","listen":"x","enabled":false}', 201, '"listen":"x","upstream":"u","enabled":false'),
        ('{"NAME":"z","Upstream":"u","liSten":"127.0.0.1:0","x":{"y":[1e9]}} {', 201, '"name":"z"'),
        ('{"name":"y","upstream":"u","name":"z","name":null}', 201, '{"name":"z"'),
        ('{"name":"<&>\u2028é😀\\ud800/ \x7f","upstream":"u"}', 201, '"name":"\\u003c\\u0026\\u003e\\u2028é😀\ufffd/ \x7f"'),
        (b'{"name":"\xff\xe2\x82","upstream":"u"}', 201, '"name":"\ufffd\ufffd\ufffd"'),
        ('{"toxics":5}', 400, "missing required field: name"),
        ('{"name":"z","upstream":"u","toxics":[{"type":"noop"}]}', 201, '"toxics":[]'),
    ):  # fmt: skip
        yield Case(method="POST", path="/proxies", body=body, status=status, says=says)
    for body, status, says in (
        ("null", 200, '"enabled":true'), ("{}", 200, '"name":"lag"'), ('{"enabled":false}', 200, '"enabled":false'),
        ('{"listen":5}', 400, wrong.format("number", "listen", "string")), ('{"name":5}', 400, wrong.format("number", "name", "string")),
        ('{"name":"other"}', 200, '{"name":"a"'), ('{"upstream":""}', 200, '"upstream":""'), ('{"listen":""}', 200, '"listen":"[::]:P"'),
        ('{"listen":"xx"}', 500, "address xx: missing port in address"),
        ('{"listen":"127.0.0.1:99999","enabled":false}', 500, "address 99999: invalid port"),
        ('{"listen":"x:y"}', 500, "lookup tcp/y: unknown port"), ('{"listen":"203.0.113.1:5"}', 500, "listen tcp 203.0.113.1:5: bind: cannot"),
    ):  # fmt: skip
        yield Case(method="PATCH", path="/proxies/a", body=body, status=status, says=says)
        yield Case(method="POST", path="/proxies/a", body=body, status=status, says=says)


def _of_population() -> Iterator[Case]:
    wrong = "bad request body: json: cannot unmarshal {} into Go struct field .{} of type {}"
    whole = (
        "bad request body: json: cannot unmarshal {} into Go value of type {}struct {{ toxiproxy.Proxy; Enabled *bool"
    )
    for body, status, says in (
        ("null", 201, '{"proxies":null}'), ("[]", 201, '{"proxies":null}'), ("{}", 400, whole.format("object", "[]")),
        ("[5]", 400, whole.format("number", "")), ('["a"]', 400, whole.format("string", "")), ("[[]]", 400, whole.format("array", "")),
        ("[null]", 400, "missing required field: name at proxy 1"), ('[{"name":5}]', 400, wrong.format("number", "Proxy.name", "string")),
        ('[{"enabled":5}]', 400, wrong.format("number", "enabled", "bool")),
        ('[{"Logger":5}]', 400, wrong.format("number", "Proxy.Logger", "zerolog.Logger")),
        ('[{"name":"p"}]', 400, "missing required field: upstream at proxy 1"),
        ('[{"name":"p","upstream":"u","enabled":null},{"upstream":"z"}]', 400, "missing required field: name at proxy 2"),
        ('[{"name":"p","upstream":"u","listen":"q","enabled":false},{"name":"r","upstream":"u","listen":"s"}]', 500,
         '{"error":"listen tcp: address s: missing port in address","status":500,"proxies":[{"name":"p","listen":"q"'),
        ('[{"name":"p","upstream":"u","listen":"q","enabled":false},{"name":"p","upstream":"u","listen":"q"}]', 500,
         '{"error":"address q: missing port in address","status":500,"proxies":[{"name":"p","listen":"q"'),
        ('[{"name":"p","upstream":"u","listen":"127.0.0.1:0"}]', 201, '{"proxies":[{"name":"p","listen":"127.0.0.1:P"'),
        ('[{"name":"a","upstream":"127.0.0.1:1","listen":"127.0.0.1:0"}]', 201, '"toxics":[]}]}'),
        ('[{"name":"p","upstream":"u","toxics":[{"type":"noop"}]}]', 201, '"toxics":[]}]}'),
    ):  # fmt: skip
        yield Case(method="POST", path="/populate", body=body, status=status, says=says, type=JSON)


def _of_toxics() -> Iterator[Case]:
    wrong = "bad request body: json: cannot unmarshal {} into Go struct field ToxicWrapper.{} of type {}"
    whole = (
        "bad request body: json: cannot unmarshal {} into Go struct field LatencyToxic.attributes.latency of type int64"
    )
    stream = "stream was invalid, can be either upstream or downstream"
    for body, status, says in (
        ("null", 400, "invalid toxic type"), ('{"type":"nope"}', 400, "invalid toxic type"), ('{"type":"Latency"}', 400, "invalid toxic type"),
        ('{"type":"down"}', 400, "invalid toxic type"), ('{"type":5}', 400, wrong.format("number", "type", "string")),
        ('{"name":true}', 400, wrong.format("bool", "name", "string")), ('{"stream":{}}', 400, wrong.format("object", "stream", "string")),
        ('{"toxicity":"x"}', 400, wrong.format("string", "toxicity", "float32")),
        ('{"toxicity":1e39}', 400, wrong.format("number 1e39", "toxicity", "float32")),
        ('{"attributes":5}', 400, wrong.format("number", "attributes", "toxics.NoopToxic")),
        ('{"attributes":[]}', 400, wrong.format("array", "attributes", "toxics.NoopToxic")),
        ('{"attributes":null,"attributes":{}}', 400, wrong.format("object", "attributes", "toxics.Toxic")),
        ('{"type":"nope","stream":"side"}', 400, stream), ('{"type":"noop","stream":""}', 400, stream),
        ('{"type":"noop","name":"lag"}', 409, "toxic already exists"), ('{"type":"noop","name":"up","stream":"upstream"}', 409, "toxic already exists"),
        ('{"type":"latency","name":"lag","attributes":{"latency":"x"}}', 409, "toxic already exists"),
        ('{"type":"latency","attributes":{"latency":"x"}}', 400, whole.format("string")),
        ('{"type":"latency","attributes":{"latency":10.5}}', 400, whole.format("number 10.5")),
        ('{"type":"latency","attributes":{"latency":1000.0}}', 400, whole.format("number 1000.0")),
        ('{"type":"latency","attributes":{"latency":1e3}}', 400, whole.format("number 1e3")),
        ('{"type":"latency","attributes":{"LATENCY":true}}', 400, whole.format("bool")),
        ('{"type":"latency","attributes":{"latency":9223372036854775808}}', 400, whole.format("number 9223372036854775808")),
        ('{"type":"slow_close","attributes":{"delay":[]}}', 400, "field SlowCloseToxic.attributes.delay of type int64"),
        ('{"type":"reset_peer","attributes":{"timeout":{}}}', 400, "field ResetToxic.attributes.timeout of type int64"),
        ('{"type":"limit_data","attributes":{"bytes":"x"}}', 400, "field LimitDataToxic.attributes.bytes of type int64"),
        ('{"type":"timeout","attributes":{"timeout":"x"}}', 400, "field TimeoutToxic.attributes.timeout of type int64"),
        ('{"type":"bandwidth","attributes":{"rate":"x"}}', 400, "field BandwidthToxic.attributes.rate of type int64"),
        ('{"type":"slicer","attributes":{"delay":"x"}}', 400, "field SlicerToxic.attributes.delay of type int"),
        ('{"type":"latency"}', 200, '{"attributes":{"latency":0,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}'),
        ('{"type":"latency","stream":"UPSTREAM"}', 200, '"name":"latency_UPSTREAM","type":"latency","stream":"UPSTREAM"'),
        ('{"type":"latency","name":null,"stream":null,"toxicity":null,"attributes":null}', 200, '"toxicity":1'),
        ('{"type":"latency","attributes":{"latency":9223372036854775807,"jitter":-9223372036854775808}}', 200, "-9223372036854775808"),
        ('{"type":"latency","attributes":{"Latency":7,"x":"y","jitter":null}}', 200, '{"latency":7,"jitter":0}'),
        ('{"type":"latency","attributes":{"latency":1},"attributes":{"jitter":2}}', 200, '{"latency":1,"jitter":2}'),
        ('{"type":"noop","attributes":{"x":1}}', 200, '{"attributes":{},"name":"noop_downstream"'),
        ('{"type":"bandwidth"}', 200, '{"rate":0}'), ('{"type":"slow_close"}', 200, '{"delay":0}'), ('{"type":"timeout"}', 200, '{"timeout":0}'),
        ('{"type":"reset_peer"}', 200, '{"timeout":0}'), ('{"type":"limit_data"}', 200, '{"bytes":0}'),
        ('{"type":"slicer","attributes":{"average_size":64,"size_variation":8,"delay":3}}', 200, '{"average_size":64,"size_variation":8,"delay":3}'),
        ('{"type":"noop","name":"x/y z<"}', 200, '"name":"x/y z\\u003c"'), ('{"\u017ftream":"upstream","type":"noop"}', 200, '"stream":"upstream"'),
        ('{"type":"noop"}{', 200, ""), ('{"type":"noop","name":"n\\u0001\\b\\f\\"\\\\"}', 200, '"n\\u0001\\b\\f\\"\\\\"'),
        ('{"type":"slicer"}', 200, '{"average_size":0,'), ('{"type":"bandwidth","attributes":{"rate":-1}}', 200, '{"rate":-1}'),
        ('{"type":"latency","attributes":{"jitter":4611686018427387904}}', 200, '"jitter":4611686018427387904'),
        ('{"type":"slicer","attributes":{"average_size":5,"size_variation":6}}', 200, '"size_variation":6'),
        ('{"type":"packet_loss"}', 400, "invalid toxic type"), ('{"type":"partition"}', 400, "invalid toxic type"),
    ):  # fmt: skip
        yield Case(method="POST", path=TOXICS, body=body, status=status, says=says)
    for number, told in (("0.3", "0.3"), ("7.123456789", "7.123457"), ("-3", "-3"), ("1e-7", "1e-7"), ("1e-6", "0.000001"),
                         ("1e20", "100000000000000000000"), ("1e21", "1e+21"), ("-0.0", "-0"), ("16777217", "16777216"),
                         ("1.5e-45", "1e-45"), ("3.4028235e38", "3.4028235e+38"), ("1e-50", "0"), ("0.1", "0.1")):  # fmt: skip
        yield Case(
            method="POST",
            path=TOXICS,
            body=f'{{"type":"noop","toxicity":{number}}}',
            status=200,
            says=f'"toxicity":{told}}}',
        )


def _of_toxic_updates() -> Iterator[Case]:
    of_latency = "bad request body: json: cannot unmarshal {} into Go struct field {} of type {}"
    for body, status, says in (
        ("null", 200, '{"latency":1,"jitter":0}'), ("{}", 200, '"toxicity":1'), ('{"toxicity":0.5}', 200, '"toxicity":0.5'),
        ('{"toxicity":0.1,"toxicity":0.2}', 200, '"toxicity":0.2'), ('{"toxicity":null}', 200, '"toxicity":1'),
        ('{"attributes":{"JITTER":4}}', 200, '{"latency":1,"jitter":4}'), ('{"attributes":{"latency":null}}', 200, '{"latency":1,'),
        ('{"attributes":null}', 200, '{"latency":1,'), ('{"attributes":null,"attributes":{"latency":3}}', 200, '{"latency":1,'),
        ('{"name":"z","type":"noop","stream":"upstream"}', 200, '"name":"lag","type":"latency","stream":"downstream"'),
        ('{"name":5,"type":[]}', 200, '"name":"lag"'), ('{"toxicity":"x"}', 400, of_latency.format("string", ".toxicity", "float32")),
        ('{"toxicity":1e39}', 400, of_latency.format("number 1e39", ".toxicity", "float32")),
        ('{"attributes":5}', 400, of_latency.format("number", ".attributes", "toxics.LatencyToxic")),
        ('{"attributes":[1]}', 400, of_latency.format("array", ".attributes", "toxics.LatencyToxic")),
        ('{"attributes":{"latency":"x"}}', 400, of_latency.format("string", "LatencyToxic.attributes.latency", "int64")),
        ('{"attributes":{"latency":1e3}}', 400, of_latency.format("number 1e3", "LatencyToxic.attributes.latency", "int64")),
    ):  # fmt: skip
        yield Case(method="PATCH", path=LAG, body=body, status=status, says=says)
        yield Case(method="POST", path=LAG, body=body, status=status, says=says)


CASES = [
    *_of_routes(), *_of_bodies(), *_of_proxies(), *_of_population(), *_of_toxics(), *_of_toxic_updates(),
]  # fmt: skip
