"""A folder of batches that wait for the database, oldest first.

A batch is a file `NUMBER-ROWS.batch`: a JSON array of observations, each an array of its fields.
It is written beside its place, synced and then renamed, so that a file of that name is whole
whatever killed the process. What can't be read is set aside as `….damaged` and stops nothing.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from prober.errors import NotWritable
from prober.model import (
    Observation,
    Outcome,
    Phase,
    Reason,
    Result,
    Status,
    Timings,
    Transition,
)

LACKING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})  # this host's trouble, for now

PATTERN = "*-*.batch"
"""The names of files that hold a whole batch, for `Path.glob`; sorted, the oldest comes first."""

log = structlog.get_logger(__name__)


class Spool:
    """The batches in one folder. `append` may come from another thread than the rest."""

    def __init__(self, folder: Path) -> None:
        """Take over what is there; raises `NotWritable` where the folder can't be used."""
        self._folder = folder
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / "probe.part", b"")
            for part in folder.glob("*.part"):
                part.unlink()
            self._files = deque(sorted(folder.glob(PATTERN)))
        except OSError as error:
            raise NotWritable(
                f"spool {folder} can't be written ({error.strerror}); "
                "let prober write there, or set store.spool elsewhere"
            ) from error
        self._next = _number(self._files[-1]) + 1 if self._files else 1
        self._rows = sum(map(_rows, self._files))

    @property
    def rows(self) -> int:
        """Observations that wait."""
        return self._rows

    def append(self, batch: Sequence[Observation]) -> None:
        """Put a batch at the end; once this returns it survives a power cut. Raises OSError."""
        with self._lock:
            file = self._folder / f"{self._next:012}-{len(batch)}.batch"
            part = file.with_suffix(".part")
            self._folder.mkdir(parents=True, exist_ok=True)  # somebody may have cleared it away
            _write(part, _encode(batch))
            part.rename(file)
            _sync(self._folder)
            self._files.append(file)
            self._next += 1
            self._rows += len(batch)

    def oldest(self) -> tuple[Path, list[Observation]] | None:
        """The batch whose turn it is, with its file, or None; damaged ones are set aside.

        Raises OSError where this host lacks what reading takes.
        """
        while self._files:
            file = self._files[0]
            try:
                return file, decode(file.read_bytes())
            except (OSError, ValueError, TypeError) as error:
                if getattr(error, "errno", None) in LACKING:
                    raise  # the file is well
                self.set_aside(file, error)
        return None

    def drop(self, file: Path) -> None:
        """Delete the oldest batch, since it is in the database now."""
        file.unlink(missing_ok=True)
        self._leave(file)

    def set_aside(self, file: Path, error: Exception) -> None:
        """Keep the oldest batch, which can't be used, for a person, and go on without it."""
        log.error("spool file set aside", file=str(file), rows=_rows(file), exc_info=error)
        if file.exists():
            file.rename(file.with_suffix(".damaged"))
        self._leave(file)

    def _leave(self, file: Path) -> None:
        with self._lock:
            self._files.remove(file)
            self._rows -= _rows(file)


def _number(file: Path) -> int:
    return int(file.stem.partition("-")[0])


def _rows(file: Path) -> int:
    return int(file.stem.partition("-")[2])


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encode(batch: Sequence[Observation]) -> bytes:
    return orjson.dumps(list(batch), default=_plain)


def _plain(named: tuple[Any, ...]) -> tuple[Any, ...]:
    # Named tuples are refused, plain ones are not. A result's message is not kept.
    return tuple(named._replace(message=None) if isinstance(named, Result) else named)


def decode(content: bytes) -> list[Observation]:
    """The batch in a file; raises ValueError or TypeError where it isn't one."""
    return [_observation(*fields) for fields in orjson.loads(content)]


def _observation(
    service: str, at: int, status: str, result: list[Any] | None, transition: list[Any] | None
) -> Observation:
    return Observation(
        service,
        at,
        Status(status),
        None if result is None else _result(Result(*result)),
        None if transition is None else _transition(Transition(*transition)),
    )


def _result(raw: Result) -> Result:
    return raw._replace(
        outcome=Outcome(raw.outcome),
        reason=None if raw.reason is None else Reason(raw.reason),
        phase=None if raw.phase is None else Phase(raw.phase),
        timings=None if raw.timings is None else Timings(*raw.timings),
    )


def _transition(raw: Transition) -> Transition:
    return raw._replace(
        old=Status(raw.old),
        new=Status(raw.new),
        reason=None if raw.reason is None else Reason(raw.reason),
    )
