# SPDX-License-Identifier: MIT
"""Images: arrays (n, H, W, C) and (n, C, H, W), and the rows (n, D) of the C library, whose fastest index is the channel."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _abi
from ._arrays import Array
from ._errors import ArgumentError
from ._lib import check, lib

__all__ = ["ORDERS", "Form", "Images", "order_of_name"]

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

    def of(self, rows: Array) -> Array:
        """Rows (..., D) in the chosen order; as they are where none is chosen."""
        if self.order == _abi.CLF_ORDER_AUTO:
            return rows
        images = rows.reshape(*rows.shape[:-1], self.height, self.width, self.channels)
        return np.ascontiguousarray(np.moveaxis(images, -1, -3)) if self.order == _abi.CLF_ORDER_NCHW else images
