"""A stand-in for a Kubernetes API server, for the days that a real one does not have on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

Thing = dict[str, Any]


def deployment(name: str, version: int, replicas: int = 3, ready: int = 3, *, generation: int = 1, manager: str = "kubectl",
               at: str = "2026-01-01T00:00:00Z", namespace: str = "shop") -> Thing:  # fmt: skip
    """A deployment as the API has it; whoever it is wrote all of its spec."""
    fields = {"f:spec": {"f:replicas": {}, "f:template": {}}}
    return {
        "kind": "Deployment",
        "metadata": {
            "name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": str(version),
            "generation": generation, "labels": {"app": name},
            "managedFields": [{"manager": manager, "operation": "Update", "time": at, "fieldsV1": fields}],
        },
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}},
        "status": {"readyReplicas": ready, "updatedReplicas": ready, "availableReplicas": ready,
                   "observedGeneration": generation},
    }  # fmt: skip


class StandIn:
    """Lists what it holds, and passes on to those who watch what a test does."""

    def __init__(self, folder: Path) -> None:
        self.port = 0
        self.version = 10
        self.things: dict[str, Thing] = {}
        self.folder = folder
        self.token = ""
        """Whom it lets in, where that is not everybody."""
        self.requests: list[web.Request] = []
        self.answer: Callable[[web.Request, bool], web.StreamResponse | None] = lambda request, watch: None
        """What it answers instead, asked with the request and whether it is a watch; None: as it should."""
        self.mute = False
        """Whether it accepts and never says anything."""
        self.page = 1_000_000
        self._watching: list[tuple[asyncio.Queue[bytes | None], web.Request]] = []
        self._log: list[tuple[int, bytes]] = []

    @property
    def kubeconfig(self) -> Path:
        """Where it is, and with which token."""
        return self.folder / "kubeconfig"

    def write_kubeconfig(self, token: str = "") -> None:
        """For whoever is to come in with this token."""
        user = {"token": token} if token else {}
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "shop"}}],
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "me", "user": user}],
        }))  # fmt: skip

    @property
    def watches(self) -> int:
        """How many watch at the moment."""
        return len(self._watching)

    def put(self, thing: Thing, what: str = "") -> None:
        """Let this be so, and tell those who watch."""
        name = thing["metadata"]["name"]
        self.tell(what or ("MODIFIED" if name in self.things else "ADDED"), thing)
        self.things.pop(name, None) if what == "DELETED" else self.things.update({name: thing})

    def tell(self, what: str, thing: Mapping[str, Any]) -> None:
        """Say this to those who watch."""
        line = json.dumps({"type": what, "object": thing}).encode() + b"\n"
        if what in ("ADDED", "MODIFIED", "DELETED"):
            self.version = int(thing["metadata"]["resourceVersion"])
            self._log.append((self.version, line))
        self.say(line)

    def say(self, raw: bytes | None) -> None:
        """Send bytes to those who watch; None ends their watches."""
        for queue, _ in self._watching:
            queue.put_nowait(raw)

    def hang_up(self) -> None:
        """Let every connection of a watch break."""
        for _, request in self._watching:
            assert request.transport is not None
            request.transport.abort()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.requests.append(request)
        if self.mute:
            await asyncio.sleep(60)
        watch = request.query.get("watch") == "1"
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return refusal(401, "Unauthorized")
        if instead := self.answer(request, watch):
            return instead
        if request.path == "/version":
            return web.json_response({"gitVersion": "v1.99.0"})
        return await self._watch(request) if watch else self._list(request)

    def _list(self, request: web.Request) -> web.StreamResponse:
        start, limit = int(request.query.get("continue", 0)), min(self.page, int(request.query["limit"]))
        things = list(self.things.values())
        more = str(start + limit) if start + limit < len(things) else ""
        meta = {"resourceVersion": str(self.version), "continue": more}
        return web.json_response({"kind": "List", "metadata": meta, "items": things[start : start + limit]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        known = int(request.query["resourceVersion"])
        for version, line in self._log:
            if version > known:
                queue.put_nowait(line)
        self._watching.append((queue, request))
        ends = asyncio.get_running_loop().call_later(int(request.query["timeoutSeconds"]), self._end, queue)
        try:
            while (line := await queue.get()) is not None:
                await response.write(line)
        finally:
            ends.cancel()
            self._watching.remove((queue, request))
        return response

    def _end(self, queue: asyncio.Queue[bytes | None]) -> None:
        if not self.mute:
            queue.put_nowait(None)


def refusal(status: int, message: str = "", **headers: str) -> web.Response:
    """A failure as the API tells it."""
    return web.json_response({"kind": "Status", "code": status, "message": message}, status=status,
                             headers={key.replace("_", "-"): value for key, value in headers.items()})  # fmt: skip


@asynccontextmanager
async def stand_in(folder: Path) -> AsyncIterator[StandIn]:
    """A stand-in that answers, for the length of the context."""
    one = StandIn(folder)
    app = web.Application()
    app.router.add_get("/{path:.*}", one.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one.port = runner.addresses[0][1]
        one.write_kubeconfig()
        yield one
    finally:
        await runner.cleanup()
