"""What the runner sees of the state of things, on real servers: replication, members of a pool, answers of a database."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from checks import CannotObserve, Observer
from checks.observers import replication
from checks.observers.listening import Unheard
from checks.observers.members import Members, members
from checks.observers.query import Query
from checks.observers.replication import Replication, read
from tests.checks.observers.posting import Post
from tests.checks.probes.servers import comes, postgres, valkey
from tests.ports import free_port

FAST = timedelta(milliseconds=50)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server is taken for dead because this machine has other things to do."""
    monkeypatch.setattr(replication, "_ANSWER_S", 10.0)


def watched(observer: Observer, do: Callable[[Post], Awaitable[None]]) -> Post:
    """Let an observer look while something happens; pass what it told."""
    post = Post(0)

    async def main() -> None:
        async with observer.open(post.tell):
            await do(post)

    asyncio.run(main())
    return post


async def told(post: Post, **data: Any) -> dict[str, Any]:
    """The act with this in it, once it is told."""
    await comes(lambda: _those(post, data), f"{data}, but only {post.told}", 20)
    return _those(post, data)[-1]


def _those(post: Post, data: dict[str, Any]) -> list[dict[str, Any]]:
    return [act for act in post.acts if data.items() <= act.items()]


# --- replication


def test_a_replica_that_is_brought_in_falls_behind_and_becomes_the_primary_is_told(tmp_path: Path) -> None:
    with valkey(tmp_path / "a") as first, valkey(tmp_path / "b") as second:
        one, two = (f"127.0.0.1:{server.port}" for server in (first, second))

        async def do(post: Post) -> None:
            assert [(act["replica"], act["result"], act["before"]) for act in post.acts] == [
                (one, "primary", True), (two, "primary", True),
            ]  # fmt: skip
            second.ask("REPLICAOF", "127.0.0.1", str(first.port))
            found = await told(post, replica=two, result="in_sync", primary=one)
            assert found["behind_bytes"] == 0 <= found["offset"], "an empty primary's offset may be 0"
            first.kill()
            await told(post, replica=one, result="unreachable", was="primary")
            # Not as it was before it was in step: it may be seen to be alone only after the primary is seen to be dead.
            await comes(lambda: _those(post, {"replica": two})[-1]["result"] == "unlinked", "that it is alone")
            second.ask("REPLICAOF", "NO", "ONE")
            await told(post, replica=two, result="primary", was="unlinked")

        post = watched(Replication(servers=(one, two), every=FAST), do)

    assert post.told[0] == ("observer.opened", {"what": f"replication of {one}, {two}"})
    assert all(act["act"] == "observe" and "trust" not in act for act in post.acts), "it is observed"


def test_nothing_is_told_while_nothing_changes(tmp_path: Path) -> None:
    with valkey(tmp_path) as server:

        async def do(post: Post) -> None:
            for number in range(5):
                server.ask("SET", "a", str(number))
                await asyncio.sleep(0.06)

        post = watched(Replication(servers=(f"127.0.0.1:{server.port}",), every=FAST), do)

    assert len(post.acts) == 1


def test_a_server_that_does_not_let_us_in_is_unreachable(tmp_path: Path) -> None:
    with valkey(tmp_path, "--requirepass", "opensesame") as server:
        address = (f"127.0.0.1:{server.port}",)

        async def nothing(_: Post) -> None:
            pass

        (out,) = watched(Replication(servers=address), nothing).acts
        (let_in,) = watched(Replication(servers=address, password="opensesame"), nothing).acts

    assert (out["result"], let_in["result"]) == ("unreachable", "primary")
    assert "offset" not in out
    assert out["why"]


def test_a_server_that_could_not_answer_in_time_since_we_were_held_up_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, waits = replication.exchange, iter((0.6,))

    async def held_up(*words: Any) -> Any:
        time.sleep(next(waits, 0.0))  # noqa: ASYNC251 - it is we who are held up here
        return await whole(*words)

    monkeypatch.setattr(replication, "_ANSWER_S", 0.3)
    monkeypatch.setattr(replication, "exchange", held_up)
    with valkey(tmp_path) as server:
        place = f"127.0.0.1:{server.port}"

        async def do(post: Post) -> None:
            await told(post, replica=place, result="primary")

        post = watched(Replication(servers=(place,), every=FAST), do)
    assert "unreachable" not in {act["result"] for act in post.acts}


@pytest.mark.parametrize(
    ("info", "role", "linked", "offset"),
    [
        ("role:master\r\nmaster_repl_offset:42\r\n", "primary", False, 42),
        (
            "role:slave\r\nmaster_host:h\r\nmaster_port:1\r\nmaster_link_status:up\r\nslave_repl_offset:7\r\n",
            "replica",
            True,
            7,
        ),
        ("role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:1\r\n", "replica", False, 0),
        ("role:slave\r\nmaster_link_status:down\r\n", "replica", False, 0),
        ("", "replica", False, 0),
    ],
)
def test_info_is_read(info: str, role: str, linked: bool, offset: int) -> None:
    server = read(info)
    assert (server.role, server.linked, server.offset) == (role, linked, offset)


