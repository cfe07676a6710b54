#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the golden files of the convolutional RealNVP; README.md describes them.

usage: make_golden_realnvp.py [FOLDER]      (default: the folder of this script)

The model is bench/peers/realnvp_torch.py.  Weights, running statistics and inputs are
float32 numbers; results, also those of trainings, are computed in float64.
Each set is written only after a check of its inverse, of its log-determinants (with the
Jacobian by autograd) and of its gradients (with finite differences).
"""

import json
import math
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import safetensors
import torch
from make_golden import Folder, check, numerical_slope
from torch import autograd
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "peers"))
import realnvp_torch  # noqa: E402
from realnvp_torch import EPSILON, RealNVP, Statistics, log_prob  # noqa: E402

# ---- Data -------------------------------------------------------------------------


def smooth_bytes(rng, n, spec):
    """Images of a few dark and bright patches, in bytes [n, height, width, channels]."""
    height, width, channels = spec["height"], spec["width"], spec["channels"]
    coarse = torch.from_numpy(rng.normal(0, 2.5, (n, channels, 3, 3)) - 0.5)
    fine = functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    grain = rng.normal(0, 0.3, fine.shape)
    values = np.floor(spec["levels"] / (1 + np.exp(-2 * (fine.numpy() + grain))))
    return values.clip(0, spec["levels"] - 1).transpose(0, 2, 3, 1)


def dequantised(rng, n, spec, highest=255):
    """Rows byte + u; u has ten bits, so that float32 holds the sum."""
    values = smooth_bytes(rng, n, spec).clip(0, highest).reshape(n, -1)
    rows = values + (rng.integers(0, 1024, values.shape) + 0.5) / 1024
    assert (rows == rows.astype(np.float32)).all() and rows.max() < spec["levels"]
    return torch.from_numpy(rows)


# ---- Models away from their initial state -----------------------------------------


def perturb(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            part = name.rsplit(".", 1)[1]
            if part == "rescaling_scale":
                p.uniform_(0.2, 0.5)
            elif part == "scale":
                p.uniform_(0.4, 0.8)
            elif part == "magnitude":
                p.mul_(torch.exp(0.2 * torch.randn_like(p)))
            elif part in ("beta", "bias", "scale_shift"):
                p.copy_(0.15 * torch.randn_like(p))


def settle(model, rng, spec, steps=40):
    """Lets the running statistics follow batches of other images."""
    model.train()
    with torch.no_grad():
        for _ in range(steps):
            model(dequantised(rng, 16, spec).to(next(model.parameters()).dtype))
    model.eval()


def statistics_of(model):
    return {name: m for name, m in model.named_modules() if isinstance(m, Statistics)}


def running(model):
    return {key: t.clone() for key, t in model.named_buffers()}


def fixed(model):
    """A copy in training mode whose running statistics stay."""
    copy = deepcopy(model).train()
    for m in statistics_of(copy).values():
        m.momentum = 0.0
    return copy


def relu_margin(model, x):
    """The smallest |input| of any relu in training mode, except exact zeros."""
    nearest, relu = [], functional.relu

    def noting(h):
        nearest.append(h[h != 0].abs().min().item())
        return relu(h)

    functional.relu = noting
    try:
        with torch.no_grad():
            fixed(model)(x)
    finally:
        functional.relu = relu
    return min(nearest)


def choose_rows(model, rng, rows, spec, draws=40):
    """Rows for which float32 rounding switches no relu, so that gradients can be compared."""
    highest = 250 if spec["logit"] == "paper" else 255
    drawn = [dequantised(rng, rows, spec, highest) for _ in range(draws)]
    margins = [relu_margin(model, x) for x in drawn]
    best = int(np.argmax(margins))
    check("1 / distance of a relu's input from 0", 1 / margins[best], 1e5)
    return drawn[best], margins[best]


# ---- Contents of the files -------------------------------------------------------


def evaluate(model, x):
    """z, log-determinants and log-probabilities with the running statistics."""
    with torch.no_grad():
        z, logdet = model.eval()(x)
        return {"z": z, "logdet": logdet, "logp": log_prob(z, logdet)}


def evaluate_training(model, x):
    """One forward and backward pass in training mode, on a copy."""
    model, x = deepcopy(model).train(), x.clone().requires_grad_()
    z, logdet = model(x)
    loss = -log_prob(z, logdet).mean()
    wanted = dict(model.named_parameters(), x=x)
    grad = dict(zip(wanted, autograd.grad(loss, list(wanted.values())), strict=True))
    arrays = {"train_z": z.detach(), "train_logdet": logdet.detach()}
    return arrays, grad, running(model), loss.item()


# ---- Checks -----------------------------------------------------------------------


def jacobian_logdet(model, x):
    """log |det dz/dx'| of each row by autograd; rows do not see each other in eval mode."""
    x = x.clone().requires_grad_()
    z, _ = model(x)
    columns = [autograd.grad(z[:, k].sum(), x, retain_graph=True)[0] for k in range(z.shape[1])]
    return torch.linalg.slogdet(torch.stack(columns, 1)).logabsdet


