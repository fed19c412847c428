"""Redirects lead nowhere that may not be probed, and take no credentials to strangers."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from blackbox.jobs import job
from servers import answers, echoes, redirects, serving

from prober.blackbox.guard import Refused
from prober.blackbox.http import probe
from prober.module import Addressing, Allowed, HttpModule

HERE = Allowed(("localhost",), ("127.0.0.1/32",))
"""Loopback, but for the rest of its network."""


@pytest.mark.parametrize(
    "there", ["http://127.0.0.2:{port}/", "http://example.com/", "http://169.254.169.254/"]
)
async def test_a_redirect_to_where_nobody_may_go_is_not_followed(there: str) -> None:
    with serving(answers(200), host="0.0.0.0") as other, ExitStack() as stack:
        server = stack.enter_context(serving(redirects(there.format(port=other.port))))
        asked = stack.enter_context(job(server.url, HttpModule(), allowed=HERE))
        success = await probe.run(asked)

    assert (success, other.accepted) == (False, 0)
    assert "is not allowed" in asked.report.log[-1]


async def test_a_target_that_may_not_be_probed_is_refused() -> None:
    with job("http://127.0.0.2/", HttpModule(), allowed=HERE) as asked, pytest.raises(Refused):
        await probe.run(asked)


@pytest.mark.parametrize(("path", "host"), [("/", "127.0.0.1"), ("/", "localhost")])
async def test_another_server_sees_no_credentials(path: str, host: str) -> None:
    headers = (("Authorization", "Bearer secret"),)
    module = HttpModule(Addressing("ip4"), headers=headers, fail_if_body_matches=("secret",))
    with serving(echoes()) as other, ExitStack() as stack:
        first = redirects(f"http://{host}:{other.port}{path}")
        server = stack.enter_context(serving(first))
        asked = stack.enter_context(job(server.url, module))

        assert await probe.run(asked)


async def test_the_deadline_is_kept() -> None:
    slow = serving(answers(200, delay_s=5.0))
    with slow as server, job(server.url, HttpModule(), timeout_s=0.1) as asked:
        success = await probe.run(asked)

    assert not success
    assert asked.report.log[-1] == "failed: the time is over"
