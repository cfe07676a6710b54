#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the golden files of this folder with PyTorch; README.md describes them.

usage: make_golden.py [FOLDER]      (default: the folder of this script)

Weights and inputs are float32 numbers; results are computed in float64, except
those of trainings, which run in float32 like the lecture's.  Each
set is checked against finite differences before it is written.
"""

import json
import math
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import save_file
from torch import autograd, nn, optim

# ---- The lecture's modules, with their state_dict names --------------------------


class PiecewiseLinear(nn.Module):
    """An increasing function with nb linear pieces over [xmin, xmax], constant outside."""

    def __init__(self, nb, xmin, xmax):
        super().__init__()
        self.nb, self.xmin, self.xmax = nb, xmin, xmax
        self.alpha = nn.Parameter(torch.tensor([xmin], dtype=torch.float))
        width = (xmax - xmin) / nb
        self.xi = nn.Parameter(torch.empty(nb + 1).normal_(math.log(width), 1e-4))

    def forward(self, x):
        v = self.alpha + self.xi.exp().cumsum(0)
        u = self.nb * (x - self.xmin) / (self.xmax - self.xmin)
        n = u.long().clamp(0, self.nb - 1)
        a = (u - n).clamp(0, 1)
        return (1 - a) * v[n] + a * v[n + 1]

    def with_logdet(self, x):
        """f(x) and log f'(x), the derivative by autograd of the sum of the outputs."""
        if not x.requires_grad:
            x = x.detach().requires_grad_()
        y = self(x)
        (derivative,) = autograd.grad(y.sum(), x, retain_graph=True, create_graph=True)
        return y, derivative.log().sum(1)

    def invert(self, y):
        v = self.alpha + self.xi.exp().cumsum(0)
        n = (torch.searchsorted(v, y) - 1).clamp(0, self.nb - 1)
        u = n + (y - v[n]) / (v[n + 1] - v[n])
        return self.xmin + u * (self.xmax - self.xmin) / self.nb


class NVPCouplingLayer(nn.Module):
    def __init__(self, map_s, map_t, b, s_max=0.0):
        super().__init__()
        self.map_s, self.map_t = map_s, map_t
        self.register_buffer("b", b.unsqueeze(0))
        self.s_max = s_max

    def s_and_t(self, x):
        s, t = self.map_s(self.b * x), self.map_t(self.b * x)
        if self.s_max > 0:  # not in the lecture: a bound on |s|
            s = self.s_max * torch.tanh(s / self.s_max)
        return s, t

    def forward(self, x, ldj):
        s, t = self.s_and_t(x)
        ldj = ldj + ((1 - self.b) * s).sum(1)
        return self.b * x + (1 - self.b) * (torch.exp(s) * x + t), ldj

    def invert(self, y):
        s, t = self.s_and_t(y)
        return self.b * y + (1 - self.b) * (torch.exp(-s) * (y - t))


class NICECouplingLayer(nn.Module):
    """The additive coupling: the lecture's with s = 0."""

    def __init__(self, map_t, b):
        super().__init__()
        self.map_t = map_t
        self.register_buffer("b", b.unsqueeze(0))

    def forward(self, x, ldj):
        return self.b * x + (1 - self.b) * (x + self.map_t(self.b * x)), ldj

    def invert(self, y):
        return self.b * y + (1 - self.b) * (y - self.map_t(self.b * y))


def tanh_mlp(dim, hidden):
    return nn.Sequential(nn.Linear(dim, hidden), nn.Tanh(), nn.Linear(hidden, dim))


