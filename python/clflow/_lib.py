# SPDX-License-Identifier: MIT
"""Finds and loads the C library, and checks that its version is that of this package."""

from __future__ import annotations

import ctypes
import logging
import os
import pathlib
import re
import sys
from typing import Any

from . import _abi
from ._errors import LibraryError, error_of

__all__ = ["check", "lib", "library_path", "text"]

_log = logging.getLogger("clflow")


def text(value: bytes | None) -> str:
    """A string of the C library; "" for NULL."""
    return value.decode("utf-8", "replace") if value else ""


def _bundled() -> list[str]:
    """The library inside this package, as in wheels."""
    return [str(path) for path in sorted((pathlib.Path(__file__).parent / "lib").glob("libclflow.so*"))]


def _system() -> list[str]:
    """Names under which the dynamic linker may find an installed library."""
    major, minor, _ = _abi.VERSION.split(".")
    if sys.platform == "darwin":
        return [f"libclflow.{major}.{minor}.dylib", "libclflow.dylib"]
    return [f"libclflow.so.{major}.{minor}", f"libclflow.so.{major}", "libclflow.so"]


def _load() -> tuple[ctypes.CDLL, str]:
    """Loads $CLFLOW_LIBRARY if it is set, otherwise the bundled library, otherwise the system's."""
    chosen = os.environ.get("CLFLOW_LIBRARY")
    names = [chosen] if chosen else _bundled() + _system()
    tried = []
    for name in names:
        try:
            return ctypes.CDLL(name), name
        except OSError as problem:
            tried.append(f"{name}: {problem}")
    remedy = (
        "correct or unset CLFLOW_LIBRARY"
        if chosen
        else "install the wheel, or the C library, or set CLFLOW_LIBRARY to the path of libclflow.so"
    )
    raise LibraryError(f"the C library of clflow could not be loaded ({'; '.join(tried)}); {remedy}")


def _check_version(library: ctypes.CDLL, path: str) -> None:
    try:
        library.clf_version.restype = ctypes.c_char_p
        version = text(library.clf_version())
    except AttributeError:
        raise LibraryError(f"{path} is not the C library of clflow: it has no function clf_version") from None
    found, wanted = ([int(part) for part in re.findall(r"\d+", each)[:2]] for each in (version, _abi.VERSION))
    if found != wanted:
        remedy = "install the package of that version" if found > wanted else "install a newer C library"
        raise LibraryError(
            f"{path} is version {version} of the C library, but this package needs {_abi.VERSION}; {remedy}, "
            "or unset CLFLOW_LIBRARY to use the library of the wheel"
        )


def _declare(library: ctypes.CDLL, path: str) -> None:
    for name, (returns, arguments) in _abi.FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise LibraryError(f"{path} lacks the function {name}; install the library that belongs to clflow {_abi.VERSION}") from None
        function.restype, function.argtypes = returns, arguments


def _check_layouts(library: Any, path: str) -> None:
    """Compares this package's structs with those of the library."""
    for struct in _abi.STRUCTS:
        name = struct.__name__
        size = library.clf_abi(name.encode())
        if size < 0:  # a struct inside another, which has no name in C
            continue
        offsets = {f"{name}.{field[0]}": getattr(struct, field[0]).offset for field in struct._fields_}
        found = {key: library.clf_abi(key.encode()) for key in offsets}
        wrong = [key for key in offsets if offsets[key] != found[key]]
        if size != ctypes.sizeof(struct) or wrong:
            what = f"{wrong[0]} at {found[wrong[0]]}, not {offsets[wrong[0]]}" if wrong else f"{size} bytes, not {ctypes.sizeof(struct)}"
            raise LibraryError(
                f"{path} was compiled with another layout of {name} ({what}); install the package and the library of one release"
            )


def _listen(sentence: bytes, _context: object) -> None:
    _log.info("%s", text(sentence))


_listener = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)(_listen)

_library, library_path = _load()
_check_version(_library, library_path)
_declare(_library, library_path)
_check_layouts(_library, library_path)
lib: Any = _library
lib.clf_set_listener(_listener, None)


def check(status: int) -> None:
    """Raises the exception of a status that is not CLF_OK, with the library's message."""
    if status != _abi.CLF_OK:
        raise error_of(status, text(lib.clf_errmsg()) or text(lib.clf_strerror(status)))
