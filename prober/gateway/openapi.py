"""The OpenAPI document: what FastAPI knows of the routes, and who may use them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute

from prober.gateway.answers import Json
from prober.gateway.guard import Needs, Policy, Scope

PATH = "/api/v1/openapi.json"
INVENTED = ("HTTPValidationError", "ValidationError")  # shapes that nothing here has
SCHEMES = ("token", "bearer")
ABOUT = """\
Every error is `{"error": …, "status_code": …}`, save where a route says otherwise: 404 for an \
unknown route and 405 for a method that a route doesn't have, too.

`GET /api/v1/ws` opens a WebSocket, which tells what happens; it stands in no OpenAPI document.
"""

router = APIRouter(tags=["health"])


@router.get(PATH, responses={200: {"content": {"application/json": {"example": {}}}}})
async def document(request: Request) -> Json:
    """This document."""
    return Json(request.app.openapi())


class Described(FastAPI):
    """An application whose document tells what each operation needs a token for.

    The document is made anew where what the guard goes by has changed.
    """

    def describe(self, routers: Iterable[APIRouter]) -> None:
        """Take in the routers that are told of, which FastAPI itself no longer tells apart."""
        self._told = {
            (route.path_format, method.lower()): route
            for routes in routers
            for route in routes.routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }
        self._policy: Policy | None = None

    def openapi(self) -> dict[str, Any]:
        """The document."""
        policy: Policy = self.state.context.admission.guard.policy
        if self.openapi_schema is None or self._policy is not policy:
            self.openapi_schema = None
            self._complete(super().openapi(), policy)
            self._policy = policy
        return super().openapi()

    def _complete(self, document: dict[str, Any], policy: Policy) -> None:
        components = document["components"]
        components["securitySchemes"] = schemes(policy)
        for name in INVENTED:
            components["schemas"].pop(name, None)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                route = self._told[path, method]
                operation["security"] = security(scope(route), path, policy)
                _restore_examples(operation["responses"], route)
                _drop_invented(operation["responses"])
                if method == "head":
                    _drop_bodies(operation["responses"])


def scope(route: APIRoute) -> Scope | None:
    """What a route needs a token for; None where it is open to all."""
    needed = (d.dependency for d in route.dependencies)
    return next((need.scope for need in needed if isinstance(need, Needs)), None)


def schemes(policy: Policy) -> dict[str, Any]:
    """The two ways in which a token may come."""
    return {
        "token": {"type": "apiKey", "in": "header", "name": policy.header},
        "bearer": {"type": "http", "scheme": "bearer"},
    }


def security(scope: Scope | None, path: str, policy: Policy) -> list[dict[str, list[str]]]:
    """What a request must carry: nothing, or a token in one of the ways."""
    if scope is None or policy.is_open(scope, path):
        return []
    return [{scheme: []} for scheme in SCHEMES]


def _restore_examples(responses: dict[str, Any], route: APIRoute) -> None:
    """Write examples as they are: FastAPI leaves out all that is null."""
    for code, answer in route.responses.items():
        for kind, content in answer.get("content", {}).items():
            shown = {key: content[key] for key in ("example", "examples") if key in content}
            responses[str(code)]["content"][kind].update(shown)


def _drop_invented(responses: dict[str, Any]) -> None:
    """Drop the 422 that FastAPI writes wherever there are parameters, in a shape of its own."""
    if INVENTED[0] in str(responses.get("422")):
        del responses["422"]


def _drop_bodies(responses: dict[str, Any]) -> None:
    for answer in responses.values():
        answer.pop("content", None)
