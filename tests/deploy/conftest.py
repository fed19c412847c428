from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def deploy() -> Path:
    """The folder of files that this suite tests."""
    return Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="session")
def run(deploy: Path) -> Run:
    """Run one of Debian's programs in deploy/, its output in one string; CI must have them all."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        if shutil.which(program) is None and os.environ.get("CI") != "true":
            pytest.skip(f"{program} is not installed")
        return subprocess.run(
            [program, *arguments],
            cwd=deploy,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )

    return run
