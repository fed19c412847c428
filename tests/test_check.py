from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from dataclasses import replace

import pytest
from patience import TRIES, given_time
from servers import (
    Server,
    answers,
    answers_by_path,
    black_hole,
    closes,
    dead_port,
    hangs,
    response,
    serving,
)

from prober.check import Checker
from prober.model import Outcome, Phase, Reason, Result, Service
from prober.probes.base import Attempt

NOW_MS = 1_790_000_000_000
OK, MISSING, BROKEN = response(200, b"well"), response(404, b"none"), response(503, b"ill")
MOVED, EMPTY = response(302), response(204)


@pytest.fixture
async def checker() -> AsyncIterator[Checker]:
    checker = Checker()
    yield checker
    checker.close()


def service(url: str, *endpoints: str, timeout_s: float = 5.0) -> Service:
    host, _, port = url.rpartition("/")[2].rpartition(":")
    tried = endpoints or ("/health", "/healthz", "/status")
    return Service("madre", url, host, int(port), endpoints=tried, timeout_s=timeout_s)


def watched(server: Server, *endpoints: str) -> Service:
    return service(server.url, *endpoints)


async def undisturbed(checker: Checker, service: Service) -> Result:
    """The result of a check during which this process didn't stand still."""
    for _ in range(TRIES):
        result = await checker.check(service, NOW_MS)
        if not result.stalled:
            break
    return result


class Scripted:
    """A probe that finds what a script says of each endpoint."""

    def __init__(self, script: Mapping[str, Attempt | Exception]) -> None:
        self.script = script
        self.tried: list[str] = []

    async def run(self, service: Service, endpoint: str, deadline: float) -> Attempt:
        self.tried.append(endpoint)
        found = self.script[endpoint]
        if isinstance(found, Exception):
            raise found
        return found


async def check_scripted(*found: Attempt | Exception) -> tuple[Result, int]:
    """The result of a check whose endpoints are found like this, and how many were tried."""
    script = {f"/{i}": attempt for i, attempt in enumerate(found)}
    probe = Scripted(script)
    checker = Checker({"http": probe})
    try:
        result = await checker.check(service("http://x:1", *script), NOW_MS)
    finally:
        checker.close()
    return result, len(probe.tried)


async def test_the_first_endpoint_that_answers_as_expected_wins(checker: Checker) -> None:
    with serving(answers_by_path({"/healthz": OK, "/status": OK})) as server:
        result = await checker.check(watched(server), NOW_MS, lag_ms=1.5)

    assert result.outcome is Outcome.SUCCESS
    assert (result.endpoint_ok, result.http_code, result.snippet) == ("/healthz", 200, "well")
    assert (result.reason, result.phase) == (None, None)
    assert (result.service, result.checked_at, result.lag_ms) == ("madre", NOW_MS, 1.5)


@pytest.mark.parametrize(
    ("pages", "code", "snippet"),
    [
        ({"/health": MISSING, "/healthz": BROKEN, "/status": BROKEN}, 404, "none"),
        ({"/health": EMPTY, "/healthz": BROKEN, "/status": MISSING}, 503, "ill"),
        ({"/health": EMPTY, "/healthz": EMPTY, "/status": EMPTY}, 204, ""),
    ],
)
async def test_a_failure_tells_of_the_first_answer_of_400_or_above_else_of_the_first(
    checker: Checker, pages: dict[str, bytes], code: int, snippet: str
) -> None:
    with serving(answers_by_path(pages)) as server:
        result = await checker.check(watched(server), NOW_MS)

    assert (result.outcome, result.reason) == (Outcome.FAILURE, Reason.STATUS)
    assert (result.http_code, result.snippet) == (code, snippet)
    assert result.latency_ms is not None
    assert result.endpoint_ok is None


@pytest.mark.parametrize(("code", "outcome"), [(204, Outcome.SUCCESS), (200, Outcome.FAILURE)])
async def test_the_expected_codes_are_the_services_own(
    checker: Checker, code: int, outcome: Outcome
) -> None:
    with serving(answers(code)) as server:
        expecting = replace(watched(server), expected=frozenset({204, 404}))
        result = await checker.check(expecting, NOW_MS)

    assert result.outcome is outcome


