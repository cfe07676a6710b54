# SPDX-License-Identifier: MIT
"""Several devices that train one flow: a thread with a copy of the flow for each device except the flow's own."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _abi
from ._errors import ArgumentError
from ._lib import check, lib
from ._strings import c_text

if TYPE_CHECKING:
    from ._train import ImageData, TrainData

__all__ = ["Team", "names_of_devices"]


def names_of_devices(devices: Sequence[str] | str, own: str) -> list[str]:
    """The devices of a team; the first one is the flow's own."""
    names = devices.split(",") if isinstance(devices, str) else list(devices)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ArgumentError(f"devices is {devices!r}; names of devices are wanted, as ['opencl:0', 'opencl:1']")
    if names[0] != own:
        raise ArgumentError(f"devices begins with {names[0]!r}, but the flow is on {own!r}; make or load it with device={names[0]!r}")
    return names


class _Member:
    """A thread's device, its copy of the flow, and its trainer on the same rows."""

    def __init__(self, group: ctypes.c_void_p, name: str, model: bytes, data: TrainData | ImageData, options: _abi.clf_train_options) -> None:
        self.group, self.name, self.model, self.data, self.options = group, name, model, data, options
        self.device, self.flow, self.trainer = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()

    def run(self) -> None:
        status = self._make()
        if lib.clf_group_agree(self.group, status) == _abi.CLF_OK:
            lib.clf_trainer_run(self.trainer, _abi.clf_progress_fn(), None)
        lib.clf_trainer_free(self.trainer)
        lib.clf_flow_free(self.flow)
        lib.clf_close(self.device)
        lib.clf_group_free(self.group)

    def _make(self) -> int:
        """Sets the status of this member; clf_group_agree() gives its message to all."""
        calls: list[Any] = [
            lambda: lib.clf_open(c_text(self.name, "the device"), ctypes.byref(self.device)),
            lambda: lib.clf_flow_load_memory(self.device, self.model, len(self.model), None, ctypes.byref(self.flow)),
            lambda: self.data.create(self.flow, self.options, self.trainer),
            lambda: lib.clf_trainer_set_group(self.trainer, self.group, None),
        ]
        for call in calls:
            status = int(call())
            if status != _abi.CLF_OK:
                return status
        return _abi.CLF_OK


class Team:
    """The members of a training; this thread is the first."""

    def __init__(self, names: Sequence[str], model: bytes, data: TrainData | ImageData, options: _abi.clf_train_options) -> None:
        handles = (ctypes.c_void_p * len(names))()
        check(lib.clf_group_threads(len(names), ctypes.cast(handles, ctypes.POINTER(ctypes.c_void_p))))
        self._group = ctypes.c_void_p(handles[0])
        others = [_Member(ctypes.c_void_p(handles[r]), names[r], model, data, options) for r in range(1, len(names))]
        self._threads = [threading.Thread(target=other.run, name=f"clflow {other.name}", daemon=True) for other in others]
        for thread in self._threads:
            thread.start()

    def join(self, trainer: ctypes.c_void_p) -> None:
        """Makes this thread's trainer the first member; raises the failure of any member."""
        check(lib.clf_group_agree(self._group, lib.clf_trainer_set_group(trainer, self._group, None)))

    def close(self) -> None:
        """Leaves the group: members that still wait for this one get an error and end."""
        lib.clf_group_free(self._group)
        for thread in self._threads:
            thread.join()
