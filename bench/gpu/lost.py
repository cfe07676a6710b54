# SPDX-License-Identifier: MIT
"""What to work on next: the workloads that take longest above what the device allows."""


def bound_ms(row, device):
    """Returns the minimum time that the device's measured peaks allow for this row, or None."""
    bounds = []
    if row.get("flops") and device.get("peak_gflops"):
        bounds.append(row["flops"] / device["peak_gflops"] * 1e-6)
    if row.get("bytes") and device.get("peak_gbs"):
        bounds.append(row["bytes"] / device["peak_gbs"] * 1e-6)
    return max(bounds, default=None)


def newest(report):
    """Returns the rows of the bench, after tuning where they were measured again, and the devices."""
    rows, devices = {}, {}
    for key in ("bench", "bench_tuned"):
        bench = report.get(key, {})
        rows |= {(row["name"], row["asked"]): row for row in bench.get("rows", [])}
        devices = bench.get("devices", {}) | devices
    return {"rows": list(rows.values()), "devices": devices}


def of_operations(report):
    """Returns time, bound and lost time of a call for each operation, the largest loss first."""
    bench, found = newest(report), []
    for row in bench["rows"]:
        bound = bound_ms(row, bench["devices"].get(row["asked"], {}))
        if row.get("group") == "op" and row.get("ms") and bound:
            lost = max(row["ms"] - bound, 0)
            found.append({"what": row["name"], "ms": row["ms"], "bound_ms": bound, "lost_ms": lost,
                          "reached": bound / row["ms"]})  # fmt: skip
    return sorted(found, key=lambda r: -r["lost_ms"])


def of_flows(report):
    """Returns each step or sampling next to PyTorch's best, the largest loss first."""
    found = []
    for row in report.get("torch", {}).get("rows", []):
        own = min((s["best"] for s in row["clflow"].values()), default=None)
        peers = {s["peer"]: s["best"] for s in row["sides"] if "best" in s}
        if not own or not peers:
            continue
        peer = min(peers, key=peers.get)
        found.append({"what": row["name"], "ms": own * 1e3, "peer": peer, "peer_ms": peers[peer] * 1e3,
                      "ratio": peers[peer] / own, "lost_ms": (own - peers[peer]) * 1e3})  # fmt: skip
    return sorted(found, key=lambda r: -r["lost_ms"])
