"""Transactions on one database that may fail, be swapped or change its shape meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from prober.storage.database import file_identity, open_engine
from prober.storage.failures import explaining, outdated

T = TypeVar("T")


class Session:
    """Runs work in transactions; used from one thread at a time.

    `prepare` is called before opening a file that is not the one that was there before, `forget`
    whenever what was learned from the database may not hold any more. Where another connection has
    written, `holds` is asked whether it still does; without it, all is forgotten. `synced` is that
    of `open_engine`.
    """

    def __init__(
        self,
        url: str,
        forget: Callable[[], None] = lambda: None,
        prepare: Callable[[], object] | None = None,
        *,
        synced: bool = False,
        holds: Callable[[Connection], bool] = lambda _: False,
    ) -> None:
        self._url = url
        self._holds = holds
        self._synced = synced
        self._forget = forget
        self._prepare = prepare
        self._engine: Engine | None = None
        self._file = file_identity(url)
        self._version: int | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Commit the work, and give what it returns.

        It is done anew, once, where tables turn out to have changed.

        Raises what `failures.explain` makes of a failure, and then nothing is committed.
        """
        try:
            with explaining(self._url):
                return self._run(work)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection, and forget; the next work opens it anew."""
        if self._engine is not None:
            self._engine.dispose()
        self._engine = self._version = None
        self._forget()

    def _run(self, work: Callable[[Connection], T]) -> T:
        if self._engine is not None and self._file != file_identity(self._url):
            self._leave(self._engine)
        try:
            return self._commit(work)
        except DBAPIError as error:
            if not outdated(error):
                raise
            self.close()
            return self._commit(work)

    def _leave(self, engine: Engine) -> None:
        """Turn to the file that took the place of the one the connection leads to.

        The write-ahead log is found by name: what is left in it would be taken for the new file's.
        """
        old = engine.raw_connection()
        old.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        old.close()
        self.close()

    def _commit(self, work: Callable[[Connection], T]) -> T:
        with self._open().begin() as connection:
            self._notice_others(connection)
            return work(connection)

    def _open(self) -> Engine:
        if self._engine is None:
            if self._prepare is not None and self._file != file_identity(self._url):
                self._prepare()
            self._engine = open_engine(self._url, synced=self._synced)
            self._file = file_identity(self._url)
        return self._engine

    def _notice_others(self, connection: Connection) -> None:
        """Forget where another connection wrote to an SQLite file: it may have been restored."""
        if connection.dialect.name == "sqlite":
            version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            if version != self._version and not self._holds(connection):
                self._forget()
            self._version = version
