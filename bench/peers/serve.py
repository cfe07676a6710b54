# SPDX-License-Identifier: MIT
"""The protocol between `run` and a peer: lines of JSON.

A peer is started as `PEER.py WORKLOAD SETTINGS FOLDER`; FOLDER holds clflow's reference values for this
workload (reference.py).  It answers
    {"ready": true, "first": SECONDS, "version": TEXT, "difference": X}
or  {"error": TEXT}.  `first` is the time from making the data to the first use, compilation included.
`difference` is how far its results are from the reference, relative to the largest number.  Then it reads
lines with a time in seconds, runs the workload for about that time and answers {"each": SECONDS,
"count": N}.  It ends when its input ends.
"""

import json
import sys
import time
from pathlib import Path

import names
import numpy as np


def difference(found, wanted):
    """Returns the largest difference, relative to the largest number of `wanted`."""
    found, wanted = (np.asarray(v.cpu() if hasattr(v, "cpu") else v, np.float64)
                     for v in (found, wanted))  # fmt: skip
    if found.shape != wanted.shape:
        raise ValueError(f"shapes {found.shape} and {wanted.shape}")
    return float(abs(found - wanted).max() / abs(wanted).max())


def answer(message):
    print(json.dumps(message), flush=True)


def timed(use, seconds, batch):
    """Returns the seconds of a use, measured over about `seconds`; a call has `batch` uses."""
    count, begin = 0, time.perf_counter()
    while True:
        use()
        count += batch
        spent = time.perf_counter() - begin
        if spent >= seconds:
            return spent / count, count


def serve(prepare):
    """Serves one workload; prepare(what, settings, folder) returns (use, uses in a call, difference, version)."""
    what, settings = names.parse(sys.argv[1]), json.loads(sys.argv[2])
    try:
        begin = time.perf_counter()
        use, batch, off, version = prepare(what, settings, Path(sys.argv[3]))
        use()
        first = time.perf_counter() - begin
        timed(use, 0.2, batch)
    except Exception as e:  # a failure is a result too, shown in the table
        answer({"error": f"{type(e).__name__}: {e}".splitlines()[0][:300]})
        return
    answer({"ready": True, "first": first, "version": version, "difference": off})
    for line in sys.stdin:
        each, count = timed(use, float(line), batch)
        answer({"each": each, "count": count})


def timed_first(use, seconds):
    """Like timed(), for a use that may have to be compiled: the first one counts if it takes so long
    that a second one would not fit."""
    begin = time.perf_counter()
    use()
    spent = time.perf_counter() - begin
    return (spent, 1) if spent > 20 * seconds else timed(use, seconds, 1)


def serve_uses(prepare):
    """Serves several uses of a flow: prepare(name, settings, file) returns the uses by name, the
    difference (None: nothing to compare with) and the version; lines are `USE SECONDS`."""
    name, settings, file = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    measured = set()
    try:
        uses, off, version = prepare(name, settings, file)
        answer({"ready": True, "version": version, "difference": off})
        for line in sys.stdin:
            use, seconds = line.split()
            first = use not in measured
            measured.add(use)
            each, count = (timed_first(uses[use], float(seconds)) if first
                           else timed(uses[use], float(seconds), 1))  # fmt: skip
            answer({"each": each, "count": count})
    except Exception as e:  # a failure is a result too
        answer({"error": f"{type(e).__name__}: {e}".splitlines()[0][:300]})
