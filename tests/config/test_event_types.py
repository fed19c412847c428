"""Canonical types of events in a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.config import load
from prober.config.events import Events, compile_schema
from prober.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config" / "vx11.yaml"

VX11 = [
    ("system.alert", "incident", 2048),
    ("system.correlation.updated", "meta", 2048),
    ("forensic.snapshot.created", "forensic", 1024),
    ("madre.decision.explained", "decision", 3072),
    ("switch.tension.updated", "state", 1024),
    ("shub.action.narrated", "narration", 2048),
]


def read(folder: Path, alert: str) -> Events:
    file = folder / "prober.yaml"
    file.write_text(
        "services: [{name: a, url: 'http://127.0.0.1:1'}]\n"
        f"gateway: {{events: {{types: {{alert: {alert}}}}}}}\n"
    )
    return load.load([file], {}).gateway.events


def test_the_canonical_types_of_vx11_are_whole() -> None:
    types = load.load([SHIPPED], {}).gateway.events.types

    assert [(name, kind.nature, kind.max_bytes) for name, kind in types.items()] == VX11


@pytest.mark.parametrize(
    ("payload", "fits"),
    [
        ({"value": 1, "components": {}, "timestamp": 1}, True),
        ({"value": 1, "components": {}, "timestamp": 1, "more": None}, True),
        ({"value": True, "components": {}, "timestamp": 1}, False),
        ({"value": 1, "components": [], "timestamp": 1}, False),
        ({"value": 1, "components": {}}, False),
    ],
)
def test_the_schemas_of_vx11_mean_what_its_table_says(
    payload: dict[str, object], fits: bool
) -> None:
    types = load.load([SHIPPED], {}).gateway.events.types
    schema = types["switch.tension.updated"].definition

    assert (compile_schema(schema)(payload) is None) is fits


def test_numbers_and_truths_of_a_schema_are_read_as_such(tmp_path: Path) -> None:
    events = read(tmp_path, "{schema: {minProperties: 2, additionalProperties: false}}")

    assert events.types["alert"].definition == {"minProperties": 2, "additionalProperties": False}


def test_a_schema_may_be_written_as_json(tmp_path: Path) -> None:
    events = read(tmp_path, """{schema: '{"enum": [{"level": 1}]}'}""")

    assert events.types["alert"].definition == {"enum": [{"level": 1}]}


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        ("{schema: {type: objekt}}", "types.alert.schema: a mapping is not a JSON Schema"),
        ("{schema: {minProperties: few}}", '"few" is not of type'),
        ("{schema: {$ref: 'http://127.0.0.1:1/'}}", "nothing is fetched"),
        ("{schema: '{'}", "is not JSON"),
        ("{schema: '[]'}", "is not a JSON Schema; write a mapping"),
        ("{schema: [a]}", "is not a JSON Schema; write a mapping"),
        ("{max_bytes: 65KiB}", "is out of range; write a size from 1B to 64KiB"),
        ("{schemas: {}}", "did you mean 'schema'?"),
    ],
)
def test_a_wrong_type_is_said_with_its_remedy(tmp_path: Path, alert: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, alert)

    [problem] = raised.value.problems
    assert said in str(problem)
