"""The JSON Schema of the file format."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prober.config.access import Auth, Cors, Limits, Token
from prober.config.events import Events, EventType
from prober.config.schema import schema
from prober.config.tree import (
    BasicAuth,
    Breaker,
    Chat,
    Document,
    ExpectedBody,
    ExpectedHeaders,
    Forward,
    Gateway,
    OAuth2,
    RuntimeTable,
    ServiceEntry,
    Settings,
    Store,
    Tls,
)
from prober.config.windows import Maintenance

PARTS = (
    Auth,
    Cors,
    Limits,
    Token,
    BasicAuth,
    Breaker,
    Chat,
    Document,
    EventType,
    Events,
    ExpectedBody,
    ExpectedHeaders,
    Forward,
    Gateway,
    Maintenance,
    OAuth2,
    RuntimeTable,
    ServiceEntry,
    Settings,
    Store,
    Tls,
)
DEFINITIONS: dict[str, Any] = schema()["$defs"] | {"Document": schema()}
DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
KEYS = [
    (part.__name__, field.alias or key)
    for part in PARTS
    for key, field in part.model_fields.items()
]


def interval() -> dict[str, Any]:
    found: dict[str, Any] = DEFINITIONS["ServiceEntry"]["properties"]["interval"]
    return found


def patterns(described: object) -> Iterator[str]:
    """All patterns in a schema."""
    if isinstance(described, dict):
        yield from [described["pattern"]] if isinstance(described.get("pattern"), str) else []
        for inner in described.values():
            yield from patterns(inner)
    elif isinstance(described, list):
        for inner in described:
            yield from patterns(inner)


def test_the_schema_is_json() -> None:
    assert json.loads(json.dumps(schema())) == schema()


@pytest.mark.parametrize(("part", "key"), KEYS)
def test_every_key_has_a_description(part: str, key: str) -> None:
    assert DEFINITIONS[part]["properties"][key]["description"].endswith(".")


@pytest.mark.parametrize("part", [part.__name__ for part in PARTS])
def test_no_part_takes_unknown_keys(part: str) -> None:
    assert DEFINITIONS[part]["additionalProperties"] is False


def test_a_service_needs_a_name_and_a_url() -> None:
    assert DEFINITIONS["ServiceEntry"]["required"] == ["name", "url"]


@pytest.mark.parametrize(
    ("text", "fits"), [("5s", True), ("1m30s", True), ("${T}", True), ("5x", False), ("5", False)]
)
def test_a_duration_is_a_text_that_fits_a_pattern(text: str, fits: bool) -> None:
    assert any(re.search(pattern, text) for pattern in patterns(interval())) is fits


def test_defaults_are_given_as_a_file_would_write_them() -> None:
    assert interval()["default"] == "30s"
    assert DEFINITIONS["ServiceEntry"]["properties"]["expected_status"]["default"] == [200]


def test_every_pattern_is_an_expression() -> None:
    assert all(re.compile(pattern) for pattern in patterns(schema()))


@pytest.mark.parametrize(("part", "key"), KEYS)
def test_every_key_is_documented_with_its_default(part: str, key: str) -> None:
    section = DOCS.read_text().split(f"<!-- keys of {part} -->")[1].split("<!-- end -->")[0]
    (row,) = [line for line in section.splitlines() if line.startswith(f"| `{key}` |")]
    default = DEFINITIONS[part]["properties"][key].get("default")
    if default not in (None, {}, []):
        assert f"`{json.dumps(default).strip(chr(34))}`".replace('"', "") in row
