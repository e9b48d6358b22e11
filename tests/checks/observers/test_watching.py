"""A watch of the Kubernetes API on bad days: broken, forgotten, throttled, shut out, deaf, and with too much to hear."""

import asyncio
import json
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from checks import CannotObserve
from checks.observers import api_server, watching
from checks.observers.kubernetes import KubernetesObserver
from tests.checks.observers.api_stand_in import StandIn, deployment, refusal, stand_in
from tests.checks.observers.hearing import PATIENCE_S, Told

Do = Callable[[StandIn, Told], Awaitable[None]]


def watched(folder: Path, do: Do, *, prepare: Callable[[StandIn], object] = lambda one: None, **settings: Any) -> Told:
    """Let an observer of deployments listen while something happens; pass what it told."""
    told = Told()

    async def main() -> None:
        async with stand_in(folder) as server:
            server.things["shop"] = deployment("shop", 10)
            prepare(server)
            given = {"kinds": ("deployments",), **settings}
            async with KubernetesObserver(kubeconfig=str(server.kubeconfig), **given).open(told):
                await do(server, told)

    asyncio.run(main())
    return told


async def until(so: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.01)


async def again(server: StandIn) -> None:
    """Until it is watched once more."""
    asked = len(server.requests)
    await until(lambda: len(server.requests) > asked and server.watches, "nobody watches again")


async def nothing(server: StandIn, told: Told) -> None:
    pass


# --- what is told


def test_what_is_there_is_told_first_and_then_each_change_with_who_made_it(tmp_path: Path) -> None:
    async def do(server: StandIn, told: Told) -> None:
        server.put(deployment("shop", 11, replicas=5, generation=2))
        server.put(deployment("shop", 12, replicas=5, ready=5, generation=2))
        server.put(deployment("shop", 13, replicas=5, ready=5, generation=2), "DELETED")
        await told.comes("kubernetes.changed", change="gone")

    told = watched(tmp_path, do)
    (listed,) = told.all("kubernetes.listed")
    scaled, ready, gone = told.all("kubernetes.changed")

    assert told.kinds() == ["observer.opened", "kubernetes.listed", *["kubernetes.changed"] * 3]
    assert told.all("observer.opened")[0]["what"].startswith("Kubernetes v1.99.0 at 127.0.0.1:")
    assert (listed["resource"], listed["namespace"], listed["n"]) == ("deployments", "shop", 1)
    counts = {"desired": 3, "ready": 3, "updated": 3, "available": 3, "generation": 1, "observed": 1}
    assert listed["objects"] == [{"object": "deployment/shop", "namespace": "shop", "uid": "uid-shop", "state": "ready",
                                  "now": {**counts, "images": ["web=web:1"]}}]  # fmt: skip
    assert scaled["wrote"] == {"manager": "kubectl", "operation": "Update", "at": "2026-01-01T00:00:00Z", "by": "somebody",
                               "verb": "scale", "change": "replicas 3→5"}  # fmt: skip
    assert (scaled["state"], scaled["was_state"], scaled["was"]["desired"]) == ("not_ready", "ready", 3)
    assert (ready["state"], ready["was"], "wrote" in ready) == (
        "ready",
        {"ready": 3, "updated": 3, "available": 3},
        False,
    )
    assert (gone["change"], gone["state"], gone["now"]) == ("gone", "gone", {})
    assert not any("within_s" in one for one in (scaled, ready, gone)), "each was told as it came"


def test_what_others_merely_noted_is_not_told(tmp_path: Path) -> None:
    async def do(server: StandIn, told: Told) -> None:
        server.put(deployment("shop", 11))
        server.put(deployment("shop", 12, ready=2))
        await told.comes("kubernetes.changed")

    assert [one["state"] for one in watched(tmp_path, do).all("kubernetes.changed")] == ["not_ready"]


