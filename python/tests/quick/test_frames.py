# SPDX-License-Identifier: MIT
"""Columns with labels, booleans and dates: as the program reads the same table from a file."""

from __future__ import annotations

import os
import subprocess
import sys

import clflow
import numpy as np
import pytest

LABELS = ["blue", "green, dark", "#ff0000"]


def shop(rows: int, seed: int = 0) -> np.ndarray:
    """A table of visits: the label decides on the amount."""
    draw = np.random.default_rng(seed)
    colour = draw.choice(3, rows, p=[0.5, 0.3, 0.2])
    table = np.empty(rows, [("colour", "U20"), ("amount", "f8"), ("member", "?"), ("day", "M8[D]"), ("visits", "i8")])
    table["colour"] = np.array(LABELS)[colour]
    table["amount"] = 10 * colour + draw.normal(size=rows)
    table["member"] = draw.random(rows) < 0.25
    table["day"] = np.datetime64("2024-01-01") + draw.integers(0, 100, rows)
    table["visits"] = draw.poisson(3, rows)
    return table


def write(table: np.ndarray, path) -> None:
    with open(path, "w") as file:
        print(",".join(table.dtype.names), file=file)
        for row in table:
            cells = [str(cell).lower() if isinstance(cell, (bool, np.bool_)) else str(cell) for cell in row]
            print(",".join(f'"{cell}"' for cell in cells), file=file)


def drawn(sample) -> dict[str, np.ndarray]:
    """The columns of a sample, of pandas or not."""
    return {name: np.asarray(sample[name]) for name in ("colour", "amount", "member", "day", "visits")}


@pytest.fixture(scope="module")
def flow():
    flow = clflow.Flow("nsf", hidden=16, depth=3)
    flow.fit(shop(1500), steps=300, lr=5e-3, progress=False)
    return flow


def test_labels_come_back(flow):
    assert flow.columns == ["colour", "amount", "member", "day", "visits"]
    sample = drawn(flow.sample(3000, seed=1))
    assert set(sample["colour"]) == set(LABELS)
    shares = [(sample["colour"] == label).mean() for label in LABELS]
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.06)
    for label, amount in zip(LABELS, (0, 10, 20)):
        assert abs(np.median(sample["amount"][sample["colour"] == label]) - amount) < 1.5
    assert sample["member"].dtype == bool and abs(sample["member"].mean() - 0.25) < 0.08
    assert sample["day"].dtype.kind == "M" and abs((sample["day"] < np.datetime64("2024-02-20")).mean() - 0.5) < 0.1
    assert sample["visits"].dtype == np.int64 and abs(sample["visits"].mean() - 3) < 0.5


def test_codes_and_frames_on_request(flow):
    codes = flow.sample(50, seed=1, frame=False)
    assert codes.shape == (50, 5) and set(codes[:, 0]) <= {0, 1, 2}
    sample = drawn(flow.sample(50, seed=1))
    assert [sorted(LABELS)[int(code)] for code in codes[:, 0]] == sample["colour"].tolist()
    assert (codes[:, 3] == (sample["day"].astype("M8[D]") - np.datetime64("1970-01-01")).astype(int)).all()
    np.testing.assert_array_equal(flow.log_prob(flow.sample(50, seed=1)), flow.log_prob(codes))
    plain = clflow.Flow("nvp", dim=2)
    np.testing.assert_array_equal(np.asarray(plain.sample(5, seed=1, frame=True)["x1"]), plain.sample(5, seed=1)[:, 1])


