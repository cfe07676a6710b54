# SPDX-License-Identifier: MIT
"""Stage 2: builds all kernels of each family without a cache; records time, log and registers."""

import json
import re

from work import tell

# Three lines of ptxas about a kernel, printed with -cl-nv-verbose.
NVIDIA = re.compile(
    r"Function properties for '?(\w+)'?\s+(?:ptxas\s*\.?\s*)?(?:info\s*:\s*)?(\d+) bytes stack frame, "
    r"(\d+) bytes spill stores, (\d+) bytes spill loads\s+ptxas info\s*:\s*Used (\d+) registers"
)
FRESH = {"CUDA_CACHE_DISABLE": "1"}


def registers(log):
    """Returns {kernel: (registers, bytes spilled)} for the kernels that the log describes."""
    return {m[1]: (int(m[5]), int(m[3]) + int(m[4])) for m in NVIDIA.finditer(log)}


def complete(line):
    """Adds registers to each kernel in a line of the program `builds`."""
    told = registers(line.get("log", ""))
    for kernel in line.get("kernels", []):
        if kernel["name"] in told:
            kernel["registers"], kernel["spilled_bytes"] = told[kernel["name"]]
    return line


def tell_line(line):
    text = f"{line['family']}: {line['status']}"
    if "seconds" in line:
        text += f" in {line['seconds']:.2f} s, {len(line.get('kernels', []))} kernels"
    told = [k for k in line.get("kernels", []) if "registers" in k]
    if told:
        most = max(told, key=lambda k: k["registers"])
        spills = sum(k["spilled_bytes"] > 0 for k in told)
        text += f", at most {most['registers']} registers ({most['name']}), {spills} spill"
    if line["status"] == "failed":
        text += f": {line['why']}: {line.get('log', '')[:500]}"
    tell("builds", text)


def run(work, results, options):
    index = work.device["name"].split(":")[1]
    cache = work.folder / "no-cache"
    cache.mkdir(exist_ok=True)
    empty = {"CLFLOW_CACHE_DIR": "", "POCL_CACHE_DIR": str(cache)} | FRESH
    done = work.program("builds", index, env=empty)
    told = [json.loads(text) for text in done.output.splitlines() if text.endswith("}")]
    results.all["properties"] = next((t["properties"] for t in told if "properties" in t), {})
    results.all["builds"] = lines = [complete(t) for t in told if "family" in t]
    for line in lines:
        tell_line(line)
    if done.code != 0:
        tell("builds", f"{done.verdict()}: {done.errors.strip()[-500:]}")
        return done.verdict()
    return "failed" if any(line["status"] == "failed" for line in lines) else "passed"


def families(work, results):
    """Returns the families that built: the device's own first, then those for GPUs."""
    own = work.device["family"]
    order = [own, "simt", "clblast", "simt64"]
    built = {line["family"] for line in results.all.get("builds", []) if line["status"] == "built"}
    return [f for f in dict.fromkeys(order) if not built or f in built]
