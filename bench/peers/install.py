# SPDX-License-Identifier: MIT
"""Installs the peers without changing the system: Python packages go to an environment of their own, and
libraries are unpacked next to it.  Needs only Python, pip and apt."""

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
    """Makes the environment if it is missing; returns its interpreter.

    index: where pip takes PyTorch from, or None.
    """
    mine = folder / "venv" / "bin" / "python"
    if (folder / "venv" / "complete").exists():
        return mine
    print("installing", ", ".join(PACKAGES), file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [mine, "-m", "pip", "install", "-q"]
    if index:  # its wheels are for CPUs only, and smaller
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
    """Returns the name or path to load a library by: the system's, or Debian's unpacked, or None."""
    package, file = LIBRARIES[name]
    if ctypes.util.find_library(name):
        return file
    unpacked = Path(folder) / "debian"
    if not any(unpacked.rglob(file)):
        unpack(package, unpacked)
    return next((str(p.resolve()) for p in unpacked.rglob(file)), None)
