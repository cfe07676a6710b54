# SPDX-License-Identifier: MIT
"""Converts labels, booleans, dates and times to the numbers of the C library, and back (docs/tables.md).

A frame is a table whose columns have names and types: a data frame of pandas or polars, or a structured array.  Texts go
through the library's reader of CSV, so that a frame is read like the same table in a file.
"""

from __future__ import annotations

import csv
import ctypes
import os
import re
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._errors import ArgumentError, error_of
from ._lib import check, lib, text
from ._strings import c_text

__all__ = ["Columns", "decoded", "encoded", "frame_of", "is_plain", "judged", "one_hot", "set_context_table"]

Array = npt.NDArray[Any]
_TEXT = 2048  # bytes: more than a label and its end


class Columns:
    """The library's descriptions of columns, and their names, if any."""

    def __init__(self, names: list[str] | None, at: Any, count: int, owner: object = None) -> None:
        """at: a C array of clf_column, which lives as long as `owner`."""
        self.names, self.at, self._count, self._owner = names, at, count, owner

    @classmethod
    def of_numbers(cls, names: list[str] | None, count: int) -> Columns:
        return cls(names, _array_of([_abi.clf_column()] * count), count)

    def __len__(self) -> int:
        return self._count

    def pick(self, order: Sequence[int]) -> Columns:
        """Some of the columns, in this order."""
        names = self.names and [self.names[i] for i in order]
        return Columns(names, _array_of([self.at[i] for i in order]), len(order), (self._owner, self.at))

    def labels(self, d: int) -> list[str]:
        """The labels of a category in the order of their codes, or the words of a boolean for 0 and 1."""
        column = self.at[d]
        return [text(column.categories[i]) for i in range(column.category_count)]

    @property
    def are_numbers(self) -> bool:
        """Whether all columns are numbers."""
        return all(self.at[d].kind in (_abi.CLF_COLUMN_NUMBER, _abi.CLF_COLUMN_INTEGER) for d in range(len(self)))


def _array_of(columns: Sequence[Any]) -> Any:
    return (_abi.clf_column * len(columns))(*columns)


# ---- Frames ------------------------------------------------------------------------------------------


def frame_of(x: Any, what: str) -> tuple[list[str], list[Array]] | None:
    """Names and values of the columns of a frame; None if x is no frame, or one of numbers without names."""
    if isinstance(x, np.ndarray) and x.dtype.names:
        names = list(x.dtype.names)
        if x.ndim != 1 or any(x.dtype[name].shape for name in names):
            raise ArgumentError(f"{what} is a structured array of shape {x.shape}; one record a row is wanted")
        return names, [x[name] for name in names]
    if not (hasattr(x, "columns") and hasattr(x, "to_numpy") and hasattr(x, "__getitem__")):
        return None
    keys = list(x.columns)
    twice = [key for i, key in enumerate(keys) if key in keys[:i]] if len(set(keys)) < len(keys) else []
    if twice:
        raise ArgumentError(f"{what} has two columns {str(twice[0])!r}; rename one")
    values = [_plainer(np.asarray(x[key])) for key in keys]
    if is_plain(values) and not all(isinstance(key, str) for key in keys):
        return None
    return [str(key) for key in keys], values


def is_plain(values: Sequence[Array]) -> bool:
    """Whether all columns are numbers."""
    return all(each.dtype.kind in "fiu" for each in values)


def _plainer(values: Array) -> Array:
    """Objects as float64, if all are numbers."""
    if values.dtype.kind != "O" or any(isinstance(each, (str, bytes, bool)) for each in values):
        return values
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        return values


def _has_no_value(each: Any) -> bool:
    return each is None or type(each).__name__ in ("NAType", "NaTType") or (isinstance(each, float) and each != each)


def _texts(values: Array, what: str, name: str) -> list[str]:
    """The values of a column that is not numeric, as a CSV file would have them."""
    kind = values.dtype.kind
    if kind == "b":
        return ["true" if each else "false" for each in values]
    if kind == "M":
        missing = np.isnat(values)
        whole: Any = next(unit for unit in ("D", "s", "ms", "us", "ns") if unit == "ns" or (values.astype(f"M8[{unit}]") == values)[~missing].all())
        found = [str(each) for each in np.datetime_as_string(values, unit=whole)]
    elif kind in "OUS":
        missing = np.fromiter((_has_no_value(each) for each in values), bool, len(values))
        found = [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in values]
    else:
        raise ArgumentError(f"column {name!r} of {what} has the type {values.dtype}; numbers, texts, booleans or dates are wanted")
    if missing.any():
        raise ArgumentError(f"{what}: row {int(missing.argmax()) + 1} of column {name!r} has no value; leave such rows out, or fill them in")
    return found


