"""Faults inside pods, by Chaos Mesh: slow or failing files, load, a wrong clock, names that are not found."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from injectors.amounts import Size
from injectors.chaos_mesh_kinds import DNS_CHAOS, IO_CHAOS, STRESS_CHAOS, TIME_CHAOS, needs
from injectors.chaos_mesh_pods import PodsFault
from injectors.chaos_mesh_records import duration
from injectors.injector import Ratio
from injectors.kubernetes_api import Kind, Need

_ALL = Ratio(1.0)
Method = Literal[
    "lookup", "forget", "getattr", "setattr", "readlink", "mknod", "mkdir", "unlink", "rmdir", "symlink", "rename", "link",
    "open", "read", "write", "flush", "release", "fsync", "opendir", "readdir", "releasedir", "fsyncdir", "statfs",
    "setxattr", "getxattr", "listxattr", "removexattr", "access", "create", "getlk", "setlk", "bmap",
]  # fmt: skip
Errno = Literal[
    "EPERM", "ENOENT", "EINTR", "EIO", "EAGAIN", "ENOMEM", "EACCES", "EBUSY", "EEXIST", "EINVAL", "ENFILE", "EMFILE", "EFBIG",
    "ENOSPC", "EROFS", "EDQUOT",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesFault(PodsFault):
    """Calls for files of a volume. It needs FUSE on the nodes, and makes itself the volume of containers that run."""

    kind: ClassVar[Kind] = IO_CHAOS
    needs: ClassVar[tuple[Need, ...]] = needs(IO_CHAOS)

    volume: Annotated[str, "Where the volume is mounted in the container, as /var/lib/data"]
    path: Annotated[str, "Which of its files, as /var/lib/data/*.log; left out, all"] = ""
    methods: Annotated[tuple[Method, ...], "Which calls; left out, all"] = ()
    share: Annotated[Ratio, "How many of the calls"] = _ALL

    def __post_init__(self) -> None:
        if not self.volume.startswith("/"):
            what = f"{self.volume!r} is no place in a container"
            raise ValueError("volume", what, "give the whole path, as /var/lib/data")
        if self.share < 0.01 or self.share != round(self.share, 2):
            raise ValueError("share", "Chaos Mesh counts in whole percent", "write it as 1% to 100%")

    def of_files(self) -> Mapping[str, Any]:
        """Which calls of which files, as Chaos Mesh says it."""
        some = {"path": self.path, "methods": list(self.methods)}
        asked = {key: value for key, value in some.items() if value}
        return {"volumePath": self.volume, "percent": round(self.share * 100), **asked}

    @property
    def calls(self) -> str:
        """The same in words."""
        return f"{self.share:.0%} of {' and '.join(self.methods) or 'all'} calls at {self.path or self.volume}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IoFault(FilesFault):
    """Calls for files of a volume fail. It needs FUSE on the nodes, and makes itself the volume of containers that run."""

    name: ClassVar[str] = "io_fault"

    error: Annotated[Errno, "What the calls fail with"] = "EIO"

    def spec(self) -> Mapping[str, Any]:
        """The error as its number."""
        return {"action": "fault", "errno": getattr(errno, self.error), **self.of_files()}

    def does(self) -> str:
        """With the error."""
        return f"{self.calls} failing with {self.error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IoLatency(FilesFault):
    """Calls for files of a volume are late. It needs FUSE on the nodes, and makes itself the volume of containers that run."""

    name: ClassVar[str] = "io_latency"

    delay: Annotated[timedelta, "How late they are"]

    def __post_init__(self) -> None:
        FilesFault.__post_init__(self)
        if self.delay < timedelta(milliseconds=1):
            raise ValueError("delay", "files that are not late are no fault", "write it as 100ms")

    def spec(self) -> Mapping[str, Any]:
        """The delay as Go reads it."""
        return {"action": "latency", "delay": duration(self.delay), **self.of_files()}

    def does(self) -> str:
        """With the delay."""
        return f"{self.calls} late by {duration(self.delay)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress(PodsFault):
    """Processes beside those of a container burn CPU or take memory, within the container's own limits."""

    name: ClassVar[str] = "stress"
    kind: ClassVar[Kind] = STRESS_CHAOS
    needs: ClassVar[tuple[Need, ...]] = needs(STRESS_CHAOS)

    cpu: Annotated[int, "How many processes burn CPU"] = 0
    load: Annotated[Ratio, "How much of a core each of them burns"] = _ALL
    memory: Annotated[Size | None, "How much memory is taken"] = None

    def __post_init__(self) -> None:
        if self.cpu < 0:
            raise ValueError("cpu", f"there cannot be {self.cpu} processes", "write it as 2")
        if not (self.cpu or (self.memory and self.memory.bytes)):
            raise ValueError("cpu", "nothing says what is used up", "give cpu, as 2, or memory, as 256MB, or both")

    def spec(self) -> Mapping[str, Any]:
        """One process takes all of the memory."""
        cpu = {"cpu": {"workers": self.cpu, "load": round(self.load * 100)}} if self.cpu else {}
        memory = {"memory": {"workers": 1, "size": f"{self.memory.bytes}B"}} if self.memory else {}
        return {"stressors": {**cpu, **memory}}

    def does(self) -> str:
        """Both."""
        cpu = [f"{self.cpu} × {self.load:.0%} of a core burned"] if self.cpu else []
        return " and ".join([*cpu, *([f"{self.memory} taken"] if self.memory else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew(PodsFault):
    """The clock of containers is wrong, for programs that ask the time as most do: through the kernel's page (vDSO)."""

    name: ClassVar[str] = "clock_skew"
    kind: ClassVar[Kind] = TIME_CHAOS
    needs: ClassVar[tuple[Need, ...]] = needs(TIME_CHAOS)

    by: Annotated[timedelta, "By how much it is wrong"]
    direction: Annotated[Literal["ahead", "behind"], "Whether it shows a time that is yet to come, or has been"] = (
        "ahead"
    )

    def __post_init__(self) -> None:
        if self.by < timedelta(milliseconds=1):
            raise ValueError("by", "a clock that is right is no fault", "write it as 10m")

    def spec(self) -> Mapping[str, Any]:
        """The wall clock alone."""
        return {"timeOffset": ("-" if self.direction == "behind" else "") + duration(self.by)}

    def does(self) -> str:
        """With the direction."""
        return f"the clock {self.by} {self.direction}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsError(PodsFault):
    """Names are not found, or found at addresses made up. It needs the DNS server that Chaos Mesh brings along."""

    name: ClassVar[str] = "dns_error"
    kind: ClassVar[Kind] = DNS_CHAOS
    needs: ClassVar[tuple[Need, ...]] = needs(DNS_CHAOS)

    names: Annotated[tuple[str, ...], "Which names, as shop.example.com or shop.*; left out, all"] = ()
    answer: Annotated[Literal["error", "random"], "Whether they are not found, or somewhere else"] = "error"

    def __post_init__(self) -> None:
        if wrong := [one for one in self.names if "*" in one.removesuffix("*")]:
            raise ValueError(
                "names", f"{wrong[0]!r} has a star before its end", "write it as shop.*, or ? for one sign"
            )

    def spec(self) -> Mapping[str, Any]:
        """All names when none is given."""
        return {"action": self.answer, **({"patterns": list(self.names)} if self.names else {})}

    def does(self) -> str:
        """With the names."""
        how = "not found" if self.answer == "error" else "found at addresses made up"
        return f"{' and '.join(self.names) or 'all names'} {how}"
