"""HTTP/2, spoken with nginx, since no server of Python's own knows it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import free_port, until
from fetching import fetch
from servers import Certificate

from prober.model import Reason
from prober.probes.connection import HandOver
from prober.probes.direct import Direct
from prober.probes.engine import Engine
from prober.probes.exchange import Options, Request
from prober.probes.secured import Doubt
from prober.probes.speaking import spoken
from prober.wire import Wire

SETTINGS = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors; events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  ssl_certificate {cert}; ssl_certificate_key {key};
  server {{ listen 127.0.0.1:{plain} http2; return 200 "$server_protocol"; }}
  server {{ listen 127.0.0.1:{secure} ssl http2; return 200 "$server_protocol"; }}
  server {{ listen 127.0.0.1:{old} ssl; return 200 "$server_protocol"; }}
}}
"""


@pytest.fixture(scope="module")
def urls(
    tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[dict[str, str]]:
    """The urls of nginx: plain HTTP/2 only, TLS with both versions, and TLS with 1.1 only."""
    program = shutil.which("nginx")
    if program is None:
        assert os.environ.get("CI") != "true", "nginx is not installed"
        pytest.skip("nginx is not installed")
    folder: Path = tmp_path_factory.mktemp("nginx")
    ports = {name: free_port() for name in ("plain", "secure", "old")}
    text = SETTINGS.format(folder=folder, cert=certificate.cert, key=certificate.key, **ports)
    (folder / "settings").write_text(text)
    command = (program, "-p", str(folder), "-c", str(folder / "settings"), "-e", "errors")
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: listens(ports["old"]))
    schemes = {"plain": "http", "secure": "https", "old": "https"}
    yield {name: f"{schemes[name]}://127.0.0.1:{port}" for name, port in ports.items()}
    process.terminate()
    process.wait()


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("server", "asked", "spoken"),
    [
        ("plain", "2", "2"),
        ("secure", "2", "2"),
        ("secure", "auto", "2"),
        ("secure", "1.1", "1.1"),
        ("old", "auto", "1.1"),
    ],
)
async def test_a_version_is_agreed_on(
    engine: Engine, urls: dict[str, str], server: str, asked: str, spoken: str
) -> None:
    options = Options(wire=Wire(http_version=asked))
    exchange = await fetch(engine, urls[server], options=options)

    assert (exchange.http_version, exchange.error) == (spoken, None)
    assert exchange.body.startswith(f"HTTP/{spoken}".encode())


async def test_http_2_alone_is_not_agreed_on_by_an_old_server(
    engine: Engine, urls: dict[str, str]
) -> None:
    options = Options(wire=Wire(http_version="2"))
    exchange = await fetch(engine, urls["old"], 2, options)

    assert exchange.reason in {Reason.TLS, Reason.PROTOCOL, Reason.RESET}


async def test_a_server_that_chooses_http2_is_left_to_libcurl(
    urls: dict[str, str], certificate: Certificate
) -> None:
    direct = Direct(asyncio.get_running_loop(), str(certificate.cert))
    port = int(urls["secure"].rpartition(":")[2])
    words = spoken(Request(urls["secure"], "127.0.0.1", port, Options()))
    assert words is not None
    with pytest.raises(HandOver) as raised:
        await direct.fetch(words, words.addresses, 5.0)

    assert not isinstance(raised.value, Doubt)
    direct.close()
