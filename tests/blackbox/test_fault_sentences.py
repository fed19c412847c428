"""What people read where a probe failed."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from blackbox.jobs import job
from servers import answers, dead_port, make_certificate, serving

from prober.blackbox import tcp
from prober.blackbox.faults import sentence
from prober.module import Addressing, TcpModule

ENCRYPTS = TcpModule(Addressing("ip4"), tls=True)


async def log_of(target: str) -> str:
    """The last line of a failed probe's log."""
    with job(target, ENCRYPTS) as asked:
        assert not await tcp.run(asked)
    return asked.report.log[-1]


async def test_a_certificate_that_nobody_vouches_for_is_named(tmp_path: Path) -> None:
    with serving(answers(200), make_certificate(tmp_path).context()) as server:
        log = await log_of(f"localhost:{server.port}")

    assert log == "failed: TLS: self-signed certificate"


async def test_a_refusal_is_named_in_any_event_loop() -> None:
    with dead_port() as port:
        log = await log_of(f"127.0.0.1:{port}")

    assert log == "failed: Connection refused"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ssl.SSLError(1, "x"), "TLS: x"),
        (ssl.SSLEOFError(8, "EOF (_ssl.c:1)"), "TLS: the connection was closed"),
        (ConnectionResetError(104, "other words"), "Connection reset by peer"),
        (OSError("a line is longer than 65536 bytes"), "a line is longer than 65536 bytes"),
        (ValueError("'x' is no port"), "'x' is no port"),
    ],
)
def test_errors_are_said_without_their_numbers(error: Exception, said: str) -> None:
    assert sentence(error) == said
