"""Which targets may be probed on demand: hosts and networks that are allowed by configuration."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from fnmatch import fnmatchcase

from prober.module import Allowed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds tell a machine its credentials: allowed only by name, as a network of one address.
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.169.123",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
        ),
    )
)


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
        name = host.lower().rstrip(".")
        if not any(fnmatchcase(name, glob) for glob in self._hosts):
            raise Refused(f"{host} is not allowed; add it to blackbox.allow.hosts")

    def check_address(self, address: str) -> None:
        """Raises `Refused` where an address isn't allowed, whatever disguise it comes in."""
        for shown in _meanings(ipaddress.ip_address(address.partition("%")[0])):
            self._check(shown)

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


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _meanings(address: Address) -> Iterable[Address]:
    """The address, or the IPv4 one that hides in it and that packets would end up at."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    inner = address.ipv4_mapped or address.sixtofour
    if address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return (inner,) if inner else (address,)
