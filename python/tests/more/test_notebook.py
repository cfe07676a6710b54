# SPDX-License-Identifier: MIT
"""examples/density.ipynb runs from start to end, with its pictures.  With CLF_PICTURES=FOLDER these are written there."""

from __future__ import annotations

import base64
import os
import pathlib
import re
import shutil

import nbformat
from nbclient import NotebookClient

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"


def test_notebook(tmp_path):
    shutil.copy(EXAMPLES / "palmer_penguins.csv", tmp_path)
    notebook = nbformat.read(EXAMPLES / "density.ipynb", as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code"), "save the notebook without outputs"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
    if folder := os.environ.get("CLF_PICTURES"):
        for i, picture in enumerate(pictures):
            (pathlib.Path(folder) / f"density-{i}.png").write_bytes(base64.b64decode(picture))
    text = "".join(output.get("text", "") for output in outputs)
    assert not any(output.output_type == "error" for output in outputs) and "Warning" not in text
    assert float(re.search(r"test rows: (-?[\d.]+)", text)[1]) > -18
    light, middle, heavy = map(float, re.search(r"\[(\d+)\. (\d+)\. (\d+)\.\] g on average", text).groups())
    assert 3000 < light < middle < heavy < 6500
    assert "100% |========================| step 600/600, log p" in text
    assert (tmp_path / "penguins.safetensors").exists()
