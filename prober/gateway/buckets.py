"""Count what addresses do against a rate, in a table of fixed size."""

from __future__ import annotations

import ipaddress
import time
from array import array
from collections.abc import Callable
from functools import lru_cache

from prober.config.clients import Rate

SLOTS = 16_384
OWN_NETWORK = 64  # bits: whoever has an IPv6 address has all those of its network


class Buckets:
    """A leaky bucket per address (GCRA: one number each, the time at which it has leaked empty).

    An address's place in the table is a salted hash, so that an attack from any number of
    addresses takes no memory; two that fall on one place share their bucket. `clock` tells
    seconds and never goes back. Without a rate nothing is counted.
    """

    def __init__(self, rate: Rate | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._empty_at = array("d", bytes(8 * SLOTS)) if rate else array("d")

    def take(self, address: str) -> float:
        """Count one more and give 0; else, as `wait_s`, and count nothing."""
        wait_s = self.wait_s(address)
        if self._rate and not wait_s:
            slot = _slot(address)
            start = max(self._empty_at[slot], self._clock())
            self._empty_at[slot] = start + self._rate.per_s / self._rate.most
        return wait_s

    def wait_s(self, address: str) -> float:
        """0 where one more is allowed, else in how many seconds it will be."""
        if self._rate is None:
            return 0.0
        full_s = self._rate.per_s * (1 - 1 / self._rate.most)
        # A microsecond is forgiven, since sums of fractions are not exact.
        wait_s = self._empty_at[_slot(address)] - self._clock() - full_s
        return wait_s if wait_s > 1e-6 else 0.0


@lru_cache(maxsize=4096)
def _slot(address: str) -> int:
    return hash(network(address)) % SLOTS


def network(address: str) -> str:
    """What counts as one client: an IPv4 address, or the network of an IPv6 one."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, OWN_NETWORK), strict=False))
