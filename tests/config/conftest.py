"""Fixtures that write configuration files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from prober.config import load
from prober.config.tree import Config
from prober.errors import ConfigError, Problem

Load = Callable[..., Config]
Faults = Callable[..., list[Problem]]

SERVICE = "services: [{name: a, url: 'http://a:80'}]\n"


def write(folder: Path, texts: tuple[str, ...]) -> list[Path]:
    """Files 0.yaml, 1.yaml … with these texts, whose common indent is dropped."""
    files = [folder / f"{i}.yaml" for i in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(dedent(text), encoding="utf-8")
    return files


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """A function that loads texts, each a file, as one configuration."""

    def run(*texts: str, env: Mapping[str, str] | None = None) -> Config:
        return load.load(write(tmp_path, texts), env or {})

    return run


@pytest.fixture
def faults(loaded: Load) -> Faults:
    """A function that loads texts, which must be faulty, and returns the problems."""

    def run(*texts: str, env: Mapping[str, str] | None = None) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            loaded(*texts, env=env)
        return list(caught.value.problems)

    return run


@pytest.fixture
def service_fault(faults: Faults) -> Callable[[str], Problem]:
    """A function that gives a good service one more line, and returns the only problem."""

    def run(line: str) -> Problem:
        text = f"services:\n  - name: a\n    url: http://a:80\n    {line}\n"
        (problem,) = faults(text)
        return problem

    return run
