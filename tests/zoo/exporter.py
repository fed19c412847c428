"""Debian's blackbox_exporter as a process on loopback, to be asked what it makes of a target."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from daemons import free_port, until

CONFIG = "blackbox.yml"
PROGRAM = "prometheus-blackbox-exporter"
PATIENCE_S = 30.0
SCRAPE_S = 5.5  # as Prometheus would say; it takes half a second off

Modules = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Exporter:
    """A running exporter."""

    url: str

    def probe(self, target: str, module: str, hostname: str = "") -> str:
        """What it answers, in Prometheus's text format."""
        asked = {"target": target, "module": module}
        asked |= {"hostname": hostname} if hostname else {}
        return self._get(f"/probe?{urllib.parse.urlencode(asked)}")

    def log(self, target: str, module: str, hostname: str = "") -> str:
        """What it says of a probe to those who ask for details."""
        asked = {"target": target, "module": module, "hostname": hostname, "debug": "true"}
        return self._get(f"/probe?{urllib.parse.urlencode(asked)}")

    def is_ready(self) -> bool:
        """Whether it answers at all."""
        try:
            return bool(self._get("/-/healthy"))
        except OSError:
            return False

    def _get(self, path: str) -> str:
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": str(SCRAPE_S)}
        asked = urllib.request.Request(f"{self.url}{path}", headers=headers)
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())


@contextmanager
def exporting(folder: Path, modules: Modules) -> Iterator[Exporter]:
    """A started exporter that knows these modules, ended with the block."""
    config = folder / CONFIG
    config.write_text(blackbox_yml(modules))
    address = f"127.0.0.1:{free_port()}"
    command = [program(), f"--config.file={config}", f"--web.listen-address={address}"]
    with (folder / "exporter.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        exporter = Exporter(f"http://{address}")
        until(lambda: process.poll() is not None or exporter.is_ready())
        assert process.poll() is None, (folder / "exporter.log").read_text()
        yield exporter
    finally:
        process.terminate()
        process.wait(10)


def blackbox_yml(modules: Modules) -> str:
    """Modules as a blackbox.yml; JSON is YAML."""
    return json.dumps({"modules": modules}, indent=1)


def program() -> str:
    """The exporter's path."""
    found = shutil.which(PROGRAM)
    if found is None:
        assert not os.environ.get("CI"), f"{PROGRAM} is not installed"
        pytest.skip(f"{PROGRAM} is not installed")
    return found
