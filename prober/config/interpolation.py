"""Replace references in values: ${VAR}, ${VAR:-default}, ${file:PATH}, ${credential:NAME}.

    value     = (text | "$$" | reference)*
    reference = "${" NAME "}" | "${" NAME ":-" default "}" | "${file:" PATH "}"
              | "${credential:" NAME "}"
    NAME      = [A-Za-z_][A-Za-z0-9_]*

As in a shell, a default also stands in for a variable that is empty. A default and a path can't
hold "}". A credential is one that systemd gives (LoadCredential=). A lone "$" stands for itself,
and "$$" for one before "{" or "$". Works on parsed values only, so what a variable holds is never
read as YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Environment
from dataclasses import dataclass, replace
from pathlib import Path

from prober.config import masking
from prober.config.nodes import Listing, Loc, Mapping, Node, Scalar, problem
from prober.errors import Problem

_REFERENCE = re.compile(r"\$\$|\$\{(?P<inner>[^}]*)(?P<end>\}?)")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_CREDENTIAL = re.compile(r"[^/]+")
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
_GRAMMAR = "write ${VAR}, ${VAR:-default}, ${file:PATH} or ${credential:NAME}, and $$ for a dollar"


@dataclass(frozen=True, slots=True)
class Interpolation:
    """The environment that references are looked up in, and where faults are put."""

    env: Environment[str, str]
    problems: list[Problem]

    def mapping(self, node: Mapping, loc: Loc = ()) -> Mapping:
        """A mapping with the references in all scalars below it replaced."""
        entries = {key: self._node(value, (*loc, key)) for key, value in node.entries.items()}
        return replace(node, entries=entries)

    def _node(self, node: Node, loc: Loc) -> Node:
        match node:
            case Scalar(text=str(text)) if "$" in text:
                return self._scalar(node, text, loc)
            case Scalar():
                return node
            case Listing():
                items = (self._node(item, (*loc, i)) for i, item in enumerate(node.items))
                return replace(node, items=tuple(items))
            case Mapping():
                return self.mapping(node, loc)

    def _scalar(self, node: Scalar, text: str, loc: Loc) -> Scalar:
        try:
            parts = list(self._parts(text, node.place.folder))
        except ValueError as error:
            self.problems.append(problem(node, loc, str(error)))
            return node
        real = "".join(real for real, _ in parts)
        shown = "".join(shown for _, shown in parts)
        # An unquoted value that comes out empty is null, as it would be in YAML.
        null = node.plain and not real
        return replace(node, text=None if null else real, shown=None if null else shown)

    def _parts(self, text: str, folder: Path) -> Iterator[tuple[str, str]]:
        """The pieces of a value in order: what each stands for, and what may be shown of it."""
        end = 0
        for match in _REFERENCE.finditer(text):
            yield (text[end : match.start()],) * 2
            yield self._look_up(match, folder)
            end = match.end()
        yield (text[end:],) * 2

    def _look_up(self, match: re.Match[str], folder: Path) -> tuple[str, str]:
        inner = match["inner"]
        if inner is None:
            return "$", "$"
        if not match["end"]:
            raise ValueError(f"'${{' opens a reference that has no end; {_GRAMMAR}")
        if inner.startswith("file:"):
            return _content(folder / inner.removeprefix("file:"), match[0]), masking.MASK
        if inner.startswith("credential:"):
            return self._credential(inner.removeprefix("credential:"), match[0]), masking.MASK
        reference = _VARIABLE.fullmatch(inner)
        if reference is None:
            raise ValueError(f"{match[0]!r} is no reference that prober knows; {_GRAMMAR}")
        return self._variable(reference["name"], reference["default"])

    def _credential(self, name: str, reference: str) -> str:
        if not _CREDENTIAL.fullmatch(name) or name in (".", ".."):
            raise ValueError(f"{reference!r} names no credential; write one like ${{credential:x}}")
        if _CREDENTIALS not in self.env:
            raise ValueError(
                f"{reference!r} is given by systemd only; start prober as a service with "
                f"LoadCredential={name}:PATH"
            )
        return _content(Path(self.env[_CREDENTIALS], name), reference)

    def _variable(self, name: str, default: str | None) -> tuple[str, str]:
        value = self.env.get(name, default)
        if value is None:
            raise ValueError(
                f"'${{{name}}}' names a variable that is not set; set {name}, "
                f"or write ${{{name}:-default}}"
            )
        value = value or default or ""
        return value, masking.header(name, value)


def _content(path: Path, reference: str) -> str:
    """The text of a file without the line end that editors put after the last line."""
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        remedy = "check the path (it is relative to this file) and its rights"
        raise ValueError(f"{reference!r} can't be read: {error.strerror}; {remedy}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{reference!r} is not UTF-8 text; save it as UTF-8") from None
