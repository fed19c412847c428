"""Servers that want a token, and those that hand it out by OAuth2, or don't."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from daemons import free_port
from servers import Handler, closes, serving
from zoo.behaviours import Behaviour, Ground
from zoo.http_behaviours import http, page
from zoo.redirect_behaviours import answering
from zoo.request_behaviours import has

TOKEN = b'{"access_token": "t0ken", "token_type": "Bearer", "expires_in": 60}'
JSON = "Content-Type: application/json"


def granted(
    name: str, issuer: Handler, wanted: bytes = b"Authorization: Bearer t0ken", **settings: Any
) -> Behaviour:
    """A server that wants a header, and one on a port of its own that hands out tokens."""
    port = free_port()

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        judge = answering(lambda asked: page(status="200 OK" if has(wanted)(asked) else "401 No"))
        with ExitStack() as stack:
            stack.enter_context(serving(issuer, port=port))
            yield stack.enter_context(serving(judge)).url

    oauth2 = {"client_id": "me", "client_secret": "s", "token_url": f"http://127.0.0.1:{port}/"}
    return Behaviour(
        f"token-{name}", serve, http(**{"oauth2": oauth2, "timeout": "3s", **settings})
    )


def issues(body: bytes = TOKEN, status: str = "200 OK", kind: str = JSON) -> Handler:
    """Hand out what is in this body."""
    return closes(page(kind, status=status, body=body))


BEHAVIOURS = [
    granted("fine", issues()),
    granted("without-end", issues(b'{"access_token": "t0ken", "token_type": "Bearer"}')),
    granted("without-type", issues(b'{"access_token": "t0ken"}')),
    granted("other-one", issues(), b"Authorization: Bearer other"),
    granted("refused", issues(b'{"error": "invalid_client"}', "401 No")),
    granted("broken", issues(b"{")),
    granted("missing", issues(b"{}")),
    granted("gone", closes()),
]
