"""Compile the merged tree of nodes into a Config, or report all that is wrong with it."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import TypeVar

from prober.config import blackbox, fleet, maintenance, routing
from prober.config.checking import check
from prober.config.fleet import Entry, Fleet
from prober.config.nodes import Listing, Mapping, Node, is_null, problem, subject
from prober.config.ondemand import Blackbox
from prober.config.part import Part
from prober.config.tree import (
    Config,
    Document,
    Gateway,
    ServiceEntry,
    Settings,
    Store,
    Values,
)
from prober.errors import Problem
from prober.expectation import Expectation
from prober.model import Service
from prober.wire import OAuth2, TlsOptions, Wire

PARTS: dict[str, type[Part]] = {"defaults": Settings, "store": Store, "gateway": Gateway}
LISTED = "services"

Shared = TypeVar("Shared", Expectation, Wire, frozenset[int])


def compile_(root: Mapping, files: tuple[Path, ...], problems: list[Problem]) -> Config:
    """The configuration that `root` says. It is of use only if nothing was put in `problems`."""
    rest = {k: v for k, v in root.entries.items() if k not in PARTS and k != LISTED}
    top = check(Document, Mapping(root.place, rest), (), problems)
    found = {key: _part(root, key, problems) for key in PARTS}
    watched = Fleet(found["defaults"], entries(root, problems))
    problems += fleet.check(watched)
    names = {entry.name for entry in watched.entries if entry.name is not None}
    problems += routing.check(found["gateway"], names)
    settings: Blackbox | None = top.get("blackbox")
    on_demand = blackbox.read(settings, problems) if settings else None
    if problems:
        return Config()
    services = tuple(map(service, watched.settled))
    windows = maintenance.written(root, top.get("maintenance", ()))
    problems += maintenance.check(windows, services)
    if problems:
        return Config()
    return Config(
        services=services,
        store=Store.model_construct(**dict(Store()) | found["store"].values),
        gateway=Gateway.model_construct(**dict(Gateway()) | found["gateway"].values),
        workers=top.get("workers", 1),
        blackbox=on_demand,
        maintenance=tuple(maintenance.compile_(window.values, services) for window in windows),
        files=files,
    )


def _part(root: Mapping, key: str, problems: list[Problem]) -> Entry:
    node = root.entries.get(key)
    if node is None or is_null(node):
        node = Mapping(root.place, {})
    return Entry((key,), node, check(PARTS[key], node, (key,), problems))


def entries(root: Mapping, problems: list[Problem]) -> tuple[Entry, ...]:
    """The services as they are written, each with its values that are right."""
    listed = root.entries.get(LISTED)
    if listed is None or is_null(listed) or listed == Listing(listed.place, ()):
        problems.append(problem(listed or root, (LISTED,), "there are none; list at least one"))
        return ()
    if not isinstance(listed, Listing):
        remedy = "begin each service with '- name: …'"
        problems.append(problem(listed, (LISTED,), f"{subject(listed)} is not a list; {remedy}"))
        return ()
    return tuple(_entry(i, node, problems) for i, node in enumerate(listed.items))


def _entry(index: int, node: Node, problems: list[Problem]) -> Entry:
    loc = (LISTED, index)
    return Entry(loc, node, check(ServiceEntry, node, loc, problems))


def service(values: Values) -> Service:
    """The kernel's value of a service whose settings are complete and right."""
    slow_over_s: float | None = values["slow_over"]
    body: str | None = values["body"]
    return Service(
        name=values["name"],
        url=intern(values["url"].url),
        host=intern(values["url"].host),
        port=values["url"].port,
        endpoints=values["endpoints"],
        interval_s=values["interval"],
        timeout_s=values["timeout"],
        method=values["method"],
        headers=tuple((values["headers"] | _authorization(values)).items()),
        body=None if body is None else body.encode(),
        expected=_shared(frozenset().union(*values["expected_status"])),
        follow_redirects=values["follow_redirects"],
        keep_alive=values["keep_alive"],
        body_limit=values["body_limit"],
        oauth2=OAuth2(**dict(values["oauth2"])) if values["oauth2"] else None,
        wire=_shared(_wire(values)),
        expects=_shared(_expectation(values)),
        slow_over_ms=None if slow_over_s is None else slow_over_s * 1000,
        critical=values["critical"],
        depends_on=values.get("depends_on", ()),
        group=values["group"],
        tags=values["tags"],
        enabled=values["enabled"],
        was=values.get("was"),
    )


@lru_cache(maxsize=1024)
def _shared(value: Shared) -> Shared:
    """The first of equal values: the services of a large fleet say much the same."""
    return value


def _authorization(values: Values) -> dict[str, str]:
    if values["bearer_token"]:
        return {"Authorization": f"Bearer {values['bearer_token']}"}
    if values["basic_auth"]:
        pair = f"{values['basic_auth'].username}:{values['basic_auth'].password}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


def _expectation(values: Values) -> Expectation:
    body, headers = values["expected_body"], values["expected_headers"]
    return Expectation(
        values["expected_version"],
        body.matches if body else (),
        body.not_matches if body else (),
        tuple(headers.matches.items()) if headers else (),
        tuple(headers.not_matches.items()) if headers else (),
        values["expected_json"],
    )


def _wire(values: Values) -> Wire:
    same = {key: values[key] for key in Wire._fields if key != "tls"}
    tls = TlsOptions(**dict(values["tls"])) if values["tls"] else TlsOptions()
    return Wire(**same, tls=tls)
