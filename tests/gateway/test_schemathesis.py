"""What schemathesis finds where it holds the OpenAPI document against a running daemon.

Requests are made of the document, right ones and wrong ones. No answer may be a 5xx (save where a
forwarded route's service is away), or differ from the document; wrong requests must be refused,
and those without a right token too. The seed is fixed: what a run finds, the next one finds again.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import Daemon
from gateway.link import HEADER, TOKEN, link

SETTINGS = Path(__file__).with_name("schemathesis.toml")
LONGEST_S = 240  # on a busy machine


@pytest.fixture
def vx11(tmp_path: Path) -> Iterator[Daemon]:
    with link(tmp_path) as daemon:
        yield daemon


def run(daemon: Daemon, *options: str) -> str:
    """What schemathesis has to complain of; nothing where all is well."""
    document = f"http://127.0.0.1:{daemon.port}/api/v1/openapi.json"
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "--config-file", str(SETTINGS), "run", document, "--seed=1"]
    where = daemon.folder
    command += ["--no-color", *options]
    done = subprocess.run(command, cwd=where, capture_output=True, timeout=LONGEST_S)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).decode()


def test_all_answers_agree_with_the_document(vx11: Daemon) -> None:
    assert run(vx11, f"--header={HEADER}: {TOKEN}", "--max-examples=4") == ""
    assert "Traceback" not in vx11.log


def test_so_do_all_answers_to_who_has_no_token(vx11: Daemon) -> None:
    assert run(vx11, "--phases=examples,fuzzing", "--max-examples=2") == ""
    assert "Traceback" not in vx11.log
