"""What a behaviour of the zoo is: a server that behaves in some way, and a module to probe it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

from authorities import Authority
from servers import Certificate, make_certificate


class Ground:
    """What behaviours share: a folder, and certificates that are made when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._issued: dict[tuple[Any, ...], Certificate] = {}
        self._issuing = Lock()  # servers start in threads, and the authority does one at a time

    @cached_property
    def authority(self) -> Authority:
        """The one that modules trust by the file "{authority}"."""
        folder = self.folder / "authority"
        folder.mkdir()
        return Authority(folder)

    def issued(self, name: str = "shop", **how: Any) -> Certificate:
        """A certificate from the authority; as `Authority.issue`."""
        key = (name, *sorted(how.items()))
        with self._issuing:
            if key not in self._issued:
                self._issued[key] = self.authority.issue(name, **how)
            return self._issued[key]

    @cached_property
    def stranger(self) -> Certificate:
        """One for localhost that nobody vouches for: "{folder}/stranger/localhost.crt"."""
        folder = self.folder / "stranger"
        folder.mkdir()
        return make_certificate(folder)

    def filled(self, value: Any) -> Any:
        """A module with "{authority}" and "{folder}" in its texts replaced by paths."""
        if isinstance(value, str):
            return value.replace(
                "{authority}", str(self.folder / "authority" / "authority.crt")
            ).replace("{folder}", str(self.folder))
        if isinstance(value, Mapping):
            return {key: self.filled(inner) for key, inner in value.items()}
        return [self.filled(inner) for inner in value] if isinstance(value, list) else value


PORT = 3128  # below those that the system gives out
_numbers = count(1)


def own_host() -> str:
    """An address of loopback for one behaviour alone: whenever it is served, `PORT` is free there.

    For servers that a module names. A port that is chosen so long before it is used may be taken.
    """
    number = next(_numbers)
    return f"127.77.{number >> 8}.{number & 255}"


Serve = Callable[[Ground], AbstractContextManager[str]]
"""Start servers; gives the target to be probed."""


@dataclass(frozen=True)
class Behaviour:
    """One animal of the zoo. `module` is in blackbox.yml's own form."""

    name: str
    serve: Serve
    module: Mapping[str, Any] = field(default_factory=lambda: {"prober": "http"})
    hostname: str = ""

    def __repr__(self) -> str:
        return self.name