def next_mask(b, d):
    """The identity dimensions: a random half in even layers, the other half in odd ones."""
    if d % 2 == 1:
        return 1 - b
    kept = torch.randperm(b.numel())[: b.numel() // 2]
    return torch.zeros(b.numel()).index_fill_(0, kept, 1.0)


class NVPNet(nn.Module):
    def __init__(self, dim, hidden, depth, s_max=0.0):
        super().__init__()
        self.layers = nn.ModuleList()
        b = torch.empty(dim)
        for d in range(depth):
            b = next_mask(b, d)
            map_s, map_t = tanh_mlp(dim, hidden), tanh_mlp(dim, hidden)
            self.layers.append(NVPCouplingLayer(map_s, map_t, b.clone(), s_max))

    def with_logdet(self, x):
        ldj = x.new_zeros(len(x))
        for layer in self.layers:
            x, ldj = layer(x, ldj)
        return x, ldj

    def invert(self, y):
        for layer in reversed(self.layers):
            y = layer.invert(y)
        return y


class NICENet(NVPNet):
    """Additive couplings with the same masks, then a diagonal scaling."""

    def __init__(self, dim, hidden, depth):
        super().__init__(dim, hidden, 0)
        b = torch.empty(dim)
        for d in range(depth):
            b = next_mask(b, d)
            self.layers.append(NICECouplingLayer(tanh_mlp(dim, hidden), b.clone()))
        self.log_scale = nn.Parameter(torch.zeros(dim))

    def with_logdet(self, x):
        y, ldj = super().with_logdet(x)
        return torch.exp(self.log_scale) * y, ldj + self.log_scale.sum()

    def invert(self, y):
        return super().invert(torch.exp(-self.log_scale) * y)


def log_proba(z, ldj):
    return -0.5 * (z**2 + math.log(2 * math.pi)).sum(1) + ldj


def mean_loss(model, x):
    return -log_proba(*model.with_logdet(x)).mean()


# ---- Data -------------------------------------------------------------------------


def moons(rng, n, noise):
    """Two moons, drawn like scikit-learn's, with shuffled rows."""
    outer, inner = np.linspace(0, np.pi, n // 2), np.linspace(0, np.pi, n - n // 2)
    x = np.concatenate([np.cos(outer), 1 - np.cos(inner)])
    y = np.concatenate([np.sin(outer), 0.5 - np.sin(inner)])
    points = rng.permutation(np.stack([x, y], 1))
    return points + rng.normal(0, noise, points.shape)


def correlated_mixture(rng, n, dim, parts=3):
    mixing = rng.normal(0, 0.6, (parts, dim, dim))
    centre = rng.normal(0, 1.0, (parts, dim))
    k = rng.integers(parts, size=n)
    return centre[k] + np.einsum("nij,nj->ni", mixing[k], rng.normal(size=(n, dim)))


def mixture_1d(rng, n):
    k = rng.integers(3, size=n)
    return rng.normal(np.array([-2.0, 0.3, 2.1])[k], np.array([0.5, 0.2, 0.6])[k])[:, None]


def off_the_knots(x, model):
    """The rows inside the interval and far enough from knots that float32 finds the same piece."""
    u = model.nb * (x - model.xmin) / (model.xmax - model.xmin)
    inside = (u > 0) & (u < model.nb) & (np.abs(u - np.round(u)) > 1e-3)
    return x[inside[:, 0]]


def float32_rows(x):
    return torch.from_numpy(x.astype(np.float32))


# ---- Checks -----------------------------------------------------------------------


def check(what, error, bound):
    if not error <= bound:
        raise SystemExit(f"{what}: error {error:.3g} is above {bound:.3g}")
    return error


def numerical_logdet(model, x, h=1e-6):
    """log |det| of the Jacobian of each row by central differences."""
    columns = []
    for k in range(x.shape[1]):
        step = torch.zeros_like(x)
        step[:, k] = h
        columns.append((model.with_logdet(x + step)[0] - model.with_logdet(x - step)[0]) / (2 * h))
    return torch.linalg.slogdet(torch.stack(columns, 2).detach()).logabsdet


def numerical_slope(loss, tensor, i, h=1e-5):
    """The derivative of loss() by entry i of a tensor, by central differences."""
    flat, values = tensor.data.view(-1), []
    kept = flat[i].item()
    for sign in (1, -1):
        flat[i] = kept + sign * h
        values.append(loss().item())
    flat[i] = kept
    return (values[0] - values[1]) / (2 * h)


def check_set(name, model, x, z, logdet, grad):
    """Log-determinants, the inverse, and the largest entry of each gradient."""
    error = (numerical_logdet(model, x) - logdet).abs().max().item()
    check(f"{name}: log-determinant against a numerical Jacobian", error, 1e-7)
    error = (model.invert(z) - x).abs().max().item()
    check(f"{name}: x - invert(f(x))", error, 1e-11)
    tensors = dict(model.named_parameters(), x=x.clone())
    for key, tensor in tensors.items():
        i = grad[key].abs().argmax().item()
        slope = numerical_slope(lambda: mean_loss(model, tensors["x"]), tensor, i)
        error = abs(slope - grad[key].reshape(-1)[i].item())
        check(f"{name}: gradient by {key}[{i}] against finite differences", error, 1e-7)


# ---- Files ------------------------------------------------------------------------


class Folder:
    def __init__(self, path):
        self.path = Path(path)

    def npy(self, name, tensor):
        np.save(self.path / f"{name}.npy", tensor.detach().double().numpy())

    def tensors(self, name, tensors):
        plain = {key: t.detach().contiguous() for key, t in tensors.items()}
        save_file(plain, self.path / f"{name}.safetensors")


def evaluate(model, x):
    """z, log-determinants, log-probabilities and the gradients of the mean loss."""
    model, x = deepcopy(model).to(x.dtype), x.clone().requires_grad_()
    z, logdet = model.with_logdet(x)
    logp = log_proba(z, logdet)
    wanted = dict(model.named_parameters(), x=x)
    grad = autograd.grad(-logp.mean(), list(wanted.values()))
    return model, z.detach(), logdet.detach(), logp.detach(), dict(zip(wanted, grad, strict=True))


def worst(pairs):
    """The largest |a - b| relative to the largest |b| of its tensor."""
    return max(((a.double() - b).abs().max() / b.abs().max()).item() for a, b in pairs)


def jacobian(model, x):
    """As in the lecture: one gradient for each output, at one row."""
    x = x.clone().requires_grad_()
    z, _ = model.with_logdet(x)
    return torch.cat([autograd.grad(z_k, x, retain_graph=True)[0] for z_k in z[0]])


def write_set(folder, name, model, x, spec):
    """The files of one untrained model with perturbed weights; returns its entry in the JSON."""
    wide, z, logdet, logp, grad = evaluate(model, x.double())
    check_set(name, wide, x.double(), z, logdet, grad)
    folder.tensors(name, model.state_dict())
    folder.tensors(f"{name}.grad", grad)
    for part, tensor in (("x", x), ("z", z), ("logdet", logdet), ("logp", logp)):
        folder.npy(f"{name}.{part}", tensor)
    _, z32, logdet32, logp32, grad32 = evaluate(model, x)
    entry = dict(spec, rows=len(x), mean_logp=logp.mean().item())
    entry["logdet_range"] = [logdet.min().item(), logdet.max().item()]
    entry["float32_error"] = {
        "z": worst([(z32, z)]),
        "logdet": worst([(logdet32, logdet)]),
        "logp": worst([(logp32, logp)]),
        "grad": worst([(grad32[key], grad[key]) for key in grad]),
    }
    if name == "nvp_6x16x10":
        matrix = jacobian(wide, x[:1].double())
        folder.npy(f"{name}.jacobian", matrix)
        entry["jacobian_logabsdet"] = torch.linalg.slogdet(matrix).logabsdet.item()
        check("Jacobian of row 0", abs(entry["jacobian_logabsdet"] - logdet[0].item()), 1e-12)
    return entry


def train(model, x, epochs=10, batch=100, lr=1e-2):
    """The lecture's training loop without shuffling; returns the loss of each step."""
    optimizer = optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        for rows in x.split(batch):
            loss = mean_loss(model, rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def write_training(folder, name, model, x, spec):
    """The files of one float32 training; a float64 copy shows the effect of rounding."""
    twin = deepcopy(model).double()
    folder.npy(f"{name}.x", x)
    folder.tensors(f"{name}.start", model.state_dict())
    losses, twin_losses = train(model, x), train(twin, x.double())
    folder.tensors(f"{name}.end", model.state_dict())
    folder.npy(f"{name}.losses", losses)
    _, _, _, logp, _ = evaluate(model, x.double())
    folder.npy(f"{name}.logp", logp)
    entry = dict(spec, rows=len(x), epochs=10, batch=100, lr=1e-2, steps=len(losses))
    entry["first_loss"], entry["last_loss"] = losses[0].item(), losses[-1].item()
    entry["mean_logp"] = logp.mean().item()
    pairs = zip(model.parameters(), twin.parameters(), strict=True)
    entry["float64_twin"] = {
        "loss_difference": (losses - twin_losses).abs().max().item(),
        "weight_difference": max((a.double() - b).abs().max().item() for a, b in pairs),
        "mean_logp": evaluate(twin, x.double())[3].mean().item(),
    }
    return entry


# ---- The sets ---------------------------------------------------------------------


def perturb(model, deviation):
    with torch.no_grad():
        for p in model.parameters():
            p.add_(deviation * torch.randn(p.shape))
    return model


NETS = {  # name: kind, dim, hidden, depth, s_max, deviation of the perturbation
    "nvp_2x2x4": ("nvp", 2, 2, 4, 0.0, 0.4),
    "nvp_6x16x10": ("nvp", 6, 16, 10, 0.0, 0.1),
    "nvp_5x33x3": ("nvp", 5, 33, 3, 0.0, 0.15),
    "nvp_smax": ("nvp", 3, 8, 4, 1.5, 0.35),
    "nice_4x9x4": ("nice", 4, 9, 4, 0.0, 0.3),
}


def main():
    torch.set_num_threads(1)
    folder = Folder(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    folder.path.mkdir(parents=True, exist_ok=True)
    sets, trainings = {}, {}

    for seed, (name, (kind, dim, hidden, depth, s_max, deviation)) in enumerate(NETS.items(), 1):
        torch.manual_seed(seed)
        plain = (dim, hidden, depth)
        model = perturb(NICENet(*plain) if kind == "nice" else NVPNet(*plain, s_max), deviation)
        spec = dict(kind=kind, dim=dim, hidden=hidden, depth=depth, s_max=s_max)
        sets[name] = write_set(folder, name, model, 1.2 * torch.randn(64, dim), spec)

    rng = np.random.default_rng(7)
    torch.manual_seed(7)
    model = perturb(PiecewiseLinear(16, -3.0, 3.0), 0.3)
    x = float32_rows(off_the_knots(rng.uniform(-3, 3, (80, 1)), model)[:64])
    spec = dict(kind="piecewise", dim=1, bins=16, xmin=-3.0, xmax=3.0)
    sets["piecewise_16"] = write_set(folder, "piecewise_16", model, x, spec)

    x = float32_rows(moons(rng, 1050, 0.05))
    spec = dict(kind="nvp", dim=2, hidden=2, depth=4)
    trainings["train_moons"] = write_training(folder, "train_moons", NVPNet(2, 2, 4), x, spec)

    x = float32_rows(correlated_mixture(rng, 530, 6))
    spec = dict(kind="nvp", dim=6, hidden=16, depth=4)
    trainings["train_6d"] = write_training(folder, "train_6d", NVPNet(6, 16, 4), x, spec)

    model = PiecewiseLinear(20, -4.0, 4.0)
    x = float32_rows(off_the_knots(mixture_1d(rng, 520), model)[:500])
    spec = dict(kind="piecewise", dim=1, bins=20, xmin=-4.0, xmax=4.0)
    trainings["train_piecewise"] = write_training(folder, "train_piecewise", model, x, spec)

    versions = dict(
        torch=torch.__version__, numpy=np.__version__, safetensors=safetensors.__version__
    )
    summary = dict(versions=versions, sets=sets, trainings=trainings)
    (folder.path / "golden.json").write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
