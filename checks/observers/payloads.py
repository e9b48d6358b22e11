"""What senders post to a webhook, brought into one shape: a page, or the reason why it is none. Pure.

Three formats are told apart by what is in them, not by where they came in:

- Alertmanager's webhook, version 4: <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>;
- Grafana's, of its own alerting: <https://grafana.com/docs/grafana/latest/alerting/> under "webhook notifier";
- a generic one, for anything else that can send JSON:

      {"status": "firing", "receiver": "oncall", "group": "shop",
       "alerts": [{"name": "CacheDown", "labels": {"service": "cart"}, "annotations": {"summary": "The cache is down"},
                   "starts_at": "2026-03-01T10:00:00Z", "ends_at": null, "id": "cache-7", "status": "firing"}]}

  or a single alert without the list, beside `status`, `receiver` and `group`. Only `name` is needed, or a label
  `alertname`; each becomes the other. What has no `status` is firing. An alert without `id` is known by its labels.

Times are RFC 3339 with a zone; the year 1, with which Go says that a time is not set, is none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from checks.observers.bounds import LIST_MAX, bounded

Status = Literal["firing", "resolved"]
Format = Literal["alertmanager", "grafana", "generic"]


class NotAPage(ValueError):
    """The payload is none that we know; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedAlert:
    """One alert of a page."""

    alert: str
    fingerprint: str
    status: Status
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_unix: float | None = None
    ends_unix: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One notification, of one or more alerts."""

    receiver: str
    """As it is called where the routes are written; empty when the sender does not say."""
    group: str
    status: Status
    alerts: tuple[PagedAlert, ...]
    truncated: int = 0
    """Alerts that the sender left out since there were too many."""
    format: Format
    reason: str = ""
    """Why it was sent, where the sender says so: Alertmanager's `notification_reason`."""


_ALERT = [one.name for one in fields(PagedAlert)]
_PAGE = [one.name for one in fields(Page)]


def told(page: Page) -> dict[str, Any]:
    """The page as data of an event: JSON of bounded size, with `cut: true` where something was left out."""
    # Not `asdict`: it copies depth first, and a storm of thousands of alerts would keep the run's probes waiting.
    first = [{name: getattr(one, name) for name in _ALERT} for one in page.alerts[:LIST_MAX]]
    data = bounded({name: getattr(page, name) for name in _PAGE} | {"alerts": first})
    return data if len(first) == len(page.alerts) else data | {"cut": True}


def read(payload: object) -> Page:
    """The page that this parsed JSON is. Raises NotAPage."""
    said = _mapping(payload, "the payload")
    if "orgId" in said and "alerts" in said:
        return _page(said, "grafana", _of_alertmanager)
    if "groupKey" in said or "version" in said:
        if said.get("version") != "4":
            raise NotAPage("it looks like Alertmanager's webhook, but its `version` is not 4")
        return _page(said, "alertmanager", _of_alertmanager)
    return _page(said if "alerts" in said else said | {"alerts": [said]}, "generic", _of_anybody)


def _page(said: Mapping[str, Any], format_: Format, read_alert: Callable[[Any, str, Any], PagedAlert]) -> Page:
    listed, default = said.get("alerts"), said.get("status")
    if not isinstance(listed, list) or not listed:
        raise NotAPage("`alerts` is not a list with at least one alert")
    alerts = tuple(read_alert(one, f"alerts[{place}]", default) for place, one in enumerate(listed))
    firing = any(one.status == "firing" for one in alerts)
    generic = format_ == "generic"
    receiver = _text(said, "receiver")
    return Page(receiver=receiver if generic else _unquoted(receiver),
                group=_text(said, "group" if generic else "groupKey"),
                status=_status(default, "the page", "firing" if firing else "resolved"),
                alerts=alerts, truncated=0 if generic else _count(said.get("truncatedAlerts")), format=format_,
                reason=_text(said, "notification_reason"))  # fmt: skip


