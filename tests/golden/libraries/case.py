# SPDX-License-Identifier: MIT
"""A flow of a Python library beside its clflow architecture, and the golden file of the pair."""

from copy import deepcopy
from dataclasses import dataclass, field

import torch
from safetensors.torch import save_file
from torch import nn

TAILS = (9.0, -40.0)  # outside every spline's box


class Density(nn.Module):
    """What each library's module adapts to: x, c -> z, log |det dz/dx|, log base(z)."""

    def invert(self, z, c):
        raise NotImplementedError


@dataclass
class Case:
    name: str
    arch: str  # the architecture as clflow's text
    model: Density
    names: dict  # the library's parameter or buffer -> clflow's name, or (name, factor of each row)
    dim: int
    context: int = 0
    rows: int = 20
    spread: float = 1.3  # standard deviation of x
    box: tuple = None  # x is uniform in it; the flow is not defined outside
    edges: tuple = ()  # values of x at which a formula changes, as bounds
    tails: tuple = TAILS  # values of x far outside; none: ()
    deviation: float = 0.3  # of the perturbation of each parameter
    constants: dict = field(default_factory=dict)  # clflow's name -> a value the library has under none
    latent_box: tuple = None  # z to invert is uniform in it


def perturb(model, deviation, names):
    """Moves each parameter away from its initial value, to a float32 number; buffers that are in the
    file are rounded to one."""
    with torch.no_grad():
        for module in model.modules():
            mask = getattr(module, "mask", None)
            for key, p in module.named_parameters(recurse=False):
                if not p.requires_grad:
                    continue
                p.add_(deviation * torch.randn_like(p))
                if key == "weight" and mask is not None:
                    p.mul_(mask)
                p.copy_(p.float())
        for key, b in model.named_buffers():
            if key in names and b.is_floating_point():
                b.copy_(b.float())


def evaluate(model, x, c, wanted=()):
    """z, log-determinant, log p and the gradients of the mean log p by `wanted`, x and c."""
    x = x.clone().requires_grad_()
    c = None if c is None else c.clone().requires_grad_()
    z, logdet, base = model(x, c)
    logp = base + logdet
    by = [*wanted, x] + ([] if c is None else [c])
    grad = torch.autograd.grad(logp.mean(), by, allow_unused=True)
    grad = [torch.zeros_like(b) if g is None else g for b, g in zip(by, grad, strict=True)]
    return z.detach(), logdet.detach(), logp.detach(), grad


def row_errors(a, b):
    """Largest |a - b| of each row, in units of |b| where that is above 1."""
    error = (a.double() - b).abs() / b.abs().clamp(min=1)
    return error.reshape(len(b), -1).amax(1)


def robust_rows(model, x, c, bound):
    """The rows whose values and gradient float32 finds too: none next to a knot or a relu's corner."""
    single = deepcopy(model).float()
    narrow = evaluate(single, x.float(), None if c is None else c.float())
    wide = evaluate(model, x, c)
    error = torch.zeros(len(x))
    for a, b in zip(narrow[:3], wide[:3], strict=True):
        error = torch.maximum(error, row_errors(a, b))
    for a, b in zip(narrow[3], wide[3], strict=True):
        error = torch.maximum(error, row_errors(len(x) * a, len(x) * b) / 4)
    return error < bound


def draw_rows(case, count):
    if case.box:
        low, high = case.box
        x = low + (high - low) * torch.rand(count, case.dim)
    else:
        x = case.spread * torch.randn(count, case.dim)
        for i, value in enumerate(case.tails):
            x[i :: 12, i % case.dim] = value * (1 + 0.1 * torch.rand(len(x[i::12])))
    return x.float().double()


def draw_context(case, count):
    return torch.randn(count, case.context).float().double() if case.context else None


def edge_rows(case):
    """A row for each edge and column: an otherwise ordinary row with that value there."""
    x = draw_rows(case, len(case.edges) * case.dim)
    for i, value in enumerate(case.edges):
        for k in range(case.dim):
            x[i * case.dim + k, k] = value
    return x


def check(case, what, error, bound):
    if not error <= bound:
        raise SystemExit(f"{case.name}: {what}: error {error:.3g} is above {bound:.3g}")


