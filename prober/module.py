"""Modules, in blackbox_exporter's sense: how an on-demand probe treats whatever target it is given.

Values of a blackbox.yml that was read and checked. Patterns are RE2 texts that compile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from prober.wire import OAuth2, TlsOptions


class Addressing(NamedTuple):
    """Which of a target's addresses is probed, and from where.

    `preferred` is "ip4" or "ip6"; the other kind is taken where `fallback` and there is no other.
    """

    preferred: str = "ip6"
    fallback: bool = True
    source: str | None = None


class HeaderMatch(NamedTuple):
    """A pattern for the values of one header of the answer."""

    header: str
    pattern: str
    allow_missing: bool = False


class Grant(NamedTuple):
    """What a token is asked for with, and how its server is reached."""

    oauth2: OAuth2
    proxy: str | None = None
    tls: TlsOptions = TlsOptions()


class HttpModule(NamedTuple):
    """One HTTP request and what its answer must be. No `valid_status_codes` mean 2xx.

    `headers` hold the credentials of basic and bearer authorization, too. `body_size_limit` is in
    bytes; 0 sets none. `proxy_headers` are for proxies that are to open a way. A `fault` is why no
    request can be made, like a file of credentials that is missing.
    """

    addressing: Addressing = Addressing()
    valid_status_codes: frozenset[int] = frozenset()
    valid_http_versions: tuple[str, ...] = ()
    skip_resolve_phase_with_proxy: bool = False
    follow_redirects: bool = True
    enable_http2: bool = True
    fail_if_ssl: bool = False
    fail_if_not_ssl: bool = False
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    compression: str = ""
    body_size_limit: int = 0
    fail_if_body_matches: tuple[str, ...] = ()
    fail_if_body_not_matches: tuple[str, ...] = ()
    fail_if_header_matches: tuple[HeaderMatch, ...] = ()
    fail_if_header_not_matches: tuple[HeaderMatch, ...] = ()
    grant: Grant | None = None
    proxy: str | None = None
    tls: TlsOptions = TlsOptions()
    proxy_headers: tuple[tuple[str, str], ...] = ()
    fault: str = ""


class Step(NamedTuple):
    """One step of a conversation: wait for `expect`, send `send`, then perhaps begin TLS.

    An empty pattern waits for any line; None waits for nothing.
    """

    expect: str | None = None
    send: str = ""
    starttls: bool = False


class TcpModule(NamedTuple):
    """One connection, and what is said on it."""

    addressing: Addressing = Addressing()
    steps: tuple[Step, ...] = ()
    tls: bool = False
    tls_options: TlsOptions = TlsOptions()


class RecordChecks(NamedTuple):
    """What the records of one section of a DNS answer must be, as patterns that may be wrong."""

    fail_if_matches: tuple[str, ...] = ()
    fail_if_all_match: tuple[str, ...] = ()
    fail_if_not_matches: tuple[str, ...] = ()
    fail_if_none_matches: tuple[str, ...] = ()


class DnsModule(NamedTuple):
    """One question to a name server. `transport` is "udp" or "tcp", or fails the probe."""

    query_name: str
    query_type: str = "ANY"
    query_class: str = "IN"
    addressing: Addressing = Addressing()
    transport: str = "udp"
    recursion_desired: bool = True
    over_tls: bool = False
    tls_options: TlsOptions = TlsOptions()
    valid_rcodes: tuple[str, ...] = ("NOERROR",)
    answer: RecordChecks = RecordChecks()
    authority: RecordChecks = RecordChecks()
    additional: RecordChecks = RecordChecks()


class IcmpModule(NamedTuple):
    """One echo request. `payload_size` is in bytes; 0 and a `ttl` of 0 leave the usual values."""

    addressing: Addressing = Addressing()
    payload_size: int = 0
    dont_fragment: bool = False
    ttl: int = 0


class Module(NamedTuple):
    """One module by name; `timeout_s` of 0 sets none of its own."""

    name: str
    spec: HttpModule | TcpModule | DnsModule | IcmpModule
    timeout_s: float = 0.0


class Unusable(NamedTuple):
    """A module that was read and can't be probed by; the reason is told to who asks for it."""

    reason: str


class Allowed(NamedTuple):
    """What may be probed on demand: both a host's name and its address must be allowed.

    `hosts` are globs over names; an address that is given as such needs none. `networks` are like
    "10.0.0.0/8".
    """

    hosts: tuple[str, ...] = ("*",)
    networks: tuple[str, ...] = ()


class OnDemand(NamedTuple):
    """All that probes on demand need to know, by the names of modules.

    `shown` are the modules as YAML without their secrets. `timeout_offset_s` is how much sooner
    than Prometheus gives up a probe ends.
    """

    modules: Mapping[str, Module | Unusable]
    shown: Mapping[str, str]
    allowed: Allowed
    timeout_offset_s: float
