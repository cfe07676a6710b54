# SPDX-License-Identifier: MIT
"""Flows: invertible maps f from data x to latent z with log p(x) = log p_base(f(x)) + log |det df/dx|."""

from __future__ import annotations

import ctypes
import importlib.util
import io
import json
import logging
import operator
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _abi
from ._arrays import Array, Rows, bytes_of, context_of, is_single, names_of, pointer, rows_of, weights_of
from ._device import Device, open_device
from ._errors import ArgumentError, Error, OutOfMemoryError
from ._frames import Columns, decoded, set_context_table
from ._images import ORDERS, Form, Images, order_of_name, shape_of_images
from ._lib import check, lib, text
from ._options import set_options, whole
from ._progress import bar_of
from ._strings import c_path, c_text
from ._team import Team, names_of_devices
from ._train import Callback, History, ImageData, TrainData, history_of, train, training_options

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._train_options import TrainOptions

__all__ = ["Flow", "presets"]

_log = logging.getLogger("clflow")
_CHUNK = 1 << 16  # rows of a call, so that Ctrl-C is noticed between calls


def presets() -> dict[str, str]:
    """The preset architectures: the name and a description of each."""
    found = (lib.clf_preset_at(i).contents for i in range(lib.clf_preset_count()))
    return {text(each.name): text(each.text) for each in found}


def _whole(value: Any, name: str) -> int:
    """A whole number, of Python or numpy."""
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentError(f"{name} is {value!r}; a whole number is wanted") from None


def _seed_of(seed: int | None) -> int:
    """A seed of 64 bits; drawn by the operating system where none is given."""
    if seed is None:
        return secrets.randbits(63)
    if not 0 <= _whole(seed, "seed") < 1 << 64:
        raise ArgumentError(f"seed is {seed}; it must be from 0 to 2^64 - 1")
    return _whole(seed, "seed")


