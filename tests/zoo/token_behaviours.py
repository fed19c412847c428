"""Servers that want a token, and those that hand it out by OAuth2, or don't."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from servers import Handler, closes, serving
from zoo.behaviours import PORT, Behaviour, Ground, own_host
from zoo.http_behaviours import http, page
from zoo.https_behaviours import GOOD, INSECURE, ISSUING, ROOT, Chain, context_of, root_of
from zoo.redirect_behaviours import answering, moved
from zoo.request_behaviours import has

TOKEN = b'{"access_token": "t0ken", "token_type": "Bearer", "expires_in": 60}'
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
PLAIN = "Content-Type: text/plain"
MOVED = b" /t HTTP"


def granted(
    name: str,
    issuer: Handler,
    wanted: bytes = b"Authorization: Bearer t0ken",
    chain: Chain | None = None,
    **grant: Any,
) -> Behaviour:
    """A server that wants a header, and one at an address of its own that hands out tokens."""
    host = own_host()

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        with ISSUING:
            root_of(ground.folder)  # the module may name its file
            tls = context_of(ground.folder, f"token-{name}", chain) if chain else None
        judge = answering(lambda asked: page(status="200 OK" if has(wanted)(asked) else "401 No"))
        with ExitStack() as stack:
            stack.enter_context(serving(issuer, tls, host, PORT))
            yield stack.enter_context(serving(judge)).url

    oauth2 = {
        "client_id": "me",
        "client_secret": "s",
        "token_url": f"http{'s' if chain else ''}://{host}:{PORT}/",
    }
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


def _said(body: bytes) -> bytes:
    """A token with this beside it."""
    return b'{"access_token": "t0ken", ' + body + b"}"


JUDGED = {
    "ends-with-fraction": issues(_said(b'"expires_in": 60.0')),
    "ends-with-exponent": issues(_said(b'"expires_in": 6e1')),
    "ends-too-late": issues(_said(b'"expires_in": 9223372036854775808')),
    "ends-in-quotes": issues(_said(b'"expires_in": "60"')),
    "ends-with-nonsense": issues(_said(b'"expires_in": "soon"')),
    "with-a-number": issues(_said(b'"refresh_token": 5')),
    "with-nan": issues(_said(b'"scope": NaN')),
    "in-other-capitals": issues(b'{"Access_Token": "t0ken"}'),
    "behind-a-mark": issues(b"\xef\xbb\xbf" + TOKEN),
    "beside-other-bytes": issues(_said(b'"scope": "\xe4"')),
    "form-with-semicolon": issues(b"access_token=t0ken;x=1", kind=FORM),
    "form-twice": issues(b"access_token=t0ken&access_token=other", kind=FORM),
    "compressed": closes(page(JSON, "Content-Encoding: gzip", body=gzip.compress(TOKEN))),
    "at-the-second-asking": answering(
        lambda asked: page(JSON, body=TOKEN if b"client_id=me" in asked else b"{")
    ),
}

BEHAVIOURS = [
    *(granted(name, issuer) for name, issuer in JUDGED.items()),
    granted("by-tls", issues(), chain=GOOD, tls_config=ROOT | {"server_name": "localhost"}),
    granted("by-tls-of-others", issues(), chain=GOOD, tls_config=ROOT),
    granted("by-tls-unknown", issues(), chain=GOOD, tls_config={"server_name": "localhost"}),
    granted("by-tls-insecure", issues(), chain=GOOD, tls_config=INSECURE),
    granted("without-its-authority", issues(), tls_config={"ca_file": "/none/there"}),
    granted("by-dead-proxy", issues(), proxy_url="http://127.0.0.1:1"),
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
