"""The command: its flags, its configuration file, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from injectors.proxy import cli
from injectors.proxy.cli import Flags, WrongFlag, read
from tests.injectors.processes import eventually
from tests.injectors.proxy.asking import ask
from tests.injectors.toxiproxies import ROOT, embedded_toxiproxy
from tests.ports import free_port


def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own, which is to end by itself."""
    return subprocess.run([sys.executable, "-m", "injectors.proxy", *words], cwd=ROOT, capture_output=True, text=True,
                          timeout=30, check=False, env={**os.environ, **environment})  # fmt: skip


@contextmanager
def started(*words: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """The command on a free port, once it says that it listens."""
    words = ("-host", "127.0.0.1", "-port", "0", *words)
    with subprocess.Popen([sys.executable, "-m", "injectors.proxy", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **environment}) as popen:  # fmt: skip
        try:
            yield popen
        finally:
            popen.kill()


def lines_until_it_listens(popen: "subprocess.Popen[str]") -> list[str]:
    """What it logs, up to the line that names its port."""
    assert popen.stderr is not None
    found = []
    for line in popen.stderr:
        found.append(line)
        if "the API listens on" in line:
            return found
    raise AssertionError(found)


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ("", Flags()),
        ("-host 0.0.0.0 --port=99 -seed 5", Flags(host="0.0.0.0", port="99", seed=5)),
        ("--proxy-metrics -runtime-metrics=true -version=f", Flags(proxy_metrics=True, runtime_metrics=True)),
        ("-config=a=b.json -allow-host A -allow-host b", Flags(config="a=b.json", allow_host=["a", "b"])),
        ("-seed=-7 stray -port 1", Flags(seed=-7)),
        ("-seed 0x10 -- -port 1", Flags(seed=16)),
        ("-host= -seed 1", Flags(host="", seed=1)),
    ],
)
def test_flags_are_read_as_go_reads_them(words: str, flags: Flags) -> None:
    assert read(words.split()) == flags


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("-nope", "flag provided but not defined: -nope"),
        ("---port 1", "bad flag syntax: ---port"),
        ("-=1", "bad flag syntax: -=1"),
        ("-port", "flag needs an argument: -port"),
        ("-seed x", 'invalid value "x" for flag -seed: parse error'),
        ("-proxy-metrics=maybe", 'invalid boolean value "maybe" for -proxy-metrics: parse error'),
    ],
)
def test_a_wrong_flag_is_told_with_gos_words(words: str, why: str) -> None:
    with pytest.raises(WrongFlag) as wrong:
        read(words.split())
    assert str(wrong.value) == why


def test_a_wrong_flag_ends_with_2_and_help_and_version_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-nope"]) == 2
    assert "-runtime-metrics" in capsys.readouterr().err
    assert cli.main(["-help"]) == 0
    assert "-runtime-metrics" in capsys.readouterr().out
    assert cli.main(["-version"]) == 0
    assert capsys.readouterr().out == "toxiproxy-server version 2.12.0-embedded.1\n"


def test_a_port_in_use_ends_with_1_and_one_sentence() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = run("-host", "127.0.0.1", "-port", str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"the API cannot be served: listen tcp 127.0.0.1:{port}: bind: address already in use; another -port can be named\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_0_even_in_the_middle_of_everything(number: signal.Signals) -> None:
    with started() as popen:
        port = int(lines_until_it_listens(popen)[-1].rpartition(":")[2])
        body = {"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
        listen = ask(port, "POST", "/proxies", body).json["listen"]
        with (
            closing(socket.create_connection(("127.0.0.1", port))) as control,
            closing(socket.create_connection(("127.0.0.1", int(listen.rpartition(":")[2])))),
        ):
            control.sendall(b"GET /pro")
            popen.send_signal(number)
            assert popen.wait(10) == 0
        assert popen.stderr is not None
        rest = popen.stderr.read()
        assert "Traceback" not in rest
        assert "never retrieved" not in rest


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file or directory"),
        ("[{", "bad request body: unexpected EOF"),
        ('[{"name":"x"}]', "missing required field: upstream at proxy 1"),
        ('[{"name":"x","upstream":"u","listen":"nope"}]', "listen tcp: address nope: missing port in address"),
    ],
)
def test_a_bad_config_file_is_logged_and_it_starts_all_the_same(tmp_path: Path, content: str | None, why: str) -> None:
    config = tmp_path / "config.json"
    if content is not None:
        config.write_text(content)
    with started("-config", str(config)) as popen:
        said = lines_until_it_listens(popen)
        assert len(said) == 2
        assert f"ERROR the config file {config}" in said[0]
        assert why in said[0]


def test_a_config_file_is_populated_with_its_toxics(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    toxics = [{"type": "latency", "attributes": {"latency": 5}}]
    body = {"name": "a", "listen": f"127.0.0.1:{free_port()}", "upstream": "127.0.0.1:1", "toxics": toxics}
    config.write_text(json.dumps([body]))
    with embedded_toxiproxy("-config", str(config)) as server:
        told = ask(server.port, "GET", "/proxies").json
    assert told["a"]["listen"] == body["listen"]
    assert told["a"]["toxics"][0]["attributes"] == {"latency": 5, "jitter": 0}


def test_metrics_are_there_only_when_asked_for() -> None:
    with embedded_toxiproxy() as server:
        reply = ask(server.port, "GET", "/metrics")
        assert (reply.status, reply.body) == (404, b"404 page not found\n")


def test_the_log_is_of_single_lines_at_the_asked_level() -> None:
    with started(LOG_LEVEL="debug") as popen:
        port = int(lines_until_it_listens(popen)[-1].rpartition(":")[2])
        ask(port, "GET", "/version")
        assert popen.stderr is not None
        assert popen.stderr.readline().endswith(" DEBUG GET /version\n")
    with started(LOG_LEVEL="loud") as popen:
        assert "LOG_LEVEL is loud, which is none of trace, debug" in lines_until_it_listens(popen)[0]


def test_as_many_descriptors_as_there_may_be_are_taken() -> None:
    with embedded_toxiproxy() as server:
        soft, hard = psutil.Process(server.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft == hard


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, injectors.proxy, injectors.proxy.cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert not {"asyncio", "aiohttp", "logging", "socket", "json"} & set(done.stdout.split())


def test_it_ends_while_a_lease_is_running() -> None:
    with started() as popen:
        port = int(lines_until_it_listens(popen)[-1].rpartition(":")[2])
        ask(port, "POST", "/proxies", {"name": "a", "upstream": "127.0.0.1:1", "enabled": False, "lease_ms": 300})
        popen.send_signal(signal.SIGTERM)
        assert eventually(lambda: popen.poll() == 0, 10)
