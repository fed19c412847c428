"""Requests stand on the wire as Go writes them, and smuggle nothing."""

from __future__ import annotations

import pytest

from prober.blackbox.http import requests
from prober.blackbox.http.requests import BadRequest, Request
from prober.blackbox.http.urls import parsed

URL = parsed("http://example.com/a")


def test_a_request_says_no_more_than_it_must() -> None:
    raw = requests.written(Request("GET", URL, "shop", {}))

    agent = f"User-Agent: {requests.USER_AGENT}".encode()
    assert raw.split(b"\r\n") == [
        b"GET /a HTTP/1.1", b"Host: shop", agent, b"Connection: close", b"", b"",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "body", "length"), [("POST", b"", 0), ("PUT", b"ab", 2), ("DELETE", b"", None)]
)
def test_a_length_is_told_where_servers_want_it(
    method: str, body: bytes, length: int | None
) -> None:
    assert requests.body_length(Request(method, URL, "", {}, body)) == length


@pytest.mark.parametrize("host", ["a\r\nX: y", "a\nb", "a\0b"])
def test_no_host_brings_headers_along(host: str) -> None:
    with pytest.raises(BadRequest):
        requests.written(Request("GET", URL, host, {}))


@pytest.mark.parametrize(("name", "value"), [("A B", "c"), ("A", "b\r\nC: d"), ("", "a")])
def test_what_is_no_header_is_not_sent(name: str, value: str) -> None:
    with pytest.raises(BadRequest):
        requests.written(Request("GET", URL, "", {name: value}))


def test_a_proxy_gets_the_whole_url_and_its_credentials() -> None:
    raw = requests.forwarded(Request("GET", URL, "shop", {}), parsed("http://u:p@proxy"))

    assert raw.startswith(b"GET http://shop/a HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dTpw\r\n" in raw
