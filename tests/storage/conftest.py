"""A fresh database for every test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from databases import administer, clean, postgres, rows, shape_of
from sqlalchemy import make_url
from structlog.testing import capture_logs
from structlog.typing import EventDict

from prober.storage import migrate

Fresh = Callable[[], str]
Making = Callable[[], AbstractContextManager[Fresh]]

TEMPLATE = f"prober_template_{os.getpid()}"  # each process of a parallel run has its own


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What is logged, in place of the output: structlog's own prints tracebacks slowly."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server with a migrated template database."""
    with postgres() as url:
        administer(url, [f"CREATE DATABASE {TEMPLATE}"])
        migrate.upgrade(_named(url, TEMPLATE))
        yield url
        if "PROBER_TEST_POSTGRES" in os.environ:  # else it ends with its server
            named = f"SELECT datname FROM pg_database WHERE datname LIKE '{TEMPLATE}%'"
            made = [name for (name,) in rows(url, named)]
            administer(url, [f"DROP DATABASE {name} WITH (FORCE)" for name in made])


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("template") / "prober.db"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def making_sqlite(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Making:
    """Makes migrated SQLite files for as long as a block lasts, and gives their urls."""

    @contextmanager
    def making() -> Iterator[Fresh]:
        folder = tmp_path_factory.mktemp("databases")

        def make() -> str:
            file = folder / f"{uuid.uuid4().hex}.db"
            shutil.copy(template, file)
            return f"sqlite:///{file}"

        yield make
        shutil.rmtree(folder)

    return making


@pytest.fixture(scope="session")
def making_postgres(server: str) -> Making:
    """The same with databases of PostgreSQL, which are emptied for the next where that will do."""
    clean_ones: list[str] = []
    shape = shape_of(_named(server, TEMPLATE))

    @contextmanager
    def making() -> Iterator[Fresh]:
        made: list[str] = []

        def make() -> str:
            made.append(clean_ones.pop() if clean_ones else _copied(server))
            return _named(server, made[-1])

        yield make
        for name in made:
            if clean(_named(server, name), shape):
                clean_ones.append(name)
            else:
                administer(server, [f"DROP DATABASE {name} WITH (FORCE)"])

    return making


def _copied(server: str) -> str:
    name = f"{TEMPLATE}_{uuid.uuid4().hex}"
    administer(server, [f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"])
    return name


@pytest.fixture
def fresh_sqlite(making_sqlite: Making) -> Iterator[Fresh]:
    """Makes a migrated SQLite file, and gives its url."""
    with making_sqlite() as make:
        yield make


@pytest.fixture
def fresh_postgres(making_postgres: Making) -> Iterator[Fresh]:
    """Makes a migrated PostgreSQL database, and gives its url."""
    with making_postgres() as make:
        yield make


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest) -> Fresh:
    """Makes migrated databases: the test runs once with SQLite and once with PostgreSQL."""
    make: Fresh = request.getfixturevalue(f"fresh_{request.param}")
    return make


@pytest.fixture
def url(fresh: Fresh) -> str:
    """A migrated, empty database."""
    return fresh()


@pytest.fixture
def empty_postgres(server: str) -> Iterator[str]:
    """A PostgreSQL database without tables."""
    name = f"t{uuid.uuid4().hex}"
    administer(server, [f"CREATE DATABASE {name}"])
    yield _named(server, name)
    administer(server, [f"DROP DATABASE {name} WITH (FORCE)"])


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables; the SQLite file is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'prober.db'}"
    url: str = request.getfixturevalue("empty_postgres")
    return url


def _named(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def shared_path() -> Iterator[Path]:
    """A folder that everybody may enter, and only its owner may write to."""
    folder = Path(tempfile.mkdtemp(prefix="shared-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
