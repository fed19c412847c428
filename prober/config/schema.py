"""The JSON Schema of configuration files, for editors."""

from __future__ import annotations

from typing import Any

from prober.config.tree import Document


def schema() -> dict[str, Any]:
    """The schema, in the 2020-12 dialect, with a description of every key."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Document.model_json_schema(),
    }