async def test_a_redirect_is_not_success_where_it_is_not_followed(checker: Checker) -> None:
    with serving(answers_by_path({"/health": MOVED})) as server:
        still = replace(watched(server, "/health"), follow_redirects=False)
        result = await checker.check(still, NOW_MS)

    assert (result.outcome, result.http_code) == (Outcome.FAILURE, 302)


async def test_nothing_that_answers_leaves_code_and_latency_empty(checker: Checker) -> None:
    with dead_port() as port:
        result = await checker.check(service(f"http://127.0.0.1:{port}"), NOW_MS)

    assert (result.outcome, result.reason) == (Outcome.FAILURE, Reason.REFUSED)
    assert (result.http_code, result.latency_ms, result.phase) == (None, None, Phase.CONNECT)


@pytest.mark.parametrize(
    ("slow_over_ms", "outcome"), [(20, Outcome.SLOW), (5000, Outcome.SUCCESS), (None, "success")]
)
async def test_a_late_answer_is_slow(
    checker: Checker, slow_over_ms: float | None, outcome: Outcome
) -> None:
    with serving(answers(200, delay_s=0.05)) as server:
        limited = replace(watched(server), slow_over_ms=slow_over_ms)
        result = await undisturbed(checker, limited)

    assert result.outcome == outcome
    assert result.latency_ms is not None
    assert 50 <= result.latency_ms < 500


async def test_one_deadline_covers_all_endpoints(checker: Checker) -> None:
    async def check(timeout_s: float) -> tuple[Reason | None, Phase | None, int]:
        with serving(hangs()) as server:
            result = await checker.check(service(server.url, timeout_s=timeout_s), NOW_MS)
            return result.reason, result.phase, server.accepted

    expected = (Reason.TIMEOUT, Phase.PROCESSING, 1)
    assert await given_time(check, expected.__eq__) == expected


async def test_slow_answers_share_the_deadline(checker: Checker) -> None:
    async def check(timeout_s: float) -> tuple[int | None, Reason | None, int]:
        with serving(answers(503, delay_s=timeout_s * 0.6)) as server:
            result = await checker.check(service(server.url, timeout_s=timeout_s), NOW_MS)
            return result.http_code, result.reason, server.accepted

    expected = (503, Reason.STATUS, 2)
    assert await given_time(check, expected.__eq__) == expected


async def test_eleven_dead_hosts_cost_one_timeout(checker: Checker) -> None:
    async def check(timeout_s: float) -> tuple[set[tuple[object, object]], bool]:
        dead = [service(url, timeout_s=timeout_s) for url in holes]
        began = time.monotonic()
        results = await asyncio.gather(*(checker.check(s, NOW_MS) for s in dead))
        took_s = time.monotonic() - began
        return {(r.reason, r.phase) for r in results}, took_s < 5 * timeout_s

    expected = ({(Reason.TIMEOUT, Phase.CONNECT)}, True)
    with ExitStack() as stack:
        holes = [stack.enter_context(black_hole()) for _ in range(11)]
        assert await given_time(check, expected.__eq__) == expected


async def test_a_connection_that_was_cut_leads_on_to_the_next_endpoint(checker: Checker) -> None:
    with serving(closes()) as server:
        result = await checker.check(watched(server), NOW_MS)

        assert (result.reason, result.phase) == (Reason.RESET, Phase.PROCESSING)
        assert server.accepted == 3


@pytest.mark.parametrize("phase", [Phase.RESOLVE, Phase.CONNECT, Phase.TLS])
async def test_a_host_that_is_dead_before_a_request_is_tried_once(phase: Phase) -> None:
    dead = Attempt(False, reason=Reason.REFUSED, phase=phase)

    result, tried = await check_scripted(dead, Attempt(True, 200, 1.0))

    assert (result.reason, tried) == (Reason.REFUSED, 1)


async def test_a_dead_host_behind_a_redirect_does_not_end_the_search() -> None:
    behind = Attempt(False, 302, 1.0, reason=Reason.REFUSED, phase=Phase.CONNECT)

    result, tried = await check_scripted(behind, Attempt(True, 200, 1.0))

    assert (result.outcome, tried) == (Outcome.SUCCESS, 2)


CUT = Attempt(False, reason=Reason.RESET, phase=Phase.PROCESSING)
HALF = Attempt(False, 200, 3.0, reason=Reason.RESET, phase=Phase.TRANSFER)
ILL = Attempt(False, 500, 4.0, reason=Reason.STATUS, phase=Phase.PROCESSING)
ODD = Attempt(False, 204, 5.0, reason=Reason.STATUS, phase=Phase.PROCESSING)
OURS = Attempt(False, reason=Reason.PROBER, phase=Phase.PROCESSING)


