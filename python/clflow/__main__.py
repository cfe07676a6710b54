# SPDX-License-Identifier: MIT
"""`python -m clflow` and `clflow`: run the program clflow from the wheel or, without one, the system's."""

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
        if found.is_file() and os.access(found, os.X_OK) and found.read_bytes()[:2] != b"#!":  # not a script that calls this one
            return str(found)
    return None


def main() -> int:
    """Replaces this process by the program if possible, otherwise runs it, with the same arguments."""
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
