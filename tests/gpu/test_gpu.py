#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the scripts of bench/gpu: the search for drivers, time limits, logs, the page."""

import json
import os
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/gpu"))
import drivers  # noqa: E402
import lost  # noqa: E402
import page  # noqa: E402
import stage_builds  # noqa: E402
import stage_devices  # noqa: E402
import stage_trace  # noqa: E402
import suites  # noqa: E402
import work  # noqa: E402

PTXAS = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'copy' for 'sm_90'
ptxas info    : Function properties for copy
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 31 registers, 32800 bytes smem, 64 bytes cmem[0]
ptxas info    : Compiling entry function 'gemm' for 'sm_90'
ptxas info    : Function properties for gemm
    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers
"""

CHECK = """Running suite(s): opencl:0/simt
66%: Checks: 3, Failures: 1, Errors: 0
../tests/test_ops.c:30:F:gemm:test_case:0: gemm "small": argument 2, element 3: got 1, want 2
"""


class Store:
    """Results in memory."""

    def __init__(self):
        self.notes, self.all = [], {"stages": {}}

    def note(self, text):
        self.notes.append(text)

    def save(self):
        pass


class Folder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()


class Drivers(Folder):
    def test_a_versioned_name_is_enough(self):
        library = self.folder / "libnvidia-opencl.so.580.1"
        library.touch()
        found = drivers.search([str(self.folder)]).found
        self.assertEqual(found["nvidia"], str(library.resolve()))

    def test_the_usual_name_goes_first(self):
        for name in ("libnvidia-opencl.so.580.1", "libnvidia-opencl.so.1"):
            (self.folder / name).touch()
        found = drivers.search([str(self.folder)]).found
        self.assertEqual(Path(found["nvidia"]).name, "libnvidia-opencl.so.1")

    def test_folders_of_the_environment(self):
        (self.folder / "libamdocl64.so").touch()
        os.environ["CLFLOW_GPU_OUTSIDE"] = f"/nowhere:{self.folder}"
        try:
            result = drivers.search()
        finally:
            del os.environ["CLFLOW_GPU_OUTSIDE"]
        self.assertEqual(result.found["amd"], str((self.folder / "libamdocl64.so").resolve()))
        self.assertIn(str(self.folder), result.folders)

    def test_icd_files_are_written(self):
        folders = drivers.write_vendors({"amd": "/a/libamdocl64.so", "pocl": "/a/libpocl.so.2"},
                                        self.folder / "vendors")  # fmt: skip
        self.assertEqual(folders, ["/a"])
        self.assertEqual((self.folder / "vendors/amd.icd").read_text(), "/a/libamdocl64.so\n")

    def test_choice_of_a_device(self):
        listed = [{"name": "opencl:0", "type": "cpu"}, {"name": "opencl:1", "type": "gpu"},
                  {"name": "cpu", "type": "cpu"}]  # fmt: skip
        self.assertEqual(stage_devices.choose(listed, None)["name"], "opencl:1")
        self.assertEqual(stage_devices.choose(listed, "opencl:0")["name"], "opencl:0")
        self.assertIsNone(stage_devices.choose(listed[2:], None))
        with self.assertRaisesRegex(SystemExit, "opencl:7: there is no such device; found: opencl:0"):
            stage_devices.choose(listed, "opencl:7")


class Limits(Folder):
    def setUp(self):
        super().setUp()
        self.work = work.Work(Store(), 1, self.folder)

    def test_a_program_that_takes_too_long(self):
        begin = time.monotonic()
        done = self.work.run(["/bin/sh", "-c", "echo so far; sleep 30"], 0.5)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual((done.verdict(), done.output), ("too slow", "so far\n"))

    def test_lines_come_before_the_limit(self):
        self.work.stage_end = time.monotonic() + 1
        lines = []
        done = self.work.stream(["/bin/sh", "-c", "echo 1; echo 2; sleep 30"], dict(os.environ), lines.append)
        self.assertEqual((lines, done.verdict()), (["1\n", "2\n"], "too slow"))

    def test_no_time_left(self):
        self.work.stage_end = time.monotonic()
        self.assertEqual(self.work.run(["/bin/true"]).errors, "no time was left")

    def test_a_crash(self):
        done = self.work.run(["/bin/sh", "-c", "kill -SEGV $$"], 10)
        self.assertEqual(done.verdict(), "crashed (signal 11 SIGSEGV)")

    def test_names_with_quotes(self):
        self.work.env["LD_LIBRARY_PATH"] = ""
        odd = self.folder / "it's"
        odd.mkdir()
        self.work.folder = odd
        script = self.work.wrap("clflow").read_text()
        self.assertIn('bin/clflow', script)


class Results(Folder):
    def test_each_save_is_whole(self):
        results = work.Results(self.folder, page.page)
        results.all["stages"]["devices"] = {"verdict": "passed", "seconds": 1}
        results.close()
        self.assertEqual(json.loads((self.folder / "report.json").read_text())["stages"]["devices"]["verdict"], "passed")
        self.assertIn("nothing failed", (self.folder / "report.html").read_text())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["log.txt", "report.html", "report.json"])  # fmt: skip


class Logs(unittest.TestCase):
    def test_registers(self):
        self.assertEqual(stage_builds.registers(PTXAS), {"copy": (31, 0), "gemm": (255, 20)})
        line = stage_builds.complete({"log": PTXAS, "kernels": [{"name": "gemm"}, {"name": "fill"}]})
        self.assertEqual(line["kernels"], [{"name": "gemm", "registers": 255, "spilled_bytes": 20}, {"name": "fill"}])

    def test_first_failure(self):
        self.assertEqual(suites.FAILURE.findall(CHECK), ['gemm "small": argument 2, element 3: got 1, want 2'])
        self.assertEqual(suites.COUNTS.search(CHECK).groups(), ("3", "1", "0"))

    def test_verdicts_of_a_stage(self):
        rows = [{"verdict": v} for v in ("passed", "too slow", "not run")]
        self.assertEqual(suites.summary(rows), "passed, 2 of 3 not finished in time")
        self.assertEqual(suites.summary(rows + [{"verdict": "crashed (signal 11 SIGSEGV)"}]), "failed")

    def test_totals_of_a_trace(self):
        text = "trace:      10.0 us  gemm(a[2,2,1,1])\ntrace:  5.5 us  fill(w[9])\ntrace: 2.0 us  gemm(a)\n"
        self.assertEqual(stage_trace.totals(text), [("gemm", 2, 12.0), ("fill", 1, 5.5)])


REPORT = {
    "stages": {"devices": {"verdict": "passed", "seconds": 1}, "ops": {"verdict": "failed", "seconds": 2}},
    "devices": [{"name": "opencl:0", "device": "<b>GPU & co", "driver": "1", "type": "gpu", "family": "simt",
                 "units": 4, "memory": 2**30, "self_test": True, "why": ""}],
    "device": "opencl:0",
    "builds": [{"family": "simt", "status": "failed", "why": "CL_BUILD_PROGRAM_FAILURE", "log": "gemm.cl:7: no"}],
    "ops": [{"test": "test_ops", "arguments": ["opencl:0/simt", "gemm"], "verdict": "failed", "seconds": 1,
             "checks": 3, "failed": 1, "first_failure": 'gemm "small": got 1, want 2'}],
    "bench": {"devices": {"opencl:0": {"peak_gflops": 1000.0, "peak_gbs": 100.0}}, "missing": [],
              "rows": [{"name": "gemm/8x8x8", "asked": "opencl:0", "group": "op", "ms": 1.0, "flops": 5e8,
                        "bytes": 1e6, "gflops": 500.0},
                       {"name": "norm/x", "asked": "opencl:0", "group": "op", "ms": 9.0, "flops": 1e6,
                        "bytes": 1e8, "gflops": 0.1}]},
    "bench_tuned": {"devices": {}, "missing": [],
                    "rows": [{"name": "gemm/8x8x8", "asked": "opencl:0", "group": "op", "ms": 0.75, "flops": 5e8,
                              "bytes": 1e6, "gflops": 666.0}]},
    "torch": {"version": "2", "cuda": True, "rows": [
        {"name": "step/a", "clflow": {"opencl:0": {"best": 2e-3}}, "sides": [
            {"peer": "fp32", "best": 3e-3, "difference": 0.0}, {"peer": "TF32", "best": 1e-3, "difference": 0.0}]},
        {"name": "step/b", "clflow": {"opencl:0": {"best": 1e-3}}, "sides": [
            {"peer": "fp32", "best": 4e-3, "difference": 0.0}, {"peer": "TF32", "error": "not comparable"}]}]},
}  # fmt: skip


class Page(unittest.TestCase):
    def test_lost_time_comes_in_order(self):
        rows = lost.of_operations(REPORT)
        self.assertEqual([(r["what"], round(r["bound_ms"], 3), round(r["lost_ms"], 3)) for r in rows],
                         [("norm/x", 1.0, 8.0), ("gemm/8x8x8", 0.5, 0.25)])  # fmt: skip

    def test_flows_next_to_the_fastest_peer(self):
        rows = lost.of_flows(REPORT)
        self.assertEqual([(r["what"], r["peer"], round(r["lost_ms"], 3)) for r in rows],
                         [("step/a", "TF32", 1.0), ("step/b", "fp32", -3.0)])  # fmt: skip

    def test_what_it_says(self):
        html = page.page(REPORT)
        for words in ("failed: ops", "&lt;b&gt;GPU &amp; co", "gemm.cl:7: no", "The smallest case that fails",
                      "gemm &quot;small&quot;: got 1, want 2", "4.00x", "0.50x", "Slower than PyTorch",
                      "not comparable", 'aria-label="roofline"'):  # fmt: skip
            self.assertIn(words, html)
        self.assertNotIn("<b>GPU", html)

    def test_an_empty_report(self):
        html = page.page({"stages": {}, "devices": [], "drivers": {}, "searched": ["/a", "/b"]})
        self.assertIn("Looked in: /a, /b", html)


if __name__ == "__main__":
    unittest.main()
