# SPDX-License-Identifier: MIT
"""The installed wheel: what is in it, the program, the probe, types."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys

import clflow
import numpy as np

HERE = pathlib.Path(clflow.__file__).parent


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **more)


def test_it_is_the_wheel_that_is_tested():
    assert "site-packages" in str(HERE) and "CLFLOW_LIBRARY" not in os.environ
    assert pathlib.Path(clflow.library_path).parent == HERE / "lib"
    assert importlib.metadata.version("clflow") == clflow.__version__
    assert (HERE / "py.typed").exists()


def test_what_it_needs_of_the_system():
    for path in (clflow.library_path, HERE / "bin" / "clflow", HERE / "libexec" / "clflow" / "clflow-probe"):
        needed = re.findall(r"^\s+(\S+)(?: =>|\s+\()", run("ldd", str(path)).stdout, re.M)
        bundled = re.compile(r"lib(clflow|png|jpeg|jansson|z)[-.\d]|linux-vdso|.*ld-linux")
        assert [name for name in needed if not bundled.match(name) and not re.match(r"lib(c|m|dl|pthread)\.so", name)] == []
        found = re.findall(r"=> (\S+/lib(?:png|jpeg|jansson)\S*)", run("ldd", str(path)).stdout)
        assert all("clflow.libs" in name for name in found)


def test_program(tmp_path):
    for command in ([str(pathlib.Path(sys.executable).parent / "clflow")], [sys.executable, "-m", "clflow"]):
        assert clflow.__version__ in run(*command, "--version").stdout
        refused = run(*command, "nosuch")
        assert refused.returncode == 2 and "nosuch" in refused.stderr
    model, picture = tmp_path / "m.safetensors", tmp_path / "p.png"
    flow = clflow.Flow("nvp", hidden=4)
    flow.fit(np.random.default_rng(0).normal(size=(500, 2)), steps=20, progress=False)
    flow.save(model)
    drawn = run(sys.executable, "-m", "clflow", "plot", str(model), "--out", str(picture), env={**os.environ, "CLFLOW_DEVICE": "cpu"})
    assert drawn.returncode == 0, drawn.stderr
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_probe_is_found():
    environment = {name: value for name, value in os.environ.items() if name != "CLFLOW_DEVICE"}
    listed = run("strace", "-f", "-e", "execve", sys.executable, "-c", "import clflow; clflow.devices()", env=environment)
    assert re.search(r"execve\(\"[^\"]*/libexec/clflow/clflow-probe\"", listed.stderr)


def test_types(tmp_path):
    (tmp_path / "user.py").write_text(
        "import clflow\nimport numpy as np\n"
        "flow = clflow.Flow('nsf', hidden=8)\n"
        "history = flow.fit(np.zeros((3, 2)), steps=3, schedule='cosine', lr=1e-3)\n"
        "reveal_type(history)\nreveal_type(flow.log_prob([[1.0, 2.0]]))\n"
        "flow.fit(np.zeros((3, 2)), schedule='nosuch')\n"
    )
    found = run(sys.executable, "-m", "mypy", "--strict", "user.py", cwd=tmp_path).stdout
    assert 'Revealed type is "clflow._train.History"' in found
    assert "numpy.ndarray" in found and "float64" in found
    assert re.search(r'user.py:7: error: Argument "schedule" to "fit" of "Flow" has incompatible type', found)
    assert "Found 1 error" in found
    config = pathlib.Path(__file__).resolve().parents[3] / "pyproject.toml"
    strict = run(sys.executable, "-m", "mypy", "--config-file", str(config), "-p", "clflow", cwd=tmp_path)
    assert "Success" in strict.stdout, strict.stdout
