# SPDX-License-Identifier: MIT
"""Training options, from the C library's list (clflow/train_options.def)."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _abi
from ._errors import ArgumentError
from ._lib import check, lib, text
from ._strings import c_text

__all__ = ["TrainOption", "set_members", "set_options", "train_options"]


@dataclass(frozen=True)
class TrainOption:
    """A training option.

    Attributes:
        name: keyword argument of Flow.fit().
        range: the values that it may have.
        default: its value for tables.
        help: its effect.
    """

    name: str
    range: str
    default: str
    help: str


def train_options() -> list[TrainOption]:
    """Lists the options that Flow.fit() takes as keyword arguments."""
    found = (lib.clf_train_option_at(i) for i in range(lib.clf_train_option_count()))
    return [TrainOption(text(each.name), text(each.range), text(each.tables), text(each.help)) for each in found]


def _value(name: str, value: Any) -> str:
    """The text of a value, as clf_train_options_set() takes it."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str):
        return value
    try:
        number = value.item() if hasattr(value, "item") else value
        return repr(number) if isinstance(number, int) else repr(float(number))
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} is {value!r}; a number or a word is wanted") from None


def set_members(setter: Any, options: Any, given: Mapping[str, Any]) -> None:
    """Sets options of a struct by name; None leaves one unchanged."""
    for name, value in given.items():
        if value is not None:
            check(setter(ctypes.byref(options), c_text(name, "the option"), c_text(_value(name, value), name)))


def set_options(options: _abi.clf_train_options, given: Mapping[str, Any]) -> None:
    """Sets training options by name; None leaves one unchanged."""
    set_members(lib.clf_train_options_set, options, given)


def whole(options: _abi.clf_train_options, name: str) -> int:
    """The value of an option that is a whole number."""
    value = ctypes.create_string_buffer(64)
    check(lib.clf_train_options_get(ctypes.byref(options), name.encode(), value, len(value)))
    return int(value.value)
