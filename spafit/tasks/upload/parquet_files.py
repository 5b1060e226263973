"""Parquet files that people bring, read without ever holding more than they may expand to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spafit.quantities import bytes_text
from spafit.tasks.task import TaskError, shortened
from spafit.tasks.upload.json_files import LISTS, RECORDS
from spafit.tasks.upload.tables import CELL_CHARACTERS, ROWS_AT_ONCE, Table, check_columns, check_rows, column_names

EXPANDED_BYTES = 1000**3  # of a whole file, uncompressed


def read_parquet(path: Path, name: str) -> Table:
    """Return the columns of text or numbers; raise `TaskError` for a damaged file and for one that expands too far."""
    try:
        with pq.ParquetFile(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
            expanded = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
            check_columns(len(schema), name)
            check_rows(metadata.num_rows, name)
            if expanded > EXPANDED_BYTES:
                raise _bomb(name)
        twice = next((column for column in schema.names if schema.names.count(column) > 1), None)
        if twice is not None:
            raise TaskError(f"{name} has two columns called “{shortened(twice, 80)}”; their names must differ.")
        wanted = [column.name for column in schema if _to_text(column.type) is not None]
        nested = {
            shortened(column.name, 80): RECORDS if pa.types.is_struct(column.type) else LISTS
            for column in schema
            if pa.types.is_nested(column.type)
        }
        if len(wanted) < 2:
            beside = f"; {', '.join(nested)} hold lists or nested records, not one value" if nested else ""
            raise TaskError(f"{name} has fewer than two columns of text or numbers{beside}.")
        classes = _class_names(schema)
        texts = [
            column.name for column in schema if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        ]
        columns: dict[str, list[pa.Array]] = {column: [] for column in wanted}
        total = 0
        # Read as dictionaries, a text that repeats a million times is kept once, and its full size is known beforehand.
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=wanted):
                for column in wanted:
                    array = batch.column(column)
                    total += _expanded(array, name)
                    if total > EXPANDED_BYTES:
                        raise _bomb(name)
                    text = _as_text(array)
                    columns[column].append(_named(text, classes[column], name) if column in classes else text)
    except MemoryError:  # an ArrowException too, but nothing is wrong with the file: whoever calls says so
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, TaskError):
            raise
        raise TaskError(f"{name} is a damaged Parquet file.") from error
    names = column_names(wanted)
    arrays = {
        name: pa.chunked_array(columns[column], pa.large_string()) for name, column in zip(names, wanted, strict=True)
    }
    table = Table(arrays, list(range(1, len(arrays[names[0]]) + 1)), "row", "Parquet")
    table.nested = nested
    table.remarks = [
        f"The numbers of “{column}” are read as the names that the file gives them, -1 as no label."
        for column in classes
    ]
    return table


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the names of numbered classes by column, as the `datasets` library keeps them in a file (ClassLabel)."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        kept = {column: feature for column, feature in features.items() if feature.get("_type") == "ClassLabel"}
        return {column: [str(name) for name in feature["names"]] for column, feature in kept.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _named(array: pa.Array, names: list[str], file: str) -> pa.Array:
    """Return class names for their numbers; nothing for -1, a label that is kept back."""
    known = {str(i): name for i, name in enumerate(names)} | {"-1": None}
    cells = array.to_pylist()
    wrong = next((cell for cell in cells if cell is not None and cell not in known), None)
    if wrong is not None:
        raise TaskError(f"{file} has the class {wrong}, but names {len(names)} classes only.")
    return pa.array([None if cell is None else known[cell] for cell in cells], pa.large_string())


def _bomb(name: str) -> TaskError:
    return TaskError(f"{name} would expand to more than {bytes_text(EXPANDED_BYTES)}; it is not read.")


def _expanded(array: pa.Array, name: str) -> int:
    """Bytes the cells will take as text; refuses a cell beyond the limit."""
    if not isinstance(array, pa.DictionaryArray):
        return array.nbytes
    lengths = pc.call_function("binary_length", [array.dictionary])
    longest = pc.call_function("max", [lengths]).as_py() or 0
    if longest > 4 * CELL_CHARACTERS:
        raise TaskError(f"{name} has a cell of more than {CELL_CHARACTERS:,} characters.")
    return pc.call_function("sum", [pc.take(lengths, array.indices)]).as_py() or 0


def _to_text(kind: pa.DataType) -> Callable[[pa.Array], pa.Array] | None:
    """How cells of this type become text; None for lists, structures and bytes, which cannot be a text or a label."""
    types = pa.types
    if types.is_dictionary(kind):
        return _to_text(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return lambda array: array.cast(pa.large_string())
    if types.is_floating(kind):
        return _floats_as_text
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_decimal(kind):
        return lambda array: array.cast(pa.large_string())
    return None


def _as_text(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    convert = _to_text(array.type)
    assert convert is not None
    converted = convert(array)
    converted.validate(full=True)  # what is no UTF-8 is found here, not when somebody reads the cell
    return converted


def _floats_as_text(array: pa.Array) -> pa.Array:
    """Numbers as text; what is not a number becomes a missing cell, as pandas and others mean it."""
    missing = pc.call_function("is_nan", [array])
    return pc.call_function("if_else", [missing, pa.scalar(None, array.type), array]).cast(pa.large_string())
