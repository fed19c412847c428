"""config/vx11.yaml against servers that behave as the fleet does, on ports of its own.

The ports of the file are fixed, so the test rewrites them to free ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from commands import execute
from servers import Handler, answers, answers_by_path, dead_port, response, serving

SOURCE = Path(__file__).parents[2] / "config" / "vx11.yaml"
OK = answers(200, b'{"status":"ok"}')

BEHAVIOUR: dict[int, Handler | None] = {
    8000: answers_by_path({"/vx11/status": response(200, b'{"ok":true}')}),
    8001: OK,
    8002: answers_by_path({"/healthz": response(200, b"switch here")}),
    8003: OK,
    8004: answers(500, b"queen is down"),
    8005: None,
    8006: OK,
    8007: None,
    8008: OK,
    8011: OK,
    8020: answers_by_path({"/": response(200, b"<!doctype html>")}),
}

EXPECTED = {
    "tentaculo_link": ("OK", 200, "/vx11/status", '{"ok":true}'),
    "madre": ("OK", 200, "/health", '{"status":"ok"}'),
    "switch": ("OK", 200, "/healthz", "switch here"),
    "hermes": ("OK", 200, "/health", '{"status":"ok"}'),
    "hormiguero": ("BROKEN", 500, None, "queen is down"),
    "manifestator": ("BROKEN", None, None, None),
    "mcp": ("OK", 200, "/health", '{"status":"ok"}'),
    "shubniggurath": ("UNKNOWN", None, None, None),
    "spawner": ("OK", 200, "/health", '{"status":"ok"}'),
    "operator-backend": ("OK", 200, "/health", '{"status":"ok"}'),
    "operator-frontend": ("OK", 200, "/", "<!doctype html>"),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, dict[str, Any]]]:
    """The exit code and the JSON of one check of the fleet."""
    with ExitStack() as stack:
        ports = {
            str(port): stack.enter_context(serving(handler)).port
            if handler
            else stack.enter_context(dead_port())
            for port, handler in BEHAVIOUR.items()
        }
        config = tmp_path_factory.mktemp("vx11") / "vx11.yaml"
        moved = re.sub(r"(?<=:)8\d{3}$", lambda m: str(ports[m[0]]), SOURCE.read_text(), flags=re.M)
        config.write_text(moved)
        done = execute("check-once", "-c", config, "--format", "json")
        yield done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_service_is_reported_as_it_behaves(
    checked: tuple[int, dict[str, Any]], name: str
) -> None:
    (found,) = (s for s in checked[1]["services"] if s["name"] == name)

    assert (
        found["status"],
        found["http_code"],
        found["endpoint_ok"],
        found["snippet"],
    ) == EXPECTED[name]


def test_the_fleet_is_broken_by_its_critical_service(checked: tuple[int, dict[str, Any]]) -> None:
    code, report = checked

    assert (code, report["verdict"]) == (1, "broken")
    assert report["summary"] == {
        "ok": 8,
        "degraded": 0,
        "broken": 2,
        "unknown": 0,
        "disabled": 1,
        "total": 11,
    }
