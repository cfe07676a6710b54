# SPDX-License-Identifier: MIT
"""Training of a flow: options, reports and history."""

from __future__ import annotations

import ctypes
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _abi
from ._arrays import Array, Rows, pointer
from ._errors import ArgumentError
from ._images import ImageFile
from ._lib import check, lib, text
from ._options import set_options, whole
from ._progress import Bar, Interrupt, clock
from ._team import Team

__all__ = ["Callback", "History", "Progress", "TrainData", "train", "training_options"]


@dataclass(frozen=True)
class Progress:
    """The argument of a callback of Flow.fit(), which is called a few times a second and after each round.

    A round is an epoch, or `valid_every` steps.

    Attributes:
        epoch, epochs: the current epoch or the one that just ended, from 1; in all.
        step, steps: steps done; in all.
        round_done: whether this report ends a round.
        losses: (count), float32: -mean log p of each step since the last report, in nats.
        train: mean log p over this round so far, in nats a row.
        valid: mean log p of the validation rows after this round, in nats a row; NaN: none or not yet.
        best: whether `valid` is the best so far.
        lr: step size of the last step.
        grad_norm: norm of the last step's gradient before clipping; NaN where it is not computed.
        rate: rows a second.
        seconds, left: seconds spent; estimate of those left.
        notes: sentences on skipped steps, on failures of the device, and on the reason for the end.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    round_done: bool
    losses: Array
    train: float
    valid: float
    best: bool
    lr: float
    grad_norm: float
    rate: float
    seconds: float
    left: float
    notes: tuple[str, ...]


Callback = Callable[[Progress], Any]


@dataclass
class History:
    """The history of a flow's training.

    Attributes:
        epochs, steps: done in all calls of fit() together.
        train: mean log p of the training rows during the last round, in nats a row.
        valid: mean log p of the validation rows under these weights, in nats a row; NaN: none.
        best_step: the step after which the weights were these; 0: they are the last ones.
        averaged: whether they are an average over steps (option `ema`).
        interrupted: whether Ctrl-C or the callback ended the training.
        losses: (steps), float32: -mean log p of each step of this call, in nats.
        curve: (rounds, 3), float64: step, train and valid after each round of this call.
        notes: sentences on what happened.
    """

    epochs: int
    steps: int
    train: float
    valid: float
    best_step: int
    averaged: bool
    interrupted: bool = False
    losses: Array = field(default_factory=lambda: np.empty(0, np.float32), repr=False)
    curve: Array = field(default_factory=lambda: np.empty((0, 3)), repr=False)
    notes: list[str] = field(default_factory=list)


def history_of(flow: ctypes.c_void_p) -> History:
    """The history that the library keeps with a flow."""
    h = lib.clf_flow_history(flow)
    return History(h.epochs, h.steps, h.train, h.valid, h.best_step, bool(h.averaged))


@dataclass
class TrainData:
    """Rows for training and for validation."""

    x: Rows
    context: Rows | None = None
    weights: Array | None = None
    valid: Rows | None = None
    valid_context: Rows | None = None
    valid_weights: Array | None = None

    def __post_init__(self) -> None:
        self._tables = [None if rows is None else rows.table() for rows in (self.x, self.context, self.valid, self.valid_context)]

    def create(self, flow: ctypes.c_void_p, options: _abi.clf_train_options, trainer: ctypes.c_void_p) -> int:
        """Makes a trainer for these rows; returns the status."""
        return int(lib.clf_trainer_create_with(flow, ctypes.byref(self.of_library()), ctypes.byref(options), ctypes.byref(trainer)))

    def of_library(self) -> _abi.clf_train_data:
        x, given, valid, valid_given = (None if table is None else ctypes.pointer(table) for table in self._tables)
        return _abi.clf_train_data(x, given, pointer(self.weights), valid, valid_given, pointer(self.valid_weights))


@dataclass
class ImageData:
    """Bytes of images for training and for validation, each (n, H, W, C), with their contexts."""

    x: Array
    context: Rows | None = None
    valid: Array | None = None
    valid_context: Rows | None = None

    def __post_init__(self) -> None:
        self._tables = [None if rows is None else rows.table() for rows in (self.context, self.valid_context)]
        self._images = [ImageFile(each) for each in (self.x, self.valid) if each is not None]

    def create(self, flow: ctypes.c_void_p, options: _abi.clf_train_options, trainer: ctypes.c_void_p) -> int:
        """Makes a trainer for these images; returns the status."""
        data = _abi.clf_image_data(images=self._images[0].handle)
        data.given, data.valid_given = (None if table is None else ctypes.pointer(table) for table in self._tables)
        if self.valid is not None:
            data.valid = self._images[1].handle
        return int(lib.clf_trainer_create_images_with(flow, ctypes.byref(data), ctypes.byref(options), ctypes.byref(trainer)))

    def close(self) -> None:
        for each in self._images:
            each.close()
        self._images = []


# ---- Options -------------------------------------------------------------------------------------


def training_options(preset: Any, flow: Any, rows: int, own_valid: bool, given: Mapping[str, Any]) -> _abi.clf_train_options:
    """The options of a training: the defaults of tables or images, then the preset's, then those given.

    As in `clflow train`: a tenth of the rows is for validation if there are enough, a warm-up takes at most a tenth of the
    steps, and epochs replace steps.
    """
    if given.get("epochs") is not None and given.get("steps") is not None:
        raise ArgumentError("epochs and steps exclude each other: both say how long to train")
    options: _abi.clf_train_options = lib.clf_train_options_images() if flow.scales else lib.clf_train_options_tables()
    if own_valid or round(options.valid_split * rows) < 1:
        options.valid_split = 0.0
    options.standardize = int(flow.standardize)
    if given.get("epochs") is not None:
        set_options(options, {"steps": 0, "valid_every": 0})
    if preset is not None:
        check(lib.clf_preset_options(preset, ctypes.byref(options)))
    options.seed = 1
    set_options(options, given)
    if given.get("warmup") is None:
        steps = whole(options, "steps") or options.epochs * -(-rows // options.batch)
        set_options(options, {"warmup": min(whole(options, "warmup"), steps // 10)})
    return options


# ---- Reports -------------------------------------------------------------------------------------


def _sentences(p: _abi.clf_progress) -> tuple[str, ...]:
    return tuple(text(each) for each in (p.dropped, p.stored, p.unbounded, p.recovered, p.ended) if each)


def _progress_of(p: _abi.clf_progress) -> Progress:
    losses = np.ctypeslib.as_array(ctypes.cast(p.losses, ctypes.POINTER(ctypes.c_float)), (p.count,)).copy() if p.count else np.empty(0, np.float32)
    return Progress(
        p.epoch, p.epochs, p.step, p.steps, bool(p.epoch_done), losses, p.train, p.valid, bool(p.best), p.lr, p.grad_norm, p.rate,
        p.seconds, p.left, _sentences(p),
    )  # fmt: skip


class _Reporter:
    """Collects the reports of a training, shows them, and decides when to stop."""

    def __init__(self, bar: Bar, callback: Callback | None, interrupt: Interrupt) -> None:
        self.bar, self.callback, self.interrupt = bar, callback, interrupt
        self.problem: BaseException | None = None
        self.losses: list[Array] = []
        self.curve: list[tuple[int, float, float]] = []
        self.notes: list[str] = []

    def __call__(self, progress: Any, _context: object) -> int:
        try:
            return int(self._take(_progress_of(progress.contents)))
        except BaseException as problem:  # C cannot pass an exception on: it is raised after the training
            self.problem = problem
            return 1

    def _take(self, p: Progress) -> bool:
        self.losses.append(p.losses)
        if p.round_done:
            self.curve.append((p.step, p.train, p.valid))
        for note in p.notes:
            self.notes.append(note)
            self.bar.note(note)
        best = f", valid {p.valid:.4g}" if math.isfinite(p.valid) else ""
        self.bar.show(p.step / max(p.steps, 1), f"step {p.step}/{p.steps}, log p {p.train:.4g}{best}, {clock(p.left)} left")
        stop = bool(self.callback(p)) if self.callback else False
        return stop or self.interrupt.asked

    def finish(self, history: History, stopped: bool) -> History:
        history.interrupted = stopped
        history.losses = np.concatenate(self.losses) if self.losses else history.losses
        history.curve = np.array(self.curve, np.float64).reshape(-1, 3)
        history.notes = self.notes
        return history


def train(
    flow: ctypes.c_void_p, data: TrainData | ImageData, options: _abi.clf_train_options, bar: Bar, callback: Callback | None, team: Team | None
) -> History:
    """Trains a flow, which then has the best weights."""
    trainer = ctypes.c_void_p()
    try:
        check(data.create(flow, options, trainer))
        if team:
            team.join(trainer)
        with Interrupt() as interrupt:
            reporter = _Reporter(bar, callback, interrupt)
            status = lib.clf_trainer_run(trainer, _abi.clf_progress_fn(reporter), None)
        bar.end()
        if reporter.problem is not None:
            raise reporter.problem
        stopped = status == _abi.CLF_ESTOPPED
        if not stopped:
            check(status)
    finally:
        lib.clf_trainer_free(trainer)
        if team:
            team.close()
        if isinstance(data, ImageData):
            data.close()
    history = reporter.finish(history_of(flow), stopped)
    if interrupt.asked:
        warnings.warn(f"training was interrupted after {history.steps} steps; the flow has the best weights so far", stacklevel=4)
    return history
