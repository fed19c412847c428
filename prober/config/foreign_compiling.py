"""Compile one checked module of a blackbox.yml into what the worker runs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from prober import wire
from prober.config import foreign_tree as tree
from prober.module import (
    Addressing,
    DnsModule,
    Grant,
    HeaderMatch,
    HttpModule,
    IcmpModule,
    Module,
    RecordChecks,
    Step,
    TcpModule,
    Unusable,
)

Spec = HttpModule | TcpModule | DnsModule | IcmpModule


def compile_(name: str, entry: tree.ModuleEntry) -> Module | Unusable:
    """The module, or why prober can't probe by it."""
    compiler = COMPILERS.get(entry.prober)
    if compiler is None:
        return Unusable(UNSUPPORTED.get(entry.prober, f'Unknown prober "{entry.prober}"'))
    return Module(name, compiler(entry), entry.timeout)


def _http(entry: tree.ModuleEntry) -> HttpModule:
    http = entry.http
    try:
        return _http_with(http, _headers(http), _grant(http.oauth2))
    except OSError as error:
        fault = f"{error.filename!r} can't be read: {error.strerror}; check the path"
        return _http_with(http, ())._replace(fault=fault)


def _http_with(
    http: tree.Http, headers: tuple[tuple[str, str], ...], grant: Grant | None = None
) -> HttpModule:
    no_redirects = http.no_follow_redirects
    return HttpModule(
        _addressing(http),
        frozenset(http.valid_status_codes),
        http.valid_http_versions,
        http.skip_resolve_phase_with_proxy,
        http.follow_redirects if no_redirects is None else not no_redirects,
        http.enable_http2,
        http.fail_if_ssl,
        http.fail_if_not_ssl,
        http.method or "GET",
        headers,
        http.body,
        http.compression,
        http.body_size_limit,
        http.fail_if_body_matches_regexp,
        http.fail_if_body_not_matches_regexp,
        _matches(http.fail_if_header_matches),
        _matches(http.fail_if_header_not_matches),
        grant,
        http.proxy_url,
        _tls(http.tls_config),
        _pairs(http.proxy_connect_header),
    )


def _tcp(entry: tree.ModuleEntry) -> TcpModule:
    tcp = entry.tcp
    steps = tuple(Step(step.expect, step.send, step.starttls) for step in tcp.query_response)
    return TcpModule(_sourced(tcp), steps, tcp.tls, _tls(tcp.tls_config))


def _dns(entry: tree.ModuleEntry) -> DnsModule:
    dns = entry.dns or tree.Dns()
    return DnsModule(
        dns.query_name,
        dns.query_type,
        dns.query_class,
        _sourced(dns),
        dns.transport_protocol or "udp",
        dns.recursion_desired,
        dns.dns_over_tls,
        _tls(dns.tls_config),
        dns.valid_rcodes or ("NOERROR",),
        _records(dns.validate_answer_rrs),
        _records(dns.validate_authority_rrs),
        _records(dns.validate_additional_rrs),
    )


def _icmp(entry: tree.ModuleEntry) -> IcmpModule:
    icmp = entry.icmp
    return IcmpModule(_sourced(icmp), icmp.payload_size, icmp.dont_fragment, icmp.ttl)


def _addressing(section: tree.Addressed) -> Addressing:
    return Addressing(section.preferred_ip_protocol, section.ip_protocol_fallback)


def _sourced(section: tree.Sourced) -> Addressing:
    return _addressing(section)._replace(source=section.source_ip_address or None)


def _tls(tls: tree.TlsConfig) -> wire.TlsOptions:
    return wire.TlsOptions(
        tls.ca_file or None,
        tls.cert_file or None,
        tls.key_file or None,
        tls.min_version,
        tls.server_name or None,
        tls.insecure_skip_verify,
        tls.max_version,
    )


def _records(checks: tree.Records) -> RecordChecks:
    return RecordChecks(
        checks.fail_if_matches_regexp,
        checks.fail_if_all_match_regexp,
        checks.fail_if_not_matches_regexp,
        checks.fail_if_none_matches_regexp,
    )


def _matches(matches: Iterable[tree.HeaderMatch]) -> tuple[HeaderMatch, ...]:
    return tuple(HeaderMatch(m.header, m.regexp, m.allow_missing) for m in matches)


def _grant(oauth2: tree.OAuth2 | None) -> Grant | None:
    if oauth2 is None:
        return None
    secret = _secret(oauth2.client_secret, oauth2.client_secret_file)
    params = tuple(oauth2.endpoint_params.items())
    return Grant(
        wire.OAuth2(oauth2.token_url, oauth2.client_id, secret, oauth2.scopes, params),
        oauth2.proxy_url,
        _tls(oauth2.tls_config),
    )


def _pairs(headers: Mapping[str, Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, values in headers.items() for value in values)


def _headers(http: tree.Http) -> tuple[tuple[str, str], ...]:
    """What is sent; an Authorization that is written as a header wins over others."""
    said = _authorization(http)
    if said is None or any(n.lower() == "authorization" and v for n, v in http.headers.items()):
        return tuple(http.headers.items())
    return (*http.headers.items(), ("Authorization", said))


def _authorization(http: tree.Http) -> str | None:
    if basic := http.basic_auth:
        pair = f"{basic.username}:{_secret(basic.password, basic.password_file).strip()}"
        return f"Basic {b64encode(pair.encode(errors='surrogateescape')).decode()}"
    said = http.authorization or tree.Authorization(
        credentials=http.bearer_token, credentials_file=http.bearer_token_file
    )
    if not (said.credentials or said.credentials_file):
        return None
    scheme = said.type.strip() or "Bearer"
    return f"{scheme} {_secret(said.credentials, said.credentials_file)}"


def _secret(text: str, file: str) -> str:
    """A secret as it is written, or as its file holds it, without the space around it.

    Bytes that are no UTF-8 are kept as surrogates. Raises OSError.
    """
    if not file:
        return text
    return Path(file).read_text(encoding="utf-8", errors="surrogateescape").strip()


COMPILERS: dict[str, Callable[[tree.ModuleEntry], Spec]] = {
    "http": _http,
    "tcp": _tcp,
    "dns": _dns,
    "icmp": _icmp,
}
UNSUPPORTED = {"grpc": 'prober does not support the prober "grpc": leave this module to another'}
