"""What small print of HTTP/1 does to both: headers that Go hides, heads of gzip, credentials."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

from servers import hangs
from zoo.behaviours import Behaviour
from zoo.http_behaviours import PAGE, SOON, at, head, http, once, page
from zoo.redirect_behaviours import answering, moved
from zoo.request_behaviours import TEXT

GZIP = gzip.compress(TEXT, mtime=0)
CHECKED = b"\x1f\x8b\x08\x02" + bytes(6)


def shows(name: str, header: str, **settings: Any) -> Behaviour:
    """A server that tells what it got of a header, name and value."""

    def answer(asked: bytes) -> bytes:
        lines = asked.partition(b"\r\n\r\n")[0].split(b"\r\n")
        return page(body=b"|".join(x for x in lines if x.startswith(header.encode())))

    return Behaviour(f"shown-{name}", at(answering(answer)), http(**settings))


def header(name: str, regexp: str) -> dict[str, Any]:
    """A check that wants a header to match."""
    return {"fail_if_header_not_matches": [{"header": name, "regexp": regexp}]}


def _hidden() -> Iterator[Behaviour]:
    yield once("hidden-close", page("Connection: close"), **header("Connection", "close"))
    yield once("hidden-close-in-list", page("Connection: x, CLOSE"), **header("Connection", "x"))
    yield once("shown-closed", page("Connection: closed"), **header("Connection", "closed"))
    yield once(
        "shown-close-of-1.0",
        head("HTTP/1.0 200 OK", "Connection: close"),
        **header("Connection", "close"),
    )
    yield once("pragma", page("Pragma: no-cache"), **header("Cache-Control", "^no-cache$"))
    yield once(
        "pragma-and-control",
        page("Pragma: no-cache", "Cache-Control: public"),
        **header("Cache-Control", "no-cache"),
    )
    for name, line in {
        "nothing": "Connection: upgrade",
        "close": "Connection: close, upgrade\r\nUpgrade: x",
    }.items():
        data = head("HTTP/1.1 101 Switching", line)
        yield once(f"upgrade-to-{name}", data, valid_status_codes=[101])


def _asked() -> Iterator[Behaviour]:
    upgrade = {"Connection": "Upgrade", "Upgrade": "x"}
    yield shows("upgrade", "Connection", headers=upgrade)
    yield shows("upgrade-to-nothing", "Connection", headers={"Connection": "Upgrade"})
    yield shows("zone", "Host", headers={"Host": "[::1%25lo]:80"})
    yield shows("password-padded", "Auth", basic_auth={"username": " a ", "password": " b "})
    yield shows("type-without-credentials", "Auth", authorization={"type": "Token"})
    yield shows("empty-beside-token", "Auth", headers={"Authorization": ""}, bearer_token="t")
    for name in ("a b", "gr\u00fcn.example", "a/b"):
        yield Behaviour(f"hostname-odd-{name}", shows("", "Host").serve, http(), name)
    here = at(answering(lambda asked: page()), "http://[::]:{port}/")
    yield Behaviour("target-any-ip6", here, http())


def _compressed() -> Iterator[Behaviour]:
    right = (zlib.crc32(CHECKED) & 0xFFFF).to_bytes(2, "little")
    for name, data in {
        "named": _with(8, b"name\0"),
        "named-without-end": _with(8, b"n" * 300)[:200],
        "named-at-length": _with(8, b"n" * 511 + b"\0"),
        "named-at-too-great-length": _with(8, b"n" * 512 + b"\0"),
        "commented": _with(24, b"name\0comment\0"),
        "extra": _with(4, b"\4\0abcd"),
        "extra-cut": _with(4, b"\xff\xff"),
        "reserved": _with(0xE0, b""),
        "checked": CHECKED + right + GZIP[10:],
        "checked-wrongly": CHECKED + b"\0\0" + GZIP[10:],
    }.items():
        yield once(f"gzip-{name}", page(body=data), compression="gzip")
        match = {"fail_if_body_not_matches_regexp": ["compressed well"]}
        yield once(f"gzip-{name}-matched", page(body=data), compression="gzip", **match)
    for unknown in ("zstd", "x-gzip"):
        yield once(f"compression-{unknown}", PAGE, compression=unknown)
    for known in ("br", "deflate", "gzip", "identity"):
        yield once(f"not-followed-{known}", moved("/"), compression=known, **_NOT_FOLLOWED)
    slow = head("HTTP/1.1 302 Go", "Location: /", "Content-Length: 50")
    yield Behaviour("not-followed-hangs", at(hangs(slow)), http(timeout=SOON, **_NOT_FOLLOWED))


def _with(flags: int, more: bytes) -> bytes:
    """A body whose gzip begins with a head of these flags and what they stand for."""
    return GZIP[:3] + bytes([flags]) + GZIP[4:10] + more + GZIP[10:]


_NOT_FOLLOWED: dict[str, Any] = {"follow_redirects": False, "valid_status_codes": [302]}

BEHAVIOURS = [*_hidden(), *_asked(), *_compressed()]
