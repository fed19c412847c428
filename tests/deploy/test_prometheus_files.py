from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from prober.sinks import metrics
from prober.telemetry import Telemetry

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_accepts_the_files(run: Run, arguments: tuple[str, ...]) -> None:
    done = run("promtool", *arguments)

    assert done.returncode == 0, done.stdout
    assert "SUCCESS" in done.stdout


def test_alerts_read_only_series_that_prober_writes(deploy: Path) -> None:
    heads = metrics.Metrics([]).render() + Telemetry().render()
    written = set(re.findall(r"^# TYPE (\S+)", heads, re.MULTILINE))

    expressions = re.findall(r"expr: (.*?)\n +(?:for|labels):", rules(deploy), re.DOTALL)
    read = set(re.findall(r"\bprober_\w+", "\n".join(expressions)))

    assert read
    assert {name.removesuffix("_bucket") for name in read} <= written


def test_every_alert_has_a_unit_test(deploy: Path) -> None:
    alerts = set(re.findall(r"alert: (\w+)", rules(deploy)))

    tested = set(re.findall(r"alertname: (\w+)", (deploy / "rules_test.yml").read_text()))

    assert alerts == tested


def rules(deploy: Path) -> str:
    return (deploy / "rules.yml").read_text()
