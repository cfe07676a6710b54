# SPDX-License-Identifier: MIT
"""Images: arrays (n, H, W, C) and (n, C, H, W), and the rows (n, D) of the C library, whose fastest index is the channel."""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _abi
from ._arrays import Array
from ._errors import ArgumentError
from ._lib import check, lib

__all__ = ["ORDERS", "Form", "ImageFile", "Images", "order_of_name", "shape_of_images"]

ORDERS = {_abi.CLF_ORDER_AUTO: None, _abi.CLF_ORDER_NHWC: "NHWC", _abi.CLF_ORDER_NCHW: "NCHW"}


def order_of_name(name: Any) -> int:
    """The number of an order: "NHWC", "NCHW" or None."""
    for number, each in ORDERS.items():
        if name == each:
            return number
    raise ArgumentError(f'the order is {name!r}; "NCHW", "NHWC" or None is wanted')


@dataclass(frozen=True)
class Form:
    """The shape and the order of an array of images, which results for it have too."""

    shape: tuple[int, ...]
    first: bool  # the channel comes before height and width

    def of(self, rows: Array) -> Array:
        """Rows (n, D) as such an array."""
        if not self.first:
            return rows.reshape(self.shape)
        n, c, h, w = self.shape
        return np.ascontiguousarray(rows.reshape(n, h, w, c).transpose(0, 3, 1, 2))


@dataclass(frozen=True)
class Images:
    """The images of a flow.

    Attributes:
        height, width, channels: of each.
        order: of arrays whose shape fits both, and of samples; CLF_ORDER_AUTO: not chosen.
    """

    height: int
    width: int
    channels: int
    order: int

    def rows(self, at: Array, what: str) -> tuple[Array, Form]:
        """An array of images as rows (n, D), without a copy where its memory allows.

        Raises:
            ArgumentError: another shape.
        """
        dim, order = (ctypes.c_int64 * at.ndim)(*at.shape), ctypes.c_int()
        size = (self.height, self.width, self.channels)
        check(lib.clf_image_order_find(what.encode(), at.ndim, dim, *size, self.order, ctypes.byref(order)))
        form = Form(at.shape, order.value == _abi.CLF_ORDER_NCHW)
        last = at.transpose(0, 2, 3, 1) if form.first else at
        return last.reshape(len(at), -1), form

    def pixels(self, rows: Array, what: str) -> Array:
        """Rows (n, D) as (n, H, W, C)."""
        shape = (self.height, self.width, self.channels)
        if rows.ndim != 2 or rows.shape[1] != np.prod(shape):
            raise ArgumentError(f"{what} has the shape {rows.shape}; the flow takes images of {' x '.join(map(str, shape))}")
        return rows.reshape(len(rows), *shape)

    def continuous(self, rows: Array) -> Array:
        """Bytes (n, D) with the noise that makes pixels continuous, that of the program with its default seed; others as they are."""
        if rows.dtype != np.uint8:
            return rows
        rows, found = np.ascontiguousarray(rows), np.empty(rows.shape)
        lib.clf_dequantize(rows.ctypes.data, len(rows), rows.shape[1], 1, 0, found.ctypes.data)
        return found

    def of(self, rows: Array) -> Array:
        """Rows (..., D) in the chosen order; as they are where none is chosen."""
        if self.order == _abi.CLF_ORDER_AUTO:
            return rows
        images = rows.reshape(*rows.shape[:-1], self.height, self.width, self.channels)
        return np.ascontiguousarray(np.moveaxis(images, -1, -3)) if self.order == _abi.CLF_ORDER_NCHW else images


def shape_of_images(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Height, width and channels of images in an array of this shape, (n, H, W), (n, H, W, C) or (n, C, H, W).

    Raises:
        ArgumentError: the shape does not say which.
    """
    if len(shape) == 3:
        return shape[1], shape[2], 1
    few = (1, 2, 3, 4)
    if len(shape) == 4 and shape[3] in few:
        return shape[1], shape[2], shape[3]
    if len(shape) == 4 and shape[1] in few:
        return shape[2], shape[3], shape[1]
    raise ArgumentError(f"x has the shape {shape}; pass height, width and channels of the images to Flow(), or x as (n, H, W, C)")


class ImageFile:
    """Bytes (n, H, W, C) as images of the C library, to which a training adds new noise in each epoch."""

    def __init__(self, pixels: Array) -> None:
        self.handle = ctypes.c_void_p()
        descriptor, self._path = tempfile.mkstemp(suffix=".npy")
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.save(file, np.ascontiguousarray(pixels))
            check(lib.clf_images_open(os.fsencode(self._path), None, ctypes.byref(self.handle)))
            check(lib.clf_images_wait(self.handle))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        lib.clf_images_free(self.handle)
        self.handle = ctypes.c_void_p()
        with contextlib.suppress(OSError):
            os.unlink(self._path)
