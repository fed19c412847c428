from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

import pytest
from commands import Configure, Invoke, execute, on_terminal
from prometheus_client.parser import text_string_to_metric_families
from servers import answers, answers_by_path, black_hole, dead_port, response, serving

WELL = answers(200, b'{"status":"ok"}')
KEYS = [
    "name",
    "port",
    "status",
    "critical",
    "maintenance",
    "http_code",
    "latency_ms",
    "endpoint_ok",
    "snippet",
    "reason",
    "phase",
    "checked_at",
]


def test_a_well_fleet_exits_with_0_and_a_line_per_service(
    invoke: Invoke, configure: Configure
) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'", f"name: b, url: '{server.url}'")
        result = invoke("check-once", "-c", config)

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["OK", "a"], ["OK", "b"]]
    assert lines[-2:] == ["OK 2 · DEGRADED 0 · BROKEN 0 · UNKNOWN 0 of 2", "2/2 OK"]


ALWAYS = "maintenance: {name: patches, from: 2020-01-01, to: 2120-01-01}"


@pytest.mark.parametrize(
    ("format", "said"),
    [
        ("table", "BROKEN, maintenance  a"),
        ("json", '"maintenance": "patches"'),
        ("markdown", "| BROKEN, maintenance (refused"),
        ("junit", ", tolerated"),
        ("prometheus", 'prober_maintenance{target="a"} 1'),
    ],
)
def test_maintenance_is_told_in_every_format_and_tolerated(
    invoke: Invoke, configure: Configure, format: str, said: str
) -> None:
    with dead_port() as port:
        config = configure(f"name: a, url: 'http://127.0.0.1:{port}'", top=ALWAYS)
        result = invoke("check-once", "-c", config, "--format", format)

    assert (result.exit_code, said in result.stdout) == (0, True)


def test_maintenance_is_told_on_a_terminal(configure: Configure) -> None:
    with dead_port() as port:
        config = configure(f"name: a, url: 'http://127.0.0.1:{port}'", top=ALWAYS)

        assert "BROKEN, maintenance" in on_terminal("check-once", "-c", config)


@pytest.mark.parametrize(
    ("settings", "code"),
    [("critical: true", 1), ("critical: false", 0), ("enabled: false", 0)],
)
def test_only_a_broken_critical_service_exits_with_1(
    invoke: Invoke, configure: Configure, settings: str, code: int
) -> None:
    with dead_port() as port:
        config = configure(f"name: a, url: 'http://127.0.0.1:{port}', {settings}")
        assert invoke("check-once", "-c", config).exit_code == code


def test_a_slow_service_is_degraded_and_well(invoke: Invoke, configure: Configure) -> None:
    with serving(answers(200, delay_s=0.05)) as server:
        config = configure(f"name: a, url: '{server.url}', slow_over: 10ms")
        result = invoke("check-once", "-c", config)

    assert (result.exit_code, result.stdout.splitlines()[1].split()[0]) == (0, "DEGRADED")


def test_json_has_the_documented_keys_in_their_order(invoke: Invoke, configure: Configure) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        report = json.loads(invoke("check-once", "-c", config, "--format", "json").stdout)

    assert list(report) == ["verdict", "summary", "services"]
    assert [list(found) for found in report["services"]] == [KEYS]
    assert report["services"][0]["snippet"] == '{"status":"ok"}'


def test_the_fallback_endpoint_that_answers_is_told(invoke: Invoke, configure: Configure) -> None:
    with serving(answers_by_path({"/healthz": response(200, b"here")})) as server:
        config = configure(f"name: a, url: '{server.url}', endpoints: [/health, /healthz, /x]")
        report = json.loads(invoke("check-once", "-c", config, "--format", "json").stdout)

    (found,) = report["services"]
    assert (found["status"], found["http_code"], found["endpoint_ok"], found["snippet"]) == (
        "OK",
        200,
        "/healthz",
        "here",
    )


def test_a_broken_service_tells_the_first_answer(invoke: Invoke, configure: Configure) -> None:
    pages = {"/health": response(503, b"sorry"), "/healthz": response(404, b"none")}
    with serving(answers_by_path(pages)) as server:
        config = configure(f"name: a, url: '{server.url}', endpoints: [/health, /healthz]")
        report = json.loads(invoke("check-once", "-c", config, "--format", "json").stdout)

    (found,) = report["services"]
    assert (found["status"], found["http_code"], found["reason"]) == ("BROKEN", 503, "status")
    assert found["latency_ms"] > 0


