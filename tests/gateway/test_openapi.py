"""The OpenAPI document: each operation tells what it answers, with examples that are true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from gateway.gates import HEADER, gate

from prober.config import load

VX11 = Path(__file__).parents[2] / "config" / "vx11.yaml"
API = (Path(__file__).parents[2] / "docs/api.md").read_text()
Operation = tuple[str, dict[str, Any]]


@pytest.fixture
async def document(tmp_path: Path) -> dict[str, Any]:
    """The document of VX11's gateway."""
    config = load.load([VX11], {"VX11_TOKEN": "a-token-for-the-vx11-fleet"})
    async with gate(tmp_path, config.services, config.gateway) as client:
        return dict((await client.get("/api/v1/openapi.json")).json())


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def contents(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each place where an operation tells a body, and what it tells of it."""
    for name, operation in operations(document):
        for code, answer in operation["responses"].items():
            for kind, content in answer.get("content", {}).items():
                yield f"{name} {code}", kind, content
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} body", kind, content


def examples(content: dict[str, Any]) -> list[Any]:
    named = [example["value"] for example in content.get("examples", {}).values()]
    return [*named, *([content["example"]] if "example" in content else [])]


async def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    told = {name: o.get("summary") and o.get("description") for name, o in operations(document)}

    assert [name for name, text in told.items() if not text] == []


async def test_every_answer_in_json_has_an_example_that_fits_its_schema(
    document: dict[str, Any],
) -> None:
    wrong = []
    for place, kind, content in contents(document):
        if kind == "application/json":
            schema = {**content["schema"], "components": document["components"]}
            check = jsonschema_rs.validator_for(schema)
            faults = [str(e) for example in examples(content) for e in check.iter_errors(example)]
            wrong += [(place, faults)] if faults or not examples(content) else []

    assert wrong == []


async def test_every_operation_shows_what_it_answers_when_all_is_well(
    document: dict[str, Any],
) -> None:
    bare = [
        name
        for name, operation in operations(document)
        if not name.startswith("HEAD")
        and not any(examples(c) for c in operation["responses"]["200"]["content"].values())
    ]

    assert bare == []


async def test_every_error_has_a_shape(document: dict[str, Any]) -> None:
    shapeless = [
        (name, code)
        for name, operation in operations(document)
        for code, answer in operation["responses"].items()
        if code >= "400" and code != "default" and not name.startswith("HEAD")
        if "schema" not in answer["content"]["application/json"]
    ]

    assert shapeless == []


async def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    bare = [
        (name, parameter["name"])
        for name, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]

    assert bare == []


async def test_what_is_guarded_needs_a_token_and_may_be_refused(document: dict[str, Any]) -> None:
    open_ = {name for name, o in operations(document) if not o["security"]}

    assert {"GET /health", "GET /vx11/status", "GET /api/v1/openapi.json"} <= open_
    assert not {"GET /vx11/overview", "POST /events/ingest", "GET /resources"} & open_
    for name, operation in operations(document):
        if name not in open_:
            assert {"401", "403", "429"} <= operation["responses"].keys(), name


async def test_the_token_travels_in_the_configured_header(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]

    assert schemes["token"] == {"type": "apiKey", "in": "header", "name": HEADER}
    assert schemes["bearer"] == {"type": "http", "scheme": "bearer"}


async def test_where_reading_is_open_only_writing_needs_a_token(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/api/v1/openapi.json")).json()["paths"]

    assert paths["/api/v1/services"]["get"]["security"] == []
    assert paths["/api/v1/events"]["post"]["security"] == [{"token": []}, {"bearer": []}]


async def test_no_shape_of_another_makers_is_told(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(document)


async def test_every_route_of_probers_own_stands_in_the_docs(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/v1/openapi.json")).json()

    names = [name for name, _ in operations(document) if not name.startswith("HEAD")]

    assert [name for name in names if f"`{name}" not in API] == []
