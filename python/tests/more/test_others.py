# SPDX-License-Identifier: MIT
"""torch and pandas with clflow in one process."""

from __future__ import annotations

import subprocess
import sys

import clflow
import numpy as np
import pandas
import pytest
import torch
from clflow._arrays import rows_of


@pytest.mark.parametrize("order", ["import torch, clflow", "import clflow, torch"])
def test_both_in_one_process(order):
    script = f"""{order}
import numpy as np, threading
x = np.random.default_rng(0).normal(size=(4000, 3))
def ours():
    flow = clflow.Flow("nsf", hidden=16, depth=2)
    flow.fit(x, steps=30, progress=False)
    assert np.isfinite(flow.log_prob(torch.from_numpy(x))).all()
def theirs():
    a = torch.randn(400, 400)
    for _ in range(50): a = torch.tanh(a @ a / 20)
    assert torch.isfinite(a).all()
threads = [threading.Thread(target=each) for each in (ours, theirs, ours, theirs)]
[t.start() for t in threads]
[t.join() for t in threads]
print("done")"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_tensors_are_not_copied(rows, fitted):
    x = torch.from_numpy(rows)
    assert np.shares_memory(rows_of(x, "x").at, rows)
    single = x.float()
    assert rows_of(single, "x", single=True).at.ctypes.data == single.data_ptr()
    np.testing.assert_array_equal(fitted.log_prob(x), fitted.log_prob(rows))
    np.testing.assert_array_equal(fitted.log_prob(x.clone().requires_grad_(True)), fitted.log_prob(rows))
    np.testing.assert_allclose(fitted.log_prob(x.to(torch.bfloat16)), fitted.log_prob(x.to(torch.bfloat16).double()), rtol=1e-5)
    np.testing.assert_array_equal(fitted.log_prob(x.t().contiguous().t()), fitted.log_prob(rows))


def test_tensors_on_other_devices_are_refused(fitted):
    with pytest.raises(clflow.ArgumentError, match="x is on another device than the processor"):
        fitted.log_prob(torch.zeros((2, 2), device="meta"))


def test_data_frames_of_pandas(rows, fitted):
    frame = pandas.DataFrame({"a": rows[:, 0], "b": rows[:, 1]})
    flow = clflow.Flow("nvp", hidden=4)
    flow.fit(frame, steps=20, progress=False)
    assert flow.columns == ["a", "b"]
    np.testing.assert_array_equal(flow.log_prob(frame[["b", "a"]]), flow.log_prob(rows))
    np.testing.assert_array_equal(flow.log_prob(frame.assign(c=1.0)), flow.log_prob(rows))
    np.testing.assert_allclose(fitted.log_prob(pandas.DataFrame(rows.astype("f4"))), fitted.log_prob(rows), rtol=1e-3, atol=1e-3)
    with pytest.raises(clflow.ArgumentError, match="x, row 1, column 'a': .*word"):
        flow.log_prob(frame.assign(a="word"))
    conditional = clflow.Flow("maf", hidden=4)
    conditional.fit(frame[["b"]], context=frame[["a"]], steps=20, progress=False)
    assert (conditional.columns, conditional.context_columns) == (["b"], ["a"])
    assert conditional.sample(2, context=frame[["a"]].head(3), seed=1).shape == (3, 2, 1)
