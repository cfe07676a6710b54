#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Copies a build of clflow into a folder that runs on another machine.

usage: bundle.py --build BUILD --out FOLDER

The folder needs an x86-64 Linux and nothing else: no compiler, no packages, no OpenCL loader.
It holds programs, the libraries they need, a Python for the scripts of this folder, and a C
library that is used where the machine's own is older.  A driver is not in it.
"""

import argparse
import json
import modulefinder
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIMIT = 55_000_000  # bytes of a bundle
TESTS = ("device_tests", "builds")  # programs of tests/
# Files of the C library: they only work with their own loader, so they are kept in a folder of their own.
C_LIBRARY = re.compile(r"(ld-linux-x86-64|libc|libm|libdl|librt|libpthread|libresolv|libutil)\.so")
# Libraries that are empty today, but that drivers still ask for.
C_LIBRARY_MORE = ("libdl.so.2", "librt.so.1", "libpthread.so.0")
# Libraries that clflow loads at run time, where the machine has them.
LOADED = ("libOpenCL.so.1", "libclblast.so.1")
PEERS = ("names.py", "reference.py", "serve.py", "sides.py", "torch_peer.py", "nvp_torch.py",
         "realnvp_torch.py", "blas_peer.py")  # fmt: skip
DATA = ("examples/penguins.csv", "examples/digits.idx.gz", "examples/README.md")


def run(*words):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True).stdout


def copy(source, folder, strip=False):
    folder.mkdir(parents=True, exist_ok=True)
    to = folder / Path(source).name
    shutil.copyfile(source, to)
    to.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    if strip:
        run("strip", "--strip-unneeded", to)
    return to


# ---- Programs and libraries -----------------------------------------------------------


def libraries_of(path):
    """Returns the libraries that the loader would load with this file: {name: path}."""
    found = dict(re.findall(r"(\S+) => (/\S+)", run("ldd", path)))
    found |= {Path(p).name: p for p in re.findall(r"^\s*(/\S+ld-linux\S+)", run("ldd", path), re.M)}
    return found


def loaded_libraries():
    """Returns the libraries of LOADED and those that they need: {name: path}."""
    known = run("/sbin/ldconfig", "-p")
    found = {}
    for name in LOADED:
        for path in re.findall(rf"^\s*{re.escape(name)} .*x86-64.* => (/\S+)", known, re.M)[:1]:
            found |= {name: path} | libraries_of(path)
    return found


def copy_programs(build, out):
    run("cmake", "--install", build, "--prefix", out, "--strip")
    for name in ("include", "share", "lib/cmake", "lib/pkgconfig"):
        shutil.rmtree(out / name, ignore_errors=True)
    lib = next(out.glob("lib/**/libclflow.so")).parent
    for extra in [*lib.glob("*.a"), *lib.glob("*.so")]:  # the names with a version stay
        extra.unlink()
    for extra in ("cmake", "pkgconfig"):
        shutil.rmtree(lib / extra, ignore_errors=True)
    for test in TESTS:
        copy(build / "tests" / test, out / "bin", strip=True)


def is_elf(path):
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def copy_libraries(out):
    """Copies the libraries of all programs; the C library goes to a folder of its own."""
    ours = {p.name for p in out.rglob("*.so*")}
    wanted = {}
    for path in out.rglob("*"):
        if path.is_file() and not path.is_symlink() and is_elf(path):
            wanted |= libraries_of(path)
    wanted |= loaded_libraries()
    c_folder = Path(wanted["libc.so.6"]).parent
    wanted |= {name: str(c_folder / name) for name in C_LIBRARY_MORE}
    for name, path in wanted.items():
        if name in ours:
            continue
        c_library = C_LIBRARY.match(name)
        to = copy(os.path.realpath(path), out / ("glibc" if c_library else "lib"), not c_library)
        to.rename(to.with_name(name))


def glibc_needed(out):
    """Returns the newest version of the C library that a file of the bundle needs."""
    versions = set()
    for path in out.rglob("*"):
        if path.is_file() and not path.is_symlink() and is_elf(path) and path.parent.name != "glibc":
            versions |= set(re.findall(r"GLIBC_(2\.\d+)", run("objdump", "-T", path)))
    return max(versions, key=lambda v: int(v.split(".")[1]))


# ---- Python ---------------------------------------------------------------------------


def modules_needed():
    """Returns the modules that the scripts of this folder and Python's own start import: {name: file}."""
    finder = modulefinder.ModuleFinder(path=[str(HERE), *sys.path])
    finder.run_script(str(HERE / "main.py"))
    for name in ("encodings.ascii", "encodings.utf_8", "encodings.latin_1", "site", "runpy",
                 "zipimport", "codecs", "io", "abc"):  # fmt: skip
        finder.import_hook(name) if "." not in name else finder.import_hook(name, None, ["*"])
    return {name: m.__file__ for name, m in finder.modules.items() if m.__file__}


