"""A request as it is made of a module and a target, and as it is written to the wire by HTTP/1."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from prober import __version__
from prober.blackbox.http.heads import canonical
from prober.blackbox.http.urls import Url

USER_AGENT = f"prober/{__version__}"
WANT_LENGTH = frozenset({"POST", "PUT", "PATCH"})  # also without a body, as Go has it
SPACE = " \t\r\n"  # around a value, which is not sent
OWN = frozenset({"Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer"})

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_BREAK = re.compile(r"[\r\n]")
_END = re.compile("[ /]")
_ZONE = re.compile(r"%[^%\]]*\]")


class BadRequest(ValueError):
    """A request can't be written; the message says why."""


class Request(NamedTuple):
    """`host` is for the header of that name; the names of `headers` are in canonical spelling."""

    method: str
    url: Url
    host: str
    headers: Mapping[str, str]
    body: bytes = b""


def is_method(text: str) -> bool:
    """Whether a text may be a method at all."""
    return bool(_TOKEN.fullmatch(text))


def with_credentials(request: Request) -> Request:
    """The request with the userinfo of its URL as a header, where it has no such header yet."""
    credentials = request.url.credentials
    if credentials is None or request.headers.get("Authorization"):
        return request
    return request._replace(headers={**request.headers, "Authorization": basic(*credentials)})


def basic(user: str, password: str) -> str:
    """The value of a header for basic authorization (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def body_length(request: Request) -> int | None:
    """What Content-Length says, or None where there is none."""
    if request.body or request.method in WANT_LENGTH:
        return len(request.body)
    return None


def written(request: Request) -> bytes:
    """The request in bytes. Raises `BadRequest`."""
    return _written(request, "")


def forwarded(request: Request, proxy: Url) -> bytes:
    """The request in bytes as a proxy wants it. Raises `BadRequest`."""
    headers = {**proxy_headers(proxy), **request.headers}
    return _written(request._replace(headers=headers), f"{request.url.scheme}://")


def _written(request: Request, before_host: str) -> bytes:
    check(request)
    host = ascii_host(request.host or request.url.host)
    uri = request.url.request_uri
    if request.method == "CONNECT" and not request.url.path:
        uri = host
    target = f"{before_host}{host}{uri}" if before_host else uri
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {host}", *_headers(request)]
    head = "".join(f"{line}\r\n" for line in lines) + "\r\n"
    return head.encode(errors="surrogateescape") + request.body


def connecting(target: str, proxy: Url, more: Sequence[tuple[str, str]] = ()) -> bytes:
    """What makes a proxy open a way to a host and port; `more` are headers for it."""
    own = proxy_headers(proxy)
    headers = [*own.items(), *((name, value) for name, value in more if name not in own)]
    if not any(name == "User-Agent" for name, _ in more):
        headers.append(("User-Agent", USER_AGENT))
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [
        f"{name}: {_BREAK.sub(' ', value).strip(SPACE)}"
        for name, value in sorted(headers)
        if _TOKEN.fullmatch(name)
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(errors="surrogateescape")


def proxy_headers(proxy: Url) -> dict[str, str]:
    """The headers that a proxy wants to see, for the credentials in its URL."""
    credentials = proxy.credentials
    return {"Proxy-Authorization": basic(*credentials)} if credentials else {}


def check(request: Request) -> None:
    """Raises `BadRequest` where a header can't be sent."""
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise BadRequest(f"{name!r} is no header, or has no value that can be sent")


def ascii_host(host: str) -> str:
    """A host, perhaps with a port, in ASCII (RFC 5891). Raises `BadRequest`."""
    host = _END.split(host, maxsplit=1)[0]
    host = _ZONE.sub("]", host)  # it means nothing to others
    if not host.isprintable():
        raise BadRequest(f"{host!r} is no host")
    name, colon, port = host.partition(":")
    try:
        return name.encode("idna").decode() + colon + port
    except UnicodeError:
        return host  # for the server to judge, as Go has it


def _headers(request: Request) -> Iterator[str]:
    agent = request.headers.get("User-Agent", USER_AGENT)
    if agent:
        yield f"User-Agent: {agent}"
    if (length := body_length(request)) is not None:
        yield f"Content-Length: {length}"
    for name in sorted(request.headers):
        if name not in OWN:
            yield f"{name}: {request.headers[name].strip(SPACE)}"
    if not _ends_by_itself(request):
        yield "Connection: close"


def _ends_by_itself(request: Request) -> bool:
    said = request.headers.get("Connection", "").lower()
    return "close" in said or (bool(request.headers.get("Upgrade")) and "upgrade" in said)


def headers_of(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """A module's headers by canonical name, without the host's."""
    return {name: value for key, value in pairs if (name := canonical(key)) != "Host"}


def host_of(pairs: tuple[tuple[str, str], ...]) -> str:
    """What a module's headers say of the host, or an empty text."""
    return next((value for key, value in pairs if canonical(key) == "Host"), "")
