from __future__ import annotations

import subprocess

import pytest
from click import Context
from click.shell_completion import CompletionItem
from commands import Configure, Invoke, execute

from prober.cli.check_once import command
from prober.cli.names import complete


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(invoke: Invoke, shell: str) -> None:
    result = invoke("completion", shell)

    assert result.exit_code == 0
    assert f"_PROBER_COMPLETE={shell}_complete" in result.output


def test_the_script_is_good_bash() -> None:
    script = execute("completion", "bash").stdout

    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_names_are_completed_from_the_configuration(configure: Configure) -> None:
    config = configure(
        "name: madre, url: 'http://127.0.0.1:8001'",
        "name: mcp, url: 'http://127.0.0.1:8006'",
        "name: switch, url: 'http://127.0.0.1:8002'",
    )
    words = {
        "_PROBER_COMPLETE": "bash_complete",
        "COMP_WORDS": f"prober check-once -c {config} m",
        "COMP_CWORD": "4",
    }

    done = execute(env=words)

    assert done.stdout.split() == ["plain,madre", "plain,mcp"]


def test_an_unusable_configuration_completes_nothing() -> None:
    context = Context(command)
    context.params = {"config": ("/nonexistent.yaml",)}

    completed: list[CompletionItem] = complete(context, command.params[0], "")

    assert completed == []