def jacobian(model, x, c, i):
    """dz/dx of row i, by autograd."""
    ci = None if c is None else c[i : i + 1]
    return torch.autograd.functional.jacobian(lambda v: model(v[None], ci)[0].reshape(-1), x[i])


def check_logdet(case, x, c, logdet):
    for i in range(min(6, len(x))):
        want = torch.linalg.slogdet(jacobian(case.model, x, c, i)).logabsdet.item()
        check(case, f"log-determinant of row {i}", abs(want - logdet[i].item()), 1e-8)


def polish(model, x, z, c):
    """Newton steps towards f(x) = z: the libraries' own inverses move knots by 1e-6."""
    for _ in range(3):
        off = model(x, c)[0] - z
        x = torch.stack([x[i] - torch.linalg.solve(jacobian(model, x, c, i), off[i])
                         for i in range(len(x))])  # fmt: skip
    return x


def inverses(case):
    """z, c and x with f(x) = z, checked by f."""
    if case.latent_box:
        low, high = case.latent_box
        z = low + (high - low) * torch.rand(8, case.dim)
    else:
        z = torch.randn(8, case.dim)
    z, c = z.float().double(), draw_context(case, 8)
    with torch.no_grad():
        x = case.model.invert(z, c)
        check(case, "the library's own inverse", (case.model(x, c)[0] - z).abs().max().item(), 1e-4)
        x = polish(case.model, x, z, c)
        check(case, "f(inverse(z)) - z", (case.model(x, c)[0] - z).abs().max().item(), 1e-8)
    return z, c, x


def tensors_of(case):
    """The library's parameters and buffers under clflow's names, and which of them have gradients."""
    found = dict(case.model.named_parameters()) | dict(case.model.named_buffers(remove_duplicate=False))
    values, trained = dict(case.constants), {}
    for key, name in case.names.items():
        name, factor = name if isinstance(name, tuple) else (name, torch.ones(1))
        tensor = found[key]
        factor = factor.reshape(-1, *[1] * (tensor.dim() - 1)) if tensor.dim() else factor[0]
        values[name] = factor * tensor.detach()
        if isinstance(tensor, nn.Parameter) and tensor.requires_grad:
            trained[name] = (tensor, factor)
    left = [k for k, p in case.model.named_parameters() if p.requires_grad and k not in case.names]
    if left:
        raise SystemExit(f"{case.name}: no name for {', '.join(left)}")
    return values, trained


def write(case, folder, library):
    case.model.double().eval()
    perturb(case.model, case.deviation, case.names)
    x, c = draw_rows(case, 12 * case.rows), draw_context(case, 12 * case.rows)
    kept = robust_rows(case.model, x, c, 3e-5).nonzero().squeeze(1)[: case.rows]
    check(case, "rows that float32 cannot tell", case.rows - len(kept), 0)
    x, c = x[kept], None if c is None else c[kept]
    values, trained = tensors_of(case)
    z, logdet, logp, grad = evaluate(case.model, x, c, [p for p, _ in trained.values()])
    check_logdet(case, x, c, logdet)
    latents, latents_c, inverse = inverses(case)
    file = {"x": x, "z": z, "logdet": logdet, "logp": logp}
    file |= {"latents": latents, "inverse": inverse}
    if c is not None:
        file |= {"c": c, "latents.c": latents_c, "grad.c": grad[-1]}
    file["grad.x"] = grad[len(trained)]
    for (name, (_, factor)), g in zip(trained.items(), grad, strict=False):
        file[f"grad.{name}"] = g / factor
    file |= {f"param.{name}": v.double() for name, v in values.items()}
    if case.edges:
        x, c = edge_rows(case), draw_context(case, len(case.edges) * case.dim)
        z, logdet, logp, _ = evaluate(case.model, x, c)
        file |= {"edges.x": x, "edges.z": z, "edges.logdet": logdet, "edges.logp": logp}
        file |= {} if c is None else {"edges.c": c}
    small = {name: narrow(t) for name, t in file.items()}
    save_file(small, folder / f"{case.name}.safetensors", {"arch": case.arch, "library": library})


def narrow(tensor):
    """float32 where that holds the same numbers."""
    tensor = tensor.detach().contiguous()
    single = tensor.float()
    return single if torch.equal(single.double(), tensor) else tensor
