"""`prober uptime` and `prober incidents`, over a database of three days."""

from __future__ import annotations

import csv
import io
import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result as Done
from commands import Configure, Invoke

from prober.model import Observation, Outcome, Phase, Reason, Result
from prober.reports.times import rfc3339
from prober.status import State, step
from prober.storage import migrate
from prober.storage.retention import Keep
from prober.storage.upkeep import Upkeep
from prober.storage.writer import Writer

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = time.time_ns() // 1_000_000
START = (NOW // DAY - 3) * DAY
STEP = 60_000
OUTAGE = range(START + 30 * HOUR, START + 33 * HOUR)
MADRE = "name: madre, url: 'http://127.0.0.1:8001', interval: 1m"


def probed(at: int) -> Result:
    if at in OUTAGE:
        return Result(
            "madre", at, Outcome.FAILURE, 503, 20.0, None, "boom", Reason.STATUS, Phase.PROCESSING
        )
    return Result("madre", at, Outcome.SUCCESS, 200, 10.0, "/health", "fine")


def observations() -> list[Observation]:
    found, state = [], State()
    for at in range(START, NOW, STEP):
        state, observation = step(state, probed(at))
        found.append(observation)
    return found


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("uptime") / "p.db"
    url = f"sqlite:///{file}"
    migrate.upgrade(url)
    with closing(Writer(url)) as writer, closing(Upkeep(url, Keep())) as upkeep:
        writer.write(observations())
        while upkeep.step(NOW):
            pass
    return file


@pytest.fixture
def config(database: Path, tmp_path: Path, configure: Configure) -> Path:
    (tmp_path / "p.db").symlink_to(database)
    return configure(MADRE)


def records(done: Done) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def moment(ms: int) -> str:
    return str(ms)


def test_uptime_is_weighed_by_time(invoke: Invoke, config: Path) -> None:
    span = ("--since", moment(START), "--until", moment(START + 2 * DAY))

    (found,) = records(invoke("uptime", "-c", config, "--format", "json", *span))

    assert found["uptime"] == pytest.approx(1 - 3 / 48)
    assert found["seconds"] == {"OK": 45 * 3600, "DEGRADED": 0, "BROKEN": 3 * 3600, "UNKNOWN": 0}
    assert found["results"]["BROKEN"] == 180
    assert found["reasons"] == {"status": 180}


def test_what_nobody_saw_is_left_out(invoke: Invoke, config: Path) -> None:
    span = ("--since", moment(START - DAY), "--until", moment(START + DAY))

    (found,) = records(invoke("uptime", "madre", "-c", config, "--format", "json", *span))

    assert (found["uptime"], found["seconds"]["UNKNOWN"]) == (1.0, 24 * 3600)


@pytest.mark.parametrize(("by", "count"), [("whole", 1), ("hour", 48), ("day", 2)])
def test_uptime_is_told_by_parts(invoke: Invoke, config: Path, by: str, count: int) -> None:
    span = ("--since", moment(START), "--until", moment(START + 2 * DAY))

    found = records(invoke("uptime", "-c", config, "--format", "json", "--by", by, *span))

    assert len(found) == count
    assert sum(sum(part["results"].values()) for part in found) == 2 * 24 * 60


@pytest.mark.parametrize(
    ("asked", "uptime", "hours"),
    [((), 1 - 2 / 47, 1), (("--maintenance", "in"), 1 - 3 / 48, 0)],
)
def test_maintenance_is_left_out_unless_it_counts_in(
    invoke: Invoke,
    config: Path,
    configure: Configure,
    asked: tuple[str, ...],
    uptime: float,
    hours: int,
) -> None:
    window = f"from: '{rfc3339(OUTAGE.start)}', to: '{rfc3339(OUTAGE.start + HOUR)}'"
    configure(MADRE, top=f"maintenance: {{name: patches, {window}}}")
    span = ("-c", config, "--since", START, "--until", START + 2 * DAY, "--format", "json")

    (found,) = records(invoke("uptime", *span, *asked))
    (outage,) = records(invoke("incidents", *span, *asked))

    assert found["uptime"] == pytest.approx(uptime)
    assert found["maintenance_s"] == hours * 3600
    assert outage["duration_s"] == (3 - hours) * 3600


def test_percentiles_are_within_two_percent(invoke: Invoke, config: Path) -> None:
    (found,) = records(invoke("uptime", "-c", config, "--format", "json", "--since", "7d"))

    assert found["latency_ms"]["p50"] == pytest.approx(10, rel=0.02)
    assert found["latency_ms"]["max"] == 20


def test_the_table_rounds_nothing_up_to_a_hundred(invoke: Invoke, config: Path) -> None:
    span = ("--since", moment(START), "--until", moment(START + 2 * DAY))

    lines = invoke("uptime", "-c", config, *span).stdout.splitlines()

    assert lines[0].split()[:3] == ["FROM", "SERVICE", "UPTIME"]
    assert lines[1].split()[2:6] == ["madre", "93.750", "%", "3h"]


def test_csv_has_a_column_for_each_figure(invoke: Invoke, config: Path) -> None:
    done = invoke("uptime", "-c", config, "--format", "csv", "--by", "day")

    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {"uptime", "seconds_BROKEN", "results_OK", "latency_ms_p95"} <= rows[0].keys()


def test_a_span_that_ends_before_it_begins_is_refused(invoke: Invoke, config: Path) -> None:
    done = invoke("uptime", "-c", config, "--since", "1h", "--until", "2h")

    assert done.exit_code == 2
    assert "not before --until" in done.stderr


def test_an_incident_tells_when_why_and_what_was_said(invoke: Invoke, config: Path) -> None:
    (found,) = records(invoke("incidents", "-c", config, "--format", "json"))

    assert found["duration_s"] == 3 * 3600
    assert (found["reasons"], found["snippet"]) == (["status"], "boom")


def test_an_incident_that_began_before_is_told_whole(invoke: Invoke, config: Path) -> None:
    span = ("--since", moment(START + 32 * HOUR), "--until", moment(START + 40 * HOUR))

    (found,) = records(invoke("incidents", "-c", config, "--format", "json", *span))

    assert found["duration_s"] == 3 * 3600


def test_an_incident_that_lasts_has_no_end(invoke: Invoke, config: Path) -> None:
    span = ("--since", moment(START), "--until", moment(START + 31 * HOUR))

    (found,) = records(invoke("incidents", "-c", config, "--format", "json", *span))

    assert (found["to"], found["duration_s"]) == (None, 3600)


def test_incidents_are_a_table_by_default(invoke: Invoke, config: Path) -> None:
    lines = invoke("incidents", "-c", config).stdout.splitlines()

    assert lines[0].split() == ["FROM", "TO", "SERVICE", "BROKEN", "REASONS", "SNIPPET"]
    assert lines[1].split()[4:] == ["madre", "3h", "status", "boom"]


@pytest.mark.parametrize("command", ["uptime", "incidents"])
def test_an_unknown_service_is_refused(invoke: Invoke, config: Path, command: str) -> None:
    done = invoke(command, "mader", "-c", config)

    assert done.exit_code == 2
    assert "did you mean madre?" in done.stderr
