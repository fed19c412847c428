"""The gateway's aliases, forwarded routes and chat in a configuration."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prober.config import paths
from prober.config.tree import Config
from prober.errors import Problem

Load = Callable[..., Config]
Faults = Callable[..., list[Problem]]

SERVICE = "services: [{name: hermes, url: 'http://a:80'}]\n"


def gateway(*lines: str) -> str:
    return SERVICE + "gateway:\n" + "".join(f"  {line}\n" for line in lines)


def test_aliases_and_routes_are_read(loaded: Load) -> None:
    text = gateway(
        'aliases: {"/talk/{session_id}": "/api/v1/sessions/{session_id}"}',
        "forward: [{path: '/r/{name}', service: hermes, to: '/reports/{name}?full=1'}]",
        "breaker: {failures: 2, reset: 5s, probes: true}",
        "chat: {service: hermes, to: /chat}",
    )

    found = loaded(text).gateway

    assert found.aliases == {"/talk/{session_id}": "/api/v1/sessions/{session_id}"}
    assert (found.forward[0].method, found.forward[0].body_limit) == (("GET",), 1024**2)
    assert (found.breaker.failures, found.breaker.reset, found.breaker.probes) == (2, 5.0, True)
    assert found.chat is not None and found.chat.timeout == 30.0
    assert (found.chat.messages, found.chat.sessions, found.chat.ttl) == (50, 100, 3600.0)


def test_one_route_may_stand_without_a_list(loaded: Load) -> None:
    text = gateway("forward: {path: /r, service: hermes, to: /r, method: [GET, post]}")

    assert loaded(text).gateway.forward[0].method == ("GET", "POST")


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ("aliases: {/x: /api/v1/statu}", "gateway.aliases./x", "did you mean '/api/v1/status'?"),
        ("aliases: {/health: /api/v1/status}", "gateway.aliases./health", "prober's own"),
        (
            'aliases: {"/s/{id}": "/api/v1/sessions/{session_id}"}',
            "gateway.aliases./s/{id}",
            "must have the parameters of its route: session_id",
        ),
        ("aliases: {x: /health}", "gateway.aliases.x", "does not begin with a slash"),
        ("chat: {service: hermez, to: /c}", "gateway.chat.service", "did you mean 'hermes'?"),
        ("chat: {to: /c}", "gateway.chat.service", "is missing"),
        ("breaker: {failures: 0}", "gateway.breaker.failures", "write 1 or more"),
        ("breaker: {failure: 1}", "gateway.breaker.failure", "did you mean 'failures'?"),
    ],
)
def test_what_leads_nowhere_is_a_problem(faults: Faults, line: str, place: str, said: str) -> None:
    (problem,) = faults(gateway(line))

    assert (problem.path, problem.line) == (place, 3)
    assert said in problem.message


@pytest.mark.parametrize(
    ("entry", "place", "said"),
    [
        ("path: /r, service: hermez, to: /r", "[0].service", "did you mean 'hermes'?"),
        ("path: /metrics, service: hermes, to: /r", "[0].path", "the path of another route"),
        ("path: '/r/{a}', service: hermes, to: '/r/{b}'", "[0].to", "{b} is no parameter"),
        ("path: /r/../x, service: hermes, to: /r", "[0].path", "is not a path"),
        ("path: '/{a:path}/x', service: hermes, to: /r", "[0].path", "goes on after"),
        ("path: '/{a}/{a}', service: hermes, to: /r", "[0].path", "two parameters of one name"),
        ("path: '/r%2f', service: hermes, to: /r", "[0].path", "is not a path"),
        ("path: /r, service: hermes, to: '/r?a={b}'", "[0].to", "has no valid query"),
        ("path: /r, service: hermes, to: /r, method: TRACE", "[0].method", "is not a method"),
    ],
)
def test_a_route_that_cannot_be_is_a_problem(
    faults: Faults, entry: str, place: str, said: str
) -> None:
    (problem,) = faults(gateway(f"forward: [{{{entry}}}]"))

    assert problem.path == f"gateway.forward{place}"
    assert said in problem.message


def test_two_routes_may_share_a_path_but_not_a_method(faults: Faults) -> None:
    route = "{path: '/r/{%s}', service: hermes, to: /r, method: [%s]}"
    both = [route % ("a", "GET"), route % ("b", "POST"), route % ("c", "PUT, POST")]

    (problem,) = faults(gateway(f"forward: [{', '.join(both)}]"))

    assert problem.path == "gateway.forward[2].path"


def test_two_aliases_of_one_shape_clash(faults: Faults) -> None:
    to = '"/api/v1/sessions/{session_id}"'

    (problem,) = faults(
        gateway(f'aliases: {{"/s/{{session_id}}": {to}}}', "forward: []").replace(
            "forward: []", 'forward: {path: "/s/{x}", service: hermes, to: /x}'
        )
    )

    assert problem.path == "gateway.forward[0].path"


def test_parameters_are_filled_in() -> None:
    assert paths.fill("/a/{b}/{c:path}", {"b": "%2F", "c": "d/e"}) == "/a/%2F/d/e"
