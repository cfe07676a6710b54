# SPDX-License-Identifier: MIT
"""PyTorch: eager, or compiled by its inductor; on the processor, or on a GPU with or without TF32."""

import time

import names
import numpy as np
import reference
import torch
from blas_peer import operands
from nvp_torch import NVPNet, log_proba
from realnvp_torch import RealNVP, train_step
from safetensors.torch import load_file
from serve import difference, serve
from torch import optim
from torch.nn import functional

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def compiled(f, settings):
    return torch.compile(f) if settings.get("mode") == "compile" else f


def batches_of(n, batch):
    """Yields batches of row indices; the order is shuffled again after each epoch."""
    while True:
        yield from torch.randperm(n).split(batch)


def here(array):
    """Copies a numpy array to the device that is measured."""
    return torch.from_numpy(array).to(torch.get_default_device())


def adam(model, settings):
    fused = {"fused": True} if settings.get("adam") == "fused" else {}
    return optim.Adam(model.parameters(), lr=reference.LR, **fused)


# ---- Products and convolutions ------------------------------------------------------


def gemm(what, settings, folder):
    a, b, wanted = operands(what)
    a, b, bias = here(a), here(b), torch.linspace(-1, 1, what.n)
    a, b = a.T if what.ta else a, b.T if what.tb else b
    c = torch.empty(what.m, what.n)

    def use():
        if what.bias:
            torch.addmm(bias, a, b, out=c)
        else:
            torch.mm(a, b, out=c)
        if what.tanh:
            c.tanh_()

    use()
    if what.bias:
        wanted = wanted + bias.cpu().numpy()
    return use, difference(c, np.tanh(wanted) if what.tanh else wanted)


def convolution(what, x, w, dy):
    """Returns a function without arguments that runs the convolution."""
    padding = what.size // 2
    if what.direction == "fwd":
        return lambda: functional.conv2d(x, w, padding=padding)
    mask = [what.direction == "data", what.way == "weights", False]
    return lambda: torch.ops.aten.convolution_backward(
        dy, x, w, None, [1, 1], [padding, padding], [1, 1], False, [0, 0], 1, mask
    )[mask.index(True)]


def conv(what, settings, folder):
    layout = LAYOUTS[settings["layout"]]
    x = torch.empty(what.n, what.dim_in, what.height, what.width).uniform_(-1, 1)
    w = torch.empty(what.dim_out, what.dim_in, what.size, what.size).uniform_(-0.3, 0.3)
    dy = torch.empty(what.n, what.dim_out, what.height, what.width).uniform_(-1, 1)
    tensors = [t.contiguous(memory_format=layout) for t in (x, w, dy)]
    use = convolution(what, *tensors)
    wide = convolution(what, *(t.double() for t in (x, w, dy)))
    with torch.no_grad():
        return use, difference(use(), wide())


# ---- Flows of vectors ---------------------------------------------------------------


def nvp(what, folder):
    model = NVPNet(what.dim, what.hidden, what.depth)
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    return model


def nvp_step(what, settings, folder):
    def loss_of(model):
        return compiled(lambda x: -log_proba(*model(x, 0)).mean(), settings)

    def step(loss_of_rows, optimizer, x):
        loss = loss_of_rows(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    model = nvp(what, folder)
    optimizer, loss_of_rows = adam(model, settings), loss_of(model)
    rows = here(np.load(folder / "rows.npy"))
    losses = [step(loss_of_rows, optimizer, rows).item() for _ in range(reference.STEPS)]
    data = torch.empty(3, names.batches(what) * what.count, what.dim).uniform_(-1, 1).sum(0)
    order = batches_of(len(data), what.count)
    return (
        lambda: step(loss_of_rows, optimizer, data[next(order)]),
        difference(losses, np.load(folder / "losses.npy")),
    )


def nvp_sample(what, settings, folder):
    model = nvp(what, folder)
    invert = compiled(model.invert, settings)
    off = difference(invert(here(np.load(folder / "z.npy"))), np.load(folder / "x.npy"))
    return lambda: invert(torch.randn(what.count, what.dim)), off


# ---- Flows of images ----------------------------------------------------------------


def realnvp(what, settings, folder):
    model = RealNVP(*names.IMAGE_FLOWS[what.flow][1])
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    model.layout = LAYOUTS[settings["layout"]]
    return model.to(memory_format=model.layout)


def realnvp_step(what, settings, folder):
    """Compares log p in evaluation mode; tests/golden compares training mode."""
    model = realnvp(what, settings, folder).eval()
    x = here(np.load(folder / "images.npy") + np.load(folder / "noise.npy")).flatten(1)
    with torch.no_grad():
        off = difference(model.log_prob(x), np.load(folder / "logp.npy").ravel())
    model.train()
    model.log_prob = compiled(model.log_prob, settings)
    optimizer = adam(model, settings)
    count = names.batches(what) * what.count
    data = torch.randint(0, 256, (count, x.shape[1]), dtype=torch.uint8)
    order = batches_of(count, what.count)

    def use():
        rows = data[next(order)]
        train_step(model, optimizer, rows + torch.rand(rows.shape))

    return use, off


def realnvp_sample(what, settings, folder):
    model = realnvp(what, settings, folder).eval()
    invert = compiled(model.invert, settings)
    z = here(np.load(folder / "z.npy"))
    off = difference(invert(z), np.load(folder / "x.npy").reshape(len(z), -1))
    return lambda: invert(torch.randn(what.count, z.shape[1])), off


WORKLOADS = {
    (names.Gemm, ""): gemm,
    (names.Conv, ""): conv,
    (names.Nvp, "step"): nvp_step,
    (names.Nvp, "sample"): nvp_sample,
    (names.Images, "step"): realnvp_step,
    (names.Images, "sample"): realnvp_sample,
}


def in_groups(use):
    """Returns a function that waits for the GPU once after several uses, about 20 ms of them, and their number."""
    def group(count):
        for _ in range(count):
            use()
        torch.cuda.synchronize()

    group(1)  # builds what is built at the first use
    begin = time.perf_counter()
    group(1)
    count = max(1, min(64, round(0.02 / (time.perf_counter() - begin))))
    return lambda: group(count), count


def prepare(what, settings, folder):
    torch.set_default_device(settings.get("device", "cpu"))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = settings.get("tf32", False)
    if settings["threads"]:
        torch.set_num_threads(settings["threads"])
    torch.set_flush_denormal(settings.get("flush", False))
    torch.manual_seed(1)
    kind = what.use if isinstance(what, names.Nvp | names.Images) else ""
    torch.set_grad_enabled(kind == "step")
    use, off = WORKLOADS[type(what), kind](what, settings, folder)
    use, count = in_groups(use) if settings.get("device") == "cuda" else (use, 1)
    return use, count, off, f"torch {torch.__version__}"


if __name__ == "__main__":
    serve(prepare)
