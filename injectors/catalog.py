"""The list of the injectors that come with the product. Nothing else names them; importing it must stay cheap."""

from injectors.injector import Injector
from injectors.link import (
    Bandwidth,
    ConnectTimeout,
    Down,
    Duplicate,
    Latency,
    LimitData,
    PacketLoss,
    Partition,
    Reorder,
    Reset,
    Slice,
    SlowClose,
    Timeout,
)
from injectors.process import Kill, Pause, Restart

INJECTORS: tuple[type[Injector], ...] = (
    Kill,
    Pause,
    Restart,
    Latency,
    Bandwidth,
    Timeout,
    Reset,
    SlowClose,
    Slice,
    LimitData,
    Down,
    PacketLoss,
    Partition,
    ConnectTimeout,
    Duplicate,
    Reorder,
)