# --- members


class Answers(BaseHTTPRequestHandler):
    """Answers with whatever is there at the moment."""

    def do_GET(self) -> None:
        body = json.dumps(self.server.data).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Date", self.date_time_string())
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def answering(data: Any) -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.data = data  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_who_comes_into_a_pool_and_who_leaves_it_is_told() -> None:
    def pool(*names: str) -> Any:
        return {"pools": [{"backends": [{"name": name, "status": "UP"} for name in names]}]}

    with answering(pool("r1")) as server:

        async def do(post: Post) -> None:
            server.data = pool("r1", "r2")
            added = await told(post, result="replica_added")
            server.data = {"pools": [{"backends": [{"name": "r1", "status": "DOWN"}, {"name": "r2", "status": "UP"}]}]}
            removed = await told(post, result="replica_removed")
            assert (added["replica"], removed["replica"], removed["count"]) == ("r2", "r1", 1)

        url = f"http://127.0.0.1:{server.server_address[1]}/"
        observer = Members(url=url, path="pools.0.backends", where={"status": "UP"}, what="replica", every=FAST)
        post = watched(observer, do)

    assert post.acts[0] == {"act": "observe", "result": "replicas_there", "members": ["r1"], "before": True}
    assert len(post.acts) == 3


def test_a_list_that_cannot_be_had_is_told_as_lost_and_nobody_seems_to_leave() -> None:
    with answering(["a"]) as server:

        async def do(post: Post) -> None:
            server.data = {"error": "busy"}
            await comes(lambda: post.of("observer.lost"), "that it is lost", 20)
            server.data = ["a"]
            await comes(lambda: post.of("observer.back"), "that it is back", 20)

        post = watched(Members(url=f"http://127.0.0.1:{server.server_address[1]}/", path="", every=FAST), do)

    assert [act["result"] for act in post.acts] == ["members_there"]


def test_a_list_that_is_not_there_cannot_be_observed() -> None:
    with pytest.raises(CannotObserve, match="cannot be reached"):
        watched(Members(url=f"http://127.0.0.1:{free_port()}/"), lambda _: asyncio.sleep(0))


@pytest.mark.parametrize(
    ("data", "path", "found"),
    [
        (["a", "b"], "", {"a", "b"}),
        ({"x": {"y": ["a"]}}, "x.y", {"a"}),
        ({"a": {"weight": 1}, "b": {}}, "", {"a", "b"}),
        ([{"name": "a"}, {"name": ""}, {}, 3, None, {"name": "\ud800"}], "", {"a", "3", "?", "None"}),
        ([], "", set()),
    ],
)
def test_members_are_found_where_they_are(data: Any, path: str, found: set[str]) -> None:
    assert members(data, Members(url="http://x/", path=path)) == found


@pytest.mark.parametrize(
    ("data", "path"), [({}, "x"), ("a", ""), ([1], "3"), ({"x": 3}, "x"), ([0] * 501, ""), (None, "")]
)
def test_what_is_no_list_is_not_taken_for_an_empty_one(data: Any, path: str) -> None:
    with pytest.raises(Unheard):
        members(data, Members(url="http://x/", path=path))


# --- answers of a database


def test_an_answer_that_changes_is_told() -> None:
    with postgres() as server:
        server.sql("create table price (amount int)")
        server.sql("insert into price values (5)")
        query = "select case when sum(amount) = 5 then 'match' else 'mismatch' end from price"

        async def do(post: Post) -> None:
            assert post.acts == [{"act": "observe", "result": "match", "replica": "r2", "before": True}]
            await asyncio.to_thread(server.sql, "insert into price values (1)")
            assert (await told(post, result="mismatch"))["was"] == "match"

        post = watched(
            Query(
                query=query,
                url=f"postgresql://owner:secret@127.0.0.1:{server.port}/postgres",
                about={"replica": "r2"},
                every=FAST,
            ),
            do,
        )
        assert len(post.acts) == 2

        with pytest.raises(CannotObserve, match="does not exist"):
            watched(
                Query(query="select * from nowhere", url=f"postgresql://owner:secret@127.0.0.1:{server.port}/postgres"),
                lambda _: asyncio.sleep(0),
            )


# --- settings


@pytest.mark.parametrize(
    "make",
    [
        lambda: Replication(servers=("nowhere",)),
        lambda: Replication(servers=("a:1",), every=timedelta(0)),
        lambda: Members(url="x"),
        lambda: Members(url="http://x", what="a b"),
        lambda: Query(query="select 1", url="x", about={"result": "x"}),
    ],
)
def test_settings_that_cannot_be_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        make()
    assert len(refused.value.args) == 3
