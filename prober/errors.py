"""The errors that prober raises for people to read, each with the exit code of its kind.

    ProberError              70  our own fault that has no better name
    ├── ConfigError          78  the configuration can't be used
    ├── BadInput             65  a file to import has faults
    ├── AddressInUse         69  the gateway's port is taken, or can't be bound
    ├── ExtraMissing         69  what was asked for needs an optional library
    ├── NotWritable          73  a folder or file can't be created or written
    └── StoreError           74  the database failed
        ├── StoreCorrupt     65  the file is not a database, or is damaged
        ├── StoreLocked      75  another process holds the database: try again
        ├── StoreNewer       76  the database was migrated by a newer prober
        └── StoreUnfit       72  a column that must be written can't be

The codes are those of sysexits.h. A message is one line: the place, the value and the remedy.
An outage of a service is data (`model.Result`) and never an exception.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class ProberError(Exception):
    """The root: its message is shown to the user in one line, and `exit_code` ends the process."""

    exit_code: ClassVar[int] = os.EX_SOFTWARE


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a configuration: where it stands, what is wrong and what to write instead."""

    path: str
    message: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place += f"{', ' if place else ''}line {self.line}"
        return f"{self.path}: {self.message}" + (f" ({place})" if place else "")


class ConfigError(ProberError):
    """The configuration can't be used; `problems` holds every fault that was found, in order."""

    exit_code = os.EX_CONFIG

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class BadInput(ProberError):
    """A file to import can't be used; `problems` holds its faults, in order."""

    exit_code = os.EX_DATAERR

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class ExtraMissing(ProberError):
    """What was asked for needs an optional library that is not installed."""

    exit_code = os.EX_UNAVAILABLE


class AddressInUse(ProberError):
    """The gateway can't listen where it was told to."""

    exit_code = os.EX_UNAVAILABLE


class NotWritable(ProberError):
    """A folder or file that prober must write can't be written."""

    exit_code = os.EX_CANTCREAT


class StoreError(ProberError):
    """The database failed in a way that has no better name."""

    exit_code = os.EX_IOERR


class StoreCorrupt(StoreError):
    """The file is not a database, or is damaged."""

    exit_code = os.EX_DATAERR


class StoreLocked(StoreError):
    """Another process holds the database."""

    exit_code = os.EX_TEMPFAIL


class StoreNewer(StoreError):
    """The database was migrated by a newer prober than this one."""

    exit_code = os.EX_PROTOCOL


class StoreUnfit(StoreError):
    """A table has a required column that prober can't fill, or lacks one that it needs."""

    exit_code = os.EX_OSFILE
