"""Cookies that are set on the way, well and badly written, and whether they come along."""

from __future__ import annotations

from collections.abc import Iterator

from servers import path_of
from zoo.behaviours import Behaviour
from zoo.http_behaviours import at, http, page
from zoo.redirect_behaviours import answering, moved

PLAIN = b"Cookie: id=1\r\n"

SINGLE: dict[str, str] = {
    "expires-asctime": "id=1; Expires=Wed Oct 21 07:28:00 2015",
    "expires-two-digit-year": "id=1; Expires=Wed, 21-Oct-15 07:28:00 GMT",
    "expires-one-digit-day": "id=1; Expires=Wed, 1 Oct 2015 07:28:00 GMT",
    "expires-without-weekday": "id=1; Expires=21 Oct 2015 07:28:00 GMT",
    "expires-wrong-weekday": "id=1; Expires=Mon, 21 Oct 2015 07:28:00 GMT",
    "expires-iso": "id=1; Expires=2015-10-21T07:28:00Z",
    "expires-zero": "id=1; Expires=0",
    "expires-utc": "id=1; Expires=Wed, 21 Oct 2015 07:28:00 UTC",
    "expires-offset": "id=1; Expires=Wed, 21 Oct 2015 07:28:00 +0000",
    "age-signed-zero": "id=1; Max-Age=+0",
    "age-negative": "id=1; Max-Age=-1",
    "age-leading-zero": "id=1; Max-Age=060; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
    "age-behind-space": "id=1; Max-Age= 0",
    "age-fraction": "id=1; Max-Age=0.0",
    "age-endless": "id=1; Max-Age=99999999999999999999",
    "domain-quoted": 'id=1; Domain="127.0.0.1"',
    "domain-dot": "id=1; Domain=.",
    "domain-empty": "id=1; Domain=",
    "path-quoted": 'id=1; Path="/elsewhere"',
    "path-without-slash": "id=1; Path=there",
    "path-twice": "id=1; Path=/elsewhere; Path=/",
    "attribute-before-space": "id=1; Path =/elsewhere",
    "half-quoted": 'id="1',
    "quote-inside": 'id=1"',
    "space-before-value": "id= 1",
    "space-before-equals": "id =1",
    "many-semicolons": ";; id=1;;; Path=/;",
}


def _single(name: str, cookie: str) -> Behaviour:
    def answer(asked: bytes) -> bytes:
        if path_of(asked) == "/":
            return moved("/there", "302 Go", f"Set-Cookie: {cookie}")
        return page(status="200 OK" if PLAIN in asked else "403 No")

    return Behaviour(f"cookie-{name}", at(answering(answer)), http())


def _several() -> Iterator[Behaviour]:
    first = moved("/2", "302 Go", "Set-Cookie: a=1; Path=/", "Set-Cookie: b=1; Path=/")
    for name, cookie, wanted in (
        ("replaced-keeps-its-place", "a=2; Path=/", b"Cookie: a=2; b=1\r\n"),
        ("deleted", "a=; Path=/; Max-Age=0", b"Cookie: b=1\r\n"),
        ("longer-path-first", "c=1; Path=/3", b"Cookie: c=1; a=1; b=1\r\n"),
    ):
        pages = {"/1": first, "/2": moved("/3", "302 Go", f"Set-Cookie: {cookie}")}

        def answer(asked: bytes, pages: dict[str, bytes] = pages, wanted: bytes = wanted) -> bytes:
            last = page(status="200 OK" if wanted in asked else "403 No")
            return pages.get(path_of(asked), last)

        yield Behaviour(f"cookie-{name}", at(answering(answer), "{url}/1"), http())


BEHAVIOURS = [*(_single(name, cookie) for name, cookie in SINGLE.items()), *_several()]
