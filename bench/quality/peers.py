# SPDX-License-Identifier: MIT
"""The methods that clflow is compared with.  Each gets standardised rows and returns log p of each test row.

`seconds` are processor time on one core.  Methods with choices make them by the validation rows."""

import importlib
import math
import time

import numpy as np
from tables import TEST, TRAIN, VALID, log_sum


class Budget:
    def __init__(self, seconds):
        self.begin, self.seconds = time.process_time(), seconds

    @property
    def spent(self):
        return time.process_time() - self.begin

    @property
    def left(self):
        return self.seconds - self.spent


# ---- Gaussian and mixtures, of a table with a context fitted jointly and conditioned -----------------


class Mixture:
    """Components of scikit-learn's GaussianMixture, for any kind of covariance."""

    def __init__(self, fitted, D):
        kind, K = fitted.covariance_type, len(fitted.weights_)
        cov = fitted.covariances_
        if kind == "diag":
            cov = np.stack([np.diag(v) for v in cov])
        elif kind == "tied":
            cov = np.broadcast_to(cov, (K, *cov.shape))
        self.log_weights, self.means, self.cov, self.D = np.log(fitted.weights_), fitted.means_, cov, D

    def joint(self, v, first, last):
        """Returns the log-density of columns first .. last, of which v has the values."""
        terms = []
        for w, mean, cov in zip(self.log_weights, self.means, self.cov):
            root = np.linalg.cholesky(cov[first:last, first:last])
            z = np.linalg.solve(root, (v - mean[first:last]).T)
            half = np.log(np.diag(root)).sum()
            terms.append(w - 0.5 * (z**2).sum(0) - half - (last - first) / 2 * math.log(2 * math.pi))
        return log_sum(np.stack(terms), 0)

    def logp(self, x, c):
        if c is None:
            return self.joint(x, 0, self.D)
        C = c.shape[1]
        return self.joint(np.hstack([x, c]), 0, self.D + C) - self.joint(c, self.D, self.D + C)


def fit_mixture(table, K, kind, regular, seed):
    from sklearn.mixture import GaussianMixture

    x, c = table.rows(TRAIN)
    rows = x if c is None else np.hstack([x, c])
    fitted = GaussianMixture(K, covariance_type=kind, reg_covar=regular, random_state=seed, max_iter=300)
    return Mixture(fitted.fit(rows), x.shape[1])


def gaussian(table, seed, budget):
    return fit_mixture(table, 1, "full", 1e-6, seed).logp(*table.rows(TEST)), {"components": 1}


def gmm(table, seed, budget):
    """Chooses the number of components and the kind of covariance by validation, from few components to
    many, until a kind has become worse twice or the time is over."""
    best, chosen, worse = -math.inf, None, {}
    rows = int((table.split == TRAIN).sum())
    for K in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256):
        for kind in ("full", "tied", "diag"):
            for regular in (1e-6, 1e-3, 1e-2):
                key = kind, regular
                if budget.left < 0 or K > rows / 4 or worse.get(key, (0, 0))[1] >= 2:
                    continue
                try:
                    model = fit_mixture(table, K, kind, regular, seed)
                    valid = float(model.logp(*table.rows(VALID)).mean())
                except (ValueError, np.linalg.LinAlgError):
                    valid = -math.inf
                before, times = worse.get(key, (-math.inf, 0))
                worse[key] = (max(before, valid), 0 if valid > before else times + 1)
                if valid > best:
                    best, chosen = valid, (model, K, kind, regular)
    model, K, kind, regular = chosen
    facts = {"components": K, "covariance": kind, "reg_covar": regular, "valid": best}
    return model.logp(*table.rows(TEST)), facts


# ---- Kernels -------------------------------------------------------------------------------------------


