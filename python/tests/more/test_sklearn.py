# SPDX-License-Identifier: MIT
"""FlowDensity in scikit-learn: its checks, searches, pipelines, joblib."""

from __future__ import annotations

import os

import clflow
import joblib
import numpy as np
import pytest
from clflow.sklearn import FlowDensity
from conftest import banana, banana_log_prob
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from test_docs import examples, run


@parametrize_with_checks([FlowDensity(steps=40, hidden=8, depth=1)])
def test_check_estimator(estimator, check):
    check(estimator)


def test_density_and_samples(rows):
    density = FlowDensity(steps=300, hidden=16, lr=5e-3, random_state=0).fit(rows)
    x = banana(1000, 9)
    assert density.score(x) == pytest.approx(density.score_samples(x).mean())
    assert banana_log_prob(x).mean() - density.score(x) < 0.3
    assert density.sample(7, random_state=1).shape == (7, 2)
    np.testing.assert_array_equal(density.sample(7, random_state=1), density.sample(7, random_state=1))
    again = FlowDensity(steps=300, hidden=16, lr=5e-3, random_state=0).fit(rows)
    np.testing.assert_array_equal(again.score_samples(x), density.score_samples(x))


def test_search_in_processes(rows):
    search = GridSearchCV(FlowDensity(steps=60, random_state=0), {"hidden": [4, 16]}, cv=3, n_jobs=2).fit(rows)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all() and search.best_estimator_.score(rows) > -5
    pipeline = make_pipeline(StandardScaler(), FlowDensity(steps=60, random_state=0))
    assert np.isfinite(cross_val_score(pipeline, rows, cv=3)).all()


def test_joblib_files(rows, tmp_path):
    density = FlowDensity(steps=40, hidden=8, random_state=0).fit(rows)
    joblib.dump(density, tmp_path / "d.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "d.joblib").score_samples(rows), density.score_samples(rows))
    flows = joblib.Parallel(n_jobs=2)(joblib.delayed(_fitted)(rows, seed) for seed in range(3))
    assert all(isinstance(flow, clflow.Flow) and np.isfinite(flow.log_prob(rows)).all() for flow in flows)


def _fitted(rows, seed):
    flow = clflow.Flow("nvp", hidden=4, seed=seed)
    flow.fit(rows, steps=10, progress=False)
    return flow


def test_refused():
    with pytest.raises(clflow.ArgumentError, match="all 4 samples are equal: there is no density to fit"):
        FlowDensity().fit(np.ones((4, 2)))
    with pytest.raises(ValueError, match="n_samples is 0; at least 1 is wanted"):
        FlowDensity(steps=2).fit(banana(20)).sample(0)


def test_the_example_of_the_page(rows, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = run(examples("python sklearn"), {"x": rows[:300]})
    assert names["search"].best_estimator_.sample(10).shape == (10, 2)
    assert os.listdir(tmp_path) == []
