# SPDX-License-Identifier: MIT
"""Finds OpenCL drivers, and writes the files that tell the bundle's loader where they are."""

import glob
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

USUAL = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib/x86_64-linux-gnu", "/lib64",
         "/usr/local/lib", "/usr/local/lib64")  # fmt: skip


@dataclass
class Driver:
    """A vendor's driver: the names of its library, and folders to look in first."""

    name: str
    libraries: tuple
    folders: tuple = ()


DRIVERS = (
    Driver("nvidia", ("libnvidia-opencl.so.1", "libnvidia-opencl.so.*"),
           ("/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/usr/lib/nvidia*",
            "/usr/lib64/nvidia*", "/usr/lib/x86_64-linux-gnu/nvidia*", "/usr/lib/wsl/lib",
            "/usr/local/cuda*/compat", "/run/opengl-driver/lib", "/run/nvidia/driver/usr/lib*",
            "/run/nvidia/driver/usr/lib/x86_64-linux-gnu", "/opt/nvidia*/lib*",
            "/.singularity.d/libs")),
    Driver("amd", ("libamdocl64.so", "libamdocl64.so.*"),
           ("/opt/rocm*/lib", "/opt/rocm*/lib64", "/opt/rocm*/opencl/lib",
            "/opt/amdgpu*/lib/x86_64-linux-gnu", "/opt/amdgpu*/lib64")),
    Driver("intel-gpu", ("libigdrcl.so",),
           ("/usr/lib/x86_64-linux-gnu/intel-opencl", "/usr/lib64/intel-opencl",
            "/usr/local/lib/intel-opencl", "/opt/intel/opencl*")),
    Driver("intel-cpu", ("libintelocl.so",),
           ("/opt/intel/oneapi/compiler/*/lib", "/opt/intel/oneapi/compiler/*/linux/lib/x64",
            "/opt/intel-opencl-rt/lib", "/usr/local/lib/python3*/site-packages/../..")),
    Driver("pocl", ("libpocl.so.2", "libpocl.so.*", "libpocl.so")),
)  # fmt: skip


@dataclass
class Search:
    """The folders that were searched, and the drivers found there: {name of an .icd: path of a library}."""

    folders: list = field(default_factory=list)
    found: dict = field(default_factory=dict)


def folders_of_environment():
    return [f for f in os.environ.get("CLFLOW_GPU_OUTSIDE", "").split(":") if f.startswith("/")]


def folders_of_loader():
    """Returns the folders of the machine's loader, from its cache if that can be read, else from its configuration."""
    for tool in ("ldconfig", "/sbin/ldconfig"):
        try:
            text = subprocess.run([tool, "-p"], capture_output=True, text=True,
                                  env=outside()).stdout  # fmt: skip
        except OSError:
            continue
        return sorted({str(Path(line.split("=>")[1].strip()).parent)
                       for line in text.splitlines() if "=>" in line})  # fmt: skip
    lines = []
    for path in glob.glob("/etc/ld.so.conf.d/*.conf"):
        lines += Path(path).read_text().splitlines()
    return [line.strip() for line in lines if line.startswith("/")]


def outside():
    """Returns the environment for programs that are not in the bundle."""
    ours = ("PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "CLFLOW_GPU_OUTSIDE", "CLFLOW_GPU_LOADER")
    env = {k: v for k, v in os.environ.items() if k not in ours}
    if os.environ.get("CLFLOW_GPU_OUTSIDE"):
        env["LD_LIBRARY_PATH"] = os.environ["CLFLOW_GPU_OUTSIDE"]
    else:
        env.pop("LD_LIBRARY_PATH", None)
    return env


def listed_drivers(folder="/etc/OpenCL/vendors"):
    """Returns the machine's own .icd files: {stem: library that the file names}."""
    files = {}
    for path in sorted(glob.glob(f"{folder}/*.icd")):
        lines = Path(path).read_text(errors="replace").split()
        if lines:
            files[Path(path).stem] = lines[0]
    return files


def library_in(folders, names):
    for name in names:
        for folder in folders:
            for path in sorted(glob.glob(f"{glob.escape(folder)}/{name}")):
                if os.path.exists(path):
                    return os.path.realpath(path)
    return None


def expand(patterns):
    return [f for pattern in patterns for f in sorted(glob.glob(pattern)) if os.path.isdir(f)]


def search(more=()):
    """Finds drivers in the folders `more`, in the machine's .icd files and in the folders above."""
    result = Search()
    first = [*more, *folders_of_environment()]
    base = list(dict.fromkeys([*first, *folders_of_loader(), *USUAL]))
    result.folders = [f for f in base if os.path.isdir(f)] + ["/etc/OpenCL/vendors"]
    for driver in DRIVERS:
        folders = list(dict.fromkeys([*first, *expand(driver.folders), *base]))
        result.folders += [f for f in expand(driver.folders) if f not in result.folders]
        path = library_in(folders, driver.libraries)
        if path:
            result.found[driver.name] = path
    known = {os.path.basename(os.path.realpath(p)) for p in result.found.values()}
    for stem, library in listed_drivers().items():
        path = library if library.startswith("/") else library_in(base, (library,))
        if path and os.path.exists(path) and os.path.basename(os.path.realpath(path)) not in known:
            result.found[stem] = path
    return result


def write_vendors(found, folder):
    """Writes an .icd file for each driver, and returns the folders of their libraries."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in found.items():
        (folder / f"{name}.icd").write_text(path + "\n")
    return list(dict.fromkeys(str(Path(p).parent) for p in found.values()))
