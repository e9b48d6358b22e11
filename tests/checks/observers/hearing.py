"""What observers tell, kept for a test to look at; and a stand-in for the systems that they ask."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from aiohttp import web

PATIENCE_S = 20.0


class Told:
    """Takes events down, as a run's journal does."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, kind: str, /, **data: Any) -> None:
        self.events.append((kind, data))

    def all(self, kind: str, **like: Any) -> list[dict[str, Any]]:
        """The data of the events of this kind that have these values."""
        return [data for one, data in self.events if one == kind and like.items() <= data.items()]

    def kinds(self, first: str = "") -> list[str]:
        """The kinds that begin so, in order."""
        return [kind for kind, _ in self.events if kind.startswith(first)]

    async def comes(self, kind: str, **like: Any) -> dict[str, Any]:
        """The newest such event, awaited if there is none yet."""
        until = time.monotonic() + PATIENCE_S
        while not (found := self.all(kind, **like)):
            assert time.monotonic() < until, f"no {kind} {like} came, but {self.events}"
            await asyncio.sleep(0.02)
        return found[-1]


class Fake:
    """Answers as Prometheus and Alertmanager do when they have nothing to say, or badly."""

    def __init__(self) -> None:
        self.port = 0
        self.ahead_s = 0.0
        """How far its clock is ahead."""
        self.trouble = ""
        """How it answers: well when empty; `503`, `garbage`, `wrong`, `silent`, `hangs up`."""
        self.requests: list[web.Request] = []
        self.samples: list[tuple[float, str, float]] = []
        """Evaluations that found the one alert: when, its state, since when it was active."""
        self.live = False
        """Whether that alert is there now."""
        self.started = "2026-01-01T00:00:00.123456789Z"
        """Since when it runs."""
        self.evaluated = ""
        """When its rule was evaluated last; empty when there is no rule."""

    @property
    def url(self) -> str:
        """Where it is; no slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One answer."""
        self.requests.append(request)
        date = {"Date": formatdate(int(time.time() + self.ahead_s), usegmt=True)}
        match self.trouble:
            case "503":
                return web.Response(status=503, text="starting", headers=date)
            case "garbage":
                return web.Response(body=b'\xff\x00{"data": ', headers=date)
            case "wrong":
                return web.json_response({"data": ["surprise", 7, None]}, headers=date)
            case "silent":
                await asyncio.sleep(60)
            case "hangs up":
                assert request.transport is not None
                request.transport.close()
        return web.json_response(self._body(request), headers=date)

    def _body(self, request: web.Request) -> Any:
        now = time.time() + self.ahead_s
        if request.path.endswith("/query"):
            if request.query["query"] == "time()":
                return {"data": {"resultType": "scalar", "result": [now, f"{now:.3f}"]}}
            if "count" in request.query["query"]:
                return {"data": {"resultType": "vector", "result": [{"metric": {}, "value": [now, "1"]}]}}
            return {"data": {"resultType": "matrix", "result": _matrix(self.samples)}}
        started = self.started
        bodies = {
            "/api/v1/status/buildinfo": {"data": {"version": "9.9.9"}},
            "/api/v1/status/runtimeinfo": {"data": {"startTime": started, "lastConfigTime": started}},
            "/api/v1/status/config": {"data": {"yaml": "global: {scrape_interval: 1m30s, evaluation_interval: 15s}"}},
            "/api/v1/rules": {"data": {"groups": [_group(self.evaluated)] if self.evaluated else []}},
            "/api/v1/alerts": {"data": {"alerts": [_live(self.samples[-1])] if self.live else []}},
            "/api/v2/alerts": [],
            "/api/v2/alerts/groups": [],
            "/api/v2/silences": [],
            "/api/v2/status": {
                "versionInfo": {"version": "9.9.9"},
                "uptime": started,
                "config": {"original": "{route: {receiver: a}, receivers: [{name: a}]}"},
            },
        }
        return bodies[request.path]


_LABELS = {"alertname": "Down", "shard": "1"}


def _matrix(samples: list[tuple[float, str, float]]) -> list[dict[str, Any]]:
    rows = [
        {"metric": {"__name__": "ALERTS", "alertstate": state, **_LABELS}, "values": [[at, "1"]]}
        for at, state, _ in samples
    ]
    since = [[at, str(int(active))] for at, _, active in samples]
    return [*rows, {"metric": {"__name__": "ALERTS_FOR_STATE", **_LABELS}, "values": since}] if rows else []


def _group(evaluated: str) -> dict[str, Any]:
    rule = {"type": "alerting", "name": "Down", "query": "down > 0", "duration": 0, "health": "ok"}
    return {"name": "g", "interval": 15, "rules": [{**rule, "lastEvaluation": evaluated}]}


def _live(sample: tuple[float, str, float]) -> dict[str, Any]:
    active = datetime.fromtimestamp(sample[2], UTC).isoformat()
    return {"labels": _LABELS, "annotations": {}, "state": sample[1], "activeAt": active, "value": "1e+00"}


@asynccontextmanager
async def fake() -> AsyncIterator[Fake]:
    """A stand-in that answers, for the length of the context."""
    stand_in = Fake()
    app = web.Application()
    app.router.add_get("/{path:.*}", stand_in.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        stand_in.port = runner.addresses[0][1]
        yield stand_in
    finally:
        await runner.cleanup()