@pytest.mark.parametrize(
    ("found", "told"),
    [((CUT, ILL), ILL), ((HALF, ILL), ILL), ((HALF, CUT), HALF), ((CUT, ODD), ODD)],
)
async def test_reason_and_phase_belong_to_the_attempt_that_is_told(
    found: tuple[Attempt, ...], told: Attempt
) -> None:
    result, _ = await check_scripted(*found)

    assert (result.http_code, result.latency_ms) == (told.http_code, told.latency_ms)
    assert (result.reason, result.phase) == (told.reason, told.phase)


@pytest.mark.parametrize("found", [(OURS,), (OURS, ILL), (ILL, OURS), (CUT, OURS)])
async def test_an_endpoint_that_prober_could_not_try_leaves_the_service_unjudged(
    found: tuple[Attempt, ...],
) -> None:
    result, _ = await check_scripted(*found)

    assert (result.outcome, result.reason) == (Outcome.FAULT, Reason.PROBER)
    assert result.http_code is None


async def test_success_outweighs_probers_own_trouble_before_it() -> None:
    result, _ = await check_scripted(OURS, Attempt(True, 200, 1.0))

    assert result.outcome is Outcome.SUCCESS


async def test_a_certificate_seen_by_any_attempt_is_recorded() -> None:
    result, _ = await check_scripted(CUT._replace(tls_expiry=1_800_000_000), ILL)

    assert result.tls_expiry == 1_800_000_000


async def test_a_defect_of_a_probe_is_a_fault_and_no_failure() -> None:
    result, _ = await check_scripted(KeyError("defect"))

    assert (result.outcome, result.reason) == (Outcome.FAULT, Reason.PROBER)


async def test_a_kind_without_a_probe_is_a_fault(checker: Checker) -> None:
    result = await checker.check(replace(service("http://x:1"), kind="telepathy"), NOW_MS)

    assert result.outcome is Outcome.FAULT


async def test_cancellation_passes_through_a_check(checker: Checker) -> None:
    with serving(hangs()) as server:
        checking = asyncio.create_task(checker.check(watched(server), NOW_MS))
        await asyncio.sleep(0.05)
        checking.cancel()

        with pytest.raises(asyncio.CancelledError):
            await checking


async def stand_still(seconds: float) -> None:
    await asyncio.sleep(0.1)
    time.sleep(seconds)  # noqa: ASYNC251 - the loop has to be kept from running


async def test_a_service_is_not_blamed_for_a_time_that_this_process_stood_still(
    checker: Checker,
) -> None:
    with serving(hangs()) as server:
        stall = asyncio.create_task(stand_still(0.6))
        result = await checker.check(service(server.url, "/", timeout_s=0.5), NOW_MS)

    await stall
    assert (result.outcome, result.reason) == (Outcome.FAULT, Reason.PROBER)


async def test_a_stall_of_this_process_makes_no_service_slow(checker: Checker) -> None:
    with serving(answers(200, delay_s=0.2)) as server:
        stall = asyncio.create_task(stand_still(0.6))
        watched = replace(service(server.url, "/"), slow_over_ms=400.0)
        result = await checker.check(watched, NOW_MS)

    await stall
    assert (result.outcome, result.stalled) == (Outcome.SUCCESS, True)


async def test_no_stall_is_taken_for_a_latency(checker: Checker) -> None:
    loop = asyncio.get_running_loop()
    with serving(answers(200, delay_s=0.005)) as server:
        watched = service(server.url, "/", timeout_s=2)
        for delay_s in (0.0, 0.002, 0.004, 0.006):
            loop.call_later(delay_s, time.sleep, 0.2)
            result = await checker.check(watched, NOW_MS)

            assert result.outcome is Outcome.SUCCESS
            assert result.stalled or (result.latency_ms or 0.0) < 20


async def test_an_answer_is_an_answer_though_this_process_stood_still(checker: Checker) -> None:
    with serving(answers(500, delay_s=0.2)) as server:
        stall = asyncio.create_task(stand_still(0.6))
        result = await checker.check(service(server.url, "/", timeout_s=2), NOW_MS)

    await stall
    assert (result.outcome, result.reason) == (Outcome.FAILURE, Reason.STATUS)
