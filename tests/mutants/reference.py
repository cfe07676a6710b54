# SPDX-License-Identifier: MIT
"""Finds the object files that a mutant of cpu_ref changes, for each variant."""

import re
from pathlib import Path

FEW = 8  # headers of more files are left out, since each mutant would compile for minutes


def included(root, file):
    """Returns the headers of cpu_ref that a file includes, directly or through others."""
    found, todo = set(), [file]
    while todo:
        text = (root / todo.pop()).read_text()
        for name in re.findall(r'^#include "(\w+\.h)"', text, re.M):
            header = f"cpu_ref/{name}"
            if header not in found and (root / header).exists():
                found.add(header)
                todo.append(header)
    return found


def dependents(root, file):
    """Returns the .c files of cpu_ref that a file is compiled into; none for a header that too many include."""
    if file.endswith(".c"):
        return [file]
    files = sorted(str(p.relative_to(root)) for p in (root / "cpu_ref").glob("*.c"))
    found = [f for f in files if file in included(root, f)]
    return found if len(found) <= FEW else []


def objects(root, file):
    """Returns the object files that a mutant of `file` changes."""
    variants = re.findall(r"^\s*clf_variant\((\w+)", (root / "cmake/variants.cmake").read_text(), re.M)
    return [f"CMakeFiles/ref_{v}.dir/{f}.o" for f in dependents(root, file) for v in variants]


def on_cpu(test):
    """Returns the names of a test of an OpenCL device on the devices that run cpu_ref."""
    device = r"(check:)?opencl(:/\w+)?"
    return {re.sub(device, d, test) for d in ("cpu", "cpu64", "cpu/baseline")} if re.search(device, test) else {test}
