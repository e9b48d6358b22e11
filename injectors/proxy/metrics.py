"""What Prometheus may ask, as text in its exposition format. The counts are live, not only of connections that ended."""

import os
import platform
import resource
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from injectors.proxy.proxies import Proxy

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_STARTED_S = time.time()


def of_proxies(proxies: Sequence[Proxy]) -> str:
    """Bytes received and sent by every proxy, by stream."""
    lines: list[str] = []
    for number, what in enumerate(("received", "sent")):
        name = f"toxiproxy_proxy_{what}_bytes_total"
        lines += [f"# HELP {name} Bytes {what} since the proxy was made.", f"# TYPE {name} counter"]
        for proxy in proxies:
            for stream, counts in sorted(proxy.counters().items()):
                labels = _labels(direction=stream, listener=proxy.listen, proxy=proxy.name, upstream=proxy.upstream)
                lines.append(f"{name}{{{labels}}} {counts[number]}")
    return _text(lines)


def of_this_process() -> str:
    """What it costs, under the names that all clients of Prometheus use."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    lines = [
        f"python_info{{{_labels(implementation=platform.python_implementation(), version=platform.python_version())}}} 1"
    ]
    lines.insert(0, "# TYPE python_info gauge")
    for name, kind, value in (
        ("process_cpu_seconds_total", "counter", usage.ru_utime + usage.ru_stime),
        ("process_max_fds", "gauge", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        ("process_start_time_seconds", "gauge", _STARTED_S),
        *_of_linux(),
    ):
        lines += [f"# TYPE {name} {kind}", f"{name} {value}"]
    return _text(lines)


def _of_linux() -> Iterable[tuple[str, str, float]]:
    try:
        pages = [int(one) for one in Path("/proc/self/statm").read_text().split()]
        descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    except (OSError, ValueError):
        return
    yield "process_open_fds", "gauge", descriptors
    yield "process_virtual_memory_bytes", "gauge", pages[0] * resource.getpagesize()
    yield "process_resident_memory_bytes", "gauge", pages[1] * resource.getpagesize()


def _labels(**values: str) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
