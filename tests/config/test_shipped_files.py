"""The configurations that ship with prober."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.config import load


@pytest.mark.parametrize("name", ["prober.yaml", "vx11.yaml"])
def test_the_files_that_ship_are_valid_without_any_variable(name: str) -> None:
    shipped = Path(__file__).parents[2] / "config" / name
    assert load.load([shipped], {}).services


VX11 = [
    ("tentaculo_link", 8000, "/health, /healthz, /vx11/status"),
    ("madre", 8001, "/health, /healthz, /madre/health"),
    ("switch", 8002, "/health, /healthz, /switch/health"),
    ("hermes", 8003, "/health, /healthz, /hermes/health"),
    ("hormiguero", 8004, "/health, /healthz, /hormiguero/status"),
    ("manifestator", 8005, "/health, /healthz, /drift"),
    ("mcp", 8006, "/health, /healthz"),
    ("shubniggurath", 8007, "/health, /healthz, /shub/health"),
    ("spawner", 8008, "/health, /healthz"),
    ("operator-backend", 8011, "/health, /healthz, /operator/vx11/overview"),
    ("operator-frontend", 8020, "/"),
]


def test_the_fleet_of_vx11_is_whole() -> None:
    shipped = Path(__file__).parents[2] / "config" / "vx11.yaml"
    config = load.load([shipped], {"VX11_TOKEN": "t", "VX11_HOST": "vx11"})
    table = [(s.name, s.port, ", ".join(s.endpoints)) for s in config.services]
    assert table == VX11
    assert {s.headers for s in config.services} == {(("X-VX11-Token", "t"),)}
    assert {s.host for s in config.services} == {"vx11"}
    assert [s.name for s in config.services if not s.critical] == ["manifestator", "shubniggurath"]
    assert [s.name for s in config.services if not s.enabled] == ["shubniggurath"]
