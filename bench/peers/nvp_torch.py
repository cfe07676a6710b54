# SPDX-License-Identifier: MIT
"""The lecture's NVPNet in PyTorch; its state_dict is what `clflow train --weights-only` writes."""

import math

import torch
from torch import nn


class NVPCouplingLayer(nn.Module):
    def __init__(self, map_s, map_t, b):
        super().__init__()
        self.map_s, self.map_t = map_s, map_t
        self.register_buffer("b", b.unsqueeze(0))

    def forward(self, x, ldj):
        s, t = self.map_s(self.b * x), self.map_t(self.b * x)
        ldj = ldj + ((1 - self.b) * s).sum(1)
        return self.b * x + (1 - self.b) * (torch.exp(s) * x + t), ldj

    def invert(self, y):
        s, t = self.map_s(self.b * y), self.map_t(self.b * y)
        return self.b * y + (1 - self.b) * (torch.exp(-s) * (y - t))


class NVPNet(nn.Module):
    def __init__(self, dim, hidden, depth):
        super().__init__()
        self.layers = nn.ModuleList()
        b = torch.empty(dim)
        for d in range(depth):
            if d % 2 == 0:
                kept = torch.randperm(dim)[: dim // 2]
                b = torch.zeros(dim).index_fill_(0, kept, 1.0)
            else:
                b = 1 - b
            map_s, map_t = (
                nn.Sequential(nn.Linear(dim, hidden), nn.Tanh(), nn.Linear(hidden, dim))
                for _ in range(2)
            )
            self.layers.append(NVPCouplingLayer(map_s, map_t, b.clone()))

    def forward(self, x, ldj):
        for layer in self.layers:
            x, ldj = layer(x, ldj)
        return x, ldj

    def invert(self, z):
        for layer in reversed(self.layers):
            z = layer.invert(z)
        return z


def log_proba(z, ldj):
    return -0.5 * (z**2 + math.log(2 * math.pi)).sum(1) + ldj
