"""How much one client may ask, how many questions are dealt with at once, how long a body may be."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING

from starlette.types import Message, Receive

from qa.errors import SettingsError

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import SlidingWindowCounterRateLimiter

_PATIENCE = 10.0
"""Seconds for which a question may wait for its turn."""


def parse_rate(text: str) -> list[RateLimitItem]:
    """The limits of a text such as ``20/second; 600/minute``; none of an empty one.

    Raises:
        ValueError: it is not in that notation.
    """
    from limits import parse_many

    return parse_many(text) if text.strip() else []


class Rates:
    """Counts what each client asks, in a sliding window; in this process.

    Args:
        standard: the limits of whoever has none of their own; see ``parse_rate``.
    """

    def __init__(self, standard: str) -> None:
        self._standard = standard
        self._parsed: dict[str, list[RateLimitItem]] = {}

    def load(self) -> None:
        """Loads the library, which the first request of a client else waits for."""
        _ = self._limiter

    def check(self) -> None:
        """Raises SettingsError where the standard limits are not in their notation."""
        try:
            self._limits(self._standard)
        except ValueError as error:
            raise SettingsError(
                "QA_RATE_LIMIT", f"is {self._standard!r}: {error}", "write it as 600/minute"
            ) from error

    def wait(self, client: str, rate: str = "") -> int:
        """Counts one more question of a client.

        Returns:
            0, or the seconds after which it may ask again where it has asked too much.
        """
        limits = self._limits(rate or self._standard)
        for limit in limits:
            if not self._limiter.test(limit, client):
                reset = self._limiter.get_window_stats(limit, client).reset_time
                return max(1, math.ceil(reset - time.time()))
        for limit in limits:
            self._limiter.hit(limit, client)
        return 0

    def _limits(self, text: str) -> list[RateLimitItem]:
        if text not in self._parsed:
            self._parsed[text] = parse_rate(text)
        return self._parsed[text]

    @cached_property
    def _limiter(self) -> SlidingWindowCounterRateLimiter:
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        return SlidingWindowCounterRateLimiter(MemoryStorage())


def client_of(address: str) -> str:
    """Whom an address stands for: itself, or of IPv6 the network of 64 bits, of which one customer
    has all addresses."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{ip_address(int(parsed) >> 64 << 64)}/64"


class Busy(Exception):
    """More questions wait than may; ``seconds`` says when to come again."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"again in {seconds} s")


class Gate:
    """Lets so many through at once, has some wait in the order in which they came, and sends the
    others away: an answer that comes too late is work for nobody.

    Args:
        most: how many are let through at once.
        waiting: how many may wait.
    """

    def __init__(self, most: int, waiting: int) -> None:
        self._most, self._longest = most, waiting
        self._places = asyncio.Semaphore(most)
        self.waiting = 0
        self.within = 0

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """A place within.

        Raises:
            Busy: too many wait, or there was no place for too long.
        """
        await self._enter()
        self.within += 1
        try:
            yield
        finally:
            self.within -= 1
            self._places.release()

    async def _enter(self) -> None:
        if not self._places.locked():
            await self._places.acquire()  # at once
            return
        if self.waiting >= self._longest:
            raise Busy(1 + self.waiting // 100)
        self.waiting += 1
        try:
            await asyncio.wait_for(self._places.acquire(), _PATIENCE)
        except TimeoutError:
            raise Busy(5) from None
        finally:
            self.waiting -= 1


class TooLong(Exception):
    """A request's body is longer than it may be."""


def bounded(receive: Receive, most: int) -> Receive:
    """Receives a body of at most ``most`` bytes; raises TooLong at the byte after them."""
    left = most

    async def receiving() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLong
        return message

    return receiving
