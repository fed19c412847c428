"""The settings of how a request travels, from the file to the service."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from config.conftest import Faults, Load

from prober.errors import Problem
from prober.model import Service
from prober.wire import PLAIN, OAuth2, TlsOptions, Wire

Fault = Callable[[str], Problem]


def only(loaded: Load, *lines: str) -> Service:
    text = "".join(f"    {line}\n" for line in ("url: https://a", *lines))
    (service,) = loaded(f"services:\n  - name: a\n{text}").services
    return service


def test_a_service_that_says_nothing_travels_plainly(loaded: Load) -> None:
    assert only(loaded).wire == PLAIN


@pytest.mark.parametrize(
    ("line", "wire"),
    [
        ("http_version: 1.1", Wire(http_version="1.1")),
        ("http_version: 2", Wire(http_version="2")),
        ("compression: [gzip, br]", Wire(compression=("gzip", "br"))),
        ("compression: deflate", Wire(compression=("deflate",))),
        ("max_redirects: 3", Wire(max_redirects=3)),
        ("proxy: http://me:pw@p:3128", Wire(proxy="http://me:pw@p:3128")),
        ("no_proxy: [b.test, 10.0.0.1]", Wire(no_proxy=("b.test", "10.0.0.1"))),
        ("ip_protocol: prefer_ip4", Wire(ip_protocol="prefer_ip4")),
        ("source_address: 192.0.2.1", Wire(source_address="192.0.2.1")),
        ("resolver: 192.0.2.53", Wire(resolver="192.0.2.53:53")),
        ("resolver: '[::1]:5353'", Wire(resolver="[::1]:5353")),
        ("unix_socket: /run/a.sock", Wire(unix_socket="/run/a.sock")),
        ("tls: {insecure: true}", Wire(tls=TlsOptions(insecure=True))),
        ("tls: {min_version: 1.2}", Wire(tls=TlsOptions(min_version="1.2"))),
        (
            "tls: {ca_file: ca, cert_file: c, key_file: k, server_name: Shop.test}",
            Wire(tls=TlsOptions("ca", "c", "k", server_name="shop.test")),
        ),
    ],
)
def test_a_setting_arrives_at_the_service(loaded: Load, line: str, wire: Wire) -> None:
    service = only(loaded, line)

    assert service.wire == wire
    assert pickle.loads(pickle.dumps(service)) == service


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("bearer_token: abc", "Bearer abc"),
        ("basic_auth: {username: me, password: 'p:w'}", "Basic bWU6cDp3"),
    ],
)
def test_credentials_become_a_header(loaded: Load, line: str, header: str) -> None:
    assert only(loaded, line).headers == (("Authorization", header),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "http_version: 3",
            "http_version: '3' is not known here; write auto, 1.0, 1.1 or 2",
        ),
        ("compression: zip", "compression: 'zip' is not known here; write gzip, br or deflate"),
        ("max_redirects: 0", "max_redirects: '0' is not a number from 1 to 100; write one like 10"),
        ("ip_protocol: ip5", "ip_protocol: 'ip5' is not known here; write any, ip4"),
        (
            "source_address: here",
            "source_address: 'here' is not an IP address; write one like 192.0.2.1",
        ),
        ("proxy: p:3128", "proxy: 'p:3128' is not the url of a proxy; write http://host:port"),
        ("proxy: ftp://p:21", "proxy: 'ftp://p:21' is not the url of a proxy"),
        ("tls: {min_version: 2}", "tls.min_version: '2' is not known here; write 1.0, 1.1"),
        ("tls: {server_name: a b}", "tls.server_name: 'a b' is not a host name"),
        ("tls: {insecur: true}", "tls.insecur: is no key that prober knows here; did you mean"),
        ("tls: yes", "tls: 'yes' is not a mapping"),
        ("basic_auth: {username: me}", "basic_auth.password: the password is missing; write one"),
        ("basic_auth: {username: me, password: é}", "basic_auth.password: its value is empty, or"),
        ("resolver: dns.test", "resolver: 'dns.test' is not a name server; write its address"),
        ("resolver: 1.1.1.1:0:1", "resolver: '1.1.1.1:0:1' is not a name server"),
        (
            "oauth2: {token_url: nowhere, client_id: a, client_secret: b}",
            "oauth2.token_url: 'nowhere' is not a url",
        ),
        (
            "oauth2: {token_url: 'http://a', client_id: a, client_secret: é}",
            "oauth2.client_secret: its value is empty, or",
        ),
        (
            "oauth2: {token_url: 'http://a', client_id: a}",
            "oauth2.client_secret: the client_secret",
        ),
        ("bearer_token: sécret", "bearer_token: its value is empty, or not plain ASCII"),
    ],
)
def test_a_wrong_setting_is_told_with_a_remedy(
    service_fault: Fault, line: str, message: str
) -> None:
    problem = service_fault(line)

    assert str(problem).startswith(f"services[0].{message}")
    assert problem.line == 4


def test_what_a_token_is_asked_for_with_arrives_at_the_service(loaded: Load) -> None:
    line = "oauth2: {token_url: 'https://a/t', client_id: me, client_secret: s, scopes: read}"

    service = only(loaded, line)

    assert service.oauth2 == OAuth2("https://a/t", "me", "s", ("read",))
    assert "client_secret" not in repr(service)


def test_a_request_has_one_authorization(faults: Faults) -> None:
    (problem,) = faults(
        """
        defaults: {bearer_token: abc}
        services:
          - name: a
            url: http://a
            basic_auth: {username: me, password: pw}
        """
    )

    assert str(problem).startswith(
        "services[0].basic_auth: basic_auth and bearer_token would both be sent as Authorization"
    )


def test_a_service_can_leave_the_shared_credentials_for_its_own(loaded: Load) -> None:
    config = loaded(
        """
        defaults: {bearer_token: abc}
        services:
          - name: a
            url: http://a
            bearer_token:
            basic_auth: {username: me, password: pw}
        """
    )

    assert config.services[0].headers == (("Authorization", "Basic bWU6cHc="),)
