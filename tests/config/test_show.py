"""The effective configuration as it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from prober.config import load, masking
from prober.config.show import effective
from prober.config.tree import Document, ServiceEntry

ENV = {"TOKEN": "hunter2", "HOST": "db"}
SHIPPED = Path(__file__).parents[2] / "config"


def shown(folder: Path, text: str) -> str:
    """What is shown of a configuration with this text."""
    file = folder / "prober.yaml"
    file.write_text(text)
    return effective(load.checked([file], ENV)[0])


def parsed(text: str) -> Any:
    return YAML(typ="safe").load(text)


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    text = "defaults: {interval: 7s}\nservices: [{name: a, url: 'http://${HOST}'}]"
    (service,) = parsed(shown(tmp_path, text))["services"]
    assert service.keys() == ServiceEntry.model_fields.keys()
    assert (service["interval"], service["timeout"], service["url"]) == ("7s", "5s", "http://db")


def test_all_parts_are_shown(tmp_path: Path) -> None:
    whole = parsed(shown(tmp_path, "services: [{name: a, url: 'http://a'}]"))
    assert whole.keys() == Document.model_fields.keys() - {"defaults"}
    assert (whole["gateway"]["port"], whole["workers"]) == (8790, 1)


@pytest.mark.parametrize("name", ["prober.yaml", "vx11.yaml"])
def test_what_is_shown_loads_to_the_same_configuration(tmp_path: Path, name: str) -> None:
    root, config = load.checked([SHIPPED / name], ENV)
    again = tmp_path / "again.yaml"
    again.write_text(effective(root))
    assert load.load([again], {}).services == config.services


@settings(deadline=None, max_examples=40)  # reads and writes files
@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40))
def test_any_text_is_shown_so_that_it_reads_back(
    tmp_path_factory: pytest.TempPathFactory, title: str
) -> None:
    folder = tmp_path_factory.mktemp("show")
    escaped = {"title": title.replace("$", "$$")}
    services = [{"name": "a", "url": "http://a"}]
    YAML().dump({"services": services, "gateway": escaped}, folder / "1.yaml")
    root, config = load.checked([folder / "1.yaml"], {})
    (folder / "2.yaml").write_text(effective(root), encoding="utf-8")
    assert config.gateway.title == title
    if "://" not in title:
        assert load.load([folder / "2.yaml"], {}).gateway.title == title


@pytest.mark.parametrize(
    "line",
    [
        "headers: {Authorization: hunter2}",
        "headers: {cookie: hunter2}",
        "headers: {X-VX11-Token: hunter2}",
        "headers: {X-Api-Key: '${TOKEN}'}",
        "headers: {X-Plain: '${TOKEN}'}",
        "headers: {X-Plain: 'Basic ${file:secret}'}",
        "body: ${file:secret}",
        "endpoints: ['/?q=${TOKEN}']",
        "endpoints: ['/?q=${file:secret}', /x]",
        "group: ${file:secret}",
    ],
)
def test_secrets_of_a_service_are_masked(tmp_path: Path, line: str) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    text = shown(tmp_path, f"services:\n  - name: a\n    url: http://a\n    {line}\n")
    assert "hunter2" not in text
    assert masking.MASK in text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://prober:hunter2@db/x", "postgresql://prober:********@db/x"),
        ("postgresql://prober:${TOKEN}@db/x", "postgresql://prober:********@db/x"),
        ("postgresql://db/x?password=hunter2&a=b", "postgresql://db/x?password=********&a=b"),
        ("postgresql://prober@db/x", "postgresql://prober@db/x"),
        ("sqlite:///data/a:b@c.db", "sqlite:///data/a:b@c.db"),
    ],
)
def test_passwords_in_the_urls_of_databases_are_masked(
    tmp_path: Path, url: str, expected: str
) -> None:
    text = "services: [{name: a, url: 'http://a'}]\nstore: {url: '%s', runtime_table: {url: '%s'}}"
    store = parsed(shown(tmp_path, text % (url, url)))["store"]
    assert (store["url"], store["runtime_table"]["url"]) == (expected, expected)


def test_a_header_that_is_not_sent_is_not_shown(tmp_path: Path) -> None:
    text = "services: [{name: a, url: 'http://a', headers: {X-Token: '${UNSET:-}', X-B: b}}]"
    assert parsed(shown(tmp_path, text))["services"][0]["headers"] == {"X-B": "b"}


def test_a_header_of_the_service_is_shown_instead_of_the_default(tmp_path: Path) -> None:
    text = (
        "defaults: {headers: {X-A: 1}}\nservices: [{name: a, url: 'http://a', headers: {x-a: 2}}]"
    )
    assert parsed(shown(tmp_path, text))["services"][0]["headers"] == {"x-a": "2"}


def test_the_store_does_not_show_its_url_in_logs(tmp_path: Path) -> None:
    text = "services: [{name: a, url: 'http://a'}]\nstore: {url: 'postgresql://u:hunter2@db/x'}"
    file = tmp_path / "prober.yaml"
    file.write_text(text)
    assert "hunter2" not in repr(load.load([file], {}))


@pytest.mark.parametrize(
    "line",
    [
        "bearer_token: hunter2",
        "bearer_token: $TOKEN",
        "basic_auth: {username: me, password: hunter2}",
        "oauth2: {token_url: 'http://a', client_id: me, client_secret: hunter2}",
        "proxy: http://me:hunter2@p:1",
    ],
)
def test_credentials_are_masked(tmp_path: Path, line: str) -> None:
    text = f"services:\n  - name: a\n    url: http://a\n    {line}".replace("$TOKEN", "${TOKEN}")

    seen = shown(tmp_path, text)

    assert masking.MASK in seen
    assert "hunter2" not in seen
