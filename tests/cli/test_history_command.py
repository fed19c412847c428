from __future__ import annotations

import csv
import io
import json
import time
from contextlib import closing
from pathlib import Path

import pytest
from commands import Configure, Invoke
from fleets import success

from prober.model import Observation, Status
from prober.reports.times import rfc3339
from prober.storage import migrate
from prober.storage.writer import Writer

NOW = time.time_ns() // 1_000_000
HOUR = 3_600_000
MADRE = "name: madre, url: 'http://127.0.0.1:8001'"


@pytest.fixture
def config(tmp_path: Path, configure: Configure) -> Path:
    """A configuration whose database holds madre and one that left, at 1, 2, 30 and 60 h ago."""
    results = [
        success(name)._replace(checked_at=NOW - hours * HOUR)
        for name in ("madre", "gone")
        for hours in (60, 30, 2, 1)
    ]
    url = f"sqlite:///{tmp_path}/p.db"
    migrate.upgrade(url)
    with closing(Writer(url)) as writer:
        writer.write([Observation(r.service, r.checked_at, Status.OK, r) for r in results])
    return configure(MADRE)


def hours_ago(output: str) -> list[int]:
    """How long ago the records of a JSON history were."""
    stamps = {rfc3339(NOW - hours * HOUR): hours for hours in (60, 30, 2, 1)}
    return [stamps[record["checked_at"]] for record in json.loads(output)]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], [1, 2]),
        (["--since", "7d"], [1, 2, 30, 60]),
        (["--since", "7d", "--limit", "1"], [1]),
        (["--since", "7d", "--until", "24h"], [30, 60]),
        (["--since", rfc3339(NOW - 30 * HOUR)], [1, 2, 30]),
        (["--since", "2000-01-01", "--until", "2000-01-02"], []),
    ],
)
def test_the_results_of_a_time_are_told_newest_first(
    invoke: Invoke, config: Path, args: list[str], expected: list[int]
) -> None:
    done = invoke("history", "madre", "-c", config, "--format", "json", *args)

    assert (done.exit_code, hours_ago(done.stdout)) == (0, expected)


def test_csv_has_a_header_and_a_row_per_result(invoke: Invoke, config: Path) -> None:
    done = invoke("history", "madre", "-c", config, "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["http_code"] for row in rows] == ["200", "200"]


def test_the_table_is_the_default(invoke: Invoke, config: Path) -> None:
    lines = invoke("history", "madre", "-c", config).stdout.splitlines()

    assert [line.split()[0] for line in lines[:2]] == ["CHECKED_AT", rfc3339(NOW - HOUR)]


def test_a_service_that_left_the_configuration_is_still_found(invoke: Invoke, config: Path) -> None:
    done = invoke("history", "gone", "-c", config, "--format", "json")

    assert (done.exit_code, hours_ago(done.stdout)) == (0, [1, 2])


def test_a_misspelt_name_is_wrong_usage_with_a_suggestion(invoke: Invoke, config: Path) -> None:
    done = invoke("history", "mader", "-c", config)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "did you mean madre?" in done.stderr


@pytest.mark.parametrize(
    "args", [["--since", "soon"], ["--until", "5 o'clock"], ["--limit", "0"], ["--limit", "x"]]
)
def test_a_wrong_time_or_limit_is_wrong_usage(
    invoke: Invoke, config: Path, args: list[str]
) -> None:
    done = invoke("history", "madre", "-c", config, *args)

    assert done.exit_code == 2
    assert args[0] in done.stderr


def test_without_a_database_it_says_how_to_get_one(invoke: Invoke, configure: Configure) -> None:
    done = invoke("history", "madre", "-c", configure(MADRE))

    assert (done.exit_code, done.stdout) == (74, "")
    assert "prober run" in done.stderr