def test_the_drill_and_machines_are_told_from_somebody(tmp_path: Path) -> None:
    async def do(server: StandIn, told: Told) -> None:
        for n, manager in enumerate(("chaos-drills", "kube-controller-manager", "argocd-controller", "lin's-tool", "")):
            server.put(deployment("shop", 11 + n, replicas=4 + n, generation=2 + n, manager=manager))
        await told.comes("kubernetes.changed", state="not_ready", was_state="not_ready")
        await until(lambda: len(told.all("kubernetes.changed")) == 5, "not all came")

    told = watched(tmp_path, do, machinery=("argocd-controller",))

    assert [one["wrote"]["by"] for one in told.all("kubernetes.changed")] == [
        "drill", "machinery", "machinery", "somebody", "unknown",
    ]  # fmt: skip


def test_no_objects_are_told_as_none(tmp_path: Path) -> None:
    told = watched(tmp_path, nothing, prepare=lambda one: one.things.clear())

    assert told.all("kubernetes.listed") == [{"resource": "deployments", "namespace": "shop", "n": 0, "objects": []}]


# --- broken and resumed


def test_a_watch_that_the_server_ends_goes_on_unnoticed(tmp_path: Path) -> None:
    async def do(server: StandIn, told: Told) -> None:
        server.say(None)
        await again(server)
        server.put(deployment("shop", 11, ready=2))
        await told.comes("kubernetes.changed")

    told = watched(tmp_path, do)

    assert told.kinds("observer") == ["observer.opened"]


def test_a_connection_that_breaks_and_is_there_again_loses_nothing(tmp_path: Path) -> None:
    """What happened meanwhile comes with how late it may be, and what came in half comes again."""

    async def do(server: StandIn, told: Told) -> None:
        server.say(b'{"type": "MODIFIED", "obj')
        await asyncio.sleep(0.05)
        server.hang_up()
        server.put(deployment("shop", 11, ready=2))  # nobody watches at the moment
        await told.comes("kubernetes.changed")

    told = watched(tmp_path, do)
    (late,) = told.all("kubernetes.changed")

    assert told.kinds("observer") == ["observer.opened"], "nothing was lost"
    assert 0 < late["within_s"] < PATIENCE_S


def test_a_gap_is_told_and_that_nothing_was_missed_in_it(tmp_path: Path) -> None:
    async def do(server: StandIn, told: Told) -> None:
        server.answer = lambda request, watch: refusal(503, "starting")
        server.hang_up()
        await told.comes("observer.lost")
        server.put(deployment("shop", 11, ready=2))
        server.put(deployment("shop", 12, ready=1))
        server.answer = lambda request, watch: None
        await told.comes("observer.back")
        await told.comes("kubernetes.changed", was={"ready": 2, "updated": 2, "available": 2})

    told = watched(tmp_path, do)
    (lost,), (back,) = told.all("observer.lost"), told.all("observer.back")

    assert lost["why"] == "deployments in shop: it answered 503: starting"
    assert back["caught_up"]
    assert [one["now"]["ready"] for one in told.all("kubernetes.changed")] == [2, 1], "also what lasted a moment"
    assert all(back["lost_s"] <= one["within_s"] + 0.01 for one in told.all("kubernetes.changed"))


