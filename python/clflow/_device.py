# SPDX-License-Identifier: MIT
"""Devices: opened by name, shared where opening is expensive, used by one thread at a time."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

from . import _abi
from ._errors import ArgumentError, DeviceError
from ._lib import check, lib, text
from ._strings import c_text

__all__ = ["DeviceInfo", "devices", "open_device"]


@dataclass(frozen=True)
class DeviceInfo:
    """One device that clflow can use.

    Attributes:
        name: the value for `device=`, such as "cpu" or "opencl:0".
        platform, device, driver: their names, from the driver.
        type: "cpu", "gpu", "accelerator" or "other".
        family: the family of kernels that clflow uses there.
        units: compute units, or threads.
        clock_mhz: megahertz.
        memory: bytes.
        max_alloc: bytes in one buffer.
        passes: True or False after a self-test, None if none was run.
        chosen: True for the one that "auto" takes; known after a self-test.
        why: the failure, or the reason for the choice.
    """

    name: str
    platform: str
    device: str
    driver: str
    type: str
    family: str
    units: int
    clock_mhz: int
    memory: int
    max_alloc: int
    passes: bool | None
    chosen: bool
    why: str


def devices(test: bool = False) -> list[DeviceInfo]:
    """Lists the processor and every OpenCL device.

    Args:
        test: test all operations on each device, which may take a minute.

    Returns:
        The devices: the processor, then the OpenCL devices, the best one first.
    """
    array, count = ctypes.POINTER(_abi.clf_device_info)(), ctypes.c_int()
    check(lib.clf_devices(int(test), ctypes.byref(array), ctypes.byref(count)))
    try:
        return [_info(array[i]) for i in range(count.value)]
    finally:
        lib.free(ctypes.cast(array, ctypes.c_void_p))


def _info(found: _abi.clf_device_info) -> DeviceInfo:
    return DeviceInfo(
        name=text(found.name), platform=text(found.platform), device=text(found.device), driver=text(found.driver),
        type=text(found.type), family=text(found.family), units=found.units, clock_mhz=found.clock_mhz, memory=found.memory,
        max_alloc=found.max_alloc, passes=None if found.passes < 0 else bool(found.passes), chosen=bool(found.chosen),
        why=text(found.why),
    )  # fmt: skip


class Device:
    """An open device, which is closed when nothing refers to it."""

    def __init__(self, name: str) -> None:
        handle = ctypes.c_void_p()
        check(lib.clf_open(c_text(name, "the device"), ctypes.byref(handle)))
        self.asked, self.handle, self.pid = name, handle, os.getpid()
        self._lock = threading.RLock()
        self._depth = 0  # running calls: a callback may start another one
        self._unused: list[ctypes.c_void_p] = []

    @property
    def name(self) -> str:
        """The device that was opened, such as "opencl:0 NVIDIA H200 (clblast)"."""
        return text(lib.clf_device_name(self.handle))

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Holds the device for one thread, in the process that opened it."""
        if os.getpid() != self.pid:
            raise DeviceError(
                f"this flow was made in process {self.pid} and cannot be used in its child {os.getpid()}; start processes by "
                "multiprocessing's 'spawn' method, or load the flow in the child"
            )
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                self._free_unused()

    def free(self, flow: ctypes.c_void_p) -> None:
        """Frees a flow now, or after the call that is using the device."""
        if os.getpid() != self.pid:  # it belongs to the parent
            return
        self._unused.append(flow)
        if self._lock.acquire(blocking=False):
            try:
                self._free_unused()
            finally:
                self._lock.release()

    def _free_unused(self) -> None:
        while self._unused and not self._depth:
            lib.clf_flow_free(self._unused.pop())

    def __del__(self) -> None:
        if getattr(self, "handle", None) and os.getpid() == self.pid:
            self._free_unused()
            lib.clf_close(self.handle)


_shared: weakref.WeakValueDictionary[tuple[str, int], Device] = weakref.WeakValueDictionary()
_opening = threading.Lock()
_default: str | None = None


def default_name() -> str:
    """$CLFLOW_DEVICE if it is set; otherwise "auto" if there is a GPU or an accelerator, else "cpu"."""
    global _default
    if chosen := os.environ.get("CLFLOW_DEVICE"):
        return chosen
    if _default is None:
        _default = "auto" if any(each.type != "cpu" for each in devices()) else "cpu"
    return _default


def open_device(name: str | None = None) -> Device:
    """Opens a device.  Each flow on the processor has one of its own, so that threads do not wait for each other;
    flows on other devices share one."""
    if name is not None and not isinstance(name, str):
        raise ArgumentError(f"device is the name of a device, as 'cpu' or 'opencl:0', not {type(name).__name__}")
    name = name or default_name()
    if name.split("/")[0] in ("cpu", "cpu64"):
        return Device(name)
    with _opening:
        key = (name, os.getpid())
        device = _shared.get(key)
        if device is None:
            device = _shared[key] = Device(name)
        return device
