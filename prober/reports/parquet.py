"""Results as Parquet, by the optional library pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from prober.errors import ExtraMissing
from prober.model import Result
from prober.reports.records import COLUMNS, record

ROWS_A_GROUP = 50_000  # some 20 MB in memory at a time
ROWS_A_BATCH = 1_000


def write(results: Iterable[Result], file: BinaryIO) -> None:
    """Write a file whose columns are those of a record, `checked_at` as a UTC timestamp.

    Raises `ExtraMissing` where pyarrow is not installed.
    """
    arrow, parquet = _libraries()
    schema = _schema(arrow)
    rest = iter(results)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while share := list(islice(rest, ROWS_A_GROUP)):
            writer.write_batch(arrow.RecordBatch.from_pylist(list(map(_row, share)), schema))


def read(file: BinaryIO) -> Iterator[dict[str, object]]:
    """The rows of a file as records, with moments as datetimes.

    Raises `ExtraMissing` where pyarrow is not installed, ValueError where the file is no Parquet.
    """
    _, parquet = _libraries()
    found = parquet.ParquetFile(file)
    wanted = [name for name in COLUMNS if name in found.schema_arrow.names]
    for batch in found.iter_batches(ROWS_A_BATCH, columns=wanted):
        yield from batch.to_pylist()


def require() -> None:
    """Raise `ExtraMissing` where pyarrow is not installed."""
    _libraries()


def _row(result: Result) -> dict[str, object]:
    return record(result) | {"checked_at": result.checked_at}


def _schema(arrow: Any) -> Any:
    # Words that repeat are kept once a group.
    word = arrow.dictionary(arrow.int32(), arrow.string())
    kinds = dict.fromkeys(COLUMNS, word) | {
        "checked_at": arrow.timestamp("ms", tz="UTC"),
        "http_code": arrow.int32(),
        "latency_ms": arrow.float64(),
        "snippet": arrow.string(),
        "stalled": arrow.bool_(),
    }
    return arrow.schema(list(kinds.items()))


def _libraries() -> tuple[Any, Any]:
    try:
        import pyarrow  # an extra, and dear to import
        from pyarrow import parquet
    except ImportError:
        raise ExtraMissing(
            "Parquet needs pyarrow, which is not installed; run pip install 'prober[parquet]'"
        ) from None
    return pyarrow, parquet
