"""Copy a database to a file while it is in use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from prober.errors import NotWritable, StoreError
from prober.storage.database import place, sqlite_file

PAGES_A_STEP = 500
REST_S = 0.005  # between two steps, in which others write


def backup(url: str, target: Path, passed: Callable[[int, int], object]) -> None:
    """Write a whole and consistent copy to `target`, which appears once it is complete.

    `passed` is told the pages that are left and how many there are. Raises StoreError where the
    database is no file, and NotWritable where the copy can't be written, or is there already.
    """
    source = sqlite_file(url)
    if source is None:
        raise StoreError(f"{place(url)} is no file; back it up with pg_dump")
    if not source.exists():
        raise StoreError(f"there is no database at {source}; see store.url")
    if target.exists():
        raise NotWritable(f"{target} is there already; remove it, or name another file")
    part = target.with_name(f"{target.name}.part")
    try:
        _copy(source, part, passed)
        part.rename(target)
    except OSError as error:
        raise NotWritable(f"{target} can't be written ({error.strerror})") from error
    except sqlite3.Error as error:
        raise StoreError(f"{source} can't be copied to {target}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, part: Path, passed: Callable[[int, int], object]) -> None:
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(part)) as writing,
    ):
        reading.backup(
            writing,
            pages=PAGES_A_STEP,
            progress=lambda _, left, total: passed(left, total),
            sleep=REST_S,
        )
        (verdict,) = writing.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreError(f"the copy of {source} is not sound: {verdict}")
