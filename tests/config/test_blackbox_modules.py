"""What each key of a module means, and what blackbox_exporter 0.23 and prober refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prober.config import load
from prober.errors import ConfigError, Problem
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
)
from prober.wire import OAuth2, TlsOptions

Compiled = Callable[[str], Module]
Fault = Callable[[str], Problem]


@pytest.fixture
def compiled(tmp_path: Path) -> Compiled:
    """A function that loads one module, given as what stands between its braces."""

    def run(text: str) -> Module:
        file = tmp_path / "blackbox.yml"
        file.write_text(f"modules: {{m: {{{text}}}}}\n", encoding="utf-8")
        (tmp_path / "prober.yaml").write_text(
            "services: [{name: a, url: 'http://a:80'}]\n"
            f"blackbox: {{config_file: '{file}', allow: {{networks: [10.0.0.0/8]}}}}\n"
        )
        found = load.load([tmp_path / "prober.yaml"], {}).blackbox
        assert found is not None
        module = found.modules["m"]
        assert isinstance(module, Module)
        return module

    return run


@pytest.fixture
def fault(compiled: Compiled) -> Fault:
    """A function that loads a module with one fault, and returns it."""

    def run(text: str) -> Problem:
        with pytest.raises(ConfigError) as caught:
            compiled(text)
        (problem,) = caught.value.problems
        return problem

    return run


def test_every_key_of_http_is_taken_over(compiled: Compiled) -> None:
    found = compiled(
        """prober: http, timeout: 1m0.5s, http: {
          preferred_ip_protocol: ip4, ip_protocol_fallback: false,
          valid_status_codes: [200, 418], valid_http_versions: [HTTP/1.1, HTTP/2.0],
          skip_resolve_phase_with_proxy: true, follow_redirects: false, enable_http2: no,
          fail_if_ssl: true, fail_if_not_ssl: yes, method: POST,
          headers: {Accept: text/html, X-Empty: }, body: hello, compression: gzip,
          body_size_limit: 1.5KB, proxy_url: "http://10.0.0.1",
          fail_if_body_matches_regexp: [a, b], fail_if_body_not_matches_regexp: [c],
          fail_if_header_matches: [{header: H, regexp: x, allow_missing: true}],
          fail_if_header_not_matches: [{header: I, regexp: y}],
          oauth2: {client_id: me, client_secret: s, token_url: "http://t/", scopes: [a]},
          tls_config: {ca_file: ca, cert_file: c, key_file: k, server_name: n,
                       insecure_skip_verify: true, min_version: TLS12}}"""
    )

    assert found.timeout_s == 60.5
    assert found.spec == HttpModule(
        addressing=Addressing("ip4", fallback=False),
        valid_status_codes=frozenset({200, 418}),
        valid_http_versions=("HTTP/1.1", "HTTP/2.0"),
        skip_resolve_phase_with_proxy=True,
        follow_redirects=False,
        enable_http2=False,
        fail_if_ssl=True,
        fail_if_not_ssl=True,
        method="POST",
        headers=(("Accept", "text/html"), ("X-Empty", "")),
        body="hello",
        compression="gzip",
        body_size_limit=1536,
        fail_if_body_matches=("a", "b"),
        fail_if_body_not_matches=("c",),
        fail_if_header_matches=(HeaderMatch("H", "x", allow_missing=True),),
        fail_if_header_not_matches=(HeaderMatch("I", "y"),),
        grant=Grant(OAuth2("http://t/", "me", "s", ("a",))),
        proxy="http://10.0.0.1:80",
        tls=TlsOptions("ca", "c", "k", "1.2", "n", insecure=True),
    )


def test_every_key_of_tcp_is_taken_over(compiled: Compiled) -> None:
    found = compiled(
        """prober: tcp, tcp: {source_ip_address: 10.0.0.9, tls: true,
          query_response: [{expect: "^SSH", send: hi}, {starttls: true}],
          tls_config: {server_name: n}}"""
    )

    assert found.spec == TcpModule(
        Addressing(source="10.0.0.9"),
        (Step("^SSH", "hi"), Step(starttls=True)),
        True,
        TlsOptions(server_name="n"),
    )


def test_every_key_of_dns_is_taken_over(compiled: Compiled) -> None:
    found = compiled(
        """prober: dns, dns: {query_name: shop.example, query_type: AAAA, query_class: CH,
          transport_protocol: tcp, recursion_desired: false, dns_over_tls: true,
          tls_config: {insecure_skip_verify: true}, valid_rcodes: [NXDOMAIN],
          source_ip_address: "::1",
          validate_answer_rrs: {fail_if_matches_regexp: [a], fail_if_all_match_regexp: [b],
            fail_if_not_matches_regexp: [c], fail_if_none_matches_regexp: [d]},
          validate_authority_rrs: {fail_if_matches_regexp: [e]},
          validate_additional_rrs: {fail_if_matches_regexp: [f]}}"""
    )

    assert found.spec == DnsModule(
        query_name="shop.example",
        query_type="AAAA",
        query_class="CH",
        addressing=Addressing(source="::1"),
        transport="tcp",
        recursion_desired=False,
        over_tls=True,
        tls_options=TlsOptions(insecure=True),
        valid_rcodes=("NXDOMAIN",),
        answer=RecordChecks(("a",), ("b",), ("c",), ("d",)),
        authority=RecordChecks(("e",)),
        additional=RecordChecks(("f",)),
    )


def test_every_key_of_icmp_is_taken_over(compiled: Compiled) -> None:
    found = compiled("prober: icmp, icmp: {payload_size: 56, dont_fragment: true, ttl: 5}")
    assert found.spec == IcmpModule(Addressing(), 56, True, 5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("1m30s", 90),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("100us", 0.0001),
        ("1h", 3600),
        ("+5s", 5),
        ("-1s", 0),
        ("", 0),
    ],
)
def test_a_timeout_is_a_duration_of_go(compiled: Compiled, text: str, seconds: float) -> None:
    assert compiled(f"prober: icmp, timeout: {text}").timeout_s == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10B", 10),
        ("10KB", 10240),
        ("10KiB", 10240),
        ("1GB", 2**30),
        ("1MB2B", 2**20 + 2),
        ("-1B", 0),
    ],
)
def test_a_size_counts_in_units_of_1024(compiled: Compiled, text: str, size: int) -> None:
    spec = compiled(f"prober: http, http: {{body_size_limit: {text}}}").spec
    assert isinstance(spec, HttpModule)
    assert spec.body_size_limit == size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("basic_auth: {username: me, password: s}", "Basic bWU6cw=="),
        ("authorization: {credentials: s}", "Bearer s"),
        ("authorization: {type: Token, credentials: s}", "Token s"),
        ("bearer_token: s", "Bearer s"),
        ("bearer_token: s, headers: {authorization: own}", "own"),
        ("basic_auth: {username: me, password_file: FILE}", "Basic bWU6cw=="),
        ("authorization: {credentials_file: FILE}", "Bearer s"),
        ("bearer_token_file: FILE", "Bearer s"),
    ],
)
def test_credentials_become_a_header(
    compiled: Compiled, tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "secret").write_text(" s\n")
    spec = compiled(
        f"prober: http, http: {{{text.replace('FILE', str(tmp_path / 'secret'))}}}"
    ).spec

    assert isinstance(spec, HttpModule)
    assert [value for _, value in spec.headers] == [expected]


def test_a_file_of_credentials_may_hold_any_bytes(compiled: Compiled, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"p\xe4ss\n")
    spec = compiled(f"prober: http, http: {{bearer_token_file: {tmp_path / 'secret'}}}").spec

    assert isinstance(spec, HttpModule)
    assert spec.headers == (("Authorization", "Bearer p\udce4ss"),)


def test_a_missing_file_of_credentials_fails_its_probes_only(compiled: Compiled) -> None:
    spec = compiled("prober: http, http: {bearer_token_file: /none}").spec

    assert isinstance(spec, HttpModule)
    assert spec.fault == "'/none' can't be read: No such file or directory; check the path"


@pytest.mark.parametrize(("text", "preferred"), [("ip6", "ip6"), ("", "ip6"), ("ipv6", "ip4")])
def test_all_but_ip6_prefers_ip4(compiled: Compiled, text: str, preferred: str) -> None:
    spec = compiled(f"prober: icmp, icmp: {{preferred_ip_protocol: '{text}'}}").spec
    assert spec.addressing.preferred == preferred


def test_the_older_key_for_redirects_wins(compiled: Compiled) -> None:
    spec = compiled("prober: http, http: {no_follow_redirects: true, follow_redirects: true}").spec
    assert isinstance(spec, HttpModule)
    assert not spec.follow_redirects


@pytest.mark.parametrize(
    ("accept", "fine"),
    [
        ("gzip", True),
        ("*", True),
        ("br, gzip;q=0.5", True),
        ("", True),
        ("deflate", False),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("gzip;q=0, *;q=0.5", True),
    ],
)
def test_a_header_must_ask_for_the_compression(compiled: Compiled, accept: str, fine: bool) -> None:
    text = f'prober: http, http: {{compression: gzip, headers: {{accept-encoding: "{accept}"}}}}'
    if fine:
        compiled(text)
    else:
        with pytest.raises(ConfigError, match="does not ask for the compression 'gzip'"):
            compiled(text)


TOKEN = "token_url: 'http://t/'"


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("http: {authorization: {type: basic}}", "http.authorization.type", "use basic_auth"),
        (
            "http: {basic_auth: {password: a, password_file: b}}",
            "http.basic_auth.password_file",
            "at most one",
        ),
        (
            "http: {authorization: {credentials: a, credentials_file: b}}",
            "http.authorization.credentials_file",
            "at most one",
        ),
        (
            "http: {authorization: {credentials: a}, bearer_token: b}",
            "http.bearer_token",
            "at most one",
        ),
        ("http: {bearer_token: a, bearer_token_file: b}", "http.bearer_token_file", "at most one"),
        (f"http: {{oauth2: {{client_secret: b, {TOKEN}}}}}", "http.oauth2.client_id", "missing"),
        (f"http: {{oauth2: {{client_id: b, {TOKEN}}}}}", "http.oauth2.client_secret", "missing"),
        ("http: {oauth2: {client_id: a, client_secret: b}}", "http.oauth2.token_url", "missing"),
        ("http: {proxy_connect_header: {a: [b]}}", "http.proxy_connect_header", "proxy_url"),
        ("http: {proxy_url: foo}", "http.proxy_url", "is not the url of a proxy"),
        ("http: {tls_config: {min_version: '1.2'}}", "http.tls_config.min_version", "write TLS10"),
        ("http: {tls_config: {ca: x}}", "http.tls_config.ca", "known are ca_file"),
        (
            "http: {fail_if_header_matches: [{header: a}]}",
            "http.fail_if_header_matches[0].regexp",
            "missing",
        ),
        (
            "http: {fail_if_header_matches: [{regexp: a}]}",
            "http.fail_if_header_matches[0].header",
            "missing",
        ),
        ("http: {headers: {a: [b]}}", "http.headers.a", "its value is not one value"),
        ("http: {headers: {Host: a, host: b}}", "http.headers", "names a header twice"),
        ("http: {body_size_limit: 10}", "http.body_size_limit", "write 512B"),
        ("http: []", "http", "is not a mapping"),
        ("timeout: 5", "timeout", "write 5s"),
        ("tcp: {query_response: [{expect: '('}]}", "tcp.query_response[0].expect", "of RE2"),
        ("tcp: {query_response: [{expect: '(?=a)'}]}", "tcp.query_response[0].expect", "of RE2"),
        ("dns: {query_name: a, query_type: FOO}", "dns.query_type", "write one like A"),
        ("dns: {query_name: a, query_class: X}", "dns.query_class", "write IN or CH"),
        ("dns: {}", "dns.query_name", "must be set"),
        ("icmp: {ttl: 300}", "icmp.ttl", "from 0 to 255"),
        ("icmp: {payload_size: -1}", "icmp.payload_size", "from 0 to 65507"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(
    fault: Fault, text: str, path: str, words: str
) -> None:
    problem = fault(f"prober: http, {text}")

    assert problem.path == f"modules.m.{path}".removesuffix(".")
    assert words in problem.message
    assert problem.line is not None
