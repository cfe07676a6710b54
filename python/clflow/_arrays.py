# SPDX-License-Identifier: MIT
"""Rows: converts arrays, data frames, tensors and lists to arrays of the C library, without a copy where their layout
allows."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._errors import ArgumentError
from ._frames import Columns, encoded, frame_of, is_plain, judged, one_hot
from ._strings import c_text

if TYPE_CHECKING:
    from ._images import Form, Images

__all__ = ["Array", "Rows", "bytes_of", "context_of", "is_single", "names_of", "pointer", "rows_of", "weights_of"]

Array = npt.NDArray[Any]


class Rows:
    """A table in memory: numbers (n, columns), C-contiguous, and the names of its columns, if any.

    Attributes:
        columns: descriptions of the columns, if some hold labels, booleans, dates or times.
        source: the columns before expanded() encoded them.
        form: of an array of images, its shape and order.
    """

    form: Form | None = None

    def __init__(self, at: Array, names: list[str] | None, columns: Columns | None = None, source: Columns | None = None) -> None:
        self.at, self.names, self.columns, self.source = at, names, columns, source
        self._names = (ctypes.c_char_p * len(names))(*(c_text(name, "the column") for name in names)) if names else None

    def __len__(self) -> int:
        return int(self.at.shape[0])

    @property
    def cols(self) -> int:
        return int(self.at.shape[1])

    def table(self) -> _abi.clf_table:
        """The same table for C, which refers to this one's memory."""
        table = _abi.clf_table(rows=len(self), cols=self.cols, at=pointer(self.at))
        if self._names:
            table.names = ctypes.cast(self._names, ctypes.POINTER(ctypes.c_char_p))
        if self.columns:
            table.columns = ctypes.cast(self.columns.at, ctypes.POINTER(_abi.clf_column))
        return table

    def expanded(self) -> Rows:
        """The same rows with categories encoded one-hot, as contexts need them."""
        return self if self.columns is None else Rows(np.ascontiguousarray(one_hot(self.at, self.columns)), None, None, self.columns)

    def in_order(self, names: list[str] | None, what: str) -> Rows:
        """The same rows with columns in the order of these names; unchanged if either has no names."""
        if not names or not self.names or names == self.names:
            return self
        missing = [name for name in names if name not in self.names]
        if missing:
            raise ArgumentError(f"{what} lacks the column {missing[0]!r}; it has {', '.join(map(repr, self.names))}")
        order = [self.names.index(name) for name in names]
        return Rows(np.ascontiguousarray(self.at[:, order]), names, self.columns.pick(order) if self.columns else None)


def pointer(array: Array | None) -> int | None:
    """The address of an array's first element; None for None."""
    return None if array is None else array.ctypes.data


def names_of(array: Any, count: int) -> list[str] | None:
    """The strings of a C array of `count` names; None for NULL."""
    return [array[i].decode() for i in range(count)] if array else None


def _from_dlpack(x: Any, what: str) -> Array:
    try:
        kind = x.__dlpack_device__()[0]
    except (BufferError, ValueError):  # a type that DLPack does not have
        kind = 0
    if kind not in (1, 3):  # in host memory, pinned or not
        raise ArgumentError(f"{what} is on another device than the processor; move it there first, as by .cpu()")
    if getattr(x, "requires_grad", False):
        x = x.detach()
    try:
        return np.from_dlpack(x)
    except (TypeError, RuntimeError, BufferError, ValueError):  # read-only, or a type that numpy lacks, such as bfloat16
        pass
    try:
        real = hasattr(x, "double") and not x.is_complex()
        return np.asarray(x.double() if real else x)
    except (TypeError, RuntimeError, ValueError) as problem:  # sparse, nested or quantized
        raise ArgumentError(f"{what} is no table of numbers that numpy could read: {problem}") from None


def _array_of(x: Any, what: str) -> Array:
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        raise ArgumentError(f"{what} has masked values; leave their rows out, or fill them in, as by .filled()")
    if isinstance(x, np.ndarray):
        return np.asarray(x)
    if hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__"):
        return _from_dlpack(x, what)
    try:
        return np.asarray(x)
    except ValueError as problem:  # rows of different lengths
        raise ArgumentError(f"{what} is no table: {problem}") from None


def _numbers(x: Array, what: str, single: bool) -> Array:
    """The array in float64, row-major; with `single`, float32 stays float32."""
    if x.dtype.kind in "OU":
        try:
            x = x.astype(np.float64)
        except (TypeError, ValueError):
            raise ArgumentError(f"{what} holds values that are no numbers; pass a data frame, whose columns may hold labels and dates") from None
    if x.dtype.kind not in "fiub":
        raise ArgumentError(f"{what} has the type {x.dtype}; real numbers are wanted")
    dtype = np.float32 if single and x.dtype == np.float32 else np.float64
    return np.ascontiguousarray(x, dtype=dtype)


