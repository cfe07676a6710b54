# SPDX-License-Identifier: MIT
"""Progress: a line that is rewritten in terminals and notebooks, and stopping by Ctrl-C."""

from __future__ import annotations

import math
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, TextIO

__all__ = ["Bar", "Interrupt", "bar_of", "clock"]


def clock(seconds: float) -> str:
    """Seconds as text: "12 s", "3:05", "1:02:03"."""
    if not math.isfinite(seconds):
        return "?"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which shows a rewritten line as a terminal does."""
    shell = sys.modules.get("IPython")
    found: Any = shell.get_ipython() if shell else None
    return type(found).__name__ == "ZMQInteractiveShell"


class Bar:
    """A line with a bar and words, rewritten in place; without output it does nothing."""

    width = 24
    pause = 0.1  # seconds from one change to the next

    def __init__(self, output: TextIO | None) -> None:
        self._output, self._length, self._shown = output, 0, -math.inf

    def show(self, share: float, words: str) -> None:
        now = time.monotonic()
        if self._output is None or (share < 1 and now - self._shown < self.pause):
            return
        self._shown = now
        share = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
        filled = int(share * self.width)
        self._write(f"{share:4.0%} |{'=' * filled}{' ' * (self.width - filled)}| {words}")

    def note(self, sentence: str) -> None:
        """Prints a sentence above the bar."""
        if self._output is not None:
            self._output.write("\r" + sentence + " " * (self._length - len(sentence)) + "\n")
            self._length = 0

    def end(self) -> None:
        if self._output is not None and self._length:
            self._output.write("\n")
            self._output.flush()
            self._length = 0

    def _write(self, line: str) -> None:
        assert self._output is not None
        line = line[: max(shutil.get_terminal_size((120, 24)).columns - 1, 20)]  # a longer line could not be rewritten
        self._output.write("\r" + line + " " * (self._length - len(line)))
        self._output.flush()
        self._length = len(line)


def bar_of(progress: bool | None) -> Bar:
    """The bar for `progress`: None shows it in terminals and notebooks only."""
    notebook = in_notebook()
    if progress is None:
        progress = notebook or bool(getattr(sys.stderr, "isatty", bool)())
    return Bar((sys.stdout if notebook else sys.stderr) if progress else None)


class Interrupt:
    """Inside this context, Ctrl-C sets `asked` and raises nothing, so that a training ends after a step.

    An exception that Python raises inside a callback from C would be lost.  It changes neither handlers other than
    Python's own, nor threads other than the main one.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Callable[[int, FrameType | None], Any] | None = None

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = True

    def __enter__(self) -> Interrupt:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.default_int_handler
            signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
