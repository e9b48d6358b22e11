"""What requests say and how answers are told: the fields of the API's JSON. What requests do stands elsewhere.

As in the original, only the first value of a body counts and what trails it is ignored; names of fields match in any
case; unknown fields are passed over; null leaves a field as it was; 1.0 and 1e3 are no whole numbers; and an error says
which of Go's types could not be filled.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from injectors.proxy.gojson import (
    BadBody,
    Number,
    Object,
    figure,
    figure32,
    first_value,
    rounded,
    text,
    whole_characters,
)
from injectors.proxy.toxic import KINDS, Figure, Kind, Toxic


@dataclass(slots=True, kw_only=True)
class ProxyBody:
    """What a request says about a proxy; None is what it does not say."""

    name: str = ""
    listen: str | None = None
    upstream: str | None = None
    enabled: bool | None = None
    protocol: str | None = None
    lease_ms: int | None = None
    toxics: "list[ToxicBody]" = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ToxicBody:
    """What a request says about a toxic; None is what it does not say."""

    name: str = ""
    type: str = ""
    stream: str = "downstream"
    toxicity: float | None = None
    attributes: list[Object] = field(default_factory=list)
    """Every object that was given under this name; the later ones add to the earlier."""
    lease_ms: int | None = None


# Reading requests.


def read_proxy(body: bytes) -> ProxyBody:
    """Of POST /proxies and of PATCH /proxies/{name}. Raises BadBody."""
    return _proxy(first_value(body), "toxiproxy.Proxy", "Proxy.", "Proxy.")


def read_proxies(body: bytes) -> list[ProxyBody]:
    """Of POST /populate and of a configuration file. Raises BadBody."""
    value = first_value(body)
    if value is None:
        return []
    if type(value) is not list:
        _wrong(value, "", f"[]{_POPULATED}")
    return [_proxy(one, _POPULATED, ".Proxy.", ".") for one in value]


_POPULATED = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'


def _proxy(value: Any, whole: str, inner: str, outer: str) -> ProxyBody:
    found = ProxyBody()
    for name, one in _fields(value, whole):
        match name:
            case "name" | "listen" | "upstream" | "protocol":
                setattr(found, name, _string(one, inner + name, getattr(found, name)))
            case "enabled":
                found.enabled = _bool(one, outer + name, found.enabled)
            case "lease_ms":
                found.lease_ms = _int64(one, outer + name, found.lease_ms)
            case "toxics" if one is not None:
                if type(one) is not list:
                    _wrong(one, outer + name, "[]toxics.ToxicWrapper")
                found.toxics = [_toxic(each) for each in one]
            case "logger" if one is not None and type(one) is not Object:
                _wrong(one, f"{inner}Logger", "zerolog.Logger")
    return found


def read_toxic(body: bytes) -> ToxicBody:
    """Of POST /proxies/{name}/toxics. Its attributes are not looked into: whose they are is not known yet. Raises BadBody."""
    return _toxic(first_value(body))


def _toxic(value: Any) -> ToxicBody:
    found = ToxicBody()
    was_null = False
    for name, one in _fields(value, "toxics.ToxicWrapper"):
        match name:
            case "name" | "type" | "stream":
                setattr(found, name, _string(one, f"ToxicWrapper.{name}", getattr(found, name)))
            case "toxicity":
                found.toxicity = _float32(one, "ToxicWrapper.toxicity", found.toxicity)
            case "lease_ms":
                found.lease_ms = _int64(one, "ToxicWrapper.lease_ms", found.lease_ms)
            case "attributes":
                if one is not None and (was_null or type(one) is not Object):
                    _wrong(one, "ToxicWrapper.attributes", "toxics.Toxic" if was_null else "toxics.NoopToxic")
                was_null = one is None
                found.attributes += [one] if one is not None else []
    return found


def read_toxic_update(body: bytes, kind: Kind) -> ToxicBody:
    """Of PATCH on a toxic of this kind; what else it says than attributes, toxicity and lease is ignored. Raises BadBody."""
    found = ToxicBody()
    was_null = False
    for name, one in _fields(first_value(body), _UPDATE):
        match name:
            case "toxicity":
                found.toxicity = _float32(one, ".toxicity", found.toxicity)
            case "lease_ms":
                found.lease_ms = _int64(one, ".lease_ms", found.lease_ms)
            case "attributes" if not was_null:  # after a null the original has forgotten whose attributes they are
                if one is not None and type(one) is not Object:
                    _wrong(one, ".attributes", f"toxics.{_struct(kind)}")
                was_null = one is None
                found.attributes += [one] if one is not None else []
    return found


_UPDATE = 'struct { Attributes interface {} "json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }'


def read_attributes(kind: Kind, given: Sequence[Object]) -> dict[str, Figure]:
    """Those of this kind that are given: well-formed, yet not judged. Raises BadBody."""
    found: dict[str, Figure] = {}
    go_type = "int" if kind.name == "slicer" else "int64"
    for one in given:
        for key, value in one:
            name = key if key in kind.whole or key in kind.shares else key.casefold()
            where = f"{_struct(kind)}.attributes.{name}"
            if name in kind.whole and (whole := _int64(value, where, None, go_type)) is not None:
                found[name] = whole
            elif name in kind.shares and (share := _float64(value, where)) is not None:
                found[name] = share
    return found


def _struct(kind: Kind) -> str:
    name = kind.name.removesuffix("_peer")  # whose type is ResetToxic
    return "".join(word.capitalize() for word in name.split("_")) + "Toxic"


# Fields.


def _fields(value: Any, whole: str) -> list[tuple[str, Any]]:
    """Of an object, with their names as we write them; none of null. `whole` is what Go calls the object."""
    if value is None:
        return []
    if type(value) is not Object:
        _wrong(value, "", whole)
    return [(key if key in _NAMES else key.casefold(), one) for key, one in value]


_NAMES = frozenset({"name", "listen", "upstream", "enabled", "type", "stream", "toxicity", "attributes"})
"""Those that come most often; any other one is folded first."""


def _string(value: Any, where: str, before: str | None) -> str | None:
    if value is None:
        return before
    if type(value) is not str:
        _wrong(value, where, "string")
    return whole_characters(value)


def _bool(value: Any, where: str, before: bool | None) -> bool | None:
    if value is None:
        return before
    if type(value) is not bool:
        _wrong(value, where, "bool")
    return value


def _int64(value: Any, where: str, before: int | None, go_type: str = "int64") -> int | None:
    if value is None:
        return before
    # 19 digits and a sign; to read a million of them would take minutes.
    if type(value) is not Number or len(value) > 20 or not value.lstrip("-").isdigit():
        _wrong(value, where, go_type, of_number=True)
    number = int(value)
    if not -(2**63) <= number < 2**63:
        _wrong(value, where, go_type, of_number=True)
    return number


def _float64(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if type(value) is not Number or (number := float(value)) in (float("inf"), float("-inf")):
        _wrong(value, where, "float64", of_number=True)
    return number


def _float32(value: Any, where: str, before: float | None) -> float | None:
    if value is None:
        return before
    if type(value) is not Number:
        _wrong(value, where, "float32")
    try:
        return rounded(float(value))
    except OverflowError:
        _wrong(value, where, "float32", of_number=True)


def _wrong(value: Any, where: str, wanted: str, *, of_number: bool = False) -> NoReturn:
    """`of_number`: the number is told, since it is the wrong one and not the wrong kind of value."""
    what = {str: "string", bool: "bool", Number: "number", list: "array", Object: "object"}[type(value)]
    if of_number and type(value) is Number:
        what = f"number {value}"
    place = f"struct field {where}" if where else "value"
    raise BadBody(f"json: cannot unmarshal {what} into Go {place} of type {wanted}")


# Writing answers.


def error(message: str, status: int) -> str:
    """What every refusal is told as."""
    return f'{{"error":{text(message)},"status":{status}}}'


def toxic(one: Toxic, now_s: float) -> str:
    """A toxic as it is told; `now_s` is the clock of its lease."""
    told = ",".join([f'"{name}":{figure(value)}' for name, value in one.attributes.items()])
    lease = "" if one.expires_s is None else f',"lease_ms":{remaining_ms(one.expires_s, now_s)}'
    return (
        f'{{"attributes":{{{told}}},"name":{text(one.name)},"type":"{one.type}","stream":{text(one.stream)},'
        f'"toxicity":{figure32(one.toxicity)}{lease}}}'
    )


def toxics(all_of_them: Sequence[Toxic], now_s: float) -> str:
    """A list of them: those of the stream upstream first, each stream's in order of creation."""
    if not all_of_them:
        return "[]"
    ordered = sorted(all_of_them, key=lambda one: one.direction == "downstream")
    return f"[{','.join([toxic(one, now_s) for one in ordered])}]"


