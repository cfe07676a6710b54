#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""model.py [--check]: models how fast one training is when it is divided over ranks.

Fits seconds = alpha + bytes / beta to the exchanges that clflow-scale measured (measured.jsonl).  A step on
P ranks then costs 2 log2(P) exchanges, of gradients that are halved and then doubled, and the additions.
Writes docs/images/scale.svg and the tables between the marks in docs/scale.md; with --check it only
reports whether both are up to date.
"""
import json
import math
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
BEGIN, END = "<!-- model: written by bench/scale/model.py -->\n", "<!-- end -->\n"
ADD = 8e9  # bytes a second that a host adds

# Seconds of a step on one rank with one thread, and bytes of the gradient (4 for each weight).
FLOWS = [
    ("nvp, dim 2, hidden 64, depth 8, batch 256", 277e-6, 4 * 5152),
    ("nvp, dim 6, hidden 128, depth 10, batch 256", 805e-6, 4 * 33400),
    ("maf, dim 6, hidden 256, depth 5, batch 1024", 45.2e-3, 4 * 682300),
    ("nvp, dim 64, hidden 512, depth 10, batch 4096", 197e-3, 4 * 1322240),
    ("nsf, dim 6, hidden 256, depth 10, batch 4096", 843e-3, 4 * 2865930),
    ("realnvp, cifar10, batch 8", 2.0, 4 * 19609545),
    ("realnvp, imagenet32, batch 4", 1.7, 4 * 46220359),
]
# A network of 100 Gb/s cannot be emulated on one machine, so these are typical figures, not measured ones.
ASSUMED = {"100 Gb/s": (3e-6, 11e9)}
NAMES = {"shared memory": "shared memory", "1gbit": "1 Gb/s", "1gbit, MPICH": "1 Gb/s", "10gbit": "10 Gb/s",
         "10gbit, MPICH": "10 Gb/s"}
RANKS = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


def fit(points):
    """Fits alpha to the shortest messages and beta to the longest, so that neither hides the other."""
    alpha = min(s for _, s in points[:3])
    (n0, s0), (n1, s1) = points[-2:]
    return alpha, (n1 - n0) / (s1 - s0)


def networks():
    """Returns (alpha, beta) of each network, with the MPI library that moves more bytes a second."""
    found = {}
    for line in (HERE / "measured.jsonl").read_text().splitlines():
        m = json.loads(line)
        name, net = NAMES[m["name"]], fit(m["exchange"])
        if name not in found or net[1] > found[name][1]:
            found[name] = net
    return {**found, **ASSUMED}


def exchange(p, n, alpha, beta):
    """Returns the seconds in which p ranks add n bytes by recursive halving and doubling."""
    rounds = math.ceil(math.log2(p))
    return 2 * rounds * alpha + 2 * (p - 1) / p * n / beta + (p - 1) / p * n / ADD


def efficiency(step, n, p, net):
    """Returns the fraction of time in which p ranks compute, each with the rows of one, without overlap."""
    return step / (step + exchange(p, n, *net))


def limit(step, n, net):
    """Returns the largest number of ranks that is at least 1.2 times as fast as half of it, for a fixed batch."""
    best, before = 1, step
    for p in RANKS:
        t = step / p + exchange(p, n, *net)
        if before / t < 1.2:
            break
        best, before = p, t
    return best


def table(nets):
    out = ["| network | alpha | beta |", "|---|---|---|"]
    for name, (alpha, beta) in nets.items():
        note = " (assumed)" if name in ASSUMED else ""
        out.append(f"| {name}{note} | {alpha * 1e6:.2g} us | {beta / 1e9:.2g} GB/s |")
    out += ["", "Percent of the time in which 2 / 8 / 64 / 1,024 ranks compute, if each has as many rows as one rank "
            "had.", "In brackets: how many ranks a batch of fixed size is worth dividing among, as long as twice as many "
            "are at least 1.2", "times as fast.", ""]
    out.append("| flow | step | gradient | " + " | ".join(nets) + " |")
    out.append("|---|---|---|" + "---|" * len(nets))
    for name, step, n in FLOWS:
        cells = []
        for net in nets.values():
            e = [round(100 * efficiency(step, n, p, net)) for p in (2, 8, 64, 1024)]
            cells.append(f"{'/'.join(map(str, e))} ({limit(step, n, net)})")
        size = f"{n / 1e6:.2g} MB" if n < 1e8 else f"{n / 1e6:.0f} MB"
        time = f"{step:.2g} s" if step >= 1 else f"{step * 1e3:.3g} ms"
        out.append(f"| {name} | {time} | {size} | " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def picture(nets):
    """Draws a panel for each network: efficiency over ranks, a curve for each flow."""
    width, height, gap, left, top = 250, 190, 50, 46, 34
    colours = ["#1b6ca8", "#d1495b", "#edae49", "#00798c", "#6b4e71", "#3d8b37", "#8c564b"]
    wide = left + 2 * (width + gap) + 10
    high = top + 2 * (height + 62) + 22 * ((len(FLOWS) + 1) // 2) + 10
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
           f'viewBox="0 0 {wide} {high}" font-family="DejaVu Sans, sans-serif" font-size="11">',
           f'<rect width="{wide}" height="{high}" fill="white"/>']
    for k, (name, net) in enumerate(nets.items()):
        x0, y0 = left + (k % 2) * (width + gap), top + (k // 2) * (height + 62)
        at = lambda p, e: (x0 + width * math.log2(p) / 10, y0 + height * (1 - e))
        svg.append(f'<text x="{x0}" y="{y0 - 10}" font-weight="bold">{name}</text>')
        for e in (0, 0.25, 0.5, 0.75, 1):
            y = at(1, e)[1]
            svg.append(f'<line x1="{x0}" y1="{y}" x2="{x0 + width}" y2="{y}" stroke="#ddd"/>')
            svg.append(f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{e:.0%}</text>')
        for p in (1, 4, 16, 64, 256, 1024):
            x = at(p, 0)[0]
            svg.append(f'<text x="{x:.1f}" y="{y0 + height + 15}" text-anchor="middle">{p}</text>')
        svg.append(f'<text x="{x0 + width / 2}" y="{y0 + height + 31}" text-anchor="middle">ranks</text>')
        for i, (_, step, n) in enumerate(FLOWS):
            points = [at(1, 1)] + [at(p, efficiency(step, n, p, net)) for p in RANKS]
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            svg.append(f'<polyline points="{line}" fill="none" stroke="{colours[i]}" stroke-width="1.6"/>')
    for i, (name, _, _) in enumerate(FLOWS):
        x, y = left + (i % 2) * (width + gap), top + 2 * (height + 62) + 22 * (i // 2)
        svg.append(f'<line x1="{x}" y1="{y}" x2="{x + 18}" y2="{y}" stroke="{colours[i]}" stroke-width="2.5"/>')
        svg.append(f'<text x="{x + 24}" y="{y + 4}" font-size="10">{name}</text>')
    return "\n".join(svg + ["</svg>"]) + "\n"


def main():
    nets = networks()
    page = DOCS / "scale.md"
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END, 1)[1]
    new = {page: before + BEGIN + table(nets) + END + after, DOCS / "images" / "scale.svg": picture(nets)}
    if sys.argv[1:] == ["--check"]:
        stale = [p.name for p, t in new.items() if not p.exists() or p.read_text() != t]
        if stale:
            sys.exit(f"model.py: {', '.join(stale)} is out of date; run bench/scale/model.py")
        return
    for path, content in new.items():
        path.write_text(content)


if __name__ == "__main__":
    main()
