"""References to variables and files in values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.config.interpolation import Interpolation
from prober.config.nodes import Mapping, Place, Scalar
from prober.config.tree import Config
from prober.errors import Problem

Load = Callable[..., Config]
Faults = Callable[..., list[Problem]]

SERVICE = "services: [{name: a, url: 'http://a:80'}]\n"
ENV = {"HOST": "db", "EMPTY": "", "API_TOKEN": "hunter2", "YAML": "[a, {b: c}] # ${HOST}"}


def expand(text: str, folder: Path = Path(), plain: bool = True) -> Scalar:
    """What `text` becomes under ENV in a file in `folder`; fails where it is faulty."""
    problems: list[Problem] = []
    node = Scalar(Place(str(folder / "x.yaml"), 1), text, text, text, plain)
    root = Interpolation(ENV, problems).mapping(Mapping(node.place, {"key": node}))
    assert not problems
    found = root.entries["key"]
    assert isinstance(found, Scalar)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${HOST}", "db"),
        ("http://${HOST}:${PORT:-80}/", "http://db:80/"),
        ("${UNSET:-x:-y}", "x:-y"),
        ("${EMPTY:-x}", "x"),
        ("a${EMPTY}b", "ab"),
        ("$$", "$"),
        ("$${HOST}", "${HOST}"),
        ("$$$${HOST}", "$${HOST}"),
        ("$$${HOST}", "$db"),
        ("$HOST costs 5$", "$HOST costs 5$"),
        ("${YAML}", "[a, {b: c}] # ${HOST}"),
    ],
)
def test_references_are_replaced_once(text: str, expected: str) -> None:
    assert expand(text).text == expected


@given(st.text(st.characters(exclude_characters="$")))
def test_text_without_dollars_stays_as_it_is(text: str) -> None:
    assert expand(text).text == text


@given(st.text())
def test_doubled_dollars_stand_for_themselves(text: str) -> None:
    assert expand(text.replace("$", "$$"), plain=False).text == text


def test_an_unquoted_value_that_comes_out_empty_is_null() -> None:
    assert expand("${EMPTY}").text is None


def test_a_quoted_value_that_comes_out_empty_is_the_empty_text() -> None:
    assert expand("${EMPTY}", plain=False).text == ""


def test_a_file_is_read_beside_the_configuration_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" a\nb\n")
    assert expand("Bearer ${file:token}", tmp_path).text == "Bearer  a\nb"


def test_what_comes_from_a_file_is_shown_masked(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2")
    assert expand("x ${file:token}", tmp_path).shown == "x ********"


def test_what_comes_from_a_variable_with_a_telling_name_is_shown_masked() -> None:
    assert expand("${HOST} ${API_TOKEN}").shown == "db ********"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${NOPE}", "'${NOPE}' names a variable that is not set; set NOPE, or write"),
        ("a ${HOST", "'${' opens a reference that has no end; write ${VAR}"),
        ("${}", "'${}' is no reference that prober knows; write ${VAR}"),
        ("${1A}", "'${1A}' is no reference"),
        ("${HOST-x}", "'${HOST-x}' is no reference"),
        ("${file:none}", "'${file:none}' can't be read: No such file"),
        ("${file:latin}", "'${file:latin}' is not UTF-8 text"),
    ],
)
def test_a_faulty_reference_is_named_with_a_remedy(
    faults: Faults, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "latin").write_bytes(b"\xf1")
    (problem,) = faults(f"{SERVICE}gateway:\n  title: '{text}'\n", env=ENV)
    assert words in problem.message
    assert (problem.path, problem.line) == ("gateway.title", 3)


def test_a_number_may_come_from_the_environment(loaded: Load) -> None:
    text = SERVICE + "gateway: {port: '${PORT:-8790}'}\nworkers: ${WORKERS}\n"
    config = loaded(text, env={"WORKERS": "3"})
    assert (config.gateway.port, config.workers) == (8790, 3)


def test_an_empty_variable_leaves_the_default(loaded: Load) -> None:
    assert loaded(SERVICE + "workers: ${WORKERS:-}\n").workers == 1


def test_a_header_with_an_empty_variable_is_not_sent(loaded: Load) -> None:
    (service,) = loaded(
        "services: [{name: a, url: 'http://a', headers: {X-A: '${A:-}', X-B: b}}]"
    ).services
    assert service.headers == (("X-B", "b"),)


def test_a_token_is_taken_to_the_letter(loaded: Load) -> None:
    text = "services:\n- {name: a, url: 'http://a', headers: {X-A: '${T}'}}"
    assert loaded(text, env={"T": "0x1F"}).services[0].headers == (("X-A", "0x1F"),)


def test_the_value_of_a_variable_is_not_repeated_in_a_problem(faults: Faults) -> None:
    text = SERVICE + "gateway: {port: '${PORT}'}\nstore: {url: '${URL}'}\nworkers: ${N}\n"
    found = faults(text, env={"PORT": "hunter2", "URL": "hunter2", "N": "hunter2"})
    assert len(found) == 3
    assert "hunter2" not in str(found)
    assert "'${PORT}' is not a whole number" in found[0].message


def test_a_reference_that_fails_is_the_only_problem_of_its_value(faults: Faults) -> None:
    (problem,) = faults("services: [{name: a, url: 'http://a', endpoints: '${PATHS}'}]")
    assert problem.path == "services[0].endpoints"
