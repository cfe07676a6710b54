# SPDX-License-Identifier: MIT
"""A flow: densities, maps, samples, training, files."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import pickle
import subprocess

import clflow
import numpy as np
import pytest
from conftest import banana, banana_log_prob


def test_log_prob_of_a_normal_distribution_is_the_formula():
    flow = clflow.Flow("2: shift-scale(shift=1, scale=2) -> normal", device="cpu64")
    x = np.array([[0.0, 0.0], [1.0, -3.0], [2.5, 0.25]])
    z, logdet = flow.transform(x)
    expected = -0.5 * (z**2).sum(axis=1) - np.log(2 * np.pi) + logdet
    np.testing.assert_allclose(flow.log_prob(x), expected, rtol=1e-12)
    np.testing.assert_allclose(logdet, 2 * np.log(2.0), rtol=1e-12)
    back, inverse_logdet = flow.inverse(z)
    np.testing.assert_allclose(back, x, atol=1e-12)
    np.testing.assert_allclose(inverse_logdet, -logdet, rtol=1e-12)


def test_fit_learns_the_density(fitted, rows):
    x = banana(2000, seed=9)
    gap = (banana_log_prob(x) - fitted.log_prob(x)).mean()
    assert 0 < gap < 0.25, f"the fit is {gap:.3f} nats a row below the truth"
    s = fitted.sample(4000, seed=5)
    assert s.shape == (4000, 2)
    np.testing.assert_allclose(s.mean(axis=0), rows.mean(axis=0), atol=0.15)


def test_history_says_what_was_done(rows):
    flow = clflow.Flow("nvp", hidden=8, depth=2)
    seen = []
    history = flow.fit(rows, steps=100, batch=100, callback=lambda p: seen.append(p) and False, progress=False)
    assert history.steps == 100 and history.losses.shape == (100,)
    assert not history.interrupted
    assert [int(step) for step, _, _ in history.curve] == [50, 100]
    assert history.valid == pytest.approx(max(history.curve[:, 2]))
    assert seen[-1].step == 100 and seen[-1].steps == 100 and seen[-1].round_done
    assert sum(len(p.losses) for p in seen) == 100
    assert flow.history.steps == 100


def test_fit_goes_on_from_the_weights(rows):
    flow = clflow.Flow("nsf", hidden=8, depth=2)
    first = flow.fit(rows, steps=60, progress=False)
    second = flow.fit(rows, steps=60, progress=False)
    assert second.valid > first.valid


def test_same_seed_gives_the_same_bits(rows):
    def trained(seed):
        flow = clflow.Flow("nsf", hidden=8, depth=2, seed=seed)
        flow.fit(rows, steps=20, seed=seed, progress=False)
        return flow.log_prob(rows[:50])

    assert (trained(3) == trained(3)).all()
    assert (trained(3) != trained(4)).any()


def test_devices_together_give_the_bits_of_one(rows):
    def trained(**more):
        flow = clflow.Flow("nsf", hidden=8, depth=2, device="cpu")
        history = flow.fit(rows, steps=40, progress=False, **more)
        assert history.steps == 40
        return flow.log_prob(rows)

    np.testing.assert_array_equal(trained(devices=["cpu", "cpu"]), trained(grains=2))
    np.testing.assert_array_equal(trained(devices="cpu"), trained(grains=2))


def test_devices_that_fail(rows):
    flow = clflow.Flow("nvp", hidden=4, device="cpu")
    with pytest.raises(clflow.DeviceError, match="nosuch"):
        flow.fit(rows, steps=10, devices=["cpu", "nosuch"], progress=False)
    with pytest.raises(clflow.ArgumentError, match="devices begins with 'cpu64', but the flow is on 'cpu'"):
        flow.fit(rows, steps=10, devices=["cpu64", "cpu"], progress=False)
    with pytest.raises(clflow.ArgumentError, match="names of devices are wanted"):
        flow.fit(rows, steps=10, devices=[], progress=False)
    stopped = flow.fit(rows, steps=10**7, devices=["cpu", "cpu"], callback=lambda p: p.step >= 50, progress=False)
    assert stopped.interrupted and 50 <= stopped.steps < 10**7
    assert np.isfinite(flow.log_prob(rows)).all()


def test_epochs_take_the_place_of_steps(rows):
    history = clflow.Flow("nvp", hidden=4, depth=1).fit(rows[:500], epochs=3, batch=100, valid_split=0.2, progress=False)
    assert (history.epochs, history.steps, len(history.curve)) == (3, 12, 3)


def test_validation_rows_of_their_own_and_weights(rows):
    flow = clflow.Flow("nvp", hidden=8, depth=2)
    weights = np.where(rows[:, 0] > 0, 1.0, 0.0)
    held = banana(500, seed=3)
    history = flow.fit(rows, weights=weights, valid=(held[held[:, 0] > 0],), steps=300, progress=False)
    assert np.isfinite(history.valid)
    assert (flow.sample(1000, seed=1)[:, 0] > 0).mean() > 0.9


def test_context(conditional):
    assert (conditional.dim, conditional.context_dim) == (1, 1)
    near, far = conditional.sample(2000, context=[0.0], seed=1), conditional.sample(2000, context=[2.0], seed=1)
    assert near.shape == (2000, 1)
    assert abs(near.mean() - 0) < 0.2 and abs(far.mean() - 4) < 0.5
    both = conditional.sample(2000, context=[[0.0], [2.0]], seed=1)
    assert both.shape == (2, 2000, 1)
    np.testing.assert_array_equal(both[0], near)
    x = np.array([[0.1], [0.2]])
    np.testing.assert_array_equal(conditional.log_prob(x, context=[0.0]), conditional.log_prob(x, context=[[0.0], [0.0]]))
    z, logdet = conditional.transform(x, context=[0.3])
    back, other = conditional.inverse(z, context=[0.3])
    np.testing.assert_allclose(back, x, atol=1e-5)
    np.testing.assert_allclose(other, -logdet, atol=1e-4)


def test_samples_follow_from_the_seed(fitted):
    all_of_them = fitted.sample(10, seed=7)
    np.testing.assert_array_equal(fitted.sample(4, seed=7, first=6), all_of_them[6:])
    assert (fitted.sample(10) != fitted.sample(10)).any()
    assert fitted.sample(0).shape == (0, 2)


def test_gradient_is_the_derivative(rows):
    flow = clflow.Flow("nsf", dim=2, hidden=8, depth=2, device="cpu64")
    x, h = rows[:5], 1e-5
    logp, dx = flow.gradient(x)
    np.testing.assert_allclose(logp, flow.log_prob(x), rtol=1e-12)
    for d in range(2):
        step = np.zeros(2)
        step[d] = h
        np.testing.assert_allclose(dx[:, d], (flow.log_prob(x + step) - flow.log_prob(x - step)) / (2 * h), rtol=1e-5, atol=1e-6)


def test_many_rows_in_chunks(fitted):
    x = banana(70000, seed=2)
    logp = fitted.log_prob(x)
    np.testing.assert_array_equal(logp[-10:], fitted.log_prob(x[-10:]))
    x[69999, 1] = np.inf
    with pytest.raises(clflow.ArgumentError, match="row 70000, column 2 is inf"):
        fitted.log_prob(x)


def test_files_agree_with_the_program(fitted, rows, tmp_path):
    model, data = tmp_path / "m.safetensors", tmp_path / "x.npy"
    fitted.save(model)
    np.save(data, rows[:100])
    loaded = clflow.load(model)
    np.testing.assert_array_equal(loaded.log_prob(rows), fitted.log_prob(rows))
    assert loaded.architecture == fitted.architecture and loaded.history.steps == 150
    program = os.environ["CLFLOW_PROGRAM"]
    out = tmp_path / "logp.npy"
    subprocess.run([program, "log-prob", model, "--data", data, "--out", out], check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(out).reshape(-1), fitted.log_prob(rows[:100]))


def test_pickle_and_copy(fitted, rows):
    for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted), clflow.Flow.from_bytes(fitted.to_bytes())):
        np.testing.assert_array_equal(other.log_prob(rows[:20]), fitted.log_prob(rows[:20]))
    unfitted = pickle.loads(pickle.dumps(clflow.Flow("maf", hidden=7, seed=3)))
    assert unfitted.fit(rows, steps=5, progress=False).steps == 5
    assert "made(7x2" in unfitted.architecture


def test_what_a_flow_is(fitted):
    assert (fitted.dim, fitted.context_dim, fitted.scales) == (2, 0, 0)
    assert fitted.architecture.startswith("2: standardize, (coupling(rq(bins=10), resnet(16x2")
    parameters = fitted.state_dict()
    assert parameters["layers.1.net.initial.weight"].shape == (16, 1)
    assert fitted.weight_count == sum(v.size for k, v in parameters.items() if v.dtype == float and "mask" not in k and "perm" not in k)
    assert "cpu" in fitted.device and repr(fitted).startswith("Flow('2: standardize")


def test_names_of_columns_are_kept(rows):
    named = np.rec.fromarrays([rows[:, 0], rows[:, 1]], names=["a", "b"])
    flow = clflow.Flow("nvp", hidden=4, depth=1)
    flow.fit(named, steps=10, progress=False)
    assert flow.columns == ["a", "b"]
    turned = np.rec.fromarrays([rows[:, 1], rows[:, 0]], names=["b", "a"])
    np.testing.assert_array_equal(flow.log_prob(turned), flow.log_prob(rows))
    with pytest.raises(clflow.ArgumentError, match="lacks the column 'b'; it has 'a', 'c'"):
        flow.log_prob(np.rec.fromarrays([rows[:, 1], rows[:, 0]], names=["a", "c"]))


def test_names_of_a_context(rows):
    named = np.rec.fromarrays([rows[:, 0], rows[:, 1]], names=["a", "b"])
    flow = clflow.Flow("maf", hidden=4, depth=1)
    flow.fit(named[["b"]], context=named[["a"]], steps=10, progress=False)
    assert (flow.columns, flow.context_columns) == (["b"], ["a"])
    np.testing.assert_array_equal(flow.log_prob(named[["b"]], context=named), flow.log_prob(rows[:, 1:], context=rows[:, :1]))
    assert flow.sample(2, context=named[:3], seed=1).shape == (3, 2, 1)


def test_a_posterior_with_its_own_observation():
    fixtures = pathlib.Path(__file__).resolve().parents[3] / "tests" / "import" / "fixtures"
    posterior = clflow.from_torch(fixtures / "sbi_posterior.whole.pt", device="cpu64")
    assert posterior.context_dim > 0
    np.testing.assert_allclose(posterior.log_prob([[0.1, 0.7]]), [-3.96725], atol=1e-5)
    assert posterior.sample(3, seed=1).shape == (3, 2)
    assert np.isfinite(posterior.transform([[0.1, 0.7]])[1]).all()


def test_clflow_fit_and_its_record(rows):
    notes = []
    flow = clflow.fit(rows[:600], seconds=1.0, quick=True, callback=lambda p: notes.append(p.name) and False, progress=False)
    record = flow.record
    assert record["rows"]["train"] == 480 and record["rows"]["test"] == 60
    assert record["result"]["test"] > -3.3 and "gaussian" in notes
    assert json.dumps(record)
    assert flow.sample(3, seed=1).shape == (3, 2)


def test_clflow_fit_with_given_parts_context_and_weights(rows):
    flow = clflow.fit(rows[:400], valid=banana(100, 4), test=banana(50, 5), seconds=0.5, quick=True, progress=False)
    assert (flow.record["rows"]["train"], flow.record["rows"]["valid"], flow.record["rows"]["test"]) == (400, 100, 50)
    flow = clflow.fit(rows[:400, 1:], rows[:400, :1], weights=np.ones(400), seconds=0.5, quick=True, progress=False)
    assert (flow.dim, flow.context_dim) == (1, 1)


def test_lists_of_what_there_is():
    assert any(each.name == "cpu" and each.type == "cpu" for each in clflow.devices())
    assert "nsf" in clflow.presets()
    options = {each.name: each for each in clflow.train_options()}
    assert options["lr"].default == "0.002" and options["schedule"].range == "0 (constant), 1 (cosine) or 2 (plateau)"


def test_words_of_options(rows):
    history = clflow.Flow("nvp", hidden=4, depth=1).fit(rows, steps=20, schedule="constant", shuffle=False, lr=np.float32(1e-3), progress=False)
    assert history.steps == 20
