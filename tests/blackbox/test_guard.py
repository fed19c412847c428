"""The guard lets through what is allowed, and nothing that is disguised as such."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.blackbox.guard import METADATA, Guard, Refused, is_address
from prober.module import Allowed

EVERYTHING = Guard(Allowed(networks=("0.0.0.0/0", "::/0")))
PRIVATE = Guard(Allowed(networks=("10.0.0.0/8", "fd00::/8")))
ALL_OF_IPV6 = Guard(Allowed(networks=("10.0.0.0/8", "::/0")))


def lets_pass(guard: Guard, address: str) -> bool:
    try:
        guard.check_address(address)
    except Refused:
        return False
    return True


def in_nat64(address: str, prefix: str = "64:ff9b::") -> str:
    return str(ipaddress.ip_address(int(ipaddress.ip_address(prefix)) + inner(address)))


def inner(address: str) -> int:
    return int(ipaddress.IPv4Address(address))


def in_6to4(address: str) -> str:
    return str(ipaddress.IPv6Address((0x2002 << 112) + (inner(address) << 80)))


def in_teredo(address: str) -> str:
    server = inner("10.1.1.1") << 64
    return str(ipaddress.IPv6Address((0x20010000 << 96) + server + (inner(address) ^ 0xFFFFFFFF)))


DISGUISES = {
    "mapped": "::ffff:{}",
    "compatible": "::{}",
    "translated": "::ffff:0:{}",
    "nat64": "64:ff9b::{}",
    "own nat64": "64:ff9b:1::{}",
    "isatap": "fd00::5efe:{}",
    "isatap, universal": "fd00::200:5efe:{}",
}


def disguised(address: str) -> list[str]:
    return [
        *(text.format(address) for text in DISGUISES.values()),
        in_6to4(address),
        in_teredo(address),
    ]


def test_nothing_is_allowed_by_default() -> None:
    assert not lets_pass(Guard(Allowed()), "127.0.0.1")
    assert not lets_pass(Guard(Allowed()), "::1")


@pytest.mark.parametrize("address", ["10.0.0.1", "10.255.255.255", "fd00::1", "fdff::1%eth0"])
def test_an_address_of_an_allowed_network_passes(address: str) -> None:
    assert lets_pass(PRIVATE, address)


@pytest.mark.parametrize("address", ["11.0.0.1", "9.255.255.255", "127.0.0.1", "fe80::1", "::1"])
def test_an_address_of_no_allowed_network_is_refused(address: str) -> None:
    assert not lets_pass(PRIVATE, address)


@pytest.mark.parametrize("address", disguised("10.0.0.1"))
def test_what_stands_for_an_allowed_address_needs_to_be_allowed_itself(address: str) -> None:
    assert lets_pass(ALL_OF_IPV6, address)


@pytest.mark.parametrize("address", disguised("192.168.1.1"))
def test_what_stands_for_a_forbidden_address_is_refused(address: str) -> None:
    assert not lets_pass(ALL_OF_IPV6, address)


@pytest.mark.parametrize("address", disguised("10.0.0.1")[1:])
def test_ipv6_that_is_not_allowed_gets_no_pass_for_what_it_stands_for(address: str) -> None:
    assert not lets_pass(Guard(Allowed(networks=("10.0.0.0/8",))), address)


def test_ipv4_in_ipv6s_clothes_is_only_ipv4() -> None:
    assert lets_pass(Guard(Allowed(networks=("10.0.0.0/8",))), "::ffff:10.0.0.1")
    assert not lets_pass(Guard(Allowed(networks=("::/0",))), "::ffff:10.0.0.1")


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_no_address_at_all_stands_for_this_machine(address: str) -> None:
    assert lets_pass(EVERYTHING, address)
    assert not lets_pass(Guard(Allowed(networks=(address,))), address)


@pytest.mark.parametrize("address", sorted(map(str, METADATA)))
def test_a_metadata_address_is_refused_even_where_everything_is_allowed(address: str) -> None:
    with pytest.raises(Refused, match=f"name it alone .* as {address}/"):
        EVERYTHING.check_address(address)


@pytest.mark.parametrize("address", disguised("169.254.169.254"))
def test_a_metadata_address_is_seen_through_every_disguise(address: str) -> None:
    assert not lets_pass(EVERYTHING, address)


@pytest.mark.parametrize("address", sorted(map(str, METADATA)))
def test_a_metadata_address_that_is_named_alone_passes(address: str) -> None:
    assert lets_pass(Guard(Allowed(networks=("0.0.0.0/0", "::/0", address))), address)


def test_a_metadata_address_with_a_zone_is_one_all_the_same() -> None:
    assert not lets_pass(EVERYTHING, "fe80::a9fe:a9fe%eth0")


@given(st.ip_addresses(v=4).filter(lambda address: int(address) > 1))  # those are :: and ::1
def test_no_disguise_gets_further_than_the_address_itself(
    address: ipaddress.IPv4Address,
) -> None:
    plain = lets_pass(ALL_OF_IPV6, str(address))
    for other in disguised(str(address)):
        assert plain or not lets_pass(ALL_OF_IPV6, other)


def test_of_many_addresses_those_that_are_allowed_remain() -> None:
    assert PRIVATE.permitted(["127.0.0.1", "10.0.0.1", "fd00::1"]) == ["10.0.0.1", "fd00::1"]


def test_where_no_address_is_allowed_the_last_refusal_says_why() -> None:
    with pytest.raises(Refused, match=r"::1 is not allowed; add a network"):
        PRIVATE.permitted(["127.0.0.1", "::1"])


HOSTS = Guard(Allowed(hosts=("*.example.org", "shop", "DB?.Local")))


@pytest.mark.parametrize(
    "host", ["a.example.org", "A.B.Example.ORG", "a.example.org.", "shop", "db1.local", "10.9.8.7"]
)
def test_a_name_that_fits_a_glob_passes_and_so_does_an_address(host: str) -> None:
    HOSTS.check_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "example.org.evil.net",
        "a.example.org@evil.net",
        "evil.net#.example.com",
        "shop.evil.net",
        "myshop",
        "db12.local",
        "",
        "a\uff0eexample.com",
        "x" * 70,
    ],
)
def test_a_name_that_fits_no_glob_is_refused(host: str) -> None:
    with pytest.raises(Refused, match=r"blackbox\.allow\.hosts"):
        HOSTS.check_host(host)


def test_a_glob_sees_a_name_as_it_is_looked_up() -> None:
    HOSTS.check_host("a\u3002example\uff0eorg")
    Guard(Allowed(hosts=("xn--bcher-kva.example",))).check_host("B\u00fccher.example")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "fe80::1%eth0"])
def test_an_address_is_told_from_a_name(host: str) -> None:
    assert is_address(host)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "127.1", "1.2.3.4%x", "a", "", "010.0.0.1"]
)
def test_what_only_some_take_for_an_address_is_a_name(host: str) -> None:
    assert not is_address(host)
