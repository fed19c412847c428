from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from pathlib import Path

import pytest
from commands import Configure, Invoke
from fleets import success

from prober.model import Observation, Reason, Status, Transition
from prober.reports.availability import month
from prober.reports.times import rfc3339
from prober.storage import migrate
from prober.storage.writer import Writer

START, END = month("2025-10")
HOUR = 3_600_000
MADRE = "name: madre, url: 'http://127.0.0.1:8001'"
OTHER = "name: other, url: 'http://127.0.0.1:8002'"

# Broken from two hours before the month until one within it, and for three hours in its middle.
CHANGES = [
    (START - 2 * HOUR, Status.BROKEN),
    (START + HOUR, Status.OK),
    (START + 100 * HOUR, Status.BROKEN),
    (START + 103 * HOUR, Status.OK),
    (START + 200 * HOUR, Status.UNKNOWN),
    (START + 300 * HOUR, Status.OK),
]


@pytest.fixture
def config(tmp_path: Path, configure: Configure) -> Path:
    """A configuration of madre, whose month is known, and another without history."""
    url = f"sqlite:///{tmp_path}/p.db"
    migrate.upgrade(url)
    changes = [Transition("madre", at, Status.OK, new, Reason.TIMEOUT) for at, new in CHANGES]
    last = success()._replace(checked_at=END)
    told = [Observation("madre", c.at, c.new, None, c) for c in changes]
    with closing(Writer(url)) as writer:
        writer.write([*told, Observation("madre", END, Status.OK, last)])
    return configure(MADRE, OTHER)


def test_a_month_has_uptime_and_incidents_of_its_own_time(invoke: Invoke, config: Path) -> None:
    done = invoke("sla", "madre", "--month", "2025-10", "-c", config, "--format", "json")

    [line] = json.loads(done.stdout)
    hours = {key: line[key] / 3600 for key in line if key.endswith("_s")}
    assert hours.pop("maintenance_s") == 0
    assert hours == {"known_s": 644, "broken_s": 4, "mttr_s": 2, "mtbf_s": 320, "longest_s": 3}
    assert (line["incidents"], line["uptime"]) == (2, round(640 / 644, 6))


def test_a_month_leaves_its_maintenance_out(
    invoke: Invoke, config: Path, configure: Configure
) -> None:
    window = f"from: '{rfc3339(START)}', to: '{rfc3339(START + 103 * HOUR)}'"
    configure(MADRE, top=f"maintenance: {{name: patches, {window}}}")

    done = invoke("sla", "--month", "2025-10", "-c", config, "--format", "json", "--target", 100)

    [line] = json.loads(done.stdout)
    assert (done.exit_code, line["uptime"], line["incidents"]) == (0, 1.0, 0)
    assert (line["maintenance_s"], line["known_s"]) == (103 * 3600, 541 * 3600)


@pytest.mark.parametrize(
    ("target", "code", "verdict"), [("99.3", 0, "met"), ("99.9", 1, "missed"), ("100", 1, "missed")]
)
def test_the_target_decides_the_verdict_and_the_exit_code(
    invoke: Invoke, config: Path, target: str, code: int, verdict: str
) -> None:
    options = ("--month", "2025-10", "--target", target, "--format", "csv")

    done = invoke("sla", "-c", config, *options)

    verdicts = [row["verdict"] for row in csv.DictReader(io.StringIO(done.stdout))]
    assert (done.exit_code, verdicts) == (code, [verdict, "unknown"])


@pytest.mark.parametrize(("format", "cell"), [("table", "99.378 %"), ("markdown", "| 99.378 % |")])
def test_people_get_a_table(invoke: Invoke, config: Path, format: str, cell: str) -> None:
    done = invoke("sla", "--month", "2025-10", "-c", config, "--format", format)

    assert cell in done.stdout


@pytest.mark.parametrize("wrong", ["2025", "2025-13", "October"])
def test_what_is_no_month_is_wrong_usage(invoke: Invoke, config: Path, wrong: str) -> None:
    done = invoke("sla", "--month", wrong, "-c", config)

    assert (done.exit_code, "write 2026-11" in done.stderr) == (2, True)