def test_a_server_that_takes_its_time_to_be_unreachable_is_lost_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try lasts for longer than a watch must to count as one that was there again at once."""
    monkeypatch.setattr(watching, "_SHORT_S", 0.0)

    def abort(request: web.Request, watch: bool) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def do(server: StandIn, told: Told) -> None:
        server.answer = abort
        server.hang_up()
        lost = await told.comes("observer.lost")
        assert lost["why"] == "deployments in shop: the connection broke: ServerDisconnectedError"
        server.answer = lambda request, watch: None
        assert (await told.comes("observer.back"))["caught_up"]

    watched(tmp_path, do)


def test_once_it_has_caught_up_it_tells_things_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_QUIET_S", 0.05)

    async def do(server: StandIn, told: Told) -> None:
        server.hang_up()
        await again(server)
        await asyncio.sleep(0.2)
        server.put(deployment("shop", 11, ready=2))
        await told.comes("kubernetes.changed")

    assert "within_s" not in watched(tmp_path, do).all("kubernetes.changed")[0]


def test_what_waited_while_we_were_held_up_ourselves_is_not_told_as_if_it_had_just_come(tmp_path: Path) -> None:
    async def do(server: StandIn, told: Told) -> None:
        server.hang_up()
        await again(server)
        await asyncio.sleep(0.1)
        time.sleep(watching._QUIET_S + 0.5)  # noqa: ASYNC251 - it is we who are held up here
        server.put(deployment("shop", 11, ready=2))
        await told.comes("kubernetes.changed")
        await asyncio.sleep(3 * watching._QUIET_S)
        server.put(deployment("shop", 12, ready=3))
        await told.comes("kubernetes.changed", state="ready")

    first, second = watched(tmp_path, do).all("kubernetes.changed")
    assert first["within_s"] > watching._QUIET_S
    assert "within_s" not in second, "it has caught up"


@pytest.mark.parametrize("how", ["an answer", "a line"])
def test_what_the_server_has_forgotten_is_found_by_listing_anew(tmp_path: Path, how: str) -> None:
    async def do(server: StandIn, told: Told) -> None:
        forgotten = iter([True])

        def forget(request: web.Request, watch: bool) -> web.Response | None:
            if not watch or not next(forgotten, False):
                return None
            if how == "an answer":
                return refusal(410, "too old resource version")
            error = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
            return web.Response(body=json.dumps(error).encode() + b"\n")

        server.answer = forget
        server.things = {"cart": deployment("cart", 12), "pay": {**deployment("pay", 15), "status": {}}}
        server.things["pay"]["metadata"]["uid"] = "another"
        server.version = 20
        server.hang_up()
        await told.comes("observer.back")
        await told.comes("kubernetes.changed", object="deployment/pay", change="born")

    told = watched(tmp_path, do, prepare=lambda one: one.things.update(pay=deployment("pay", 9)))
    found = {(one["object"], one["change"]) for one in told.all("kubernetes.changed")}

    assert found == {("deployment/shop", "gone"), ("deployment/cart", "born"), ("deployment/pay", "gone"),
                     ("deployment/pay", "born")}  # fmt: skip
    assert all(one["relisted"] and one["within_s"] > 0 for one in told.all("kubernetes.changed"))
    assert told.all("observer.lost")[0]["why"].endswith("it has forgotten what changed since it was last heard (410)")
    assert not told.all("observer.back")[0]["caught_up"], "what came and went meanwhile nobody knows"


def test_a_bookmark_moves_on_the_place_to_resume_from(tmp_path: Path) -> None:
    async def do(server: StandIn, told: Told) -> None:
        server.tell("BOOKMARK", {"kind": "Deployment", "metadata": {"resourceVersion": "77"}})
        await asyncio.sleep(0.1)
        server.say(None)
        await again(server)
        assert server.requests[-1].query["resourceVersion"] == "77"
        assert server.requests[-1].query["allowWatchBookmarks"] == "true"

    assert watched(tmp_path, do).all("kubernetes.changed") == []


def test_a_server_that_says_nothing_is_deaf_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It neither tells nor ends the watch, as a machine that has lost its power."""
    monkeypatch.setitem(watching.Watch.__init__.__kwdefaults__, "lasts_s", 2)
    monkeypatch.setattr(api_server, "_GRACE_S", 0.5)
    monkeypatch.setattr(api_server, "_ANSWER_S", 0.5)

    async def do(server: StandIn, told: Told) -> None:
        server.mute = True
        lost = await told.comes("observer.lost")
        assert lost["why"] == "deployments in shop: it was silent for too long"
        server.mute = False
        back = await told.comes("observer.back")
        assert back["lost_s"] >= 2, "from when it was last heard, and not from when that was noticed"

    watched(tmp_path, do)


@pytest.mark.parametrize("line", [b"{]\n", b"[1]\n", b'{"type": "ADDED", "object": 7}\n',
                                  b'{"type": "ADDED", "object": {"spec": [], "metadata": 7}}\n'])  # fmt: skip
