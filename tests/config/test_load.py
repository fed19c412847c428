"""Loading: what files become, and that all their faults come at once."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from prober.config import load
from prober.config.tree import Config, Document, ServiceEntry, Store
from prober.errors import ConfigError, Problem
from prober.model import Service

Load = Callable[..., Config]
Faults = Callable[..., list[Problem]]

SERVICE = "services: [{name: a, url: 'http://a:80'}]\n"


def test_a_service_with_all_keys_becomes_the_kernels_value(loaded: Load) -> None:
    config = loaded(
        """
        services:
          - name: db
            url: http://db
          - name: api
            url: https://api.example.org
            endpoints: [/a, /b]
            interval: 10s
            timeout: 500ms
            method: post
            headers: {X-Mode: probe}
            body: '{"ping": 1}'
            expected_status: [200, 301-302]
            follow_redirects: false
            keep_alive: true
            body_limit: 1KiB
            slow_over: 250ms
            critical: false
            depends_on: db
            group: backend
            tags: [eu, "7"]
            enabled: false
        """
    )
    assert config.services[1] == Service(
        name="api",
        url="https://api.example.org:443",
        host="api.example.org",
        port=443,
        endpoints=("/a", "/b"),
        interval_s=10.0,
        timeout_s=0.5,
        method="POST",
        headers=(("X-Mode", "probe"),),
        body=b'{"ping": 1}',
        expected=frozenset({200, 301, 302}),
        follow_redirects=False,
        keep_alive=True,
        body_limit=1024,
        slow_over_ms=250.0,
        critical=False,
        depends_on=("db",),
        group="backend",
        tags=("eu", "7"),
        enabled=False,
    )


def test_a_service_with_name_and_url_alone_has_the_kernels_defaults(loaded: Load) -> None:
    assert loaded(SERVICE).services == (Service("a", "http://a:80", "a", 80),)


def test_a_file_with_services_alone_has_the_default_store_gateway_and_workers(loaded: Load) -> None:
    config = loaded(SERVICE)
    assert config.store.url == "sqlite:///data/prober.db"
    assert config.store.migrate
    assert config.store.spool == Path("data/spool")
    assert config.store.runtime_table is None
    assert (config.gateway.host, config.gateway.port) == ("127.0.0.1", 8790)
    assert config.workers == 1


def test_a_runtime_table_has_the_stores_url_and_the_known_name_unless_set(loaded: Load) -> None:
    table = loaded(SERVICE + "store: {runtime_table: {}}").store.runtime_table
    assert table is not None
    assert (table.url, table.name) == (None, "copilot_runtime_services")


def test_defaults_hold_for_services_that_do_not_say_otherwise(loaded: Load) -> None:
    one, two = loaded(
        """
        defaults: {interval: 7s, tags: [x], endpoints: /up}
        services:
          - {name: one, url: "http://a"}
          - {name: two, url: "http://a", interval: 9s, endpoints: [/two]}
        """
    ).services
    assert (one.interval_s, one.tags, one.endpoints) == (7.0, ("x",), ("/up",))
    assert (two.interval_s, two.tags, two.endpoints) == (9.0, ("x",), ("/two",))


def test_headers_of_a_service_win_over_those_of_defaults_whatever_their_capitals(
    loaded: Load,
) -> None:
    (service,) = loaded(
        """
        defaults: {headers: {X-A: shared, X-B: shared, X-C: shared}}
        services: [{name: a, url: "http://a", headers: {x-a: own, X-C: ""}}]
        """
    ).services
    assert service.headers == (("X-B", "shared"), ("x-a", "own"))


def test_a_key_with_nothing_after_it_has_the_built_in_value(loaded: Load) -> None:
    (service,) = loaded(
        """
        defaults: {slow_over: 1s}
        store:
        services: [{name: a, url: "http://a", slow_over: }]
        """
    ).services
    assert service.slow_over_ms is None


def test_text_is_taken_as_written_and_not_as_yaml_would_type_it(loaded: Load) -> None:
    (service,) = loaded(
        "services: [{name: 007, url: 'http://a', group: yes, headers: {A: 1e3}}]"
    ).services
    assert (service.name, service.group, service.headers) == ("007", "yes", (("A", "1e3"),))


def test_an_alias_and_a_merge_key_bring_in_what_they_name(loaded: Load) -> None:
    one, two = loaded(
        """
        services:
          - &one {name: one, url: "http://a", interval: 9s, tags: [x]}
          - {<<: *one, name: two, tags: [y]}
        """
    ).services
    assert (two.interval_s, two.tags, one.tags) == (9.0, ("y",), ("x",))


def test_all_faults_of_a_file_come_at_once_with_their_lines(faults: Faults) -> None:
    found = faults(
        """
        services:
          - name: a
            url: http://a/health
            interval: 5x
          - name: a
            url: http://b
            timeout: 60s
            depends_on: [c]
        workers: 65
        gateway: {prot: 1}
        """
    )
    assert [(p.path, p.line) for p in found] == [
        ("services[0].url", 4),
        ("services[0].interval", 5),
        ("services[1].name", 6),
        ("services[1].timeout", 8),
        ("services[1].depends_on[0]", 9),
        ("workers", 10),
        ("gateway.prot", 11),
    ]


def test_a_problem_reads_as_one_line_with_value_remedy_file_and_line(
    loaded: Load, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded("services:\n  - {name: a, url: 'http://a',\n     interval: 5x}")
    assert str(caught.value) == (
        "services[0].interval: '5x' is not a duration; write 5s, 5m or 1h "
        f"({tmp_path / '0.yaml'}, line 3)"
    )


WRONG = {
    "interval": "5x",
    "timeout": "soon",
    "method": "LOOK",
    "endpoints": "up",
    "critical": "perhaps",
    "body_limit": "much",
    "expected_status": "fine",
    "slow_over": "-1s",
}


@settings(deadline=None, max_examples=60)  # reads and writes files
@given(st.lists(st.sets(st.sampled_from(sorted(WRONG)), min_size=1), min_size=1, max_size=5))
def test_every_wrong_value_is_reported_on_its_line(
    tmp_path_factory: pytest.TempPathFactory, services: list[set[str]]
) -> None:
    lines, expected = ["services:"], []
    for i, wrong in enumerate(services):
        lines += [f"  - name: s{i}", f"    url: http://s{i}"]
        for key in sorted(wrong):
            lines.append(f"    {key}: {WRONG[key]}")
            expected.append((f"services[{i}].{key}", len(lines)))
    file = tmp_path_factory.mktemp("wrong") / "prober.yaml"
    file.write_text("\n".join(lines))
    with pytest.raises(ConfigError) as caught:
        load.load([file], {})
    assert [(p.path, p.line) for p in caught.value.problems] == expected


KEYS = sorted({*Document.model_fields, *ServiceEntry.model_fields, *Store.model_fields})
WORDS = st.sampled_from(["", "x", "/a", "http://a", "5s", "200", "${", "${A}", "$$", "no", "-1"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | WORDS, inner, max_size=4)
    ),
)
SERVICES = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5), max_size=3)
FILES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)


@settings(deadline=None, max_examples=60)  # reads and writes files
@given(FILES, st.none() | SERVICES)
def test_whatever_yaml_holds_it_loads_or_is_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, Any], services: Any
) -> None:
    file = tmp_path_factory.mktemp("any") / "prober.yaml"
    YAML().dump(whole | {"services": services}, file)
    try:
        load.load([file], {"A": "1"})
    except ConfigError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "the file is empty"),
        ("# nothing\n", None, "the file is empty"),
        ("- a\n", None, "does not hold keys at its top"),
        ("a: [1,\nb: 2", 2, "YAML syntax, column 5: while parsing a flow sequence"),
        ("a: b: c", 1, "YAML syntax, column 5"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ("a: 1\nb: \x01", 2, "control character"),
        ("a: " + "[" * 3000, None, "is nested too deeply"),
        ("a: " + "[" * 3000 + "]" * 3000, None, "is nested too deeply"),
    ],
)
def test_a_file_that_is_no_mapping_is_named_with_line_and_column(
    faults: Faults, text: str, line: int | None, words: str
) -> None:
    (problem,) = faults(text)
    assert problem.line == line
    assert words in problem.message


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"services:\n  - name: \xf1\n")
    with pytest.raises(ConfigError, match=r"is not UTF-8 text.*line 2"):
        load.load([file], {})


@pytest.mark.parametrize(
    ("text", "path", "line", "words"),
    [
        ("workers: 1\nworkers: 2\n", "workers", 2, "is written twice, first in line 1"),
        ("workers: !secret 1\n", "workers", 1, "the tag '!secret' is not known"),
        ("gateway: &a {title: *a}\n", "gateway.title", 1, "refers to what it stands in"),
        ("gateway: {<<: x}\n", "gateway", 1, "'<<' merges mappings only"),
        ("gateway: {[a]: x}\n", "gateway", 1, "a key must be a word"),
        ("gateway: 5\n", "gateway", 1, "'5' is not a mapping"),
        ("workers: []\n", "workers", 1, "a list is not a whole number"),
        (f"workers: {'9' * 5000}\n", "workers", 1, "is too large"),
        ("store: {spool: [a]}\n", "store.spool", 1, "a list is not a path"),
        ("store: {runtime_table: x}\n", "store.runtime_table", 1, "'x' is not a mapping"),
        ("store: {runtime_table: {nam: x}}\n", "store.runtime_table.nam", 1, "mean 'name'"),
        ("services2: []\n", "services2", 1, "did you mean 'services'?"),
    ],
)
def test_a_fault_of_structure_is_named_with_its_line(
    faults: Faults, text: str, path: str, line: int, words: str
) -> None:
    (problem,) = faults(text + SERVICE)
    assert (problem.path, problem.line) == (path, line)
    assert words in problem.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("workers: 1", "there are none; list at least one"),
        ("services:", "there are none; list at least one"),
        ("services: []", "there are none; list at least one"),
        ("services: {a: 1}", "a mapping is not a list; begin each service with '- name: …'"),
        ("services: [a]", "'a' is not a mapping"),
        ("services: [ ~ ]", "an empty value is not a mapping"),
        ("services: [{url: 'http://a'}]", "the name is missing"),
        ("services: [{name: a}]", "the url is missing"),
        ("services: [{name: , url: 'http://a'}]", "the name is missing"),
    ],
)
def test_services_that_are_not_there_are_a_problem(faults: Faults, text: str, words: str) -> None:
    (problem,) = faults(text)
    assert problem.path.startswith("services")
    assert words in problem.message


def test_a_secret_in_a_url_or_header_is_not_repeated_in_a_problem(faults: Faults) -> None:
    found = faults(
        """
        services:
          - name: a
            url: http://user:hunter2@a
            headers: {Authorization: "hunter2\\n", Cookie: "hunter2 ${UNSET}"}
        store: {url: "mysql://user:hunter2@db/x"}
        """
    )
    assert len(found) == 4
    assert "hunter2" not in "\n".join(map(str, found))


def test_a_problem_stays_on_one_line_whatever_a_key_holds(faults: Faults) -> None:
    (problem,) = faults(SERVICE + '"a\\nb\\e[1m": 1')
    assert problem.path == r"'a\nb\x1b[1m'"


def test_the_files_of_a_configuration_are_known(loaded: Load, tmp_path: Path) -> None:
    assert loaded(SERVICE, "workers: 2").files == (tmp_path / "0.yaml", tmp_path / "1.yaml")


def test_a_folder_holds_the_yaml_files_in_it_in_order(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text(SERVICE.replace("name: a", f"name: {name[0]}"))
    config = load.load([tmp_path], {})
    assert [service.name for service in config.services] == ["a", "b"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SERVICE)
    assert len(load.load([tmp_path, tmp_path / "a.yaml"], {}).services) == 1


def test_a_folder_without_yaml_files_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the folder holds no \*\.yaml file"):
        load.load([tmp_path], {})


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml: can't be read: No such file"):
        load.load([tmp_path / "x.yaml"], {})


def test_problems_are_errors_with_the_exit_code_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load.read([str(tmp_path / "none")], {})
    assert caught.value.exit_code == 78


def test_services_share_what_they_have_in_common(loaded: Load) -> None:
    written = "{name: %s, url: 'http://a:80', expected_status: [2xx], compression: [gzip]}"
    first, second = loaded(f"services: [{written % 'a'}, {written % 'b'}]").services

    assert first.expected is second.expected
    assert first.wire is second.wire
    assert first.url is second.url


@pytest.mark.parametrize("enabled", [True, False])
def test_loading_leaves_the_garbage_collector_as_it_was(loaded: Load, enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        loaded(SERVICE)
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()
