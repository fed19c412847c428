"""The one address of a target that is probed, chosen and told as blackbox_exporter does."""

from __future__ import annotations

import ipaddress
import socket
import time

from prober.blackbox.guard import Address, is_address
from prober.blackbox.job import Job
from prober.module import Addressing

VERSION = {"ip4": 4, "ip6": 6}
FNV_OFFSET, FNV_PRIME = 0x811C9DC5, 0x01000193  # http://www.isthe.com/chongo/tech/comp/fnv/


class NoAddress(Exception):
    """A host has no address that may be probed; the message says why."""


async def chosen(job: Job, host: str, addressing: Addressing) -> str:
    """Resolve a target's host and choose: the preferred kind, or the other as a fallback.

    For the target itself, once a probe; `allowed` is for hosts that are met on the way. Sets
    probe_dns_lookup_time_seconds, probe_ip_protocol and probe_ip_addr_hash, the latter two to 0
    where there is no address. Raises as `allowed` does.
    """
    _tell(job, None)
    job.report.say(f"resolving {host}, {addressing.preferred} preferred")
    began = time.monotonic()
    try:
        address = _pick(host, await allowed(job, host), addressing)
    finally:
        _lookup_time(job, time.monotonic() - began)
    _tell(job, address)
    job.report.say(f"resolved {host} to {address}")
    return str(address)


async def allowed(job: Job, host: str) -> list[str]:
    """The addresses of a host that may be probed, at least one, in the order to be tried.

    IPv4 in IPv6's clothes comes as IPv4. Raises `NoAddress`, `guard.Refused` where the host or all
    of its addresses aren't allowed, or TimeoutError at the job's deadline.
    """
    job.guard.check_host(host)
    found = [host] if is_address(host) and "[" not in host else await _looked_up(job, host)
    return [str(_plain(address)) for address in job.guard.permitted(found)]


async def _looked_up(job: Job, host: str) -> list[str]:
    if not _is_name(host):
        raise NoAddress(f"{host!r} is neither a name nor an address")
    try:
        return await job.resolver.resolve(host, max(job.deadline - time.monotonic(), 0.0))
    except TimeoutError:
        raise
    except OSError as error:
        raise NoAddress(f"{host} can't be resolved: {error.strerror}") from error


def _is_name(host: str) -> bool:
    # The system's resolver would take 2130706433 and 127.1 for 127.0.0.1; Go's takes them for names
    # that nobody has.
    if "[" in host:
        return False  # brackets belong to a port, which whoever knows of one has taken off
    try:
        asked = host.encode("idna").decode()  # some letters beyond ASCII stand for digits and dots
    except UnicodeError:
        return False
    return bool(asked) and "\0" not in asked and not _is_number(asked)


def _is_number(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def _pick(host: str, addresses: list[str], addressing: Addressing) -> Address:
    wanted = VERSION[addressing.preferred]
    found = [_plain(address) for address in addresses]
    for address in found:
        if address.version == wanted:
            return address
    if not addressing.fallback or not found:
        raise NoAddress(f"{host} has no IPv{wanted} address")
    return found[-1]  # and not the first: so it is in blackbox_exporter


def _plain(text: str) -> Address:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _lookup_time(job: Job, seconds: float) -> None:
    job.report.gauge(
        "probe_dns_lookup_time_seconds",
        "Returns the time taken for probe dns lookup in seconds",
        seconds,
    )


def _tell(job: Job, address: Address | None) -> None:
    job.report.gauge(
        "probe_ip_protocol",
        "Specifies whether probe ip protocol is IP4 or IP6",
        address.version if address else 0,
    )
    job.report.gauge(
        "probe_ip_addr_hash",
        "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
        _hash(address) if address else 0,
    )


def _hash(address: Address) -> int:
    """FNV-1a of 32 bits over an address as Go keeps it in memory."""
    value = FNV_OFFSET
    for byte in address.packed:
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFF
    return value