def test_a_line_that_makes_no_sense_is_no_peace(tmp_path: Path, line: bytes) -> None:
    async def do(server: StandIn, told: Told) -> None:
        for _ in range(3):
            server.say(line)
            await again(server)
        server.put(deployment("shop", 11, ready=2))
        changed = await told.comes("kubernetes.changed", object="deployment/shop")
        assert changed["now"]["ready"] == 2, "what makes sense is heard after what did not"

    watched(tmp_path, do)


# --- refused


@pytest.mark.parametrize(
    ("status", "message", "why"),
    [
        (401, "Unauthorized", "deployments in shop: it does not know who we are (401): the credentials are wrong, or over"),
        (403, "forbidden: …",
         "deployments in shop: it does not let us (403): the role needs list and watch on deployments.apps in namespace shop"),
        (404, "not found", "deployments in shop: it has no deployments.apps of version v1 (404)"),
        (500, "etcd is gone", "deployments in shop: it answered 500: etcd is gone"),
    ],
)  # fmt: skip
def test_who_may_not_listen_is_told_what_is_missing(tmp_path: Path, status: int, message: str, why: str) -> None:
    def refuse(server: StandIn) -> None:
        server.answer = lambda request, watch: None if request.path == "/version" else refusal(status, message)

    with pytest.raises(CannotObserve) as refused:
        watched(tmp_path, nothing, prepare=refuse)
    assert str(refused.value).partition(": ")[2] == why


def test_who_may_list_and_not_watch_does_not_listen(tmp_path: Path) -> None:
    def refuse(server: StandIn) -> None:
        server.answer = lambda request, watch: refusal(403) if watch else None

    with pytest.raises(CannotObserve, match="the role needs list and watch"):
        watched(tmp_path, nothing, prepare=refuse)


def test_a_right_that_is_taken_away_is_told_and_one_that_is_given_back_heals_it(tmp_path: Path) -> None:
    async def do(server: StandIn, told: Told) -> None:
        server.answer = lambda request, watch: refusal(403)
        server.say(None)
        assert "(403)" in (await told.comes("observer.lost"))["why"]
        server.answer = lambda request, watch: None
        assert (await told.comes("observer.back"))["caught_up"]

    watched(tmp_path, do)


def test_a_token_that_is_over_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_server, "_RELOAD_S", 0.0)

    def lock(server: StandIn) -> None:
        server.token = "first"
        server.write_kubeconfig("first")

    async def do(server: StandIn, told: Told) -> None:
        server.token = "second"
        server.say(None)
        assert "(401)" in (await told.comes("observer.lost"))["why"]
        server.write_kubeconfig("second")
        assert (await told.comes("observer.back"))["caught_up"]
        server.put(deployment("shop", 11, ready=2))
        await told.comes("kubernetes.changed")

    watched(tmp_path, do, prepare=lock)


def test_a_server_that_is_asked_too_much_is_given_the_time_that_it_asks_for(tmp_path: Path) -> None:
    at: list[float] = []

    def throttle(request: web.Request, watch: bool) -> web.Response | None:
        if not watch:
            return None
        at.append(time.monotonic())
        return refusal(429, "too many", Retry_After="1") if len(at) == 1 else None

    async def do(server: StandIn, told: Told) -> None:
        server.answer = throttle
        server.say(None)
        lost = await told.comes("observer.lost")
        assert lost["why"] == "deployments in shop: it is asked too much (429), and wants us to wait 1 s"
        assert (await told.comes("observer.back"))["caught_up"]
        assert at[1] - at[0] >= 1.0

    watched(tmp_path, do)


def test_a_list_waits_as_well_for_a_server_that_is_asked_too_much(tmp_path: Path) -> None:
    refused = iter([True])

    def throttle(server: StandIn) -> None:
        server.answer = lambda request, watch: (
            refusal(429, Retry_After="1") if "limit" in request.query and next(refused, False) else None
        )

    assert watched(tmp_path, nothing, prepare=throttle).all("kubernetes.listed")[0]["n"] == 1


