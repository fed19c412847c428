"""What libcurl is told of a request, and what a service may do in spite of it."""

from __future__ import annotations

import pytest
from servers import Certificate, answers, serving

from prober.model import Service
from prober.probes import preparing
from prober.probes.engine import Engine
from prober.probes.exchange import Options, Request
from prober.probes.http import Requests


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1", "X25519"])
async def test_a_server_that_wants_another_key_is_reached(
    engine: Engine, certificate: Certificate, curve: str
) -> None:
    context = certificate.context()
    context.set_ecdh_curve(curve)

    with serving(answers(200, b"well"), context) as server:
        url = f"https://localhost:{server.port}/"
        exchange = await engine.fetch(Request(url, "localhost", server.port, Options()), 5)

    assert exchange.http_code == 200


@pytest.mark.parametrize(
    ("library", "told"),
    [("OpenSSL/3.6.5", True), ("OpenSSL/3.5.0", True), ("OpenSSL/3.0.19", False), ("", False)],
)
def test_marks_of_groups_are_for_libraries_that_know_them(library: str, told: bool) -> None:
    assert preparing.makes_many_keys(library) is told


def test_a_request_is_put_together_once() -> None:
    requests = Requests()
    service = Service("shop", "http://h:1", "h", 1)

    assert requests.of(service, "/health") is requests.of(service, "/health")


def test_a_service_that_a_reload_brings_gets_a_request_of_its_own() -> None:
    requests = Requests()
    requests.of(Service("shop", "http://h:1", "h", 1), "/health")

    reloaded = Service("shop", "http://other:1", "other", 1)

    assert requests.of(reloaded, "/health").url == "http://other:1/health"
