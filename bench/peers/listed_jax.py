# SPDX-License-Identifier: MIT
"""FlowJAX on listed flows: its own nets of the same sizes; every use is a compiled call."""

import json
import os
import sys

if json.loads(sys.argv[2])["threads"] == 1:  # XLA starts a thread for each core that it may use
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import equinox as eqx
import flowjax
import jax
import jax.numpy as jnp
import listed
import numpy as np
import optax
from flowjax.bijections import Affine, RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow, masked_autoregressive_flow
from paramax import NonTrainable, unwrap
from serve import serve_uses


def build(row):
    depth = 4 if row.kind == "nsf" else 2  # a residual block is two layers
    make = coupling_flow if row.kind == "nsf" else masked_autoregressive_flow
    spline = RationalQuadraticSpline(knots=row.bins, interval=3) if row.bins else Affine()
    return make(jax.random.key(1), base_dist=Normal(jnp.zeros(row.dim)), transformer=spline,
                flow_layers=row.count, nn_width=row.hidden, nn_depth=depth,
                nn_activation={"tanh": jnp.tanh, "relu": jax.nn.relu}[row.act])  # fmt: skip


class Trainer:
    def __init__(self, flow, row):
        leaf = lambda v: isinstance(v, NonTrainable)
        self.params, static = eqx.partition(flow, eqx.is_inexact_array, is_leaf=leaf)
        optimizer = optax.adam(listed.LR)
        self.state = optimizer.init(self.params)
        rng = np.random.default_rng(1)
        self.data = jnp.asarray(rng.uniform(-1, 1, (3, 100 * row.batch, row.dim)).sum(0), jnp.float32)
        self.rng, self.batch, self.batches = rng, row.batch, iter(())

        @jax.jit
        def call(params, state, data, rows):
            def loss(params):
                return -unwrap(eqx.combine(params, static)).log_prob(data[rows]).mean()

            value, gradient = jax.value_and_grad(loss)(params)
            updates, state = optimizer.update(gradient, state, params)
            return eqx.apply_updates(params, updates), state, value

        self.call = call

    def step(self):
        rows = next(self.batches, None)
        if rows is None:
            order = self.rng.permutation(len(self.data)).astype(np.int32)
            self.batches = iter(order.reshape(-1, self.batch))
            rows = next(self.batches)
        self.params, self.state, loss = self.call(self.params, self.state, self.data, rows)
        loss.block_until_ready()


def prepare(name, settings, file):
    row = listed.ROWS[name]
    flow = build(row)
    trainer = Trainer(flow, row)
    log_prob = eqx.filter_jit(lambda flow, x: flow.log_prob(x))
    draw = eqx.filter_jit(lambda flow, key: flow.sample(key, (listed.COUNT,)))
    many = jax.random.normal(jax.random.key(2), (listed.COUNT, row.dim))
    key = jax.random.key(3)

    def sample():
        nonlocal key
        key, now = jax.random.split(key)
        draw(flow, now).block_until_ready()

    uses = {
        "step": trainer.step,
        "logp": lambda: log_prob(flow, many).block_until_ready(),
        "sample": sample,
        "one": lambda: log_prob(flow, many[:1]).block_until_ready(),
    }
    for use in uses.values():
        use()  # compiles
    return uses, None, f"flowjax {flowjax.__version__}, jax {jax.__version__}"


if __name__ == "__main__":
    serve_uses(prepare)
