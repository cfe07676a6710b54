# SPDX-License-Identifier: MIT
"""Copies of the tree that mutants are built in, and runs of tests there."""

import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

GIB = 1 << 30
BUSY = 123  # run(): other processes had the cores for too long
running, lock = set(), threading.Lock()  # process groups of tests and builds, which an interrupt ends
stopping = threading.Event()


class Interrupted(Exception):
    pass


def copy_tree(source, files, target):
    """Copies `files` of `source` to `target`; equal files keep their time, so that ninja does little."""
    for old in sorted(p for p in target.rglob("*") if p.is_file() or p.is_symlink()):
        name = old.relative_to(target)
        if name.parts[0] != "build-test" and str(name) not in files:
            old.unlink()
    for name in files:
        a, b = source / name, target / name
        if not a.is_file():
            continue
        if not b.is_file() or a.read_bytes() != b.read_bytes():
            b.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(a, b)


def files_here(folder):
    """Returns all files of a copy but those of its builds."""
    return {
        str(p.relative_to(folder))
        for p in folder.rglob("*")
        if p.is_file() and p.relative_to(folder).parts[0] != "build-test"
    }


def files_of(root):
    out = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"], check=True, stdout=subprocess.PIPE
    ).stdout
    return {os.fsdecode(f) for f in out.split(b"\0") if f}


# A mutant may cause warnings.
LAUNCHER = """#!/bin/sh
for source; do :; done
grep -q clf_mutant_entered "$source" && exec "$@" -Wno-error
ccache "$@" 2>/dev/null || exec "$@" -Wno-error
"""


