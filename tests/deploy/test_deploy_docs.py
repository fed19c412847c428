from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from prober import errors


@pytest.fixture(scope="module")
def docs(deploy: Path) -> str:
    return (deploy.parent / "docs" / "deploy.md").read_text("utf-8")


def test_the_exit_codes_are_those_of_the_errors(docs: str) -> None:
    documented = re.findall(r"^\| (\d+) \| (\w+) \|", docs, re.MULTILINE)

    assert {name: int(code) for code, name in documented} == {
        kind.__name__: kind.exit_code for kind in tree(errors.ProberError)
    }


def test_the_exit_codes_say_which_ones_systemd_retries(docs: str, deploy: Path) -> None:
    unit = (deploy / "prober.service").read_text("utf-8")
    [codes] = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)

    given_up = re.findall(r"^\| (?!0 )(\d+) \|.*\| no \|$", docs, re.MULTILINE)

    assert list(dict.fromkeys(given_up)) == codes.split()


def test_the_files_that_it_links_to_are_there(docs: str, deploy: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", docs)

    assert links
    assert [link for link in links if not (deploy.parent / "docs" / link).exists()] == []


def tree(kind: type[errors.ProberError]) -> Iterator[type[errors.ProberError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)
