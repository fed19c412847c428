"""The key `blackbox`, and the file of modules that it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from prober.config import load
from prober.config.show import effective
from prober.errors import ConfigError, Problem
from prober.module import Allowed, HttpModule, Module, OnDemand, Unusable

SERVICE = "services: [{name: a, url: 'http://a:80'}]\n"
ALLOW = "{networks: [10.0.0.0/8]}"

Read = Callable[..., OnDemand]
Wrong = Callable[..., list[Problem]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """A function that loads a blackbox.yml, by a configuration that allows something."""

    def run(modules: str, allow: str = ALLOW, more: str = "") -> OnDemand:
        file = tmp_path / "blackbox.yml"
        file.write_text(dedent(modules), encoding="utf-8")
        (tmp_path / "prober.yaml").write_text(
            f"{SERVICE}blackbox: {{config_file: '{file}', allow: {allow}{more}}}\n"
        )
        found = load.load([tmp_path / "prober.yaml"], {}).blackbox
        assert found is not None
        return found

    return run


@pytest.fixture
def wrong(read: Read) -> Wrong:
    """A function that loads what must be faulty, and returns the problems."""

    def run(modules: str, **more: str) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            read(modules, **more)
        return list(caught.value.problems)

    return run


def test_without_the_key_there_are_no_probes_on_demand(tmp_path: Path) -> None:
    (tmp_path / "prober.yaml").write_text(SERVICE)
    assert load.load([tmp_path / "prober.yaml"], {}).blackbox is None


def test_a_file_without_modules_is_fine(read: Read) -> None:
    assert read("modules:\n").modules == {}


def test_a_module_with_a_prober_alone_has_blackboxs_defaults(read: Read) -> None:
    found = read("modules: {up: {prober: http}}")

    assert found.modules == {"up": Module("up", HttpModule())}
    assert found.timeout_offset_s == 0.5


def test_hosts_networks_and_the_offset_are_taken_over(read: Read) -> None:
    allow = "{hosts: ['*.Example.org', db], networks: [10.0.0.0/8, 192.0.2.7, '::1']}"
    found = read("modules:\n", allow=allow, more=", timeout_offset: 0s")

    networks = ("10.0.0.0/8", "192.0.2.7/32", "::1/128")
    assert found.allowed == Allowed(("*.example.org", "db"), networks)
    assert found.timeout_offset_s == 0


@pytest.mark.parametrize(
    ("allow", "path", "words"),
    [
        ("{networks: [10.0.0.1/8]}", "blackbox.allow.networks[0]", "neither an address nor"),
        ("{hosts: ['http://a']}", "blackbox.allow.hosts[0]", "write one like *.example.org"),
        ("{host: a}", "blackbox.allow.host", "did you mean 'hosts'?"),
        ("{hosts: []}", "blackbox.allow.hosts", "is empty"),
    ],
)
def test_a_wrong_allow_list_is_named(wrong: Wrong, allow: str, path: str, words: str) -> None:
    (problem,) = wrong("modules:\n", allow=allow)
    assert problem.path == path
    assert words in problem.message


def test_a_missing_config_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "prober.yaml").write_text(SERVICE + "blackbox: {allow: {}}")
    with pytest.raises(ConfigError, match=r"blackbox\.config_file: the config_file is missing"):
        load.load([tmp_path / "prober.yaml"], {})


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "prober.yaml").write_text(SERVICE + "blackbox: {config_file: /none.yml}")
    with pytest.raises(ConfigError, match=r"/none\.yml: can't be read"):
        load.load([tmp_path / "prober.yaml"], {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty; write 'modules:' and modules below it"),
        ("- a", "does not hold keys at its top; write 'modules:'"),
        ("modules: [a]", "a list is not a mapping; write 'modules:'"),
        ("modules: {a: b}", "'b' is not a mapping"),
        ("modules:\n  a: {prober: tcp}\n  a: {prober: icmp}", "is written twice, first in line 2"),
        ("module: {}", "did you mean 'modules'?"),
    ],
)
def test_a_file_that_holds_no_modules_is_told_what_it_needs(
    wrong: Wrong, text: str, words: str
) -> None:
    (problem,) = wrong(text)
    assert words in problem.message


def test_the_settings_are_shown_with_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("modules:\n")
    (tmp_path / "prober.yaml").write_text(
        f"{SERVICE}blackbox: {{config_file: '{tmp_path}/b.yml', allow: {ALLOW}}}\n"
    )
    text = effective(load.checked([tmp_path / "prober.yaml"], {})[0])

    assert "timeout_offset: 500ms" in text
    assert "- 10.0.0.0/8" in text
    (tmp_path / "shown.yaml").write_text(text)
    shown = load.load([tmp_path / "shown.yaml"], {}).blackbox
    assert shown == load.load([tmp_path / "prober.yaml"], {}).blackbox


def test_all_faults_of_a_file_come_at_once_with_path_file_and_line(
    wrong: Wrong, tmp_path: Path
) -> None:
    found = wrong(
        """
        modules:
          a:
            prober: http
            timeout: 5
            http:
              valid_status_codes: [ok]
              fail_if_body_matches_regexp: ["("]
          b: {prober: tcp, tcp: {tsl: true}}
          c: {prober: dns, dns: {query_type: A}}
        more: 1
        """
    )

    assert [(p.path, p.line) for p in found] == [
        ("modules.a.timeout", 5),
        ("modules.a.http.valid_status_codes[0]", 7),
        ("modules.a.http.fail_if_body_matches_regexp[0]", 8),
        ("modules.b.tcp.tsl", 9),
        ("modules.c.dns.query_name", 10),
        ("more", 11),
    ]
    assert {p.file for p in found} == {str(tmp_path / "blackbox.yml")}


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("{prober: grpc}", 'does not support the prober "grpc"'),
        ("{prober: htp}", 'Unknown prober "htp"'),
        ("{}", 'Unknown prober ""'),
        ("", 'Unknown prober ""'),
    ],
)
def test_a_module_that_can_not_be_probed_by_leaves_the_others_alone(
    read: Read, module: str, words: str
) -> None:
    found = read(f"modules:\n  good: {{prober: icmp}}\n  other: {module}\n").modules

    assert isinstance(found["good"], Module)
    assert isinstance(found["other"], Unusable)
    assert words in found["other"].reason


def test_a_dollar_is_no_reference_in_a_blackbox_yml(read: Read) -> None:
    found = read('modules: {a: {prober: tcp, tcp: {query_response: [{send: "PONG ${1}"}]}}}')
    assert "send: PONG ${1}" in found.shown["a"]


def test_a_module_is_shown_without_its_secrets(read: Read) -> None:
    found = read(
        """
        modules:
          a:
            prober: http
            timeout: 5s
            http:
              proxy_url: http://me:hunter2@10.0.0.1:3128
              headers: {X-Api-Key: hunter2, Accept: text/html}
              basic_auth: {username: me, password: hunter2}
              valid_status_codes: [200]
              fail_if_ssl: true
        """
    ).shown["a"]

    assert "hunter2" not in found
    assert "timeout: 5s" in found
    assert "username: me" in found
    assert "- 200" in found
    assert "fail_if_ssl: true" in found


def test_a_secret_is_not_repeated_in_a_problem(wrong: Wrong) -> None:
    found = wrong(
        """
        modules:
          a: {prober: http, http: {headers: {X-Token: [hunter2]}}}
          b: {prober: http, http: {basic_auth: {password: [hunter2]}}}
          c: {prober: http, http: {proxy_url: "http://me:hunter2@/"}}
        """
    )

    assert len(found) == 3
    assert "hunter2" not in "\n".join(map(str, found))


def test_headers_for_proxies_are_not_shown(read: Read) -> None:
    proxy = "proxy_url: 'http://p:1', proxy_connect_header: {X-Key: [hidden, too]}"
    found = read(f"modules:\n  a: {{prober: http, http: {{{proxy}}}}}\n")

    assert "X-Key" in found.shown["a"]
    assert "hidden" not in found.shown["a"]
