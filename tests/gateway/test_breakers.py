"""Breakers in front of services: what opens them, what is told of them, and what they keep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fleets import refusal, service, success
from gateway.gates import Gate, gate
from servers import answers, answers_by_path, dead_port, response, serving

from prober.model import Result
from prober.status import State, step

ROUTE = {"path": "/r/{name}", "service": "hermes", "to": "/x/{name}"}


@asynccontextmanager
async def dead(folder: Path, **breaker: object) -> AsyncIterator[Gate]:
    """A gateway that forwards to a port that refuses."""
    with dead_port() as port:
        services = [service("hermes", port), service("madre")]
        async with gate(folder, services, forward=[ROUTE], breaker=breaker) as client:
            yield client


async def tell(client: Gate, *results: Result) -> None:
    """Hand the breakers what probes found."""
    await client.context.outward.breakers.write([step(State(), r)[1] for r in results])


async def test_every_services_breaker_is_told(tmp_path: Path) -> None:
    async with dead(tmp_path) as client:
        said = (await client.get("/api/v1/breakers")).json()

    closed = {"state": "closed", "failure_count": 0, "last_failure": None}
    assert said["breakers"] == {"hermes": closed, "madre": closed}
    assert said["timestamp"].endswith("Z")


async def test_an_open_breaker_answers_at_once(tmp_path: Path) -> None:
    async with dead(tmp_path) as client:
        codes = [(await client.get("/r/a")).status_code for _ in range(4)]
        answer = await client.get("/r/b")

        assert codes == [502, 502, 502, 503]
        assert answer.json() == {"status": "circuit_open", "module": "hermes"}
        told = await client.breaker("hermes")
    assert (told["state"], told["failure_count"]) == ("open", 3)
    assert told["last_failure"].endswith("Z")


async def test_an_answer_of_500_counts_and_one_of_404_does_not(tmp_path: Path) -> None:
    pages = {"/x/a": response(500), "/x/b": response(404)}
    with serving(answers_by_path(pages)) as server:
        async with gate(tmp_path, [service("hermes", server.port)], forward=[ROUTE]) as client:
            await client.get("/r/a")
            assert (await client.breaker("hermes"))["failure_count"] == 1

            await client.get("/r/b")
            assert (await client.breaker("hermes"))["failure_count"] == 0


async def test_a_half_open_breaker_lets_one_of_many_through(tmp_path: Path) -> None:
    policy = {"failures": 1, "reset": "300ms"}
    with dead_port() as port:
        services = [service("hermes", port)]
        async with gate(tmp_path, services, forward=[ROUTE], breaker=policy) as client:
            await client.get("/r/a")
            with serving(answers(200, delay_s=0.3)) as server:
                client.context.state.retarget([service("hermes", server.port)])
                await asyncio.sleep(0.3)
                assert (await client.breaker("hermes"))["state"] == "half_open"
                got = await asyncio.gather(*(client.get("/r/a") for _ in range(5)))

            assert sorted(answer.status_code for answer in got) == [200, 503, 503, 503, 503]
            assert (await client.breaker("hermes"))["state"] == "closed"


async def test_probes_count_where_that_is_configured(tmp_path: Path) -> None:
    async with dead(tmp_path, failures=2, probes=True) as client:
        await tell(client, refusal("hermes"), refusal("hermes"))
        opened = await client.breaker("hermes")
        await tell(client, success("hermes"))
        after = await client.breaker("hermes")

    assert (opened["state"], after["state"]) == ("open", "half_open")


async def test_probes_do_not_count_otherwise(tmp_path: Path) -> None:
    async with dead(tmp_path, failures=1) as client:
        await tell(client, refusal("hermes"))

        assert (await client.breaker("hermes"))["state"] == "closed"


async def test_a_reload_keeps_what_stays_and_forgets_what_left(tmp_path: Path) -> None:
    async with dead(tmp_path, failures=1) as client:
        await client.get("/r/a")
        breakers = client.context.outward.breakers
        breakers.retarget([service("hermes"), service("new")])
        kept = {name: held.phase.value for name, held in breakers.seen().items()}
        breakers.retarget([service("new")])
        text = client.context.telemetry.render()

    assert kept == {"hermes": "open", "new": "closed"}
    assert "prober_breaker_state{" not in text


@pytest.mark.parametrize(("calls", "state"), [(0, "closed"), (3, "open")])
async def test_metrics_tell_the_state_of_what_is_forwarded_to(
    tmp_path: Path, calls: int, state: str
) -> None:
    async with dead(tmp_path) as client:
        for _ in range(calls):
            await client.get("/r/a")
        text = (await client.get("/metrics")).text

    found = [line for line in text.splitlines() if line.startswith("prober_breaker_state")]
    assert len(found) == 3
    assert f'prober_breaker_state{{state="{state}",target="hermes"}} 1.0' in found
