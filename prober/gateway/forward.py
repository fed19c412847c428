"""Routes of the configuration that services answer, each behind its service's breaker."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from prober.config.paths import fill, parameters
from prober.config.tree import Forward
from prober.gateway import answers, passing, relay
from prober.gateway.context import Context, Given
from prober.gateway.described import Answers, fault
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.gateway.relay import Errand, Relay
from prober.model import Service
from prober.upstream import Asked

# A name of this process, by which a request that came round in a circle is known.
PSEUDONYM = f"prober-{secrets.token_hex(4)}"


ABOUT = "What is asked here is passed on to {}, and so is its answer, streaming both ways."
# A service may answer with any code and any content of its own.
PASSED = {"description": "What the service answered, as it came", "content": {"*/*": {}}}
FAILURES: Answers = (
    {"default": PASSED}
    | fault(400, "the path leads upwards", description="The request can't be passed on")
    | fault(508, "this route leads back to itself")
)


def router(forwards: Iterable[Forward]) -> APIRouter:
    """A router with these routes; each needs a token that may operate."""
    routes = APIRouter(tags=["forwarded"], dependencies=[needs(Scope.OPERATE)])
    for forward in forwards:
        for method in forward.method:
            routes.add_api_route(
                forward.path,
                _endpoint(forward),
                methods=[method],
                name=f"{forward.service} {method} {forward.path}",
                summary=f"{method} {forward.to} of {forward.service}",
                description=ABOUT.format(forward.service),
                response_class=Response,
                responses=_answers(forward.service),
                openapi_extra={"parameters": [*map(_parameter, sorted(parameters(forward.path)))]},
            )
    return routes


def _answers(service: str) -> Answers:
    example = {"content": {"*/*": {"example": f"what {service} answered"}}}
    return {200: PASSED | example} | REFUSALS | FAILURES | relay.failures(service)


def _parameter(name: str) -> dict[str, Any]:
    description = "Passed on in the service's own path"
    schema = {"type": "string"}
    return {"name": name, "in": "path", "required": True} | {
        "description": description,
        "schema": schema,
    }


def _endpoint(forward: Forward) -> Callable[..., Awaitable[Response]]:
    async def forwarded(request: Request, context: Given) -> Response:
        member = context.state.member(forward.service)
        if member is None:
            message = f"{forward.service} is not a service any more"
            return answers.error(message, HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            return _relay(forward, member.service, request, context)
        except passing.Unfit as unfit:
            return answers.error(str(unfit), HTTPStatus.BAD_REQUEST)
        except relay.CallerFault as fault:
            return answers.error(str(fault), fault.status)

    return forwarded


def _relay(forward: Forward, service: Service, request: Request, context: Context) -> Response:
    has_body, length = passing.framing(request.headers.raw)
    if length is not None and length > forward.body_limit:
        raise relay.too_large(forward.body_limit)
    if PSEUDONYM in request.headers.get("via", ""):
        return answers.error("this route leads back to itself", HTTPStatus.LOOP_DETECTED)
    asked = Asked(
        request.method,
        _target(forward, request),
        _headers(forward, service, request, context),
        None,
        forward.timeout,
    )
    call = context.outward.breakers.admit(service.name)
    if call is None:
        return relay.circuit_open(service.name)
    upstreams = context.outward.upstreams
    return Relay(Errand(service, asked, has_body, forward.body_limit, call, upstreams))


def _target(forward: Forward, request: Request) -> bytes:
    # The path was routed as it was sent (see `layers.SentPath`), so parameters are still quoted.
    values = {name: passing.check_part(value) for name, value in request.path_params.items()}
    return passing.check_target(fill(forward.to, values), request.scope["query_string"])


def _headers(
    forward: Forward, service: Service, request: Request, context: Context
) -> list[passing.Header]:
    came_by = request.headers.get("via")
    via = f"{request.scope['http_version']} {PSEUDONYM}"
    added = {
        "via": f"{came_by}, {via}" if came_by else via,
        "x-forwarded-host": request.headers.get("host", ""),
        "x-forwarded-proto": request.url.scheme,
        **({"x-forwarded-for": request.client.host} if request.client else {}),
        **dict(service.headers),
    }
    hidden = frozenset[bytes]() if forward.pass_token else _secrets(request, context)
    return passing.request_headers(request.headers.raw, hidden, added)


def _secrets(request: Request, context: Context) -> frozenset[bytes]:
    """The headers in which a token of prober's own came."""
    guard = context.admission.guard
    hidden = {guard.policy.header.lower().encode()}
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and guard.find(credentials.strip()):
        hidden.add(b"authorization")
    return frozenset(hidden)
