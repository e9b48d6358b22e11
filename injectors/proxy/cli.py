"""The server as a command: flags in the manner of Go, a configuration file, and the signals that end it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    import logging
    import socket
    from typing import Any

    from injectors.proxy.api import Api
    from injectors.proxy.hub import Hub
    from injectors.proxy.proxies import Make, Proxies
    from injectors.proxy.wire import ProxyBody

QUIET_S = 10.0
"""How often it is said at most that there are no descriptors left."""
USAGE = """\
Usage: drills proxy [flags]

A stand-in for toxiproxy-server; each flag may be written with one dash or two, as -port 8474 or --port=8474.

  -host string
        Host for the API to listen on (default "localhost")
  -port string
        Port for the API to listen on (default "8474")
  -config string
        JSON file containing proxies to create on startup
  -seed int
        Seed for randomizing toxics with; the same one spoils the same connections (default: another each time)
  -proxy-metrics
        enable toxiproxy-specific prometheus metrics (default "false")
  -runtime-metrics
        enable runtime-related prometheus metrics (default "false")
  -allow-host string
        A name by which the API may be asked, beside the host's own; may be repeated
  -version
        print the version (default "false")

The environment's LOG_LEVEL is one of trace, debug, info, warn, error, disabled.
"""


@dataclass(slots=True)
class Flags:
    """What the command line asks for."""

    host: str = "localhost"
    port: str = "8474"
    config: str = ""
    seed: int | None = None
    proxy_metrics: bool = False
    runtime_metrics: bool = False
    allow_host: list[str] = field(default_factory=list)
    version: bool = False
    help: bool = False


class WrongFlag(Exception):
    """A command line that cannot be read; the message is Go's."""


def main(argv: Sequence[str]) -> int:
    """Serve until a signal ends it; pass the exit code: 0, 1 when the API cannot listen, 2 for a wrong flag."""
    try:
        flags = read(argv)
    except WrongFlag as wrong:
        sys.stderr.write(f"{wrong}\n{USAGE}")
        return 2
    if flags.help:
        sys.stdout.write(USAGE)
        return 0
    if flags.version:
        from injectors.proxy.api import VERSION

        sys.stdout.write(f"toxiproxy-server version {VERSION}\n")
        return 0
    import asyncio

    from injectors.proxy.hub import Loop

    _log_to_stderr()
    _raise_the_limit_of_descriptors()
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            return runner.run(_serve(flags))
    except KeyboardInterrupt:  # before the signal's handler was there
        return 0


def read(argv: Sequence[str]) -> Flags:
    """The flags of a command line; what follows the first word that is none is ignored. Raises WrongFlag."""
    flags = Flags()
    words = iter(argv)
    for word in words:
        if len(word) < 2 or not word.startswith("-") or word == "--":
            break
        name, has_value, value = word.removeprefix("-").removeprefix("-").partition("=")
        if not name or name.startswith("-"):
            raise WrongFlag(f"bad flag syntax: {word}")
        if name in ("h", "help"):
            flags.help = True
        elif name in _SWITCHES:
            setattr(flags, name.replace("-", "_"), _bool(name, value) if has_value else True)
        elif name in _VALUES:
            given = value if has_value else next(words, None)
            if given is None:
                raise WrongFlag(f"flag needs an argument: -{name}")
            _VALUES[name](flags, given)
        else:
            raise WrongFlag(f"flag provided but not defined: -{name}")
    return flags


def _seed(flags: Flags, value: str) -> None:
    try:
        flags.seed = int(value, 0)
    except ValueError:
        raise WrongFlag(f'invalid value "{value}" for flag -seed: parse error') from None


_SWITCHES = ("proxy-metrics", "runtime-metrics", "version")
_VALUES: Mapping[str, Callable[[Flags, str], None]] = {
    "host": lambda flags, value: setattr(flags, "host", value),
    "port": lambda flags, value: setattr(flags, "port", value),
    "config": lambda flags, value: setattr(flags, "config", value),
    "allow-host": lambda flags, value: flags.allow_host.append(value.lower()),
    "seed": _seed,
}


def _bool(name: str, value: str) -> bool:
    if value in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if value in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise WrongFlag(f'invalid boolean value "{value}" for -{name}: parse error')


