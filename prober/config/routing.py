"""What must hold between the gateway's routes and the services that some of them lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from difflib import get_close_matches

from prober.config.fleet import Entry
from prober.config.nodes import Loc, at, problem, subject
from prober.config.paths import parameters, shape
from prober.config.tree import Chat, Forward
from prober.errors import Problem

BUILT_IN = (
    "/",
    "/health",
    "/ready",
    "/metrics",
    "/probe",
    "/api/v1/openapi.json",
    "/api/v1/services",
    "/api/v1/services/{name:path}",
    "/api/v1/services/{name:path}/results",
    "/api/v1/services/{name:path}/uptime",
    "/api/v1/services/{name:path}/incidents",
    "/api/v1/days",
    "/api/v1/sla",
    "/api/v1/status",
    "/api/v1/overview",
    "/api/v1/breakers",
    "/api/v1/snapshot",
    "/api/v1/chat",
    "/api/v1/sessions/{session_id}",
    "/api/v1/events",
    "/api/v1/events/cardinality",
    "/api/v1/events/correlations",
    "/api/v1/ws",
)
"""The paths of the routes that prober has of its own, which aliases may lead to."""

SHAPES = frozenset(map(shape, BUILT_IN))


def check(gateway: Entry, services: Set[str]) -> Iterator[Problem]:
    """All that does not hold; `services` are the names of those that are configured."""
    yield from _aliases(gateway)
    yield from _forwards(gateway, services)
    chat: Chat | None = gateway.values.get("chat")
    if chat is not None:
        yield from _stranger(gateway, ("chat", "service"), chat.service, services)


def _aliases(gateway: Entry) -> Iterator[Problem]:
    aliases: Mapping[str, str] = gateway.values.get("aliases", {})
    taken = dict.fromkeys(SHAPES, "prober's own")
    for path, target in aliases.items():
        loc = ("aliases", path)
        if target not in BUILT_IN:
            close = get_close_matches(target, BUILT_IN, n=1, cutoff=0.4)
            remedy = f"did you mean {close[0]!r}?" if close else f"write {BUILT_IN[1]}"
            yield _problem(gateway, loc, f"{target!r} is no route of prober; {remedy}")
        elif parameters(path) != parameters(target):
            names = ", ".join(sorted(parameters(target))) or "none"
            yield _problem(gateway, loc, f"{path!r} must have the parameters of its route: {names}")
        if shape(path) in taken:
            message = f"{path!r} is already the path of {taken[shape(path)]}; choose another"
            yield _problem(gateway, loc, message)
        taken[shape(path)] = f"the alias {path!r}"


def _forwards(gateway: Entry, services: Set[str]) -> Iterator[Problem]:
    taken = SHAPES | {shape(path) for path in gateway.values.get("aliases", {})}
    seen: set[tuple[str, str]] = set()
    forwards: tuple[Forward, ...] = gateway.values.get("forward", ())
    for i, forward in enumerate(forwards):
        yield from _stranger(gateway, ("forward", i, "service"), forward.service, services)
        own = {(method, shape(forward.path)) for method in forward.method}
        if shape(forward.path) in taken or own & seen:
            message = f"{forward.path!r} is already the path of another route; choose another"
            yield _problem(gateway, ("forward", i, "path"), message)
        seen |= own
        for name in sorted(parameters(forward.to) - parameters(forward.path)):
            message = f"{{{name}}} is no parameter of {forward.path!r}; add it there"
            yield _problem(gateway, ("forward", i, "to"), message)


def _stranger(gateway: Entry, loc: Loc, name: str, services: Set[str]) -> Iterator[Problem]:
    if name not in services:
        close = get_close_matches(name, services, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else "write the name of one"
        named = subject(at(gateway.node, loc))
        yield _problem(gateway, loc, f"{named} is no service; {remedy}")


def _problem(gateway: Entry, loc: Loc, message: str) -> Problem:
    return problem(at(gateway.node, loc), (*gateway.loc, *loc), message)
