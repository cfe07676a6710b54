#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The convolutional RealNVP in PyTorch, to compare numbers and times with.

usage: realnvp_torch.py --count
       realnvp_torch.py --preset mnist [--batch 64] [--steps 20] [--device cpu] [--threads 1]
                        [--tf32]

--count prints the number of trainable numbers of each preset; without it the median
time of a training step on random bytes is measured.

A model maps rows of D = height * width * channels numbers x' = byte + u, 0 <= u < 1, in
the order height, width, channel, to rows of latents in the same order.  Log-determinants
are those of dz / dx', so that the density is one per unit of the byte.  In training mode
batch norms use the batch's statistics; in eval mode, and in the inverse, the running ones.
"""

import argparse
import math
import statistics
import time

import torch
from torch import nn, optim
from torch.nn import functional

EPSILON = 1e-4  # added to every variance of a batch norm
ALPHA = 0.05  # keeps the logit's argument away from 0 (and, form "code", from 1)


class Statistics(nn.Module):
    """Mean and variance by channel: of the batch in training, running ones otherwise.

    With rho > 0 training normalises by rho * running + (1 - rho) * batch, through whose
    first term no gradient flows.  The running ones follow the batch's whatever rho is.
    """

    def __init__(self, channels, rho):
        super().__init__()
        self.rho, self.momentum = rho, 0.1
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def of(self, x):
        """Mean and variance plus epsilon, shaped to go with x."""
        mean, var = self.mean, self.var
        if self.training:
            batch_var, batch_mean = torch.var_mean(x, (0, 2, 3), correction=0)
            old_mean, old_var = mean.clone(), var.clone()
            with torch.no_grad():
                self.mean += self.momentum * (batch_mean - self.mean)
                self.var += self.momentum * (batch_var - self.var)
            mean, var = batch_mean, batch_var
            if self.rho > 0:
                mean = self.rho * old_mean + (1 - self.rho) * batch_mean
                var = self.rho * old_var + (1 - self.rho) * batch_var
        return mean.view(1, -1, 1, 1), var.view(1, -1, 1, 1) + EPSILON


class BatchNorm(Statistics):
    """The conditioners' batch norm: a learned shift, no learned scale."""

    def __init__(self, channels, rho):
        super().__init__(channels, rho)
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean, var = self.of(x)
        return (x - mean) * torch.rsqrt(var) + self.beta.view(1, -1, 1, 1)


