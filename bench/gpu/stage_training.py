# SPDX-License-Identifier: MIT
"""Stage 5: trains on real data, some runs with every operation compared with double precision."""

import json

from work import BUNDLE, tell

PENGUINS = ("--data", BUNDLE / "data/penguins.csv", "--hidden", 32, "--depth", 6, "--s-max", 2,
            "--lr", 0.001, "--batch", 50, "--schedule", "constant", "--warmup", 0,
            "--valid-split", 0)  # fmt: skip
MOONS = ("--data", "moons:n=10000", "--hidden", 64, "--depth", 8, "--s-max", 2, "--clip", 10,
         "--lr", 0.003)  # fmt: skip
DIGITS = ("--data", BUNDLE / "data/digits.idx.gz", "--preset", "tiny", "--levels", 17)
# name, data for eval, options, epochs, whether each operation is checked
RUNS = (
    ("moons, checked", MOONS[1], MOONS + ("--batch", 2000), 1, True),
    ("penguins, checked", PENGUINS[1], PENGUINS, 2, True),
    ("moons", MOONS[1], MOONS, 30, False),
    ("penguins", PENGUINS[1], PENGUINS, 100, False),
    ("digits", DIGITS[1], DIGITS, 4, False),
)


def mean_of(work, model, data, device):
    done = work.program("clflow", "eval", model, "--data", data, "--device", device, "--json")
    return json.loads(done.output).get("mean") if done.code == 0 else None


def train(work, index, run):
    name, data, options, epochs, checked = run
    model = work.folder / f"training-{index}.safetensors"
    device = ("check:" if checked else "") + work.device["name"]
    done = work.program("clflow", "train", *options, "--epochs", epochs, "--device", device,
                        "--out", model)  # fmt: skip
    row = {"name": name, "device": device, "epochs": epochs, "verdict": done.verdict(),
           "seconds": round(done.seconds, 3)}  # fmt: skip
    if done.code != 0:
        row["why"] = done.errors.strip()[-1000:]
        return row
    row["mean"] = mean_of(work, model, data, work.device["name"])
    row["mean_cpu64"] = mean_of(work, model, data, "cpu64")
    if row["mean"] is None or row["mean_cpu64"] is None:
        return row | {"verdict": "not evaluated"}
    off = abs(row["mean"] - row["mean_cpu64"])
    return row if off <= 1e-3 * max(1, abs(row["mean_cpu64"])) else row | {"verdict": "failed"}


def run(work, results, options):
    rows = results.all["training"] = []
    for index, wanted in enumerate(RUNS):
        row = train(work, index, wanted)
        rows.append(row)
        results.save()
        mean = f"mean log-likelihood {row['mean']:.4f} nats" if row.get("mean") else ""
        tell("training", f"{row['name']}: {row['verdict']} in {row['seconds']:.1f} s "
                         f"{mean}{row.get('why', '')}")  # fmt: skip
    late = [r for r in rows if r["verdict"] == "too slow"]
    bad = [r for r in rows if r["verdict"] not in ("passed", "too slow")]
    return "failed" if bad else "passed, not finished in time" if late else "passed"
