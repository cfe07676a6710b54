#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes nets/*.safetensors: the results of nets of nflows, normflows, zuko and torch.

usage: make_golden_nets.py [FOLDER]      (default: the folder of this script)

Each file holds, in float64, a net's weights and masks under the names of clflow, inputs x and c,
outputs u, a random gradient du, and the gradients dx, dc and, as "grad.NAME", those of weights.  Sets with batch normalisation hold outputs and gradients in training mode, with running
statistics before and after ("after.NAME"), and "eval.u" with those before.
"""

import sys
from pathlib import Path

import torch
from nflows.nn.nets import ResidualNet
from nflows.transforms.made import MADE
from normflows.nets.made import MADE as NsfMADE
from safetensors.torch import save_file
from torch import nn
from zuko.nn import MLP, MaskedMLP

ROWS = 7
FUNCTIONS = {
    "relu": nn.functional.relu,
    "tanh": torch.tanh,
    "silu": nn.functional.silu,
    "elu": nn.functional.elu,
}
MODULES = {
    "relu": nn.ReLU,
    "leaky": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
}


def randomise(net):
    """Moves weights away from initial values, and running statistics away from 0 and 1."""
    for p in net.parameters():
        p.data.normal_(0, 0.6)
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.normal_(0, 0.5)
        if name.endswith("running_var"):
            b.uniform_(0.5, 2)


def name_of(key):
    """The name that a tensor of an nflows net has in clflow."""
    for old, new in (
        ("initial_layer", "initial"),
        ("final_layer", "final"),
        ("context_layer", "context"),
        ("linear_layers.", "linear"),
        ("batch_norm_layers.", "bn"),
        ("batch_norm.", "bn0."),
        (".linear.", ".linear0."),
    ):
        key = key.replace(old, new)
    return key


def numbered(net):
    """clflow's names of a Sequential's linear layers, which count without the modules between."""
    keys = [k[: -len(".weight")] for k in net.state_dict() if k.endswith(".weight")]
    return {old: str(i) for i, old in enumerate(keys)}


def renamed(net, key):
    if hasattr(net, "final_layer"):
        return name_of(key)
    layer, _, leaf = key.rpartition(".")
    return f"{numbered(net)[layer]}.{leaf}"


def tensors_of(net):
    """The state under clflow's names; masked weights are multiplied by their masks."""
    state = {renamed(net, k): v.detach().double() for k, v in net.state_dict().items()}
    state = {k: v for k, v in state.items() if not k.endswith(("degrees", "num_batches_tracked"))}
    for k in state:
        if k.endswith(".mask"):
            weight = k[: -len("mask")] + "weight"
            state[weight] = state[weight] * state[k]
    return state


def make(folder, name, net, inputs, context=0, call=None):
    net.double()
    randomise(net)
    call = call or (lambda x, c: net(x, c) if context else net(x))
    x = torch.randn(ROWS, inputs, dtype=torch.double, requires_grad=True)
    c = torch.randn(ROWS, max(context, 1), dtype=torch.double, requires_grad=True)
    out = {f"net.{k}": v.clone() for k, v in tensors_of(net).items()}
    if any("running_mean" in k for k in out):
        net.eval()
        out["eval.u"] = call(x, c).detach()
        net.train()
    u = call(x, c)
    du = torch.randn_like(u)
    u.backward(du)
    out.update({"x": x.detach(), "u": u.detach(), "du": du, "dx": x.grad})
    if context:
        out.update({"c": c.detach(), "dc": c.grad})
    for k, p in net.named_parameters():
        out[f"grad.net.{renamed(net, k)}"] = p.grad
    for k, v in tensors_of(net).items():
        if "running_" in k:
            out[f"after.net.{k}"] = v.clone()
    save_file({k: v.contiguous() for k, v in out.items()}, folder / f"{name}.safetensors")


def concatenated(net):
    """A net that reads the context as additional inputs."""
    return lambda x, c: net(torch.cat((x, c), dim=1))


def adjacency(order, numbers, context=0):
    """The hypernet of zuko's MaskedAutoregressiveTransform."""
    order = torch.tensor(order)
    a = order[:, None] > order
    if context:
        a = torch.cat((a, torch.ones((len(order), context), dtype=bool)), dim=1)
    return torch.repeat_interleave(a, repeats=numbers, dim=0)


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent) / "nets"
    folder.mkdir(exist_ok=True)
    torch.manual_seed(16)
    for act, module in MODULES.items():
        net = MLP(3 + 2, 4, (6, 6), activation=module)
        make(folder, f"mlp_{act}", net, 3, 2, concatenated(net))
    make(folder, "mlp_norm", MLP(3, 4, (6, 6), activation=nn.ELU, normalize=True), 3)
    make(folder, "mlp_linear", MLP(3, 4, ()), 3)
    make(folder, "resnet", ResidualNet(3, 5, 8), 3)
    make(folder, "resnet_context", ResidualNet(3, 5, 8, 2, activation=FUNCTIONS["silu"]), 3, 2)
    make(folder, "resnet_bn", ResidualNet(3, 5, 8, 2, activation=FUNCTIONS["elu"], use_batch_norm=True), 3, 2)
    made = dict(features=4, hidden_features=11, output_multiplier=3)
    make(folder, "made", MADE(**made), 4)
    make(folder, "made_context", MADE(**made, context_features=2, activation=FUNCTIONS["tanh"]), 4, 2)
    make(folder, "made_bn", MADE(**made, context_features=2, activation=FUNCTIONS["elu"], use_batch_norm=True), 4, 2)
    forward = dict(made, use_residual_blocks=False)
    make(folder, "made_forward", MADE(**forward, context_features=2, activation=FUNCTIONS["tanh"]), 4, 2)
    make(folder, "made_forward_bn", MADE(**forward, activation=FUNCTIONS["silu"], use_batch_norm=True, num_blocks=3), 4)
    make(folder, "made_narrow", MADE(4, 2, output_multiplier=3), 4)
    make(folder, "made_one", MADE(1, 5, output_multiplier=2, context_features=2), 1, 2)
    make(folder, "made_nsf", NsfMADE(**made, context_features=2), 4, 2)
    make(folder, "made_nsf_forward", NsfMADE(**forward, activation=FUNCTIONS["tanh"]), 4)
    for name, order, numbers, context, options in (
        ("masked", [0, 1, 2, 3], 2, 0, {}),
        ("masked_order", [2, 0, 3, 1, 4], 3, 2, {"activation": nn.ELU}),
        ("masked_passes", [1, 0, 0, 1, 0], 2, 0, {"activation": nn.SiLU}),
        ("masked_residual", [3, 2, 1, 0], 2, 2, {"activation": nn.Tanh, "residual": True}),
        ("masked_narrow", [2, 0, 3, 1, 4], 2, 0, {"hidden_features": (3, 3)}),
        ("masked_one", [0], 2, 3, {}),
    ):
        net = MaskedMLP(adjacency(order, numbers, context), **{"hidden_features": (7, 7), **options})
        make(folder, name, net, len(order), context, concatenated(net) if context else None)


main()
