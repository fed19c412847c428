"""Where the configuration is looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prober.config import load
from prober.errors import ConfigError

SERVICE = "services: [{name: a, url: 'http://a:80'}]\n"


def test_files_named_explicitly_come_before_those_of_the_environment() -> None:
    assert load.find(["a", "b"], {"PROBER_CONFIG": "c"}) == [Path("a"), Path("b")]


def test_the_environment_may_name_several_files() -> None:
    assert load.find([], {"PROBER_CONFIG": f"a{os.pathsep}b"}) == [Path("a"), Path("b")]


def test_the_working_directorys_file_is_found_without_being_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/prober.yaml").write_text(SERVICE)
    assert load.find([], {}) == [Path("config/prober.yaml")]


def test_where_nothing_is_found_the_error_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "PLACES", (tmp_path / "one.yaml", tmp_path / "two.yaml"))
    with pytest.raises(ConfigError, match=r"one\.yaml and .*two\.yaml; .*--config or"):
        load.find([], {})
