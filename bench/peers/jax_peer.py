# SPDX-License-Identifier: MIT
"""JAX: the lecture's flow, with an Adam written here; a step is a call of a compiled function, or an
epoch of steps is one scan."""

import json
import os
import sys

if json.loads(sys.argv[2])["threads"] == 1:  # XLA starts a thread for each core that it may use
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

from functools import partial

import jax
import jax.numpy as jnp
import names
import numpy as np
import reference
from safetensors.numpy import load_file
from serve import difference, serve

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def load(what, folder):
    """Returns the mask of each coupling, and the weights and biases of its two nets."""
    file = load_file(folder / "weights.safetensors")
    names = ("0.weight", "0.bias", "2.weight", "2.bias")
    masks = [jnp.array(file[f"layers.{k}.b"]) for k in range(what.depth)]
    return masks, [
        {m: [jnp.array(file[f"layers.{k}.map_{m}.{p}"]) for p in names] for m in "st"}
        for k in range(what.depth)
    ]


def net(w, x):
    return jnp.tanh(x @ w[0].T + w[1]) @ w[2].T + w[3]


def loss_of(weights, masks, x):
    logdet = 0
    for w, b in zip(weights, masks, strict=True):
        s, t = net(w["s"], b * x), net(w["t"], b * x)
        x = b * x + (1 - b) * (jnp.exp(s) * x + t)
        logdet = logdet + ((1 - b) * s).sum(1)
    return (0.5 * (x**2 + jnp.log(2 * jnp.pi)).sum(1) - logdet).mean()


def invert(weights, masks, y):
    for w, b in zip(reversed(weights), reversed(masks), strict=True):
        s, t = net(w["s"], b * y), net(w["t"], b * y)
        y = b * y + (1 - b) * (jnp.exp(-s) * (y - t))
    return y


def fresh(weights):
    def zeros():
        return jax.tree.map(jnp.zeros_like, weights)

    return weights, zeros(), zeros(), jnp.zeros((), jnp.int32)


def step(masks, state, x):
    weights, m, v, count = state
    loss, g = jax.value_and_grad(loss_of)(weights, masks, x)
    count = count + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, g)
    c1, c2 = 1 - BETA1**count, 1 - BETA2**count
    weights = jax.tree.map(
        lambda w, m, v: w - reference.LR * (m / c1) / (jnp.sqrt(v / c2) + EPSILON), weights, m, v
    )
    return (weights, m, v, count), loss


class Trainer:
    def __init__(self, what, folder, data):
        self.masks, weights = load(what, folder)
        self.state, self.data, self.batch = fresh(weights), data, what.count
        self.key, self.order = jax.random.key(1), np.random.default_rng(1)
        self.batches = iter(())
        self.call = jax.jit(self.gather_and_step, donate_argnums=0)
        self.scan = jax.jit(self.scan_epoch, donate_argnums=0)

    def gather_and_step(self, state, data, rows):
        return step(self.masks, state, data[rows])

    def scan_epoch(self, state, data, key):
        rows = jax.random.permutation(key, len(data)).reshape(-1, self.batch)
        return jax.lax.scan(lambda s, r: step(self.masks, s, data[r]), state, rows)

    def one(self):
        rows = next(self.batches, None)
        if rows is None:
            order = self.order.permutation(len(self.data)).astype(np.int32)
            self.batches = iter(order.reshape(-1, self.batch))
            rows = next(self.batches)
        self.state, loss = self.call(self.state, self.data, rows)
        loss.block_until_ready()

    def epoch(self):
        self.key, key = jax.random.split(self.key)
        self.state, losses = self.scan(self.state, self.data, key)
        losses.block_until_ready()


def losses_off(what, folder):
    masks, weights = load(what, folder)
    state, rows, losses = fresh(weights), jnp.array(np.load(folder / "rows.npy")), []
    for _ in range(reference.STEPS):
        state, loss = jax.jit(partial(step, masks))(state, rows)
        losses.append(float(loss))
    return difference(losses, np.load(folder / "losses.npy"))


def prepare_step(what, settings, folder):
    off, n = losses_off(what, folder), names.batches(what)
    data = np.random.default_rng(1).uniform(-1, 1, (3, n * what.count, what.dim)).sum(0)
    trainer = Trainer(what, folder, jnp.array(data, jnp.float32))
    return (trainer.epoch, n, off) if settings["mode"] == "scan" else (trainer.one, 1, off)


def prepare_sample(what, folder):
    masks, weights = load(what, folder)
    key = jax.random.key(1)

    @jax.jit
    def draw(weights, key):
        key, now = jax.random.split(key)
        return key, invert(weights, masks, jax.random.normal(now, (what.count, what.dim)))

    def use():
        nonlocal key
        key, x = draw(weights, key)
        x.block_until_ready()

    z, x = (np.load(folder / name) for name in ("z.npy", "x.npy"))
    return use, 1, difference(jax.jit(invert)(weights, masks, jnp.array(z)), x)


def prepare(what, settings, folder):
    if what.use == "step":
        return *prepare_step(what, settings, folder), f"jax {jax.__version__}"
    return *prepare_sample(what, folder), f"jax {jax.__version__}"


if __name__ == "__main__":
    serve(prepare)
