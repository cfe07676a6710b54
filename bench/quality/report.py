# SPDX-License-Identifier: MIT
"""Writes the table of all results in a folder."""

import collections
import datetime
import json
import math
import platform
import textwrap
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np
import tables

# Columns of the table: each shows the best of its methods by validation rows.
COLUMNS = {
    "clflow fit": ["clflow-fit"],
    "clflow, best of a grid": ["clflow-grid"],
    "Gaussian": ["gaussian"],
    "mixture": ["gmm"],
    "KDE": ["kde"],
    "NSF coupling": ["zuko-nsf-coupling", "nflows-nsf-coupling", "normflows-nsf-coupling"],
    "NSF autoregressive": ["zuko-nsf-ar"],
    "MAF": ["zuko-maf", "nflows-maf"],
}
NOISE = 0.03  # nats: differences below do not count


def path(folder, word, method, seed, seconds):
    """Returns the file with log p of a table's test rows."""
    name = word if word in tables.ALL else Path(word).stem + "@file"
    return folder / "results" / name.replace("|", "-given-") / f"{method}-t{seconds:g}-s{seed}.npz"


@dataclass
class Row:
    name: str
    shape: tuple
    logp: dict = field(default_factory=dict)  # column: log p of the test rows, of the median seed
    truth: float = None  # mean of the test rows


def mean_of(logp):
    return float(logp.mean()) if len(logp) else -math.inf


