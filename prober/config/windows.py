"""The part of the tree that says when maintenance is, and of what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from prober import maintenance
from prober.config import fields
from prober.config.fields import Parsed, setting
from prober.config.part import Part


def moment(text: str) -> datetime:
    """A date and time of ISO 8601, with an offset or without one."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a time; write one like 2026-12-01T22:00:00+01:00") from None


def timezone(text: str) -> str:
    """The name of a time zone, as IANA has them."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone; write one like Europe/Madrid or UTC") from None


Zone = Annotated[str, Parsed(timezone, examples=["Europe/Madrid"])]
Schedule = Annotated[str, Parsed(maintenance.schedule, examples=["0 3 * * sun"])]
Moment = Annotated[
    datetime, Parsed(moment, examples=["2026-12-01T22:00:00+01:00", "2026-12-01T22:00"])
]


class Maintenance(Part):
    """A window in which planned work may leave services unwell: once, or by a schedule."""

    name: fields.Label = Field(description="What people and programs are told; once in all.")
    services: fields.Labels = setting(
        [], "Names of services, also with * and ?. With groups and tags left out, too: all."
    )
    groups: fields.Labels = setting([], "Groups whose services it is for.")
    tags: fields.Labels = setting([], "Tags whose services it is for.")
    schedule: Schedule | None = setting(
        None, "When it begins, again and again: minute, hour, day, month and weekday."
    )
    duration: Annotated[float, fields.duration("1m")] | None = setting(
        None, "How long it then lasts."
    )
    timezone: Zone = setting(
        "UTC", "The time zone of the schedule, and of times without an offset."
    )
    start: Moment | None = setting(None, "When it begins, once.", alias="from")
    end: Moment | None = setting(None, "When that ends.", alias="to")
