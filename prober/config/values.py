"""The types of single values: each parses what is written, or says what to write instead.

Every parser takes text and raises ValueError with a message that follows the value in a
sentence, like "is not a duration; write 5s, 5m or 1h", and that never repeats the value.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import idna

from prober.config import units

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
DEFAULT_PORTS = {"http": 80, "https": 443}
PROXIES = ("http", "https", "socks4a", "socks5h")  # those that resolve names by themselves
LONGEST_S = 366 * 86_400.0
LARGEST_BODY = 2**30
SHORTEST_KEEP_S = 86_400.0
SMALLEST_STORE = 10**7

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
CODES = r"([1-5])[xX]{2}|([1-5][0-9]{2})(-[1-5][0-9]{2})?"
_STORE = re.compile(
    r"sqlite(\+pysqlite)?:///(?!:memory:)[^?].*|postgres(ql)?(\+psycopg)?://.+", re.DOTALL
)


T = TypeVar("T")


class Origin(NamedTuple):
    """Where a service listens: `url` is scheme, host and port; `host` has no brackets."""

    url: str
    host: str
    port: int


def label(text: str) -> str:
    """A name for people: 1 to 128 visible characters."""
    if not 1 <= len(text) <= 128:
        raise ValueError("has no length from 1 to 128 characters; write a short name")
    if not text.isprintable():
        raise ValueError("holds a control character; remove it")
    if text != text.strip():
        raise ValueError("begins or ends with a space; remove it")
    return text


def origin(text: str) -> Origin:
    """The origin that a service's url names."""
    if not text.isprintable() or " " in text:
        raise ValueError("holds a space or control character; remove it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(
            "has no valid host and port; write a url like http://127.0.0.1:8000, port 1 to 65535"
        ) from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("is not a url of a web service; write one like http://127.0.0.1:8000")
    if "@" in parts.netloc:
        raise ValueError("holds a user or password; send them in headers, as authorization")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError("goes on after the port; put the path in endpoints")
    if port == 0:
        raise ValueError("has port 0; write a port from 1 to 65535")
    host = _address(parts.hostname) if ":" in parts.hostname else _name(parts.hostname)
    port = port or DEFAULT_PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    return Origin(f"{parts.scheme}://{shown}:{port}", host, port)


