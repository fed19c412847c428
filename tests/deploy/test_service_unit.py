from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from prober import errors

Run = Callable[..., subprocess.CompletedProcess[str]]

PR_SET_MDWE = 65  # prctl(2), since Linux 6.3: what MemoryDenyWriteExecute= asks of the kernel
PR_GET_MDWE = 66

# Compiled code is what could want memory that is both writable and executable.
UNDER_MEMORY_DENIAL = f"""
import ctypes
assert ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0) == 0
import asyncio, sqlite3, ssl
import orjson, psycopg, pycurl, pydantic, sqlalchemy, uvicorn, uvloop
curl = pycurl.Curl()
curl.setopt(pycurl.URL, "http://127.0.0.1:1/")
curl.setopt(pycurl.WRITEFUNCTION, len)
try:
    curl.perform()
except pycurl.error as error:
    assert error.args[0] == pycurl.E_COULDNT_CONNECT, error
uvloop.run(asyncio.sleep(0))
sqlalchemy.create_engine("sqlite://").connect().exec_driver_sql("select 1")
"""


@pytest.fixture(scope="module")
def unit(deploy: Path) -> str:
    return (deploy / "prober.service").read_text()


def test_systemd_finds_nothing_to_say_about_the_unit(run: Run) -> None:
    done = run("systemd-analyze", "verify", "prober.service")

    # On systemd 252 a key that it ignores is only a warning: any output is a fault.
    assert (done.returncode, done.stdout) == (0, "")


def test_the_unit_is_confined(run: Run) -> None:
    done = run("systemd-analyze", "security", "--offline=yes", "prober.service")

    exposure = re.search(r"Overall exposure level for prober.service: ([\d.]+)", done.stdout)

    assert exposure, done.stdout
    assert float(exposure[1]) <= 1.5


def test_the_unit_starts_a_command_that_prober_has(unit: str) -> None:
    command = re.search(r"^ExecStart=\S+ \S+/prober (\S.*)$", unit, re.MULTILINE)

    assert command
    assert command[1].split() == ["run", "--config", "/etc/prober/prober.yaml"]


@pytest.mark.parametrize(
    "kind", [errors.ConfigError, errors.StoreCorrupt, errors.StoreNewer], ids=lambda k: k.__name__
)
def test_no_restart_where_only_a_person_can_help(unit: str, kind: type[errors.ProberError]) -> None:
    assert str(kind.exit_code) in given_up(unit)


@pytest.mark.parametrize(
    "kind", [errors.StoreLocked, errors.AddressInUse, errors.StoreError], ids=lambda k: k.__name__
)
def test_a_restart_where_time_can_help(unit: str, kind: type[errors.ProberError]) -> None:
    assert str(kind.exit_code) not in given_up(unit)


def test_libraries_need_no_writable_and_executable_memory() -> None:
    has_denial = ctypes.CDLL(None).prctl(PR_GET_MDWE, 0, 0, 0, 0) >= 0
    if not has_denial and os.environ.get("CI") != "true":
        pytest.skip("this kernel cannot deny writable and executable memory")

    done = subprocess.run(
        [sys.executable, "-c", UNDER_MEMORY_DENIAL], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def given_up(unit: str) -> list[str]:
    [codes] = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
    return str(codes).split()
