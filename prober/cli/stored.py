"""Open the history that the daemon wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prober.errors import StoreError
from prober.storage import database
from prober.storage.reader import Reader


@contextmanager
def history(url: str) -> Iterator[Reader]:
    """A reader over the database at `url`; raises StoreError where there is none yet."""
    file = database.sqlite_file(url)
    if file is not None and not file.exists():
        raise StoreError(f"no history at {file}; start the daemon with `prober run`")
    reader = Reader(url)
    try:
        yield reader
    finally:
        reader.close()
