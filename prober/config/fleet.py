"""What must hold between the services of a fleet: names, dependencies and times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Set
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from prober.config.nodes import Loc, Mapping, Node, Scalar, at, problem, subject
from prober.config.tree import Settings, Values
from prober.errors import Problem

BUILT_IN: Values = dict(Settings())
AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True)
class Entry:
    """A service, or the defaults, as written: the values that are right, and all nodes."""

    loc: Loc
    node: Node
    values: Values

    @property
    def written(self) -> Set[str]:
        """The keys that it sets, rightly or not."""
        return self.node.entries.keys() if isinstance(self.node, Mapping) else set()

    def at(self, key: str) -> Node | None:
        """The node of a key, or None where the service doesn't write it."""
        return self.node.entries.get(key) if isinstance(self.node, Mapping) else None

    def problem(self, key: str, message: str) -> Problem:
        """A problem of one of its keys."""
        return problem(self.at(key) or self.node, (*self.loc, key), message)

    def said(self, key: str) -> str:
        """What the file says there."""
        return subject(self.at(key) or self.node)

    @property
    def name(self) -> str | None:
        """Its name, also where that breaks a rule, so that others may still refer to it."""
        node = self.at("name")
        return node.text if isinstance(node, Scalar) else None


@dataclass(frozen=True)
class Fleet:
    """The services with the defaults that they share."""

    defaults: Entry
    entries: tuple[Entry, ...]

    @cached_property
    def common(self) -> Values:
        """What holds for a service that says nothing, but for a key that is written wrongly."""
        return _over(BUILT_IN, self.defaults)

    @cached_property
    def settled(self) -> tuple[Values, ...]:
        """What holds for each service: its own values over the defaults over the built-in ones.

        Headers are added up. A key that is written wrongly is left out.
        """
        return tuple(map(self._settled, self.entries))

    def _settled(self, entry: Entry) -> Values:
        values = _over(self.common, entry)
        shared = self.defaults.values.get("headers", {})
        values["headers"] = _headers(shared, entry.values.get("headers", {}))
        return values


def check(fleet: Fleet) -> Iterator[Problem]:
    """All that does not hold between values that are right by themselves."""
    for rule in (duplicates, renames, strangers, cycles, times, credentials):
        yield from rule(fleet)


def duplicates(fleet: Fleet) -> Iterator[Problem]:
    """A name names one service."""
    first: dict[str, Entry] = {}
    for entry in fleet.entries:
        if entry.name is None:
            continue
        there = first.setdefault(entry.name, entry)
        if there is not entry:
            place = (there.at("name") or there.node).place
            message = f"{entry.said('name')} is already the service in {place}; rename one"
            yield entry.problem("name", message)


def renames(fleet: Fleet) -> Iterator[Problem]:
    """A name that a service had before is no service's now, and was only one's."""
    taken = {entry.name: entry for entry in fleet.entries if entry.name is not None}
    first: dict[str, Entry] = {}
    for entry in fleet.entries:
        was = entry.values.get("was")
        if was is None:
            continue
        there = taken.get(was) or first.setdefault(was, entry)
        if there is not entry or entry.name == was:
            place = (there.at("name") or there.node).place
            message = f"{entry.said('was')} is the name, now or before, of the service in {place}"
            yield entry.problem("was", f"{message}; remove one")


def strangers(fleet: Fleet) -> Iterator[Problem]:
    """What a service depends on is a service as well."""
    names = {entry.name for entry in fleet.entries if entry.name is not None}
    for entry in fleet.entries:
        for i, name in enumerate(entry.values.get("depends_on", ())):
            if name not in names:
                yield _stranger(entry, i, get_close_matches(name, names, n=1))


def _stranger(entry: Entry, index: int, close: list[str]) -> Problem:
    node = at(entry.node, ("depends_on", index))
    remedy = f"did you mean {close[0]!r}?" if close else "write the name of one"
    message = f"{subject(node)} is no service; {remedy}"
    return problem(node, (*entry.loc, "depends_on", index), message)


def cycles(fleet: Fleet) -> Iterator[Problem]:
    """No service depends on itself, not even by way of others."""
    entries = {entry.name: entry for entry in fleet.entries if entry.name is not None}
    needs = {name: set(entry.values.get("depends_on", ())) for name, entry in entries.items()}
    while (cycle := _cycle(needs)) is not None:
        way = " → ".join(cycle)
        message = f"goes round in a circle, {way}; remove one of these dependencies"
        yield entries[cycle[0]].problem("depends_on", message)
        needs[cycle[0]].discard(cycle[1])


def _cycle(needs: dict[str, set[str]]) -> list[str] | None:
    """Names of which each depends on the next, the first being the last; None where all is well."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        # graphlib names what is needed before what needs it.
        names: list[str] = error.args[1][::-1]
        return names
    return None


def times(fleet: Fleet) -> Iterator[Problem]:
    """A probe ends before the next one of its service begins.

    Where a service sets neither time, the defaults are to blame, once for all.
    """
    blamed: Entry | None = None
    for entry, values in zip(fleet.entries, fleet.settled, strict=True):
        if values.get("timeout", 0.0) <= values.get("interval", math.inf):
            continue
        if entry.values.keys() & {"timeout", "interval"}:
            yield _too_long(fleet, entry, "")
        elif blamed is None:
            blamed = entry
            yield _too_long(fleet, fleet.defaults, f", for {entry.said('name')} among others")


def credentials(fleet: Fleet) -> Iterator[Problem]:
    """A request has one Authorization."""
    for entry, values in zip(fleet.entries, fleet.settled, strict=True):
        given = [key for key in ("basic_auth", "bearer_token", "oauth2") if values.get(key)]
        given += [f"headers.{name}" for name in values["headers"] if name.lower() == AUTHORIZATION]
        if len(given) > 1:
            key = next((key for key in given if key in entry.written), "name")
            message = f"{' and '.join(given)} would both be sent as Authorization; leave one empty"
            yield entry.problem(key, message)


def _too_long(fleet: Fleet, entry: Entry, whom: str) -> Problem:
    if "timeout" in entry.values:
        than, remedy = _origin(fleet, entry, "interval"), "write a shorter one"
        message = f"{entry.said('timeout')} is longer than the interval, {than}{whom}; {remedy}"
        return entry.problem("timeout", message)
    than, remedy = _origin(fleet, entry, "timeout"), "write a longer one, or a shorter timeout"
    message = f"{entry.said('interval')} is shorter than the timeout, {than}{whom}; {remedy}"
    return entry.problem("interval", message)


def _origin(fleet: Fleet, entry: Entry, key: str) -> str:
    """The value of `key` that holds for `entry`, and where it comes from."""
    if key in entry.values:
        return entry.said(key)
    if key in fleet.defaults.values:
        return f"{fleet.defaults.said(key)} from defaults"
    return f"which is {Settings.model_fields[key].default} unless set"


def _over(values: Values, entry: Entry) -> Values:
    """What an entry says over what holds without it."""
    both = values | entry.values
    for key in entry.written - entry.values.keys():
        both.pop(key, None)
    return both


def _headers(shared: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """A service's headers over the shared ones; capitals don't matter, empty ones go."""
    taken = {name.lower() for name in own}
    both = {name: text for name, text in shared.items() if name.lower() not in taken} | own
    return {name: text for name, text in both.items() if text}
