"""Tokens for probes on demand, and what keeps one from being had."""

from __future__ import annotations

import pytest
from blackbox.jobs import job
from servers import Handler, answers, hangs, redirects, serving

from prober.blackbox.http import grants, probe
from prober.blackbox.http.grants import NoToken
from prober.module import Allowed, Grant, HttpModule
from prober.wire import OAuth2

NOBODY = Allowed(("nobody.example",), ("192.0.2.1/32",))


def grant(url: str) -> Grant:
    """What asks this server for a token."""
    return Grant(OAuth2(url, "me", "secret"))


@pytest.mark.parametrize(
    ("issuer", "words"),
    [
        (answers(200, b"{}"), "without a token"),
        (answers(200, b"[" * 100_000), "with nonsense"),
        (answers(401, b"{}"), "answered 401"),
        (redirects("http://169.254.169.254/"), "is a metadata address"),
    ],
)
async def test_no_token_has_its_reason(issuer: Handler, words: str) -> None:
    with serving(issuer) as server, job("", HttpModule()) as asked, pytest.raises(NoToken) as why:
        await grants.authorization(asked, grant(server.url))

    assert words in str(why.value)


async def test_its_server_need_not_be_allowed() -> None:
    body = b'{"access_token": "t0ken"}'
    with serving(answers(200, body)) as server, job("", HttpModule(), allowed=NOBODY) as asked:
        assert await grants.authorization(asked, grant(server.url)) == "Bearer t0ken"


async def test_a_server_of_tokens_that_hangs_is_left_at_the_deadline() -> None:
    with serving(hangs()) as issuer:
        module = HttpModule(grant=grant(issuer.url))
        with job("http://127.0.0.1:1/", module, 0.2) as asked:
            assert not await probe.run(asked)

    assert "the time is over" in asked.report.log[-1]
