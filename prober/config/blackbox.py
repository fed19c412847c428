"""Read the modules of a blackbox.yml, and report all that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prober.config import disclosure, foreign, source
from prober.config.checking import check, unknown
from prober.config.foreign_compiling import compile_
from prober.config.foreign_tree import Dns, Foreign, HeaderMatch, Http, ModuleEntry, OAuth2
from prober.config.nodes import Loc, Mapping, Node, at, is_null, problem, subject
from prober.config.ondemand import Blackbox
from prober.errors import Problem
from prober.module import Allowed, Module, OnDemand, Unusable

REMEDY = "write 'modules:' and modules below it"

# Of these keys, by the mapping that they stand in, one at most may be set.
ONE_OF: dict[str, tuple[str, ...]] = {
    "http": ("basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file"),
    "basic_auth": ("password", "password_file"),
    "authorization": ("credentials", "credentials_file"),
    "oauth2": ("client_secret", "client_secret_file"),
}

Fault = tuple[Loc, str]
"""What is wrong, and where below its module."""


def read(settings: Blackbox, problems: list[Problem]) -> OnDemand:
    """What `settings` and their file say. It is of use only if nothing was put in `problems`.

    Files of passwords and tokens are read now, too.
    """
    entries = _entries(source.read(settings.config_file, problems, REMEDY), problems)
    return OnDemand(
        {name: _module(name, node, problems) for name, node in entries.items()},
        {name: disclosure.shown(node) for name, node in entries.items()},
        Allowed(settings.allow.hosts, tuple(map(str, settings.allow.networks))),
        settings.timeout_offset,
    )


def _entries(root: Mapping | None, problems: list[Problem]) -> dict[str, Node]:
    if root is None:
        return {}
    for key, node in root.entries.items():
        if key != "modules":
            problems.append(problem(node, (key,), unknown(key, ["modules"])))
    modules = root.entries.get("modules")
    if isinstance(modules, Mapping):
        return modules.entries
    if modules is not None and not is_null(modules):
        message = f"{subject(modules)} is not a mapping; {REMEDY}"
        problems.append(problem(modules, ("modules",), message))
    return {}


def _module(name: str, node: Node, problems: list[Problem]) -> Module | Unusable:
    loc = ("modules", name)
    node = Mapping(node.place, {}) if is_null(node) else node
    before = len(problems)
    entry = ModuleEntry.model_construct(**check(ModuleEntry, node, loc, problems))
    if len(problems) == before:
        faults = (*_http_faults(entry.http), *_dns_faults(entry.dns))
        problems += [problem(at(node, there), (*loc, *there), said) for there, said in faults]
    if len(problems) == before:
        return compile_(name, entry)
    return Unusable("")


def _http_faults(http: Http) -> Iterator[Fault]:
    yield from _clashes(("http",), http)
    for key in ("basic_auth", "authorization", "oauth2"):
        section = getattr(http, key)
        if section is not None:
            yield from _clashes(("http", key), section)
    if http.authorization and http.authorization.type.strip().lower() == "basic":
        yield ("http", "authorization", "type"), "'basic' is not for here; use basic_auth instead"
    if http.proxy_connect_header and not http.proxy_url:
        yield ("http", "proxy_connect_header"), "is set without a proxy; set proxy_url as well"
    if http.oauth2:
        yield from _oauth2_faults(http.oauth2)
    for key in ("fail_if_header_matches", "fail_if_header_not_matches"):
        yield from _match_faults(("http", key), getattr(http, key))
    yield from _encoding_faults(http)


def _clashes(loc: Loc, section: Foreign) -> Iterator[Fault]:
    keys = ONE_OF[str(loc[-1])]
    found = [key for key in keys if getattr(section, key)]
    if len(found) > 1:
        yield (*loc, found[1]), f"at most one of {', '.join(keys)} may be set; remove the others"


def _oauth2_faults(oauth2: OAuth2) -> Iterator[Fault]:
    loc = ("http", "oauth2")
    if not oauth2.client_id:
        yield (*loc, "client_id"), "the client_id is missing; write one"
    if not (oauth2.client_secret or oauth2.client_secret_file):
        yield (*loc, "client_secret"), "the client_secret is missing; write it or its file"
    if not oauth2.token_url:
        yield (*loc, "token_url"), "the token_url is missing; write one"


def _match_faults(loc: Loc, matches: Sequence[HeaderMatch]) -> Iterator[Fault]:
    for index, match in enumerate(matches):
        if not match.header:
            yield (*loc, index, "header"), "the header is missing; write its name"
        if not match.regexp:
            yield (*loc, index, "regexp"), "the regexp is missing; write one"


def _encoding_faults(http: Http) -> Iterator[Fault]:
    if not http.compression:
        return
    for name, value in http.headers.items():
        asks = name.lower() == "accept-encoding" and value
        if asks and not foreign.accepts(value, http.compression):
            wanted = f"the compression {http.compression!r}"
            yield ("http", "headers", name), f"does not ask for {wanted}; make them agree"


def _dns_faults(dns: Dns | None) -> Iterator[Fault]:
    if dns is not None and not dns.query_name:
        yield ("dns", "query_name"), "the query name must be set for a DNS module; write one"
