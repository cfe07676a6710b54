# SPDX-License-Identifier: MIT
"""Arrays of images, (n, C, H, W) and (n, H, W, C), and rows: what is read, and what is given back."""

from __future__ import annotations

import copy
import pickle

import clflow
import numpy as np
import pytest
from clflow._images import Images

SHAPES = [(4, 2, 3), (4, 4, 1), (3, 3, 3)]  # height, width, channels


def made(shape, order=None, context=""):
    height, width, channels = shape
    flow = clflow.Flow(f"{height}x{width}x{channels}{context}: (actnorm, conv1x1)*2 -> normal", device="cpu64", seed=3)
    draw = np.random.default_rng(5)
    flow.fit(draw.normal(size=(64, height * width * channels)) * np.arange(1, 1 + height * width * channels), steps=3, seed=1, progress=False)
    flow.order = order
    return flow


def images(shape, n=6, dtype=np.float64):
    return np.random.default_rng(1).normal(size=(n, *shape)).astype(dtype)


def first(x):
    """(n, H, W, C) as (n, C, H, W)."""
    return np.moveaxis(x, -1, 1)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_orders_agree(shape):
    flow, x = made(shape), images(shape)
    rows = x.reshape(len(x), -1)
    want = flow.log_prob(rows)
    assert len(set(want)) == len(x)
    for each in (x, first(x), first(x).copy(), np.asfortranarray(first(x))):
        np.testing.assert_array_equal(flow.log_prob(each), want)
        np.testing.assert_allclose(flow.log_prob(each.astype(np.float32)), want, rtol=1e-5)
    z, logdet = flow.transform(rows)
    for form in (lambda a: a, first):
        got, same = flow.transform(form(x))
        np.testing.assert_array_equal(got, form(z.reshape(x.shape)))
        np.testing.assert_array_equal(same, logdet)
        back, _ = flow.inverse(form(z.reshape(x.shape)))
        np.testing.assert_allclose(back, form(x), atol=1e-9)
        logp, dx = flow.gradient(form(x))
        np.testing.assert_array_equal(dx, form(flow.gradient(rows)[1].reshape(x.shape)))
        np.testing.assert_array_equal(logp, want)
    if shape[2] == 1:
        grey = x[..., 0]
        assert flow.transform(grey)[0].shape == grey.shape
        np.testing.assert_array_equal(flow.log_prob(grey), want)


def test_the_shape_decides_where_it_can(rows):
    flow, x = made(SHAPES[0], "NHWC"), images(SHAPES[0])
    np.testing.assert_array_equal(flow.log_prob(first(x)), flow.log_prob(x))
    flow.order = "NCHW"
    np.testing.assert_array_equal(flow.log_prob(first(x)), flow.log_prob(x))
    np.testing.assert_array_equal(flow.log_prob(x.reshape(6, -1)), flow.log_prob(x))  # rows always have the channel last


def test_cubes_are_as_chosen():
    flow, x = made(SHAPES[2]), images(SHAPES[2])
    want = flow.log_prob(x.reshape(6, -1))
    np.testing.assert_array_equal(flow.log_prob(x), want)
    flow.order = "NCHW"
    np.testing.assert_array_equal(flow.log_prob(first(x)), want)
    assert not np.allclose(flow.log_prob(x), want)
    flow.order = "NHWC"
    np.testing.assert_array_equal(flow.log_prob(x), want)


def test_samples_have_the_chosen_order(tmp_path):
    flow = made(SHAPES[0])
    assert flow.order is None
    rows = flow.sample(5, seed=2)
    assert rows.shape == (5, 24)
    flow.order = "NHWC"
    np.testing.assert_array_equal(flow.sample(5, seed=2), rows.reshape(5, 4, 2, 3))
    flow.order = "NCHW"
    np.testing.assert_array_equal(flow.sample(5, seed=2), first(rows.reshape(5, 4, 2, 3)))
    assert flow.sample(0, seed=2).shape == (0, 3, 4, 2)
    np.testing.assert_allclose(flow.log_prob(flow.sample(5, seed=2)), flow.log_prob(rows))
    flow.save(tmp_path / "m.safetensors")
    for again in (clflow.load(tmp_path / "m.safetensors"), copy.deepcopy(flow), pickle.loads(pickle.dumps(flow))):
        assert again.order == "NCHW"
    flow.order = None
    assert clflow.Flow.from_bytes(flow.to_bytes()).order is None


def test_training_takes_both_orders():
    x = images(SHAPES[0], 200)
    flows = [clflow.Flow("4x2x3: (actnorm, conv1x1)*2 -> normal", device="cpu64") for _ in range(3)]
    for flow, each in zip(flows, (x.reshape(200, -1), x, first(x))):
        flow.fit(each, valid=each[:50], steps=20, progress=False)
    assert flows[0].to_bytes() == flows[1].to_bytes() == flows[2].to_bytes()


@pytest.mark.parametrize("shape", [(6, 3, 2, 4), (6, 2, 4, 3), (6, 4, 2, 1), (6, 8, 3), (3, 4, 2), (6, 1, 3, 4, 2)])
def test_other_shapes(shape):
    flow, x = made(SHAPES[0]), np.zeros(shape)
    for call in (flow.log_prob, flow.transform, flow.inverse, flow.gradient, flow.fit):
        with pytest.raises(clflow.ArgumentError) as problem:
            call(x)
        assert "images are (N, 4, 2, 3) or (N, 3, 4, 2), or rows (N, D)" in str(problem.value)
        assert ", ".join(map(str, shape)) in str(problem.value)
    with pytest.raises(clflow.ArgumentError, match="images are"):
        flow.fit(images(SHAPES[0], 50), valid=x)


def test_bad_numbers_are_named():
    flow, x = made(SHAPES[0]), first(images(SHAPES[0])).copy()
    x[2, 1, 3, 0] = np.nan
    with pytest.raises(clflow.ArgumentError, match="row 3"):
        flow.log_prob(x)


def test_an_order_is_for_images(fitted):
    with pytest.raises(clflow.ArgumentError, match="rows of numbers"):
        fitted.order = "NCHW"
    fitted.order = None
    flow = made(SHAPES[0])
    for wrong in ("nchw", "CHW", 1, True):
        with pytest.raises(clflow.ArgumentError, match='"NCHW", "NHWC" or None'):
            flow.order = wrong
    flow.close()
    with pytest.raises(clflow.ArgumentError, match="closed"):
        _ = flow.order


def test_arrays_are_shared_where_they_lie_well():
    of = Images(4, 2, 3, 0)
    x = images(SHAPES[0])
    assert np.shares_memory(of.rows(x, "x")[0], x)
    assert np.shares_memory(of.rows(first(x), "x")[0], x)  # torch's memory format channels_last
    assert not np.shares_memory(of.rows(first(x).copy(), "x")[0], x)
