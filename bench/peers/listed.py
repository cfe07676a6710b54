# SPDX-License-Identifier: MIT
"""Flows given as lists of layers, which `clflow bench` has under the same names: their sizes for the
peers, and how much faster clflow should be."""

from dataclasses import dataclass, field

COUNT = 10000  # rows of log p, and samples
USES = ("step", "logp", "sample", "one")  # `one`: log p of a single row
LR = 5e-4


@dataclass(frozen=True)
class Row:
    kind: str  # "nsf": couplings with splines; "maf": affine; "ar": autoregressive splines
    dim: int
    hidden: int
    count: int  # couplings, or autoregressive layers
    batch: int
    bins: int = 0
    act: str = "relu"
    mixed: bool = True  # a linear layer after each coupling
    peers: tuple = ("nflows",)
    reach: dict = field(default_factory=dict)  # peer -> use -> ratio that is the goal


ROWS = {
    "nsf-8-50": Row("nsf", 8, 50, 5, 200, bins=10, reach={"nflows": {"step": 15, "logp": 10, "sample": 10}}),
    "maf-8-50": Row("maf", 8, 50, 5, 200, act="tanh", peers=("nflows", "zuko"),
                   reach={"nflows": {"step": 12, "logp": 8, "sample": 50},
                          "zuko": {"step": 10, "logp": 2, "sample": 12}}),
    "nsf-ar-8-50": Row("ar", 8, 50, 5, 200, bins=8, peers=("zuko",),
                  reach={"zuko": {"step": 12, "logp": 10, "sample": 50}}),
    "nsf-6-256": Row("nsf", 6, 256, 10, 512, bins=8, mixed=False,
                     reach={"nflows": {"step": 3, "logp": 2.2, "sample": 2.2}}),
    "maf-43-512": Row("maf", 43, 512, 5, 100, act="tanh", reach={"nflows": {"step": 3, "sample": 100}}),
}  # fmt: skip
ONE_ROW = {"nsf-8-50": 20e-6}  # seconds that log p of one row may take


def workload(name, use):
    """Returns the name of a use of a row in `clflow bench`."""
    row = ROWS[name]
    return {
        "step": f"step/{name}-b{row.batch}",
        "logp": f"density/{name}-n{COUNT}",
        "sample": f"sample/{name}-n{COUNT}",
        "one": f"density/{name}-n1",
    }[use]
