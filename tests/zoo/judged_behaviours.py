"""Whole answers that a module looks at closely: dates, headers and bodies by patterns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.behaviours import Behaviour
from zoo.http_behaviours import PAGE, head, once, page


def _dates() -> Iterator[Behaviour]:
    for name, date in {
        "usual": "Wed, 21 Oct 2015 07:28:00 GMT",
        "850": "Wednesday, 21-Oct-15 07:28:00 GMT",
        "850-before-1970": "Wednesday, 21-Oct-69 07:28:00 EST",
        "asctime": "Wed Oct 21 07:28:00 2015",
        "asctime-one-digit": "Thu Oct  1 07:28:00 2015",
        "wrong-weekday": "Mon, 21 Oct 2015 07:28:00 GMT",
        "other-zone": "Wed, 21 Oct 2015 07:28:00 CET",
        "offset": "Wed, 21 Oct 2015 07:28:00 +0000",
        "iso": "2015-10-21T07:28:00Z",
        "epoch": "1445412480",
        "zero": "Thu, 01 Jan 1970 00:00:00 GMT",
        "before-1970": "Wed, 21 Oct 1815 07:28:00 GMT",
        "short-day": "Wed, 1 Oct 2015 07:28:00 GMT",
        "no-such-day": "Wed, 31 Feb 2015 07:28:00 GMT",
        "leap-second": "Wed, 21 Oct 2015 07:28:60 GMT",
        "fraction": "Wed, 21 Oct 2015 07:28:00.5 GMT",
        "lower-case": "wed, 21 oct 2015 07:28:00 gmt",
        "empty": "",
    }.items():
        yield once(f"modified-{name}", page(f"Last-Modified: {date}"))
    yield once(
        "modified-twice", page("Last-Modified: x", "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT")
    )
    yield once(
        "modified-404", page("Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT", status="404 No")
    )


def _patterns() -> Iterator[Behaviour]:
    def header(name: str, regexp: str, **more: Any) -> list[Mapping[str, Any]]:
        return [{"header": name, "regexp": regexp, **more}]

    two = page("X-Two: one", "X-Two: two")
    yield once("regex-body-matches", PAGE, fail_if_body_matches_regexp=["hell"])
    yield once("regex-body-matches-second", PAGE, fail_if_body_matches_regexp=["x", "o$"])
    yield once("regex-body-matches-not", PAGE, fail_if_body_matches_regexp=["x"])
    yield once("regex-body-not-matches", PAGE, fail_if_body_not_matches_regexp=["x"])
    yield once("regex-body-not-matches-one", PAGE, fail_if_body_not_matches_regexp=["hello", "x"])
    yield once("regex-body-not-matches-fine", PAGE, fail_if_body_not_matches_regexp=["h.l+o"])
    yield once(
        "regex-body-both",
        PAGE,
        fail_if_body_not_matches_regexp=["hello"],
        fail_if_body_matches_regexp=["ell"],
    )
    yield once("regex-body-empty", page(body=b""), fail_if_body_not_matches_regexp=["^$"])
    yield once("regex-body-404", page(status="404 No"), fail_if_body_matches_regexp=["hello"])
    yield once(
        "regex-body-cut",
        head("HTTP/1.1 200 OK", "Content-Length: 50"),
        fail_if_body_not_matches_regexp=["hello"],
    )
    yield once("regex-body-case", PAGE, fail_if_body_not_matches_regexp=["(?i)HELLO"])
    yield once(
        "regex-body-lines", page(body=b"one\ntwo\n"), fail_if_body_not_matches_regexp=["(?m)^two$"]
    )
    yield once(
        "regex-body-not-utf8", page(body=b"\xff\xfe"), fail_if_body_not_matches_regexp=["^..$"]
    )
    yield once(
        "regex-body-utf8", page(body="grüß".encode()), fail_if_body_not_matches_regexp=["^gr..$"]
    )
    yield once("regex-header-matches", two, fail_if_header_matches=header("X-Two", "two"))
    yield once("regex-header-matches-not", two, fail_if_header_matches=header("x-two", "three"))
    yield once("regex-header-matches-missing", two, fail_if_header_matches=header("X-Three", "x"))
    yield once(
        "regex-header-matches-may-miss",
        two,
        fail_if_header_matches=header("X-Three", "x", allow_missing=True),
    )
    yield once("regex-header-not-matches", two, fail_if_header_not_matches=header("X-Two", "three"))
    yield once(
        "regex-header-not-matches-fine", two, fail_if_header_not_matches=header("X-TWO", "^two$")
    )
    yield once(
        "regex-header-not-matches-missing", two, fail_if_header_not_matches=header("X-Three", "x")
    )
    yield once(
        "regex-header-not-matches-may-miss",
        two,
        fail_if_header_not_matches=header("X-Three", "x", allow_missing=True),
    )
    yield once(
        "regex-header-404", page("A: b", status="404 No"), fail_if_header_matches=header("A", "b")
    )
    yield once(
        "regex-header-then-body",
        two,
        fail_if_header_matches=header("X-Two", "three"),
        fail_if_body_matches_regexp=["ell"],
    )
    yield once(
        "regex-header-first",
        two,
        fail_if_header_matches=header("X-Two", "one"),
        fail_if_body_matches_regexp=["x"],
    )
    yield once(
        "regex-header-hidden", page("Trailer: X"), fail_if_header_not_matches=header("Trailer", "X")
    )
    yield once("fail-if-ssl-plain", PAGE, fail_if_ssl=True)
    yield once("fail-if-not-ssl-plain", PAGE, fail_if_not_ssl=True)


BEHAVIOURS = [*_dates(), *_patterns()]