def test_eleven_dead_services_cost_one_timeout(configure: Configure) -> None:
    def sweep(timeout_s: int) -> tuple[Any, ...]:
        lines = [f"name: s{n}, url: '{url}', endpoints: [/a, /b]" for n, url in enumerate(urls)]
        config = configure(*lines, timeout=f"{timeout_s}s")
        started = time.monotonic()
        done = execute("check-once", "-c", config, "--format", "json")
        took_s = time.monotonic() - started
        found = json.loads(done.stdout)
        told = [(s["http_code"], s["latency_ms"], s["reason"]) for s in found["services"]]
        # One after the other would take eleven times as long, and the process has to start, too.
        return done.returncode, found["verdict"], told, took_s < 9 * timeout_s

    with ExitStack() as stack:
        urls = [stack.enter_context(black_hole()) for _ in range(11)]
        tries = map(sweep, (1, 5))  # the second is for a machine that is busy

        assert (1, "broken", [(None, None, "timeout")] * 11, True) in tries


def test_concurrency_bounds_how_many_are_probed_at_once(
    invoke: Invoke, configure: Configure
) -> None:
    with serving(answers(200, delay_s=0.1)) as server:
        config = configure(*(f"name: s{n}, url: '{server.url}'" for n in range(4)))
        started = time.monotonic()
        result = invoke("check-once", "-c", config, "--concurrency", 1)

    assert result.exit_code == 0
    assert time.monotonic() - started > 0.4


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_concurrency_below_one_is_wrong_usage(invoke: Invoke, number: str) -> None:
    assert invoke("check-once", "--concurrency", number).exit_code == 2


def test_only_the_named_services_are_probed(invoke: Invoke, configure: Configure) -> None:
    with serving(WELL) as server, dead_port() as port:
        config = configure(
            f"name: a, url: '{server.url}'", f"name: b, url: 'http://127.0.0.1:{port}'"
        )
        result = invoke("check-once", "-c", config, "--format", "json", "a")

    assert result.exit_code == 0
    assert [found["name"] for found in json.loads(result.stdout)["services"]] == ["a"]


def test_a_disabled_service_is_probed_where_it_is_named(
    invoke: Invoke, configure: Configure
) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}', enabled: false")
        idle = json.loads(invoke("check-once", "-c", config, "--format", "json").stdout)
        named = json.loads(invoke("check-once", "-c", config, "--format", "json", "a").stdout)

    assert (idle["services"][0]["status"], idle["summary"]["disabled"]) == ("UNKNOWN", 1)
    assert (named["services"][0]["status"], named["summary"]["disabled"]) == ("OK", 0)


def test_a_misspelt_name_is_wrong_usage_with_a_suggestion(
    invoke: Invoke, configure: Configure
) -> None:
    result = invoke("check-once", "-c", configure("name: madre, url: 'http://a:1'"), "mdre")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean madre?" in result.stderr


def test_every_problem_of_the_configuration_is_told_with_78(
    invoke: Invoke, configure: Configure
) -> None:
    config = configure("name: a, url: 'http://a:1', interval: 5x", "name: b")

    result = invoke("check-once", "-c", config)

    assert (result.exit_code, result.stdout) == (78, "")
    lines = result.stderr.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("prober: services[") for line in lines)


def test_markdown_holds_the_table(invoke: Invoke, configure: Configure) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        text = invoke("check-once", "-c", config, "--format", "markdown").stdout

    assert f"| a | {server.port} | OK | 200 |" in text


def test_junit_is_xml_with_a_case_per_service(invoke: Invoke, configure: Configure) -> None:
    with serving(WELL) as server, dead_port() as port:
        config = configure(
            f"name: a, url: '{server.url}'", f"name: b, url: 'http://127.0.0.1:{port}'"
        )
        root = xml.fromstring(invoke("check-once", "-c", config, "--format", "junit").stdout)

    assert [case.attrib["name"] for case in root.iter("testcase")] == ["a", "b"]
    assert [failure.attrib["type"] for failure in root.iter("failure")] == ["refused"]


