"""Further paths of prober's own routes, as the configuration gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute


def router(aliases: Mapping[str, str], routers: Iterable[APIRouter]) -> APIRouter:
    """A router that answers each path of `aliases` as its route among `routers` does."""
    routes = [route for router in routers for route in router.routes]
    made = APIRouter()
    for path, target in aliases.items():
        for route in routes:
            if isinstance(route, APIRoute) and route.path == target:
                _add(made, path, route)
            if isinstance(route, APIWebSocketRoute) and route.path == target:
                made.add_api_websocket_route(path, route.endpoint, dependencies=route.dependencies)
    return made


def _add(made: APIRouter, path: str, route: APIRoute) -> None:
    made.add_api_route(
        path,
        route.endpoint,
        methods=route.methods,
        response_model=route.response_model,
        status_code=route.status_code,
        tags=route.tags,
        dependencies=route.dependencies,
        summary=route.summary,
        description=f"{route.description}\n\nAlso at {route.path}.",
        responses=route.responses,
        include_in_schema=route.include_in_schema,
        response_class=route.response_class,
        openapi_extra=route.openapi_extra,
    )
