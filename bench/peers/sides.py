# SPDX-License-Identifier: MIT
"""The peers of a row with their settings, and processes that measure on request."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import names

HERE = Path(__file__).resolve().parent
CORES = len(os.sched_getaffinity(0))


@dataclass
class Side:
    peer: str  # "PyTorch eager"
    script: str
    settings: dict
    default: bool = False  # with its default settings
    env: dict = field(default_factory=dict)

    def words(self):
        """Describes the settings."""
        words = [f"{k} {v}" for k, v in self.settings.items()
                 if k not in ("path", "library", "mode") and v]  # fmt: skip
        return ", ".join(words + [f"{k}={v}" for k, v in self.env.items()]) or "default"


def gemm_sides(what, libraries):
    sides = [Side("PyTorch mm (MKL)", "torch_peer.py", {"threads": t}, t == 0) for t in (0, 1)]
    if what.bias:
        return sides
    cores = {"": {}, "HASWELL": {}, "ZEN": {}, "SKYLAKEX": {}}
    if "avx512f" not in Path("/proc/cpuinfo").read_text():
        del cores["SKYLAKEX"]
    blas = {k: libraries[k] for k in libraries if libraries[k]}
    if "openblas" in blas:
        sides += [Side("OpenBLAS", "blas_peer.py", {"library": "openblas", "threads": t,
                  "path": blas["openblas"]}, not core and not t,
                  {"OPENBLAS_CORETYPE": core} if core else {})
                  for core in cores for t in (0, 1)]  # fmt: skip
    if "onednn" in blas:
        sides += [Side("oneDNN sgemm", "blas_peer.py", {"library": "onednn", "threads": t,
                  "path": blas["onednn"]}, t == 0) for t in (0, 1)]  # fmt: skip
    if "clblast" in blas:
        sides += [Side("CLBlast", "clblast_peer.py", {"path": blas["clblast"]}, True)]
    return sides


def conv_sides():
    return [
        Side("oneDNN in PyTorch", "torch_peer.py", {"threads": t, "layout": layout},
             t == 0 and layout == "contiguous")
        for layout in ("contiguous", "channels_last") for t in (0, 1)
    ]  # fmt: skip


def torch_sides(what):
    images, step = isinstance(what, names.Images), what.use == "step"
    best = {"flush": True} | ({"adam": "fused"} if step else {})
    layouts = [{"layout": "contiguous"}, {"layout": "channels_last"}] if images else [{}]
    sides = []
    for mode in ("eager", "compile"):
        peer = f"PyTorch {mode}"
        first = {"mode": mode, "threads": 0}
        sides.append(Side(peer, "torch_peer.py", first | layouts[0], True))
        for threads in [CORES] if images else range(1, CORES + 1):
            for layout in layouts:
                chosen = {"mode": mode, "threads": threads} | best | layout
                sides.append(Side(peer, "torch_peer.py", chosen))
    return sides


def jax_sides(what):
    modes = {"call": "JAX jit", "scan": "JAX scan"} if what.use == "step" else {"call": "JAX jit"}
    return [Side(peer, "jax_peer.py", {"mode": mode, "threads": t}, t == 0)
            for mode, peer in modes.items() for t in (0, 1)]  # fmt: skip


def sides(name, libraries):
    what = names.parse(name)
    if isinstance(what, names.Gemm):
        return gemm_sides(what, libraries)
    if isinstance(what, names.Conv):
        return conv_sides()
    return torch_sides(what) + (jax_sides(what) if isinstance(what, names.Nvp) else [])


class Process:
    """A process of a peer that has prepared a workload; `report` is its answer (see serve.py)."""

    def __init__(self, side, name, reference, cache):
        self.side, self.each = side, []
        env = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor")} | side.env
        words = [sys.executable, HERE / side.script, name, json.dumps(side.settings), reference]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, env=env)  # fmt: skip
        self.report = self.answer()

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.log.seek(0)
        last = self.log.read().strip().splitlines()[-1:]
        return {"error": (last or [f"it ended with {self.process.wait()}"])[0][:300]}

    def measure(self, seconds):
        print(seconds, file=self.process.stdin, flush=True)
        answer = self.answer()
        if "error" in answer:
            self.report = answer
        else:
            self.each.append(answer["each"])

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def result(self):
        side = self.side
        return {"peer": side.peer, "settings": side.words(), "default": side.default,
                "each": self.each} | self.report  # fmt: skip


class Clflow:
    """Measures a workload with `clflow bench` on several devices, in a process for each round."""

    def __init__(self, program, name, devices):
        option = "--flows" if name.startswith(("step/", "sample/")) else "--ops"
        self.words = [program, "bench", option, name, "--device", ",".join(devices)]
        self.rows = {}

    def measure(self, seconds):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bench.json"
            words = [*self.words, "--time", str(seconds), "--json", file]
            done = subprocess.run(words, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr.strip())
            report = json.loads(file.read_text())
        for row in report["rows"]:
            mine = self.rows.setdefault(row["asked"], {"each": []})
            mine["each"].append(row["ms"] / 1e3)
            mine |= {"name": row["device"], "first": row["first_ms"] / 1e3,
                     "version": report["version"]}  # fmt: skip
