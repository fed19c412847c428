from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from commands import Configure, Invoke
from fleets import success

from prober.model import Observation, Result, Status
from prober.storage import migrate
from prober.storage.reader import Reader
from prober.storage.writer import Writer

NOW = time.time_ns() // 1_000_000
MADRE = "name: madre, url: 'http://127.0.0.1:8001'"
SEEN = [
    success(name)._replace(checked_at=NOW - minutes * 60_000)
    for name in ("gone", "madre")
    for minutes in (300, 2, 1)
]


@pytest.fixture
def config(tmp_path: Path, configure: Configure) -> Path:
    """A configuration whose database holds madre and one that left."""
    url = f"sqlite:///{tmp_path}/p.db"
    migrate.upgrade(url)
    with closing(Writer(url)) as writer:
        writer.write([Observation(r.service, r.checked_at, Status.OK, r) for r in SEEN])
    return configure(MADRE)


def stored(folder: Path) -> list[Result]:
    with closing(Reader(f"sqlite:///{folder}/p.db")) as reader:
        return [r for name in reader.names() for r in reader.results(name, newest_first=False)]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_export_fills_a_fresh_database_with_the_same(
    invoke: Invoke, config: Path, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"all.{kind}"
    invoke("export", "-c", config, "--format", kind, "-o", file)
    (tmp_path / "p.db").unlink()

    done = invoke("import", file, "-c", config)

    assert (done.exit_code, done.stdout) == (0, "imported 6 results of 2 services\n")
    assert stored(tmp_path) == SEEN


@pytest.mark.parametrize(
    ("args", "count"),
    [([], 6), (["madre"], 3), (["gone", "--since", "1h"], 2), (["--until", "1h"], 2)],
)
def test_services_and_times_are_chosen(
    invoke: Invoke, config: Path, args: list[str], count: int
) -> None:
    done = invoke("export", "-c", config, *args)

    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1 + count)


def test_importing_twice_says_that_all_is_there(
    invoke: Invoke, config: Path, tmp_path: Path
) -> None:
    invoke("export", "-c", config, "-o", tmp_path / "all.csv")

    done = invoke("import", tmp_path / "all.csv", "-c", config)

    assert done.stdout == "imported 0 results of 2 services; 6 were there already\n"


def test_a_file_with_a_fault_imports_nothing(invoke: Invoke, config: Path, tmp_path: Path) -> None:
    invoke("export", "-c", config, "-o", tmp_path / "all.csv")
    with (tmp_path / "all.csv").open("a") as file:
        file.write("new,soon,OK,success,,,,,,,false\n")
    (tmp_path / "p.db").unlink()

    done = invoke("import", tmp_path / "all.csv", "-c", config)

    assert (done.exit_code, (tmp_path / "p.db").exists()) == (65, False)
    assert "checked_at: 'soon' is not a time" in done.stderr and "line 8" in done.stderr


@pytest.mark.parametrize(
    "args", [["export", "mader"], ["export", "--format", "parquet"], ["import"], ["import", "no"]]
)
def test_wrong_usage_of_either_is_told(invoke: Invoke, config: Path, args: list[str]) -> None:
    assert invoke(*args, "-c", config).exit_code == 2
