#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The lecture's NVPNet trained with PyTorch, to compare likelihoods and times with.

usage: lecture_moons.py DATA.npy|DATA.csv [--epochs 20] [--batch 100] [--lr 0.01]
                        [--hidden 2] [--depth 4] [--seeds 5] [--threads 1]

For each of the seeds 1, 2, ... it trains on shuffled batches in float32, as the lecture
does, and prints the mean log-likelihood of all rows and the median time of a step.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from nvp_torch import NVPNet, log_proba
from torch import optim


def read_table(path):
    if path.endswith(".npy"):
        table = np.load(path)
    else:
        with open(path) as file:
            first = file.readline().split(",")
        try:
            header = not [float(field) for field in first]
        except ValueError:
            header = True
        table = np.loadtxt(path, delimiter=",", skiprows=int(header), ndmin=2)
    return torch.from_numpy(table.astype(np.float32))


def train(model, data, args):
    """Returns the seconds of each step, including the gathering of its rows."""
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    seconds = []
    for _ in range(args.epochs):
        for rows in torch.randperm(len(data)).split(args.batch):
            start = time.perf_counter()
            loss = -log_proba(*model(data[rows], 0)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seconds.append(time.perf_counter() - start)
    return seconds


def main():
    parser = argparse.ArgumentParser(description="Trains the lecture's NVPNet with PyTorch.")
    parser.add_argument("data", help="a .npy, or a .csv with commas, one sample a row")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--hidden", type=int, default=2)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    data = read_table(args.data)
    print(
        f"torch {torch.__version__}, {len(data)} rows of {data.shape[1]}, {args.threads} thread(s)"
    )
    means = []
    for seed in range(1, args.seeds + 1):
        torch.manual_seed(seed)
        model = NVPNet(data.shape[1], args.hidden, args.depth)
        step = statistics.median(train(model, data, args))
        with torch.no_grad():
            means.append(log_proba(*model(data, 0)).double().mean().item())
        print(f"seed {seed}: mean log p {means[-1]:.4f} nats, median step {1e6 * step:.0f} us")
    print(
        f"all: mean {statistics.mean(means):.4f}, lowest {min(means):.4f}, highest {max(means):.4f}"
    )


if __name__ == "__main__":
    main()