def median(seeds):
    """Returns log p of the seed with the median mean (the lower of two)."""
    return sorted(seeds, key=mean_of)[(len(seeds) - 1) // 2]


def read(results, methods, seconds):
    """Returns (log p, facts) of each seed, of the method that is best on its validation rows."""
    seeds = {}
    for method in methods:
        for file in results.glob(f"{method}-t{seconds:g}-s*.npz"):
            with np.load(file) as made:
                logp, facts = made["logp"], json.loads(str(made["facts"]))
            if len(logp):
                seeds.setdefault(file.stem.rsplit("-s", 1)[1], []).append((facts.get("valid") or 0, logp, facts))
    return [max(found, key=lambda f: f[0])[1:] for found in seeds.values()]


def row_of(results, seconds):
    row = Row(results.name.replace("@file", "").replace("-given-", " given "), None)
    truth = read(results, ["truth"], seconds)
    row.truth = float(truth[0][0].mean()) if truth else None
    for column, methods in COLUMNS.items():
        seeds = read(results, methods, seconds)
        if not seeds:
            continue
        row.logp[column] = median([logp for logp, _ in seeds])
        for _, facts in seeds:
            row.shape = row.shape or ((facts["rows"], facts["columns"]) if "rows" in facts else None)
            row.truth = facts.get("truth") if row.truth is None else row.truth
    return row


def collect(folder, seconds):
    rows = [row_of(each, seconds) for each in sorted((folder / "results").glob("*"))]
    return sorted((row for row in rows if row.logp), key=lambda row: row.shape or (0, 0))


def best_of(row):
    return max(row.logp, key=lambda c: mean_of(row.logp[c]))


def difference(row, column, other):
    """Returns the mean over rows of column minus other, and its standard error."""
    d = row.logp[column] - row.logp[other]
    return float(d.mean()), float(d.std(ddof=1) / math.sqrt(len(d)))


def verdict(row, column):
    """Says whether a column is the best, or within a standard error of the difference or NOISE of it."""
    best = best_of(row)
    if best == column:
        return "best"
    d, error = difference(row, column, best)
    within = d > -max(NOISE, error)
    return f"{d:+.3f} ± {error:.3f}{'' if within else ', **behind**'}"


def cell(row, column):
    if column not in row.logp:
        return ""
    logp = row.logp[column]
    zeros = int((~np.isfinite(logp)).sum())
    text = f"−∞ ({zeros} rows)" if zeros else f"{mean_of(logp):.3f}"
    return f"**{text}**" if best_of(row) == column else text


def coverage(folder, seconds):
    """Returns lines: for each method, on how many tables it was run, with how many seeds."""
    lines = ["| method | tables | seeds |", "|---|---|---|"]
    for method in (method for methods in COLUMNS.values() for method in methods):
        counts = collections.Counter()
        for results in (folder / "results").glob("*"):
            counts[sum(len(logp) > 0 for logp, _ in read(results, [method], seconds))] += 1
        del counts[0]
        seeds = ", ".join(f"{n} on {counts[n]}" for n in sorted(counts, reverse=True))
        lines.append(f"| `{method}` | {sum(counts.values())} | {seeds} |")
    left = [name for name in tables.ALL if not list(path(folder, name, "clflow-fit", 1, seconds).parent.glob("*-fit-*"))]
    lines += ["", f"Not measured yet: {', '.join(left)}."] if left else []
    return "\n".join(lines)


def is_complete(folder, seconds):
    """Returns whether each method was run on each table, with three seeds of `clflow fit`."""
    found = [{file.name for file in results.glob("*.npz")} for results in (folder / "results").glob("*")]
    wanted = [f"{method}-t{seconds:g}-s1.npz" for methods in COLUMNS.values() for method in methods]
    wanted += [f"clflow-fit-t{seconds:g}-s{seed}.npz" for seed in (2, 3)]
    return all(names.issuperset(wanted) for names in found)


def later(folder, other, seconds):
    """Returns a section that compares `clflow fit` in two folders on the same test rows, seed by seed."""
    lines = ["| table | seed | above | later | difference | later to the best of the others |", "|---" * 6 + "|"]
    for file in sorted((other / "results").glob(f"*/clflow-fit-t{seconds:g}-s*.npz")):
        results = folder / "results" / file.parent.name
        if not (results / file.name).exists():
            continue
        before, after = (np.load(each)["logp"] for each in (results / file.name, file))
        row = row_of(results, seconds)
        row.logp["clflow fit"] = after
        d = after - before
        cells = [row.name, file.stem.rsplit("-s", 1)[1], f"{mean_of(before):.3f}", f"{mean_of(after):.3f}"]
        cells += [f"{d.mean():+.3f} ± {d.std(ddof=1) / math.sqrt(len(d)):.3f}", verdict(row, "clflow fit")]
        lines.append("| " + " | ".join(cells) + " |")
    text = (
        "`clflow fit` has changed since it was measured for the table above: kernels are a candidate, and a second "
        "affine autoregressive flow; mixtures have up to 256 components, and the kinds of covariance share their time; "
        "columns are rescaled only if mixtures of all columns agree; discrete columns are scored with noise. On the "
        "tables below both were measured. Results on the test rows of counts, outliers and student were looked at while "
        "these changes were made."
    )
    return "\n\n".join(["## After later changes of `clflow fit`", textwrap.fill(text, 100), "\n".join(lines)])


def table(rows):
    heads = ["table (rows x columns)", *COLUMNS, "truth", "error", "clflow fit to the best"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        best = row.logp[best_of(row)]
        shape = f" ({row.shape[0]} x {row.shape[1]})" if row.shape else ""
        cells = [row.name + shape, *(cell(row, c) for c in COLUMNS)]
        cells.append("" if row.truth is None else f"{row.truth:.3f}")
        cells.append(f"{best.std(ddof=1) / math.sqrt(len(best)):.3f}")
        cells.append(verdict(row, "clflow fit") if "clflow fit" in row.logp else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def versions():
    names = ("scikit-learn", "zuko", "nflows", "normflows", "torch")
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)


def summary(rows):
    """Returns a paragraph: on how many tables `clflow fit` is behind, and how far from the truth."""
    fitted = [row for row in rows if "clflow fit" in row.logp]
    if not fitted:
        return ""
    behind = sum("behind" in verdict(row, "clflow fit") for row in fitted)
    text = (
        f"On {len(fitted) - behind} of {len(fitted)} tables `clflow fit` is the best of the methods that were run, or "
        f"behind the best by at most one standard error of the paired difference or {NOISE} nats."
    )
    below = {row.name: row.truth - mean_of(row.logp["clflow fit"]) for row in fitted if row.truth is not None}
    built_in = [name for name in tables.BUILT_IN if name in below]
    if below:
        text += (
            " On the drawn tables, whose density is known, it is "
            f"{min(below.values()):.3f} to {max(below.values()):.3f} nats below the truth"
        )
        if built_in:
            text += f", at most {max(below[n] for n in built_in):.3f} on the built-in sets {', '.join(built_in)}"
        text += "."
    return text


def page(folder, seconds, other=None):
    rows = collect(folder, seconds)
    head = (
        "Mean log-likelihood of test rows, in nats for each row, columns standardised by the training rows. "
        f"Larger is better; bold is the best of a row. Each method has {seconds:g} seconds of processor time on one "
        f"core. Written by `bench/quality/run` on {datetime.date.today()}; {processor()}; {versions()}."
    )
    missing = (
        "**This page is not complete.** [A list at the end](#what-was-run) says on how many tables each method was "
        "run, and with how many seeds."
    )
    paragraphs = [head, "" if is_complete(folder, seconds) else missing, summary(rows)]
    text = "\n\n".join(textwrap.fill(p, 100, break_on_hyphens=False) for p in paragraphs if p)
    section = "\n" + later(folder, other, seconds) + "\n" if other else ""
    return f"""# How good the densities are

{text}

{table(rows)}

- `clflow fit` is the plain command without options. The grid is that of
  [`clflow.py`](../bench/quality/clflow.py).
- The mixture is scikit-learn's. Validation rows choose its number of components (1 to 256), kind of
  covariance and regularisation, the bandwidth of the kernel density estimate, and the size of each
  peer's flow. NSF coupling is the best by validation rows of zuko's, nflows' and normflows', as far
  as they were run; MAF of zuko's and nflows'.
- "given" tables are conditional: p(columns | context). The Gaussian and the mixture are fitted
  jointly and conditioned.
- The error is the standard error of the best mean. The last column is the paired difference of
  `clflow fit` to the best, with its standard error.
- Of several seeds the one with the median mean is shown, of two the lower one. Tables are described
  in [`tables.py`](../bench/quality/tables.py): the rows count those for training and validation.
- The step sizes of `clflow fit` were chosen by trials with one seed on sixteen of these tables. On
  twelve of them (airports, bounded, breast-cancer, diabetes, diamonds, outliers, quakes,
  sacramento, saratoga, schools, student, txhousing) the trials looked at the test rows that are
  scored here, so the figures of `clflow fit` may be a little optimistic there.
- A cell is empty where no method of the column was run, or none has a density given a context.
{section}
## What was run

{coverage(folder, seconds)}
"""