def copy_python(out):
    stdlib = Path(sysconfig.get_path("stdlib"))
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    python = out / "python"
    copy(os.path.realpath(sys.executable), python / "bin", strip=True).rename(python / "bin/python3")
    home = python / "lib" / f"python{version[0]}.{version[1:]}"
    (home / "lib-dynload").mkdir(parents=True)  # empty: the scripts need none of its modules
    (home / "os.py").touch()  # Python looks for this file to find its home
    with zipfile.ZipFile(python / "lib" / f"python{version}.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for path in sorted(set(modules_needed().values())):
            if path.endswith(".py") and Path(path).is_relative_to(stdlib):
                z.write(path, Path(path).relative_to(stdlib))


# ---- Scripts and data -----------------------------------------------------------------


def copy_scripts(out):
    for path in HERE.glob("*.py"):
        if path.name != "bundle.py":
            copy(path, out / "gpu")
    styles = [ROOT / "bench/page.css", HERE / "page.css"]
    (out / "gpu/page.css").write_text("".join(p.read_text() for p in styles))
    rows = re.findall(r"^CLF_OP\((\w+),", (ROOT / "include/clflow/ops.def").read_text(), re.M)
    (out / "data").mkdir()
    (out / "data/stems.txt").write_text("\n".join(sorted(set(rows))) + "\n")
    for name in PEERS:
        copy(ROOT / "bench/peers" / name, out / "peers")
    for name in DATA:
        copy(ROOT / name, out / "data")
    shutil.copytree(ROOT / "tests/golden", out / "data/golden",
                    ignore=shutil.ignore_patterns("*.py"))  # fmt: skip
    (out / "run").write_text((HERE / "launch.sh").read_text())
    (out / "run").chmod(0o755)


def copy_safetensors(out):
    """Adds the package safetensors for a Python that has PyTorch but not this; it works with any Python 3."""
    words = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile",
             "--target", out / "peers/site", "safetensors"]  # fmt: skip
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        print("bundle: pip does not find the Python package safetensors, so the bundle does not have it; "
              "to compare with PyTorch, install it on the machine where the bundle runs")  # fmt: skip
        return
    for extra in (out / "peers/site").glob("*.dist-info"):
        shutil.rmtree(extra)


def revision():
    words = ["git", "-C", ROOT, "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def size_of(out):
    return sum(p.lstat().st_size for p in out.rglob("*") if stat.S_ISREG(p.lstat().st_mode))


def main():
    parser = argparse.ArgumentParser(description="Makes the folder that `scripts/gpu run` uses.")
    parser.add_argument("--build", type=Path, required=True, help="a build with tests")
    parser.add_argument("--out", type=Path, required=True, help="the folder; it is replaced")
    args = parser.parse_args()
    out = args.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    copy_programs(args.build.resolve(), out)
    copy_python(out)
    copy_libraries(out)
    copy_scripts(out)
    copy_safetensors(out)
    needed = glibc_needed(out)
    version = run(args.build / "clflow", "--version").split()[1]
    (out / "manifest.json").write_text(json.dumps(
        {"version": version, "revision": revision(), "glibc": needed}, indent=1) + "\n")  # fmt: skip
    size = size_of(out)
    print(f"bundle: {out}: {size / 1e6:.1f} MB; uses the machine's glibc if it is {needed} or newer, else its own")
    if size > LIMIT:
        raise SystemExit(f"bundle: {size / 1e6:.1f} MB is more than the limit of {LIMIT / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
