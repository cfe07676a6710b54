# SPDX-License-Identifier: MIT
"""clflow.fit(): finds the best density of a table within a time limit."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _abi
from ._arrays import Array, Rows, context_of, pointer, rows_of, weights_of
from ._device import open_device
from ._errors import ArgumentError
from ._frames import set_context_table
from ._lib import check, lib, text
from ._options import set_members
from ._progress import Bar, Interrupt, bar_of, clock
from ._strings import c_text
from .flow import Flow

__all__ = ["FitProgress", "fit"]


@dataclass(frozen=True)
class FitProgress:
    """The argument of a callback of clflow.fit(), which is called a few times a second.

    Attributes:
        name: the candidate that is being fitted.
        step, steps: steps done, and in all; steps 0: it is not trained in steps.
        seconds, budget: seconds since the fit began, and in all.
        best: the best candidate so far; "": none yet.
        best_valid, best_error: mean log p of its validation rows in nats a row, and the standard error.
        ended: a candidate that just ended, or "".
        note: a sentence about the data or the search, or "".
    """

    name: str
    step: int
    steps: int
    seconds: float
    budget: float
    best: str
    best_valid: float
    best_error: float
    ended: str
    note: str


class _Reporter:
    """Shows the reports of a fit, and decides when to stop."""

    def __init__(self, bar: Bar, callback: Callable[[FitProgress], Any] | None, interrupt: Interrupt) -> None:
        self.bar, self.callback, self.interrupt = bar, callback, interrupt
        self.problem: BaseException | None = None

    def __call__(self, progress: Any, _context: object) -> int:
        try:
            return int(self._take(progress.contents))
        except BaseException as problem:  # C cannot pass an exception on: it is raised after the fit
            self.problem = problem
            return 1

    def _take(self, p: _abi.clf_fit_progress) -> bool:
        name, best, ended, note = (text(each) for each in (p.name, p.best, p.ended, p.note))
        if note:
            self.bar.note(note)
        found = f"best: {best}, log p {p.best_valid:.4g} +- {p.best_error:.2g}" if best else "no candidate yet"
        left = clock(max(p.budget - p.seconds, 0.0))
        self.bar.show(p.seconds / p.budget, f"{name}; {found}; {left} left")
        stop = False
        if self.callback:
            report = FitProgress(name, p.step, p.steps, p.seconds, p.budget, best, p.best_valid, p.best_error, ended, note)
            stop = bool(self.callback(report))
        return stop or self.interrupt.asked


def _joined(x: Rows, valid: Any, test: Any) -> tuple[Rows, Array | None]:
    """Training, validation and test rows as one table, and the role of each row; None: roles are drawn."""
    others = [(each, part) for each, part in ((valid, _abi.CLF_ROW_VALID), (test, _abi.CLF_ROW_TEST)) if each is not None]
    if not others:
        return x, None
    tables = [x.at]
    parts = [np.full(len(x), _abi.CLF_ROW_TRAIN, np.uint8)]
    for rows, part in others:
        more = rows_of(rows, "valid" if part == _abi.CLF_ROW_VALID else "test", x.cols, like=x.columns).in_order(x.names, "valid or test")
        tables.append(more.at)
        parts.append(np.full(len(more), part, np.uint8))
    return Rows(np.concatenate(tables), x.names, x.columns), np.concatenate(parts)


def fit(
    x: Any, context: Any = None, *, weights: Any = None, valid: Any = None, test: Any = None, seconds: float = 60.0, seed: int = 1,
    quick: bool = False, refit: bool = False, name: str | None = None, device: str | None = None,
    callback: Callable[[FitProgress], Any] | None = None, progress: bool | None = None,
) -> Flow:  # fmt: skip
    """Finds the best density of a table within a time limit, among a Gaussian, mixtures and flows (docs/fit.md).

    A tenth of the rows is for validation, which chooses the model, and a tenth for testing, which no choice depends on:
    ``flow.record["result"]["test"]`` is the mean log p of the test rows, in nats a row.  Ctrl-C ends the search with a
    warning and returns the best model so far.

    Args:
        x: (n, D) rows in their own units: an array, a data frame, a tensor on the processor, nested lists.  Columns of data
            frames and structured arrays may hold labels, booleans, dates and times (docs/tables.md).
        context: (n, C) the context of each row, for a model of x given the context.  Labels become a column each.
        weights: (n) the weight of each row, 0 or above.
        valid, test: (v, D), (t, D) rows for validation and testing instead of tenths of x; only without context and weights.
        seconds: the time limit.
        seed: of the roles of rows, initial weights, order and noise.
        quick: fit only a Gaussian, mixtures and one flow.
        refit: train the chosen model again on all rows.
        name: the name of the data, for the record.
        device: as Flow takes it.
        callback: called with a FitProgress; a true result ends the search.
        progress: show a bar; None: in terminals and notebooks.

    Returns:
        The model.

    Raises:
        ArgumentError: too few rows, a constant column, a value that is not finite, an option out of range.
    """
    if (valid is not None or test is not None) and (context is not None or weights is not None):
        raise ArgumentError("valid and test go without context and weights; leave them out, and shares of x take their place")
    rows, parts = _joined(rows_of(x, "x"), valid, test)
    table = rows.table()
    data = _abi.clf_fit_data(x=ctypes.pointer(table), name=c_text(name, "the name") if name else None)
    given = None if context is None else context_of(context, "context", None)
    given_table = None if given is None else given.table()
    weighed = weights_of(weights, len(rows))
    data.weights, data.part = pointer(weighed), pointer(parts)
    if given_table is not None:
        data.given = ctypes.pointer(given_table)
    options = lib.clf_fit_options_default()
    set_members(lib.clf_fit_options_set, options, {"seconds": seconds, "seed": seed, "quick": quick, "refit": refit})
    opened, handle, bar = open_device(device), ctypes.c_void_p(), bar_of(progress)
    with opened.use(), Interrupt() as interrupt:
        reporter = _Reporter(bar, callback, interrupt)
        report = _abi.clf_fit_progress_fn(reporter)
        status = lib.clf_fit(opened.handle, ctypes.byref(data), ctypes.byref(options), report, None, ctypes.byref(handle))
        bar.end()
        if status != _abi.CLF_ESTOPPED and reporter.problem is None:
            check(status)
    flow = Flow._adopt(handle, opened) if handle else None
    if flow and given is not None and given.source:
        set_context_table(flow._flow, given.source)
    if reporter.problem is not None:
        raise reporter.problem
    if flow is None and interrupt.asked:
        raise KeyboardInterrupt
    if flow is None:
        raise ArgumentError("the callback ended the fit before any candidate was fitted; let it go on until progress.best is set")
    if interrupt.asked:
        warnings.warn("the fit was interrupted; the model is the best so far", stacklevel=2)
    return flow
