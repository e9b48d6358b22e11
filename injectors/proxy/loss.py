"""Which packets are lost, by a seed; and what losing one costs a TCP connection. Pure."""

from __future__ import annotations

import random

_RTO_MIN_S = 0.2
_RTO_MAX_S = 120.0
RETRIES = 15
"""How often Linux sends a segment again before it gives the connection up (net.ipv4.tcp_retries2)."""


class Loss:
    """Decides packet after packet whether it is lost, from one source of random numbers.

    `correlation` is the share of packets that meet the fate of the one before; the others are drawn anew with `share`. So
    the share lost is what was asked at any correlation, neighbouring fates correlate by just that figure, and bursts are
    1 / ((1 - correlation) x (1 - share)) long on average.

    Two other meanings are refused. netem's manual has it that "each successive probability depends by a quarter on the
    last one"; that averages random numbers, which draws them to the middle, and far less is lost than was asked.
    Adding the correlation to the share after a loss, as a Toxiproxy not yet released does, loses more than was asked
    (share 10 % and correlation 50 %: 20 %).
    """

    __slots__ = ("_draw", "_lost")

    def __init__(self, source: random.Random) -> None:
        self._draw = source.random
        self._lost: bool | None = None

    def lost(self, share: float, correlation: float = 0.0) -> bool:
        """Whether the next packet is lost. A share of 0 never loses one and a share of 1 always does.

        Share and correlation may differ from call to call.
        """
        # Drawn at 0 and 1 too: a share that changes under way moves the limit and not the numbers.
        fresh = self._draw() < share
        if correlation > 0 and self._draw() < correlation and self._lost is not None and 0 < share < 1:
            return self._lost
        self._lost = fresh
        return fresh

    def losses(self, share: float, correlation: float = 0.0) -> int:
        """How often in a row the next segment is lost before it arrives; at most RETRIES."""
        count = 0
        while count < RETRIES and self.lost(share, correlation):
            count += 1
        return count


def stall_s(losses: int) -> float:
    """How late a segment is that was lost so many times in a row; the stream behind it waits as long.

    The first is noticed after 200 ms, Linux's shortest retransmission time-out; each repeated loss doubles the wait, up
    to 120 s. 1 loss: 0.2 s, 2: 0.6 s, 3: 1.4 s, 15: 804.6 s.
    """
    return sum(min(_RTO_MIN_S * 2.0**again, _RTO_MAX_S) for again in range(losses))
