"""Numbers for texts that repeat: services, endpoints and snippets, each in a table of its own."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, bindparam, select

from prober.storage.fetching import shares
from prober.storage.tolerant import USED, Insert, Row

CHUNK = 500  # texts in one query
MOST = 50_000  # texts that are remembered


class Identities:
    """The ids of one table's texts: remembered, else looked up, else made.

    What is remembered must be forgotten where a transaction was rolled back, since it may have
    made the row, and where the database may have changed behind prober's back. Where rows go that
    are unused, `renew` comes before `resolve`: then what is remembered can't have gone.
    """

    def __init__(self, table: Table, text: str) -> None:
        self._text = table.c[text]
        self._query = select(self._text, table.c.id).where(
            self._text.in_(bindparam("texts", expanding=True))
        )
        if USED in table.c:
            self._query = self._query.where(table.c[USED] >= bindparam("hour"))
        self._hour = 0
        self._text_of = select(self._text).where(table.c.id == bindparam("id"))
        self.forget()

    def forget(self) -> None:
        """Look everything up anew."""
        self._known: dict[str | None, int | None] = {None: None}
        self._newest: tuple[int, str] = (0, "")

    def renew(self, hour: int) -> None:
        """Use texts in this hour or before: those marked as used in an earlier one are marked anew.

        What is remembered was marked with `hour`, or a later one that was given before.
        """
        if hour > self._hour:
            self._hour = hour
            self.forget()

    def hold(self, connection: Connection) -> bool:
        """Whether the newest of what is remembered is as it was: then the older ones are, too."""
        id_, text = self._newest
        return not id_ or connection.execute(self._text_of, {"id": id_}).scalar() == text

    def resolve(
        self, connection: Connection, insert: Insert, texts: Sequence[str | None], more: Row = ()
    ) -> list[int | None]:
        """The id of each of the texts, and None for None; a new text's row is (text, *more).

        Without `more`, it is the hour that `renew` was given.
        """
        try:
            return list(map(self._known.__getitem__, texts))
        except KeyError:
            self._learn(connection, insert, set(texts), more or (self._hour,))
            return list(map(self._known.__getitem__, texts))

    def _learn(
        self, connection: Connection, insert: Insert, texts: set[str | None], more: Row
    ) -> None:
        if len(self._known) > MOST:  # those that are common come back with the next batches
            self.forget()
        # In order, so that two writers wait for each other rather than lock each other out.
        wanted = sorted(text for text in texts - self._known.keys() if text is not None)
        self._look_up(connection, wanted)
        new = [text for text in wanted if text not in self._known]
        insert.run(connection, [(text, *more) for text in new])
        self._look_up(connection, new)

    def _look_up(self, connection: Connection, texts: Sequence[str]) -> None:
        for some in shares(texts, CHUNK):
            found = connection.execute(self._query, {"texts": some, "hour": self._hour}).all()
            self._known.update((text, id_) for text, id_ in found)
            self._newest = max([self._newest, *((id_, text) for text, id_ in found)])
