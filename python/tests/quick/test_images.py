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


# ---- Bytes, and images given their labels --------------------------------------------------------------------------------


def marks(n, seed=1):
    """Bytes (n, 4, 4, 1) with a bright left or right half, and which."""
    draw = np.random.default_rng(seed)
    right = draw.random(n) < 0.5
    x = draw.integers(0, 40, (n, 4, 4, 1))
    x[:, :, :2] += np.where(right, 0, 180)[:, None, None, None]
    x[:, :, 2:] += np.where(right, 180, 0)[:, None, None, None]
    return x.astype(np.uint8), np.where(right, "right", "left")


def trained(**options):
    x, side = marks(300)
    flow = clflow.Flow("glow", hidden=8, depth=2, splits=1, device="cpu", seed=2)
    flow.fit(x, context=side, steps=200, lr=0.005, batch=50, seed=1, progress=False, **options)
    return flow


def test_images_given_their_labels(tmp_path):
    flow = trained()
    assert (flow.dim, flow.context_dim) == (16, 2)
    assert "4x4x1|2: " in flow.architecture
    x, side = marks(100, seed=2)
    own, other = flow.log_prob(x, side), flow.log_prob(x, np.where(side == "left", "right", "left"))
    assert own.mean() > other.mean() + 10
    np.testing.assert_array_equal(flow.log_prob(x[:5], "left"), flow.log_prob(x[:5], ["left"] * 5))
    left = flow.sample(40, "left", seed=3)
    assert left.shape == (40, 16)
    both = flow.sample(40, ["left", "right"], seed=3)
    assert both.shape == (2, 40, 16)
    np.testing.assert_allclose(both[0], left, atol=1e-3)
    halves = both.reshape(2, 40, 4, 2, 2).mean(axis=(1, 2, 4))
    assert halves[0, 0] > halves[0, 1] + 100 and halves[1, 1] > halves[1, 0] + 100
    flow.save(tmp_path / "m.safetensors")
    again = clflow.load(tmp_path / "m.safetensors", device="cpu")
    np.testing.assert_array_equal(again.log_prob(x, side), own)
    with pytest.raises(clflow.ArgumentError, match="middle"):
        flow.log_prob(x, ["middle"] * 100)
    with pytest.raises(clflow.ArgumentError, match="context"):
        flow.log_prob(x)


def test_bytes_get_noise_below_1():
    flow, (x, side) = trained(), marks(20, seed=4)
    z, _ = flow.transform(x, side)
    back, _ = flow.inverse(z, side)
    noise = back - x
    assert noise.min() > -0.01 and noise.max() < 1.01 and noise.std() > 0.2
    np.testing.assert_array_equal(flow.log_prob(first(x), side), flow.log_prob(x, side))
    np.testing.assert_array_equal(flow.log_prob(x.reshape(20, -1), side), flow.log_prob(x, side))


def test_bytes_for_training_and_validation():
    (x, side), (held, of_held) = marks(200), marks(60, seed=5)
    flow = trained(valid=(held, of_held))
    assert flow.history.valid == pytest.approx(flow.log_prob(held, of_held).mean(), abs=0.5)
    for wrong in (held.astype(float), (held, of_held, np.ones(60))):
        with pytest.raises(clflow.ArgumentError, match="images of bytes"):
            flow.fit(x, context=side, valid=wrong, steps=1, progress=False)
    with pytest.raises(clflow.ArgumentError, match="weights"):
        flow.fit(x, context=side, weights=np.ones(200), steps=1, progress=False)
    with pytest.raises(clflow.ArgumentError, match="images are"):
        flow.fit(np.zeros((9, 5, 4, 1), np.uint8), context=["left"] * 9, steps=1, progress=False)
    with pytest.raises(clflow.ArgumentError, match="4 x 4 x 1"):
        flow.fit(np.zeros((9, 15), np.uint8), context=["left"] * 9, steps=1, progress=False)


@pytest.mark.parametrize("shape, text", [((50, 4, 8), "4x8x1: "), ((50, 4, 8, 3), "4x8x3: "), ((50, 3, 4, 8), "4x8x3: ")])
def test_a_preset_takes_the_size_of_its_images(shape, text):
    flow = clflow.Flow("glow", hidden=4, depth=1, splits=1, device="cpu64")
    flow.fit(np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8), steps=2, progress=False)
    assert flow.architecture.startswith(text)


def test_sizes_that_no_preset_takes():
    for shape in ((50, 8, 6, 5), (50, 24), (50,)):
        with pytest.raises(clflow.ArgumentError, match="height, width and channels"):
            clflow.Flow("glow", hidden=4, depth=1, splits=1, device="cpu").fit(np.zeros(shape, np.uint8), steps=1, progress=False)
