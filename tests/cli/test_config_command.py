"""The command `config`, as its user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = "services:\n  - name: a\n    url: http://a\n    headers: {X-Token: '${TOKEN:-hunter2}'}\n"
BAD = "services:\n  - name: a\n    url: http://a/b\n    interval: 5x\n"


def prober(*arguments: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `prober config` in a folder."""
    return subprocess.run(
        [sys.executable, "-c", "from prober.cli import main; main()", "config", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    return tmp_path


def test_check_says_that_a_configuration_is_valid(good: Path) -> None:
    done = prober("check", "-c", "good.yaml", folder=good)
    assert done.stdout == "1 service in 1 file: configuration is valid\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_check_takes_several_files(good: Path) -> None:
    (good / "more.yaml").write_text(GOOD.replace("name: a", "name: b"))
    done = prober("check", "-c", "good.yaml", "--config", "more.yaml", folder=good)
    assert done.stdout == "2 services in 2 files: configuration is valid\n"


def test_check_takes_the_configuration_from_the_environment(good: Path) -> None:
    assert prober("check", folder=good, PROBER_CONFIG="good.yaml").returncode == 0


def test_check_prints_every_problem_to_stderr_and_exits_with_78(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    done = prober("check", "-c", "bad.yaml", folder=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == [
        "services[0].url",
        "services[0].interval",
    ]
    assert "write 5s, 5m or 1h (bad.yaml, line 4)" in done.stderr


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_missing_file_exits_with_78(tmp_path: Path, command: str) -> None:
    done = prober(command, "-c", "none.yaml", folder=tmp_path)
    assert done.returncode == 78
    assert "none.yaml: can't be read" in done.stderr


def test_show_prints_yaml_with_secrets_masked(good: Path) -> None:
    done = prober("show", "-c", "good.yaml", folder=good)
    assert done.returncode == 0
    assert "X-Token: '********'" in done.stdout
    assert "hunter2" not in done.stdout


def test_schema_prints_json_without_needing_a_configuration(tmp_path: Path) -> None:
    done = prober("schema", folder=tmp_path)
    assert "services" in json.loads(done.stdout)["properties"]
