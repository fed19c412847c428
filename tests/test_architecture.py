"""The layers of prober and who may import what, read from the source.

Lazy imports and those under TYPE_CHECKING count like all others.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "prober"

# A room is a module or a package directly under prober/. Imports point downward only.
LAYERS: list[set[str]] = [
    {"__main__"},
    {"cli"},
    {"app"},
    {
        "answering",
        "blackbox",
        "check",
        "gateway",
        "housekeeping",
        "inquiry",
        "launch",
        "maintaining",
        "pipeline",
        "recall",
        "reports",
        "schedule",
        "sinks",
        "supervisor",
        "worker",
    },
    {
        "channel",
        "config",
        "hub",
        "logs",
        "clock",
        "loop",
        "maintenance",
        "notify",
        "patterns",
        "probes",
        "storage",
        "systemd",
        "telemetry",
        "upstream",
    },
    {
        "breaker",
        "cardinality",
        "conditions",
        "correlation",
        "errors",
        "expectation",
        "fleet",
        "model",
        "module",
        "replay",
        "rollups",
        "status",
        "wire",
    },
]
KERNEL = LAYERS[-1]

# Within its layer a room may import these others; the kernel's may import each other.
SIDEWAYS: dict[str, set[str]] = {
    "answering": {"blackbox"},
    "config": {"maintenance", "patterns"},
    "gateway": {"inquiry", "reports", "sinks"},
    "launch": {"worker"},
    "maintaining": {"sinks"},
    "pipeline": {"sinks"},
    "sinks": {"reports"},
    "storage": {"telemetry"},
    "supervisor": {"inquiry", "launch", "schedule"},
    "worker": {"answering", "check", "schedule"},
} | dict.fromkeys(KERNEL, KERNEL)

# A library stays in one place, so that it can be replaced.
OWNERS: dict[str, set[str]] = {
    "alembic": {"storage"},
    "apprise": {"notify"},
    "apscheduler": {"schedule"},
    "brotli": {"blackbox"},
    "click": {"cli"},
    "cronsim": {"maintenance"},
    "cryptography": {"blackbox", "probes"},
    "dns": {"blackbox", "probes"},
    "fastapi": {"gateway"},
    "h2": {"blackbox"},
    "httptools": {"probes"},
    "httpx": {"probes", "upstream"},
    "jinja2": {"gateway"},
    "jsonschema_rs": {"config"},
    "prometheus_client": {"telemetry"},
    "psycopg": {"storage"},
    "pyarrow": {"reports"},
    "pycurl": {"probes"},
    "pydantic": {"config", "gateway"},  # what FastAPI takes bodies as
    "re2": {"patterns"},
    "rich_click": {"cli"},
    "rtls": {"probes"},
    "ruamel": {"config"},
    "sqlalchemy": {"storage"},
    "starlette": {"gateway"},
    "uvicorn": {"gateway"},
    "uvloop": {"loop"},
}

Modules = Mapping[str, ast.Module]


@dataclass(frozen=True)
class Import:
    """`importer` asks for `target`; `source` is the module of prober that gives it, or None."""

    importer: str
    line: int
    target: str
    source: str | None

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"

    @property
    def name(self) -> str:
        return self.target.rpartition(".")[2]

    @property
    def library(self) -> str:
        return self.target.partition(".")[0]


def read(root: Path) -> dict[str, ast.Module]:
    """Every module under a package's folder, by dotted name."""
    return {
        ".".join((root.name, *path.relative_to(root).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): ast.parse(path.read_text("utf-8"), str(path))
        for path in sorted(root.rglob("*.py"))
    }


def imports(modules: Modules) -> Iterator[Import]:
    for name, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for target in targets(node):
                    yield Import(name, node.lineno, target, nearest(target, modules))


def targets(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return names
    origin = "." * node.level + (node.module or "")
    return [f"{origin}.{name}" for name in names]


def nearest(target: str, modules: Modules) -> str | None:
    while target and target not in modules:
        target = target.rpartition(".")[0]
    return target or None


def inner(modules: Modules) -> Iterator[tuple[Import, str]]:
    return ((i, i.source) for i in imports(modules) if i.source is not None)


def room(module: str) -> str | None:
    """The room of a module; None for the root, which holds the version and is open to all."""
    return module.split(".")[1] if "." in module else None


def depth(room: str) -> int:
    return next(depth for depth, rooms in enumerate(LAYERS) if room in rooms)


def crossings(modules: Modules) -> Iterator[tuple[Import, str, str]]:
    """The imports that lead from one room of the table into another."""
    known = set().union(*LAYERS)
    for found, source in inner(modules):
        here, there = room(found.importer), room(source)
        if here in known and there in known and here != there:
            yield found, str(here), str(there)


def without_layer(modules: Modules) -> list[str]:
    rooms = {room(name) for name in modules} - set().union(*LAYERS) - {None}
    return [
        f"{name} stands in no layer: give it a place in LAYERS" for name in sorted(map(str, rooms))
    ]


def upward(modules: Modules) -> list[str]:
    return [
        f"{found}, which is above it"
        for found, here, there in crossings(modules)
        if depth(there) < depth(here)
    ]


def sideways(modules: Modules) -> list[str]:
    return [
        f"{found}, which is beside it"
        for found, here, there in crossings(modules)
        if depth(there) == depth(here) and there not in SIDEWAYS.get(here, ())
    ]


def cycles(modules: Modules) -> list[str]:
    graph: dict[str, set[str]] = {}
    for found, source in inner(modules):
        if source != found.importer:
            graph.setdefault(found.importer, set()).add(source)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" imports ".join(reversed(error.args[1]))]
    return []


def kernel_libraries(modules: Modules) -> list[str]:
    return [
        f"{found}, which is not in the standard library"
        for found in imports(modules)
        if room(found.importer) in KERNEL
        and found.source is None
        and found.library not in sys.stdlib_module_names
    ]


def strayed_libraries(modules: Modules) -> list[str]:
    return [
        f"{found}, which belongs to {', '.join(OWNERS[found.library])}"
        for found in imports(modules)
        if room(found.importer) not in OWNERS.get(found.library, {room(found.importer)})
    ]


def second_hand(modules: Modules) -> list[str]:
    """Names that are imported from a module which has itself only imported them."""
    passing = {(i.importer, i.name) for i in imports(modules)}
    return [
        f"{found}, which is not defined there"
        for found, source in inner(modules)
        if found.target != source and (source, found.name) in passing
    ]


def relative(modules: Modules) -> list[str]:
    return [f"{found}: write the full path" for found in imports(modules) if found.target[0] == "."]


Check = Callable[[Modules], list[str]]

CHECKS: list[Check] = [
    without_layer,
    upward,
    sideways,
    cycles,
    kernel_libraries,
    strayed_libraries,
    second_hand,
    relative,
]


@pytest.mark.parametrize("check", CHECKS)
def test_prober_keeps_to_its_architecture(check: Check) -> None:
    assert check(read(ROOT)) == []


# Each check, with the smallest package that it must object to.
FAULTS: list[tuple[Check, dict[str, str], str]] = [
    (
        without_layer,
        {"attic/boxes.py": ""},
        "attic stands in no layer: give it a place in LAYERS",
    ),
    (
        upward,
        {"model.py": "from prober.config import tree", "config/tree.py": ""},
        "prober.model:1 imports prober.config.tree, which is above it",
    ),
    (
        upward,
        {"worker.py": "def late():\n    import prober.app", "app.py": ""},
        "prober.worker:2 imports prober.app, which is above it",
    ),
    (
        upward,
        {"check.py": "if TYPE_CHECKING:\n    from prober import cli", "cli/__init__.py": ""},
        "prober.check:2 imports prober.cli, which is above it",
    ),
    (
        sideways,
        {"sinks/store.py": "from prober.gateway.app import build", "gateway/app.py": ""},
        "prober.sinks.store:1 imports prober.gateway.app.build, which is beside it",
    ),
    (
        cycles,
        {"status.py": "import prober.model", "model.py": "def late():\n    import prober.status"},
        "prober.model imports prober.status imports prober.model",
    ),
    (
        kernel_libraries,
        {"model.py": "import json\nimport orjson"},
        "prober.model:2 imports orjson, which is not in the standard library",
    ),
    (
        strayed_libraries,
        {"worker.py": "from apscheduler.job import Job"},
        "prober.worker:1 imports apscheduler.job.Job, which belongs to schedule",
    ),
    (
        second_hand,
        {
            "storage/__init__.py": "from prober.storage.reader import Reader",
            "storage/reader.py": "class Reader: ...",
            "app.py": "from prober.storage import Reader",
        },
        "prober.app:1 imports prober.storage.Reader, which is not defined there",
    ),
    (
        relative,
        {"cli/run.py": "from .options import config_option", "cli/options.py": ""},
        "prober.cli.run:1 imports .options.config_option: write the full path",
    ),
]


@pytest.mark.parametrize(("check", "files", "complaint"), FAULTS)
def test_a_fault_is_found(
    tmp_path: Path, check: Check, files: dict[str, str], complaint: str
) -> None:
    assert complaint in check(package(tmp_path, files))


@pytest.mark.parametrize("check", CHECKS)
def test_what_points_downward_is_left_alone(tmp_path: Path, check: Check) -> None:
    files = {
        "probes/__init__.py": "PROBES = {}",
        "check.py": "from prober import __version__\nfrom prober.probes import PROBES",
        "worker.py": "import asyncio\nfrom prober import check",
        "model.py": "import enum",
        "status.py": "from prober.model import Status",
    }

    assert check(package(tmp_path, files)) == []


def test_every_room_of_the_tables_is_in_one_layer() -> None:
    rooms = [name for layer in LAYERS for name in layer]
    named = set(SIDEWAYS).union(*SIDEWAYS.values(), *OWNERS.values())

    assert len(rooms) == len(set(rooms))
    assert named <= set(rooms)


def package(folder: Path, files: dict[str, str]) -> Modules:
    for name, text in {"__init__.py": "__version__ = '1'", **files}.items():
        path = folder / "prober" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read(folder / "prober")