class Tree:
    """One copy of the sources with its builds."""

    BUILDS = {
        "gcc": ["-DCLF_WERROR=ON"],  # as scripts/test builds it: ccache has what did not change
        "coverage": ["-DCLF_COVERAGE=ON", "-DCMAKE_C_COMPILER=gcc"],
        "sanitize": ["-DCLF_SANITIZE=address,undefined", "-DCMAKE_C_FLAGS=-DCLF_PARALLEL_FROM=1e4"],
    }
    INHERITED = "PATH LANG CCACHE_DIR CCACHE_MAXSIZE PYTHONPATH ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS".split()
    linked = None  # an object file that is linked into every program and library

    def __init__(self, folder, work, cache):
        """work: folder for what tests write; cache: filled once, and copied for each mutant."""
        self.root, self.work, self.cache = Path(folder), Path(work), Path(cache)
        self.checks = self.work / "checks"  # what a test said of each of its checks, as TAP
        self.known, self.targets = {}, {}  # of each build
        self.env = {k: os.environ[k] for k in self.INHERITED if k in os.environ} | {
            "HOME": str(self.cache / "home"),  # the same for all, since verdicts about drivers depend on it
            "OCL_ICD_VENDORS": os.environ.get("OCL_ICD_VENDORS", "/etc/OpenCL/vendors/pocl.icd"),
            "OMP_WAIT_POLICY": "passive",
            "CCACHE_BASEDIR": str(self.root),
            "CCACHE_NOHASHDIR": "1",
        }
        if shutil.which("ccache"):
            ask = ["ccache", "--get-config", "cache_dir"]  # HOME is another one here
            self.env["CCACHE_DIR"] = subprocess.run(ask, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
            launcher = self.work / "launcher"
            self.work.mkdir(parents=True, exist_ok=True)
            launcher.write_text(LAUNCHER)
            launcher.chmod(0o755)
            self.env["CMAKE_C_COMPILER_LAUNCHER"] = str(launcher)
        self.fresh_folders()

    # ---- Builds ------------------------------------------------------------------------------

    def build_folder(self, build):
        return self.root / "build-test" / build

    def configure(self, build):
        folder = self.build_folder(build)
        if (folder / "build.ninja").exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        options = list(self.BUILDS[build])
        found = [f"-fuse-ld={k}" for p, k in (("mold", "mold"), ("ld.lld", "lld")) if shutil.which(p)]
        flags = " ".join([*found[:1], *([str(self.linked)] if self.linked else [])])  # each mutant links its tests
        options += [f"-DCMAKE_{kind}_LINKER_FLAGS={flags}" for kind in ("EXE", "SHARED", "MODULE")]
        done = subprocess.run(
            ["cmake", "-S", self.root, "-B", folder, "-G", "Ninja", *options],
            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"mutants: cmake failed:\n{done.stdout}")

    def ninja(self, build, *targets, mutated=False):
        """Builds targets; returns (success, output).  Objects of a mutant do not go to ccache."""
        env = self.env | ({"CCACHE_READONLY": "1"} if mutated else {})
        p = subprocess.Popen(
            ["ninja", "-j1", "-C", self.build_folder(build), *targets],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        with ending(p):
            output = p.communicate()[0]
        return p.returncode == 0, output

    def object_of(self, file):
        return f"CMakeFiles/clflow_objects.dir/{file}.o"

    def objects_of(self, build, file):
        """Returns the object files of a file of host code: the library's, or those of programs and modules."""
        if build not in self.targets:
            out = subprocess.run(
                ["ninja", "-C", self.build_folder(build), "-t", "targets", "all"],
                check=True, stdout=subprocess.PIPE, text=True,
            ).stdout  # fmt: skip
            self.targets[build] = [line.split(": ")[0] for line in out.splitlines() if ".o: C_COMPILER" in line]
        if self.object_of(file) in self.targets[build]:
            return [self.object_of(file)]
        return [t for t in self.targets[build] if re.match(rf"CMakeFiles/\w+\.dir/{re.escape(file)}\.o$", t)]

    def object_hash(self, build, targets):
        return hashlib.sha1(b"".join((self.build_folder(build) / t).read_bytes() for t in targets)).hexdigest()

    def tests(self, build):
        """Returns the tests that a campaign may run: name -> (ninja target, command, labels)."""
        if build in self.known:
            return self.known[build]
        self.stand_in(build)
        out = subprocess.run(
            ["ctest", "--test-dir", self.build_folder(build), "--show-only=json-v1"],
            check=True, stdout=subprocess.PIPE,
        ).stdout  # fmt: skip
        found = {}
        for t in json.loads(out)["tests"]:
            command = t.get("command")
            if command and Path(command[0]).parent == self.build_folder(build) / "tests":
                labels = [p["value"] for p in t["properties"] if p["name"] == "LABELS"]
                target = Path(command[0]).name
                if target.startswith("test_"):
                    found[t["name"]] = (target, command, labels[0] if labels else [])
        self.known[build] = found
        return found

    def stand_in(self, build):
        """Empty files for programs that are not built yet: ctest leaves out tests without a program,
        and ninja builds them when they are needed."""
        folder = self.build_folder(build) / "tests"
        for line in (folder / "CTestTestfile.cmake").read_text().splitlines():
            program = re.search(rf'"({re.escape(str(folder))}/test_\w+)"', line)
            if program and not Path(program.group(1)).exists():
                Path(program.group(1)).touch(mode=0o755)

    def sources_of(self, build, target):
        """Returns the files of tests/ that a test is built from."""
        out = subprocess.run(
            ["ninja", "-C", self.build_folder(build), "-t", "inputs", target],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip
        prefix = f"{self.root}/tests/"
        return sorted(line[len(str(self.root)) + 1 :] for line in out.splitlines() if line.startswith(prefix))

    # ---- Runs ---------------------------------------------------------------------------------

    def fresh_folders(self, own_kernels=False):
        """Empties the folders for temporary files and restores clflow's cache.  A mutant of a kernel gets its
        own cache of pocl, since its kernels are of no use to others."""
        (self.cache / "home").mkdir(parents=True, exist_ok=True)
        for name in ("tmp", "cache", "pocl"):
            shutil.rmtree(self.work / name, ignore_errors=True)
            (self.work / name).mkdir(parents=True)
        pocl = self.work / "pocl" if own_kernels else self.cache / "pocl"
        pocl.mkdir(parents=True, exist_ok=True)
        if not own_kernels and (self.cache / "clflow").exists():
            shutil.copytree(self.cache / "clflow", self.work / "cache", dirs_exist_ok=True)
        self.env |= {"POCL_CACHE_DIR": str(pocl), "CLFLOW_CACHE_DIR": str(self.work / "cache")}

    def run(self, build, command, wall, cpu, extra=None, until=None):
        """(exit code, seconds, output); 124: it took longer than `wall` seconds and then only slept,
        or takes too much memory.  A test ends at its first check that fails, with code 1, or once
        `until` checks have passed, with code 0.

        On a busy machine a test may wait for a core: one that does not sleep is ended by `cpu` alone,
        and is BUSY after ten times `wall`.
        What runs may be broken in any way: it has namespaces of its own, so that it can neither
        signal other processes nor leave any behind, a /tmp of its own, and limits.  Memory is
        watched instead of limited, since `cpu` does not use BLAS under a limit.
        """
        limits = [f"--cpu={int(cpu) + 1}", f"--fsize={4 * GIB}", "--core=0"]
        inner = '"$@"; exit $?'  # as a child, since the first process of a namespace ignores signals
        if not str(self.root).startswith("/tmp/"):
            inner = 'mount --bind "$MUTANT_TMP" /tmp && ' + "{ " + inner + "; }"
        argv = [
            "choom", "-n", "1000", "--", "prlimit", *limits, "unshare", *([] if os.geteuid() == 0 else ["-Ur"]),
            "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", inner, "sh", *command,
        ]  # fmt: skip
        begin = time.monotonic()
        self.checks.unlink(missing_ok=True)
        own = {"MUTANT_TMP": str(self.work / "tmp"), "CK_TAP_LOG_FILE_NAME": str(self.checks)}
        with open(self.work / "output", "wb") as out:
            p = subprocess.Popen(
                argv, cwd=self.build_folder(build) / "tests", stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=self.env | own | (extra or {}), start_new_session=True,
            )  # fmt: skip
        code = 124
        with ending(p):
            while True:
                try:
                    code = p.wait(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    passed, failure = self.progress()
                    if failure or (until and passed >= until):
                        code = 1 if failure else 0
                        break
                    late = time.monotonic() - begin
                    if resident(p.pid) > 6 * GIB or (late > wall and sleeps(p.pid)):
                        break
                    if late > 10 * wall:
                        code = BUSY
                        break
        with open(self.work / "output", "rb") as out:
            text = out.read()[-20000:].decode(errors="replace")
        return code, time.monotonic() - begin, text + self.progress()[1]

    def progress(self):
        """(number of checks of the last test that passed before one failed, what that one says or "")"""
        log = self.checks.read_text(errors="replace") if self.checks.exists() else ""
        before, failure, rest = log.partition("\nnot ok ") if not log.startswith("not ok ") else ("", log, "")
        return len(re.findall(r"^ok ", before, re.M)), failure + rest


def stats(session, which):
    """Yields the fields of /proc/PID/stat after the name for each process or thread of a session."""
    for stat in glob.iglob(f"/proc/{which}"):  # that of pathlib fails when a process ends
        try:
            fields = Path(stat).read_text().rpartition(")")[2].split()
        except OSError:  # it just ended
            continue
        if int(fields[3]) == session:
            yield fields


def resident(session):
    return 4096 * sum(int(f[21]) for f in stats(session, "[0-9]*/stat"))


def sleeps(session):
    """Whether all threads of a session sleep for a second."""
    for _ in range(20):
        time.sleep(0.05)
        if any(f[0] not in "SZ" for f in stats(session, "[0-9]*/task/*/stat")):
            return False
    return True


@contextlib.contextmanager
def ending(p):
    """Ends the process group of `p` at the end of the block, or when stop_all() is called; raises
    Interrupted in that case."""
    with lock:
        if stopping.is_set():
            end_group(p.pid)
        running.add(p.pid)
    try:
        yield
    finally:
        with lock:
            running.discard(p.pid)
        end_group(p.pid)
        p.wait()
    if stopping.is_set():
        raise Interrupted


def end_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop_all():
    """Ends all tests and builds; each run() and ninja() then raises Interrupted."""
    stopping.set()
    for group in list(running):
        end_group(group)