def test_a_frame_is_read_as_its_file(flow, tmp_path):
    rows, model, out = shop(200, seed=2), tmp_path / "m.safetensors", tmp_path / "logp.npy"
    flow.save(model)
    write(rows, tmp_path / "shop.csv")
    program = os.environ["CLFLOW_PROGRAM"]
    subprocess.run([program, "log-prob", model, "--data", tmp_path / "shop.csv", "--out", out], check=True, capture_output=True)
    np.testing.assert_array_equal(flow.log_prob(rows), np.load(out).reshape(-1))
    turned = rows[["visits", "day", "member", "amount", "colour"]]
    np.testing.assert_array_equal(flow.log_prob(turned), flow.log_prob(rows))
    shown = subprocess.run([program, "info", model], check=True, capture_output=True, text=True).stdout
    write(shop(1500), tmp_path / "train.csv")
    command = [program, "train", "--data", tmp_path / "train.csv", "--flow", "nsf", "--steps", "3", "--out", tmp_path / "own.safetensors"]
    subprocess.run(command, check=True, capture_output=True)
    own = subprocess.run([program, "info", tmp_path / "own.safetensors"], check=True, capture_output=True, text=True).stdout
    kinds = [[line for line in text.splitlines() if "colour" in line or "member" in line or "day" in line] for text in (shown, own)]
    assert kinds[0] == kinds[1] and len(kinds[0]) >= 3


def test_texts_that_are_numbers_words_and_times(tmp_path):
    draw = np.random.default_rng(0)
    table = np.empty(400, [("price", "O"), ("open", "O"), ("at", "U8"), ("when", "M8[s]"), ("fine", "M8[ms]")])
    table["price"] = [f"{x:.2f}" for x in draw.normal(size=400)]
    table["open"] = draw.choice(["yes", "no"], 400)
    table["at"] = [f"{h:02d}:30" for h in draw.integers(0, 24, 400)]
    fine = np.datetime64("2024-03-01T12:00:00.25") + draw.integers(0, 10**6, 400).astype("m8[ms]")
    table["fine"], table["when"] = fine, np.datetime64("2024-03-01T12:00:00") + draw.integers(0, 10**6, 400)
    flow = clflow.Flow("nvp", hidden=4)
    flow.fit(table, steps=5, progress=False)
    sample = flow.sample(20, seed=1)
    assert np.asarray(sample["price"]).dtype == np.float64
    assert set(np.asarray(sample["open"])) <= {"yes", "no"}
    assert np.asarray(sample["when"]).dtype == "M8[s]" and np.asarray(sample["fine"]).dtype == "M8[ms]"
    assert all(len(each) in (5, 8) and each[2] == ":" for each in np.asarray(sample["at"]))
    assert np.isfinite(flow.log_prob(table)).all()


def test_context_of_labels():
    table = shop(1200)
    flow = clflow.Flow("maf", hidden=16, depth=2)
    flow.fit(table[["amount"]], context=table[["colour", "member"]], steps=300, lr=5e-3, progress=False)
    assert flow.context_dim == 4 and flow.context_columns == [f"colour={label}" for label in sorted(LABELS)] + ["member"]
    given = np.array([(label, True) for label in LABELS], [("colour", "U20"), ("member", "?")])
    np.testing.assert_allclose(np.median(flow.sample(500, context=given, seed=1), axis=(1, 2)), [0, 10, 20], atol=1.5)
    again = clflow.Flow.from_bytes(flow.to_bytes())
    np.testing.assert_array_equal(again.log_prob(table[["amount"]], context=table), flow.log_prob(table[["amount"]], context=table))
    one_hot = np.column_stack([table["colour"] == label for label in sorted(LABELS)] + [table["member"]])
    np.testing.assert_array_equal(flow.log_prob(table[["amount"]], context=one_hot), flow.log_prob(table[["amount"]], context=table))
    flow.fit(table[["amount"]], context=table, valid=(table[["amount"]][:50], table[:50]), steps=5, progress=False)
    with pytest.raises(clflow.ArgumentError, match="context lacks the column 'member'; it has 'colour'"):
        flow.log_prob(table[["amount"]], context=table[["colour"]])
    with pytest.raises(clflow.ArgumentError, match="context, row 1, column 'colour': .*pink"):
        flow.sample(1, context=np.array([("pink", True)], given.dtype))


def test_labels_with_a_context_of_several_rows():
    table = shop(300)
    flow = clflow.Flow("maf", hidden=4, depth=1)
    flow.fit(table[["colour", "visits"]], context=table[["amount"]], steps=5, progress=False)
    sample = flow.sample(4, context=table[["amount"]][:3], seed=1)
    codes = flow.sample(4, context=table[["amount"]][:3], seed=1, frame=False)
    assert codes.shape == (3, 4, 2) and np.asarray(sample["visits"]).size == 12
    assert np.asarray(sample["colour"]).reshape(-1).tolist() == [sorted(LABELS)[int(code)] for code in codes[..., 0].reshape(-1)]


