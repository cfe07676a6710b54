# SPDX-License-Identifier: MIT
"""`python -m clflow` and `clflow`: the program of the C library, that of the wheel or else the system's."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

__all__ = ["main", "program"]


def program() -> str | None:
    """The path of the program; None: there is none."""
    bundled = pathlib.Path(__file__).parent / "bin" / ("clflow.exe" if sys.platform == "win32" else "clflow")
    if bundled.exists():
        return str(bundled)
    for folder in os.get_exec_path():
        found = pathlib.Path(folder) / "clflow"
        if found.is_file() and os.access(found, os.X_OK) and found.read_bytes()[:2] != b"#!":  # not a script that leads here
            return str(found)
    return None


def main() -> int:
    """Runs the program with this process's arguments, in its place where that is possible."""
    found = program()
    if found is None:
        print("clflow: the program is not installed; install the wheel of clflow, or build it with CMake", file=sys.stderr)
        return 127
    command = [found, *sys.argv[1:]]
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(found, command)
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
