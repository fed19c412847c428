"""Tokens, limits and origins of the gateway, as a configuration writes them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from prober.config import load
from prober.config.access import Limits
from prober.config.clients import Rate
from prober.config.show import effective
from prober.config.tree import Config
from prober.errors import Problem

Load = Callable[..., Config]
Faults = Callable[..., list[Problem]]

SERVICE = "services: [{name: a, url: 'http://a:80'}]\n"
TOKEN = "correct-horse-battery"
DIGEST = sha256(TOKEN.encode()).digest()


def gateway(text: str) -> str:
    return f"{SERVICE}gateway: {{{text}}}\n"


def tokens(*entries: str) -> str:
    return gateway(f"auth: {{tokens: [{', '.join(f'{{{entry}}}' for entry in entries)}]}}")


@pytest.mark.parametrize(
    "secret", [f"token: {TOKEN}", f"sha256: {DIGEST.hex()}", 'token: "${T}"', "sha256: '${H}'"]
)
def test_a_token_is_known_by_its_digest(loaded: Load, secret: str) -> None:
    env = {"T": TOKEN, "H": DIGEST.hex().upper()}

    config = loaded(tokens(f"name: a, scopes: read, {secret}"), env=env)

    (token,) = config.gateway.auth.tokens
    assert (token.digest, token.scopes) == (DIGEST, ("read",))


def test_a_token_from_an_unset_variable_is_nobodys(loaded: Load) -> None:
    text = (
        f"{SERVICE}gateway:\n  auth:\n    tokens:\n"
        "      - name: a\n        scopes: admin\n        token: ${T:-}\n"
    )

    (token,) = loaded(text).gateway.auth.tokens

    assert token.digest is None


def test_a_credential_of_systemd_is_a_file_in_its_folder(loaded: Load, tmp_path: Path) -> None:
    (tmp_path / "gateway").write_text(TOKEN + "\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    config = loaded(tokens("name: a, scopes: read, token: '${credential:gateway}'"), env=env)

    assert config.gateway.auth.tokens[0].digest == DIGEST


@pytest.mark.parametrize(
    ("name", "env", "said"),
    [
        ("gateway", {}, "with LoadCredential=gateway:PATH"),
        ("../x", {"CREDENTIALS_DIRECTORY": "/run"}, "names no credential"),
        ("..", {"CREDENTIALS_DIRECTORY": "/run"}, "names no credential"),
        ("none", {"CREDENTIALS_DIRECTORY": "/run"}, "can't be read"),
    ],
)
def test_a_credential_that_is_not_there_is_told(
    faults: Faults, name: str, env: dict[str, str], said: str
) -> None:
    (problem,) = faults(gateway(f"title: '${{credential:{name}}}'"), env=env)

    assert said in problem.message


@pytest.mark.parametrize(
    ("entries", "path", "said"),
    [
        (["name: a, scopes: read"], "gateway.auth.tokens[0]", "needs one of token and sha256"),
        (
            [f"name: a, scopes: read, token: x, sha256: {DIGEST.hex()}"],
            "gateway.auth.tokens[0]",
            "needs one of token and sha256",
        ),
        (["name: a, scopes: all, token: x"], "gateway.auth.tokens[0].scopes", "is not known here"),
        (["name: a, scopes: [], token: x"], "gateway.auth.tokens[0].scopes", "is empty"),
        (["name: a, scopes: read, token: 'ä'"], "gateway.auth.tokens[0].token", "its value is"),
        (["name: a, scopes: read, sha256: 12"], "gateway.auth.tokens[0].sha256", "64 hexadecimal"),
        (["name: a, scope: read, token: x"], "gateway.auth.tokens[0].scope", "mean 'scopes'?"),
        (
            ["name: a, scopes: read, token: x", "name: a, scopes: read, token: y"],
            "gateway.auth.tokens",
            "holds a name twice",
        ),
        (
            [
                f"name: a, scopes: read, token: {TOKEN}",
                f"name: b, scopes: read, sha256: {DIGEST.hex()}",
            ],
            "gateway.auth.tokens",
            "holds a token twice",
        ),
    ],
)
def test_a_wrong_token_entry_is_told_with_a_remedy(
    faults: Faults, entries: list[str], path: str, said: str
) -> None:
    problems = {p.path: p.message for p in faults(tokens(*entries))}

    assert said in problems[path]


def test_tokens_are_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "prober.yaml"
    file.write_text(tokens(f"name: a, scopes: read, token: {TOKEN}"))

    shown = effective(load.checked([file], {})[0])

    assert TOKEN not in shown
    assert YAML(typ="safe").load(shown)["gateway"]["auth"]["header"] == "X-Prober-Token"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10 per minute", Rate(10, 60)),
        ("5 per 30s", Rate(5, 30)),
        ("1 per hour", Rate(1, 3600)),
        ("off", None),
    ],
)
def test_a_rate_is_a_number_per_time(loaded: Load, text: str, rate: Rate | None) -> None:
    limits = loaded(gateway(f"limits: {{requests: {text}}}")).gateway.limits

    assert limits.requests == rate


@pytest.mark.parametrize(
    "text",
    [
        "limits: {requests: 10/minute}",
        "limits: {requests: 0 per minute}",
        "limits: {requests: 10 per fortnight}",
        "limits: {connections: 0}",
        "limits: {connections: many}",
        "limits: {body: 0}",
        "limits: {head_time: 1ms}",
        "trusted_proxies: [proxy]",
        "trusted_proxies: [10.0.0.1/8]",
        "cors: {origins: ['*']}",
        "cors: {origins: ['https://a.example/']}",
        "cors: {origins: ['https://A.example']}",
        "auth: {header: 'X Token'}",
        "auth: {reading: closed}",
    ],
)
def test_what_is_wrong_is_told_at_its_place(faults: Faults, text: str) -> None:
    (problem,) = faults(gateway(text))

    assert problem.path.startswith(f"gateway.{text.split(':')[0]}")
    assert "; write" in problem.message or "; use" in problem.message


def test_the_defaults_let_two_thousand_events_a_second_through() -> None:
    requests = Limits().requests

    assert requests is not None and requests.most / requests.per_s >= 2000