# --- much


def test_a_long_list_is_read_page_by_page_and_begun_again_when_its_next_page_is_forgotten(tmp_path: Path) -> None:
    forgotten = iter([False, True])

    def many(server: StandIn) -> None:
        server.page = 10
        server.things = {str(n): deployment(str(n), 10) for n in range(25)}
        server.answer = lambda request, watch: (
            refusal(410) if "continue" in request.query and next(forgotten, False) else None
        )

    told = watched(tmp_path, nothing, prepare=many)

    assert [one["n"] for one in told.all("kubernetes.listed")] == [25]
    assert len(told.all("kubernetes.listed")[0]["objects"]) == 25


def test_two_thousand_objects_are_told_in_batches_and_their_text_is_not_kept(tmp_path: Path) -> None:
    """Of 16 MB of objects, all at a time are never in memory; what is kept of one is small."""
    whole: list[int] = []

    def many(server: StandIn) -> None:
        for n in range(2000):
            one = deployment(f"shop-{n}", 10)
            one["metadata"]["annotations"] = {"big": "x" * 8000}
            server.things[f"shop-{n}"] = one
        server.things.pop("shop")
        whole.append(len(json.dumps(server.things)))
        tracemalloc.start()

    async def do(server: StandIn, told: Told) -> None:
        whole.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()

    told = watched(tmp_path, do, prepare=many)
    batches = told.all("kubernetes.listed")

    assert sum(len(one["objects"]) for one in batches) == 2000
    assert len(batches) == 20
    assert max(len(json.dumps(one)) for one in batches) < 100_000
    assert whole[0] > 16_000_000
    assert whole[1] < whole[0] / 2, f"{whole[1] / 1e6:.1f} MB are kept"


def test_more_objects_than_it_may_watch_are_refused_before_and_told_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "OBJECTS_MAX", 2)

    async def do(server: StandIn, told: Told) -> None:
        server.put(deployment("cart", 11))
        server.put(deployment("pay", 12))
        assert (await told.comes("observer.lost"))["why"] == "deployments in shop: there are more than 2"

    watched(tmp_path, do)
    with pytest.raises(CannotObserve, match="more than 2; name a namespace or a selector"):
        watched(tmp_path, nothing, prepare=lambda one: one.things.update({c: deployment(c, 1) for c in "ab"}))


def test_more_changes_than_it_may_tell_end_in_a_silence_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_TOLD_MAX", 2)

    async def do(server: StandIn, told: Told) -> None:
        for n in range(4):
            server.put(deployment("shop", 11 + n, ready=n % 3))
        await told.comes("observer.lost")

    told = watched(tmp_path, do)

    assert len(told.all("kubernetes.changed")) == 2
    assert told.all("observer.back") == []


# --- settings, and the end


def test_of_a_secret_only_its_metadata_is_asked_for(tmp_path: Path) -> None:
    def resources(server: StandIn) -> None:
        listed = {"resources": [{"name": "secrets", "kind": "Secret", "namespaced": True}]}
        server.answer = lambda request, watch: web.json_response(listed) if request.path == "/api/v1" else None
        server.things = {"key": {"metadata": {"name": "key", "namespace": "shop", "resourceVersion": "9"},
                                 "data": {"password": "aHVudGVyMg=="}}}  # fmt: skip

    seen: list[str] = []

    async def do(server: StandIn, told: Told) -> None:
        await until(lambda: server.watches, "nobody watches")
        seen.extend(one.headers["Accept"] for one in server.requests if one.path.endswith("/secrets"))

    told = watched(tmp_path, do, prepare=resources, kinds=("v1/secrets",))

    assert len(seen) == 2
    assert all("PartialObjectMetadata" in one and "json," not in one for one in seen), (
        "no whole object would do as well"
    )
    assert told.all("kubernetes.listed")[0]["objects"][0]["now"] == {"revision": "9"}
    assert "aHVudGVyMg" not in json.dumps(told.events)


