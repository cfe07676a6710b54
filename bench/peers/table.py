# SPDX-License-Identifier: MIT
"""Writes the measured rows as Markdown and CSV."""

import csv
import textwrap
from statistics import median

AGREED = 1e-4  # a peer that differs by more computes something else

HEAD = """# clflow and its peers

Written by `bench/peers/run`; [bench/peers/README.md](../bench/peers/README.md) says how it measures.
[performance.md](performance.md) has the ratios in short. Times are medians over rounds in which all
sides take turns.

- **ratio**: the peer's time with its best settings divided by the time of clflow's faster device,
  as the median over rounds. Above 1 clflow is faster.
- **default**: the peer's time with its default settings.
- **differs**: how far the peer's results are from clflow's with the same weights (products and
  convolutions: from double precision), relative to the largest number.
- **first**: from making the peer's data to its first use. What caches hold is not compiled again.
"""


def fastest(row):
    """Returns name and record of clflow's faster device."""
    return min(row["clflow"].items(), key=lambda pair: median(pair[1]["each"]))


def ms(seconds):
    return "" if seconds is None else f"{1e3 * seconds:.4g} ms"


def number(x):
    return f"{x:.2f}x" if x < 10 else f"{x:.0f}x"


def agrees(side):
    return side["difference"] <= AGREED  # false for NaN


def ratio(line):
    low, high = number(line["ratio_low"]), number(line["ratio_high"])
    return f"**{number(line['ratio'])}** ({low} to {high})"


def lines(row):
    """Returns a line for each peer of a row: time with the best settings, and with the default ones."""
    device, mine = fastest(row)
    result = []
    for peer in dict.fromkeys(side["peer"] for side in row["sides"]):
        sides = [side for side in row["sides"] if side["peer"] == peer]
        able = [side for side in sides if side["each"] and "error" not in side]
        able = [side for side in able if agrees(side)] or able
        line = {"peer": peer, "device": device, "clflow_s": median(mine["each"])}
        if able:
            best = min(able, key=lambda side: median(side["each"]))
            default = [median(side["each"]) for side in able if side["default"]]
            ratios = [a / b for a, b in zip(best["each"], mine["each"], strict=True)]
            line |= {"best_s": median(best["each"]), "settings": best["settings"],
                     "default_s": default[0] if default else None, "ratio": median(ratios),
                     "ratio_low": min(ratios), "ratio_high": max(ratios),
                     "first_s": best["first"], "differs": best["difference"],
                     "version": best["version"]}  # fmt: skip
        else:
            line["error"] = sides[0].get("error", "it was not measured")
        result.append(line)
    return result


def cells(line):
    if "error" in line:
        return [line["peer"], f"failed: {line['error'][:100]}", "", "", "", "", ""]
    return [line["peer"], ms(line["best_s"]), line["settings"], ms(line["default_s"]),
            ratio(line) if line["differs"] <= AGREED else "not comparable",
            f"{line['differs']:.0e}", ms(line["first_s"])]  # fmt: skip


def markdown(report, to):
    rows = report["rows"]
    print(HEAD, file=to)
    for name, row in rows.items():
        times = ", ".join(f"`{d}` **{ms(median(r['each']))}**" for d, r in row["clflow"].items())
        print(f"## `{name}`\n\nclflow: {times}.\n{row['processor']}, {row['cores']} cores; "
              f"{row['date']}; revision {row['revision']}; "
              f"load {row['load'][0]:.1f} to {row['load'][1]:.1f}; "
              f"{row['rounds']} rounds of {row['seconds']:g} s.\n", file=to)  # fmt: skip
        print("| peer | best | settings | default | ratio | differs | first |", file=to)
        print("|---|---|---|---|---|---|---|", file=to)
        for line in lines(row):
            print(f"| {' | '.join(cells(line))} |", file=to)
        print(file=to)
    versions = sorted({s["version"] for r in rows.values() for s in r["sides"] if "version" in s})
    print(textwrap.fill("Versions: " + "; ".join(versions) + ".", 100), file=to)


def table(report, to):
    fields = ["row", "peer", "device", "clflow_s", "best_s", "settings", "default_s", "ratio",
              "ratio_low", "ratio_high", "first_s", "differs", "version", "error"]  # fmt: skip
    writer = csv.DictWriter(to, fields)
    writer.writeheader()
    for name, row in report["rows"].items():
        writer.writerows({"row": name} | line for line in lines(row))