def _rows_of_frame(names: list[str], values: list[Array], what: str, like: Columns | None) -> Rows:
    plain = is_plain(values)
    if like is not None and not (plain and like.are_numbers):
        return Rows(encoded(names, values, like, what), like.names or names, None if like.are_numbers else like)
    if plain:
        return Rows(np.stack(values, axis=1).astype(np.float64, "C", copy=False), names)
    at, columns = judged(names, values, what)
    return Rows(at, names, columns)


def rows_of(
    x: Any, what: str, cols: int | None = None, single: bool = False, copied: bool = False, like: Columns | None = None,
    images: Images | None = None,
) -> Rows:  # fmt: skip
    """The rows of x.

    Args:
        x: (n, columns): an array, a data frame, a structured array, a tensor on the processor, or nested lists.
        what: the name of x in messages.
        cols: the number of columns that x must have; None: any.
        single: leave float32 as it is.
        copied: never share the memory of x.
        like: the descriptions of a frame's columns; None: detected from its values.
        images: the images that x may hold, as (n, H, W, C) or (n, C, H, W); bytes become continuous by noise.

    Raises:
        ArgumentError: wrong shape, or values that are not numbers.
    """
    names, form, frame = None, None, frame_of(x, what)
    if frame and (isinstance(x, np.ndarray) or not is_plain(frame[1]) or (like is not None and not like.are_numbers)):
        found = _rows_of_frame(*frame, what, like)
        if cols is not None and found.expanded().cols < cols:
            raise ArgumentError(f"{what} has {found.cols} columns; {cols} are wanted")
        return found
    if hasattr(x, "columns") and hasattr(x, "to_numpy"):
        names, at = frame[0] if frame else None, x.to_numpy()
    else:
        at = _array_of(x, what)
    if at.ndim > 2 and images:
        at, form = images.rows(at, what)
    elif at.ndim > 2:
        at = at.reshape(at.shape[0], -1)
    if at.ndim != 2:
        hint = f"; {what}.reshape(-1, 1) makes rows of one number each" if at.ndim == 1 else ""
        raise ArgumentError(f"{what} has the shape {at.shape}; (rows, {cols or 'columns'}) is wanted{hint}")
    if cols is not None and at.shape[1] != cols and not (names and at.shape[1] > cols):
        raise ArgumentError(f"{what} has {at.shape[1]} columns; {cols} are wanted")
    numbers = _numbers(images.continuous(at) if images else at, what, single)
    found = Rows(numbers.copy() if copied and np.shares_memory(numbers, at) else numbers, names)
    found.form = form
    return found


def is_single(context: Any) -> bool:
    """Whether a context of shape (columns), or one label, is given for all rows."""
    if isinstance(context, str):
        return True
    if _are_labels(context):
        return False
    named = isinstance(context, Rows) or hasattr(context, "columns") or getattr(getattr(context, "dtype", None), "names", None)
    return not named and np.ndim(context) == 1


def bytes_of(x: Any, what: str, images: Images | None) -> Array | None:
    """Images of bytes as (n, H, W, C); None if x is no array of bytes, or the flow is not one of images."""
    if images is None or hasattr(x, "columns"):
        return None
    at = _array_of(x, what)
    if at.dtype != np.uint8:
        return None
    return images.pixels(images.rows(at, what)[0] if at.ndim > 2 else at, what)


def _are_labels(context: Any) -> bool:
    """Whether a context is a list or an array (n) of texts."""
    if isinstance(context, np.ndarray):
        return context.ndim == 1 and (context.dtype.kind == "U" or (context.dtype.kind == "O" and all(isinstance(each, str) for each in context)))
    return isinstance(context, (list, tuple)) and len(context) > 0 and all(isinstance(each, str) for each in context)


def _column_of_labels(context: Any, like: Columns | None) -> Array:
    """Labels as a table of one column, which has the name of the flow's column, or the program's name for labels of images."""
    labels = np.atleast_1d(np.asarray(context, str))
    name = like.names[0] if like and like.names else "class"
    found = np.empty(len(labels), [(name, labels.dtype)])
    found[name] = labels
    return found


def context_of(context: Any, what: str, cols: int | None, like: Columns | None = None) -> Rows:
    """The rows of a context, labels expanded."""
    if isinstance(context, Rows):
        return context
    if isinstance(context, str) or _are_labels(context):
        return rows_of(_column_of_labels(context, like), what, cols, like=like).expanded()
    return rows_of(_array_of(context, what).reshape(1, -1) if is_single(context) else context, what, cols, like=like).expanded()


def weights_of(weights: Any, rows: int, what: str = "weights") -> Array | None:
    """The weight of each row, (rows), in float64; None for None."""
    if weights is None:
        return None
    at = _numbers(_array_of(weights, what), what, False)
    if at.shape != (rows,):
        raise ArgumentError(f"{what} has the shape {at.shape}; ({rows},) is wanted, a number for each row")
    return at
