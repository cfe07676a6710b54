# SPDX-License-Identifier: MIT
"""Reference values by clflow: weights of a flow, losses of its first steps, its inverse.  Peers load the
weights, and their results are compared with the rest."""

import json
import subprocess

import names
import numpy as np

STEPS, LR = 3, 1e-4


def clflow(program, *words):
    done = subprocess.run([program, *map(str, words), "--device", "cpu"], capture_output=True,
                          text=True)  # fmt: skip
    if done.returncode:
        raise SystemExit(f"clflow {words[0]}: {done.stderr.strip().splitlines()[-1]}")


def invert(program, model, folder, latents):
    np.save(folder / "z.npy", latents.astype(np.float32))
    clflow(program, "invert", model, "--data", folder / "z.npy", "--out", folder / "x.npy")


def of_nvp(program, what, folder):
    rng, model, rows = np.random.default_rng(1), folder / "weights.safetensors", folder / "rows.npy"
    np.save(rows, rng.normal(size=(min(what.count, 1024), what.dim)).astype(np.float32))
    options = ["--data", rows, "--batch", 1024, "--weights-only", "--no-shuffle", "--lr", LR,
               "--no-standardize", "--valid-split", 0, "--schedule", "constant", "--warmup", 0]
    clflow(program, "train", *options, "--epochs", 1, "--hidden", what.hidden,
           "--depth", what.depth, "--out", model)  # fmt: skip
    clflow(program, "train", *options, "--epochs", STEPS, "--init", model, "--log",
           folder / "log.jsonl", "--out", folder / "after.safetensors")  # fmt: skip
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    np.save(folder / "losses.npy", [x for line in lines for x in line.get("losses", [])])
    invert(program, model, folder, rng.normal(size=(256, what.dim)))


def of_images(program, what, folder):
    rng, model = np.random.default_rng(1), folder / "weights.safetensors"
    preset, (channels, height, width, *_) = names.IMAGE_FLOWS[what.flow]
    files = [folder / name for name in ("images.npy", "noise.npy")]
    shape = (8, height, width, channels)
    np.save(files[0], rng.integers(0, 256, shape).astype(np.uint8))
    np.save(files[1], ((rng.integers(0, 1024, shape) + 0.5) / 1024).astype(np.float32))
    clflow(program, "train", "--data", files[0], "--preset", preset, "--epochs", 1, "--batch", 8,
           "--weights-only", "--out", model)  # fmt: skip
    clflow(program, "log-prob", model, "--data", files[0], "--noise", files[1], "--out",
           folder / "logp.npy")  # fmt: skip
    invert(program, model, folder, rng.normal(size=(4, channels * height * width)))


def make(program, name, folder):
    """Returns the folder of a workload's reference values, which it makes at first use; products and
    convolutions need none."""
    what = names.parse(name)
    maker = {names.Nvp: of_nvp, names.Images: of_images}.get(type(what))
    mine = folder / name.split("/")[1].rsplit("-", 1)[0]
    if maker and not (mine / "x.npy").exists():
        mine.mkdir(parents=True, exist_ok=True)
        maker(program, what, mine)
    return mine
