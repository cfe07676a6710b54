# SPDX-License-Identifier: MIT
"""The protocol that run speaks with a peer, lines of JSON.

A peer is started as `PEER.py WORKLOAD SETTINGS FOLDER`; FOLDER holds what clflow computed of
this workload (reference.py).  It answers
    {"ready": true, "first": SECONDS, "version": TEXT, "difference": X}
or  {"error": TEXT}; `first` is from data to the first use, compilation included;
`difference` how far its
results are from the reference, relative to the largest number.  Then each line it reads
is a time in seconds, for about which it runs the workload, and it answers {"each": SECONDS,
"count": N}.  It ends with its input.
"""

import json
import sys
import time
from pathlib import Path

import names
import numpy as np


def difference(found, wanted):
    """Largest difference, relative to the largest number that is wanted."""
    found, wanted = (np.asarray(v.cpu() if hasattr(v, "cpu") else v, np.float64)
                     for v in (found, wanted))  # fmt: skip
    if found.shape != wanted.shape:
        raise ValueError(f"shapes {found.shape} and {wanted.shape}")
    return float(abs(found - wanted).max() / abs(wanted).max())


def answer(message):
    print(json.dumps(message), flush=True)


def timed(use, seconds, batch):
    """Seconds of a use, measured over about `seconds` in all; `batch` uses are one call."""
    count, begin = 0, time.perf_counter()
    while True:
        use()
        count += batch
        spent = time.perf_counter() - begin
        if spent >= seconds:
            return spent / count, count


def serve(prepare):
    """prepare(what, settings, folder) gives (use, uses in a call, difference, version)."""
    what, settings = names.parse(sys.argv[1]), json.loads(sys.argv[2])
    try:
        begin = time.perf_counter()
        use, batch, off, version = prepare(what, settings, Path(sys.argv[3]))
        use()
        first = time.perf_counter() - begin
        timed(use, 0.2, batch)
    except Exception as e:  # a peer that cannot is a result, told in the table
        answer({"error": f"{type(e).__name__}: {e}".splitlines()[0][:300]})
        return
    answer({"ready": True, "first": first, "version": version, "difference": off})
    for line in sys.stdin:
        each, count = timed(use, float(line), batch)
        answer({"each": each, "count": count})


def timed_first(use, seconds):
    """As timed(), of a use that may have to be compiled: the first one counts if it takes so long
    that a second one would not fit."""
    begin = time.perf_counter()
    use()
    spent = time.perf_counter() - begin
    return (spent, 1) if spent > 20 * seconds else timed(use, seconds, 1)


def serve_ways(prepare):
    """As serve(), of several uses of one thing: prepare(name, settings, file) gives the uses by
    name, difference (None: nothing to compare with) and version; lines are `WAY SECONDS`."""
    name, settings, file = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    measured = set()
    try:
        uses, off, version = prepare(name, settings, file)
        answer({"ready": True, "version": version, "difference": off})
        for line in sys.stdin:
            way, seconds = line.split()
            first = way not in measured
            measured.add(way)
            each, count = (timed_first(uses[way], float(seconds)) if first
                           else timed(uses[way], float(seconds), 1))  # fmt: skip
            answer({"each": each, "count": count})
    except Exception as e:  # a peer that cannot is a result
        answer({"error": f"{type(e).__name__}: {e}".splitlines()[0][:300]})
