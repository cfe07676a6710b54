# SPDX-License-Identifier: MIT
"""The examples of docs/python.md, in order, each in the names of those before it."""

from __future__ import annotations

import pathlib
import re


PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "python.md"


def examples(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.S | re.M)


def run(codes: list[str], names: dict) -> dict:
    for code in codes:
        exec(compile(code.replace("seconds=10", "seconds=0.5"), str(PAGE), "exec"), names)  # noqa: S102
    return names


def test_examples(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = examples("python")
    assert len(found) == 6
    names = run(found[:1], {})
    assert names["new"].shape == (1000, 2) and names["logp"].shape == (1000,)
    names = run(found[1:2], names)
    assert names["flow"].context_dim == 1
    names = run(found[2:], names)
    assert (tmp_path / "m.safetensors").exists() and names["dx"].shape == (5, 2)
    assert capsys.readouterr().out.endswith("row 1, column 2 is nan\n")


def test_the_table_names_what_there_is():
    import clflow

    for name in re.findall(r"`clflow\.([A-Za-z_]+)", PAGE.read_text()):
        assert hasattr(clflow, name) or name == "sklearn", name
    for name in re.findall(r"`flow\.([a-z_]+)", PAGE.read_text()):
        assert hasattr(clflow.Flow, name), name
