"""Contexts that are shared, and the certificates in a handshake's message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from servers import make_certificate

from prober.blackbox import handshake
from prober.wire import TlsOptions

ONE, TWO = b"first", b"second"


def sized(data: bytes, octets: int = 3) -> bytes:
    """Data behind its length."""
    return len(data).to_bytes(octets) + data


async def test_the_same_options_share_a_context() -> None:
    assert await handshake.context(TlsOptions()) is await handshake.context(TlsOptions())


async def test_a_changed_file_makes_a_new_context(tmp_path: Path) -> None:
    options = TlsOptions(ca_file=str(make_certificate(tmp_path).cert))
    before = await handshake.context(options)

    os.utime(str(options.ca_file), ns=(1, 1))

    assert await handshake.context(options) is not before


@pytest.mark.parametrize("text", [None, "nonsense"])
async def test_a_file_of_no_use_is_an_error(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "authority.crt"
    if text is not None:
        file.write_text(text)

    with pytest.raises(OSError):
        await handshake.context(TlsOptions(ca_file=str(file)))


def test_certificates_are_read_from_an_older_handshake() -> None:
    message = b"\x0b" + sized(sized(sized(ONE) + sized(TWO)))

    assert list(handshake.certificates(message, context_first=False)) == [ONE, TWO]


def test_certificates_are_read_from_a_handshake_of_tls_1_3() -> None:
    extensions = sized(b"xyz", 2)
    listed = sized(ONE) + extensions + sized(TWO) + sized(b"", 2)
    message = b"\x0b" + sized(sized(b"", 1) + sized(listed))

    assert list(handshake.certificates(message, context_first=True)) == [ONE, TWO]


async def test_good_certificates_are_trusted_beside_broken_ones(tmp_path: Path) -> None:
    good = make_certificate(tmp_path).cert.read_text()
    file = tmp_path / "mixed.crt"
    file.write_text(good.replace("MII", "AAA", 1) + good)

    context = await handshake.context(TlsOptions(ca_file=str(file)))

    assert context.cert_store_stats()["x509"] == 1
