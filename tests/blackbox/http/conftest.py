"""Answers for tests of HTTP on demand: bytes that come from nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from prober.blackbox.http.incoming import Incoming
from prober.blackbox.streams import Stream

Arriving = Callable[..., Incoming]


class Pieces:
    """A stream that brings these pieces, and then its end."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = list(pieces)

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@pytest.fixture
def arriving() -> Arriving:
    """What comes when these pieces are received."""
    return lambda *pieces: Incoming(cast(Stream, Pieces(pieces)))
