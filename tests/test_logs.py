from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from prober import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Set-up is global: put back what pytest and the other tests rely on."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    root.handlers[:], root.level = handlers, level
    for name, former in quiet.items():
        logging.getLogger(name).setLevel(former)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def logged(tell: Callable[[], None], level: str = "info") -> list[dict[str, Any]]:
    stream = io.StringIO()
    logs.configure("json", level, stream)
    tell()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_prober_is_a_json_object() -> None:
    [line] = logged(lambda: structlog.get_logger("prober.x").info("changed", new="BROKEN"))

    assert line.items() >= {"event": "changed", "new": "BROKEN", "level": "info"}.items()
    assert line["logger"] == "prober.x"


def test_timestamps_are_utc() -> None:
    [line] = logged(lambda: structlog.get_logger().info("now"))

    assert line["timestamp"].endswith("Z")
    assert abs(datetime.fromisoformat(line["timestamp"]) - datetime.now(UTC)).seconds < 5


def test_the_standard_library_takes_the_same_way() -> None:
    [line] = logged(lambda: logging.getLogger("library").info("step %s of %d", "one", 2))

    assert (line["event"], line["logger"]) == ("step one of 2", "library")


def test_warnings_of_python_are_logged() -> None:
    def warn() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            warnings.warn("old way", DeprecationWarning, stacklevel=1)

    [line] = logged(warn)

    assert "old way" in line["event"]


@pytest.mark.parametrize(
    "name", ["alembic.runtime.migration", "apscheduler.scheduler", "uvicorn.error", "httpx"]
)
def test_talkative_libraries_are_heard_from_warning_on(name: str) -> None:
    def talk() -> None:
        logging.getLogger(name).info("step")
        logging.getLogger(name).warning("trouble")

    assert [line["event"] for line in logged(talk)] == ["trouble"]


def test_lines_below_the_level_are_left_out() -> None:
    def talk() -> None:
        structlog.get_logger().info("detail")
        structlog.get_logger().error("trouble")

    assert [line["event"] for line in logged(talk, "error")] == ["trouble"]


def test_the_last_set_up_holds_alone() -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.configure("json", "info", first)
    logs.configure("json", "info", second)

    structlog.get_logger().info("once")

    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


@pytest.mark.parametrize("key", ["token", "X-VX11-Token", "password", "Authorization", "api_key"])
def test_a_value_under_a_telling_key_is_masked(key: str) -> None:
    [line] = logged(lambda: structlog.get_logger().info("sent", **{key: "s3cret"}))

    assert line[key] == logs.MASK


def test_a_password_inside_a_url_is_masked_wherever_it_stands() -> None:
    def fail() -> None:
        try:
            raise OSError("no answer from postgresql://me:s3cret@db/prober")
        except OSError:
            structlog.get_logger().exception("lost postgresql://me:s3cret@db/prober")

    [line] = logged(fail)

    assert "s3cret" not in json.dumps(line)
    assert f"postgresql://me:{logs.MASK}@db/prober" in line["exception"]


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)])
def test_auto_is_json_unless_a_person_reads(stream: io.StringIO, is_json: bool) -> None:
    logs.configure("auto", "info", stream)

    structlog.get_logger().info("hello")

    assert stream.getvalue().startswith("{") is is_json


@pytest.mark.parametrize(("stream", "coloured"), [(io.StringIO(), False), (Terminal(), True)])
def test_the_console_is_coloured_on_a_terminal_only(stream: io.StringIO, coloured: bool) -> None:
    logs.configure("console", "info", stream)

    structlog.get_logger().info("hello")

    assert ("\x1b[" in stream.getvalue()) is coloured


def test_a_control_character_in_a_value_cannot_forge_a_console_line() -> None:
    stream = io.StringIO()
    logs.configure("console", "info", stream)

    structlog.get_logger().info("refused", reason="gone\n2026 [info] all is well")

    assert stream.getvalue().count("\n") == 1
