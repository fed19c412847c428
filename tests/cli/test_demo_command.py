from __future__ import annotations

import json
import signal
import socket
import time
import urllib.request
from contextlib import closing
from urllib.error import HTTPError

import pytest
from commands import execute, running
from servers import LOOPBACK

from prober.cli.samples import SAMPLES, serving
from prober.errors import AddressInUse


def free_base() -> int:
    """A port that, like those after it, nobody listens on now."""
    for base in range(20_000, 30_000, len(SAMPLES)):
        if not any(_is_taken(port) for port in range(base, base + len(SAMPLES))):
            return base
    raise LookupError("no free ports")


def _is_taken(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def code(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("swift", "/health", 200),
        ("sluggish", "/health", 200),
        ("shattered", "/health", 500),
        ("fallback", "/health", 404),
        ("fallback", "/healthz", 200),
    ],
)
def test_a_sample_answers_as_it_promises(name: str, path: str, expected: int) -> None:
    with serving(free_base()) as samples:
        urls = {sample.name: url for url, sample in samples.items()}

        assert code(urls[name] + path) == expected


def test_the_sluggish_one_takes_its_time() -> None:
    with serving(free_base()) as samples:
        (url,) = (url for url, sample in samples.items() if sample.delay_s)
        start = time.monotonic()

        code(url)

    assert time.monotonic() - start > 0.55


def test_an_answer_is_json() -> None:
    with serving(free_base()) as samples, urllib.request.urlopen(next(iter(samples))) as answer:
        assert json.load(answer) == {"service": "swift", "status": 200}


def test_a_probe_that_hangs_up_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    base = free_base()
    with serving(base):
        client = socket.create_connection((LOOPBACK, base + 1))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.close()
        code(f"http://{LOOPBACK}:{base + 1}/")

    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_it_serves_and_quits_quietly(number: signal.Signals) -> None:
    with running("demo", "--base-port", free_base()) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in SAMPLES]
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)

    assert [line.split()[0] for line in lines] == [sample.name for sample in SAMPLES]
    assert (process.returncode, stderr) == (0, "")


def test_a_port_in_use_is_told_with_a_remedy_and_nothing_is_served() -> None:
    base = free_base()
    with closing(socket.create_server((LOOPBACK, base + 2))):
        done = execute("demo", "--base-port", base)

    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.startswith(f"prober: {LOOPBACK}:{base + 2}: ")
    assert "--base-port" in done.stderr


def test_a_failed_start_lets_go_of_the_ports_it_had() -> None:
    base = free_base()
    with (
        closing(socket.create_server((LOOPBACK, base + 2))),
        pytest.raises(AddressInUse),
        serving(base),
    ):
        raise AssertionError

    assert not _is_taken(base)