# ---- To numbers --------------------------------------------------------------------------------------


class _Read:
    """A table of the library, which is freed with this object."""

    def __init__(self) -> None:
        self.table = _abi.clf_table()

    def __del__(self) -> None:
        lib.clf_table_free(ctypes.byref(self.table))


def _read(names: Sequence[str], columns: Sequence[Sequence[str]], what: str) -> _Read:
    """Texts, read like a CSV file."""
    read, options = _Read(), _abi.clf_table_options()
    wanted = (ctypes.c_char_p * len(names))(*(c_text(name, "the column") for name in names))
    for name, value in (("header", "yes"), ("delimiter", ","), ("decimal", "."), ("kinds", "1")):
        check(lib.clf_table_options_set(ctypes.byref(options), name.encode(), value.encode()))
    options.columns, options.column_count = ctypes.cast(wanted, ctypes.POINTER(ctypes.c_char_p)), len(names)
    handle, path = tempfile.mkstemp(suffix=".csv")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(zip(*columns))
        status = lib.clf_table_read_with(os.fsencode(path), ctypes.byref(options), ctypes.byref(read.table))
        if status:
            sentence = text(lib.clf_errmsg()).replace(path, what)
            sentence = re.sub(r"\bline (\d+)\b", lambda line: f"row {int(line[1]) - 1}", sentence)
            raise error_of(_abi.CLF_EINVAL if status == _abi.CLF_EFORMAT else status, sentence)
    finally:
        os.unlink(path)
    return read


def _number_column(values: Array) -> Any:
    whole = values.dtype.kind in "iu"
    column = _abi.clf_column(kind=_abi.CLF_COLUMN_INTEGER if whole else _abi.CLF_COLUMN_NUMBER, decimals=0 if whole else -1)
    column.smallest, column.largest = (float(values.min()), float(values.max())) if len(values) else (np.nan, np.nan)
    return column


def judged(names: list[str], values: list[Array], what: str) -> tuple[Array, Columns]:
    """Numbers (n, columns) of a frame, and the descriptions of its columns.

    Raises:
        ArgumentError: a value that is missing, texts that hardly repeat, or numbers with a few texts among them.
    """
    rows = len(values[0]) if values else 0
    if rows == 0:
        raise ArgumentError(f"{what} has no rows")
    worded = [d for d, each in enumerate(values) if each.dtype.kind not in "fiu"]
    read = _read([names[d] for d in worded], [_texts(values[d], what, names[d]) for d in worded], what)
    if read.table.rows != rows:
        raise ArgumentError(f"{what}: {rows - read.table.rows} of its {rows} rows have texts with line ends; replace these")
    found = np.ctypeslib.as_array(ctypes.cast(read.table.at, ctypes.POINTER(ctypes.c_double)), (rows, len(worded)))
    at, columns = np.empty((rows, len(values))), []
    for d, each in enumerate(values):
        if d in worded:
            i = worded.index(d)
            at[:, d] = found[:, i]
            columns.append(read.table.columns[i] if read.table.columns else _number_column(found[:, i]))
        else:
            at[:, d] = each
            columns.append(_number_column(each))
    return at, Columns(names, _array_of(columns), len(columns), read)


def _codes(column: Any, values: Array, what: str, name: str) -> Array:
    """The numbers of one column, by the description of the flow's column."""
    if values.dtype.kind in "fiu":
        return values
    if values.dtype.kind == "b" and column.kind in (_abi.CLF_COLUMN_NUMBER, _abi.CLF_COLUMN_INTEGER, _abi.CLF_COLUMN_BOOLEAN):
        return values
    if values.dtype.kind == "M" and column.kind == _abi.CLF_COLUMN_DATE and not np.isnat(values).any():
        unit = np.timedelta64(1, "D") if text(column.unit).startswith("days") else np.timedelta64(1, "s")
        return (values - np.datetime64(0, "s")) / unit
    words, first, index = np.unique(np.array(_texts(values, what, name), object), return_index=True, return_inverse=True)
    numbers, value = np.empty(len(words)), ctypes.c_double()
    for i in np.argsort(first):
        if lib.clf_column_value(ctypes.byref(column), c_text(words[i], "the label"), ctypes.byref(value)):
            raise ArgumentError(f"{what}, row {first[i] + 1}, column {name!r}: {text(lib.clf_errmsg())}")
        numbers[i] = value.value
    return numbers[index]


