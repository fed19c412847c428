"""Get OAuth2 tokens by client credentials (RFC 6749, 4.4), and keep them while they hold."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import httpx

from prober.probes.eager import in_task
from prober.probes.engine import Engine
from prober.probes.transport import CurlTransport
from prober.wire import OAuth2, Wire

EARLY_S = 30.0  # so long before its end a token is replaced, or after half its life
UNSAID_S = 300.0  # a server need not say how long a token lasts
FORMS = frozenset({"application/x-www-form-urlencoded", "text/plain"})
TYPES = {"bearer": "Bearer", "mac": "MAC", "basic": "Basic"}


class NoToken(Exception):
    """A token could not be had; the message says why."""


class Tokens:
    """The tokens of one event loop, by what they were asked with."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[OAuth2, tuple[str, float]] = {}
        self._locks: dict[OAuth2, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def token(self, grant: OAuth2, wire: Wire, timeout_s: float) -> str:
        """A token that holds, new or kept, behind its type: what a header Authorization says.

        Raises `NoToken`, after `timeout_s` at the latest.
        """
        await in_task()
        try:
            async with asyncio.timeout(timeout_s), self._locks[grant]:
                token, until_s = self._kept.get(grant, ("", 0.0))
                if time.monotonic() < until_s:
                    return token
                token, lasts_s = await self._ask(grant, wire, timeout_s)
        except TimeoutError:
            raise NoToken("no answer in time") from None
        self._kept[grant] = token, time.monotonic() + lasts_s - min(EARLY_S, lasts_s / 2)
        return token

    def forget(self, grant: OAuth2, token: str) -> None:
        """Ask for a new one next time, since this one was refused."""
        if self._kept.get(grant, ("", 0.0))[0] == token:
            del self._kept[grant]

    async def _ask(self, grant: OAuth2, wire: Wire, timeout_s: float) -> tuple[str, float]:
        form = {"grant_type": "client_credentials"}
        form |= {"scope": " ".join(grant.scopes)} if grant.scopes else {}
        form |= dict(grant.params)
        own = wire._replace(unix_socket=None, tls=wire.tls._replace(server_name=None))
        transport = CurlTransport(self._engine, own, keep_alive=False)
        credentials = quote_plus(grant.client_id), quote_plus(grant.client_secret)
        named = form | {"client_id": grant.client_id, "client_secret": grant.client_secret}
        async with httpx.AsyncClient(
            transport=transport, timeout=timeout_s, follow_redirects=True
        ) as client:
            try:
                answer = await client.post(grant.token_url, data=form, auth=credentials)
                if not answer.is_success:  # then it may want to be told in the body who asks
                    answer = await client.post(grant.token_url, data=named)
            except httpx.RequestError as error:
                raise NoToken(str(error)) from None
        return _read(answer)


def _read(answer: httpx.Response) -> tuple[str, float]:
    try:
        said = _said(answer)
        token, kind = said["access_token"], said.get("token_type") or "Bearer"
        value = f"{TYPES.get(kind.lower(), kind)} {token}"
        lasts_s = float(said.get("expires_in") or UNSAID_S)
    except (ValueError, TypeError, LookupError, AttributeError):
        raise NoToken(f"answered {answer.status_code} without a token") from None
    fits = isinstance(token, str) and token and value.isascii() and value.isprintable()
    if not answer.is_success or not fits:
        raise NoToken(f"answered {answer.status_code} without a token")
    return value, lasts_s


def _said(answer: httpx.Response) -> Any:
    if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() in FORMS:
        return dict(parse_qsl(answer.text))
    return answer.json()
