"""Rates by address, in a table that never grows."""

from __future__ import annotations

import sys

import pytest

from prober.config.clients import Rate
from prober.gateway.buckets import Buckets, network


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("most", [1, 3, 10, 999])
def test_as_many_as_the_rate_says_may_come_at_once(most: int) -> None:
    buckets = Buckets(Rate(most, 60), Clock())

    taken = [buckets.take("192.0.2.1") for _ in range(most + 2)]

    assert taken[:most] == [0.0] * most
    assert taken[most:] == pytest.approx([60 / most] * 2)


def test_the_time_to_wait_is_enough() -> None:
    clock = Clock()
    buckets = Buckets(Rate(3, 60), clock)
    while not (wait_s := buckets.take("192.0.2.1")):
        pass

    clock.now_s += wait_s

    assert buckets.take("192.0.2.1") == 0
    assert buckets.take("192.0.2.1") > 0


def test_one_address_does_not_use_up_what_another_may() -> None:
    buckets = Buckets(Rate(1, 60))
    buckets.take("192.0.2.1")

    waiting = [buckets.take(f"192.0.2.{n}") > 0 for n in range(2, 12)]

    assert waiting.count(True) <= 1  # by chance two share a place


def test_an_attack_from_many_addresses_takes_no_memory() -> None:
    buckets = Buckets(Rate(10, 60))
    before = sys.getsizeof(buckets._empty_at)

    for n in range(100_000):
        buckets.take(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")

    assert sys.getsizeof(buckets._empty_at) == before < 200_000


def test_no_rate_means_no_limit() -> None:
    buckets = Buckets(None)

    assert not any(buckets.take("192.0.2.1") for _ in range(1000))


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no: address", "no: address"),
        ("", ""),
    ],
)
def test_a_client_is_an_address_or_an_ipv6_network(address: str, client: str) -> None:
    assert network(address) == client
