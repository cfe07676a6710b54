# SPDX-License-Identifier: MIT
"""nflows and zuko on listed flows, eager or compiled; serve.py describes the protocol."""

import importlib.metadata
import sys
from pathlib import Path

import listed
import torch
import zuko
from nflows import distributions, transforms
from nflows.flows.base import Flow
from safetensors.torch import load_file
from serve import difference, serve_uses
from torch import nn, optim

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "golden"))
from libraries import of_nflows

STEPS = 100  # batches of the data that a training goes through


def by_nflows(row):
    if row.kind == "maf":
        layers, names = of_nflows.maf_steps(row.dim, None, row.hidden, row.count)
    else:
        layers, names = of_nflows.nsf_steps(row.dim, None, row.hidden, row.bins, row.count,
                                            mixed=row.mixed)  # fmt: skip
    flow = Flow(transforms.CompositeTransform(layers), distributions.StandardNormal([row.dim]))
    names = {"_transform._transforms" + key.removeprefix("layers"): n for key, n in names.items()}
    return flow, names


class Zuko(nn.Module):
    """zuko's flow with the methods of nflows."""

    def __init__(self, flow):
        super().__init__()
        self.flow = flow

    def log_prob(self, x):
        return self.flow().log_prob(x)

    def sample(self, n):
        return self.flow().sample((n,))


def by_zuko(row):
    hidden = [row.hidden, row.hidden]
    act = {"tanh": nn.Tanh, "relu": nn.ReLU}[row.act]
    if row.kind == "maf":
        flow = zuko.flows.MAF(row.dim, transforms=row.count, hidden_features=hidden, activation=act)
    else:
        flow = zuko.flows.NSF(row.dim, transforms=row.count, hidden_features=hidden, bins=row.bins,
                              activation=act)  # fmt: skip
    names = {}
    for i, layer in enumerate(flow.transform.transforms):
        for j, k in enumerate(m for m, module in enumerate(layer.hyper) if isinstance(module, nn.Linear)):
            for tensor in ("weight", "bias", "mask"):
                names[f"flow.transform.transforms.{i}.hyper.{k}.{tensor}"] = f"layers.{i}.net.{j}.{tensor}"
    return Zuko(flow), names


def load(flow, names, file):
    """Loads clflow's weights, and returns how far log p of some rows is from clflow's."""
    tensors, state = load_file(file), flow.state_dict()
    if not all(name in tensors and tensors[name].numel() == state[key].numel()
               for key, name in names.items()):  # fmt: skip
        return None  # clflow's flow has another form
    for key, name in names.items():
        state[key].copy_(tensors[name].reshape(state[key].shape))
    flow.load_state_dict(state)
    return difference(flow.log_prob(tensors["x"]), tensors["logp"])


def prepare(name, settings, file):
    row = listed.ROWS[name]
    torch.set_num_threads(settings["threads"])
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    flow, names = {"nflows": by_nflows, "zuko": by_zuko}[settings["peer"]](row)
    flow.eval()
    with torch.no_grad():
        off = load(flow, names, file) if file else None
    trained = [p for p in flow.parameters() if p.requires_grad]
    optimizer = optim.Adam(trained, lr=listed.LR, fused=True)
    data = torch.empty(3, STEPS * row.batch, row.dim).uniform_(-1, 1).sum(0)
    batches = Batches(data, row.batch)
    log_prob = torch.compile(flow.log_prob) if settings["mode"] == "compile" else flow.log_prob
    many, one = torch.randn(listed.COUNT, row.dim), torch.randn(1, row.dim)

    def step():
        loss = -log_prob(next(batches)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def logp():
        log_prob(many)

    @torch.no_grad()
    def single():
        log_prob(one)

    @torch.no_grad()
    def sample():
        flow.sample(listed.COUNT)

    if settings["mode"] == "compile":
        for use in (step, logp, single):
            use()
    uses = {"step": step, "logp": logp, "sample": sample, "one": single}
    version = importlib.metadata.version(settings["peer"])
    return uses, off, f"{settings['peer']} {version}, torch {torch.__version__}"


class Batches:
    """Batches of rows; the order is shuffled again after each epoch."""

    def __init__(self, data, batch):
        self.data, self.batch, self.order = data, batch, iter(())

    def __next__(self):
        rows = next(self.order, None)
        if rows is None:
            self.order = iter(torch.randperm(len(self.data)).split(self.batch))
            rows = next(self.order)
        return self.data[rows]


if __name__ == "__main__":
    serve_uses(prepare)