def _of_alertmanager(said: Any, where: str, default: Any) -> PagedAlert:
    """One that Alertmanager lists; Grafana's alerting, which grew from it, writes the same."""
    said = _mapping(said, where)
    labels = _texts(said, "labels", where)
    return PagedAlert(alert=labels.get("alertname", ""),
                      fingerprint=_text(said, "fingerprint", where) or fingerprint(labels),
                      status=_status(said.get("status"), where, default), labels=labels,
                      annotations=_texts(said, "annotations", where),
                      starts_unix=_time(said, "startsAt", where), ends_unix=_time(said, "endsAt", where))  # fmt: skip


def _of_anybody(said: Any, where: str, default: Any) -> PagedAlert:
    said = _mapping(said, where)
    labels = _texts(said, "labels", where)
    name = _text(said, "name", where) or labels.get("alertname", "")
    if not name:
        raise NotAPage(f"{where} has no `name`, so this is neither Alertmanager's webhook, nor Grafana's, nor our own")
    labels = labels if "alertname" in labels else labels | {"alertname": name}
    return PagedAlert(alert=name, fingerprint=_text(said, "id", where) or fingerprint(labels),
                      status=_status(said.get("status"), where, default), labels=labels,
                      annotations=_texts(said, "annotations", where),
                      starts_unix=_time(said, "starts_at", where), ends_unix=_time(said, "ends_at", where))  # fmt: skip


# --- the pieces


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotAPage(f"{where} is not an object")
    return value


def _status(value: Any, where: str, default: Any) -> Status:
    match default if value is None else value:
        case None | "firing":
            return "firing"
        case "resolved":
            return "resolved"
    raise NotAPage(f"`status` of {where} is neither `firing` nor `resolved`")


def _count(value: Any) -> int:
    return min(max(value, 0), 1_000_000_000) if type(value) is int else 0


def _text(said: Mapping[str, Any], key: str, where: str = "the page") -> str:
    return _as_text(said.get(key), f"`{key}` of {where}")


def _texts(said: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
    found = _mapping(said.get(key) or {}, f"`{key}` of {where}")
    return {_clean(name): _as_text(value, f"a value in `{key}` of {where}") for name, value in found.items()}


def _as_text(value: Any, where: str) -> str:
    match value:
        case None:
            return ""
        case str():
            return _clean(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:.17g}" if isinstance(value, float) else _digits(value, where)
    raise NotAPage(f"{where} is not text")


def _digits(value: int, where: str) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to write out a number of thousands of digits
        raise NotAPage(f"{where} is too large a number") from None


def _clean(text: str) -> str:
    """Without halves of characters, which JSON can hold and no file can."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _unquoted(receiver: str) -> str:
    r"""Alertmanager sends its receivers' names as regular expressions that match them: `team\.oncall`."""
    return re.sub(r"\\(.)", r"\1", receiver)


_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,30})?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - zones are reckoned by hand: near the year 1, `datetime` cannot


def unix(text: str) -> float | None:
    """Seconds since 1970 of an RFC 3339 time; None for one of the year 1. Raises ValueError when it is no such time."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError("not a time such as 2026-03-01T10:00:00.5Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    leap = second == 60
    local = datetime(year, month, day, hour, minute, second - leap)  # noqa: DTZ001 - as above
    zone = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    whole_s = (local - _EPOCH + (zone if match[8] == "-" else -zone)) // timedelta(seconds=1) + leap
    return None if year <= 1 else whole_s + float(match[7] or 0)


def _time(said: Mapping[str, Any], key: str, where: str) -> float | None:
    value = said.get(key)
    if value is None or value == "":
        return None
    try:
        return unix(value if isinstance(value, str) else "")
    except ValueError:
        raise NotAPage(f"`{key}` of {where} is not a time such as 2026-03-01T10:00:00.5Z") from None


def fingerprint(labels: Mapping[str, str]) -> str:
    """A hash of the labels: the one that Prometheus and Alertmanager use (FNV-1a, 64 bits, in hexadecimal digits)."""
    names = sorted(labels, key=lambda name: name.encode())
    hashed = 0xCBF29CE484222325
    for byte in b"".join(f"{part}".encode() + b"\xff" for name in names for part in (name, labels[name])):
        hashed = (hashed ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{hashed:016x}"
