# SPDX-License-Identifier: MIT
"""Normalizing flows: densities of tables, fitted, conditioned, evaluated and sampled by a C library.

    import clflow
    flow = clflow.fit(x)              # x: rows, (n, D)
    logp = flow.log_prob(x)           # (n), in nats
    new = flow.sample(1000, seed=1)   # (1000, D)

docs/python.md has the rest on one page.
"""

from __future__ import annotations

from ._abi import VERSION as __version__
from ._device import DeviceInfo, devices
from ._errors import ArgumentError, DeviceError, Error, FileError, LibraryError, OutOfMemoryError, UnsupportedError
from ._fit import FitProgress, fit
from ._lib import library_path
from ._options import TrainOption, train_options
from ._train import History, Progress
from .flow import Flow, presets

load = Flow.load
from_torch = Flow.from_torch

__all__ = [
    "ArgumentError", "DeviceError", "DeviceInfo", "Error", "FileError", "FitProgress", "Flow", "History", "LibraryError",
    "OutOfMemoryError", "Progress", "TrainOption", "UnsupportedError", "__version__", "devices", "fit", "from_torch", "library_path", "load",
    "presets", "train_options",
]  # fmt: skip
