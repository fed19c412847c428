"""Single values: what is read from them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prober.config import values
from prober.errors import Problem

ServiceFault = Callable[[str], Problem]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:8000", ("http://127.0.0.1:8000", "127.0.0.1", 8000)),
        ("http://db/", ("http://db:80", "db", 80)),
        ("HTTPS://Example.ORG", ("https://example.org:443", "example.org", 443)),
        ("http://my_service:1", ("http://my_service:1", "my_service", 1)),
        ("http://[::1]:8000", ("http://[::1]:8000", "::1", 8000)),
        ("http://[2001:DB8::1]", ("http://[2001:db8::1]:80", "2001:db8::1", 80)),
        ("http://bücher.example", ("http://xn--bcher-kva.example:80", "xn--bcher-kva.example", 80)),
    ],
)
def test_a_url_is_taken_apart(text: str, expected: tuple[str, str, int]) -> None:
    assert values.origin(text) == expected


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("ftp://a", "write one like http://"),
        ("a:8000", "write one like http://"),
        ("http://", "write one like http://"),
        ("http://a:port", "port 1 to 65535"),
        ("http://a:70000", "port 1 to 65535"),
        ("http://a:0", "port from 1 to 65535"),
        ("http://[::1", "port 1 to 65535"),
        ("http://[1::2::3]:80", "write"),
        ("http://a..b", "valid host name"),
        ("http://-a", "valid host name"),
        ("http://a*b", "valid host name"),
        ("http://a/health", "put the path in endpoints"),
        ("http://a?q", "put the path in endpoints"),
        ("http://a#", "put the path in endpoints"),
        ("http://u:p@a", "send them in headers"),
        ("http://a\n", "remove it"),
        ("http://a b", "remove it"),
    ],
)
def test_an_unfit_url_is_refused_with_a_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        values.origin(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200", {200}),
        ("2xx", set(range(200, 300))),
        ("5XX", set(range(500, 600))),
        ("301-303", {301, 302, 303}),
    ],
)
def test_status_codes_are_read(text: str, expected: set[int]) -> None:
    assert values.codes(text) == expected


@pytest.mark.parametrize("text", ["", "6xx", "99", "600", "20x", "303-301", "200-", "2xx-3xx"])
def test_what_is_no_status_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        values.codes(text)


def test_characters_outside_ascii_are_encoded_in_an_endpoint() -> None:
    assert values.endpoint("/salud/ñ?q=%20&a=[1]") == "/salud/%C3%B1?q=%20&a=[1]"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///data/prober.db",
        "sqlite:////srv/prober.db",
        "postgresql://prober:secret@db/prober",
        "postgresql+psycopg://db/prober",
    ],
)
def test_urls_of_known_databases_are_taken(text: str) -> None:
    assert values.store_url(text) == text


@pytest.mark.parametrize("text", ["mysql://db/x", "sqlite://", "sqlite:///:memory:", "data.db", ""])
def test_urls_of_other_databases_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write sqlite:///"):
        values.store_url(text)


@pytest.mark.parametrize(
    "rest", ["u:p@ss@db/x", "u:p/ss@db/x", "u:p#ss@db/x", "db:port/x", "db:0/x", "[::1/x"]
)
def test_urls_of_servers_without_a_clear_host_are_refused(rest: str) -> None:
    with pytest.raises(ValueError, match="%40"):
        values.store_url(f"postgresql://{rest}")


@pytest.mark.parametrize(
    ("line", "path", "words"),
    [
        ("interval: 5x", "interval", "'5x' is not a duration; write 5s, 5m or 1h"),
        ("interval: 5", "interval", "'5' is not a duration"),
        ("interval: 99ms", "interval", "write 100ms or more"),
        ("interval: 9999d", "interval", "write 366d or less"),
        ("timeout: 9ms", "timeout", "write 10ms or more"),
        ("endpoints: health", "endpoints", "'health' does not begin with a slash"),
        ("endpoints: [/a, b]", "endpoints[1]", "'b' does not begin with a slash"),
        ("endpoints: ['/a b']", "endpoints[0]", "write it as %20"),
        ("endpoints: []", "endpoints", "a list is empty; write at least one value"),
        ("endpoints: [[/a]]", "endpoints[0]", "a list is not one value"),
        ("expected_status: 2yy", "expected_status", "write 200, 2xx or 200-299"),
        ("method: GTE", "method", "write GET, HEAD, POST"),
        ("body_limit: 64K", "body_limit", "write 65536, 64KiB or 1MiB"),
        ("body_limit: 0", "body_limit", "write a size from 1B to 1024MiB"),
        ("critical: maybe", "critical", "'maybe' is neither true nor false"),
        ("headers: x", "headers", "'x' is not a mapping"),
        ("headers: {'a b': x}", "headers.a b", "'a b' is not a header name"),
        ("headers: {A: [x]}", "headers.A", "its value is not one value"),
        ('headers: {A: "x\\r\\nB: y"}', "headers.A", "holds a line break"),
        ("headers: {A: x, a: y}", "headers", "names a header twice"),
        ('group: "a\\x07b"', "group", "holds a control character"),
        ("group: ' a'", "group", "begins or ends with a space"),
        ("tags: [ok, '']", "tags[1]", "1 to 128 characters"),
        ("intervall: 5s", "intervall", "did you mean 'interval'?"),
        ("zzz: 5s", "zzz", "known are endpoints, interval"),
        ("zzz:", "zzz", "known are endpoints, interval"),
    ],
)
def test_a_wrong_value_is_named_with_place_and_remedy(
    service_fault: ServiceFault, line: str, path: str, words: str
) -> None:
    problem = service_fault(line)
    assert problem.path == f"services[0].{path}"
    assert words in problem.message
    assert problem.line == 4
