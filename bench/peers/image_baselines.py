#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bits per dimension of simple models of images, as baselines for flows.

usage: image_baselines.py DATA.npy --valid-index FILE | --valid-split P [--levels 256]
       image_baselines.py --train A.npy --valid B.npy [--levels 256]
                          [--draws 4] [--seed 1] [--alpha 0.05] [--rows N]

Arrays hold whole numbers 0 .. levels - 1, one image a row (any shape after the first
axis).  FILE has the indices of the validation rows (.npy, or text with one on each line);
--valid-split 0.1 uses the last tenth.  --rows uses at most N training rows.

Prints the mean bits per dimension of the validation rows under
  histogram   a histogram for each pixel and channel, with 1 added to each count
  gaussian    a Gaussian with a full covariance of byte + u, u uniform in [0, 1)
  logit       the same for logit(alpha + (1 - 2 alpha) (byte + u) / levels)
The two Gaussians are densities of byte + u, so their bits are upper bounds of those of the bytes;
each is the mean over draws of u.  A ridge is added to their covariances, in units
of the mean variance, chosen on a tenth of the training rows.
"""

import argparse
import math

import numpy as np

RIDGES = 10.0 ** np.arange(-6, 1.5, 0.5)


def load(path, levels):
    table = np.load(path)
    rows = table.reshape(len(table), -1)
    if rows.min() < 0 or rows.max() >= levels or (rows != np.floor(rows)).any():
        raise SystemExit(f"{path}: values should be whole numbers from 0 to {levels - 1}")
    return rows.astype(np.uint8 if levels <= 256 else np.int64)


def chunks(rows, size=4096):
    return (rows[k : k + size] for k in range(0, len(rows), size))


def split(args):
    if args.data is None:
        return load(args.train, args.levels), load(args.valid, args.levels)
    rows = load(args.data, args.levels)
    chosen = np.zeros(len(rows), bool)
    if args.valid_index is not None:
        plain = np.load if args.valid_index.endswith(".npy") else np.loadtxt
        chosen[plain(args.valid_index).astype(np.int64).ravel()] = True
    else:
        chosen[len(rows) - round(len(rows) * args.valid_split) :] = True
    return rows[~chosen], rows[chosen]


def histogram_bits(train, valid, levels):
    total = 0.0
    for k in range(train.shape[1]):
        counts = 1.0 + np.bincount(train[:, k], minlength=levels)
        total -= np.log2(counts / counts.sum())[valid[:, k]].mean()
    return total / train.shape[1]


class Plain:
    """byte + u, unchanged."""

    name = "gaussian"

    def __call__(self, x):
        return x, np.zeros(len(x))


class Logit:
    """The first layer of the flows, and log |dy / dx| summed over each row."""

    name = "logit"

    def __init__(self, levels, alpha):
        self.levels, self.alpha = levels, alpha

    def __call__(self, x):
        span = 1 - 2 * self.alpha
        p = self.alpha + span * (x / self.levels)
        log_p, log_q = np.log(p), np.log1p(-p)
        return log_p - log_q, (math.log(span / self.levels) - log_p - log_q).sum(1)


class Moments:
    """Mean and eigenvectors of the covariance, averaged over draws of the noise."""

    def __init__(self, rows, through, rng, draws):
        total, square = 0.0, 0.0
        for _ in range(draws):
            for x in chunks(rows):
                y, _ = through(x + rng.random(x.shape))
                total, square = total + y.sum(0), square + y.T @ y
        count = draws * len(rows)
        self.mean = total / count
        covariance = square / count - np.outer(self.mean, self.mean)
        self.variances, self.axes = np.linalg.eigh(covariance)
        self.variances = self.variances.clip(0, None)

    def log_density(self, y, ridges):
        """Returns log p of each row for each ridge: [ridges, rows]."""
        squares = ((y - self.mean) @ self.axes) ** 2
        result = []
        for ridge in ridges:
            variances = self.variances + ridge * self.variances.mean()
            constant = np.log(2 * math.pi * variances).sum()
            result.append(-0.5 * (squares @ (1 / variances) + constant))
        return np.array(result)

    def bits(self, rows, through, rng, draws, ridges):
        total = 0.0
        for _ in range(draws):
            for x in chunks(rows):
                y, logdet = through(x + rng.random(x.shape))
                total = total + (self.log_density(y, ridges) + logdet).sum(1)
        return -total / (draws * rows.size * math.log(2))


def gaussian_bits(train, valid, through, rng, draws):
    """Returns bits per dimension and the ridge."""
    order = rng.permutation(len(train))
    tenth = max(1, len(train) // 10)
    most_rows = Moments(train[order[tenth:]], through, rng, draws)
    ridge = RIDGES[most_rows.bits(train[order[:tenth]], through, rng, draws, RIDGES).argmin()]
    whole = Moments(train, through, rng, draws)
    return whole.bits(valid, through, rng, draws, [ridge])[0], ridge


def parse():
    parser = argparse.ArgumentParser(description="Baselines in bits per dimension for images.")
    parser.add_argument("data", nargs="?", help="a .npy with training and validation rows")
    parser.add_argument("--train")
    parser.add_argument("--valid")
    parser.add_argument("--valid-index", metavar="FILE")
    parser.add_argument("--valid-split", type=float, metavar="P")
    parser.add_argument("--levels", type=int, default=256)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, metavar="N")
    args = parser.parse_args()
    given = [args.valid_index is not None, args.valid_split is not None]
    if args.data is None and (None in (args.train, args.valid) or any(given)):
        parser.error("give DATA.npy with --valid-index or --valid-split, or --train and --valid")
    if args.data is not None and (sum(given) != 1 or args.train or args.valid):
        parser.error("DATA.npy needs one of --valid-index and --valid-split, and no other array")
    return args


def main():
    args = parse()
    train, valid = split(args)
    train = train[: args.rows]
    if min(len(train), len(valid)) < 2:
        raise SystemExit("there must be at least two training rows and two validation rows")
    print(f"{len(train)} training rows, {len(valid)} validation rows of {train.shape[1]}")
    print(f"histogram  {histogram_bits(train, valid, args.levels):.4f} bits/dim")
    for through in (Plain(), Logit(args.levels, args.alpha)):
        rng = np.random.default_rng(args.seed)
        bits, ridge = gaussian_bits(train, valid, through, rng, args.draws)
        print(f"{through.name:<9}  {bits:.4f} bits/dim, ridge {ridge:.2g}")


if __name__ == "__main__":
    main()
