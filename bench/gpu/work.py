# SPDX-License-Identifier: MIT
"""Shared by the stages of a run: the bundle's programs, time limits, the log, the results."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[1]


@dataclass
class Done:
    """How a program ended: `code` is None if its time was up."""

    code: int | None
    output: str  # of standard output
    errors: str
    seconds: float

    def verdict(self):
        if self.code is None:
            return "too slow"
        if self.code < 0:
            name = signal.Signals(-self.code).name if -self.code in iter(signal.Signals) else ""
            return f"crashed (signal {-self.code} {name})".replace(" )", ")")
        return "passed" if self.code == 0 else "failed"


class Results:
    """Results of a run; save() writes report.json and report.html completely each time."""

    def __init__(self, folder, page):
        self.folder, self.page, self.lock = folder, page, threading.Lock()
        self.all = {"clflow_gpu": 1, "stages": {}}
        self.log = (folder / "log.txt").open("w")

    def save(self):
        with self.lock:
            self.replace("report.json", json.dumps(self.all, indent=1))
            self.replace("report.html", self.page(self.all))

    def replace(self, name, text):
        unfinished = self.folder / (name + ".part")
        unfinished.write_text(text)
        unfinished.replace(self.folder / name)

    def close(self):
        self.save()
        self.log.close()

    def note(self, text):
        """Writes a line to the log."""
        with self.lock:
            print(text, file=self.log, flush=True)


class Work:
    """The device under test, the environment of the bundle's programs, and the time."""

    def __init__(self, results, minutes, folder):
        self.results, self.folder = results, folder
        self.end = time.monotonic() + 60 * minutes
        self.stage_end = self.end
        self.env = dict(os.environ)
        self.loader = os.environ.get("CLFLOW_GPU_LOADER", "")
        self.device = None  # a row of `clflow devices`; None: no OpenCL device
        self.env |= {"CLFLOW_CACHE_DIR": str(folder / "cache"), "HOME": str(folder),
                     "POCL_CACHE_DIR": str(folder / "cache/pocl"), "XDG_CACHE_HOME": str(folder),
                     "CUDA_CACHE_PATH": str(folder / "cache/cuda"),
                     "CLF_GOLDEN": str(BUNDLE / "data/golden")}  # fmt: skip
        (folder / "cache/pocl").mkdir(parents=True)
        self.wrap("clflow")
        if self.loader:
            probe = self.wrap("libexec/clflow/clflow-probe")
            self.env["CLFLOW_PROBE"] = str(probe) if os.path.exists("/bin/sh") else ""

    def wrap(self, program):
        """Writes a script that starts a program of the bundle with the right loader and libraries."""
        path = self.folder / Path(program).name
        words = self.words(program if "/" in program else f"bin/{program}")
        quoted = " ".join("'" + w.replace("'", "'\\''") + "'" for w in words)
        path.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH=\'{self.library_path()}\' exec {quoted} "$@"\n')
        path.chmod(0o755)
        return path

    def library_path(self):
        return "" if self.loader else self.env.get("LD_LIBRARY_PATH", "")

    def words(self, program):
        path = str(BUNDLE / program)
        if not self.loader:
            return [path]
        folders = [str(BUNDLE / "glibc"), str(BUNDLE / "lib"), *self.driver_folders()]
        return [self.loader, "--library-path", ":".join(folders), path]

    def driver_folders(self):
        return [f for f in self.env.get("CLFLOW_GPU_DRIVERS", "").split(":") if f]

    def use_drivers(self, vendors, folders):
        """Makes programs find these drivers, and drivers their libraries, from now on."""
        self.env |= {"OCL_ICD_VENDORS": str(vendors), "OPENCL_VENDOR_PATH": str(vendors),
                     "CLFLOW_GPU_DRIVERS": ":".join(folders)}  # fmt: skip
        if not self.loader:
            path = [p for p in self.env.get("LD_LIBRARY_PATH", "").split(":") if p]
            self.env["LD_LIBRARY_PATH"] = ":".join([*path, *folders])
        self.wrap("clflow")

    def left(self):
        """Returns the seconds that are left for the current stage."""
        return max(0.0, min(self.stage_end, self.end) - time.monotonic())

    def program(self, program, *args, limit=None, env=None):
        """Runs a program of the bundle."""
        return self.run([*self.words(f"bin/{program}"), *args], limit, self.env | (env or {}))

    def run(self, words, limit=None, env=None):
        words = [str(w) for w in words]
        limit = self.left() if limit is None else min(limit, self.left())
        begin = time.monotonic()
        if limit <= 0.2:
            return Done(None, "", "no time was left", 0.0)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, env=env or self.env, text=True,
                                   errors="replace", start_new_session=True, cwd=self.folder)  # fmt: skip
        code = None
        try:
            output, errors = process.communicate(timeout=limit)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
        done = Done(code, output, errors, time.monotonic() - begin)
        self.results.note(f"$ {' '.join(words)}\n{output}{errors}"
                          f"-- {done.verdict()}, {done.seconds:.2f} s\n")  # fmt: skip
        return done

    def stream(self, words, env, take):
        """Like run(), but calls take() with each line of standard output at once."""
        words, begin = [str(w) for w in words], time.monotonic()
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, env=env, text=True, errors="replace",
                                   start_new_session=True, cwd=self.folder)  # fmt: skip
        late = threading.Event()
        errors = []

        def stop():
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(max(self.left(), 0.1), stop)
        reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
        timer.start()
        reader.start()
        self.results.note(f"$ {' '.join(words)}")
        for line in process.stdout:
            self.results.note(line.rstrip())
            take(line)
        code = process.wait()
        timer.cancel()
        reader.join()
        process.stdout.close()
        process.stderr.close()
        done = Done(None if late.is_set() else code, "", "".join(errors), time.monotonic() - begin)
        self.results.note(f"{done.errors}-- {done.verdict()}, {done.seconds:.2f} s\n")
        return done

    def clean(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def say(text):
    print(text, flush=True)


def tell(part, text):
    say(f"{part:10s} {text}")


if sys.version_info < (3, 10):
    raise SystemExit("run: this needs Python 3.10 or later; start it with ./run, which uses the Python of the bundle")
