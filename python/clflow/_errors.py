# SPDX-License-Identifier: MIT
"""Exceptions, with the C library's message: what went wrong and what to do."""

from __future__ import annotations

from . import _abi

__all__ = ["ArgumentError", "DeviceError", "Error", "FileError", "LibraryError", "OutOfMemoryError", "UnsupportedError"]


class Error(Exception):
    """The base class of clflow's exceptions.

    Attributes:
        status: the C library's status, such as "EINVAL"; "" for errors that Python code found.
    """

    status: str = ""


class ArgumentError(Error, ValueError):
    """An invalid argument, shape or file, or a value that is not finite."""


class OutOfMemoryError(Error, MemoryError):
    """The host or the device has too little memory."""


class FileError(Error, OSError):
    """A file could not be read or written."""


class UnsupportedError(Error, NotImplementedError):
    """A combination that clflow does not support."""


class DeviceError(Error, RuntimeError):
    """A device that does not exist, fails, or cannot be used from here."""


class LibraryError(Error, ImportError):
    """The C library is missing, or has another version than this package."""


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
