# SPDX-License-Identifier: MIT
"""Writes a page about all results in a folder."""

import collections
import json
import math
import textwrap
from dataclasses import dataclass, field

import numpy as np
import store
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
# {table: {method: mean}} of a run whose rows were not kept; it counts where a column has no result.
EARLIER = "earlier.json"
EARLIER_NOTE = """- Figures in italics are of an earlier run with the same rows and limits, whose log p of single
  rows was not kept: differences to them have no error. Those of `clflow fit` are of a former
  version, the median of up to three seeds.
"""


@dataclass
class Row:
    name: str
    shape: tuple = None
    logp: dict = field(default_factory=dict)  # column: log p of the test rows, of the median seed
    earlier: dict = field(default_factory=dict)  # column without log p: mean of an earlier run
    truth: float = None  # mean of the test rows

    def mean(self, column):
        return mean_of(self.logp[column]) if column in self.logp else self.earlier[column]


def mean_of(logp):
    return float(logp.mean()) if len(logp) else -math.inf


def median(seeds):
    """Returns log p of the seed with the median mean (the lower of two)."""
    return sorted(seeds, key=mean_of)[(len(seeds) - 1) // 2]


def chosen(results, methods, seconds):
    """Returns (log p, facts) of each seed, of the method that is best on its validation rows."""
    seeds = {}
    for name, (logp, facts) in results.items():
        method, seed = name.rsplit("-s", 1)
        if len(logp) and method in [f"{m}-t{seconds:g}" for m in methods]:
            seeds.setdefault(seed, []).append((facts.get("valid") or 0, logp, facts))
    return [max(found, key=lambda f: f[0])[1:] for found in seeds.values()]


def row_of(name, results, earlier, seconds):
    row = Row(name)
    truth = chosen(results, ["truth"], seconds)
    row.truth = float(truth[0][0].mean()) if truth else None
    for column, methods in COLUMNS.items():
        seeds = chosen(results, methods, seconds)
        known = [earlier[method] for method in methods if method in earlier]
        if seeds:
            row.logp[column] = median([logp for logp, _ in seeds])
        elif known:
            row.earlier[column] = max(known)
        for _, facts in seeds:
            row.shape = facts["rows"], facts["columns"]
            row.truth = facts.get("truth") if row.truth is None else row.truth
    return row


def all_results(folder):
    """Returns {name of a table: its results}."""
    return {store.name_of(file): store.read(file) for file in sorted(folder.glob("*.npz"))}


def collect(folder, seconds):
    earlier = json.loads((folder / EARLIER).read_text()) if (folder / EARLIER).exists() else {}
    rows = [row_of(name, results, earlier.get(name, {}), seconds) for name, results in all_results(folder).items()]
    return sorted((row for row in rows if row.logp), key=lambda row: (row.shape, row.name))


def best_of(row):
    return max([*row.logp, *row.earlier], key=row.mean)


def verdict(row, column):
    """Says whether a column is the best, or within a standard error of the difference or NOISE of it."""
    best = best_of(row)
    if best == column:
        return "best"
    d, error, text = row.mean(column) - row.mean(best), 0, ""
    if best in row.logp and column in row.logp:
        error = error_of(row.logp[column] - row.logp[best])
        text = f" ± {error:.3f}"
    return f"{d:+.3f}{text}{'' if d > -max(NOISE, error) else ', **behind**'}"


def error_of(values):
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def cell(row, column):
    if column in row.earlier:
        text = f"*{row.earlier[column]:.3f}*"
    elif column in row.logp:
        zeros = int((~np.isfinite(row.logp[column])).sum())
        text = f"−∞ ({zeros} rows)" if zeros else f"{row.mean(column):.3f}"
    else:
        return ""
    return f"**{text}**" if best_of(row) == column else text


def coverage(folder, seconds):
    """Returns lines: for each method, on how many tables it was run, with how many seeds."""
    lines, every = ["| method | version | tables | seeds |", "|---|---|---|---|"], all_results(folder)
    for method in (method for methods in COLUMNS.values() for method in methods):
        counts, versions = collections.Counter(), collections.Counter()
        for results in every.values():
            seeds = chosen(results, [method], seconds)
            counts[len(seeds)] += 1
            versions.update({facts["version"] for _, facts in seeds})
        del counts[0]
        seeds = ", ".join(f"{n} on {counts[n]}" for n in sorted(counts, reverse=True))
        of = sorted(versions)
        text = ", ".join(f"{v} on {versions[v]}" for v in of) if len(of) > 1 else "".join(of)
        lines.append(f"| `{method}` | {text} | {sum(counts.values())} | {seeds} |")
    return "\n".join(lines)


def is_complete(folder, seconds):
    """Returns whether each method was run on each table, with three seeds of `clflow fit`."""
    wanted = [store.key(method, 1, seconds) for methods in COLUMNS.values() for method in methods]
    wanted += [store.key("clflow-fit", seed, seconds) for seed in (2, 3)]
    return all(store.read(store.file_of(folder, name)).keys() >= set(wanted) for name in tables.ALL)


def table(rows):
    heads = ["table (rows x columns)", *COLUMNS, "truth", "error", "clflow fit to the best"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        measured = row.logp[max(row.logp, key=row.mean)]
        shape = f" ({row.shape[0]} x {row.shape[1]})" if row.shape else ""
        cells = [row.name + shape, *(cell(row, c) for c in COLUMNS)]
        cells.append("" if row.truth is None else f"{row.truth:.3f}")
        cells.append(f"{error_of(measured):.3f}")
        cells.append(verdict(row, "clflow fit") if "clflow fit" in [*row.logp, *row.earlier] else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(rows):
    """Returns a paragraph: on how many tables `clflow fit` is behind, and how far from the truth."""
    fitted = [row for row in rows if "clflow fit" in row.logp]
    former = [row for row in rows if "clflow fit" in row.earlier]
    if not fitted:
        return ""
    behind = sum("behind" in verdict(row, "clflow fit") for row in fitted)
    text = (
        f"On {len(fitted) - behind} of {len(fitted)} tables `clflow fit` is the best of the methods that were run, or "
        f"behind the best by at most one standard error of the paired difference or {NOISE} nats."
    )
    if former:
        behind = sum("behind" in verdict(row, "clflow fit") for row in former)
        text += f" On {len(former)} other tables a former version was run, and is so on {len(former) - behind}."
    below = {row.name: row.truth - row.mean("clflow fit") for row in fitted if row.truth is not None}
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


def measured(folder):
    """Returns the days and the processors of all results, as text."""
    facts = [each for results in all_results(folder).values() for _, each in results.values()]
    days, processors = ({each[what] for each in facts} for what in ("day", "processor"))
    return f"{' to '.join(sorted({min(days), max(days)}))}, {', '.join(sorted(processors))}"


def waiting(folder, seconds):
    """Returns a sentence if `clflow fit` had to wait for its processor time."""
    every = [facts for results in all_results(folder).values() for _, facts in chosen(results, ["clflow-fit"], seconds)]
    took = [facts["seconds"] for facts in every if "seconds" in facts]
    if not took or max(took) < 1.5 * seconds:
        return ""
    return (
        f" The machine also did other work: on {len(took)} tables the {seconds:g} seconds of `clflow fit` took "
        f"{min(took):.0f} to {max(took):.0f}."
    )


def page(folder, seconds):
    rows = collect(folder, seconds)
    head = (
        "Mean log-likelihood of test rows, in nats for each row, columns standardised by the training rows. "
        f"Larger is better; bold is the best of a row. Each method has {seconds:g} seconds of processor time on one "
        f"core. Written by `bench/quality/run`; measured {measured(folder)}."
        f"{waiting(folder, seconds)}"
    )
    missing = (
        "**This page is not complete.** [A list at the end](#what-was-run) says on how many tables each method was "
        "run, and with how many seeds."
    )
    paragraphs = [head, "" if is_complete(folder, seconds) else missing, summary(rows)]
    text = "\n\n".join(textwrap.fill(p, 100, break_on_hyphens=False) for p in paragraphs if p)
    italics = EARLIER_NOTE if any(row.earlier for row in rows) else ""
    return f"""# How good the densities are

{text}

{table(rows)}

- `clflow fit` is the plain command without options. The grid is that of
  [`clflow.py`](../bench/quality/clflow.py).
- The mixture is scikit-learn's. Validation rows choose its number of components (1 to 256), kind of
  covariance and regularisation, the bandwidth of the kernel density estimate, and the size of each
  peer's flow. NSF coupling is the best by validation rows of zuko's, nflows' and normflows', as far
  as they were run; MAF of zuko's and nflows'.
{italics}- Processor time leaves out waiting for other work, but other work also makes a processor slower: on
  a busy machine a training has fewer steps.
- "given" tables are conditional: p(columns | context). The Gaussian and the mixture are fitted
  jointly and conditioned.
- The error is the standard error of the best mean. The last column is the paired difference of
  `clflow fit` to the best, with its standard error.
- Of several seeds the one with the median mean is shown, of two the lower one. Tables are described
  in [`tables.py`](../bench/quality/tables.py): the rows count those for training and validation.
- The step sizes and shares of time of `clflow fit` were chosen by trials with one seed on seventeen
  of these tables. On fourteen of them (airports, bounded, breast-cancer, checkerboard, diabetes,
  diamonds with and without cut, outliers, quakes, sacramento, saratoga, schools, student,
  txhousing), and on counts, trials looked at the test rows that are scored here, so the figures of
  `clflow fit` may be a little optimistic there.
- A cell is empty where no method of the column was run, or none has a density given a context.

## What was run

{coverage(folder, seconds)}

The version of clflow is the commit that was measured. Figures in italics are not counted.
"""
