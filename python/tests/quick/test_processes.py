# SPDX-License-Identifier: MIT
"""Threads, forks, interrupts, leaks, and the program."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import clflow
import numpy as np
import pytest
from conftest import banana


def test_threads_on_one_flow_and_on_several(fitted, rows):
    expected = fitted.log_prob(rows)
    others = [pickle.loads(pickle.dumps(fitted)) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: (fitted, *others)[i % 3].log_prob(rows), range(24)))
    assert all((each == expected).all() for each in found)


def test_flows_made_and_dropped_by_threads(rows):
    def work(seed):
        flow = clflow.Flow("nvp", hidden=4, depth=1, seed=seed)
        flow.fit(rows[:200], steps=5, progress=False)
        return flow.log_prob(rows[:10])

    with ThreadPoolExecutor(4) as pool:
        for found, again in zip(pool.map(work, range(8)), pool.map(work, range(8))):
            np.testing.assert_array_equal(found, again)


def test_a_callback_may_use_the_flow_and_stop(rows):
    flow = clflow.Flow("nvp", hidden=4, depth=1)
    seen = []
    history = flow.fit(rows, steps=100000, callback=lambda p: (seen.append(flow.log_prob(rows[:5])), p.step >= 200)[1], progress=False)
    assert history.interrupted and 200 <= history.steps < 100000
    assert np.isfinite(seen[0]).all()


def test_a_flow_that_its_callback_closes(rows):
    flow, other = clflow.Flow("nvp", hidden=4, depth=1), clflow.Flow("nvp", dim=2)

    def close(progress):
        flow.close()
        other.log_prob(rows[:3])
        return progress.step > 50

    assert flow.fit(rows, steps=10**6, callback=close, progress=False).steps > 50
    with pytest.raises(clflow.ArgumentError, match="this flow is closed"):
        flow.log_prob(rows)


def test_an_exception_of_a_callback_is_raised(rows):
    def fail(_progress):
        raise LookupError("mine")

    flow = clflow.Flow("nvp", hidden=4, depth=1)
    with pytest.raises(LookupError, match="mine"):
        flow.fit(rows, steps=1000, callback=fail, progress=False)
    assert np.isfinite(flow.log_prob(rows)).all()
    with pytest.raises(LookupError, match="mine"):
        clflow.fit(rows, seconds=5, callback=fail, progress=False)


class InterruptOnce:
    """A callback that presses Ctrl-C when something is true of a report."""

    def __init__(self, when):
        self.when, self.done = when, False

    def __call__(self, progress):
        if self.when(progress) and not self.done:
            self.done = True
            os.kill(os.getpid(), signal.SIGINT)


def test_interrupt_keeps_the_best_weights(rows):
    flow = clflow.Flow("nvp", hidden=4, depth=1)
    interrupt = InterruptOnce(lambda p: p.step >= 100)
    with pytest.warns(UserWarning, match="training was interrupted after [0-9]+ steps; the flow has the best weights so far"):
        history = flow.fit(rows, steps=10_000_000, callback=interrupt, progress=False)
    assert history.interrupted and 100 <= history.steps < 10_000_000
    assert flow.log_prob(rows).mean() > -6
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupt_of_a_search_gives_the_best_model(rows):
    with pytest.warns(UserWarning, match="the fit was interrupted; the model is the best so far"):
        flow = clflow.fit(rows, seconds=60, callback=InterruptOnce(lambda p: p.best), progress=False)
    assert flow.record["stopped"] is True
    assert np.isfinite(flow.log_prob(rows)).all()


def test_a_callback_that_stops_before_anything_is_fitted(rows):
    with pytest.raises(clflow.ArgumentError, match="the callback ended the fit before any candidate was fitted"):
        clflow.fit(rows, seconds=60, callback=lambda p: True, progress=False)


def test_interrupt_before_anything_is_fitted(rows):
    with pytest.raises(KeyboardInterrupt):
        clflow.fit(rows, seconds=60, callback=InterruptOnce(lambda p: not p.best), progress=False)


def _in_child(flow, queue):
    try:
        flow.log_prob(np.zeros((1, 2)))
        queue.put("worked")
    except clflow.DeviceError as problem:
        del flow
        gc.collect()
        queue.put(str(problem))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_flow_of_the_parent_is_refused_in_a_forked_child(fitted, rows):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(fitted, queue))
    child.start()
    assert f"this flow was made in process {os.getpid()} and cannot be used in its child" in queue.get(timeout=30)
    child.join()
    assert child.exitcode == 0
    assert np.isfinite(fitted.log_prob(rows)).all()


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_leaks(fitted, rows):
    def cycle():
        flow = pickle.loads(pickle.dumps(fitted))
        flow.log_prob(rows)
        flow.sample(100, seed=1)
        flow.fit(rows[:200], steps=3, progress=False)
        with pytest.raises(clflow.ArgumentError):
            flow.log_prob(np.zeros((1, 5)))

    for _ in range(20):
        cycle()
    gc.collect()
    before = resident()
    for _ in range(60):
        cycle()
    gc.collect()
    assert resident() - before < 4 << 20, f"{(resident() - before) / 60:.0f} bytes a cycle"


def test_import_writes_nothing_and_is_quick():
    done = subprocess.run([sys.executable, "-c", "import clflow"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bar_in_a_terminal():
    script = (
        "import numpy as np, clflow; x = np.random.default_rng(0).normal(size=(500, 2));"
        "clflow.Flow('nvp', hidden=4, depth=1).fit(x, steps=50, progress=True)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env={**os.environ, "COLUMNS": "100"})
    shown = done.stderr.decode()
    last = shown.rstrip("\n").split("\r")[-1]
    assert last.startswith("100% |========================| step 50/50, log p -") and shown.endswith("\n")
    assert all(len(line) < 100 for line in shown.split("\r"))
    assert done.stdout == b""
