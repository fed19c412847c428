"""Get a token by OAuth2's client credentials (RFC 6749, 4.4), as Go's x/oauth2 does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode

from prober.blackbox import addresses, faults, handshake
from prober.blackbox.guard import Guard, Refused
from prober.blackbox.http import draining, requests, urls
from prober.blackbox.http.answers import Answer
from prober.blackbox.http.heads import Malformed
from prober.blackbox.http.redirects import Chase
from prober.blackbox.http.requests import BadRequest, Request
from prober.blackbox.http.trips import Way
from prober.blackbox.http.urls import BadUrl, Url
from prober.blackbox.job import Job
from prober.blackbox.report import Report
from prober.module import Allowed, Grant, HttpModule
from prober.wire import OAuth2

# Its server is named by the module, not by who asks; metadata is refused nevertheless.
ANYWHERE = Guard(Allowed(("*",), ("0.0.0.0/0", "::/0")))
MOST = 1 << 20  # of an answer with a token
FORMS = frozenset({"application/x-www-form-urlencoded", "text/plain"})
TYPES = {"": "Bearer", "bearer": "Bearer", "mac": "MAC", "basic": "Basic"}
LARGEST = 2**63 - 1

_BROKEN = re.compile("%(?![0-9a-fA-F]{2})|;")
_WHOLE = re.compile(r"-?[0-9]+")
_OUTAGES = (OSError, Malformed, BadUrl, BadRequest, Refused, addresses.NoAddress)


class NoToken(Exception):
    """A token could not be had; the message says why."""


async def authorization(job: Job, grant: Grant) -> str:
    """What a header Authorization says with a new token. Raises `NoToken`, TimeoutError."""
    try:
        return await _twice(job, grant)
    except TimeoutError:
        raise
    except _OUTAGES as error:
        raise NoToken(f"no token: {faults.sentence(error)}") from None


async def _twice(job: Job, grant: Grant) -> str:
    await handshake.check(grant.tls)
    url = urls.parsed(grant.oauth2.token_url)
    way = await _way(job, url, grant)
    try:
        return await _asked(job, way, _by_header(url, grant.oauth2))
    except TimeoutError:
        raise
    except _OUTAGES as error:
        job.report.say(f"no token: {faults.sentence(error)}; telling in the body who asks")
    return await _asked(job, way, _by_body(url, grant.oauth2))


async def _way(job: Job, url: Url, grant: Grant) -> Way:
    proxy = urls.parsed(grant.proxy) if grant.proxy else None
    found = await addresses.allowed(job._replace(guard=ANYWHERE), (proxy or url).hostname)
    name = grant.tls.server_name or url.hostname
    shown = grant.tls.server_name or (proxy.hostname if proxy else "")
    return Way(found, name, grant.tls, False, proxy, proxy_name=shown)


def _by_header(url: Url, oauth2: OAuth2) -> Request:
    secret = requests.basic(quote_plus(oauth2.client_id), quote_plus(oauth2.client_secret))
    request = _by_form(url, oauth2, {})
    return request._replace(headers={**request.headers, "Authorization": secret})


def _by_body(url: Url, oauth2: OAuth2) -> Request:
    named = {"client_id": oauth2.client_id, "client_secret": oauth2.client_secret}
    return _by_form(url, oauth2, named)


def _by_form(url: Url, oauth2: OAuth2, named: dict[str, str]) -> Request:
    form = {"grant_type": "client_credentials"}
    form |= {"scope": " ".join(oauth2.scopes)} if oauth2.scopes else {}
    form |= dict(oauth2.params) | named
    headers = {
        "Accept-Encoding": "gzip",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return Request("POST", url, "", headers, urlencode(sorted(form.items())).encode())


async def _asked(job: Job, way: Way, request: Request) -> str:
    module = job.module._replace(spec=HttpModule())
    own = job._replace(guard=ANYWHERE, module=module, report=Report())
    chase = Chase(own, request, way, request.url)
    try:
        if not await chase.run() or chase.answer is None:
            raise Malformed("redirected too often")
        return await _read(chase.answer, job.deadline)
    finally:
        chase.close()


async def _read(answer: Answer, deadline: float) -> str:
    encoding = "gzip" if answer.head.first("Content-Encoding").lower() == "gzip" else ""
    drained = await draining.drained(answer.body, encoding, MOST, True, deadline)
    status = answer.head.status
    if drained.fault or not 200 <= status <= 299:
        raise Malformed(drained.fault or f"answered {status}")
    kind = answer.head.first("Content-Type").partition(";")[0].strip().lower()
    read: Callable[[str], dict[str, Any]] = _form if kind in FORMS else _object
    try:
        said = read(bytes(drained.data).decode(errors="replace"))
        token, name = _text(said, "access_token"), _text(said, "token_type")
    except (ValueError, RecursionError):
        raise Malformed(f"answered {status} with nonsense") from None
    if not token:
        raise Malformed(f"answered {status} without a token")
    return f"{TYPES.get(name.lower(), name)} {token}"


def _form(text: str) -> dict[str, Any]:
    """The fields of a form; the first of several counts. Raises ValueError."""
    if _BROKEN.search(text):
        raise ValueError
    return dict(reversed(parse_qsl(text, keep_blank_values=True)))


def _object(text: str) -> dict[str, Any]:
    """The members of a JSON object, whose names may be in any capitals. Raises ValueError."""
    found = json.loads(text, object_pairs_hook=_members, parse_constant=int)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError
    _check_end(found.get("expires_in"))
    _text(found, "refresh_token")
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name.lower(): value for name, value in pairs if value is not None}


def _check_end(value: object) -> None:
    """Raises ValueError where it is no whole number, perhaps in quotes."""
    if value is None:
        return
    is_whole = not isinstance(value, bool | float) and _WHOLE.fullmatch(str(value))
    if not is_whole or not -LARGEST <= int(str(value)) <= LARGEST:
        raise ValueError


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise ValueError
    return value
