from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import rich_click as click
from commands import PROBER, Configure, Invoke, execute, running
from servers import answers, hangs, serving

from prober import __version__
from prober.cli import COMMANDS, Program, main
from prober.errors import AddressInUse, ConfigError, NotWritable, ProberError, Problem

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its words, those of groups included."""
    for name, command in COMMANDS.items():
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", inner) for sub, inner in command.commands.items())


def test_the_version_is_told_in_one_line(invoke: Invoke) -> None:
    result = invoke("--version")

    assert (result.exit_code, result.output) == (0, f"prober {__version__}\n")


def test_the_version_needs_none_of_the_dear_imports() -> None:
    script = (
        "import sys; from prober.cli import main; main(['--version'], standalone_mode=False);"
        "dear = {'sqlalchemy', 'fastapi', 'pycurl', 'pydantic', 'apscheduler', 'prober.app'};"
        "print(sorted(dear & sys.modules.keys()))"
    )

    done = subprocess.run([PROBER[0], "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", [words for words, _ in commands()])
def test_every_command_has_help_with_what_it_does(invoke: Invoke, words: str) -> None:
    result = invoke(*words.split(), "--help")

    assert result.exit_code == 0
    assert f"Usage: main {words}" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_examples(invoke: Invoke, name: str) -> None:
    if not isinstance(COMMANDS[name], click.Group):
        assert "Examples:" in invoke(name, "-h").output


def test_help_lists_the_commands_in_their_order(invoke: Invoke) -> None:
    output = invoke("--help").output

    places = [output.index(f" {name} ") for name in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("words", [words for words, _ in commands()])
def test_every_command_is_documented(words: str) -> None:
    assert f"## prober {words}\n" in DOCS.read_text()


@pytest.mark.parametrize(
    ("words", "option"),
    [
        pytest.param(words, option, id=f"{words} {option}")
        for words, command in commands()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    ],
)
def test_every_option_is_documented_with_its_command(words: str, option: str) -> None:
    section = DOCS.read_text().partition(f"## prober {words}\n")[2].partition("\n## ")[0]

    assert f"`{option}" in section


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (AddressInUse("127.0.0.1:1: taken"), 69, ["prober: 127.0.0.1:1: taken"]),
        (NotWritable("data: read-only"), 73, ["prober: data: read-only"]),
        (
            ConfigError([Problem("a", "is wrong"), Problem("b", "is too", "f.yaml", 3)]),
            78,
            ["prober: a: is wrong", "prober: b: is too (f.yaml, line 3)"],
        ),
    ],
)
def test_an_error_becomes_plain_lines_and_its_exit_code(
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    error: ProberError,
    code: int,
    lines: list[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setitem(main.commands, "fail", click.Command("fail", callback=fail))

    result = invoke("fail")

    assert (result.exit_code, result.stderr.splitlines(), result.stdout) == (code, lines, "")


def test_a_defect_is_not_hidden(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(main.commands, "fail", click.Command("fail", callback=lambda: 1 / 0))

    assert isinstance(invoke("fail").exception, ZeroDivisionError)


@pytest.mark.parametrize("args", [["nonsense"], ["check-once", "--nonsense"], ["history"]])
def test_wrong_usage_exits_with_2_and_leaves_stdout_empty(invoke: Invoke, args: list[str]) -> None:
    result = invoke(*args)

    assert (result.exit_code, result.stdout) == (2, "")


def test_an_interrupt_ends_with_130_and_no_traceback(configure: Configure) -> None:
    with serving(hangs()) as server:
        config = configure(f"name: a, url: '{server.url}'", timeout="5s")
        with running("check-once", "-c", config) as process:
            while not server.accepted:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)

    assert (process.returncode, "Traceback" in stderr) == (130, False)


def test_a_closed_pipe_is_quiet_and_is_no_verdict(configure: Configure) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with serving(answers(200)) as server:
        config = configure(f"name: a, url: '{server.url}'")
        process = subprocess.run(
            [*PROBER, "check-once", "-c", str(config)],
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=30,
        )
    os.close(writing)

    assert (process.returncode, process.stderr) == (141, b"")


def test_the_program_has_exactly_the_registered_commands() -> None:
    assert isinstance(main, Program)
    assert set(main.commands) == set(COMMANDS)


def test_an_unset_configuration_says_where_it_was_looked_for(tmp_path: Path) -> None:
    done = execute("status", env={"PROBER_CONFIG": str(tmp_path / "none.yaml")})

    assert done.returncode == 78
    assert done.stderr.startswith("prober: ")
    assert "none.yaml" in done.stderr
