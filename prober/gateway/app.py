"""The gateway's application: the routers, and what surrounds them."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from prober import __version__
from prober.gateway import ROUTERS, aliases, events, forward, openapi
from prober.gateway.answers import handle_errors
from prober.gateway.context import Context
from prober.gateway.described import EVERYWHERE
from prober.gateway.layers import SafeHeaders, SentPath
from prober.gateway.limiting import Admit
from prober.gateway.openapi import Described

GZIP_FROM_BYTES = 4096


def build(context: Context) -> ASGIApp:
    """The application over `context`, in its layers; it starts and stops nothing."""
    # Around FastAPI, not inside it: what a layer answers by itself passes nothing of Starlette's.
    shortened = events.Shortcut(_routed(context), context)
    return SentPath(SafeHeaders(Admit(shortened, context.admission)))


def _routed(context: Context) -> FastAPI:
    app = Described(
        title=context.title,
        version=__version__,
        # FastAPI's documentation pages load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # Else each request looks anew for somebody to trace it for.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        description=openapi.ABOUT,
        responses=EVERYWHERE,
        redirect_slashes=False,
    )
    app.state.context = context
    settings = context.settings
    routers = [*ROUTERS.values(), openapi.router]
    # Forwarded ones come last, so that no parameter of theirs takes what is prober's own.
    routers += [aliases.router(settings.aliases, routers), forward.router(settings.forward)]
    for router in routers:
        app.include_router(router)
    app.describe(routers)
    handle_errors(app)
    # Level 1: text this repetitive shrinks tenfold at it, and higher ones cost much more time.
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=1)
    return app
