# SPDX-License-Identifier: MIT
"""Methods of clflow: the plain `clflow fit`, and the best of a small grid of flows."""

import csv
import json
import os
import shlex
import subprocess
import time

import numpy as np
from tables import TEST

# The command that fits, with {time}, {seed}, {data} (training and validation rows), {test}, {model}, {report},
# and {given}, which is empty without a context.
FIT = (
    "{clflow} fit {data} --test {test} --time {time} --seed {seed} --out {model} --report {report} --force "
    "--device cpu {given}"
)

# Flows and options, trained one after the other within the time; the best on the validation rows is scored.
GRID = [
    ("(coupling(rq(tail=5), mlp(64x2, tanh)), lu)*6 -> normal(trained)", "--lr 0.003"),
    ("(coupling(affine, mlp(64x2, tanh)), lu)*8 -> normal(trained)", "--lr 0.003"),
    ("(ar(rq(tail=5), made(hidden=64)), lu)*3 -> normal(trained)", "--lr 0.003"),
]
GRID_OPTIONS = "--standardize --valid-split 0.15 --schedule cosine --clip 5 --batch {batch} --device cpu"
TRIAL = 60  # steps that measure how long a step takes
ENVIRONMENT = {}  # of the program, in addition


def run(words):
    env = {**os.environ, **ENVIRONMENT}
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}\n{done.stderr.strip()}")
    return done.stdout


def spent():
    """Returns the processor time of the programs that ran so far."""
    times = os.times()
    return times.children_user + times.children_system


def write_csv(path, table, rows, x):
    """Writes the columns, then those of the context; whole numbers have no decimal point."""
    names = [*table.names, *table.context]
    columns = [*x[rows].T, *(values[rows] for values in table.context.values())]
    number = lambda v: v if isinstance(v, str) else f"{v:.0f}" if v == int(v) else repr(float(v))  # noqa: E731
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([number(v) for v in row] for row in zip(*columns))


def files(table, args):
    """Writes CSV files of the rows to fit, of the test rows, and of the test rows that are scored."""
    folder = args.folder / table.name.replace("|", "-given-")
    folder.mkdir(parents=True, exist_ok=True)
    test = table.split == TEST
    paths = {name: folder / f"{args.method}-{args.seed}-{name}.csv" for name in ("data", "test", "score")}
    write_csv(paths["data"], table, ~test, table.x)
    write_csv(paths["test"], table, test, table.x)
    write_csv(paths["score"], table, test, table.smooth)
    return {**paths, "folder": folder}


def score(table, args, paths, model):
    """Returns log p of the test rows in standardised units."""
    out = paths["folder"] / f"{args.method}-{args.seed}-logp.npy"
    run([args.clflow, "log-prob", model, "--data", paths["score"], "--out", out, "--force", "--device", "cpu"])
    return np.load(out).ravel() + table.log_scale


def fit(table, args):
    paths = files(table, args)
    model = paths["folder"] / f"{args.method}-{args.seed}.flow"
    given = "--given " + shlex.quote(",".join(table.context)) if table.context else ""
    words = {k: shlex.quote(str(v)) for k, v in {**paths, "model": model, "report": model.with_suffix(".report.html"),
                                                "clflow": args.clflow}.items()}  # fmt: skip
    command = args.fit_command.format(time=f"{args.time:g}", seed=args.seed, given=given, **words)
    begin = time.time()
    said = run(shlex.split(command))
    facts = {"command": args.fit_command, "seconds": time.time() - begin, "said": said[-2000:]}
    return score(table, args, paths, model), facts


def train(table, args, paths, text, options, steps):
    """Trains a flow; returns seconds, the validation mean, the model and the number of epochs."""
    learnt = int((table.split != TEST).sum())
    batch = min(256, max(16, learnt // 8))
    context = sum(len(set(v)) if v.dtype.kind in "OUS" else 1 for v in table.context.values())  # one-hot
    head = f"{len(table.names)}|{context}: " if context else f"{len(table.names)}: "
    model = paths["folder"] / f"{args.method}-{args.seed}-try.safetensors"
    epochs = max(1, round(steps * batch / (0.85 * learnt)))
    given = ["--given", ",".join(table.context)] if table.context else []
    begin = spent()
    run([args.clflow, "train", "--data", paths["data"], "--flow", head + text, *options.split(),
         *GRID_OPTIONS.format(batch=batch).split(), "--epochs", epochs, "--seed", args.seed, "--out", model,
         "--force", *given])  # fmt: skip
    seconds = spent() - begin
    facts = json.loads(run([args.clflow, "info", model, "--json"]))
    return seconds, facts["history"]["valid"], model, epochs


def grid(table, args):
    paths, best, begin = files(table, args), None, spent()
    for i, (text, options) in enumerate(GRID):
        slice_ = (args.time - (spent() - begin)) / (len(GRID) - i)
        if slice_ < 1:
            break
        each, _, _, epochs = train(table, args, paths, text, options, TRIAL)
        steps = TRIAL * max(1, (slice_ - each) / each)
        _, valid, model, epochs = train(table, args, paths, text, options, steps)
        if valid is not None and (best is None or valid > best[0]):
            chosen = model.with_name(f"{args.method}-{args.seed}.safetensors")
            model.replace(chosen)
            best = valid, text, options, epochs, chosen
    if not best:
        return None
    facts = {"valid": best[0] + table.log_scale, "flow": best[1], "options": best[2], "epochs": best[3]}
    return score(table, args, paths, best[4]), facts


METHODS = {"clflow-fit": fit, "clflow-grid": grid}
