"""The cookies that are set on a chain of redirects, sent again as RFC 6265 and Go's jar have it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from prober.blackbox.guard import is_address
from prober.blackbox.http import dates
from prober.blackbox.http.urls import Url

_SPACE = " \t\r\n"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PLAIN = r"[\x20!\x23-\x3a\x3c-\x5b\x5d-\x7e]*"
_VALUE = re.compile(f'"({_PLAIN})"|({_PLAIN})')
_ATTRIBUTE = re.compile(_PLAIN)
_AGE = re.compile(r"[+-]?[0-9]{1,18}")


class Cookie(NamedTuple):
    """One cookie, and where it goes; `host_only` keeps it from subdomains."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool

    @property
    def pair(self) -> str:
        """As it stands in a request."""
        quoted = f'"{self.value}"' if " " in self.value or "," in self.value else self.value
        return f"{self.name}={quoted}"


class Jar:
    """Keeps cookies for one probe; `now` is in epoch seconds."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._kept: dict[tuple[str, str, str], Cookie] = {}

    def keep(self, url: Url, lines: list[str]) -> list[str]:
        """Take in the values of Set-Cookie in an answer from `url`; gives the cookies' names."""
        named = []
        for line in lines:
            parts = [part.strip(_SPACE) for part in line.strip(_SPACE).split(";")]
            name, equals, text = parts[0].partition("=")
            value = _VALUE.fullmatch(text)
            if not equals or not _NAME.fullmatch(name) or value is None:
                continue
            named.append(name)
            self._take(url, name, value[1] or value[2] or "", _attributes(parts[1:]))
        return named

    def pairs(self, url: Url) -> list[str]:
        """The cookies for a request, those with longer paths first."""
        host, path = url.hostname.lower(), url.path or "/"
        fit = [c for c in self._kept.values() if _fits(c, host, path, url.scheme == "https")]
        return [cookie.pair for cookie in sorted(fit, key=lambda c: -len(c.path))]

    def _take(self, url: Url, name: str, value: str, said: dict[str, str]) -> None:
        host = url.hostname.lower()
        asked = said.get("domain", "").lower()
        domain = asked if is_address(host) else asked.removeprefix(".")
        if asked and not _may_set(host, domain):
            return
        path = said.get("path", "")
        if not path.startswith("/"):
            path = url.path[: url.path.rfind("/")] or "/" if url.path.startswith("/") else "/"
        cookie = Cookie(
            name, value, domain or host, path, not domain or is_address(host), "secure" in said
        )
        key = (cookie.domain, path, name)
        if self._is_over(said):
            self._kept.pop(key, None)
        else:
            self._kept[key] = cookie  # one that it replaces leaves it its place

    def _is_over(self, said: dict[str, str]) -> bool:
        age = said.get("max-age", "")
        if _AGE.fullmatch(age) and (not age.startswith("0") or int(age) == 0):
            return int(age) <= 0
        ends_s = dates.epoch_s(said.get("expires", ""), dates.COOKIE_FORMATS)
        return ends_s is not None and ends_s <= self._now()


def _attributes(parts: Iterable[str]) -> dict[str, str]:
    split = (part.partition("=") for part in parts)
    return {name.lower(): value for name, _, value in split if _ATTRIBUTE.fullmatch(value)}


def _may_set(host: str, domain: str) -> bool:
    if is_address(host):
        return domain == host
    # A domain of one label may be a public suffix like com: only the host of that name may set it.
    return domain == host or ("." in domain and host.endswith("." + domain))


def _fits(cookie: Cookie, host: str, path: str, secure: bool) -> bool:
    there = host == cookie.domain or (not cookie.host_only and host.endswith("." + cookie.domain))
    below = path == cookie.path or (
        path.startswith(cookie.path)
        and (cookie.path.endswith("/") or path[len(cookie.path) :].startswith("/"))
    )
    return there and below and (secure or not cookie.secure)