class Flow:
    """A normalizing flow on a device.

    ``Flow("nsf", dim=6, hidden=64)`` makes a preset, ``Flow("2: (coupling(rq), lu)*4 -> normal")`` any architecture;
    ``clflow.presets()`` and docs/architecture.md list all of them.  A preset without `dim` takes it from the data of fit().

    Args:
        arch: the name of a preset, or an architecture as text.
        dim: columns of the data, D; for presets.
        context: columns of the context, C; for presets.  0: none.
        seed: of masks, permutations and initial weights.
        device: "cpu", "cpu64" (double precision), "opencl", "opencl:N" and others (``clflow.devices()``).  None: $CLFLOW_DEVICE
            if it is set; otherwise the best GPU or accelerator, or "cpu" if there is none.
        values: other values of the preset, such as ``hidden=64, depth=8``.

    Flows are pickled and copied with their weights.  Several threads may use one flow; they wait for each other.

    Raises:
        ArgumentError: the architecture is invalid; the message names the character and what was expected there.
    """

    def __init__(
        self, arch: str = "nsf", dim: int | None = None, *, context: int = 0, seed: int = 1, device: str | None = None, **values: Any
    ) -> None:
        if not isinstance(arch, str):
            raise ArgumentError(f"arch is {type(arch).__name__}; the name of a preset or an architecture as text is wanted")
        self._handle: ctypes.c_void_p | None = None
        self._arch, self._seed, self._values, self._context = arch, _seed_of(seed), values, _whole(context, "context")
        self._preset: Any = None
        self._device = open_device(device)
        if ":" in arch:
            if dim is not None or values or context:
                raise ArgumentError("the text of an architecture says everything; leave out dim, context and values")
            self._create(dim)
        else:
            found = ctypes.POINTER(_abi.clf_preset)()
            check(lib.clf_preset_find(c_text(arch, "arch"), ctypes.byref(found)))
            self._preset = found
            if dim is not None or "height" in values:
                self._create(dim)

    # ---- Making and freeing -----------------------------------------------------------------------

    def _create(self, dim: int | None) -> None:
        arch, handle = ctypes.c_void_p(), ctypes.c_void_p()
        if self._preset is None:
            check(lib.clf_arch_parse(c_text(self._arch, "arch"), ctypes.byref(arch)))
        else:
            values = dict(self._values) if dim is None else {"dim": _whole(dim, "dim"), **self._values}
            if self._context:
                values["context"] = self._context
            words = ", ".join(f"{name}={value}" for name, value in values.items())
            check(lib.clf_preset_arch(self._preset, c_text(words, "the values"), ctypes.byref(arch)))
        try:
            with self._device.use():
                check(lib.clf_flow_create_arch(self._device.handle, arch, self._seed, ctypes.byref(handle)))
        finally:
            lib.clf_arch_free(arch)
        self._handle = handle

    @classmethod
    def _adopt(cls, handle: ctypes.c_void_p, device: Device) -> Flow:
        """Wraps a flow that the C library created."""
        flow = cls.__new__(cls)
        flow._handle, flow._device, flow._preset = handle, device, None
        flow._arch, flow._seed, flow._values, flow._context = "", 0, {}, 0
        return flow

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            self._handle = None
            self._device.free(handle)

    def close(self) -> None:
        """Frees the weights now.  The flow cannot be used any more."""
        self.__del__()
        self._arch = ""
        self._preset = None

    @property
    def _flow(self) -> ctypes.c_void_p:
        if self._handle is None and self._preset is not None:
            raise ArgumentError(f"the flow {self._arch!r} has no dimension yet; pass dim=, or call fit() first")
        if self._handle is None:
            raise ArgumentError("this flow is closed")
        return self._handle

    # ---- What it is -------------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """Columns of the data, D."""
        return int(lib.clf_flow_get_spec(self._flow).contents.dim)

    @property
    def context_dim(self) -> int:
        """Columns of the context, C; 0: none."""
        return int(lib.clf_flow_context(self._flow))

    @property
    def scales(self) -> int:
        """Scales of a realnvp flow of images; 0 for others."""
        return int(lib.clf_flow_get_spec(self._flow).contents.scales)

    @property
    def standardize(self) -> bool:
        """Whether fit() scales the columns first: of affine couplings whose text does not, before their first training."""
        kinds = self._preset is not None and self._arch in ("nvp", "nice")
        return kinds and not lib.clf_flow_is_scaled(self._flow)

    @property
    def order(self) -> str | None:
        """The order of arrays of images: "NCHW" for (n, C, H, W), as in torch, "NHWC" for (n, H, W, C), or None.

        Methods take both orders: the shape of an array says which it has, and their results for it have the same.  `order`
        decides where the shape fits both, as (n, 3, 3, 3) does (None: NHWC), and says what sample() returns (None: rows
        (n, D), with the channel as the fastest index).  It is saved with the flow; flows of from_torch() have "NCHW".

        Raises:
            ArgumentError: set for a flow of rows, or to another value.
        """
        return ORDERS[lib.clf_flow_image_order(self._flow)]

    @order.setter
    def order(self, order: str | None) -> None:
        check(lib.clf_flow_set_image_order(self._flow, order_of_name(order)))

    @property
    def _images(self) -> Images | None:
        spec = lib.clf_flow_get_spec(self._flow).contents
        return Images(spec.height, spec.width, spec.channels, lib.clf_flow_image_order(self._flow)) if spec.height else None

    @property
    def device(self) -> str:
        """The device that computes."""
        return self._device.name

    @property
    def architecture(self) -> str:
        """The architecture as text."""
        arch = lib.clf_flow_arch(self._flow)
        if arch:
            return text(lib.clf_arch_text(arch))
        made = ctypes.c_void_p()
        check(lib.clf_arch_of_spec(lib.clf_flow_get_spec(self._flow), ctypes.byref(made)))
        try:
            return text(lib.clf_arch_text(made))
        finally:
            lib.clf_arch_free(made)

    @property
    def weight_count(self) -> int:
        """Trainable numbers."""
        return int(lib.clf_flow_weight_count(self._flow))

    @property
    def columns(self) -> list[str] | None:
        """Names of the D columns, from the training data; None if they had no names."""
        return names_of(lib.clf_flow_columns(self._flow), self.dim)

    @property
    def context_columns(self) -> list[str] | None:
        """Names of the C columns of the context; None if they had no names."""
        return names_of(lib.clf_flow_context_columns(self._flow), self.context_dim)

    @property
    def _kinds(self) -> Columns | None:
        """Descriptions of the data's columns; None if all are numbers."""
        found = lib.clf_flow_kinds(self._flow)
        return Columns(self.columns, found, self.dim) if found else None

    @property
    def _like(self) -> Columns:
        """The columns that a data frame must have."""
        return self._kinds or Columns.of_numbers(self.columns, self.dim)

    @property
    def _context_kinds(self) -> Columns | None:
        """The columns of the context before one-hot encoding; None if all are numbers."""
        table = lib.clf_flow_context_table(self._flow)
        if not table:
            return None
        return Columns(names_of(table.contents.names, table.contents.count), table.contents.at, table.contents.count)

    @property
    def _context_like(self) -> Columns:
        """The columns that a context must have: labels have no meaning for a flow that learned from numbers."""
        return self._context_kinds or Columns.of_numbers(self.context_columns, self.context_dim)

    @property
    def history(self) -> History:
        """The history of the training."""
        return history_of(self._flow)

    @property
    def record(self) -> dict[str, Any] | None:
        """The report of clflow.fit(): candidates, scores, rows (docs/fit.md); None for other flows."""
        found = lib.clf_flow_record(self._flow)
        return json.loads(found) if found else None

    def state_dict(self) -> dict[str, npt.NDArray[np.float64]]:
        """Copies of all parameters in float64, under the names that they have in model files."""
        found = {}
        with self._device.use():
            for i in range(lib.clf_flow_param_count(self._flow)):
                param = lib.clf_flow_param(self._flow, i)
                values = np.empty(tuple(param.at.dim[: param.rank]), np.float64)
                check(lib.clf_read64(self._device.handle, param.at, pointer(values)))
                found[text(param.name)] = values
        return found

    def __repr__(self) -> str:
        if self._handle is None:
            return f"Flow({self._arch!r}, without a dimension yet)" if self._preset is not None else "Flow(closed)"
        return f"Flow({self.architecture!r}, device={self._device.asked!r})"

    # ---- Training ---------------------------------------------------------------------------------

    def fit(
        self, x: Any, *, context: Any = None, weights: Any = None, valid: Any = None, callback: Callback | None = None,
        devices: Sequence[str] | str | None = None, progress: bool | None = None, **options: Unpack[TrainOptions],
    ) -> History:  # fmt: skip
        """Trains the flow by maximum likelihood, starting from its current weights.

        Afterwards the flow has the weights with the best validation log-likelihood.  By default a tenth of x is set aside
        for validation, every 50 steps.  Ctrl-C ends the training after a step, with a warning; the flow has the best
        weights so far.

        Args:
            x: (n, D) rows, in the data's own units: an array, a data frame, a tensor on the processor, nested lists.  Columns of
                data frames and structured arrays may hold labels, booleans, dates and times (docs/tables.md).  For flows of
                images also (n, H, W, C) or (n, C, H, W); bytes (uint8) become continuous by noise below 1, new in each epoch.
            context: (n, C) the context of each row, for flows that take one; labels become a column each.  A list or an array
                (n) of texts is one column of labels, "class".
            weights: (n) the weight of each row, 0 or above; only ratios matter.
            valid: rows for validation instead of a tenth of x: an array (v, D), or a tuple of rows, their context (or None)
                and their weights (or none).
            callback: called with a Progress a few times a second; a true result ends the training.  An exception ends it too
                and is raised.
            devices: names of devices that train together, of which the first is the flow's own, as ["opencl:0", "opencl:1"].
                The result has the bits that one device has with the same option `grains` (by default 2 for 2 devices, 8 for 3, 4 for 4).
            progress: show a bar; None: in terminals and notebooks.
            options: training options by name, such as ``steps=4000, batch=256, lr=2e-3, seed=1``; clflow.train_options() lists
                them with their defaults.

        Returns:
            The history: log-likelihoods in nats a row, losses, notes.

        Raises:
            ArgumentError: shapes that do not fit, an option out of range, a value that is not finite.
            OutOfMemoryError, DeviceError: the device fails and recovery did not help.
        """
        new = self._handle is None and self._preset is not None
        if context is not None:
            known = not new and (self._context_kinds or self.history.steps)
            context = context_of(context, "context", None, self._context_like if known else None)
        if new:
            self._context = self._context or (0 if context is None else context.cols)
            self._create_for(x)
        pixels = bytes_of(x, "x", self._images)
        data: TrainData | ImageData
        if pixels is None:
            like = self._like if self._kinds or self.history.steps else None
            data = self._train_data(rows_of(x, "x", like=like, images=self._images), context, weights, valid)
        else:
            data = self._image_data(pixels, context, weights, valid)
        if not self.history.steps:
            self._describe(data)
        bar = bar_of(progress)
        with self._device.use():
            chosen = training_options(self._preset, self, len(data.x), valid is not None, options)
            team = None if devices is None else self._team(devices, data, chosen)
            return train(self._flow, data, chosen, bar, callback, team)

    def _create_for(self, x: Any) -> None:
        """Makes a preset for these data, which say its dimension, or the size of its images."""
        preset = self._preset.contents
        if preset.arch and b"${height}" not in preset.arch:
            self._create(rows_of(x, "x").cols)
            return
        shape = getattr(x, "shape", None) or np.shape(x)
        self._values = dict(zip(("height", "width", "channels"), shape_of_images(tuple(shape)))) | self._values
        self._create(None)

    def _team(self, devices: Sequence[str] | str, data: TrainData | ImageData, options: _abi.clf_train_options) -> Team | None:
        """The threads of the other devices; None for one device."""
        names = names_of_devices(devices, self._device.asked)
        if whole(options, "grains") == 0:
            set_options(options, {"grains": lib.clf_train_grains_for(len(names))})
        return Team(names, self.to_bytes(), data, options) if len(names) > 1 else None

    def _describe(self, data: TrainData | ImageData) -> None:
        """Before the first training: finds the grids of columns whose values repeat, and describes the context."""
        if data.context and data.context.source and not self._context_kinds:
            set_context_table(self._flow, data.context.source)
        if isinstance(data, ImageData) or not data.x.columns or lib.clf_flow_grid(self._flow):
            return
        table, grid = data.x.table(), (_abi.clf_column_grid * data.x.cols)()
        for d in range(data.x.cols):
            check(lib.clf_table_discrete(ctypes.byref(table), d, ctypes.byref(grid[d])))
        check(lib.clf_flow_set_grid(self._flow, grid))

    def _image_data(self, pixels: Array, context: Any, weights: Any, valid: Any) -> ImageData:
        """Bytes of images for training, with new noise in each epoch."""
        if weights is not None:
            raise ArgumentError("weights are for rows of numbers; images of bytes all count the same: leave weights out")
        given = self._given(context, len(pixels))
        if valid is None:
            return ImageData(pixels, given)
        parts = valid if isinstance(valid, tuple) else (valid,)
        held = bytes_of(parts[0], "valid", self._images)
        if held is None or len(parts) > 2:
            raise ArgumentError("valid is images of bytes, as x is, or a tuple of these and their context")
        held_given = None if len(parts) < 2 else context_of(parts[1], "the context of valid", None, given.source if given else None)
        return ImageData(pixels, given, held, self._given(held_given, len(held), "the context of valid"))

    def _train_data(self, rows: Rows, context: Any, weights: Any, valid: Any) -> TrainData:
        rows = self._checked(rows, "x")
        data = TrainData(rows, self._given(context, len(rows)), weights_of(weights, len(rows)))
        if valid is None:
            return data
        parts = valid if isinstance(valid, tuple) else (valid,)
        if not 1 <= len(parts) <= 3:
            raise ArgumentError(f"valid is a tuple of {len(parts)}; (rows, context, weights) is wanted, of which the last two may be missing")
        x, given, weighed = (*parts, None, None)[:3]
        held = self._checked(rows_of(x, "valid", like=rows.columns, images=self._images), "valid")
        if given is not None:
            given = context_of(given, "the context of valid", None, data.context.source if data.context else None)
        return TrainData(
            rows, data.context, data.weights, held, self._given(given, len(held), "the context of valid"),
            weights_of(weighed, len(held), "the weights of valid"),
        )  # fmt: skip

    def _checked(self, rows: Rows, what: str) -> Rows:
        """Rows in the order of the flow's columns."""
        rows = rows.in_order(self.columns, what)
        if rows.cols != self.dim:
            raise ArgumentError(f"{what} has {rows.cols} columns; the flow has {self.dim}")
        return rows

    def _given(self, context: Any, rows: int | None, what: str = "context") -> Rows | None:
        """The context of `rows` rows (None: any number) in the order of the flow's columns; None for a flow without a context."""
        count = self.context_dim
        if context is None:
            if count and not lib.clf_flow_observation(self._flow):
                raise ArgumentError(f"the flow takes a context of {count} numbers a row; pass {what}")
            return None
        if not count:
            raise ArgumentError("the flow takes no context; leave it out")
        given = context_of(context, what, count, self._context_like).in_order(self.context_columns, what)
        if given.cols != count:
            raise ArgumentError(f"{what} has {given.cols} columns; {count} are wanted")
        if rows is None:
            return given
        if len(given) == 1 and rows != 1:  # the same for all rows
            given = Rows(np.repeat(given.at, rows, axis=0), given.names)
        if len(given) != rows:
            raise ArgumentError(f"{what} has {len(given)} rows; {rows} are wanted, or one for all")
        return given

    # ---- Use --------------------------------------------------------------------------------------

    def _in_chunks(self, call: Callable[[int, int], int], rows: int) -> None:
        """Calls the library for rows begin .. begin + n - 1, chunk by chunk."""
        for begin in range(0, rows, _CHUNK):
            with self._device.use():
                lib.clf_flow_set_first_row(self._flow, begin)
                try:
                    check(call(begin, min(_CHUNK, rows - begin)))
                finally:
                    lib.clf_flow_set_first_row(self._flow, 0)

    def _inputs(self, x: Any, what: str, context: Any, single: bool = False) -> tuple[Array, Array | None, Form | None]:
        rows = rows_of(x, what, None, single, like=self._like if what == "x" else None, images=self._images)
        form = rows.form
        rows = self._checked(rows, what) if what == "x" else rows
        if rows.cols != self.dim:
            raise ArgumentError(f"{what} has {rows.cols} columns; the flow has {self.dim}")
        given = self._given(context, len(rows))
        return rows.at, None if given is None else given.at, form

    def log_prob(self, x: Any, context: Any = None) -> npt.NDArray[np.float64]:
        """log p(x), or log p(x given context), of each row.

        Args:
            x: (n, D), in the data's units; images of bytes (uint8) get the noise that `clflow log-prob` gives them.
            context: (n, C), or one row (C) for all, or labels (n), or one label; for flows that take one.

        Returns:
            (n), in nats; -inf where the density is zero.

        Raises:
            ArgumentError: wrong shape, or a number that is not finite; the message names row and column, counted from 1.
        """
        at, given, _ = self._inputs(x, "x", context, single=True)
        if at.dtype == np.float32:
            return self._log_prob_float(at, given)
        found = np.empty(len(at))

        def call(i: int, n: int) -> int:
            if given is None:
                return int(lib.clf_log_prob(self._flow, pointer(at[i:]), n, pointer(found[i:])))
            return int(lib.clf_log_prob_given(self._flow, pointer(at[i:]), pointer(given[i:]), n, pointer(found[i:])))

        self._in_chunks(call, len(at))
        return found

    def _log_prob_float(self, at: Array, given: Array | None) -> npt.NDArray[np.float64]:
        found = np.empty(len(at), np.float32)
        context = None if given is None else np.ascontiguousarray(given, np.float32)

        def call(i: int, n: int) -> int:
            c = None if context is None else pointer(context[i:])
            return int(lib.clf_log_prob_float(self._flow, pointer(at[i:]), c, n, pointer(found[i:])))

        self._in_chunks(call, len(at))
        return found.astype(np.float64)

    def _map(self, x: Any, what: str, context: Any, plain: Any, conditional: Any) -> tuple[Array, Array]:
        at, given, form = self._inputs(x, what, context)
        out, logdet = np.empty_like(at), np.empty(len(at))

        def call(i: int, n: int) -> int:
            ends = (n, pointer(out[i:]), pointer(logdet[i:]))
            if given is None:
                return int(plain(self._flow, pointer(at[i:]), *ends))
            return int(conditional(self._flow, pointer(at[i:]), pointer(given[i:]), *ends))

        self._in_chunks(call, len(at))
        return form.of(out) if form else out, logdet

    def transform(self, x: Any, context: Any = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Maps data to latents: z = f(x) (n, D), and log |det df/dx| (n) in nats."""
        return self._map(x, "x", context, lib.clf_transform, lib.clf_transform_given)

    def inverse(self, z: Any, context: Any = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Maps latents to data: x = f^-1(z) (n, D) in the data's units, and log |det df^-1/dz| (n) in nats."""
        return self._map(z, "z", context, lib.clf_invert, lib.clf_invert_given)

    def sample(self, n: int, context: Any = None, *, seed: int | None = None, first: int = 0, frame: bool | None = None) -> Any:
        """Draws samples.

        Args:
            n: how many; for each row of the context.
            context: one row (C), or (m, C), or one label, or m labels; for flows that take one.
            seed: the same seed gives the same samples; None: drawn by the operating system.
            first: index of the first sample in the stream of this seed; only without a context.
            frame: True: a data frame, with labels, booleans and dates as the training data had them; False: an array of
                numbers, with the codes of labels; None: a data frame if some column is not numeric.

        Returns:
            (n, D) in the data's units; (m, n, D) for a context of m rows.  A data frame of pandas has m n rows, and an index
            of (row of the context, sample); where pandas is not installed it is a structured array, (n) or (m, n).
        """
        found = self._sample(n, context, seed, first)
        kinds = self._kinds
        if frame is False or (frame is None and (kinds is None or kinds.are_numbers)):
            return self._images.of(found) if self._images else found
        return decoded(found, self._like, self.columns or [f"x{d}" for d in range(self.dim)])

    def _sample(self, n: int, context: Any, seed: int | None, first: int) -> npt.NDArray[np.float64]:
        n, first, seed = _whole(n, "n"), _whole(first, "first"), _seed_of(seed)
        if n < 0 or first < 0:
            raise ArgumentError(f"n is {n} and first {first}; both must be 0 or above")
        if n + first >= 1 << 63:
            raise ArgumentError(f"n is {n} and first {first}; together they must be below 2^63")
        if context is not None:
            return self._sample_given(n, context, seed)
        self._given(None, None)
        found = _room(n, self.dim)
        self._in_chunks(lambda i, count: int(lib.clf_sample(self._flow, seed, first + i, count, pointer(found[i:]))), n)
        return found

    def _sample_given(self, n: int, context: Any, seed: int) -> npt.NDArray[np.float64]:
        given = self._given(context, None)
        assert given is not None
        rows = len(given)
        found = _room(rows, n, self.dim)
        if found.size:
            with self._device.use():
                check(lib.clf_sample_given(self._flow, pointer(given.at), rows, seed, n, pointer(found)))
        return found[0] if is_single(context) else found

    def gradient(self, x: Any, context: Any = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """log p(x) (n) in nats, and its gradient with respect to x (n, D), in nats per unit of the data.

        Raises:
            ArgumentError: the density of a row is zero.
            UnsupportedError: names a layer that has no gradient.
        """
        at, given, form = self._inputs(x, "x", context)
        logp, dx = np.empty(len(at)), np.empty_like(at)

        def call(i: int, n: int) -> int:
            c = None if given is None else pointer(given[i:])
            return int(lib.clf_log_prob_gradient(self._flow, pointer(at[i:]), c, n, pointer(logp[i:]), pointer(dx[i:]), None))

        self._in_chunks(call, len(at))
        return logp, form.of(dx) if form else dx

    # ---- Files ------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a model file (safetensors), which the program `clflow` opens too.  The file is replaced atomically."""
        with self._device.use():
            check(lib.clf_flow_save(self._flow, c_path(path)))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str | None = None) -> Flow:
        """Opens a model file.

        Raises:
            FileError: it cannot be read.
            ArgumentError: it is not a model file, or is damaged.
        """
        opened, handle = open_device(device), ctypes.c_void_p()
        with opened.use():
            check(lib.clf_flow_load(opened.handle, c_path(path), None, ctypes.byref(handle)))
        return cls._adopt(handle, opened)

    @classmethod
    def from_torch(cls, module: Any, *, device: str | None = None, **hints: Any) -> Flow:
        """Converts a flow that was trained with nflows, glasflow, sbi, zuko, normflows or FrEIA (docs/import.md).

        Args:
            module: a module or a posterior of sbi; a state_dict; the bytes of a file of torch.save(); or its path.
            device: as Flow takes it.
            hints: settings that a state_dict does not contain, such as ``like="nflows", tail=3, act="tanh"``;
                ``strict=True`` refuses to assume a default.

        Returns:
            The flow.  Assumptions and omissions are logged to "clflow" at level INFO.

        Raises:
            UnsupportedError: names a part that is not supported, and what is.
            ArgumentError: the file is of another kind, or a hint is missing or invalid.
        """
        opened, handle, report = open_device(device), ctypes.c_void_p(), ctypes.c_void_p()
        words = c_text(", ".join(name if value is True else f"{name}={_hint(value)}" for name, value in hints.items()), "the hints")
        ends = (words, ctypes.byref(handle), ctypes.byref(report))
        with opened.use():
            if isinstance(module, (str, os.PathLike)):
                status = lib.clf_import(opened.handle, c_path(module), *ends)
            else:
                checkpoint = module if isinstance(module, bytes) else _checkpoint_of(module)
                status = lib.clf_import_memory(opened.handle, checkpoint, len(checkpoint), *ends)
            check(status)
        if report:
            for line in text(ctypes.string_at(report)).splitlines():
                _log.info("%s", line)
            lib.free(report)
        return cls._adopt(handle, opened)

    def to_torch(self) -> Any:
        """Converts the flow to a torch.nn.Module with the same density, for further training or other tools.

        Returns:
            The module, in the dtype of torch.get_default_dtype(): ``log_prob(x, c=None)``, ``transform``, ``inverse`` and
            ``sample(n, c=None)`` on tensors (n, D), differentiable.  It does not depend on clflow.

        Raises:
            UnsupportedError: names what the conversion does not support, such as flows of images.
        """
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "flow")
            with self._device.use():
                check(lib.clf_export_pytorch(self._flow, os.fsencode(name)))
            spec = importlib.util.spec_from_file_location("clflow_exported_flow", name + ".py")
            if spec is None or spec.loader is None:
                raise Error(f"{name}.py cannot be imported")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.Flow()

    def to_bytes(self) -> bytes:
        """The bytes of a model file."""
        at, size = ctypes.c_void_p(), ctypes.c_size_t()
        with self._device.use():
            check(lib.clf_flow_save_memory(self._flow, ctypes.byref(at), ctypes.byref(size)))
        try:
            return ctypes.string_at(at, size.value)
        finally:
            lib.free(at)

    @classmethod
    def from_bytes(cls, model: bytes, *, device: str | None = None) -> Flow:
        """Opens a model from the bytes of its file."""
        if not isinstance(model, bytes):
            raise ArgumentError(f"the model is {type(model).__name__}; the bytes of a file are wanted, as to_bytes() gives them")
        opened, handle = open_device(device), ctypes.c_void_p()
        with opened.use():
            check(lib.clf_flow_load_memory(opened.handle, model, len(model), None, ctypes.byref(handle)))
        return cls._adopt(handle, opened)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._handle is None and self._preset is not None:
            return _remade, (self._arch, self._context, self._seed, self._device.asked, self._values)
        return _revived, (self.to_bytes(), self._device.asked)


def _room(*shape: int) -> Array:
    try:
        return np.empty(shape)
    except (MemoryError, ValueError):  # ValueError: beyond what numpy can address
        raise OutOfMemoryError(f"no memory for samples of the shape {shape}; draw fewer at a time") from None


def _hint(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _checkpoint_of(module: Any) -> bytes:
    """The bytes that torch.save() writes for a module or a state_dict."""
    torch = sys.modules.get("torch")
    if torch is None:
        raise ArgumentError(f"from_torch() got {type(module).__name__}; a module or a state_dict of torch, bytes or a path is wanted")
    written = io.BytesIO()
    torch.save(module, written)
    return written.getvalue()


def _revived(model: bytes, device: str) -> Flow:
    """Unpickles a flow on its original device, or on the default one if no device has that name."""
    try:
        return Flow.from_bytes(model, device=device)
    except ArgumentError:
        raise
    except Error:
        return Flow.from_bytes(model)


def _remade(arch: str, context: int, seed: int, device: str, values: dict[str, Any]) -> Flow:
    return Flow(arch, context=context, seed=seed, device=device, **values)
