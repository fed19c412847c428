"""Give a service's history its new name, so that a rename in the configuration keeps identity."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select, update

from prober.storage.connecting import connected
from prober.storage.database import Access
from prober.storage.tables import results, rollups, segments, services, transitions

HISTORY = (results, segments, transitions, rollups)


def rename(url: str, renames: Mapping[str, str]) -> list[str]:
    """Rename services, each new name with its old one, in one transaction.

    What history doesn't know by its old name is left alone, so this may be done again. Returns a
    line with a remedy for each service that has history under both names, and keeps both. Raises
    what `failures.explain` makes of a failure, and then nothing is renamed.
    """
    if not renames:
        return []
    with connected(url, Access.WRITE) as connection:
        lines = [_rename(connection, new, old) for new, old in renames.items()]
    return [line for line in lines if line is not None]


def _rename(connection: Connection, new: str, old: str) -> str | None:
    names = select(services.c.name, services.c.id).where(services.c.name.in_([new, old]))
    ids: dict[str, int] = dict(connection.execute(names).all())
    if old not in ids:
        return None
    if new in ids:
        if _has_history(connection, ids[new]):
            return (
                f"services: both {old!r} and {new!r} have history, which stays apart; to join it, "
                f"run `prober export {old} -o old.csv`, change the name in it and run `prober "
                f"import old.csv`, then remove `was: {old}`"
            )
        connection.execute(delete(services).where(services.c.id == ids[new]))
    connection.execute(update(services).where(services.c.id == ids[old]).values(name=new))
    return None


def _has_history(connection: Connection, service_id: int) -> bool:
    return any(
        connection.execute(
            select(table.c.service_id).where(table.c.service_id == service_id).limit(1)
        ).first()
        for table in HISTORY
    )
