"""A real daemon probes real targets on demand, and no others."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import Daemon, running, until
from servers import Server, answers, read_request, redirects, response, serving

MODULES = """
modules:
  http_2xx: {prober: http, timeout: 5s}
  tcp: {prober: tcp, timeout: 5s}
"""
ALLOW = {"hosts": ["localhost", "127.*"], "networks": ["127.0.0.0/30", "169.254.0.0/16"]}
METADATA = "169.254.169.254"


@pytest.fixture(scope="module")
def target() -> Iterator[Server]:
    with serving(answers(200, b"well")) as server:
        yield server


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, target: Server) -> Iterator[Daemon]:
    """A daemon that may probe the first addresses of loopback."""
    folder = tmp_path_factory.mktemp("daemon")
    (folder / "blackbox.yml").write_text(MODULES)
    blackbox = {"config_file": "blackbox.yml", "allow": ALLOW}
    with running(folder, [{"name": "a", "url": target.url}], blackbox=blackbox) as daemon:
        until(lambda: asked(daemon, target.url)[0] == 200)
        yield daemon


def asked(daemon: Daemon, target: str, module: str = "http_2xx") -> tuple[int, str]:
    """The status code and the text that /probe answers."""
    query = urllib.parse.urlencode({"target": target, "module": module})
    try:
        url = f"http://127.0.0.1:{daemon.port}/probe?{query}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status), str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("module", ["http_2xx", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_an_allowed_target_is_probed(
    daemon: Daemon, target: Server, module: str, host: str
) -> None:
    status, text = asked(daemon, f"{host}:{target.port}", module)

    assert status == 200
    assert "\nprobe_success 1\n" in text
    assert "\nprobe_ip_protocol 4\n" in text


@pytest.mark.parametrize("module", ["http_2xx", "tcp"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.9",
        "[::ffff:127.0.0.9]",
        "[::1]",
        METADATA,
        f"[::ffff:{METADATA}]",
        f"[64:ff9b::{METADATA}]",
        "0.0.0.0",
        "[::]",
        "example.org",
    ],
)
def test_another_target_is_refused(daemon: Daemon, module: str, host: str) -> None:
    status, text = asked(daemon, f"{host}:80", module)

    assert status == 403
    assert "blackbox.allow" in text
    assert text.count("\n") == 1


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_a_number_is_not_taken_for_an_address(daemon: Daemon, target: Server, host: str) -> None:
    status, text = asked(daemon, f"{host}:{target.port}", "tcp")
    assert status == 403 or "\nprobe_success 0\n" in text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}@127.0.0.9/",
        "http://127.0.0.1%2f@127.0.0.9:{port}/",
        "http://127.0.0.9#@127.0.0.1:{port}/",
        "http://127.0.0.9?@127.0.0.1:{port}/",
    ],
)
def test_the_host_of_a_url_is_what_counts(daemon: Daemon, target: Server, url: str) -> None:
    status, text = asked(daemon, url.format(port=target.port))
    assert status == 403 or "\nprobe_success 0\n" in text


@pytest.mark.parametrize("host", ["127.0.0.9", METADATA, f"[::ffff:{METADATA}]", "example.org"])
def test_a_redirect_to_where_nobody_may_go_is_not_followed(daemon: Daemon, host: str) -> None:
    with serving(redirects(f"http://{host}/latest/meta-data/")) as server:
        status, text = asked(daemon, server.url)

    assert status == 200
    assert "\nprobe_success 0\n" in text


def test_what_a_redirect_may_not_lead_to_is_not_even_connected_to(daemon: Daemon) -> None:
    with serving(answers(200), host="127.0.0.9") as secret, serving(redirects(secret.url)) as open_:
        asked(daemon, open_.url)

        assert (open_.accepted, secret.accepted) == (1, 0)


@pytest.mark.parametrize("sent", ["\r\nX-Injected: 1\r\n", " HTTP/1.1\nX-Injected: 1\n\n"])
@pytest.mark.parametrize("url", ["{}/{}", "{}/?{}", "{}{}", "{}/#{}"])
def test_a_target_can_not_add_headers(daemon: Daemon, url: str, sent: str) -> None:
    requests: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(response(200))

    with serving(note) as server:
        asked(daemon, url.format(server.url, sent))

    assert not any(b"\nX-Injected" in request for request in requests)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1:1/x", "ftp://127.0.0.1"])
def test_only_http_is_spoken_to_a_url(daemon: Daemon, url: str) -> None:
    status, text = asked(daemon, url)
    assert status == 403 or "\nprobe_success 0\n" in text


def test_a_worker_that_was_killed_is_replaced_and_asked_again(
    daemon: Daemon, target: Server
) -> None:
    os.kill(daemon.workers()[0], signal.SIGKILL)
    until(lambda: asked(daemon, target.url)[0] == 200)


def test_a_reload_takes_over_modules_and_what_is_allowed(tmp_path: Path, target: Server) -> None:
    (tmp_path / "blackbox.yml").write_text(MODULES)
    by_name = f"http://localhost:{target.port}"
    services = [{"name": "a", "url": target.url}]
    blackbox: dict[str, object] = {"config_file": "blackbox.yml"}
    with running(tmp_path, services, blackbox=blackbox) as daemon:
        before = asked(daemon, by_name)[0], asked(daemon, by_name, "more")[0]
        (tmp_path / "blackbox.yml").write_text(MODULES + "  more: {prober: http}\n")
        blackbox["allow"] = ALLOW
        daemon.configure(services)
        daemon.send(signal.SIGHUP)
        until(lambda: asked(daemon, by_name, "more")[0] == 200)

    assert before == (403, 400)