class Conv(nn.Module):
    """A convolution whose weights have norm 1, or a learned one, for each output."""

    def __init__(self, dim_in, dim_out, size, bias=True, magnitude=True):
        super().__init__()
        bound = math.sqrt(2 / dim_in)
        self.V = nn.Parameter(torch.empty(dim_out, dim_in, size, size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(dim_out)) if bias else None
        start = bound * math.sqrt(dim_in * size * size / 12)
        self.magnitude = nn.Parameter(torch.full((dim_out,), start)) if magnitude else None
        self.padding = size // 2

    def forward(self, x):
        factor = torch.rsqrt((self.V**2).sum((1, 2, 3)))
        if self.magnitude is not None:
            factor = factor * self.magnitude
        weight = self.V * factor.view(-1, 1, 1, 1)
        return functional.conv2d(x, weight, self.bias, padding=self.padding)


class Block(nn.Module):
    def __init__(self, width, norm):
        super().__init__()
        self.bn_in = norm(width)
        self.h_0 = Conv(width, width, 3, bias=isinstance(self.bn_in, nn.Identity), magnitude=False)
        self.bn_0 = norm(width)
        self.out = Conv(width, width, 3)

    def forward(self, h):
        r = self.h_0(functional.relu(self.bn_in(h)))
        return h + self.out(functional.relu(self.bn_0(r)))


class Conditioner(nn.Module):
    """Residual blocks, every one of which also adds to what the last layers see."""

    def __init__(self, dim_in, dim_out, width, blocks, norm):
        super().__init__()
        self.h_in = Conv(dim_in, width, 3, magnitude=False)
        self.skip_in = Conv(width, width, 1)
        self.blocks = blocks
        for b in range(blocks):
            self.add_module(f"block{b}", Block(width, norm))
            self.add_module(f"skip{b}", Conv(width, width, 1))
        self.bn_pre_out = norm(width)
        self.out = Conv(width, dim_out, 1)

    def forward(self, x):
        h = self.h_in(x)
        out = self.skip_in(h)
        for b in range(self.blocks):
            h = getattr(self, f"block{b}")(h)
            out = out + getattr(self, f"skip{b}")(h)
        return self.out(functional.relu(self.bn_pre_out(out)))


class Coupling(nn.Module):
    """Common to both kinds of coupling: y = BN((x + t) e^s) of the transformed elements."""

    def __init__(self, channels, gain_name, gain, options):
        super().__init__()
        self.shift_first = options["affine"] == "shift_first"
        self.gain_name = gain_name
        rho, self.normed = options["bn_rho"], options["norm"] == "batch"
        self.norm = (lambda n: BatchNorm(n, rho)) if self.normed else (lambda n: nn.Identity())
        self.bn_in = self.norm(channels)
        self.bn_out = Statistics(channels, rho) if self.normed else None
        self.register_parameter(gain_name, nn.Parameter(torch.full((1,), gain)))
        self.scale_shift = None if self.normed else nn.Parameter(torch.zeros(1))

    def s_and_t(self, h):
        t, s = self.net(functional.relu(h)).chunk(2, 1)
        s = getattr(self, self.gain_name) * torch.tanh(s)
        return (s if self.normed else s + self.scale_shift), t

    def affine(self, x, s, t):
        return (x + t) * torch.exp(s) if self.shift_first else x * torch.exp(s) + t

    def affine_inverse(self, y, s, t):
        return y * torch.exp(-s) - t if self.shift_first else (y - t) * torch.exp(-s)

    def running(self):
        """Running mean and variance of bn_out."""
        return self.bn_out.mean.view(1, -1, 1, 1), self.bn_out.var.view(1, -1, 1, 1) + EPSILON


class Checkerboard(Coupling):
    """Positions where the mask is 1 stay the same.  Both batch norms count the zeros of the others."""

    def __init__(self, channels, width, blocks, parity, options):
        super().__init__(channels, "rescaling_scale", 0.0, options)
        self.parity = parity
        self.net = Conditioner(2 * channels + 1, 2 * channels, width, blocks, self.norm)

    def mask(self, x):
        rows = torch.arange(x.shape[2], device=x.device).view(-1, 1)
        columns = torch.arange(x.shape[3], device=x.device)
        return ((self.parity + rows + columns) % 2).to(x.dtype).view(1, 1, *x.shape[2:])

    def conditioned(self, x, mask):
        h = self.bn_in(x * mask)
        if self.normed:
            h = 2 * h
        h = torch.cat([h, -h, mask.expand(len(x), -1, -1, -1)], 1)
        s, t = self.s_and_t(h)
        return s * (1 - mask), t * (1 - mask)

    def forward(self, x, logdet):
        mask = self.mask(x)
        s, t = self.conditioned(x, mask)
        y, change = self.affine(x, s, t), s
        if self.normed:
            mean, var = self.bn_out.of(y * (1 - mask))
            y = mask * y + (1 - mask) * (y - mean) * torch.rsqrt(var)
            change = change - 0.5 * torch.log(var) * (1 - mask)
        return y, logdet + change.sum((1, 2, 3))

    def invert(self, y):
        mask = self.mask(y)
        s, t = self.conditioned(y, mask)
        if self.normed:
            mean, var = self.running()
            y = mask * y + (1 - mask) * (y * torch.sqrt(var) + mean)
        return self.affine_inverse(y, s, t)


class Channelwise(Coupling):
    """One half of the channels stays the same and conditions the other half."""

    def __init__(self, channels, width, blocks, keep_first, options):
        super().__init__(channels // 2, "scale", 1.0, options)
        self.keep_first = keep_first
        self.net = Conditioner(channels, channels, width, blocks, self.norm)

    def halves(self, x):
        """The half that stays, the half that changes."""
        first, second = x.chunk(2, 1)
        return (first, second) if self.keep_first else (second, first)

    def join(self, kept, changed):
        return torch.cat([kept, changed] if self.keep_first else [changed, kept], 1)

    def conditioned(self, kept):
        h = self.bn_in(kept)
        return self.s_and_t(torch.cat([h, -h], 1))

    def forward(self, x, logdet):
        kept, y = self.halves(x)
        s, t = self.conditioned(kept)
        y, change = self.affine(y, s, t), s
        if self.normed:
            mean, var = self.bn_out.of(y)
            y = (y - mean) * torch.rsqrt(var)
            change = change - 0.5 * torch.log(var)
        return self.join(kept, y), logdet + change.sum((1, 2, 3))

    def invert(self, y):
        kept, x = self.halves(y)
        s, t = self.conditioned(kept)
        if self.normed:
            mean, var = self.running()
            x = x * torch.sqrt(var) + mean
        return self.join(kept, self.affine_inverse(x, s, t))


def squeeze(x):
    """Channel c of position (2i + dy, 2j + dx) becomes channel 4c + 2dy + dx of (i, j)."""
    return functional.pixel_unshuffle(x, 2)


def unsqueeze(x):
    return functional.pixel_shuffle(x, 2)


ORDER = ((0, 0), (1, 1), (0, 1), (1, 0))  # even positions of the checkerboard, then odd ones


def split(x):
    """The positions that go on to the next scale, and those factored out, as channels."""
    parts = [x[:, :, dy::2, dx::2] for dy, dx in ORDER]
    return torch.cat(parts[:2], 1), torch.cat(parts[2:], 1)


def merge(a, b):
    n, channels, height, width = a.shape
    x = a.new_empty(n, channels // 2, 2 * height, 2 * width)
    for (dy, dx), part in zip(ORDER, [*a.chunk(2, 1), *b.chunk(2, 1)], strict=True):
        x[:, :, dy::2, dx::2] = part
    return x


class RealNVP(nn.Module):
    """Scales of couplings; half of the dimensions leave after every scale but the last.

    affine: "shift_first" (x + t) e^s, or "scale_first" x e^s + t
    logit: "code" alpha + (1 - 2 alpha) x' / levels, or "paper" alpha + (1 - alpha) x' / levels
    first_mask: "even" or "odd", the positions that the first coupling of a scale keeps
    norm: "batch" or "none"; without, s = g tanh(.) + scale_shift, nothing is doubled, and
        the blocks' first convolutions have biases
    bn_rho: the running statistics' share in training, in [0, 1)
    """

    def __init__(
        self,
        channels,
        height,
        width,
        scales,
        width_base,
        blocks,
        affine="shift_first",
        logit="code",
        first_mask="even",
        norm="batch",
        bn_rho=0.0,
        levels=256,
    ):
        super().__init__()
        if height % 2 ** (scales - 1) or width % 2 ** (scales - 1):
            raise ValueError(f"{height}x{width} cannot be halved {scales - 1} times")
        if blocks < 1:
            raise ValueError("a conditioner has at least one residual block")
        self.shape, self.scales, self.levels = (channels, height, width), scales, levels
        self.low, self.high = ALPHA, (ALPHA if logit == "code" else 0.0)
        self.span = 1 - self.low - self.high
        self.layout = torch.contiguous_format  # of the images within; or torch.channels_last
        options = dict(affine=affine, norm=norm, bn_rho=bn_rho)
        first = 1 if first_mask == "even" else 0
        for s in range(scales):
            dim, last, scale = width_base * 2**s, s == scales - 1, nn.Module()
            for i in range(4 if last else 3):
                parity = (first + i) % 2
                layer = Checkerboard(channels, dim, blocks, parity, options)
                scale.add_module(f"coupling{i}", layer)
            for i in range(4, 4 if last else 7):
                layer = Channelwise(4 * channels, 2 * dim, blocks, i != 5, options)
                scale.add_module(f"coupling{i}", layer)
            self.add_module(f"scale{s}", scale)
            channels *= 2

    def couplings(self, s):
        """Checkerboard couplings and channel couplings of a scale, in order."""
        layers = list(getattr(self, f"scale{s}").children())
        return (layers, []) if s == self.scales - 1 else (layers[:3], layers[3:])

    def down(self, x, logdet, s):
        boards, channelwise = self.couplings(s)
        for layer in boards:
            x, logdet = layer(x, logdet)
        if s == self.scales - 1:
            return x, logdet
        x = squeeze(x)
        for layer in channelwise:
            x, logdet = layer(x, logdet)
        a, b = split(unsqueeze(x))
        a, logdet = self.down(a, logdet, s + 1)
        return merge(a, b), logdet

    def up(self, z, s):
        boards, channelwise = self.couplings(s)
        if s < self.scales - 1:
            a, b = split(z)
            z = squeeze(merge(self.up(a, s + 1), b))
            for layer in reversed(channelwise):
                z = layer.invert(z)
            z = unsqueeze(z)
        for layer in reversed(boards):
            z = layer.invert(z)
        return z

    def images(self, rows):
        channels, height, width = self.shape
        images = rows.reshape(-1, height, width, channels).permute(0, 3, 1, 2)
        return images.contiguous(memory_format=self.layout)

    def rows(self, images):
        return images.permute(0, 2, 3, 1).reshape(len(images), -1)

    def forward(self, x):
        """z and the log-determinants of dz / dx'."""
        p = self.low + self.span * (x / self.levels)
        q = self.high + self.span * ((self.levels - x) / self.levels)  # 1 - p
        log_p, log_q = torch.log(p), torch.log(q)
        logdet = math.log(self.span / self.levels) - log_p - log_q
        h = self.images(log_p - log_q)
        h, logdet = self.down(h, logdet.sum(1), 0)
        return self.rows(h), logdet

    def invert(self, z):
        p = torch.sigmoid(self.rows(self.up(self.images(z), 0)))
        return self.levels * ((p - self.low) / self.span)

    def log_prob(self, x):
        return log_prob(*self(x))


def log_prob(z, logdet):
    return -0.5 * (z**2 + math.log(2 * math.pi)).sum(1) + logdet


def bits_per_dim(log_p, dim):
    return -log_p / (dim * math.log(2))


def trainable(model):
    return sum(p.numel() for p in model.parameters())


PRESETS = {  # channels, height, width, scales, base width, blocks; trainable numbers
    "cifar10": ((3, 32, 32, 2, 64, 8), 19_609_545),
    "imagenet32": ((3, 32, 32, 4, 32, 4), 46_220_359),
    "image64": ((3, 64, 64, 5, 32, 2), 96_363_237),
    "image64_4blocks": ((3, 64, 64, 5, 32, 4), 185_898_341),
    "mnist": ((1, 28, 28, 3, 32, 4), 11_094_791),
}


def l2_term(model):
    """The penalty on the conditioners' magnitudes and the checkerboards' scales."""
    named = model.named_parameters()
    return sum((p**2).sum() for name, p in named if "magnitude" in name or "rescaling" in name)


def train_step(model, optimizer, x):
    """Trains one step on rows x; returns the loss, still on the device."""
    loss = -model.log_prob(x).mean() + 5e-5 * l2_term(model)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 100.0)
    optimizer.step()
    return loss


def step_seconds(model, batch, steps, device):
    """Seconds of each training step, after three that are not counted."""
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    channels, height, width = model.shape
    seconds = []
    for step in range(steps + 3):
        x = 256 * torch.rand(batch, channels * height * width, device=device)
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        train_step(model, optimizer, x).item()
        if step >= 3:
            seconds.append(time.perf_counter() - start)
    return seconds


def main():
    parser = argparse.ArgumentParser(description="Times the convolutional RealNVP in PyTorch.")
    parser.add_argument("--count", action="store_true", help="print the presets' sizes, no more")
    parser.add_argument("--preset", choices=PRESETS, default="mnist")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--tf32", action="store_true", help="allow 10-bit mantissas on tensor cores"
    )
    args = parser.parse_args()

    if args.count:
        for name, (shape, expected) in PRESETS.items():
            with torch.device("meta"):
                count = trainable(RealNVP(*shape))
            print(f"{name}: {count:,} trainable numbers")
            if count != expected:
                raise SystemExit(f"{name} should have {expected:,}")
        return

    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.tf32
    torch.manual_seed(1)
    device = torch.device(args.device)
    model = RealNVP(*PRESETS[args.preset][0]).to(device)
    seconds = step_seconds(model, args.batch, args.steps, device)
    median = statistics.median(seconds)
    name = (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{args.threads} thread(s)"
    )
    print(f"torch {torch.__version__}, {name}, {args.preset}, batch {args.batch}")
    print(f"median step {1e3 * median:.1f} ms, {args.batch / median:.1f} images/s")


if __name__ == "__main__":
    main()
