"""The base of all parts of the tree: mappings of the file with known keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A mapping of the file. Defaults are written as a file would write them."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        field_title_generator=lambda name, _: name,
    )
