"""How answers stand in the OpenAPI document: each with its reason, its shape and an example."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from prober.gateway.shapes import Fault

Answers = dict[int | str, dict[str, Any]]
"""What FastAPI takes as `responses`."""

JSON = "application/json"
TEXT = "text/plain"


def answer(description: str, shape: Any, *examples: Mapping[str, Any]) -> dict[str, Any]:
    """An answer in JSON of this shape, which is a model or a union of models."""
    return {"description": description, "model": shape, "content": {JSON: _shown(examples)}}


def text(description: str, example: str, media_type: str = TEXT) -> dict[str, Any]:
    """An answer that is text."""
    shown = {"schema": {"type": "string"}, "example": example}
    return {"description": description, "content": {media_type: shown}}


def fault(code: int, *messages: str, description: str = "") -> Answers:
    """An error as nearly every route tells it, with the messages that it may have."""
    bodies = [{"error": message, "status_code": code} for message in messages]
    told = description or HTTPStatus(code).phrase
    return {code: answer(told, Fault, *bodies)}


def _shown(examples: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    if len(examples) == 1:
        return {"example": examples[0]}
    return {"examples": {f"example{n}": {"value": e} for n, e in enumerate(examples, start=1)}}


EVERYWHERE: Answers = (
    fault(400, "the request is no HTTP", description="The request can't be understood")
    | fault(408, "the body did not come within 30 s", description="The body takes too long")
    | fault(413, "the body is larger than 1048576 bytes", description="The body is too large")
    | fault(
        429,
        "too many requests",
        "too many wrong tokens",
        description="Too much was asked; Retry-After says the seconds to wait",
    )
    | fault(500, "internal error", description="A defect of prober")
)
"""What each route may answer besides its own."""
