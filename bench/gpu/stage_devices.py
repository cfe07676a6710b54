# SPDX-License-Identifier: MIT
"""Stage 1: finds drivers and devices."""

import json
import os
import platform
import re
from pathlib import Path

import drivers
from work import BUNDLE, say, tell

ORDER = {"gpu": 0, "accelerator": 1, "cpu": 2, "other": 3}


def machine():
    lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    models = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {"processor": models[0] if models else platform.machine(),
            "cores": len(os.sched_getaffinity(0)), "memory_bytes": int(memory) * 1024,
            "system": f"{platform.system()} {platform.release()}"}  # fmt: skip


def tool(work, *words):
    """Returns what a program of the machine prints about its GPUs, or None."""
    try:
        done = work.run(words, 20, drivers.outside())
    except OSError:
        return None
    return done.output.strip() if done.code == 0 else None


def gpu_tools(work):
    query = "--query-gpu=name,driver_version,memory.total,clocks.max.sm,pcie.link.gen.current"
    found = {"nvidia-smi": tool(work, "nvidia-smi", query, "--format=csv,noheader"),
             "rocm-smi": tool(work, "rocm-smi", "--showproductname", "--showdriverversion")}  # fmt: skip
    return {name: text for name, text in found.items() if text}


def list_devices(work):
    """Lists the devices, with results of self-tests unless these exceed the time."""
    listed = work.program("clflow", "devices", "--json", "--no-test")
    tested = work.program("clflow", "devices", "--json")
    for done in (tested, listed):
        if done.code == 0:
            return json.loads(done.output)
    tell("devices", f"clflow devices: {listed.verdict()}: {listed.errors.strip()[-300:]}")
    return []


def choose(devices, wanted):
    """Chooses the device to measure: the requested one, else the first GPU, else the first OpenCL device."""
    found = [d for d in devices if d["name"].startswith("opencl")]
    if wanted:
        named = [d for d in found if d["name"] == wanted]
        if not named:
            names = ", ".join(d["name"] for d in found) or "none"
            raise SystemExit(f"run: --device {wanted}: there is no such device; found: {names}")
        return named[0]
    return min(found, key=lambda d: ORDER.get(d["type"], 4), default=None)


def missing_libraries(work, path):
    """Returns the libraries that a driver needs and the loader does not find; OpenCL ignores such a driver silently."""
    loader = work.loader or "/lib64/ld-linux-x86-64.so.2"
    folders = [str(BUNDLE / "lib"), *work.driver_folders()]
    words = [loader, "--library-path", ":".join(folders), "--list", path]
    done = work.run(words, 20)
    text = done.output + done.errors
    return re.findall(r"^\s*(\S+) => not found", text, re.M) + re.findall(r"libraries: (\S+):", text)


def tell_missing(work, search):
    missing = {path: missing_libraries(work, path) for path in search.found.values()}
    for path, names in missing.items():
        if names:
            tell("devices", f"{path} cannot be loaded, it lacks {', '.join(names)}; "
                            "--drivers DIR names a folder that has them")  # fmt: skip
    return {path: names for path, names in missing.items() if names}


def tell_search(search, devices):
    for name, path in search.found.items():
        tell("devices", f"driver {name}: {path}")
    if not search.found:
        say("devices    no OpenCL driver was found; looked in: " + ", ".join(search.folders))
    elif not any(d["name"].startswith("opencl") for d in devices):
        say("devices    the drivers that were found list no device; looked in: "
            + ", ".join(search.folders))  # fmt: skip


def run(work, results, options):
    search = drivers.search(options.drivers)
    folders = drivers.write_vendors(search.found, work.folder / "vendors")
    work.use_drivers(work.folder / "vendors", folders)
    devices = list_devices(work)
    work.device = choose(devices, options.device)
    results.all |= {"machine": machine(), "tools": gpu_tools(work), "devices": devices,
                    "drivers": search.found, "searched": search.folders,
                    "device": work.device["name"] if work.device else None,
                    "missing": tell_missing(work, search)}  # fmt: skip
    tell_search(search, devices)
    for d in devices:
        test = {True: "passed", False: "FAILED", None: "not run"}[d["self_test"]]
        tell("devices", f"{d['name']}: {d['device']}, {d['family']}, self-test {test} {d['why']}")
    failed = [d for d in devices if d["self_test"] is False]
    return "failed" if failed else "passed" if work.device else "no OpenCL device"
