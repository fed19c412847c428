"""`prober token`."""

from __future__ import annotations

from hashlib import sha256

import pytest
from commands import Invoke
from ruamel.yaml import YAML

from prober.config.access import Token


@pytest.mark.parametrize("scopes", [["read"], ["ingest", "operate"]])
def test_the_entry_fits_the_configuration_and_knows_the_token(
    invoke: Invoke, scopes: list[str]
) -> None:
    options = [word for scope in scopes for word in ("--scope", scope)]

    token, entry = invoke("token", "--name", "dash", *options).output.splitlines()

    (written,) = YAML(typ="safe").load(entry)
    found = Token(**written)
    assert (found.name, list(found.scopes)) == ("dash", scopes)
    assert found.digest == sha256(token.encode()).digest()


def test_each_token_is_new_and_long(invoke: Invoke) -> None:
    tokens = {invoke("token").output.splitlines()[0] for _ in range(5)}

    assert len(tokens) == 5
    assert all(len(token) >= 43 for token in tokens)
