"""Write to stdout, or to a file that is never seen half written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from prober.errors import NotWritable


def emit(text: str, output: str | None) -> None:
    """Write `text` as UTF-8 to the file `output`, or to stdout where it is None.

    Raises NotWritable.
    """
    with writing(output) as file:
        file.write(text.encode())


@contextmanager
def writing(output: str | None) -> Iterator[BinaryIO]:
    """What to write to: the file `output`, which is there once the block ends well, or stdout.

    Raises NotWritable.
    """
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with _replacing(Path(output).resolve()) as file:
            yield file
    except OSError as error:
        raise NotWritable(
            f"{output}: {error.strerror}; name a file in a folder that you can write, with --output"
        ) from None


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file():
        with path.open("wb") as file:  # a device or a pipe is written to, not replaced
            yield file
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            draft.chmod(path.stat().st_mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
