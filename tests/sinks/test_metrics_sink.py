"""The metrics sink: what Prometheus is told of the services."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from prober.model import Observation, Outcome, Reason, Result, Service, Status, Timings
from prober.sinks.metrics import BLOCK, WAITING, Metrics
from prober.sinks.series import BUCKETS_S, FAMILIES
from prober.status import STATUS_AFTER
from prober.telemetry import Telemetry

NASTY = ['say "hi"', "back\\slash", "two\nlines", "100%d", "prüfen ✓", "{a=b}", "\\n"]
TIMINGS = Timings(0.25, 0.5, 0.0, 20.125, 1.0)


def service(name: str, enabled: bool = True) -> Service:
    return Service(name, "http://127.0.0.1:80", "127.0.0.1", 80, enabled=enabled)


def probed(outcome: Outcome = Outcome.SUCCESS, name: str = "madre", **found: Any) -> Observation:
    result = Result(name, 1, outcome)._replace(**found)
    return Observation(name, 1, STATUS_AFTER[outcome], result)


async def told(*observations: Observation) -> Metrics:
    metrics = Metrics([service("madre")])
    await metrics.write(observations)
    return metrics


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """The values of one series name by its labels' values, other than the first target's."""
    return {
        tuple(value for label, value in sample.labels.items() if label != "target"): sample.value
        for family in text_string_to_metric_families(metrics.render())
        for sample in family.samples
        if sample.name == name
    }


def promtool(text: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        assert os.environ.get("CI") != "true", "promtool is not installed"
        pytest.skip("promtool is not installed")
    return subprocess.run(
        [program, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("outcome", "success"), [(Outcome.SUCCESS, 1), (Outcome.SLOW, 1), (Outcome.FAILURE, 0)]
)
async def test_success_follows_the_status(outcome: Outcome, success: int) -> None:
    metrics = await told(probed(outcome))

    assert samples(metrics, "prober_probe_success") == {(): success}


async def test_success_is_absent_before_the_first_result() -> None:
    assert samples(await told(), "prober_probe_success") == {}


async def test_success_is_absent_when_the_fault_is_probers_own() -> None:
    metrics = await told(probed(), probed(Outcome.FAULT, reason=Reason.PROBER))

    assert samples(metrics, "prober_probe_success") == {}


@pytest.mark.parametrize(
    "name",
    [
        "prober_probe_success",
        "prober_probe_http_status_code",
        "prober_probe_phase_duration_seconds",
    ],
)
async def test_what_the_last_probe_said_is_absent_once_the_service_is_unknown(name: str) -> None:
    metrics = await told(probed(http_code=200, latency_ms=1.0, timings=TIMINGS))
    assert samples(metrics, name)

    await metrics.write([Observation("madre", 2, Status.UNKNOWN)])

    assert samples(metrics, name) == {}


async def test_counters_survive_a_lost_worker() -> None:
    metrics = await told(probed(), Observation("madre", 2, Status.UNKNOWN), probed())

    assert samples(metrics, "prober_probes_total") == {(): 2}


@pytest.mark.parametrize(
    ("latency_ms", "bucket"),
    [(0.0, "0.005"), (5.0, "0.005"), (5.001, "0.01"), (10_000.0, "10.0"), (10_001.0, "+Inf")],
)
async def test_a_bucket_counts_what_is_at_most_its_bound(latency_ms: float, bucket: str) -> None:
    metrics = await told(probed(http_code=200, latency_ms=latency_ms))

    buckets = samples(metrics, "prober_probe_duration_seconds_bucket")
    assert min(float(le) for (le,), count in buckets.items() if count) == float(bucket)


@given(st.lists(st.floats(0, 20_000), max_size=30))
def test_the_histogram_is_cumulative_and_complete(latencies: list[float]) -> None:
    rounded = [round(ms, 3) for ms in latencies]
    metrics = asyncio.run(told(*(probed(http_code=200, latency_ms=ms) for ms in rounded)))

    buckets = samples(metrics, "prober_probe_duration_seconds_bucket")
    bounds = [*BUCKETS_S, float("inf")]
    assert list(buckets.values()) == [sum(ms / 1000 <= le for ms in rounded) for le in bounds]
    total = samples(metrics, "prober_probe_duration_seconds_sum")[()]
    assert total == pytest.approx(sum(rounded) / 1000, abs=1e-5)


@pytest.mark.parametrize(
    "observation",
    [
        probed(Outcome.FAILURE, reason=Reason.REFUSED),
        probed(Outcome.FAULT, http_code=200, latency_ms=5.0, reason=Reason.PROBER),
    ],
)
async def test_the_histogram_leaves_out_what_a_service_did_not_answer(
    observation: Observation,
) -> None:
    metrics = await told(observation)

    assert samples(metrics, "prober_probe_duration_seconds_count") == {(): 0}


async def test_failures_are_counted_by_reason_and_only_those_that_occurred() -> None:
    failure = probed(Outcome.FAILURE, reason=Reason.TIMEOUT)
    metrics = await told(probed(), failure, failure, probed(Outcome.FAILURE, reason=Reason.DNS))

    counted = samples(metrics, "prober_probe_failures_total")
    assert counted == {("timeout",): 2, ("dns",): 1}


async def test_phases_are_those_of_the_last_probe_in_seconds() -> None:
    metrics = await told(probed(timings=TIMINGS._replace(resolve=9.0)), probed(timings=TIMINGS))

    assert samples(metrics, "prober_probe_phase_duration_seconds") == {
        ("resolve",): 0.00025,
        ("connect",): 0.0005,
        ("tls",): 0.0,
        ("processing",): 0.020125,
        ("transfer",): 0.001,
    }


async def test_the_status_code_is_absent_when_nothing_answered() -> None:
    metrics = await told(probed(http_code=503), probed(Outcome.FAILURE, reason=Reason.REFUSED))

    assert samples(metrics, "prober_probe_http_status_code") == {}


async def test_a_known_expiry_outlives_an_outage() -> None:
    metrics = await told(
        probed(tls_expiry=1_893_456_000), probed(Outcome.FAILURE, reason=Reason.REFUSED)
    )

    expiry = samples(metrics, "prober_probe_tls_expiry_timestamp_seconds")
    assert expiry == {(): 1_893_456_000}


async def test_a_reload_keeps_counting_what_stays_and_drops_what_left() -> None:
    metrics = Metrics([service("stays"), service("leaves")])
    await metrics.write([probed(name="stays"), probed(name="leaves")])

    metrics.retarget([service("stays"), service("new"), service("idle", enabled=False)])

    text = metrics.render()
    assert 'prober_probes_total{target="stays"} 1' in text
    assert 'prober_probes_total{target="new"} 0' in text
    assert "leaves" not in text and "idle" not in text


async def test_an_observation_of_a_service_that_left_is_ignored() -> None:
    metrics = await told(probed(name="gone"))

    assert "gone" not in metrics.render()


async def test_a_scrape_shows_what_came_after_the_one_before() -> None:
    metrics = await told(probed())
    metrics.render()

    await metrics.write([probed()])

    assert samples(metrics, "prober_probes_total") == {(): 2}


@pytest.mark.parametrize("name", NASTY)
def test_any_name_can_be_read_back(name: str) -> None:
    metrics = Metrics([service(name)])

    [family] = [
        family
        for family in text_string_to_metric_families(metrics.render())
        if family.name == "prober_probes"
    ]

    assert [sample.labels for sample in family.samples] == [{"target": name}]


async def test_every_family_stands_once_and_in_one_piece() -> None:
    metrics = Metrics([service(name) for name in NASTY])
    await metrics.write([probed(name=name, http_code=200, timings=TIMINGS) for name in NASTY])

    kinds = [line for line in metrics.render().splitlines() if line.startswith("# TYPE")]

    assert kinds == [f"# TYPE {family.name} {family.kind}" for family in FAMILIES]


async def test_promtool_finds_nothing_to_say() -> None:
    metrics = Metrics([service(name) for name in NASTY])
    found: dict[str, Any] = {
        "http_code": 500,
        "latency_ms": 3.0,
        "timings": TIMINGS,
        "tls_expiry": 1_893_456_000,
    }
    broken = [probed(Outcome.FAILURE, name=name, reason=Reason.STATUS, **found) for name in NASTY]
    await metrics.write(broken)

    checked = promtool(metrics.render() + Telemetry().render())

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def fleet(size: int) -> tuple[Metrics, list[Observation]]:
    """The metrics of so many services, and an answer of each, which changes its series."""
    names = [f"service-{n}" for n in range(size)]
    return Metrics([service(name) for name in names]), [probed(name=name) for name in names]


async def test_the_pieces_of_a_scrape_are_the_text() -> None:
    metrics, batch = fleet(BLOCK + 1)
    await metrics.write(batch)

    pieces = await metrics.texts()

    assert b"".join(text.plain for text in pieces).decode() == metrics.render()


async def test_deflated_pieces_make_one_stream_after_every_change() -> None:
    metrics, batch = fleet(2 * BLOCK)
    for _ in range(2):
        await metrics.write(batch)
        stream = b"".join(text.deflated for text in await metrics.texts())

    text = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream)

    assert text.decode() == metrics.render()


async def test_services_that_are_probed_after_each_other_share_a_block() -> None:
    names = [f"service-{n}" for n in range(2 * BLOCK)]
    metrics = Metrics([service(name) for name in names], lambda name: int(name[8:]) % 2)
    await metrics.texts()

    await metrics.write([probed(name=name) for name in names[::2]])

    assert metrics.waiting == 1


async def test_what_changed_is_rendered_before_a_scrape_would_take_too_long() -> None:
    metrics, batch = fleet((WAITING + 4) * BLOCK)
    await metrics.texts()

    for start in range(0, len(batch), BLOCK):
        await metrics.write(batch[start : start + BLOCK])

    assert metrics.waiting == WAITING


async def test_a_reload_in_the_middle_of_a_scrape_leaves_it_whole() -> None:
    metrics, batch = fleet(2 * BLOCK)
    await metrics.write(batch)
    scrape = asyncio.create_task(metrics.texts())
    await asyncio.sleep(0)

    metrics.retarget([service("new")])

    assert b'target="new"' in b"".join(text.plain for text in await scrape)


async def test_a_thousand_changed_services_render_in_20_ms() -> None:
    names = [f"service-{n}" for n in range(1000)]
    metrics = Metrics([service(name) for name in names])
    found: dict[str, Any] = {"http_code": 200, "latency_ms": 12.5, "timings": TIMINGS}
    batch = [probed(name=name, **found) for name in names]

    costs_s = []
    for _ in range(60):
        await metrics.write(batch)
        before_s = time.process_time()
        metrics.render()
        costs_s.append(time.process_time() - before_s)

    assert min(costs_s) < 0.020


def test_every_series_is_documented() -> None:
    text = Metrics([]).render() + Telemetry().render()
    kinds = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]

    documented = (Path(__file__).parents[2] / "docs/metrics.md").read_text()

    names = [name for name in kinds if not name.endswith("_created")]
    assert [name for name in names if f"`{name}" not in documented] == []
