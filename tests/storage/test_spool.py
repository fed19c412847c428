from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from databases import AT, broken, ok, unprivileged

from prober.errors import NotWritable
from prober.model import Observation, Status, Timings
from prober.storage.spool import Spool

APPENDER = """
import sys
from pathlib import Path
from prober.model import Observation, Status
from prober.storage.spool import Spool
spool = Spool(Path(sys.argv[1]))
for at in range(10**6):
    spool.append([Observation("madre", at, Status.OK)] * 50)
    print(at, flush=True)
"""


def drained(spool: Spool) -> list[Observation]:
    found: list[Observation] = []
    while oldest := spool.oldest():
        file, batch = oldest
        found += batch
        spool.drop(file)
    return found


def test_batch_comes_back_as_it_was(tmp_path: Path) -> None:
    batch = [ok(timings=Timings(1, 2, 3, 4, 5.5)), broken(), Observation("x", AT, Status.UNKNOWN)]

    Spool(tmp_path).append(batch)

    assert drained(Spool(tmp_path)) == batch
    assert list(tmp_path.iterdir()) == []


def test_a_message_for_people_is_not_kept(tmp_path: Path) -> None:
    batch = [broken(), broken()]
    told = [o._replace(result=o.result and o.result._replace(message="why")) for o in batch]

    Spool(tmp_path).append(told)

    assert drained(Spool(tmp_path)) == batch


def test_batches_come_back_in_order_also_after_a_restart(tmp_path: Path) -> None:
    for at in range(12):
        Spool(tmp_path).append([ok(at=at)])

    assert [o.at for o in drained(Spool(tmp_path))] == list(range(12))


def test_rows_count_what_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([ok(), ok()])
    spool.append([ok()])

    assert (spool.rows, Spool(tmp_path).rows) == (3, 3)


@pytest.mark.parametrize("content", [b"", b"[[1,", b'[["madre",1,"SHINY",null,null]]', b"[[1]]"])
def test_damaged_file_is_set_aside_and_blocks_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "000000000001-5.batch").write_bytes(content)
    spool = Spool(tmp_path)
    spool.append([ok()])

    assert drained(spool) == [ok()]
    assert [file.name for file in tmp_path.iterdir()] == ["000000000001-5.damaged"]
    assert spool.rows == 0


def test_file_that_someone_deleted_is_passed_over(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([ok(at=1)])
    spool.append([ok(at=2)])
    min(tmp_path.iterdir()).unlink()

    assert [o.at for o in drained(spool)] == [2]


def test_half_file_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    (tmp_path / "000000000001-5.part").write_bytes(b"[[")

    assert drained(Spool(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_kill_in_the_middle_leaves_whole_batches_only(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.wait()

    found = [o.at for o in drained(Spool(tmp_path))]

    last = int(told[-1])
    assert found[: 50 * (last + 1)] == [at for at in range(last + 1) for _ in range(50)]
    assert len(found) in (50 * (last + 1), 50 * (last + 2))
    assert not list(tmp_path.glob("*.damaged"))


def test_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotWritable, match=r"spool .*/file/spool can't be written .*store\.spool"):
        Spool(tmp_path / "file" / "spool")


def test_folder_of_another_user_is_named(shared_path: Path) -> None:
    with unprivileged(), pytest.raises(NotWritable, match="Permission denied"):
        Spool(shared_path)


def test_append_makes_a_lost_folder_anew(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    folder.rmdir()

    spool.append([ok(at=1)])

    assert [o.at for o in drained(spool)] == [1]


def test_append_to_an_unusable_folder_raises_and_leaves_the_order(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    folder.rmdir()
    folder.touch()

    with pytest.raises(OSError, match="File exists"):
        spool.append([ok(at=1)])

    folder.unlink()
    spool.append([ok(at=2)])
    assert [o.at for o in drained(spool)] == [2]


def test_a_batch_that_can_not_be_read_for_want_of_descriptors_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.append([ok(at=1)])

    with monkeypatch.context() as lacking, pytest.raises(OSError, match="Too many open files"):
        lacking.setattr(Path, "read_bytes", out_of_descriptors)
        spool.oldest()

    assert [o.at for o in drained(spool)] == [1]


def out_of_descriptors(_: Path) -> bytes:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
