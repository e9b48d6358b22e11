"""The API server as one client sees it, over plain HTTPS: so that tests need no library to look at a cluster."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

ANSWER_S = 30


@dataclass(frozen=True)
class Api:
    """Asks with one bearer token, and only of the server with this certificate."""

    url: str
    certificate: Path
    token: str

    def get(self, path: str) -> Any:
        """What is at this path: `get("/api/v1/nodes")["items"]`. Raises OSError when it is refused or there is no answer."""
        return json.loads(self._call("GET", path))

    def post(self, path: str, body: Any) -> Any:
        """Make an object; what the server made of it."""
        return json.loads(self._call("POST", path, json.dumps(body).encode()))

    def put(self, path: str, body: Any) -> Any:
        """Have this object be so; what the server made of it."""
        return json.loads(self._call("PUT", path, json.dumps(body).encode()))

    def delete(self, path: str) -> None:
        """Delete what is there, at once; nothing when nothing is."""
        try:
            self._call("DELETE", path, b'{"gracePeriodSeconds": 0, "propagationPolicy": "Background"}')
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def answers(self, path: str) -> bool:
        """Whether it says yes; a server that is not there yet, or has no certificate yet, does not."""
        try:
            self._call("GET", path)
        except (OSError, HTTPException):
            return False
        return True

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", body, headers, method=method)
        with self._opener().open(request, timeout=ANSWER_S) as answer:
            said: bytes = answer.read()
        return said

    def _opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context(cafile=self.certificate)
        # Not through a proxy that the environment may name.
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )


def is_ready(what: Mapping[str, Any]) -> bool:
    """Whether this node or pod has the condition Ready."""
    conditions = what.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
