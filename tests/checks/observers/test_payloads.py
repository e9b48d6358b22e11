"""What senders post is a page or has a reason why not; and which page is new."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.observers.bounds import LIST_MAX, TEXT_MAX
from checks.observers.pages import Pages
from checks.observers.payloads import NotAPage, Page, fingerprint, read, told, unix

ALERTMANAGER: dict[str, Any] = {
    "receiver": r"team\.oncall",
    "status": "firing",
    "alerts": [
        {
            "status": "resolved",
            "labels": {"alertname": "CacheDown", "service": "cart"},
            "annotations": {"summary": "the cache is down"},
            "startsAt": "2026-03-01T10:00:00.123456789Z",
            "endsAt": "2026-03-01T10:05:00Z",
            "generatorURL": "http://127.0.0.1:9090/graph",
            "fingerprint": "1a30ba71cca2921f",
        },
        {
            "status": "firing",
            "labels": {"alertname": "CacheSlow", "service": "cart"},
            "annotations": {},
            "startsAt": "2026-03-01T10:01:00+01:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": "bc97ff14869b13e3",
        },
    ],
    "groupLabels": {"service": "cart"},
    "commonLabels": {"service": "cart"},
    "commonAnnotations": {},
    "externalURL": "http://127.0.0.1:9093",
    "version": "4",
    "groupKey": '{}:{service="cart"}',
    "truncatedAlerts": 3,
    "notification_reason": "new alerts added",
}

GRAFANA: dict[str, Any] = {  # the sample of its documentation, without the texts made from what is in it anyway
    "receiver": "My Super Webhook",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High memory usage", "team": "blue", "zone": "us-1"},
            "annotations": {
                "description": "The system has high memory usage",
                "runbook_url": "https://myrunbook.com/runbook/1234",
                "summary": "This alert was triggered for zone us-1",
            },
            "startsAt": "2021-10-12T09:51:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://play.grafana.org/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://play.grafana.org/alerting/silence/new?alertmanager=grafana",
            "dashboardURL": "",
            "panelURL": "",
            "values": {"B": 44.23943737541908, "C": 1},
        },
        {
            "status": "firing",
            "labels": {"alertname": "High CPU usage", "team": "blue", "zone": "eu-1"},
            "annotations": {"summary": "This alert was triggered for zone eu-1"},
            "startsAt": "2021-10-12T09:56:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://play.grafana.org/alerting/d1rdpdv7k/edit",
            "fingerprint": "bc97ff14869b13e3",
            "silenceURL": "https://play.grafana.org/alerting/silence/new?alertmanager=grafana",
            "dashboardURL": "",
            "panelURL": "",
            "values": {"B": 44.23943737541908, "C": 1},
        },
    ],
    "groupLabels": {},
    "commonLabels": {"team": "blue"},
    "commonAnnotations": {},
    "externalURL": "https://play.grafana.org/",
    "version": "1",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "title": "[FIRING:2] (blue)",
    "state": "alerting",
    "message": "**Firing**",
}

GENERIC: dict[str, Any] = {
    "status": "firing",
    "receiver": "oncall",
    "group": "shop",
    "alerts": [
        {
            "name": "CacheDown",
            "labels": {"service": "cart", "shard": 7, "drill": True},
            "annotations": {"summary": "the cache is down"},
            "starts_at": "2026-03-01T10:00:00Z",
            "id": "cache-7",
        }
    ],
}


def at(*parts: int, **zone: int) -> float:
    return datetime(*parts, tzinfo=timezone(timedelta(**zone))).timestamp()  # type: ignore[misc, arg-type]


def test_alertmanager() -> None:
    page = read(ALERTMANAGER)
    down, slow = page.alerts

    assert (page.format, page.receiver, page.status) == ("alertmanager", "team.oncall", "firing")
    assert (page.group, page.truncated, page.reason) == ('{}:{service="cart"}', 3, "new alerts added")
    assert (down.alert, down.status, down.fingerprint) == ("CacheDown", "resolved", "1a30ba71cca2921f")
    assert down.labels == {"alertname": "CacheDown", "service": "cart"}
    assert down.annotations == {"summary": "the cache is down"}
    assert down.starts_unix == pytest.approx(at(2026, 3, 1, 10) + 0.123456789, abs=1e-6)
    assert down.ends_unix == at(2026, 3, 1, 10, 5)
    assert (slow.status, slow.starts_unix, slow.ends_unix) == ("firing", at(2026, 3, 1, 9, 1), None)


def test_an_older_alertmanager_gives_no_reason_and_one_older_still_no_fingerprint() -> None:
    old = {key: value for key, value in ALERTMANAGER.items() if key not in ("notification_reason", "truncatedAlerts")}
    old["alerts"] = [{key: value for key, value in ALERTMANAGER["alerts"][0].items() if key != "fingerprint"}]
    page = read(old)

    assert (page.reason, page.truncated) == ("", 0)
    assert page.alerts[0].fingerprint == fingerprint({"service": "cart", "alertname": "CacheDown"})


def test_grafana_as_its_documentation_has_it() -> None:
    page = read(GRAFANA)

    assert (page.format, page.receiver, page.group) == ("grafana", "My Super Webhook", "{}:{}")
    assert [one.alert for one in page.alerts] == ["High memory usage", "High CPU usage"]
    assert page.alerts[0].starts_unix == pytest.approx(at(2021, 10, 12, 7, 51, 3) + 0.157076, abs=1e-6)
    assert [one.ends_unix for one in page.alerts] == [None, None]


def test_the_generic_format() -> None:
    page = read(GENERIC)
    (alert,) = page.alerts

    assert (page.format, page.receiver, page.group, page.status) == ("generic", "oncall", "shop", "firing")
    assert (alert.alert, alert.fingerprint, alert.status) == ("CacheDown", "cache-7", "firing")
    assert alert.labels == {"alertname": "CacheDown", "service": "cart", "shard": "7", "drill": "true"}
    assert alert.starts_unix == at(2026, 3, 1, 10)


def test_a_single_alert_needs_a_name_alone() -> None:
    page = read({"name": "CacheDown"})
    (alert,) = page.alerts

    assert (page.receiver, page.status, alert.status, alert.starts_unix) == ("", "firing", "firing", None)
    assert alert.fingerprint == fingerprint({"alertname": "CacheDown"})
    assert read({"labels": {"alertname": "CacheDown"}}).alerts == page.alerts


def test_an_alert_has_the_status_of_its_page_unless_it_has_its_own() -> None:
    resolved = read({"status": "resolved", "alerts": [{"name": "A"}, {"name": "B", "status": "firing"}]})

    assert [one.status for one in resolved.alerts] == ["resolved", "firing"]
    assert resolved.status == "resolved"
    assert read({"alerts": [{"name": "A", "status": "resolved"}]}).status == "resolved"
    assert read({"alerts": [{"name": "A", "status": "resolved"}, {"name": "B"}]}).status == "firing"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ([], "the payload is not an object"),
        ("firing", "the payload is not an object"),
        ({}, "alerts[0] has no `name`"),
        ({"alerts": []}, "`alerts` is not a list with at least one alert"),
        ({"alerts": {}}, "`alerts` is not a list with at least one alert"),
        ({"alerts": ["A"]}, "alerts[0] is not an object"),
        ({"alerts": [{"name": "A"}, {"name": {}}]}, "`name` of alerts[1] is not text"),
        ({"name": "A", "status": "ok"}, "`status` of alerts[0] is neither `firing` nor `resolved`"),
        ({"name": "A", "labels": ["x"]}, "`labels` of alerts[0] is not an object"),
        ({"name": "A", "labels": {"x": []}}, "a value in `labels` of alerts[0] is not text"),
        ({"name": "A", "starts_at": 1772359200}, "`starts_at` of alerts[0] is not a time"),
        ({"name": "A", "starts_at": "2026-03-01T10:00:00"}, "`starts_at` of alerts[0] is not a time"),
        ({**ALERTMANAGER, "version": "3"}, "its `version` is not 4"),
        ({**ALERTMANAGER, "receiver": []}, "`receiver` of the page is not text"),
        ({"ruleName": "A", "state": "alerting", "evalMatches": []}, "alerts[0] has no `name`"),  # Grafana before 8
    ],
)
def test_what_is_no_page_has_a_reason(payload: Any, why: str) -> None:
    with pytest.raises(NotAPage) as raised:
        read(payload)

    assert why in str(raised.value)


# --- times and fingerprints


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1969-12-31T23:59:59.5Z", -0.5),
        ("1970-01-01t01:00:00+01:00", 0.0),
        ("1969-12-31 20:30:00-03:30", 0.0),
        ("2026-03-01T10:00:00.000000001Z", at(2026, 3, 1, 10)),
        ("2016-12-31T23:59:60Z", at(2017, 1, 1)),  # a leap second
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", at(9999, 12, 31, 23, 59, 59) + 86340),
    ],
)
def test_times(text: str, expected: float | None) -> None:
    assert unix(text) == (expected if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-03-01", "2026-03-01T10:00Z", "2026-03-01T10:00:00", "2026-02-29T10:00:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01T10:60:00Z", "2026-03-01T10:00:61Z", "2026-03-01T10:00:00+24:00", "2026-03-01T10:00:00.Z",
        "0000-01-01T00:00:00Z", "２０２６-03-01T10:00:00Z", "2026-03-01T10:00:00Z\n",
    ],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"^\S"):
        unix(text)


@given(st.datetimes(min_value=datetime(2, 1, 2), timezones=st.timezones() | st.just(UTC)))  # noqa: DTZ001
def test_every_time_that_can_be_written_is_read(moment: datetime) -> None:
    if (offset := moment.utcoffset()) is None or offset % timedelta(minutes=1):
        return  # local mean time, which RFC 3339 cannot say

    assert unix(moment.isoformat()) == pytest.approx(moment.timestamp(), abs=1e-4)


def test_a_fingerprint_is_that_of_prometheus() -> None:
    """The first is the offset of the hash; a real Alertmanager is asked in the tests of the sink."""
    assert fingerprint({}) == "cbf29ce484222325"
    assert fingerprint({"b": "2", "a": "1"}) == fingerprint({"a": "1", "b": "2"})
    assert len({fingerprint(one) for one in ({"a": "bc"}, {"ab": "c"}, {"a": "b"}, {"a": "b", "c": ""})}) == 4


# --- anything at all

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
_TIMES = st.sampled_from(["0001-01-01T00:00:00Z", "2026-03-01T10:00:00.1+01:00"]) | _JSON
_LABELS = st.dictionaries(st.sampled_from(["alertname", "a", "\ud800"]), st.text(st.characters(), max_size=4) | _JSON)
_STATUS = st.sampled_from(["firing", "resolved"]) | _JSON
_ALERT = st.fixed_dictionaries(
    {},
    optional={"name": st.just("A") | _JSON, "status": _STATUS, "labels": _LABELS, "annotations": _LABELS, "id": _JSON,
              "fingerprint": _JSON, "startsAt": _TIMES, "endsAt": _TIMES, "starts_at": _TIMES, "ends_at": _TIMES},
)  # fmt: skip
_PAYLOAD = st.fixed_dictionaries(
    {},
    optional={"alerts": st.lists(_ALERT, min_size=1, max_size=3) | _JSON, "status": _STATUS, "receiver": _JSON,
              "version": st.just("4") | _JSON, "groupKey": _JSON, "orgId": _JSON, "truncatedAlerts": _JSON,
              "group": _JSON, "name": _JSON, "notification_reason": _JSON},
)  # fmt: skip


@given(_PAYLOAD | _JSON | st.builds(lambda one: {"alerts": [one]}, _ALERT))
def test_anything_is_a_page_or_has_a_reason(payload: Any) -> None:
    """And a page can be written down, the same each time."""
    try:
        page = read(payload)
    except NotAPage as why_not:
        reason = str(why_not)
    else:
        reason = ""
        _check(page, payload)

    assert reason or page.alerts


def _check(page: Page, payload: Any) -> None:
    assert isinstance(page, Page)
    data = told(page)
    assert json.loads(json.dumps(data, ensure_ascii=False, allow_nan=False).encode()) == data
    pages = Pages()
    assert pages.count(page) == (1, True)
    assert pages.count(read(payload)).attempt == 2 or any(one.starts_unix is None for one in page.alerts)


# --- what is told


def test_what_is_told_is_json() -> None:
    data = told(read(ALERTMANAGER))

    assert json.loads(json.dumps(data)) == data
    assert set(data) == {"receiver", "group", "status", "alerts", "truncated", "format", "reason"}
    assert set(data["alerts"][0]) == {
        "alert",
        "fingerprint",
        "status",
        "labels",
        "annotations",
        "starts_unix",
        "ends_unix",
    }


def test_long_things_are_cut_and_it_says_so() -> None:
    fits = read({"name": "A", "annotations": {"text": "x" * TEXT_MAX}})
    long = read({"name": "A", "annotations": {"text": "x" * (TEXT_MAX + 1)}})
    full = read({"alerts": [{"name": str(n)} for n in range(LIST_MAX)]})
    many = read({"alerts": [{"name": str(n)} for n in range(LIST_MAX + 1)]})

    assert "cut" not in told(fits)
    assert told(long)["cut"]
    assert told(long)["alerts"] == told(fits)["alerts"]
    assert "cut" not in told(full)
    assert told(many)["cut"]
    assert len(told(many)["alerts"]) == LIST_MAX
    assert len(many.alerts) == LIST_MAX + 1


# --- counting


def page(*alerts: dict[str, Any], **other: Any) -> Page:
    dated = [{"starts_at": "2026-03-01T10:00:00Z", **one} for one in alerts]
    return read({"receiver": "oncall", "alerts": dated, **other})


A, B = {"name": "A"}, {"name": "B"}


def test_the_first_is_new_and_what_is_repeated_is_not() -> None:
    pages = Pages()

    assert [pages.count(page(A)) for _ in range(3)] == [(1, True), (2, False), (3, False)]


@pytest.mark.parametrize(
    "other",
    [
        page({**A, "status": "resolved"}),
        page({**A, "starts_at": "2026-03-01T10:00:00.001Z"}),
        page({**A, "id": "another"}),
        page(A, group="another"),
        page(A, receiver="another"),
    ],
)
def test_what_differs_is_new(other: Page) -> None:
    pages = Pages()
    pages.count(page(A))

    assert pages.count(other) == (1, True)


def test_texts_do_not_run_into_one_another() -> None:
    pages = Pages()
    pages.count(page(A, receiver="ab", group="c"))

    assert pages.count(page(A, receiver="a", group="bc")).new


def test_of_a_growing_group_each_step_is_new_and_a_shrunken_one_is_not() -> None:
    pages = Pages()

    assert [pages.count(one) for one in (page(A), page(A, B), page(B, A), page(B))] == [
        (1, True),
        (1, True),
        (2, False),
        (1, False),
    ]


def test_an_alert_that_does_not_say_since_when_begins_anew_after_its_end() -> None:
    pages = Pages()
    fires, ends = read({"name": "A"}), read({"name": "A", "status": "resolved"})

    assert [pages.count(one) for one in (fires, fires, ends, ends, fires, fires, ends)] == [
        (1, True),
        (2, False),
        (1, True),
        (2, False),
        (1, True),
        (2, False),
        (1, True),
    ]


def test_what_is_remembered_is_bounded() -> None:
    pages = Pages(kept=10)
    for n in range(20):
        pages.count(page({"name": str(n)}))

    assert len(pages._seen._values) == len(pages._contents._values) == 10
    assert not pages.count(page({"name": "19"})).new
    assert pages.count(page({"name": "0"})).new
