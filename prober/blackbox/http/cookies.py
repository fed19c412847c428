"""The cookies that are set on a chain of redirects, sent again as RFC 6265 and Go's jar have it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from prober.blackbox.guard import is_address
from prober.blackbox.http.urls import Url

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r'"?[\x20!\x23-\x3a\x3c-\x5b\x5d-\x7e]*"?')


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
            parts = [part.strip() for part in line.split(";")]
            name, equals, value = parts[0].partition("=")
            if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                continue
            named.append(name)
            self._take(url, name, value.strip('"'), _attributes(parts[1:]))
        return named

    def pairs(self, url: Url) -> list[str]:
        """The cookies for a request, those with longer paths first."""
        host, path = url.hostname.lower(), url.path or "/"
        fit = [c for c in self._kept.values() if _fits(c, host, path, url.scheme == "https")]
        return [cookie.pair for cookie in sorted(fit, key=lambda c: -len(c.path))]

    def _take(self, url: Url, name: str, value: str, said: dict[str, str]) -> None:
        host = url.hostname.lower()
        asked = said.get("domain", "").lower()
        domain = asked.removeprefix(".")
        host_only = not domain
        if domain and not _may_set(host, asked if is_address(host) else domain):
            return
        path = said.get("path", "")
        if not path.startswith("/"):
            path = url.path[: url.path.rfind("/")] or "/" if url.path.startswith("/") else "/"
        cookie = Cookie(
            name, value, domain or host, path, host_only or is_address(host), "secure" in said
        )
        key = (cookie.domain, path, name)
        self._kept.pop(key, None)
        if not self._is_over(said):
            self._kept[key] = cookie

    def _is_over(self, said: dict[str, str]) -> bool:
        age = said.get("max-age")
        if age is not None and re.fullmatch(r"-?[0-9]+", age):
            return int(age) <= 0
        try:
            return parsedate_to_datetime(said["expires"]).timestamp() <= self._now()
        except (KeyError, ValueError, TypeError):
            return False


def _attributes(parts: list[str]) -> dict[str, str]:
    split = (part.partition("=") for part in parts)
    return {name.strip().lower(): value.strip() for name, _, value in split}


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
