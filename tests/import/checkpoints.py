# SPDX-License-Identifier: MIT
"""A checkpoint of a Python library beside log-densities of its model."""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


@dataclass
class Checkpoint:
    name: str
    model: object  # what is saved whole
    logp: object  # x, c -> log p(x given c)
    forward: object  # x, c -> z
    inverse: object  # z, c -> x
    dim: int
    context: int = 0
    forms: tuple = ("state", "whole")  # what is written of it
    hints: str = ""  # options of `clflow import` for the state_dict
    whole_hints: str = ""
    parameters: object = None  # the module that is disturbed and whose state_dict is saved (None: the model)
    spread: float = 1.2
    deviation: float = 0.2
    box: tuple = None  # x is uniform in it
    rows: int = 24
    latent_box: tuple = None  # z of `inverse` is uniform in it
    before: object = None  # called before the model becomes one of double
    classes: int = 0  # the context is one of them
    shape: tuple = None  # (C, H, W): rows are images with the channel as the fastest index; they are written as (n, C, H, W)
    fixture: bool = False  # kept in tests/import/fixtures


def disturb(module, deviation):
    """Moves each parameter away from its initial value; weights that a mask hides too, as in real files."""
    with torch.no_grad():
        for p in module.parameters():
            if p.requires_grad:
                p.add_(deviation * torch.randn_like(p))


def draw(case):
    if case.box:
        low, high = (torch.as_tensor(v, dtype=torch.float32) for v in case.box)
        x = low + (high - low) * torch.rand(case.rows, case.dim)
    else:
        x = case.spread * torch.randn(case.rows, case.dim)
        x[::8, 0] = 9.0  # far out
    if case.classes:
        return x, torch.arange(case.rows)[:, None] % case.classes + 0.0
    return x, torch.randn(case.rows, case.context) if case.context else None


def widen(module):
    """To double, with nflows' constant of the normal distribution, which its files may have in float."""
    module.double()
    for part in module.modules():
        if hasattr(part, "log_prob_val"):  # of a Uniform of normflows
            part.low, part.high = part.low.double(), part.high.double()
            part.log_prob_val = -part.d * torch.log(part.high - part.low)
        if hasattr(part, "_log_z"):
            part._log_z = torch.tensor(0.5 * math.prod(part._shape) * math.log(2 * math.pi), dtype=torch.float64)


def polish(case, x, z, c):
    """Newton steps towards f(x) = z: the libraries' own inverses are exact to 1e-6 or so."""
    for _ in range(3):
        off = case.forward(x, c) - z
        steps = []
        for i in range(len(x)):
            ci = None if c is None else c[i : i + 1]
            slope = torch.autograd.functional.jacobian(lambda v: case.forward(v[None], ci)[0], x[i])
            steps.append(torch.linalg.solve(slope, off[i]))
        x = x - torch.stack(steps)
    return x.detach()


def samples(case, c):
    """Latents and the rows that they come from."""
    if case.latent_box:
        low, high = case.latent_box
        z = low + (high - low) * torch.rand(8, case.dim).double()
    else:
        z = torch.randn(8, case.dim).double()
    c = None if c is None else c[:8]
    with torch.no_grad():
        x = case.inverse(z, c)
    return z, polish(case, x, z, c)


def save(what, path, compressed):
    torch.save(what, path)
    if not compressed:
        return
    with zipfile.ZipFile(path) as old:
        members = [(m.filename, old.read(m)) for m in old.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        for name, content in members:
            if "/." not in name and not name.endswith("version"):
                new.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def write(case, folder, compressed=False):
    """NAME.state.pt, NAME.whole.pt and NAME.npz: rows, contexts, log p, latents and samples in double."""
    folder = Path(folder)
    module = case.parameters if case.parameters is not None else case.model
    disturb(module, case.deviation)
    module.eval()
    x, c = draw(case)
    if "state" in case.forms:
        save(module.state_dict(), folder / f"{case.name}.state.pt", compressed)
    if "whole" in case.forms:
        save(case.model, folder / f"{case.name}.whole.pt", compressed)
    if case.before:
        case.before()
    widen(module)
    torch.set_default_dtype(torch.float64)
    x, c = x.double(), None if c is None else c.double()
    with torch.no_grad():
        logp = case.logp(x, c)
    z, inverse = samples(case, c)
    torch.set_default_dtype(torch.float32)
    logp = logp.nan_to_num(neginf=-1e300).reshape(-1, 1)  # tables hold finite numbers
    arrays = {"x": x, "logp": logp, "latents": z, "inverse": inverse}
    arrays |= {} if c is None else {"context": c}
    if case.shape:
        C, H, W = case.shape
        arrays |= {k: arrays[k].reshape(-1, H, W, C).permute(0, 3, 1, 2) for k in ("x", "inverse")}
    np.savez_compressed(folder / f"{case.name}.npz", **{k: v.detach().double().numpy() for k, v in arrays.items()})