def encoded(names: list[str], values: list[Array], like: Columns, what: str) -> Array:
    """Numbers (n, columns) of those columns of a frame that the flow has, in the flow's order.

    Raises:
        ArgumentError: a column or a value that the flow does not know.
    """
    wanted = like.names or names  # by position, where the flow's columns have no names
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ArgumentError(f"{what} lacks the column {missing[0]!r}; it has {', '.join(map(repr, names))}")
    if len(wanted) != len(like):
        raise ArgumentError(f"{what} has {len(wanted)} columns; the flow has {len(like)}")
    at = np.empty((len(values[0]), len(like)))
    for d, name in enumerate(wanted):
        at[:, d] = _codes(like.at[d], values[names.index(name)], what, name)
    return at


def one_hot(at: Array, columns: Columns) -> Array:
    """One-hot encoding: a column for each label, which is 1 in rows that have it (clf_table_one_hot())."""
    parts = []
    for d in range(len(columns)):
        column = columns.at[d]
        if column.kind == _abi.CLF_COLUMN_CATEGORY:
            parts.append(np.eye(column.category_count)[at[:, d].astype(np.int64)])
        else:
            parts.append(at[:, d : d + 1])
    return np.concatenate(parts, axis=1)


def set_context_table(flow: ctypes.c_void_p, columns: Columns) -> None:
    """Sets the columns of a flow's context before one-hot encoding."""
    names = (ctypes.c_char_p * len(columns))(*(c_text(name, "the column") for name in columns.names or []))
    table = _abi.clf_columns(count=len(columns), names=ctypes.cast(names, ctypes.POINTER(ctypes.c_char_p)))
    table.at = ctypes.cast(columns.at, ctypes.POINTER(_abi.clf_column))
    check(lib.clf_flow_set_context_table(flow, ctypes.byref(table)))


# ---- Back --------------------------------------------------------------------------------------------


def _text_of(column: Any, value: float) -> str:
    found = ctypes.create_string_buffer(_TEXT)
    lib.clf_column_text(ctypes.byref(column), ctypes.c_double(value), found, _TEXT)
    return text(found.value)


def _dates_of(unit: str, form: str, at: Array) -> Array:
    """Dates from numbers, with the precision of the training data: a form with fractions of a second ends in %3f."""
    if unit.startswith("days"):
        return np.rint(at).astype(np.int64).astype("M8[D]").astype("M8[s]")
    fraction = re.search(r"%(\d)f", form)
    digits = 0 if fraction is None else -(-int(fraction[1]) // 3) * 3
    return np.rint(at * 10.0**digits).astype(np.int64).astype(f"M8[{({0: 's', 3: 'ms', 6: 'us', 9: 'ns'})[digits]}]")


def _values_of(columns: Columns, d: int, at: Array) -> Array:
    """Converts the numbers (n) of a column back to labels, booleans or dates; to texts for times of day."""
    column = columns.at[d]
    if column.kind == _abi.CLF_COLUMN_NUMBER:
        return at
    if column.kind == _abi.CLF_COLUMN_INTEGER:
        return np.rint(at).astype(np.int64)
    if column.kind == _abi.CLF_COLUMN_DATE:
        return _dates_of(text(column.unit), text(column.form), at)
    if column.kind not in (_abi.CLF_COLUMN_CATEGORY, _abi.CLF_COLUMN_BOOLEAN):
        return np.array([_text_of(column, value) for value in at], object)
    labels = columns.labels(d)
    codes = np.clip(np.rint(at), 0, max(len(labels), 2) - 1).astype(np.int64)
    if column.kind == _abi.CLF_COLUMN_BOOLEAN and [label.lower() for label in labels] in ([], ["false", "true"]):
        return codes.astype(bool)
    return np.array(labels, object)[codes]


def decoded(at: Array, columns: Columns, names: list[str]) -> Any:
    """Numbers (n, columns) or (m, n, columns) as a data frame of pandas, or a structured array without pandas.

    With three axes, the first is a level of the frame's index.
    """
    flat = at.reshape(-1, at.shape[-1])
    values = {name: _values_of(columns, d, flat[:, d]) for d, name in enumerate(names)}
    try:
        import pandas
    except ImportError:
        found = np.empty(len(flat), [(name, each.dtype) for name, each in values.items()])
        for name, each in values.items():
            found[name] = each
        return found.reshape(at.shape[:-1])
    index = None if at.ndim == 2 else pandas.MultiIndex.from_product([range(at.shape[0]), range(at.shape[1])], names=["context", "sample"])
    return pandas.DataFrame(values, index=index)
