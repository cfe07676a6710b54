# SPDX-License-Identifier: MIT
"""Runs test programs (Check), several at a time, and reads their results."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

COUNTS = re.compile(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)")
FAILURE = re.compile(r"^[^:\n]+:\d+:[FE]:[^:]*:[^:]*:\d+: (.*)$", re.M)


def workers():
    """Returns how many tests run at a time: they mostly wait for the processor, which computes the reference."""
    return max(1, min(4, len(os.sched_getaffinity(0)) // 2))


def row(work, words, env):
    """Runs a test; returns its verdict and its first failure, which is that of the smallest case."""
    done = work.program("device_tests", *words, env=env)
    text = done.output + done.errors
    counts, failures = COUNTS.search(text), FAILURE.findall(text)
    result = {"test": words[0], "arguments": list(words[1:]), "verdict": done.verdict(),
              "seconds": round(done.seconds, 3)}  # fmt: skip
    if done.code is None and done.seconds == 0:
        result["verdict"] = "not run"
    if counts:
        result["checks"] = int(counts[1])
        result["failed"] = int(counts[2]) + int(counts[3])
    if failures:
        result["first_failure"], result["failures"] = failures[0], failures[:20]
    elif done.code:
        result["first_failure"] = text.strip()[-2000:]
    return result


def run_all(work, runs, env, keep):
    """Runs each of `runs`, a list of words, and calls `keep` with each row when it is done."""
    with ThreadPoolExecutor(workers()) as pool:
        for result in pool.map(lambda words: row(work, words, env), runs):
            keep(result)


def summary(rows):
    """Summarises the rows of a stage."""
    bad = [r for r in rows if r["verdict"] not in ("passed", "not run", "too slow")]
    late = [r for r in rows if r["verdict"] in ("not run", "too slow")]
    if bad:
        return "failed"
    return f"passed, {len(late)} of {len(rows)} not finished in time" if late else "passed"
