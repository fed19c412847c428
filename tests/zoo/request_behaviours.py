"""What a module can ask with, and what a target can be: methods, bodies, credentials, encodings."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import brotli
from zoo.behaviours import Behaviour
from zoo.http_behaviours import PAGE, at, http, once, page
from zoo.redirect_behaviours import answering

TEXT = b"a text that is compressed, and compressed well, compressed at best " * 20


def wants(
    name: str,
    condition: Callable[[bytes], bool],
    target: str = "{url}",
    hostname: str = "",
    **settings: Any,
) -> Behaviour:
    """A server that answers 200 to requests that fulfil a condition, and 400 to others."""
    handler = answering(lambda asked: page(status="200 OK" if condition(asked) else "400 No"))
    return Behaviour(name, at(handler, target), http(**settings), hostname)


def has(*lines: bytes) -> Callable[[bytes], bool]:
    """Whether a request has these whole header lines."""
    return lambda asked: all(
        line in asked.partition(b"\r\n\r\n")[0].split(b"\r\n") for line in lines
    )


def lacks(*names: bytes) -> Callable[[bytes], bool]:
    """Whether a request has none of these headers."""
    return lambda asked: not any(b"\r\n" + name.lower() + b":" in asked.lower() for name in names)


def starts(line: bytes) -> Callable[[bytes], bool]:
    """Whether a request starts with this line."""
    return lambda asked: asked.startswith(line + b"\r\n")


def _methods() -> Iterator[Behaviour]:
    for method in (
        "GET",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "HEAD",
        "TRACE",
        "PROPFIND",
        "get",
        "CONNECT",
    ):
        yield wants(f"method-{method}", starts(method.encode() + b" / HTTP/1.1"), method=method)
    yield wants(
        "post-body", lambda asked: asked.endswith(b"\r\n\r\na=b"), method="POST", body="a=b"
    )
    yield wants(
        "post-body-not-ascii", lambda asked: asked.endswith("ä€".encode()), method="POST", body="ä€"
    )
    yield wants("post-length", has(b"Content-Length: 3"), method="POST", body="a=b")
    yield wants("post-empty-length", has(b"Content-Length: 0"), method="POST")
    yield wants("put-empty-length", has(b"Content-Length: 0"), method="PUT")
    yield wants("delete-empty-length", lacks(b"Content-Length"), method="DELETE")
    yield wants("get-body", has(b"Content-Length: 3"), body="a=b")
    yield wants("get-no-length", lacks(b"Content-Length", b"Accept-Encoding", b"Accept"))
    yield wants("post-no-type", lacks(b"Content-Type", b"Expect"), method="POST", body="a=b" * 2000)
    yield wants("asks-to-close", has(b"Connection: close"))


def _headers() -> Iterator[Behaviour]:
    yield wants("header-sent", has(b"X-Mine: one two"), headers={"x-mine": "one two"})
    yield wants("header-empty", has(b"X-Mine: "), headers={"X-Mine": ""})
    yield wants("header-padded", has(b"X-Mine: a"), headers={"X-Mine": "  a  "})
    yield wants("header-host", has(b"Host: shop.example"), headers={"Host": "shop.example"})
    yield wants(
        "header-host-lower-case", has(b"Host: shop.example"), headers={"host": "shop.example"}
    )
    yield wants(
        "header-host-port", has(b"Host: shop.example:81"), headers={"Host": "shop.example:81"}
    )
    yield wants("header-host-bad", lambda asked: True, headers={"Host": "a b"})
    yield wants("header-agent", has(b"User-Agent: me/1"), headers={"User-Agent": "me/1"})
    yield wants("header-agent-none", lacks(b"User-Agent"), headers={"User-Agent": ""})
    yield wants(
        "header-connection", has(b"Connection: keep-alive"), headers={"Connection": "keep-alive"}
    )
    yield wants("header-length", has(b"Content-Length: 99"), headers={"Content-Length": "99"})
    yield wants("header-accept", has(b"Accept: text/html"), headers={"accept": "text/html"})
    yield wants(
        "header-expect",
        lambda asked: True,
        headers={"Expect": "100-continue"},
        method="POST",
        body="a",
    )
    yield wants("hostname", has(b"Host: shop.example"), hostname="shop.example")
    yield wants("hostname-port", has(b"Host: shop.example:81"), hostname="shop.example:81")


def _targets() -> Iterator[Behaviour]:
    def hosted(name: str, target: str, host: bytes, **settings: Any) -> Behaviour:
        def fits(asked: bytes) -> bool:
            line = next(x for x in asked.split(b"\r\n") if x.startswith(b"Host: "))
            return line.startswith(b"Host: " + host)

        return wants(f"target-{name}", fits, target, **settings)

    yield hosted("without-scheme", "127.0.0.1:{port}", b"127.0.0.1:")
    yield hosted("without-scheme-with-path", "127.0.0.1:{port}/a?b", b"127.0.0.1:")
    yield hosted("name", "http://localhost:{port}", b"localhost:", preferred_ip_protocol="ip4")
    yield hosted(
        "name-without-scheme", "localhost:{port}", b"localhost:", preferred_ip_protocol="ip4"
    )
    yield hosted(
        "name-upper-case", "http://LOCALHOST:{port}/", b"LOCALHOST:", preferred_ip_protocol="ip4"
    )
    yield hosted(
        "name-with-dot", "http://localhost.:{port}/", b"localhost.:", preferred_ip_protocol="ip4"
    )
    yield hosted(
        "name-ip6-fallback", "http://localhost:{port}", b"localhost:", preferred_ip_protocol="ip6"
    )
    yield hosted(
        "name-ip6-only",
        "http://localhost:{port}",
        b"localhost:",
        preferred_ip_protocol="ip6",
        ip_protocol_fallback=False,
    )
    yield hosted(
        "name-ip4-only",
        "http://localhost:{port}",
        b"localhost:",
        preferred_ip_protocol="ip4",
        ip_protocol_fallback=False,
    )
    yield hosted(
        "ip4-asked-for-ip6",
        "http://127.0.0.1:{port}",
        b"127.0.0.1:",
        preferred_ip_protocol="ip6",
        ip_protocol_fallback=False,
    )
    yield hosted(
        "ip4-asked-for-ip4", "http://127.0.0.1:{port}", b"127.0.0.1:", preferred_ip_protocol="ip4"
    )
    yield hosted("userinfo", "http://user:pass@127.0.0.1:{port}", b"127.0.0.1:")
    yield hosted("mapped", "http://[::ffff:127.0.0.1]:{port}", b"[::ffff:127.0.0.1]:")
    for name, form, line in (
        ("path", "{url}/a/b", b"GET /a/b HTTP/1.1"),
        ("query", "{url}/?a=b&c=d", b"GET /?a=b&c=d HTTP/1.1"),
        ("query-without-path", "{url}?a", b"GET /?a HTTP/1.1"),
        ("empty-query", "{url}/?", b"GET /? HTTP/1.1"),
        ("fragment", "{url}/a#b", b"GET /a HTTP/1.1"),
        ("dots", "{url}/a/../b", b"GET /a/../b HTTP/1.1"),
        ("two-slashes", "{url}//a//b", b"GET //a//b HTTP/1.1"),
        ("space", "{url}/a b", b"GET /a%20b HTTP/1.1"),
        ("not-ascii", "{url}/ä", b"GET /%C3%A4 HTTP/1.1"),
        ("escaped", "{url}/a%2Fb%20c", b"GET /a%2Fb%20c HTTP/1.1"),
        ("half-escaped", "{url}/a%2Fb c", b"GET /a/b%20c HTTP/1.1"),
        ("sub-delims", "{url}/a!$&'()*+,;=:@", b"GET /a!$&'()*+,;=:@ HTTP/1.1"),
        ("brackets", "{url}/a[1]", b"GET /a[1] HTTP/1.1"),
        ("braces", "{url}/a{{1}}|^", b"GET /a%7B1%7D%7C%5E HTTP/1.1"),
        ("quotes", '{url}/a"b', b"GET /a%22b HTTP/1.1"),
        ("query-escaped", "{url}/?a=%zz", b"GET /?a=%zz HTTP/1.1"),
        ("query-not-ascii", "{url}/?a=ä", "GET /?a=ä HTTP/1.1".encode()),
        ("star", "{url}/*", b"GET /* HTTP/1.1"),
    ):
        yield wants(f"target-{name}", starts(line), form)
    yield wants(
        "target-userinfo-header",
        has(b"Authorization: Basic dXNlcjpwYXNz"),
        "http://user:pass@127.0.0.1:{port}",
    )
    yield wants(
        "target-userinfo-escaped",
        has(b"Authorization: Basic dXM6ZXI6cGFzcw=="),
        "http://us%3Aer:pass@127.0.0.1:{port}",
    )
    yield wants(
        "target-userinfo-only-user",
        has(b"Authorization: Basic dXNlcjo="),
        "http://user@127.0.0.1:{port}",
    )
    for name, form in {
        "scheme-only": "http://",
        "upper-case-scheme": "HTTP://127.0.0.1:{port}",
        "ftp": "ftp://127.0.0.1:{port}",
        "bad-escape": "{url}/%zz",
        "bad-port": "http://127.0.0.1:http/",
        "port-zero": "http://127.0.0.1:0/",
        "port-too-large": "http://127.0.0.1:99999/",
        "port-empty": "http://127.0.0.1:/",
        "no-host": "http:///a",
        "no-host-but-port": "http://:{port}/",
        "control": "{url}/\x01",
        "newline": "{url}/a\nb",
        "space-in-host": "http://a b:{port}/",
        "leading-space": " {url}",
        "trailing-space": "{url} ",
        "bracket-open": "http://[::1:{port}/",
        "ip6-bare": "http://::1:{port}/",
        "ip4-short": "http://127.1:{port}/",
        "ip4-number": "http://2130706433:{port}/",
        "ip4-octal": "http://0177.0.0.1:{port}/",
        "unspecified": "http://0.0.0.0:{port}/",
        "unknown": "http://nowhere.invalid:{port}/",
        "unknown-without-scheme": "nowhere.invalid",
        "idn": "http://grün.invalid:{port}/",
        "underscore": "http://no_where.invalid:{port}/",
        "escaped-host": "http://%6cocalhost:{port}/",
        "long-label": "http://" + "a" * 64 + ".invalid/",
        "at-twice": "http://a@b@127.0.0.1:{port}/",
        "backslash": "http://127.0.0.1\\@127.0.0.1:{port}/",
        "quotes-in-host": 'http://"127.0.0.1":{port}/',
        "star-host": "http://*:{port}/",
    }.items():
        yield Behaviour(
            f"target-{name}", at(answering(lambda asked: PAGE), form), http(timeout="3s")
        )


def _addresses() -> Iterator[Behaviour]:
    six = answering(lambda asked: page())
    only_four = {"preferred_ip_protocol": "ip4", "ip_protocol_fallback": False}
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("ip6", "{url}", {}),
        ("ip6-without-scheme", "[::1]:{port}", {}),
        ("ip6-asked-for-ip4", "{url}", only_four),
        ("ip6-falls-back", "{url}", {"preferred_ip_protocol": "ip4"}),
        ("ip6-name", "http://localhost:{port}", {"preferred_ip_protocol": "ip6"}),
    )
    for name, target, settings in kinds:
        yield Behaviour(f"target-{name}", at(six, target, "::1"), http(**settings))


def _credentials() -> Iterator[Behaviour]:
    yield wants(
        "basic",
        has(b"Authorization: Basic dXNlcjpwYXNz"),
        basic_auth={"username": "user", "password": "pass"},
    )
    yield wants(
        "basic-wrong",
        has(b"Authorization: Basic x"),
        basic_auth={"username": "user", "password": "no"},
    )
    yield wants(
        "basic-without-password",
        has(b"Authorization: Basic dXNlcjo="),
        basic_auth={"username": "user"},
    )
    yield wants(
        "basic-not-ascii",
        has(b"Authorization: Basic w6Q6w7Y="),
        basic_auth={"username": "ä", "password": "ö"},
    )
    yield wants("bearer", has(b"Authorization: Bearer t"), bearer_token="t")
    yield wants(
        "authorization",
        has(b"Authorization: Token t"),
        authorization={"type": "Token", "credentials": "t"},
    )
    yield wants(
        "authorization-default", has(b"Authorization: Bearer t"), authorization={"credentials": "t"}
    )
    yield wants(
        "authorization-header-first",
        has(b"Authorization: Mine"),
        headers={"Authorization": "Mine"},
        basic_auth={"username": "user"},
    )
    yield wants(
        "authorization-over-userinfo",
        has(b"Authorization: Mine"),
        "http://u:p@127.0.0.1:{port}",
        headers={"Authorization": "Mine"},
    )
    yield wants(
        "basic-over-userinfo",
        has(b"Authorization: Basic dTpw"),
        "http://u:p@127.0.0.1:{port}",
        basic_auth={"username": "x"},
    )


def _encodings() -> Iterator[Behaviour]:
    zipped, deflated = gzip.compress(TEXT, mtime=0), zlib.compress(TEXT)[2:-4]
    bodies = {"gzip": zipped, "deflate": deflated, "br": brotli.compress(TEXT), "identity": TEXT}
    match = {"fail_if_body_not_matches_regexp": ["compressed well"]}
    for name, body in bodies.items():
        announced = page(f"Content-Encoding: {name}", body=body)
        yield once(f"encoding-{name}", announced, compression=name, **match)
        yield once(f"encoding-{name}-not-asked-for", announced, **match)
        yield once(f"encoding-{name}-unannounced", page(body=body), compression=name, **match)
        yield once(f"encoding-{name}-plain", page(body=TEXT), compression=name, **match)
        yield once(f"encoding-{name}-empty", page(body=b""), compression=name)
        yield once(f"encoding-{name}-cut", page(body=body[: len(body) // 2]), compression=name)
        yield once(f"encoding-{name}-followed", page(body=body + b"more"), compression=name)
        yield once(f"encoding-{name}-not-200", page(body=body, status="404 No"), compression=name)
        yield once(f"encoding-{name}-short", page(body=b"abc"), compression=name)
    brief = bodies["br"]
    yield once("encoding-br-cut-late", page(body=brief[:-2]), compression="br")
    yield once("encoding-gzip-twice", page(body=zipped * 2), compression="gzip")
    yield once("encoding-gzip-sum-wrong", page(body=zipped[:-8] + bytes(8)), compression="gzip")
    yield once("encoding-gzip-zeros-behind", page(body=zipped + bytes(8)), compression="gzip")
    yield once(
        "encoding-gzip-broken",
        page(body=zipped[:40] + b"\xff" * 40 + zipped[80:]),
        compression="gzip",
    )
    yield once(
        "encoding-gzip-large",
        page(body=gzip.compress(b"x" * 3_000_000, mtime=0)),
        compression="gzip",
    )
    yield once("encoding-gzip-upper-case", page(body=zipped), compression="GZIP")
    yield once(
        "encoding-deflate-with-zlib-head", page(body=zlib.compress(TEXT)), compression="deflate"
    )
    yield once(
        "encoding-gzip-chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + f"{len(zipped):x}\r\n".encode()
        + zipped
        + b"\r\n0\r\n\r\n",
        compression="gzip",
    )
    yield wants("encoding-asks", has(b"Accept-Encoding: gzip"), compression="gzip")
    yield wants("encoding-asks-br", has(b"Accept-Encoding: br"), compression="br")
    yield wants("encoding-asks-identity", has(b"Accept-Encoding: identity"), compression="identity")
    yield wants(
        "encoding-asks-as-told",
        has(b"Accept-Encoding: gzip;q=1.0, *;q=0.1"),
        compression="gzip",
        headers={"Accept-Encoding": "gzip;q=1.0, *;q=0.1"},
    )
    yield wants(
        "encoding-asks-without", has(b"Accept-Encoding: br"), headers={"accept-encoding": "br"}
    )
    for limit in ("1B", "4B", "5B", "6B", "1KB"):
        yield once(f"limit-{limit}", PAGE, body_size_limit=limit)
        yield once(
            f"limit-{limit}-regex",
            PAGE,
            body_size_limit=limit,
            fail_if_body_not_matches_regexp=["hello"],
        )
    yield once(
        "limit-after-decoding", page(body=zipped), compression="gzip", body_size_limit="500B"
    )
    yield once(
        "limit-before-decoding", page(body=zipped), compression="gzip", body_size_limit="1500B"
    )
    yield once("limit-endless", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, body_size_limit="10KB")


def _unsendable() -> Iterator[Behaviour]:
    """What a module may say, and no request can."""
    modules: dict[str, dict[str, object]] = {
        "method": {"method": "A B"},
        "header-name": {"headers": {"A B": "c"}},
        "header-value": {"headers": {"X-Mine": "a\nX-Other: b"}},
        "token": {"bearer_token": "a\nb"},
        "token-file": {"bearer_token_file": "/none/there"},
        "password-file": {"basic_auth": {"username": "a", "password_file": "/none/there"}},
    }
    for name, settings in modules.items():
        yield once(f"unsendable-{name}", PAGE, **settings)
    yield wants(
        "header-not-ascii", has("X-Mine: \u00a0ä€".encode()), headers={"X-Mine": "\u00a0ä€"}
    )
    yield wants(
        "token-not-ascii", has("Authorization: Bearer tökén".encode()), bearer_token="tökén"
    )
    yield wants("prefers-nonsense", bool, "localhost:{port}", preferred_ip_protocol="ipv6")


BEHAVIOURS = [
    behaviour
    for kind in (_methods, _headers, _targets, _addresses, _credentials, _encodings, _unsendable)
    for behaviour in kind()
]
