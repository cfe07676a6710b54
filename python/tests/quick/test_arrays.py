# SPDX-License-Identifier: MIT
"""What rows may be, and which of it is not copied."""

from __future__ import annotations

import clflow
import numpy as np
import pytest
from clflow._arrays import rows_of


class Frame:
    """As much of a data frame as matters."""

    def __init__(self, columns, at):
        self.columns, self._at = columns, at

    def to_numpy(self):
        return self._at

    def __getitem__(self, name):
        return self._at[:, list(self.columns).index(name)]


class Tensor:
    """An array that is known by DLPack alone."""

    def __init__(self, at, device=(1, 0)):
        self._at, self._device = at, device

    def __dlpack__(self, **more):
        return self._at.__dlpack__(**more)

    def __dlpack_device__(self):
        return self._device


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "i4", "u1", "?", "f2"])
def test_types(fitted, dtype):
    x = np.array([[0, 1], [1, 1], [1, 0]], dtype)
    np.testing.assert_allclose(fitted.log_prob(x), fitted.log_prob(x.astype(float)), rtol=1e-6)


@pytest.mark.parametrize("lay", [np.asfortranarray, lambda x: x[::2], lambda x: x[:, ::-1], lambda x: x.tolist()])
def test_layouts(fitted, rows, lay):
    x = lay(rows[:40])
    np.testing.assert_allclose(fitted.log_prob(x), fitted.log_prob(np.array(x)), rtol=1e-6)


def test_rows_that_lie_well_are_not_copied(rows):
    assert np.shares_memory(rows_of(rows, "x").at, rows)
    assert np.shares_memory(rows_of(Tensor(rows), "x").at, rows)
    single = rows.astype(np.float32)
    assert np.shares_memory(rows_of(single, "x", single=True).at, single)
    assert not np.shares_memory(rows_of(single, "x").at, single)
    fixed = rows.copy()
    fixed.flags.writeable = False
    assert np.shares_memory(rows_of(fixed, "x").at, fixed)


def test_tensors_of_other_devices_are_refused(fitted, rows):
    with pytest.raises(clflow.ArgumentError, match="x is on another device than the processor"):
        fitted.log_prob(Tensor(rows, device=(2, 0)))


def test_data_frames(rows):
    flow = clflow.Flow("nvp", hidden=4, depth=1)
    flow.fit(Frame(["a", "b"], rows), steps=5, progress=False)
    assert flow.columns == ["a", "b"]
    more = Frame(["b", "other", "a"], np.column_stack([rows[:, 1], rows[:, 0] * 7, rows[:, 0]]))
    np.testing.assert_array_equal(flow.log_prob(more), flow.log_prob(rows))
    unnamed = clflow.Flow("nvp", hidden=4, depth=1)
    unnamed.fit(Frame(range(2), rows), steps=5, progress=False)
    assert unnamed.columns is None


def test_images_are_rows(rows):
    flow = clflow.Flow("nvp", dim=12, hidden=4, depth=1)
    images = np.arange(24.0).reshape(2, 2, 2, 3) / 24
    np.testing.assert_array_equal(flow.log_prob(images), flow.log_prob(images.reshape(2, 12)))


def test_no_rows(fitted):
    assert fitted.log_prob(np.empty((0, 2))).shape == (0,)
    z, logdet = fitted.transform(np.empty((0, 2)))
    assert z.shape == (0, 2) and logdet.shape == (0,)


def test_input_is_left_as_it_was(fitted, rows):
    before = rows.copy()
    fitted.log_prob(rows)
    fitted.transform(rows)
    clflow.Flow("nvp", hidden=4).fit(rows, steps=3, progress=False)
    np.testing.assert_array_equal(rows, before)