def test_prometheus_text_has_a_series_per_probed_service(
    invoke: Invoke, configure: Configure
) -> None:
    with serving(WELL) as server, dead_port() as port:
        config = configure(
            f"name: a, url: '{server.url}'",
            f"name: b, url: 'http://127.0.0.1:{port}'",
            "name: c, url: 'http://127.0.0.1:1', enabled: false",
        )
        text = invoke("check-once", "-c", config, "--format", "prometheus").stdout

    (family,) = (
        f for f in text_string_to_metric_families(text) if f.name == "prober_probe_success"
    )
    assert {s.labels["target"]: s.value for s in family.samples} == {"a": 1, "b": 0}


def test_output_goes_to_the_file_and_not_to_stdout(
    invoke: Invoke, configure: Configure, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    report.write_text("old")
    report.chmod(0o640)
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        result = invoke("check-once", "-c", config, "--format", "json", "-o", report)

    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(report.read_text())["verdict"] == "ok"
    assert stat.S_IMODE(report.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["prober.yaml", "report.json"]


def test_output_follows_a_link_and_writes_into_a_device(
    invoke: Invoke, configure: Configure, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        codes = [
            invoke("check-once", "-c", config, "-o", file).exit_code
            for file in (tmp_path / "link", os.devnull)
        ]

    assert codes == [0, 0]
    assert (tmp_path / "target").read_text().startswith("STATUS")
    assert (tmp_path / "link").is_symlink()


def test_an_unwritable_output_exits_with_73(
    invoke: Invoke, configure: Configure, tmp_path: Path
) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        result = invoke("check-once", "-c", config, "-o", tmp_path / "none" / "report")

    assert result.exit_code == 73
    assert result.stderr.startswith(f"prober: {tmp_path}/none/report: ")


def test_nothing_is_stored_unless_asked_for(
    invoke: Invoke, configure: Configure, tmp_path: Path
) -> None:
    with serving(WELL) as server:
        invoke("check-once", "-c", configure(f"name: a, url: '{server.url}'"))

    assert [p.name for p in tmp_path.iterdir()] == ["prober.yaml"]


def test_stored_results_are_history_with_one_transition_a_change(
    invoke: Invoke, configure: Configure, tmp_path: Path
) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        codes = [invoke("check-once", "-c", config, "--store").exit_code for _ in range(2)]

    with closing(sqlite3.connect(tmp_path / "p.db")) as database:
        assert codes == [0, 0]
        assert database.execute("SELECT count(*) FROM results").fetchone() == (2,)
        assert database.execute("SELECT old, new FROM transitions").fetchall() == [
            ("UNKNOWN", "OK")
        ]


def test_storing_fills_the_runtime_table(
    invoke: Invoke, configure: Configure, tmp_path: Path
) -> None:
    table = ", runtime_table: {name: copilot_runtime_services}"
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'", more=table)
        invoke("check-once", "-c", config, "--store")

    with closing(sqlite3.connect(tmp_path / "p.db")) as database:
        query = "SELECT service_name, status, http_code FROM copilot_runtime_services"
        assert database.execute(query).fetchall() == [("a", "OK", 200)]


def test_a_lost_store_still_leaves_the_report(
    invoke: Invoke, configure: Configure, tmp_path: Path
) -> None:
    (tmp_path / "p.db").write_bytes(b"this is no database at all" * 100)
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        result = invoke("check-once", "-c", config, "--store", "--format", "json")

    assert (result.exit_code, json.loads(result.stdout)["verdict"]) == (65, "ok")
    (line,) = result.stderr.splitlines()
    assert line.startswith("prober: ")


def test_a_pipe_gets_neither_colour_nor_bar_even_where_colour_is_forced(
    configure: Configure,
) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        done = execute("check-once", "-c", config, env={"FORCE_COLOR": "1"})

    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_terminal_gets_a_bar_and_colours(configure: Configure) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        output = on_terminal("check-once", "-c", config)

    assert "probing" in output
    assert "\x1b[32mOK" in output


def test_no_color_forbids_colours_on_a_terminal(configure: Configure) -> None:
    with serving(WELL) as server:
        config = configure(f"name: a, url: '{server.url}'")
        output = on_terminal("check-once", "-c", config, env={"NO_COLOR": "1"})

    assert "\x1b[3" not in output
    assert "OK 1" in output


def test_markup_in_an_answer_is_shown_as_it_is(configure: Configure) -> None:
    with serving(answers(200, b"[red]x[/red] [/nope]")) as server:
        config = configure(f"name: a, url: '{server.url}'")
        output = on_terminal("check-once", "-c", config)

    assert "[red]x[/red] [/nope]" in output
