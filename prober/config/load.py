"""Find configuration files and load them into one Config."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Environment
from contextlib import contextmanager
from pathlib import Path

from prober.config import merging, source
from prober.config.compiling import compile_
from prober.config.interpolation import Interpolation
from prober.config.nodes import Mapping
from prober.config.tree import Config
from prober.errors import ConfigError, Problem

VARIABLE = "PROBER_CONFIG"
PLACES = (Path("config/prober.yaml"), Path("/etc/prober/prober.yaml"))
SUFFIXES = frozenset({".yaml", ".yml"})


def read(explicit: Sequence[str], env: Environment[str, str]) -> Config:
    """Find the configuration (see `find`) and load it (see `load`)."""
    return load(find(explicit, env), env)


def find(explicit: Sequence[str], env: Environment[str, str]) -> list[Path]:
    """The files and folders to load: `explicit`, else PROBER_CONFIG, else the first of PLACES.

    PROBER_CONFIG may hold several, separated as in PATH. Raises ConfigError where there are none.
    """
    named = list(explicit) or [part for part in env.get(VARIABLE, "").split(os.pathsep) if part]
    if named:
        return [Path(name) for name in named]
    found = [place for place in PLACES if place.exists()]
    if not found:
        looked = " and ".join(str(place) for place in PLACES)
        remedy = f"write one of them, or name yours with --config or {VARIABLE}"
        raise ConfigError([Problem("configuration", f"there is none at {looked}; {remedy}")])
    return found[:1]


def load(paths: Sequence[Path], env: Environment[str, str]) -> Config:
    """The configuration that files, and the YAML files in folders, hold together.

    Raises ConfigError with every problem of all of them.
    """
    return checked(paths, env)[1]


def checked(paths: Sequence[Path], env: Environment[str, str]) -> tuple[Mapping, Config]:
    """The merged tree as it is written, and the configuration compiled from it.

    Raises ConfigError with every problem.
    """
    with _uncollected():
        return _checked(paths, env)


def _checked(paths: Sequence[Path], env: Environment[str, str]) -> tuple[Mapping, Config]:
    problems: list[Problem] = []
    files = tuple(dict.fromkeys(file for path in paths for file in _files(path, problems)))
    roots = [root for file in files if (root := source.read(file, problems)) is not None]
    root = Interpolation(env, problems).mapping(merging.merge(roots, problems))
    config = compile_(root, files, problems) if roots else Config()
    if problems:
        raise ConfigError(_once(problems))
    return root, config


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: again and again it would walk all that was read so far.

    With 50,000 services that is a third of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _files(path: Path, problems: list[Problem]) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(
        file for file in path.iterdir() if file.suffix in SUFFIXES and not file.name.startswith(".")
    )
    if not found:
        problems.append(Problem(str(path), "the folder holds no *.yaml file; put one there"))
    return found


def _once(problems: list[Problem]) -> list[Problem]:
    """The first problem of each value: those that follow from it would only confuse."""
    first: dict[tuple[str, str | None, int | None], Problem] = {}
    for problem in problems:
        first.setdefault((problem.path, problem.file, problem.line), problem)
    return sorted(first.values(), key=lambda p: (p.file or "", p.line or 0))