async def _serve(flags: Flags) -> int:
    import asyncio
    import logging
    import signal

    from injectors.proxy import http1
    from injectors.proxy.hub import Hub
    from injectors.proxy.listen import ListenFailed, bound, listen
    from injectors.proxy.proxies import Proxies

    log = logging.getLogger("injectors.proxy")
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, ended.set)
    loop.set_exception_handler(_without_repeating_itself())
    host = f"[{flags.host}]" if ":" in flags.host else flags.host
    try:
        sock = await listen(f"{host}:{flags.port}")
    except ListenFailed as failed:
        sys.stderr.write(f"the API cannot be served: {failed}; another -port can be named\n")
        return 1
    hub = Hub(loop)
    proxies = Proxies(_maker(hub, flags.seed))
    connections: set[http1.Connection] = set()
    handler = _api(proxies, flags, sock).answer
    server = await loop.create_server(lambda: http1.Connection(handler, connections), sock=sock, start_serving=False)
    watch = loop.create_task(http1.watch(connections))
    try:
        await _populate(proxies, flags.config)
        await server.start_serving()
        log.info("the API listens on %s", bound(sock))
        await ended.wait()
        log.info("ending")
    finally:
        watch.cancel()
        server.close()
        for connection in list(connections):
            connection.cut_off()
        proxies.close()
        hub.close()
    return 0


def _without_repeating_itself() -> "Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]":
    """What says that the API has no descriptor left: asyncio would, with a hundred tracebacks a second."""
    import errno
    import logging

    log = logging.getLogger("injectors.proxy")
    said_s = float("-inf")

    def tell(loop: "asyncio.AbstractEventLoop", context: "dict[str, Any]") -> None:
        nonlocal said_s
        problem = context.get("exception")
        if not isinstance(problem, OSError) or problem.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
        elif loop.time() - said_s >= QUIET_S:
            said_s = loop.time()
            log.warning("the API can answer nobody new for the moment: %s", problem)

    return tell


def _maker(hub: "Hub", seed: int | None) -> "Make":
    from injectors.proxy.tcp import TcpProxy
    from injectors.proxy.udp import UdpProxy

    kinds = {"tcp": TcpProxy, "udp": UdpProxy}
    return lambda protocol, name, listen, upstream: kinds[protocol](
        hub, name=name, listen=listen, upstream=upstream, seed=seed
    )


def _api(proxies: "Proxies", flags: Flags, sock: "socket.socket") -> "Api":
    import socket
    from ipaddress import ip_address

    from injectors.proxy.api import Access, Api
    from injectors.proxy.kernel import can_filter

    loopback = ip_address(sock.getsockname()[0].partition("%")[0]).is_loopback
    names = [*flags.allow_host, *([] if loopback else [socket.gethostname().lower()])]
    return Api(
        proxies,
        Access(loopback=loopback, own_names=names),
        packet_loss="kernel" if can_filter() else "stall",
        proxy_metrics=flags.proxy_metrics,
        runtime_metrics=flags.runtime_metrics,
    )


async def _populate(proxies: "Proxies", config: str) -> None:
    """Make what the file says; what cannot be made is logged, and the server starts without it."""
    import logging

    log = logging.getLogger("injectors.proxy")
    bodies = _read_config(config) if config else None
    if bodies is None:
        return
    made, refused = await proxies.populate(bodies)
    if refused:
        log.error("the config file %s: %s; proxies made before that: %d", config, refused, len(made))
    else:
        log.info("proxies made from the config file %s: %d", config, len(made))


def _read_config(config: str) -> "list[ProxyBody] | None":
    """The proxies of a file; None of a bad one, which is logged."""
    import logging
    from pathlib import Path

    from injectors.proxy.gojson import BadBody
    from injectors.proxy.wire import read_proxies

    log = logging.getLogger("injectors.proxy")
    try:
        return read_proxies(Path(config).read_bytes())
    except OSError as problem:
        log.error("the config file %s cannot be read: %s", config, problem.strerror)
    except BadBody as bad:
        log.error("the config file %s: bad request body: %s", config, bad)
    return None


def _log_to_stderr() -> None:
    import logging
    import os

    levels = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "error": 40, "fatal": 50, "panic": 50, "disabled": 100}
    asked = os.environ.get("LOG_LEVEL", "")
    handler = logging.StreamHandler()
    handler.setFormatter(_one_line_formatter())
    logging.basicConfig(level=levels.get(asked.lower(), logging.INFO), handlers=[handler])
    if asked and asked.lower() not in levels:
        logging.getLogger("injectors.proxy").error("LOG_LEVEL is %s, which is none of %s", asked, ", ".join(levels))


def _one_line_formatter() -> "logging.Formatter":
    import logging

    class OneLine(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return super().format(record).replace("\n", " | ")

    return OneLine("%(asctime)s %(levelname)s %(message)s")


def _raise_the_limit_of_descriptors() -> None:
    """Each proxied connection takes two."""
    try:
        import resource
    except ImportError:  # not on this platform
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems call it unlimited and do not mean it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