def frozen(model, x):
    """A copy whose running statistics are those of the batch x."""
    copy, used = deepcopy(model).train(), {}
    for name, m in statistics_of(copy).items():

        def noting(batch, name=name, of=m.of):
            used[name] = of(batch)
            return used[name]

        m.of = noting
    with torch.no_grad():
        copy(x)
        for name, m in statistics_of(copy).items():
            del m.of
            m.mean.copy_(used[name][0].flatten())
            m.var.copy_(used[name][1].flatten() - EPSILON)
    return copy.eval()


def check_eval(name, model, x, want):
    with torch.no_grad():
        back = model.invert(want["z"])
        error = ((back - x).abs().max() / model.levels).item()
        check(f"{name}: x - invert(f(x)), in levels", error, 1e-11)
        error = (model(back)[0] - want["z"]).abs().max().item()
        check(f"{name}: z - f(invert(z))", error, 1e-10)
    # A determinant in this many dimensions sums as many rounding errors.
    error = (jacobian_logdet(model, x) - want["logdet"]).abs().max().item()
    return check(f"{name}: log-determinant against the Jacobian", error, 1e-10)


def check_statistics(name, model, x, rho, want, stats):
    """Training mode is eval mode with the batch's statistics; the running ones follow them."""
    twin, before = frozen(model, x), running(model)
    got = evaluate(twin, x)
    for part in ("z", "logdet"):
        error = (got[part] - want[f"train_{part}"]).abs().max().item()
        check(f"{name}: {part} in training mode", error, 1e-10)
    for key, used in running(twin).items():
        batch = (used - rho * before[key]) / (1 - rho)
        error = (before[key] + 0.1 * (batch - before[key]) - stats[key]).abs().max().item()
        check(f"{name}: {key} after a step", error, 1e-11)


def check_gradients(name, model, x, grad):
    """Checks the largest entry of each gradient, and the slope in a random direction."""
    twin, x = fixed(model), x.clone()
    tensors = dict(twin.named_parameters(), x=x)

    def loss():
        with torch.no_grad():
            return -twin.log_prob(x).mean()

    largest = 0.0
    for key, tensor in tensors.items():
        i = grad[key].abs().argmax().item()
        exact = grad[key].reshape(-1)[i].item()
        for step in (1e-5, 1e-6):  # the smaller step where a relu switches within the larger one
            error = abs(numerical_slope(loss, tensor, i, step) - exact) / max(1.0, abs(exact))
            if error <= 2e-7:
                break
        largest = max(largest, error)
        check(f"{name}: gradient by {key}[{i}] against finite differences", error, 2e-6)
    generator, h = torch.Generator().manual_seed(1), 1e-7  # so small that few relus switch
    for _ in range(4):
        way = {k: torch.randn(t.shape, generator=generator).to(t) for k, t in tensors.items()}
        values = []
        for sign in (1, -2, 1):
            with torch.no_grad():
                for key, tensor in tensors.items():
                    tensor += sign * h * way[key]
            values.append(loss().item())
        slope = (values[0] - values[1]) / (2 * h)
        exact = sum((way[key] * grad[key]).sum().item() for key in tensors)
        error = abs(slope - exact) / abs(exact)
        check(f"{name}: slope in a random direction, relative", error, 1e-5)
    return largest


# ---- Files ------------------------------------------------------------------------


def apart(a, b):
    """The largest |a - b| relative to the largest |b|."""
    return ((a.double() - b).abs().max() / b.abs().max()).item()


ROUNDING = 1e-11  # smaller gradients are rounding errors: batch normalisation cancels the bias


