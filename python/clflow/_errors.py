# SPDX-License-Identifier: MIT
"""Exceptions.  Each carries the sentence of the C library that says what went wrong and what to do."""

from __future__ import annotations

from . import _abi

__all__ = ["ArgumentError", "DeviceError", "Error", "FileError", "LibraryError", "OutOfMemoryError", "UnsupportedError"]


class Error(Exception):
    """What clflow refuses or fails at.

    Attributes:
        status: name of the C library's status, as "EINVAL"; "" where Python code refused.
    """

    status: str = ""


class ArgumentError(Error, ValueError):
    """An argument, a shape, a value that is not finite, or the contents of a file."""


class OutOfMemoryError(Error, MemoryError):
    """Memory of the host or of the device does not suffice."""


class FileError(Error, OSError):
    """A file could not be read or written."""


class UnsupportedError(Error, NotImplementedError):
    """A combination that clflow does not support."""


class DeviceError(Error, RuntimeError):
    """A device that does not exist, fails, or cannot be used from here."""


class LibraryError(Error, ImportError):
    """The C library is missing, or is not the one that this package was made for."""


_KINDS: dict[int, type[Error]] = {
    _abi.CLF_EINVAL: ArgumentError,
    _abi.CLF_ESHAPE: ArgumentError,
    _abi.CLF_ENUM: ArgumentError,
    _abi.CLF_EFORMAT: ArgumentError,
    _abi.CLF_ENOMEM: OutOfMemoryError,
    _abi.CLF_EIO: FileError,
    _abi.CLF_ENOTSUP: UnsupportedError,
    _abi.CLF_ENODEV: DeviceError,
    _abi.CLF_EBUILD: DeviceError,
    _abi.CLF_EDEVICE: DeviceError,
    _abi.CLF_EMISMATCH: DeviceError,
}
_NAMES = {value: name[4:] for name, value in vars(_abi).items() if name.startswith("CLF_E") and isinstance(value, int)}


def error_of(status: int, sentence: str) -> Error:
    """The exception for a status of the C library."""
    found = _KINDS.get(status, Error)(sentence)
    found.status = _NAMES.get(status, str(status))
    return found
