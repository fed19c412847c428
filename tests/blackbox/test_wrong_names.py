"""A server whose certificate is for others learns nothing of who asks."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from servers import make_certificate, serving

from prober.blackbox import handshake
from prober.blackbox.handshake import WrongName
from prober.blackbox.streams import connected
from prober.wire import TlsOptions


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_no_certificate_of_ours_goes_to_a_wrong_name(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    made = make_certificate(tmp_path)
    context = made.context()
    context.maximum_version = version
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(made.cert)
    files = TlsOptions(str(made.cert), str(made.cert), str(made.key))
    received: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read())

    with serving(handler, context) as server:
        stream = await connected("127.0.0.1", server.port, None)
        with pytest.raises(WrongName):
            await stream.encrypt(await handshake.context(files), "other.example")
        stream.close()

    assert received == []