def kernels(rows, train, width):
    """Returns the log-density of rows under normal kernels at the training rows."""
    n, D = train.shape
    constant = -math.log(n) - D * math.log(width) - D / 2 * math.log(2 * math.pi)
    squares, out = (train**2).sum(1), []
    for x in np.array_split(rows, max(1, len(rows) * n // 4_000_000)):
        apart = (x**2).sum(1)[:, None] - 2 * x @ train.T + squares
        out.append(log_sum(-0.5 * np.maximum(apart, 0) / width**2, 1) + constant)
    return np.concatenate(out)


def kde(table, seed, budget):
    """Chooses one bandwidth, for standardised or whitened columns, by up to 1500 validation rows."""
    if table.context:
        return None
    x, valid, test = (table.rows(which)[0] for which in (TRAIN, VALID, TEST))
    few = valid[np.random.default_rng(seed).permutation(len(valid))[:1500]]
    values, vectors = np.linalg.eigh(np.cov(x.T) + 1e-9 * np.eye(x.shape[1]))
    white = vectors / np.sqrt(np.maximum(values, 1e-6))
    best = (-math.inf,)
    for name, turn in (("standardised", np.eye(x.shape[1])), ("whitened", white)):
        scale = np.linalg.slogdet(turn)[1]
        for width in np.geomspace(0.02, 1.2, 16):
            if budget.left < 0:
                break
            score = float(kernels(few @ turn, x @ turn, width).mean() + scale)
            if score > best[0]:
                best = score, name, turn, width, scale
    score, name, turn, width, scale = best
    facts = {"bandwidth": float(width), "units": name, "valid": score}
    return kernels(test @ turn, x @ turn, width) + scale, facts


# ---- Flows of PyTorch ----------------------------------------------------------------------------------

# Sizes are tried in this order, with a third of the time each; what a size does not need goes to the next.
SIZES = [
    {"hidden": 64, "layers": 2, "transforms": 3, "decay": 1e-2, "lr": 1e-3},
    {"hidden": 128, "layers": 2, "transforms": 5, "decay": 1e-3, "lr": 1e-3},
    {"hidden": 64, "layers": 2, "transforms": 5, "decay": 0.1, "lr": 3e-3},
]
CHECKS, PATIENCE = 60, 15  # looks at the validation rows; how many without a better one end a training


def zuko_flow(kind, **fixed):
    def make(D, C, size):
        import zuko

        nets = (size["hidden"],) * size["layers"]
        return getattr(zuko.flows, kind)(D, C, transforms=size["transforms"], hidden_features=nets, **fixed)

    def logp(flow, x, c):
        return (flow() if c is None else flow(c)).log_prob(x)

    return make, logp


def nflows_coupling(D, C, size):
    import torch
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.nn.nets import ResidualNet
    from nflows.transforms import CompositeTransform, LULinear, PiecewiseRationalQuadraticCouplingTransform

    def net(i, o):
        return ResidualNet(i, o, hidden_features=size["hidden"], context_features=C or None, num_blocks=2)

    steps = []
    for k in range(size["transforms"]):
        mask = torch.arange(D) % 2 == k % 2
        steps.append(LULinear(D, identity_init=True))
        steps.append(
            PiecewiseRationalQuadraticCouplingTransform(mask.float(), net, num_bins=8, tails="linear", tail_bound=5.0)
        )
    return Flow(CompositeTransform(steps), StandardNormal([D]))


def nflows_maf(D, C, size):
    from nflows.flows import MaskedAutoregressiveFlow

    if C:
        from nflows.distributions import StandardNormal
        from nflows.flows import Flow
        from nflows.transforms import CompositeTransform, MaskedAffineAutoregressiveTransform, ReversePermutation

        steps = []
        for _ in range(size["transforms"]):
            steps += [ReversePermutation(D), MaskedAffineAutoregressiveTransform(D, size["hidden"], context_features=C)]
        return Flow(CompositeTransform(steps), StandardNormal([D]))
    return MaskedAutoregressiveFlow(D, size["hidden"], size["transforms"], 2)


def normflows_coupling(D, C, size):
    import normflows as nf

    steps = []
    for _ in range(size["transforms"]):
        extra = {"num_context_channels": C} if C else {}
        steps.append(nf.flows.CoupledRationalQuadraticSpline(D, 2, size["hidden"], tail_bound=5, **extra))
        steps.append(nf.flows.LULinearPermute(D))
    base = nf.distributions.DiagGaussian(D, trainable=False)
    return nf.ConditionalNormalizingFlow(base, steps) if C else nf.NormalizingFlow(base, steps)


def nflows_logp(flow, x, c):
    return flow.log_prob(x, context=c)


def normflows_logp(flow, x, c):
    return flow.log_prob(x) if c is None else flow.log_prob(x, c)


class Training:
    def __init__(self, make, logp, table, size, seed):
        import torch

        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        as_tensor = lambda a: None if a is None else torch.tensor(a, dtype=torch.float32)  # noqa: E731
        self.data = {p: tuple(map(as_tensor, table.rows(p))) for p in (TRAIN, VALID, TEST)}
        x, c = self.data[TRAIN]
        self.flow, self.density, self.size = make(x.shape[1], 0 if c is None else c.shape[1], size), logp, size
        self.best, self.best_weights, self.steps = -math.inf, None, 0

    def logp(self, which):
        import torch

        with torch.no_grad():
            x, c = self.data[which]
            pieces = [slice(at, at + 4096) for at in range(0, len(x), 4096)]
            logp = [self.density(self.flow, x[p], None if c is None else c[p]) for p in pieces]
            return torch.cat(logp).double().numpy()

    def look(self):
        """Copies the weights if they are the best on the validation rows so far."""
        valid = float(self.logp(VALID).mean())
        if not valid > self.best:
            return False
        self.best = valid
        self.best_weights = {k: v.clone() for k, v in self.flow.state_dict().items()}
        return True

    def run(self, seconds):
        """Trains with AdamW, a cosine over the time and clipped gradients, until validation stops improving."""
        import torch

        x, c = self.data[TRAIN]
        batch = min(256, max(16, len(x) // 8))
        optimizer = torch.optim.AdamW(self.flow.parameters(), lr=self.size["lr"], weight_decay=self.size["decay"])
        clock, looked, since = Budget(seconds), 0.0, 0
        order, at = torch.randperm(len(x)), 0
        while clock.left > 0 and since < PATIENCE:
            if at + batch > len(x):
                order, at = torch.randperm(len(x)), 0
            index = order[at : at + batch]
            at += batch
            for group in optimizer.param_groups:
                group["lr"] = self.size["lr"] * (1 + math.cos(math.pi * min(1, clock.spent / seconds))) / 2
            loss = -self.density(self.flow, x[index], None if c is None else c[index]).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.flow.parameters(), 5)
            optimizer.step()
            self.steps += 1
            if clock.spent - looked > seconds / CHECKS:
                looked = clock.spent
                since = 0 if self.look() else since + 1
        self.look()
        if self.best_weights:
            self.flow.load_state_dict(self.best_weights)


def flow(make, logp):
    def method(table, seed, budget):
        best = None
        for i, size in enumerate(SIZES):
            if budget.left < 0.1 * budget.seconds:
                break
            training = Training(make, logp, table, size, seed + i)
            training.run(budget.left / (len(SIZES) - i))
            if best is None or training.best > best.best:
                best = training
        facts = {**best.size, "steps": best.steps, "valid": best.best}
        return best.logp(TEST), facts

    return method


METHODS = {
    "gaussian": gaussian,
    "gmm": gmm,
    "kde": kde,
    "zuko-nsf-coupling": flow(*zuko_flow("NSF", passes=2)),
    "zuko-nsf-ar": flow(*zuko_flow("NSF")),
    "zuko-maf": flow(*zuko_flow("MAF")),
    "nflows-nsf-coupling": flow(nflows_coupling, nflows_logp),
    "nflows-maf": flow(nflows_maf, nflows_logp),
    "normflows-nsf-coupling": flow(normflows_coupling, normflows_logp),
}


FLOWS = ("zuko", "nflows", "normflows")


def package_of(method):
    """Returns the name of the package whose method it is."""
    first = method.split("-")[0]
    return first if first in FLOWS else "numpy" if method in ("kde", "truth") else "scikit-learn"


def prepare(method):
    """Imports what the method needs, which does not count as its time."""
    package = package_of(method)
    for name in ("torch", package) if package in FLOWS else ("sklearn.mixture",):
        importlib.import_module(name)
