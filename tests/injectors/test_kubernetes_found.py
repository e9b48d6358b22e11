"""How a cluster is found, and with whose credentials: those that are renewed are read anew, and who has none is told."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.observers import api_server
from checks.observers.api_server import ApiServer
from injectors import InjectionFailed, kubernetes_found
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import NODE, reach
from tests.kubernetes_bed.control_plane import ADMIN, API_PORT, ControlPlane, control_plane

ANYBODY = {"kubeconfig": "", "context": "", "uid": ""}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with control_plane() as one:
        yield one


@pytest.fixture
def account(plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The token's file of the account of a pod that we are in."""
    from kubernetes.aio.config import incluster_config

    token, certificate = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text(f"{ADMIN}\n", encoding="utf-8")
    certificate.write_bytes(plane.certificate.read_bytes())
    (tmp_path / "namespace").write_text("shop\n", encoding="utf-8")
    for module in (kubernetes_found, api_server):
        monkeypatch.setattr(module, "_IN_CLUSTER", tmp_path)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(certificate))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", plane.address)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(API_PORT))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return token


async def nodes() -> int:
    async with reach(ANYBODY) as cluster:
        assert cluster.namespace == "shop"
        return len(await cluster.list(NODE.path()))


def test_inside_a_cluster_the_accounts_token_is_read_anew_each_time(account: Path) -> None:
    assert asyncio.run(nodes()) == 0
    account.write_text("over\n", encoding="utf-8")
    with pytest.raises(
        InjectionFailed, match=r"\(401\): the credentials of the pod's own service account are wrong, or over"
    ):
        asyncio.run(nodes())

    account.write_text(f"{ADMIN}\n", encoding="utf-8")
    assert asyncio.run(nodes()) == 0


def test_an_observer_inside_a_cluster_reads_the_token_anew_once_it_is_over(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "_RELOAD_S", 0.0)

    def say(token: str) -> None:
        account.write_text(f"{token}\n", encoding="utf-8")

    async def main() -> None:
        say("over")
        server = ApiServer("", "")
        await server.connect()
        try:
            say(ADMIN)
            with pytest.raises(api_server.Refused) as refused:
                await server.ask(NODE.path())
            assert refused.value.status == api_server.UNAUTHORIZED
            assert b"NodeList" in await server.ask(NODE.path())
        finally:
            await server.close()

    asyncio.run(main())


def test_a_program_that_gives_no_credentials_is_told(plane: ControlPlane, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    text = plane.kubeconfig.read_text(encoding="utf-8")
    asks = "exec: {apiVersion: client.authentication.k8s.io/v1, command: 'false', interactiveMode: Never}"
    config.write_text(text.replace(f"token: {ADMIN}", asks), encoding="utf-8")

    async def asked() -> None:
        async with reach(KubernetesAddress(kubeconfig=str(config), nodes="any")):
            pass

    with pytest.raises(InjectionFailed, match=f"the program that {config} names gave no credentials; log in anew"):
        asyncio.run(asked())


def test_other_credentials_lead_to_the_same_cluster_or_nowhere(plane: ControlPlane, tmp_path: Path) -> None:
    async def asked(uid: str) -> str:
        async with reach({"kubeconfig": str(tmp_path / "gone"), "context": "gone", "uid": uid}) as cluster:
            return cluster.uid

    before = kubernetes_found.instead.set(str(plane.kubeconfig))
    try:
        uid = asyncio.run(asked(""))
        assert asyncio.run(asked(uid)) == uid
        with pytest.raises(InjectionFailed, match="is another cluster now"):
            asyncio.run(asked("1234"))
    finally:
        kubernetes_found.instead.reset(before)
