"""A webhook of an observer that listens, what it told, and a way to post to it."""

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from checks import Observer
from tests.ports import free_port


@dataclass
class Post:
    """Where to post."""

    port: int
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def tell(self, kind: str, /, **data: Any) -> None:
        assert json.loads(json.dumps(data, ensure_ascii=False, allow_nan=False).encode()) == data
        self.told.append((kind, data))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for one, data in self.told if one == kind]

    @property
    def acts(self) -> list[dict[str, Any]]:
        return self.of("act.recorded")

    @property
    def refused(self) -> list[tuple[str, int | None]]:
        return [(one["why"], one["answered"]) for one in self.of("act.refused")]

    async def post(self, payload: Any, headers: dict[str, str] | None = None, path: str = "/") -> tuple[int, str]:
        """Post in a thread; status and text of the answer."""
        return await asyncio.to_thread(self._post, payload, headers or {}, path)

    def _post(self, payload: Any, headers: dict[str, str], path: str) -> tuple[int, str]:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        typed = {"Content-Type": "application/json", **headers}
        request = Request(f"http://127.0.0.1:{self.port}{path}", body, typed, method="POST")
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()


def posted(make: Callable[[str], Observer], do: Callable[[Post], Awaitable[None]]) -> Post:
    """Open an observer on a free port, post to it, and see that nothing of it is left."""
    post = Post(free_port())

    async def main() -> None:
        async with make(f"127.0.0.1:{post.port}").open(post.tell):
            await do(post)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", post.port)

    asyncio.run(main())
    gc.collect()
    return post
