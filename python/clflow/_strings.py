# SPDX-License-Identifier: MIT
"""Strings and paths as the C library takes them: UTF-8 that ends with a zero byte."""

from __future__ import annotations

import os
from typing import Any

from ._errors import ArgumentError

__all__ = ["c_path", "c_text"]


def _without_zero(found: bytes, value: Any, what: str) -> bytes:
    if b"\0" in found:
        raise ArgumentError(f"{what} {value!r} has a zero character, at which C would end it")
    return found


def c_text(value: str, what: str) -> bytes:
    """A string; `what` names it in messages."""
    try:
        return _without_zero(value.encode(), value, what)
    except UnicodeEncodeError:
        raise ArgumentError(f"{what} {value!r} is not valid Unicode") from None


def c_path(path: Any) -> bytes:
    """The path of a file."""
    try:
        return _without_zero(os.fsencode(path), path, "the path")
    except TypeError:
        raise ArgumentError(f"the path is {type(path).__name__}; a string or a pathlib.Path is wanted") from None
    except UnicodeEncodeError:
        raise ArgumentError(f"the path {path!r} cannot be a name of a file here") from None
