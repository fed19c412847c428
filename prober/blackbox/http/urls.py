"""URLs as Go's net/url reads and resolves them: stricter here, more lenient there than RFC 3986.

What https://pkg.go.dev/net/url accepts decides which targets and redirects are errors.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

DEFAULT_PORTS = {"http": "80", "https": "443"}

_PORT = re.compile(r"(:[0-9]*)?")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_HOST = re.compile(r"[A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>\"\x80-\U0010ffff]*")
_PATH = re.compile(r"[A-Za-z0-9\-_.~$&+,/:;=@!'()*%\[\]]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_ASCII_ESCAPE = re.compile(r"%(?!25)[0-7]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadUrl(ValueError):
    """A text is no URL; the message says why."""


class Url(NamedTuple):
    """The parts of a URL. `host` holds the port, too, and `path` and `query` stay escaped.

    `opaque` is what follows the scheme where no slash does. `userinfo` is None where there is none.
    """

    scheme: str = ""
    userinfo: str | None = None
    host: str = ""
    path: str = ""
    query: str | None = None
    opaque: str = ""

    @property
    def hostname(self) -> str:
        """The host without port and brackets."""
        return _split(self.host)[0]

    @property
    def port(self) -> str:
        """The port as written, or an empty text."""
        return _split(self.host)[1]

    @property
    def authority(self) -> str:
        """The host with a port in any case, to tell one origin from another."""
        return f"{self.hostname}:{self.port or DEFAULT_PORTS.get(self.scheme, '')}"

    @property
    def request_uri(self) -> str:
        """What stands in a request's first line."""
        shown = self.opaque or self.path or "/"
        return shown if self.query is None else f"{shown}?{self.query}"

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of the userinfo, unescaped."""
        if self.userinfo is None:
            return None
        user, _, password = self.userinfo.partition(":")
        return _unescaped(user), _unescaped(password)

    def __str__(self) -> str:
        """The URL without its userinfo: what may be logged, and told to others."""
        start = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            return start + self.request_uri
        query = "" if self.query is None else f"?{self.query}"
        return f"{start}//{self.host}{self.path}{query}"


def parsed(text: str) -> Url:
    """The URL that a text is; its fragment is dropped. Raises `BadUrl`."""
    text, _, fragment = text.partition("#")
    if _CONTROL.search(text):
        raise BadUrl("a control character in the URL")
    _check_escapes(fragment)
    scheme, rest = _scheme(text)
    rest, mark, query = rest.partition("?")
    asked = query if mark else None
    if not rest.startswith("/"):
        if scheme:
            return Url(scheme, opaque=rest, query=asked)
        if ":" in rest.partition("/")[0]:
            raise BadUrl("the first segment of a path can't hold a colon")
    userinfo, host = None, ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, rest = rest[2:].partition("/")
        rest = slash + rest
        userinfo, host = _authority(authority)
    return Url(scheme, userinfo, host, _path(rest), asked)


def resolved(base: Url, text: str) -> Url:
    """The URL that a reference means where it stands in an answer from `base`. Raises `BadUrl`."""
    ref = parsed(text)
    if ref.scheme or ref.host or ref.userinfo is not None:
        path = _without_dots(ref.path)
        return ref._replace(scheme=ref.scheme or base.scheme, path=path)
    query = base.query if not ref.path and ref.query is None else ref.query
    return base._replace(path=_joined(base.path, ref.path), query=query)


def is_absolute(text: str) -> bool:
    """Whether a reference names a scheme."""
    try:
        return bool(parsed(text).scheme)
    except BadUrl:
        return False


def _scheme(text: str) -> tuple[str, str]:
    if text.startswith(":"):
        raise BadUrl("a scheme is missing before the colon")
    found = _SCHEME.match(text)
    return (found[1].lower(), text[found.end() :]) if found else ("", text)


def _authority(text: str) -> tuple[str | None, str]:
    userinfo, mark, host = text.rpartition("@")
    if not _USERINFO.fullmatch(userinfo):
        raise BadUrl("a character in the userinfo that can't stand there")
    _check_escapes(userinfo)
    return (userinfo if mark else None), _host(host)


def _host(text: str) -> str:
    if text.startswith("["):
        inside, bracket, port = text.rpartition("]")
        if not bracket:
            raise BadUrl("a bracket of the host is never closed")
    else:
        inside, colon, port = text.rpartition(":")
        inside, port = (inside, colon + port) if colon else (text, "")
    if not _PORT.fullmatch(port):
        raise BadUrl(f"{port!r} is no port")
    _check_escapes(inside)
    if _ASCII_ESCAPE.search(inside):
        raise BadUrl("an escape in the host that can't stand there")
    plain = _unescaped(text)
    if not _HOST.fullmatch(plain.replace("%", "")):
        raise BadUrl("a character in the host that can't stand there")
    return plain


def _path(text: str) -> str:
    _check_escapes(text)
    if _PATH.fullmatch(text):
        return text
    return quote_from_bytes(unquote_to_bytes(_raw(text)), safe="$&+,/:;=@")


def _joined(base: str, ref: str) -> str:
    if not ref:
        return _without_dots(base)
    if ref.startswith("/"):
        return _without_dots(ref)
    return _without_dots(base[: base.rfind("/") + 1] + ref)


def _without_dots(path: str) -> str:
    # Not as RFC 3986 has it (5.2.4): where empty elements meet dots, Go goes its own way.
    kept, is_first = "", True
    elements = path.split("/") if path else []
    for element in elements:
        if element == "..":
            kept, slash, _ = kept.rpartition("/")
            is_first = is_first or not slash
        elif element == ".":
            is_first = False
        else:
            kept += element if is_first else f"/{element}"
            is_first = False
    if elements and elements[-1] in {".", ".."}:
        kept += "/"
    return f"/{kept.removeprefix('/')}" if path else ""


def _split(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    if not colon or not _PORT.fullmatch(colon + port):
        name, port = host, ""
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name, port


def _check_escapes(text: str) -> None:
    if _BAD_ESCAPE.search(text):
        raise BadUrl("a percent sign that begins no escape")


def _unescaped(text: str) -> str:
    return unquote_to_bytes(_raw(text)).decode(errors="surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
