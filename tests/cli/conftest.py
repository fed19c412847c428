"""Fixtures for tests of commands."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from commands import Configure, Invoke
from rich_click import rich_click

from prober.cli import main


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Run a command line in this process; the global state that commands set is put back."""
    monkeypatch.delenv("PROBER_CONFIG", raising=False)
    monkeypatch.setattr(rich_click, "WIDTH", 200)  # so that no message is wrapped
    handlers, level = logging.root.handlers[:], logging.root.level
    yield lambda *args: CliRunner().invoke(main, [str(arg) for arg in args])
    structlog.reset_defaults()
    logging.captureWarnings(False)
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Write a configuration whose services are given as the inside of YAML flow mappings."""

    def write(*services: str, timeout: str = "1s", more: str = "", top: str = "") -> Path:
        file = tmp_path / "prober.yaml"
        lines = [
            f"defaults: {{interval: 5s, timeout: {timeout}}}",
            f"store: {{url: 'sqlite:///{tmp_path}/p.db', spool: '{tmp_path}/spool'{more}}}",
            "services:",
            *(f"  - {{{service}}}" for service in services),
            top,
        ]
        file.write_text("\n".join(lines) + "\n")
        return file

    return write
