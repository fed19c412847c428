"""Chats with their last messages, in the table of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, delete, select, update

from prober.storage.migrate import upgrade
from prober.storage.session import Session
from prober.storage.tables import sessions
from prober.storage.tolerant import INSERT

SUMMARY_MESSAGES = 3
SUMMARY_EACH = 100  # characters of a message
SUMMARY_MOST = 512  # characters of a summary


class Message(NamedTuple):
    """What was said in a session, and by whom; `timestamp` is in epoch milliseconds."""

    role: str
    content: str
    timestamp: int
    metadata: dict[str, Any]


class Talk(NamedTuple):
    """A session; times are in epoch milliseconds, and the newest message is the last."""

    id: str
    user_id: str | None
    created_at: int
    messages: tuple[Message, ...]

    def summary(self) -> str:
        """The last messages in a few words: a line "role: text" for each."""
        last = self.messages[-SUMMARY_MESSAGES:]
        lines = [f"{message.role}: {message.content[:SUMMARY_EACH]}" for message in last]
        return "\n".join(lines)[:SUMMARY_MOST]


class Bounds(NamedTuple):
    """How much is kept: the newest messages of each of the sessions that were last used.

    `life_ms` is for how long after its last use a session is kept.
    """

    messages: int = 50
    sessions: int = 100
    life_ms: int = 3_600_000


USUAL = Bounds()


class Sessions:
    """Reads and writes the table; used from one thread at a time.

    Several programs may write one database: a message is added in a transaction that holds its
    session, so that none is lost. Raises what `failures.explain` makes of a failure.
    """

    def __init__(self, url: str, bounds: Bounds = USUAL, *, migrate: bool = True) -> None:
        self._bounds = bounds
        self._session = Session(url, prepare=partial(upgrade, url) if migrate else None)

    def add(self, id_: str, user_id: str | None, message: Message) -> Talk:
        """Add a message, to a new session where there is none, and give the session as it is then.

        A session belongs to the user who began it.
        """
        bounds = self._bounds
        return self._session.run(lambda connection: _add(connection, bounds, id_, user_id, message))

    def get(self, id_: str, now: int) -> Talk | None:
        """A session that is still kept at `now` (epoch ms), or None; reading doesn't prolong it."""
        since = now - self._bounds.life_ms
        return self._session.run(lambda connection: _get(connection, id_, since))

    def close(self) -> None:
        """Let go of the connection; the next use opens it anew."""
        self._session.close()


def _add(
    connection: Connection, bounds: Bounds, id_: str, user_id: str | None, message: Message
) -> Talk:
    now = message.timestamp
    connection.execute(delete(sessions).where(sessions.c.used_at < now - bounds.life_ms))
    new = INSERT[connection.dialect.name](sessions).on_conflict_do_nothing()
    empty = {"id": id_, "user_id": user_id, "created_at": now, "used_at": now, "messages": "[]"}
    connection.execute(new, empty)
    held = select(sessions).where(sessions.c.id == id_).with_for_update()
    talk = _talk(connection.execute(held).one())
    talk = talk._replace(messages=(*talk.messages, message)[-bounds.messages :])
    values = {"used_at": now, "messages": orjson.dumps([list(m) for m in talk.messages]).decode()}
    connection.execute(update(sessions).where(sessions.c.id == id_).values(values))
    _shrink(connection, bounds.sessions)
    return talk


def _shrink(connection: Connection, most: int) -> None:
    """Let the sessions beyond the most that are kept leave, the least recently used first."""
    kept = select(sessions.c.id).order_by(sessions.c.used_at.desc()).limit(most)
    connection.execute(delete(sessions).where(sessions.c.id.not_in(kept)))


def _get(connection: Connection, id_: str, since: int) -> Talk | None:
    alive = sessions.c.used_at >= since
    row = connection.execute(select(sessions).where(sessions.c.id == id_, alive)).one_or_none()
    return None if row is None else _talk(row)


def _talk(row: Any) -> Talk:
    messages: Sequence[Any] = orjson.loads(row.messages)
    return Talk(row.id, row.user_id, row.created_at, tuple(Message(*m) for m in messages))