def _address(host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        raise ValueError("has no valid IPv6 address; write one like http://[::1]:8000") from None


def _name(host: str) -> str:
    try:
        ascii_ = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        ascii_ = ""
    if len(ascii_) > 253 or not _HOST.fullmatch(ascii_):
        raise ValueError("has no valid host name; write one like http://example.org:8000")
    return ascii_


def endpoint(text: str) -> str:
    """A request target: path and query, ASCII only."""
    if not text.startswith("/"):
        raise ValueError("does not begin with a slash; write a path like /health")
    if not text.isprintable() or " " in text or "#" in text:
        raise ValueError("holds a space, '#' or control character; write it as %20, %23 …")
    return quote(text, safe="".join(map(chr, range(0x21, 0x7F))))


def method(text: str) -> str:
    """A method of HTTP, in capitals."""
    if text.upper() not in METHODS:
        raise ValueError(f"is not a method that prober sends; write {', '.join(METHODS)}")
    return text.upper()


def codes(text: str) -> frozenset[int]:
    """The status codes that "200", "2xx" or "200-299" stands for."""
    found = re.fullmatch(CODES, text)
    if found is None:
        raise ValueError("is not a status code; write 200, 2xx or 200-299")
    if found[1]:
        return frozenset(range(int(found[1]) * 100, int(found[1]) * 100 + 100))
    first, last = int(found[2]), int(found[3][1:] if found[3] else found[2])
    if last < first:
        raise ValueError("runs backwards; write the smaller code first")
    return frozenset(range(first, last + 1))


def header_name(text: str) -> str:
    """A header's name: a token of RFC 9110."""
    if not _HEADER_NAME.fullmatch(text):
        raise ValueError("is not a header name; use letters, digits and '-'")
    return text


def header_value(text: str) -> str:
    """A header's value in one line of ASCII; one that is empty is not sent."""
    if not _HEADER_VALUE.fullmatch(text):
        raise ValueError("holds a line break or a character outside ASCII; remove or encode it")
    return text.strip()


def distinct(found: dict[str, T]) -> dict[str, T]:
    """Headers by name, none of which is written twice in other capitals."""
    if len({name.lower() for name in found}) < len(found):
        raise ValueError("names a header twice, in other capitals; remove one")
    return found


def one_of(*words: str) -> Callable[[str], str]:
    """A parser of one of these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"is not known here; write {', '.join(words[:-1])} or {words[-1]}")
        return text

    return parse


def redirects(text: str) -> int:
    """How many redirects are followed, at most."""
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 100:
        raise ValueError("is not a number from 1 to 100; write one like 10")
    return int(text)


def address(text: str) -> str:
    """An IPv4 or IPv6 address, without brackets."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("is not an IP address; write one like 192.0.2.1") from None


def glob(text: str) -> str:
    """A pattern of host names, with * and ?."""
    if not text or not text.isprintable() or set(text) & set(" /:@"):
        raise ValueError("is not a pattern of host names; write one like *.example.org")
    return text.lower()


def server_name(text: str) -> str:
    """A host name, or an address, as a certificate may hold it."""
    try:
        return _name(text.lower())
    except ValueError:
        raise ValueError("is not a host name; write one like example.org") from None


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression, as Python's `re` has them."""
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression, {error}; write one like 'UP|OK'") from None


def expression(text: str) -> str:
    """An expression of CEL."""
    try:
        import cel  # an extra, which most configurations do without
    except ImportError:
        raise ValueError("needs what is not installed; install prober[cel]") from None
    try:
        cel.compile(text)
    except ValueError:
        raise ValueError(
            "is not an expression of CEL; write one like body.status == 'UP'"
        ) from None
    return text


def resolver(text: str) -> str:
    """The address and port of a name server, port 53 where none is given."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = address(parts.hostname or ""), parts.port or 53
    except ValueError:
        host, port = "", 0
    if not host or parts.netloc != text:
        raise ValueError("is not a name server; write its address, like 192.0.2.53 or [::1]:53")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def token_url(text: str) -> str:
    """The url that gives tokens."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or "@" in parts.netloc or not text.isascii() or not text.isprintable():
        raise ValueError("is not a url; write one like https://login.example.org/token")
    return text


def secret(text: str) -> str:
    """A password or token: something, in ASCII that can be seen."""
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("is empty, or not plain ASCII; write one without control characters")
    return text


def proxy(text: str) -> str:
    """The url of a proxy, with its user and password where it wants them."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in PROXIES and bool(parts.hostname and parts.port)
    except ValueError:
        valid = False
    if not valid or parts.path not in ("", "/") or not text.isprintable() or " " in text:
        raise ValueError(
            "is not the url of a proxy; write http://host:port, https://host:port or "
            "socks5h://host:port"
        )
    return text


def store_url(text: str) -> str:
    """The url of a database that prober can write."""
    if not _STORE.fullmatch(text):
        raise ValueError(
            "is not a database that prober knows; write sqlite:///data/prober.db "
            "or postgresql://user@host/name"
        )
    if text.startswith("postgres"):
        _server(text)
    return text


def _server(text: str) -> None:
    """Refuse a server's url whose password may have been cut at a wrong place."""
    try:
        parts = urlsplit(text)
        valid = parts.port != 0
    except ValueError:
        valid = False
    if not valid or "@" in parts.path or parts.netloc.count("@") > 1:
        raise ValueError(
            "has no valid host and port; write one like postgresql://user@host:5432/name, "
            "and signs like '@' and '/' in a password as %40 and %2F"
        )


def body_limit(text: str) -> int:
    """How many bytes of an answer are read."""
    found = units.size(text)
    if not 1 <= found <= LARGEST_BODY:
        raise ValueError("is out of range; write a size from 1B to 1024MiB")
    return found


def keep_time(text: str) -> float:
    """For how long something is kept, in seconds; infinite for "forever"."""
    if text == "forever":
        return math.inf
    found = units.seconds(text)
    if found < SHORTEST_KEEP_S:
        raise ValueError("is too short; write 1d or more, or forever")
    return found


def keep_size(text: str) -> int:
    """How large a database may grow, in bytes."""
    found = units.size(text)
    if found < SMALLEST_STORE:
        raise ValueError("is too small for a history; write 10MB or more")
    return found


def at_least(shortest_s: float) -> Callable[[str], float]:
    """A parser of durations that refuses shorter ones."""

    def parse(text: str) -> float:
        found = units.seconds(text)
        if found < shortest_s:
            raise ValueError(f"is too short; write {units.duration(shortest_s)} or more")
        if found > LONGEST_S:
            raise ValueError(f"is too long; write {units.duration(LONGEST_S)} or less")
        return found

    return parse
