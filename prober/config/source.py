"""Read one YAML file into nodes; every fault of its syntax is reported with its line."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode
from ruamel.yaml.reader import ReaderError

from prober.config.nodes import Listing, Loc, Mapping, Node, Place, Scalar, dotted
from prober.errors import Problem

STANDARD = "tag:yaml.org,2002:"
NULL = STANDARD + "null"
MERGE = STANDARD + "merge"


SERVICES = "write 'services:' and a list of services below it"


def read(path: Path, problems: list[Problem], remedy: str = SERVICES) -> Mapping | None:
    """The mapping that a file holds, or None where there is none; faults go to `problems`.

    `remedy` says what to write where it holds none.
    """
    try:
        root = _compose(path.read_text(encoding="utf-8"))
        if isinstance(root, MappingNode):
            return _Reader(str(path), problems).mapping(root, Place(str(path), 1), ())
    except (OSError, UnicodeDecodeError, YAMLError, RecursionError) as error:
        problems.append(_unreadable(path, error))
        return None
    problems.append(Problem(str(path), _not_a_mapping(root, remedy)))
    return None


def _compose(text: str) -> YamlNode | None:
    # libyaml is ten times as fast, and ruamel's own parser says better what is wrong, and where.
    root: YamlNode | None
    try:
        root = YAML(typ="safe").compose(text)
    except YAMLError:
        root = YAML(typ="safe", pure=True).compose(text)
    return root


def _not_a_mapping(root: YamlNode | None, remedy: str) -> str:
    found = "the file is empty" if root is None else "the file does not hold keys at its top"
    return f"{found}; {remedy}"


def _unreadable(path: Path, error: Exception) -> Problem:
    file = str(path)
    match error:
        case OSError():
            return Problem(file, f"can't be read: {error.strerror}; check the path and its rights")
        case RecursionError():
            return Problem(file, "is nested too deeply; a service needs three levels")
        case UnicodeDecodeError():
            line = error.object[: error.start].count(b"\n") + 1
            return Problem(file, "is not UTF-8 text; save it as UTF-8", file, line)
        case MarkedYAMLError(problem_mark=mark) if mark is not None:
            said = ", ".join(filter(None, (error.context, error.problem)))
            return Problem(
                file, f"YAML syntax, column {mark.column + 1}: {said}", file, mark.line + 1
            )
        case ReaderError():
            line = path.read_text(encoding="utf-8")[: error.position].count("\n") + 1
            return Problem(file, "holds a control character; remove it", file, line)
        case _:
            return Problem(file, f"YAML syntax: {error}")


class _Reader:
    """Turns the YAML nodes of one file into ours."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems
        self._open: set[int] = set()

    def mapping(self, node: MappingNode, place: Place, loc: Loc) -> Mapping:
        """Own keys win over those that `<<` merges in; of keys written twice the first counts."""
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        first: dict[str, Place] = {}
        for key, value in node.value:
            here = self._place(key)
            if key.tag == MERGE:
                merged = self._merged(value, here, loc) | merged
            elif not isinstance(key, ScalarNode):
                self._add(loc, "a key must be a word, not a list or mapping", here)
            elif key.value in own:
                message = f"is written twice, first in line {first[key.value].line}; remove one"
                self._add((*loc, key.value), message, here)
            else:
                first[key.value] = here
                own[key.value] = self._value(value, here, (*loc, key.value))
        return Mapping(place, merged | own)

    def _merged(self, node: YamlNode, place: Place, loc: Loc) -> dict[str, Node]:
        sources = node.value if isinstance(node, SequenceNode) else [node]
        found: dict[str, Node] = {}
        for source in sources:
            value = self._value(source, place, loc)
            if isinstance(value, Mapping):
                found = value.entries | found
            else:
                self._add(loc, "'<<' merges mappings only; give it an alias of one", place)
        return found

    def _value(self, node: YamlNode, place: Place, loc: Loc) -> Node:
        if not (node.tag or STANDARD).startswith(STANDARD):
            self._add(loc, f"the tag {node.tag!r} is not known; remove it", place)
        if isinstance(node, ScalarNode):
            null = node.tag == NULL
            text = None if null else node.value
            return Scalar(place, node.value, text, text, not node.style)
        if id(node) in self._open:
            self._add(loc, "an alias refers to what it stands in; remove it", place)
            return Scalar(place, "", None, None, True)
        self._open.add(id(node))
        try:
            return self._collection(node, place, loc)
        finally:
            self._open.discard(id(node))

    def _collection(self, node: YamlNode, place: Place, loc: Loc) -> Node:
        if isinstance(node, MappingNode):
            return self.mapping(node, place, loc)
        items = (
            self._value(item, self._place(item), (*loc, i)) for i, item in enumerate(node.value)
        )
        return Listing(place, tuple(items))

    def _place(self, node: YamlNode) -> Place:
        return Place(self._file, node.start_mark.line + 1)

    def _add(self, loc: Loc, message: str, place: Place) -> None:
        self._problems.append(Problem(dotted(loc), message, place.file, place.line))