def test_fit_of_a_table_with_labels():
    table = shop(400)
    flow = clflow.fit(table[["amount", "visits"]], table[["colour"]], seconds=0.5, quick=True, progress=False)
    assert flow.context_columns == [f"colour={label}" for label in sorted(LABELS)]
    assert flow.sample(2, context=table[["colour"]][:3], seed=1, frame=False).shape == (3, 2, 2)
    flow = clflow.fit(table, valid=shop(60, 3), test=shop(60, 4), seconds=0.5, quick=True, progress=False)
    assert set(drawn(flow.sample(100, seed=1))["colour"]) <= set(LABELS)
    assert flow.record["rows"]["valid"] == 60


def rows_with(name: str, values, dtype: str) -> np.ndarray:
    table = np.empty(len(values), [("amount", "f8"), (name, dtype)])
    table["amount"], table[name] = np.arange(len(values)), values
    return table


@pytest.mark.parametrize(
    ("values", "dtype", "sentence"),
    [
        (["a", None, "a", "b"] * 5, "O", "x: row 2 of column 'word' has no value; leave such rows out, or fill them in"),
        (["a", float("nan"), "a", "b"] * 5, "O", "x: row 2 of column 'word' has no value"),
        (["2024-01-01", "NaT"] * 5, "M8[D]", "x: row 2 of column 'word' has no value"),
        ([f"name {i}" for i in range(20)], "U20", "x: .*column.*word"),
        (["1.5", "2.5", "oops", "4"] * 1 + ["3"] * 20, "U20", "x: row 3.*oops"),
        ([1, 2, 3], "m8[s]", "column 'word' of x has the type timedelta64\\[s\\]; numbers, texts, booleans or dates are wanted"),
        ([1 + 2j, 3], "c16", "column 'word' of x has the type complex128"),
        ([], "U20", "x has no rows"),
    ],
)
def test_refused(values, dtype, sentence):
    with pytest.raises(clflow.ArgumentError, match=sentence):
        clflow.Flow("nvp").fit(rows_with("word", values, dtype), steps=1, progress=False)


def test_labels_that_the_flow_does_not_know(flow):
    rows = shop(5)
    rows["colour"][3] = "pink"
    with pytest.raises(clflow.ArgumentError, match="x, row 4, column 'colour': .*pink"):
        flow.log_prob(rows)
    with pytest.raises(clflow.ArgumentError, match="x lacks the column 'member'; it has 'colour', 'amount'"):
        flow.log_prob(rows[["colour", "amount"]])


def test_texts_for_a_flow_of_numbers(rows):
    table = np.rec.fromarrays([rows[:, 0], rows[:, 1]], names=["a", "word"])
    flow = clflow.Flow("nvp", hidden=4)
    flow.fit(table, steps=3, progress=False)
    with pytest.raises(clflow.ArgumentError, match="x, row 2, column 'word': .*blue"):
        flow.log_prob(np.array([(1.0, "2.5"), (1.0, "blue")], [("a", "f8"), ("word", "U8")]))
    with pytest.raises(clflow.ArgumentError, match="x, row 1, column 'word': .*blue"):
        flow.fit(np.array([(1.0, "blue")] * 20, [("a", "f8"), ("word", "U8")]), steps=3, progress=False)
    numbers = np.array([(1.0, "2.5"), (1.0, "-1")], [("a", "f8"), ("word", "U8")])
    np.testing.assert_array_equal(flow.log_prob(numbers), flow.log_prob([[1.0, 2.5], [1.0, -1.0]]))
    flags = np.array([(1.0, True), (1.0, False)], [("a", "f8"), ("word", "?")])
    np.testing.assert_array_equal(flow.log_prob(flags), flow.log_prob([[1.0, 1.0], [1.0, 0.0]]))


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    clflow.Flow("nvp", hidden=4).fit(shop(100), steps=1, progress=False)
    assert list(tmp_path.iterdir()) == []
