# SPDX-License-Identifier: MIT
"""Data frames of pandas and polars with labels, booleans and dates."""

from __future__ import annotations

import clflow
import numpy as np
import pandas
import polars
import pytest
from clflow.sklearn import FlowDensity
from test_docs import PAGE, examples, run

NAMES = ["colour", "shop", "amount", "member", "day", "when", "count"]


def shop(rows: int = 800) -> pandas.DataFrame:
    draw = np.random.default_rng(0)
    colour = draw.choice(3, rows, p=[0.5, 0.3, 0.2])
    begin = pandas.Timestamp("2024-01-01")
    return pandas.DataFrame({
        "colour": pandas.Categorical(np.array(["red", "green", "blue"])[colour], categories=["green", "red", "blue", "unused"]),
        "shop": np.array(["north", "south"], object)[draw.integers(0, 2, rows)],
        "amount": 10 * colour + draw.normal(size=rows),
        "member": draw.random(rows) < 0.3,
        "day": begin + pandas.to_timedelta(draw.integers(0, 90, rows), unit="D"),
        "when": begin + pandas.to_timedelta(draw.integers(0, 10**6, rows), unit="s"),
        "count": pandas.array(draw.integers(0, 9, rows), dtype="Int64"),
    })  # fmt: skip


@pytest.fixture(scope="module")
def flow():
    flow = clflow.Flow("nsf", hidden=16, depth=3)
    flow.fit(shop(), steps=200, lr=5e-3, progress=False)
    return flow


def test_samples_are_frames(flow):
    sample = flow.sample(2000, seed=1)
    assert list(sample.columns) == NAMES
    assert set(sample["colour"]) == {"red", "green", "blue"} and set(sample["shop"]) == {"north", "south"}
    assert [sample[name].dtype.kind for name in NAMES[2:]] == ["f", "b", "M", "M", "i"]
    assert abs((sample["colour"] == "red").mean() - 0.5) < 0.08 and abs(sample["member"].mean() - 0.3) < 0.08
    assert (sample["day"] == sample["day"].dt.normalize()).all()
    np.testing.assert_allclose(flow.log_prob(sample), flow.log_prob(flow.sample(2000, seed=1, frame=False)), rtol=1e-4)  # whole seconds


def test_other_frames_of_the_same_rows(flow):
    rows = shop()
    expected = flow.log_prob(rows)
    zoned = rows.assign(day=rows["day"].dt.tz_localize("UTC"))
    texts = rows.assign(day=rows["day"].dt.strftime("%Y-%m-%d"), colour=rows["colour"].astype(object))
    for other in (rows[NAMES[::-1]], rows.assign(more="of no use"), zoned, texts, polars.from_pandas(rows)):
        np.testing.assert_array_equal(flow.log_prob(other), expected)


def test_frames_of_polars():
    rows = polars.from_pandas(shop())
    flow = clflow.Flow("nvp", hidden=4)
    flow.fit(rows, steps=5, progress=False)
    assert flow.columns == NAMES and set(flow.sample(50, seed=1)["colour"]) <= {"red", "green", "blue"}
    numbers = clflow.Flow("nvp", hidden=4)
    numbers.fit(rows.select("amount", "count"), steps=5, progress=False)
    assert numbers.columns == ["amount", "count"] and numbers.sample(3, seed=1).shape == (3, 2)


def test_labels_given_a_context():
    rows = shop()
    flow = clflow.Flow("maf", hidden=4)
    flow.fit(rows[["shop", "amount"]], context=rows[["colour"]], steps=5, progress=False)
    sample = flow.sample(2, context=rows[["colour"]].head(3), seed=1)
    assert sample.index.names == ["context", "sample"] and len(sample.loc[2]) == 2
    assert set(sample["shop"]) <= {"north", "south"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("colour", "x: row 4 of column 'colour' has no value; leave such rows out, or fill them in"),
        ("day", "x: row 4 of column 'day' has no value"),
        ("amount", 'row 4, column 3 \\("amount"\\)'),
        ("count", 'row 4, column 7 \\("count"\\)'),
    ],
)
def test_missing_values(flow, name, sentence):
    rows = shop()
    rows[name] = rows[name].where(rows.index != 3)
    for call in (flow.log_prob, lambda x: clflow.Flow("nvp").fit(x, steps=1, progress=False), lambda x: clflow.fit(x, progress=False)):
        with pytest.raises(clflow.ArgumentError, match=sentence):
            call(rows)


def test_refused(flow):
    rows = shop()
    with pytest.raises(clflow.ArgumentError, match="x, row 1, column 'colour': .*pink"):
        flow.log_prob(rows.assign(colour="pink"))
    with pytest.raises(clflow.ArgumentError, match="x has two columns 'shop'; rename one"):
        flow.log_prob(pandas.concat([rows, rows[["shop"]]], axis=1))
    with pytest.raises(clflow.ArgumentError, match="column 'long' of x has the type timedelta64"):
        clflow.Flow("nvp").fit(rows[["amount"]].assign(long=pandas.Timedelta("1s")), steps=1, progress=False)


def test_the_example_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    codes = [code.replace("examples/", f"{PAGE.parents[1]}/examples/") for code in examples("python pandas")]
    assert len(codes) == 1
    names = run(codes, {"clflow": clflow})
    assert set(names["flow"].sample(50, seed=2)["species"]) == {"Adelie", "Chinstrap", "Gentoo"}
    assert 4000 < names["mass"].sample(1000, context=names["one"], seed=1).mean() < 5200


def test_estimator():
    rows = shop()
    density = FlowDensity(steps=60, hidden=8, random_state=0).fit(rows)
    assert density.n_features_in_ == 7 and list(density.feature_names_in_) == NAMES
    assert np.isfinite(density.score_samples(rows)).all()
    assert set(density.sample(20, random_state=0)["shop"]) <= {"north", "south"}
    with pytest.raises(ValueError, match="feature names should match"):
        density.score(rows[["colour"]])
