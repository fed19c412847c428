"""Servers that want a token, and those that hand it out by OAuth2, or don't."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from servers import Handler, closes, serving
from zoo.behaviours import PORT, Behaviour, Ground, own_host
from zoo.http_behaviours import http, page
from zoo.redirect_behaviours import answering, moved
from zoo.request_behaviours import has

TOKEN = b'{"access_token": "t0ken", "token_type": "Bearer", "expires_in": 60}'
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
PLAIN = "Content-Type: text/plain"
MOVED = b" /t HTTP"


def granted(
    name: str, issuer: Handler, wanted: bytes = b"Authorization: Bearer t0ken", **grant: Any
) -> Behaviour:
    """A server that wants a header, and one at an address of its own that hands out tokens."""
    host = own_host()

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        judge = answering(lambda asked: page(status="200 OK" if has(wanted)(asked) else "401 No"))
        with ExitStack() as stack:
            stack.enter_context(serving(issuer, host=host, port=PORT))
            yield stack.enter_context(serving(judge)).url

    oauth2 = {"client_id": "me", "client_secret": "s", "token_url": f"http://{host}:{PORT}/"}
    return Behaviour(f"token-{name}", serve, http(oauth2=oauth2 | grant, timeout="3s"))


def issues(body: bytes = TOKEN, status: str = "200 OK", kind: str = JSON) -> Handler:
    """Hand out what is in this body."""
    return closes(page(kind, status=status, body=body))


def _typed(kind: str) -> bytes:
    return TOKEN.replace(b"Bearer", kind.encode())


def _if(wanted: bytes) -> Handler:
    """Hand out a token to requests with these bytes."""
    refusal = page(JSON, status="401 No", body=b"{}")
    return answering(lambda asked: page(JSON, body=TOKEN) if wanted in asked else refusal)


BEHAVIOURS = [
    granted("fine", issues()),
    granted("without-end", issues(b'{"access_token": "t0ken", "token_type": "Bearer"}')),
    granted("without-type", issues(b'{"access_token": "t0ken"}')),
    granted("other-one", issues(), b"Authorization: Bearer other"),
    granted("refused", issues(b'{"error": "invalid_client"}', "401 No")),
    granted("broken", issues(b"{")),
    granted("missing", issues(b"{}")),
    granted("gone", closes()),
    granted("empty", issues(b'{"access_token": ""}')),
    granted("created", issues(status="201 Created")),
    granted("ends-with-null", issues(b'{"access_token": "t0ken", "expires_in": null}')),
    granted("as-form", issues(b"access_token=t0ken&expires_in=60", kind=FORM)),
    granted("as-form-in-plain-text", issues(b"access_token=t0ken", kind=PLAIN)),
    granted("as-json-in-plain-text", issues(kind=PLAIN)),
    granted(
        "moved",
        answering(
            lambda asked: page(JSON, body=TOKEN) if MOVED in asked else moved("/t", "307 Go")
        ),
    ),
    granted("by-header", _if(b"Authorization: Basic bWU6cw==\r\n")),
    granted("by-header-escaped", _if(b" Basic YSs6Yg==\r\n"), client_id="a ", client_secret="b"),
    granted("by-body", _if(b"client_id=me&client_secret=s")),
    granted("with-parameters", _if(b"audience=x+y"), endpoint_params={"audience": "x y"}),
    granted("of-another-grant", _if(b"grant_type=own"), endpoint_params={"grant_type": "own"}),
    *(
        granted(f"of-type-{kind}", issues(_typed(kind)), b"Authorization: " + shown + b" t0ken")
        for kind, shown in {
            "mac": b"MAC",
            "basic": b"Basic",
            "BEARER": b"Bearer",
            "x": b"x",
        }.items()
    ),
]
