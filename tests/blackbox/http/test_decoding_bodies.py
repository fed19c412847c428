"""Compression is undone, with all that is good before a fault."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator

import brotli
import pytest

from prober.blackbox.http.decoding import Foreign, decoded
from prober.blackbox.http.heads import Malformed

TEXT = bytes(range(256)) * 400
PACKED = {
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT)[2:-4],
    "br": brotli.compress(TEXT),
    "identity": TEXT,
}


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 100):
        yield data[at : at + 100]


@pytest.mark.parametrize("encoding", PACKED)
async def test_a_body_comes_out_as_it_went_in(encoding: str) -> None:
    out = [data async for data in decoded(pieces(PACKED[encoding]), encoding)]

    assert b"".join(out) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_what_is_good_comes_before_the_fault(encoding: str) -> None:
    out = b""

    with pytest.raises(Malformed):
        async for data in decoded(pieces(PACKED[encoding] + b"more"), encoding):
            out += data

    assert out == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_half_a_body_is_a_fault(encoding: str) -> None:
    half = PACKED[encoding][: len(PACKED[encoding]) // 2]

    with pytest.raises(Malformed):
        [data async for data in decoded(pieces(half), encoding)]


async def test_what_is_no_gzip_is_told_at_once() -> None:
    with pytest.raises(Foreign):
        [data async for data in decoded(pieces(TEXT), "gzip")]
