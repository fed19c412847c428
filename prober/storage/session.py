"""Transactions on one database that may fail, be swapped or change its shape meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from prober.storage.database import Access, file_identity, open_engine
from prober.storage.failures import explaining, outdated

T = TypeVar("T")


class Session:
    """Runs work in transactions; used from one thread at a time.

    `prepare` is called before opening a file that is not the one that was there before, `forget`
    whenever what was learned from the database may not hold any more. Where another connection has
    written, `holds` is asked whether it still does; without it, all is forgotten. `access` and
    `synced` are those of `open_engine`.
    """

    def __init__(
        self,
        url: str,
        forget: Callable[[], None] = lambda: None,
        prepare: Callable[[], object] | None = None,
        *,
        access: Access = Access.WRITE,
        synced: bool = False,
        holds: Callable[[Connection], bool] = lambda _: False,
    ) -> None:
        self._url = url
        self._holds = holds
        self._access = access
        self._synced = synced
        self._forget = forget
        self._prepare = prepare
        self._connection: Connection | None = None
        self._file = file_identity(url)
        self._version: tuple[int] | None = None

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
        if self._connection is not None:
            self._connection.close()
            self._connection.engine.dispose()
        self._connection = self._version = None
        self._forget()

    def _run(self, work: Callable[[Connection], T]) -> T:
        if self._connection is not None and self._file != file_identity(self._url):
            self._leave(self._connection)
        try:
            return self._commit(work)
        except DBAPIError as error:
            if not outdated(error):
                raise
            self.close()
            return self._commit(work)

    def _leave(self, connection: Connection) -> None:
        """Turn to the file that took the place of the one the connection leads to.

        The write-ahead log is found by name: what is left in it would be taken for the new file's.
        """
        if self._access is not Access.READ:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.close()

    def _commit(self, work: Callable[[Connection], T]) -> T:
        connection = self._open()
        with connection.begin():
            self._notice_others(connection)
            return work(connection)

    def _open(self) -> Connection:
        if self._connection is None:
            if self._prepare is not None and self._file != file_identity(self._url):
                self._prepare()
            # Kept: to take one from the engine's pool anew costs as much as writing ten rows.
            engine = open_engine(self._url, self._access, synced=self._synced)
            self._connection = engine.connect()
            self._file = file_identity(self._url)
        return self._connection

    def _notice_others(self, connection: Connection) -> None:
        """Forget where another connection wrote to an SQLite file: it may have been restored."""
        if connection.dialect.name == "sqlite":
            # Past SQLAlchemy, whose result would cost as much as ten rows, each time.
            cursor = connection.connection.cursor().execute("PRAGMA data_version")
            version = cursor.fetchone()
            if version != self._version and not self._holds(connection):
                self._forget()
            self._version = version