def proxy(
    name: str,
    listen: str,
    upstream: str,
    enabled: bool,
    toxics: str,
    *,
    protocol: str = "tcp",
    lease_ms: int | None = None,
) -> str:
    """A proxy as it is told; `toxics` is told already. `Logger` is an accident of the original that clients have met."""
    udp = "" if protocol == "tcp" else f',"protocol":"{protocol}"'
    lease = "" if lease_ms is None else f',"lease_ms":{lease_ms}'
    return (
        f'{{"name":{text(name)},"listen":{text(listen)},"upstream":{text(upstream)},'
        f'"enabled":{"true" if enabled else "false"},"Logger":{{}},"toxics":{toxics}{udp}{lease}}}'
    )


def remaining_ms(expires_s: float, now_s: float) -> int:
    """What is left of a lease; a lease that there is has at least 1."""
    return max(1, round((expires_s - now_s) * 1000))


def capabilities(packet_loss: str) -> str:
    """What this server can do beyond Toxiproxy, and so how clients tell that it is this one."""
    kinds: Mapping[str, object] = {
        kind.name: {"protocols": sorted(kind.carries), "attributes": [*kind.whole, *kind.shares]}
        for kind in KINDS.values()
    }
    told = {
        "server": "chaos-drills",
        "lease": True,
        "protocols": ["tcp", "udp"],
        "packet_loss": packet_loss,
        "toxics": kinds,
    }
    return json.dumps(told, separators=(",", ":"))