def float32_errors(model, x, arrays, grad, stats):
    """The difference between PyTorch's float32 and the files."""
    narrow, x = deepcopy(model).float(), x.float()
    arrays32, grad32, stats32, _ = evaluate_training(narrow, x)
    arrays32 |= evaluate(narrow, x)
    errors = {part: apart(arrays32[part], arrays[part]) for part in arrays}
    zero = [key for key in grad if grad[key].abs().max() < ROUNDING]
    rest = [key for key in grad if key not in zero]
    errors["grad"] = max(apart(grad32[key], grad[key]) for key in rest)
    errors["grad_absolute"] = max((grad32[k].double() - grad[k]).abs().max().item() for k in rest)
    if zero:
        errors["zero_grad_absolute"] = max(grad32[key].abs().max().item() for key in zero)
    if stats:
        # Absolute, since the mean after batch normalisation is 0.
        away = [(stats32[key].double() - stats[key]).abs().max().item() for key in stats]
        errors["stats_absolute"] = max(away)
    return errors, len(zero)


OPTIONS = dict(
    affine="shift_first", logit="code", first_mask="even", norm="batch", bn_rho=0.0, levels=256
)


def make_model(spec):
    keys = ("channels", "height", "width", "scales", "width_base", "blocks", *OPTIONS)
    return RealNVP(**{key: spec[key] for key in keys})


def sizes(model, spec, rows):
    spec = dict(spec, alpha=realnvp_torch.ALPHA, rows=rows, dim=math.prod(model.shape))
    return dict(
        spec, tensors=len(model.state_dict()), trainable_numbers=realnvp_torch.trainable(model)
    )


def write_set(folder, name, spec, rows, seed):
    """The files of one model with perturbed weights; returns its entry in the JSON."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = make_model(spec)
    perturb(model)
    settle(model, rng, spec)
    wide = deepcopy(model).double()
    x, margin = choose_rows(wide, rng, rows, spec)

    arrays = evaluate(wide, x)
    training, grad, stats, loss = evaluate_training(wide, x)
    checks = {"logdet_against_jacobian": check_eval(name, wide, x, arrays)}
    check_statistics(name, wide, x, spec["bn_rho"], training, stats)
    checks["grad_against_differences"] = check_gradients(name, wide, x, grad)
    arrays |= training

    folder.tensors(name, model.state_dict())
    folder.npy(f"{name}.x", x)
    for part, tensor in arrays.items():
        folder.npy(f"{name}.{part}", tensor)
    narrow = {key: g if key == "x" else g.float() for key, g in grad.items()}
    folder.tensors(f"{name}.grad", narrow)
    if stats:
        folder.tensors(f"{name}.stats", stats)

    entry = sizes(model, spec, rows)
    entry["mean_logp"], entry["train_mean_logp"] = arrays["logp"].mean().item(), -loss
    entry["bits_per_dim"] = -entry["mean_logp"] / (entry["dim"] * math.log(2))
    entry["logdet_range"] = [arrays["logdet"].min().item(), arrays["logdet"].max().item()]
    entry["largest_z"] = arrays["z"].abs().max().item()
    entry["largest_grad"] = max(g.abs().max().item() for g in grad.values())
    entry["relu_margin"], entry["checks"] = margin, checks
    entry["float32_error"], entry["zero_gradients"] = float32_errors(wide, x, arrays, grad, stats)
    return entry


class Adam:
    """TensorFlow's Adam: epsilon is added to sqrt(v) before the bias correction of v."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        self.params, self.lr, self.betas, self.eps = list(params), lr, betas, eps
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]
        self.t = 0

    @torch.no_grad()
    def step(self, grads):
        self.t += 1
        b1, b2 = self.betas
        lr = self.lr * math.sqrt(1 - b2**self.t) / (1 - b1**self.t)
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            m.mul_(b1).add_((1 - b1) * g)
            v.mul_(b2).add_((1 - b2) * g * g)
            p.sub_(lr * m / (v.sqrt() + self.eps))


TRAINING = dict(epochs=3, batch=16, lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, l2=5e-5)


def train(model, x, clip):
    """The official training loop; returns the mean nll and the gradient's norm before each step."""
    named = dict(model.train().named_parameters())
    decayed = [k for k in named if "magnitude" in k or "rescaling_scale" in k]
    betas = (TRAINING["beta1"], TRAINING["beta2"])
    adam = Adam(named.values(), TRAINING["lr"], betas, TRAINING["epsilon"])
    losses, norms = [], []
    for _ in range(TRAINING["epochs"]):
        for rows in x.split(TRAINING["batch"]):
            nll = -model.log_prob(rows).mean()
            loss = nll + TRAINING["l2"] * sum((named[key] ** 2).sum() for key in decayed)
            grads = autograd.grad(loss, list(named.values()))
            norm = math.sqrt(sum((g.double() ** 2).sum().item() for g in grads))
            adam.step([g * (clip / max(norm, clip)) for g in grads])
            losses.append(nll.item())
            norms.append(norm)
    return torch.tensor(losses, dtype=torch.float64), torch.tensor(norms, dtype=torch.float64)


