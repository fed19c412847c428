"""Several files as one configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prober.config.tree import Config
from prober.errors import Problem

Load = Callable[..., Config]
Faults = Callable[..., list[Problem]]

SERVICE = "services: [{name: a, url: 'http://a:80'}]\n"


def test_services_of_all_files_are_joined_in_order(loaded: Load) -> None:
    config = loaded(SERVICE, "services: [{name: b, url: 'http://b'}]")
    assert [service.name for service in config.services] == ["a", "b"]


def test_mappings_merge_deeply(loaded: Load) -> None:
    config = loaded(
        SERVICE + "defaults: {headers: {A: a}}\ngateway: {port: 1}",
        "defaults: {headers: {B: b}}\ngateway: {title: x}",
    )
    assert config.services[0].headers == (("A", "a"), ("B", "b"))
    assert (config.gateway.port, config.gateway.title) == (1, "x")


@pytest.mark.parametrize("second", ["workers: 2", "workers: '2'", "workers:"])
def test_a_value_set_alike_or_left_empty_is_no_problem(loaded: Load, second: str) -> None:
    assert loaded(SERVICE + "workers: 2", second).workers == 2


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ("workers: 1", "workers: 2", "workers"),
        ("store: {migrate: true}", "store: {migrate: false}", "store.migrate"),
        ("defaults: {tags: [a]}", "defaults: {tags: [b]}", "defaults.tags"),
        ("store: {runtime_table: {}}", "store: {runtime_table: x}", "store.runtime_table"),
    ],
)
def test_a_value_set_differently_names_both_places(
    faults: Faults, tmp_path: Path, first: str, second: str, path: str
) -> None:
    (problem,) = faults(SERVICE + first, second)
    assert problem.path == path
    assert problem.message == f"is set differently in {tmp_path / '0.yaml'}, line 2; remove one"
    assert (problem.file, problem.line) == (str(tmp_path / "1.yaml"), 1)


def test_a_name_in_two_files_names_both_places(faults: Faults, tmp_path: Path) -> None:
    (problem,) = faults(SERVICE, "\n" + SERVICE)
    assert str(problem) == (
        f"services[1].name: 'a' is already the service in {tmp_path / '0.yaml'}, line 1; "
        f"rename one ({tmp_path / '1.yaml'}, line 2)"
    )


def test_faults_of_all_files_come_at_once(faults: Faults) -> None:
    found = faults("workers: [", "workers: x", SERVICE + "gateway: {port: y}")
    assert [(Path(p.file or "").name, p.line) for p in found] == [
        ("0.yaml", 1),
        ("1.yaml", 1),
        ("2.yaml", 2),
    ]


def test_a_secret_file_is_looked_for_beside_the_file_that_names_it(
    loaded: Load, tmp_path: Path
) -> None:
    (tmp_path / "title").write_text("mine\n")
    assert loaded(SERVICE, "gateway: {title: '${file:title}'}").gateway.title == "mine"
