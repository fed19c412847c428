"""Which targets may be probed on demand: hosts and networks that are allowed by configuration."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase

from prober.module import Allowed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds tell a machine its credentials: allowed only by name, as a network of one address.
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.169.253",
            "169.254.169.123",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::253",
            "fd00:ec2::123",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fe80::a9fe:a9fe",
        ),
    )
)

# IPv6 whose last four bytes are an IPv4 address that packets end up at.
EMBEDDING = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "::/96",  # compatible addresses, RFC 4291
            "::ffff:0:0:0/96",  # stateless translation, RFC 2765
            "64:ff9b::/96",  # NAT64, RFC 6052
            "64:ff9b:1::/48",  # NAT64 of one's own network, RFC 8215
        ),
    )
)
ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # the four bytes before IPv4, RFC 5214
# To connect to no address is to connect to this machine.
UNSPECIFIED: dict[Address, Address] = {
    ipaddress.IPv4Address(0): ipaddress.IPv4Address("127.0.0.1"),
    ipaddress.IPv6Address(0): ipaddress.IPv6Address(1),
}


class Refused(Exception):
    """A target may not be probed; the message says why and what would allow it."""


class Guard:
    """What `allowed` lets through."""

    def __init__(self, allowed: Allowed) -> None:
        self._hosts = [glob.lower() for glob in allowed.hosts]
        self._networks = [ipaddress.ip_network(network) for network in allowed.networks]

    def check_host(self, host: str) -> None:
        """Raises `Refused` where a name isn't allowed; an address passes, for `check_address`."""
        if is_address(host):
            return
        name = _ascii(host)
        if not any(fnmatchcase(name, glob) for glob in self._hosts):
            raise Refused(f"{host!r} is not allowed; add it to blackbox.allow.hosts")

    def check_address(self, address: str) -> None:
        """Raises `Refused` where an address isn't allowed, whatever disguise it comes in.

        One that is taken for another, as in NAT64 or 6to4, needs both of them to be allowed.
        """
        for meant in _meanings(ipaddress.ip_address(address.partition("%")[0])):
            self._check(meant)

    def permitted(self, addresses: Iterable[str]) -> list[str]:
        """Those of a host's addresses that are allowed. Raises `Refused` where none is."""
        allowed: list[str] = []
        refusal: Refused | None = None
        for address in addresses:
            try:
                self.check_address(address)
            except Refused as refused:
                refusal = refused
            else:
                allowed.append(address)
        if refusal is not None and not allowed:
            raise refusal
        return allowed

    def _check(self, address: Address) -> None:
        around = [n for n in self._networks if n.version == address.version and address in n]
        if not around:
            raise Refused(f"{address} is not allowed; add a network to blackbox.allow.networks")
        if address in METADATA and not any(n.num_addresses == 1 for n in around):
            raise Refused(
                f"{address} is a metadata address; to allow it, name it alone in "
                f"blackbox.allow.networks, as {address}/{address.max_prefixlen}"
            )


def is_address(host: str) -> bool:
    """Whether a host is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _ascii(host: str) -> str:
    """A name as it is looked up, so that a glob sees through other ways to write it."""
    with suppress(UnicodeError):  # what can't be looked up either
        host = host.encode("idna").decode()
    return host.lower().removesuffix(".")


def _meanings(address: Address) -> list[Address]:
    """The address, and those that it is taken for on the way."""
    if address in UNSPECIFIED:
        return [address, UNSPECIFIED[address]]
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:  # not even this machine's own kernel takes it for IPv6
        return [address.ipv4_mapped]
    return [address, *_tunnelled(address)]


def _tunnelled(address: ipaddress.IPv6Address) -> list[Address]:
    found: list[Address] = [*(address.teredo or ())]
    if address.sixtofour:
        found.append(address.sixtofour)
    if _embeds(address):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def _embeds(address: ipaddress.IPv6Address) -> bool:
    if address.is_loopback:
        return False
    in_network = any(address in network for network in EMBEDDING)
    return in_network or (int(address) >> 32) & 0xFFFFFFFF in ISATAP