def faint_batch(x):
    """The third batch has a fifth of the contrast, so that its gradient is over twice as long."""
    batch = TRAINING["batch"]
    noise, rows = x % 1, slice(2 * batch, 3 * batch)
    x[rows] = torch.floor(0.2 * x[rows] + 30) + noise[rows]
    return x


def still_biases(model):
    """Names of the biases that batch normalisation cancels, whose gradients are rounding errors."""
    names = [name for name, _ in model.named_parameters() if name.endswith(".bias")]
    return {name for name in names if not name.endswith("net.out.bias")}


def write_training(folder, name, spec, rows, clip, seed):
    """The files of one float64 training; a float32 copy shows the effect of rounding."""
    torch.manual_seed(seed)
    x = faint_batch(dequantised(np.random.default_rng(seed), rows, spec))
    model = make_model(spec)
    folder.npy(f"{name}.x", x)
    folder.tensors(f"{name}.start", model.state_dict())

    wide, twin = deepcopy(model).double(), deepcopy(model)
    losses, norms = train(wide, x, clip)
    twin_losses, twin_norms = train(twin, x.float(), clip)
    if not (norms.min() < clip < norms.max()):
        raise SystemExit(f"{name}: norms {norms.tolist()} are all on one side of {clip}")
    folder.tensors(f"{name}.end", {key: t.float() for key, t in wide.state_dict().items()})
    folder.npy(f"{name}.losses", losses)
    folder.npy(f"{name}.norms", norms)

    entry = dict(sizes(model, spec, rows), **TRAINING, clip=clip, steps=len(losses))
    entry["clipped_steps"] = int((norms > clip).sum())
    entry["first_loss"], entry["last_loss"] = losses[0].item(), losses[-1].item()
    still, end = still_biases(model), wide.state_dict()
    away = {k: (t.double() - end[k]).abs().max().item() for k, t in twin.state_dict().items()}
    start = model.state_dict()
    trained = [k for k, _ in model.named_parameters() if k not in still]
    entry["largest_step"] = max((end[k] - start[k]).abs().max().item() for k in trained)
    entry["still_biases_moved"] = max((end[k] - start[k]).abs().max().item() for k in still)
    entry["float32_twin"] = {
        "loss_difference": (losses - twin_losses).abs().max().item(),
        "norm_difference": (norms - twin_norms).abs().max().item(),
        "weight_difference": max(away[k] for k in trained),
        "still_bias_difference": max(away[k] for k in still),
        "statistics_difference": max(away[k] for k, _ in model.named_buffers()),
        "mean_logp_difference": abs(
            (evaluate(twin.double(), x)["logp"].mean() - evaluate(wide, x)["logp"].mean()).item()
        ),
    }
    entry["end_mean_logp"] = evaluate(wide, x)["logp"].mean().item()
    return entry


# ---- The sets ---------------------------------------------------------------------

SETS = {  # name: channels, height, width, scales, base width, blocks; rows; options
    "realnvp_full": ((3, 8, 8, 3, 2, 2), 8, {}),
    "realnvp_grey": ((1, 8, 8, 2, 5, 1), 16, {}),
    "realnvp_rect": (
        (3, 4, 12, 2, 3, 1),
        6,
        dict(affine="scale_first", logit="paper", first_mask="odd", bn_rho=0.5),
    ),
    "realnvp_nonorm": ((3, 8, 8, 2, 3, 1), 8, dict(norm="none")),
}


def shape_of(numbers, options):
    keys = ("channels", "height", "width", "scales", "width_base", "blocks")
    return dict(zip(keys, numbers, strict=True), **(OPTIONS | options))


def main():
    torch.set_num_threads(1)
    folder = Folder(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    folder.path.mkdir(parents=True, exist_ok=True)
    sets, trainings = {}, {}
    for seed, (name, (numbers, rows, options)) in enumerate(SETS.items(), 1):
        sets[name] = write_set(folder, name, shape_of(numbers, options), rows, seed)
    spec = shape_of((1, 8, 8, 2, 4, 1), {})
    trainings["realnvp_train"] = write_training(folder, "realnvp_train", spec, 64, 40.0, 9)

    versions = dict(
        torch=torch.__version__, numpy=np.__version__, safetensors=safetensors.__version__
    )
    presets = {name: count for name, (_, count) in realnvp_torch.PRESETS.items()}
    summary = dict(versions=versions, sets=sets, trainings=trainings, preset_numbers=presets)
    (folder.path / "golden_realnvp.json").write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