def test_namespaces_selectors_and_kinds_are_asked_for_as_they_are_set(tmp_path: Path) -> None:
    asked: set[tuple[str, str]] = set()

    async def do(server: StandIn, told: Told) -> None:
        asked.update((one.path, one.query.get("labelSelector", "")) for one in server.requests if "limit" in one.query)

    watched(tmp_path, do, kinds=("pods", "nodes"), namespace=("a", "b"), selector="app=shop")
    watched(tmp_path, do, kinds=("deployments",), namespace=("*",))

    assert asked == {("/api/v1/namespaces/a/pods", "app=shop"), ("/api/v1/namespaces/b/pods", "app=shop"),
                     ("/api/v1/nodes", ""), ("/apis/apps/v1/deployments", "")}  # fmt: skip


def test_a_kind_that_the_server_does_not_know_is_refused(tmp_path: Path) -> None:
    def lacks(server: StandIn) -> None:
        server.answer = lambda request, watch: refusal(404) if request.path.startswith("/apis/chaos") else None

    with pytest.raises(CannotObserve, match=r"it has no chaos-mesh\.org/v1alpha1/podchaos"):
        watched(tmp_path, nothing, prepare=lacks, kinds=("chaos-mesh.org/v1alpha1/podchaos",))


@pytest.mark.parametrize("settings", [{"kinds": ()}, {"kinds": ("deployment",)}, {"kinds": ("a/b/c/d",)}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        KubernetesObserver(**settings)
    assert len(refused.value.args) == 3


def test_without_its_client_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes.aio.config", None)

    with pytest.raises(CannotObserve, match=r'pip install "chaos-drills\[kubernetes\]"'):
        watched(tmp_path, nothing)


def test_no_kubeconfig_and_one_that_is_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    async def opened(**settings: Any) -> None:
        async with KubernetesObserver(**settings).open(Told()):
            pass

    with pytest.raises(CannotObserve, match="there is no kubeconfig at"):
        asyncio.run(opened())
    for text in ("", "[1]", "{]", "contexts: []\ncurrent-context: x\n"):
        (tmp_path / "bad").write_text(text)
        with pytest.raises(CannotObserve, match="the kubeconfig cannot be used"):
            asyncio.run(opened(kubeconfig=str(tmp_path / "bad")))


def test_the_kubeconfig_is_that_of_kubectl_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()

    async def main() -> None:
        async with stand_in(tmp_path) as server:
            monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'missing'}:{server.kubeconfig}")
            async with KubernetesObserver(kinds=("deployments",), context="here").open(told):
                pass

    asyncio.run(main())
    assert told.all("kubernetes.listed")[0]["n"] == 0


def test_it_ends_at_once_also_while_the_server_says_nothing(tmp_path: Path) -> None:
    async def main() -> float:
        async with stand_in(tmp_path) as server:
            async with KubernetesObserver(kubeconfig=str(server.kubeconfig)).open(Told()):
                await until(lambda: server.watches == 5, "not all watch")
                server.mute = True
                server.hang_up()
                began = time.monotonic()
            took = time.monotonic() - began
            await until(lambda: server.watches == 0, "a connection is left")
            return took

    assert asyncio.run(main()) < api_server._ANSWER_S


def test_what_breaks_in_whom_it_tells_is_not_taken_for_a_deaf_server(tmp_path: Path) -> None:
    """A full disk is the journal's own trouble, and comes out at the end."""
    told = Told()

    def tell(kind: str, /, **data: Any) -> None:
        if kind == "kubernetes.changed":
            raise OSError(28, "No space left on device")
        told(kind, **data)

    async def main() -> None:
        async with stand_in(tmp_path) as server:
            server.things["shop"] = deployment("shop", 10)
            async with KubernetesObserver(kubeconfig=str(server.kubeconfig), kinds=("deployments",)).open(tell):
                server.put(deployment("shop", 11, ready=1))
                await until(lambda: not server.watches, "it goes on")

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(main())
    assert told.all("observer.lost") == []
