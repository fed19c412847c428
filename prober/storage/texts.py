"""Rows as the results that they were, with the texts that rows name by ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, select

from prober.model import Result
from prober.storage.codes import OUTCOME_OF, PHASE_OF, REASON_OF
from prober.storage.fetching import among, fetch
from prober.storage.segment import Folded, Kind, Raw
from prober.storage.tables import endpoints, snippets

_result = tuple.__new__  # what Result._make is, without its check

MOST = 50_000  # snippets that are remembered

Known = dict[int | None, str | None]

# Made once: putting a statement together costs more than running it.
ENDPOINTS = select(endpoints.c.id, endpoints.c.path).where(among(endpoints.c.id, "ids"))
SNIPPETS = select(snippets.c.id, snippets.c.text).where(among(snippets.c.id, "ids"))


class Texts:
    """The texts that rows name, looked up once."""

    def __init__(self) -> None:
        self._endpoints: Known = {None: None}
        self._snippets: Known = {None: None}

    def learn(self, connection: Connection, kinds: Iterable[Kind]) -> None:
        """Look up what rows of these kinds name, and is not known yet."""
        if len(self._snippets) > MOST:  # where each result has another
            self._snippets = {None: None}
        named = {kind[2:4] for kind in kinds}
        _look_up(connection, ENDPOINTS, {ids[0] for ids in named}, self._endpoints)
        _look_up(connection, SNIPPETS, {ids[1] for ids in named}, self._snippets)

    def lost(self, found: Iterable[Raw]) -> int:
        """How many of these rows, which were learned, name a text that history doesn't have."""
        endpoints_, snippets_ = self._endpoints.keys(), self._snippets.keys()
        return sum(r.endpoint_id not in endpoints_ or r.snippet_id not in snippets_ for r in found)

    def results(self, names: Iterable[str], found: Folded) -> list[Result]:
        """Rows as results of the services named; a text that history has lost is None."""
        told = list(map(self._told, found.kinds))
        kinds = map(told.__getitem__, found.which)
        return [
            # In the order of its fields: a call of a constructor for each row would cost as much
            # as all the rest.
            _result(
                Result,
                (
                    name,
                    checked_at,
                    outcome,
                    http_code,
                    None if latency_us is None else latency_us / 1000,
                    endpoint,
                    snippet,
                    reason,
                    phase,
                    None,  # timings
                    None,  # tls_expiry
                    0.0,  # lag_ms
                    None,  # message
                    stalled,
                ),
            )
            for name, checked_at, latency_us, (
                outcome,
                http_code,
                endpoint,
                snippet,
                reason,
                phase,
                stalled,
            ) in zip(names, found.checked_at, found.latency_us, kinds, strict=False)
        ]

    def _told(self, kind: Kind) -> tuple[Any, ...]:
        """What a kind stands for."""
        outcome, http_code, endpoint_id, snippet_id, reason, phase, stalled = kind
        return (
            OUTCOME_OF[outcome],
            http_code,
            self._endpoints.get(endpoint_id),
            self._snippets.get(snippet_id),
            REASON_OF[reason],
            PHASE_OF[phase],
            bool(stalled),
        )


def _look_up(
    connection: Connection, query: Select[Any], ids: set[int | None], known: Known
) -> None:
    if missing := ids - known.keys():
        known |= dict(fetch(connection, query, {"ids": missing}))
