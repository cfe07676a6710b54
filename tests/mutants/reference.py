# SPDX-License-Identifier: MIT
"""What a mutant of cpu_ref changes: the files that are compiled from it, once for each variant."""

import re
from pathlib import Path

FEW = 8  # a header of more files than that is left out: each mutant of it would compile for minutes


def included(root, file):
    """The headers of cpu_ref that a file includes, directly or through others."""
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
    """The .c files of cpu_ref whose objects a file changes; none for a header that too many include."""
    if file.endswith(".c"):
        return [file]
    files = sorted(str(p.relative_to(root)) for p in (root / "cpu_ref").glob("*.c"))
    found = [f for f in files if file in included(root, f)]
    return found if len(found) <= FEW else []


def objects(root, file):
    """The object files that a mutant of `file` changes."""
    variants = re.findall(r"^\s*clf_variant\((\w+)", (root / "cmake/variants.cmake").read_text(), re.M)
    return [f"CMakeFiles/ref_{v}.dir/{f}.o" for f in dependents(root, file) for v in variants]


def on_cpu(test):
    """The names that a test of an OpenCL device has on the devices that run cpu_ref."""
    device = r"(check:)?opencl(:/\w+)?"
    return {re.sub(device, d, test) for d in ("cpu", "cpu64", "cpu/baseline")} if re.search(device, test) else {test}
