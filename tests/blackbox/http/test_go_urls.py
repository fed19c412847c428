"""URLs mean what they mean to Go."""

from __future__ import annotations

import pytest

from prober.blackbox.http import urls
from prober.blackbox.http.urls import BadUrl

BASE = urls.parsed("http://u:p@example.com:81/a/b?c=d")


@pytest.mark.parametrize(
    ("text", "host", "uri"),
    [
        ("http://example.com", "example.com", "/"),
        ("http://example.com:81?a", "example.com:81", "/?a"),
        ("http://[::1]:81/a b#c", "[::1]:81", "/a%20b"),
        ("http://example.com/a%2Fb%20c", "example.com", "/a%2Fb%20c"),
        ("http://example.com/ä", "example.com", "/%C3%A4"),
        ("HTTP://u@example.com/a[1]!*", "example.com", "/a[1]!*"),
    ],
)
def test_urls_have_a_host_and_a_request(text: str, host: str, uri: str) -> None:
    url = urls.parsed(text)

    assert (url.host, url.request_uri) == (host, uri)


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com/%zz",
        "http://example.com:http/",
        "http://a b/",
        "http://[::1/",
        "http://a<b@c/",
        "http://a\nb/",
        "http://example.com/#%zz",
        ":a",
    ],
)
def test_nonsense_is_no_url(text: str) -> None:
    with pytest.raises(BadUrl):
        urls.parsed(text)


@pytest.mark.parametrize(
    ("reference", "whole"),
    [
        ("c", "http://example.com:81/a/c"),
        ("/c", "http://example.com:81/c"),
        ("../../../c/./d/..", "http://example.com:81/c/"),
        ("?x", "http://example.com:81/a/b?x"),
        ("#x", "http://example.com:81/a/b?c=d"),
        ("//other/c", "http://other/c"),
        ("https://other/c/../d", "https://other/d"),
        ("mailto:me", "mailto:me"),
    ],
)
def test_references_lead_somewhere(reference: str, whole: str) -> None:
    assert str(urls.resolved(BASE, reference)) == whole


def test_a_url_tells_its_credentials_to_none_but_who_asks() -> None:
    assert BASE.credentials == ("u", "p")
    assert "u:p" not in str(BASE)


@pytest.mark.parametrize(
    ("text", "authority"),
    [("http://a/", "a:80"), ("https://a/", "a:443"), ("http://[::1]:81/", "::1:81")],
)
def test_an_authority_always_has_a_port(text: str, authority: str) -> None:
    assert urls.parsed(text).authority == authority
