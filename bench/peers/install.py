# SPDX-License-Identifier: MIT
"""Installs the peers apart from the project: Python packages in an environment of their own,
libraries unpacked beside it.  It uses nothing but Python, pip and apt."""

import ctypes.util
import subprocess
import sys
from pathlib import Path

PACKAGES = ["numpy", "safetensors", "torch", "jax[cpu]", "pyopencl", "nflows", "zuko", "flowjax",
            "scikit-learn", "palmerpenguins"]
LIBRARIES = {"openblas": ("libopenblas0-pthread", "libopenblas.so.0"),
             "onednn": ("libdnnl2", "libdnnl.so.2"),
             "clblast": ("libclblast1", "libclblast.so.1")}  # fmt: skip


def python(folder, index):
    """The environment's interpreter; `index` is where pip finds PyTorch, or None."""
    mine = folder / "venv" / "bin" / "python"
    if (folder / "venv" / "complete").exists():
        return mine
    print("installing", ", ".join(PACKAGES), file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [mine, "-m", "pip", "install", "-q"]
    if index:  # the wheels for CPUs alone are there, and smaller
        subprocess.run([*pip, "torch", "--index-url", index], check=True)
    subprocess.run([*pip, *PACKAGES], check=True)
    (folder / "venv" / "complete").touch()
    return mine


def unpack(package, folder):
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["apt-get", "download", "-qq", package], cwd=folder).returncode:
        return
    for archive in folder.glob(f"{package}_*.deb"):
        subprocess.run(["dpkg", "-x", archive.name, "."], cwd=folder, check=True)


def library(name, folder):
    """Its path or name to load it by: the system's, or Debian's unpacked; None: there is none."""
    package, file = LIBRARIES[name]
    if ctypes.util.find_library(name):
        return file
    place = Path(folder) / "debian"
    if not any(place.rglob(file)):
        unpack(package, place)
    return next((str(p.resolve()) for p in place.rglob(file)), None)
