"""Names of services on the command line: completed, looked up, and suggested when misspelt."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

import rich_click as click
from click.shell_completion import CompletionItem

from prober.errors import ProberError
from prober.model import Service


def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The configured services whose names begin so; none where the configuration is unusable."""
    from prober.config import load  # here, since `prober --version` must not wait for its import

    try:
        config = load.read(ctx.params.get("config") or (), os.environ)
    except ProberError:
        return []
    return [
        CompletionItem(s.name, help=s.url) for s in config.services if s.name.startswith(incomplete)
    ]


def pick(services: Iterable[Service], names: Sequence[str]) -> list[Service]:
    """The services named, in the configuration's order, or all where no name is given.

    A service that is disabled is enabled by naming it. Raises click.BadParameter for a name that
    isn't configured.
    """
    if not names:
        return list(services)
    known = {service.name: service for service in services}
    for name in names:
        require(name, known)
    return [replace(service, enabled=True) for name, service in known.items() if name in names]


def require(name: str, known: Collection[str]) -> None:
    """Raise click.BadParameter with what may have been meant, where `name` isn't in `known`."""
    if name in known:
        return
    close = get_close_matches(name, known)
    remedy = f"did you mean {' or '.join(close)}?" if close else _listing(known)
    raise click.BadParameter(f"{name!r} is not a service; {remedy}", param_hint="NAME")


def _listing(known: Collection[str], most: int = 10) -> str:
    names = sorted(known)
    more = ", …" if len(names) > most else ""
    return f"the services are {', '.join(names[:most])}{more}" if names else "there are none"


def chosen(names: Sequence[str], services: Iterable[Service], stored: Iterable[str]) -> list[str]:
    """The names that were given, or those of all configured services where none was.

    A service that left the configuration can be named as long as history knows it. Raises
    click.BadParameter for a name that neither knows.
    """
    configured = [service.name for service in services]
    for name in names:
        require(name, {*configured, *stored})
    return list(names) or configured
