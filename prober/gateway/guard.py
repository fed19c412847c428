"""Who may do what: tokens with scopes, and the dependency by which a route asks for one.

    @router.post("/events/ingest", dependencies=[needs(Scope.INGEST)], responses=REFUSALS)

Programs send a token in the configured header, or as `Authorization: Bearer`. A browser can't set
headers for a WebSocket: it offers the subprotocols "prober" and "prober.token." followed by the
token in base64url without padding, which no log of requests shows as a url's query would be. The
route accepts with `subprotocol(websocket)`.
"""

from __future__ import annotations

import binascii
import math
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from typing import NamedTuple

from fastapi import Depends, HTTPException
from fastapi.params import Depends as Dependency
from starlette.requests import HTTPConnection

from prober.gateway.attempts import Attempts
from prober.gateway.described import Answers, fault
from prober.gateway.layers import field
from prober.telemetry import Refused, Telemetry

SUBPROTOCOL = "prober"
TOKEN_PREFIX = "prober.token."

MISSING = "auth_required"
FORBIDDEN = "forbidden"
CLOSED = "closed: no token is configured; add one to gateway.auth.tokens"
BLOCKED = "too many wrong tokens"
FOREIGN = "forbidden: this origin is not one of gateway.cors.origins"


class Scope(StrEnum):
    """What a token is good for."""

    READ = "read"
    INGEST = "ingest"
    OPERATE = "operate"
    ADMIN = "admin"


GRANTS: dict[Scope, frozenset[Scope]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.INGEST: frozenset({Scope.INGEST}),
    Scope.OPERATE: frozenset({Scope.OPERATE, Scope.READ}),
    Scope.ADMIN: frozenset(Scope),
}
"""All that each scope allows: who operates has to read; who only sends events has not."""


class Key(NamedTuple):
    """A token as the guard knows it: by its SHA-256."""

    name: str
    digest: bytes
    scopes: frozenset[Scope]

    def allows(self, scope: Scope) -> bool:
        """Whether one of the key's scopes grants `scope`."""
        return any(scope in GRANTS[own] for own in self.scopes)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the guard goes by. Without keys, only reading can be open."""

    header: str = "X-Prober-Token"
    reading_is_open: bool = True
    keys: tuple[Key, ...] = ()
    origins: frozenset[str] = frozenset()
    open_paths: frozenset[str] = frozenset()

    def is_open(self, scope: Scope, path: str) -> bool:
        """Whether what needs `scope` is open to all at `path`."""
        return scope is Scope.READ and (self.reading_is_open or path in self.open_paths)


class Guard:
    """Lets requests pass or raises HTTPException; a reload replaces what it goes by."""

    def __init__(
        self,
        policy: Policy | None = None,
        attempts: Attempts | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self.attempts = attempts or Attempts()
        self._telemetry = telemetry or Telemetry()

    def require(self, scope: Scope, connection: HTTPConnection) -> None:
        """Return where the connection may do what needs `scope`.

        Raises HTTPException: 401 without a token, 403 with one that is wrong or lacks the scope,
        429 with any after too many wrong ones.
        """
        if connection.scope["type"] == "websocket":
            self._require_origin(connection.headers)
        if self.policy.is_open(scope, connection.scope["path"]):
            return
        if not self.policy.keys:
            raise self._refusal("no_token_configured", HTTPStatus.FORBIDDEN, CLOSED)
        token = self._token(connection)
        if not token:
            raise self._refusal("auth_required", HTTPStatus.UNAUTHORIZED, MISSING)
        if not self._holder(token, connection).allows(scope):
            raise self._refusal("forbidden", HTTPStatus.FORBIDDEN, FORBIDDEN)

    def _holder(self, token: str, connection: HTTPConnection) -> Key:
        address = connection.client.host if connection.client else ""
        route = connection.scope["path"]
        if wait_s := self.attempts.limit.wait_s(address):
            self.attempts.seen(address, route)
            refusal = self._refusal("too_many_wrong_tokens", HTTPStatus.TOO_MANY_REQUESTS, BLOCKED)
            refusal.headers = {"Retry-After": str(math.ceil(wait_s))}
            raise refusal
        key = self.find(token)
        if key is None:
            self.attempts.failed(address, route)
            raise self._refusal("forbidden", HTTPStatus.FORBIDDEN, FORBIDDEN)
        return key

    def find(self, token: str) -> Key | None:
        """The key of this token, in a time that tells nothing: each key is compared, always."""
        digest = sha256(token.encode()).digest()
        found = None
        for key in self.policy.keys:
            if compare_digest(digest, key.digest):
                found = key
        return found

    def _token(self, connection: HTTPConnection) -> str:
        # As it was sent, since nearly all send it so: the mapping takes longer than all else here.
        if token := field(connection.scope, self.policy.header.lower().encode()):
            return token.decode("latin-1")
        headers = connection.headers
        kind, _, credentials = headers.get("authorization", "").partition(" ")
        return credentials.strip() if kind.lower() == "bearer" else _offered_token(headers)

    def _require_origin(self, headers: Mapping[str, str]) -> None:
        # Browsers open WebSockets across origins without asking, so CORS doesn't guard them.
        origin = headers.get("origin")
        own = origin is None or origin.partition("://")[2] == headers.get("host")
        if not own and origin not in self.policy.origins:
            raise self._refusal("foreign_origin", HTTPStatus.FORBIDDEN, FOREIGN)

    def _refusal(self, reason: Refused, status: HTTPStatus, message: str) -> HTTPException:
        self._telemetry.refused(reason)
        return HTTPException(status, message)


@dataclass(frozen=True, slots=True)
class Needs:
    """Lets a connection pass that may do what needs `scope`."""

    scope: Scope

    async def __call__(self, connection: HTTPConnection) -> None:
        guard: Guard = connection.app.state.context.admission.guard
        guard.require(self.scope, connection)


def needs(scope: Scope) -> Dependency:
    """The dependency of a route, HTTP or WebSocket, that needs `scope`."""

    dependency: Dependency = Depends(Needs(scope))
    return dependency


def subprotocol(connection: HTTPConnection) -> str | None:
    """What to accept a WebSocket with: a browser hangs up where none that it offered is chosen."""
    return SUBPROTOCOL if SUBPROTOCOL in _offers(connection.headers) else None


def _offers(headers: Mapping[str, str]) -> list[str]:
    return [offer.strip() for offer in headers.get("sec-websocket-protocol", "").split(",")]


def _offered_token(headers: Mapping[str, str]) -> str:
    for offer in _offers(headers):
        if offer.startswith(TOKEN_PREFIX):
            return _decoded(offer.removeprefix(TOKEN_PREFIX))
    return ""


def _decoded(text: str) -> str:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return text  # no token is like this: refused as any wrong one


REFUSALS: Answers = fault(401, MISSING, description="No token was sent") | fault(
    403, FORBIDDEN, CLOSED, description="The token is wrong, or not good for this"
)
"""What a guarded route may answer besides its own, for its OpenAPI description."""
