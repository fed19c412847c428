"""ASGI layers that the configuration decides: proxies, rates, CORS and the size of bodies."""

from __future__ import annotations

import math
from http import HTTPStatus

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from prober.config.tree import Gateway
from prober.gateway.admission import Admission
from prober.gateway.answers import error
from prober.gateway.bodies import LimitBodies

METHODS = ("GET", "HEAD", "POST")
KEPT_S = 600  # how long a browser may keep what it was allowed
TOO_MANY = "too many requests"


class Admit:
    """The layers below, built anew when the settings have changed."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._inner = app
        self._admission = admission
        self._built_of: Gateway | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._built_of is not self._admission.settings:
            self._app = self._build()
            self._built_of = self._admission.settings
        await self._app(scope, receive, send)

    def _build(self) -> ASGIApp:
        settings = self._admission.settings
        bodies = self._admission.body_limits()
        app: ASGIApp = LimitBodies(self._inner, settings.limits, self._admission.telemetry, bodies)
        if settings.cors.origins:
            app = CORSMiddleware(
                app,
                allow_origins=settings.cors.origins,
                allow_methods=METHODS,
                allow_headers=(settings.auth.header, "Authorization", "Content-Type"),
                expose_headers=("Retry-After",),
                max_age=KEPT_S,
            )
        if settings.limits.requests is not None:
            app = LimitRequests(app, self._admission)
        if settings.trusted_proxies:
            trusted = list(map(str, settings.trusted_proxies))
            app = ProxyHeadersMiddleware(app, trusted)  # type: ignore[arg-type, assignment]  # ASGI
        return app


class LimitRequests:
    """Answers 429 to an address that asks more often than it may."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        wait_s = self._admission.requests.take(client[0] if client else "")
        if wait_s:
            self._admission.telemetry.refused("too_many_requests")
            headers = {"Retry-After": str(math.ceil(wait_s))}
            answer = error(TOO_MANY, HTTPStatus.TOO_MANY_REQUESTS, headers)
            return await answer(scope, receive, send)
        await self._app(scope, receive, send)
