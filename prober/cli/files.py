"""Write a whole report: to stdout, or to a file that is never seen half written."""

from __future__ import annotations

import os
from pathlib import Path

import rich_click as click

from prober.errors import NotWritable


def emit(text: str, output: str | None) -> None:
    """Write `text` as UTF-8 to the file `output`, or to stdout where it is None.

    Raises NotWritable.
    """
    if output is None:
        click.echo(text.encode(), nl=False)
        return
    try:
        _replace(Path(output).resolve(), text.encode())
    except OSError as error:
        raise NotWritable(
            f"{output}: {error.strerror}; name a file in a folder that you can write, with --output"
        ) from None


def _replace(path: Path, data: bytes) -> None:
    if path.exists() and not path.is_file():
        path.write_bytes(data)  # a device or a pipe is written to, not replaced
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            draft.chmod(path.stat().st_mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
