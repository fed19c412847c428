from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest
from commands import Configure, Invoke
from fleets import refusal, success
from servers import answers, serving

from prober.model import Result, Status
from prober.status import Signal, State, signal, step
from prober.storage import migrate
from prober.storage.writer import Writer

MADRE = "name: madre, url: 'http://127.0.0.1:8001'"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The migrated database that `configure` names."""
    url = f"sqlite:///{tmp_path}/p.db"
    migrate.upgrade(url)
    return url


def store(url: str, result: Result, lost_after_ms: int | None = None) -> None:
    """Store a result as the daemon does, and perhaps the loss of its worker after it."""
    state, observation = step(State(), result)
    observations = [observation]
    if lost_after_ms is not None:
        at = result.checked_at + lost_after_ms
        observations.append(signal(state, result.service, at, Signal.LOST)[1])
    with closing(Writer(url)) as writer:
        writer.write(observations)


def ago(result: Result, seconds: float) -> Result:
    return result._replace(checked_at=round((time.time() - seconds) * 1000))


@pytest.mark.parametrize(
    ("result", "status", "code"), [(success(), Status.OK, 0), (refusal(), Status.BROKEN, 1)]
)
def test_the_last_result_is_told(
    invoke: Invoke, configure: Configure, url: str, result: Result, status: str, code: int
) -> None:
    store(url, ago(result, 1))

    done = invoke("status", "-c", configure(MADRE), "--format", "json")

    assert done.exit_code == code
    assert json.loads(done.stdout)["services"][0]["status"] == status


ALWAYS = "maintenance: {name: patches, from: 2020-01-01, to: 2120-01-01}"


def test_a_service_in_maintenance_is_marked_and_tolerated(
    invoke: Invoke, configure: Configure, url: str
) -> None:
    store(url, ago(refusal(), 1))

    done = invoke("status", "-c", configure(MADRE, top=ALWAYS))

    assert done.exit_code == 0
    assert "BROKEN, maintenance  madre" in done.stdout
    assert done.stdout.endswith("0/1 OK, madre in maintenance\n")


def test_a_stale_result_no_longer_speaks_for_its_service(
    invoke: Invoke, configure: Configure, url: str
) -> None:
    store(url, ago(success(), 60))

    done = invoke("status", "-c", configure(MADRE), "--format", "json")

    (found,) = json.loads(done.stdout)["services"]
    assert (done.exit_code, found["status"], found["http_code"]) == (1, "UNKNOWN", None)
    assert found["checked_at"]
    assert "is the daemon running?" in done.stderr


def test_a_lost_worker_leaves_its_services_unknown(
    invoke: Invoke, configure: Configure, url: str
) -> None:
    store(url, ago(success(), 1), lost_after_ms=100)

    done = invoke("status", "-c", configure(MADRE), "--format", "json")

    assert json.loads(done.stdout)["services"][0]["status"] == "UNKNOWN"


def test_a_service_without_history_is_unknown_beside_others(
    invoke: Invoke, configure: Configure, url: str
) -> None:
    store(url, ago(success(), 1))

    done = invoke("status", "-c", configure(MADRE, "name: new, url: 'http://127.0.0.1:1'"))

    lines = done.stdout.splitlines()[1:3]
    assert [line.split()[:2] for line in lines] == [["OK", "madre"], ["UNKNOWN", "new"]]
    assert done.stderr == ""


def test_without_a_database_it_says_how_to_get_one(
    invoke: Invoke, configure: Configure, tmp_path: Path
) -> None:
    done = invoke("status", "-c", configure(MADRE))

    assert (done.exit_code, done.stdout) == (74, "")
    assert done.stderr.count("\n") == 1
    assert "prober run" in done.stderr
    assert not (tmp_path / "p.db").exists()


def test_it_probes_nothing(invoke: Invoke, configure: Configure, url: str) -> None:
    with serving(answers(200)) as server:
        invoke("status", "-c", configure(f"name: madre, url: '{server.url}'"))

        assert server.accepted == 0
