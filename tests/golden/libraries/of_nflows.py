# SPDX-License-Identifier: MIT
"""Flows of nflows, and of sbi, which builds its flows from nflows."""

import torch
from libraries.case import Case, Density
from nflows import distributions, transforms
from nflows.nn import nets
from nflows.transforms.coupling import CouplingTransform
from nflows.utils import create_alternating_binary_mask, create_mid_split_binary_mask
from torch import nn
from torch.nn import functional

ACTIVATIONS = {
    "relu": functional.relu,
    "leaky": functional.leaky_relu,
    "tanh": torch.tanh,
    "elu": functional.elu,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
}


class Flow(Density):
    def __init__(self, layers, base, embedding=None):
        super().__init__()
        self.layers, self.base = nn.ModuleList(layers), base
        self.embedding = embedding or nn.Identity()

    def forward(self, x, c):
        c = None if c is None else self.embedding(c)
        logdet = x.new_zeros(len(x))
        for layer in self.layers:
            x, more = layer(x, context=c)
            logdet = logdet + more
        return x, logdet, self.base.log_prob(x, context=c)

    def invert(self, z, c):
        c = None if c is None else self.embedding(c)
        for layer in reversed(self.layers):
            z, _ = layer.inverse(z, context=c)
        return z


class Uniform(nn.Module):
    """The base distribution of flows on a box."""

    def __init__(self, low, high, dim):
        super().__init__()
        self.box = torch.distributions.Uniform(torch.full((dim,), low), torch.full((dim,), high))

    def log_prob(self, z, context):
        return self.box.log_prob(z).sum(1)


def normal(dim):
    return distributions.StandardNormal([dim])


# ---- Names ------------------------------------------------------------------------


def of_linear(key, name, masked=False):
    parts = ("weight", "bias", "mask") if masked else ("weight", "bias")
    return {f"{key}.{p}": f"{name}.{p}" for p in parts}


def of_blocks(key, name, blocks, context, masked=False, norm=False):
    names = {}
    for b in range(blocks):
        for k in (0, 1):
            mine = (f"{key}.blocks.{b}.linear_layers.{k}", f"{name}.blocks.{b}.linear{k}")
            names |= of_linear(*mine, masked)
            if norm:
                mine = (f"{key}.blocks.{b}.batch_norm_layers.{k}", f"{name}.blocks.{b}.bn{k}")
                names |= of_linear(*mine)
                names |= {f"{mine[0]}.{s}": f"{mine[1]}.{s}" for s in ("running_mean", "running_var")}
        if context:
            names |= of_linear(f"{key}.blocks.{b}.context_layer", f"{name}.blocks.{b}.context")
    return names


def of_ends(key, name, masked=False):
    initial = of_linear(f"{key}.initial_layer", f"{name}.initial", masked)
    return initial | of_linear(f"{key}.final_layer", f"{name}.final", masked)


def of_resnet(key, name, blocks, context=False, norm=False):
    return of_ends(key, name) | of_blocks(key, name, blocks, context, norm=norm)


def of_made(key, name, blocks, context=False, residual=True):
    names = of_ends(key, name, masked=True)
    if context:
        names |= of_linear(f"{key}.context_layer", f"{name}.context")
    if residual:
        return names | of_blocks(key, name, blocks, context, masked=True)
    for b in range(blocks):
        names |= of_linear(f"{key}.blocks.{b}.linear", f"{name}.blocks.{b}.linear0", masked=True)
    return names


def of_mlp(key, name, layers):
    """`layers` hidden ones."""
    inner = [f"_hidden_layers.{k}" for k in range(layers - 1)]
    names = {}
    for k, part in enumerate(["_input_layer", *inner, "_output_layer"]):
        names |= of_linear(f"{key}.{part}", f"{name}.{k}")
    return names


def of_lu(i, name=None):
    parts = {
        "lower_entries": "lower",
        "upper_entries": "upper",
        "unconstrained_upper_diag": "diagonal",
        "bias": "bias",
    }
    name = name or f"layers.{i}"
    return {f"layers.{i}.{key}": f"{name}.{part}" for key, part in parts.items()}


def of_perm(i):
    return {f"layers.{i}._permutation": f"layers.{i}.perm"}


def mask_of(i, layer):
    mask = torch.zeros(layer.features)
    mask[layer.transform_features] = 1
    return {f"layers.{i}.mask": mask}


def masks_of(layers):
    masks = {}
    for i, layer in enumerate(layers):
        if isinstance(layer, CouplingTransform):
            masks |= mask_of(i, layer)
    return masks


# ---- sbi --------------------------------------------------------------------------


def z_score(mean, std):
    """sbi's: the mean and standard deviation of the data as a first layer."""
    return transforms.PointwiseAffineTransform(shift=-mean / std, scale=1 / std)


class Standardize(nn.Module):
    """sbi's embedding of the context without a network."""

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, c):
        return (c - self.mean.to(c)) / self.std.to(c)


def statistics(dim):
    """A mean and a standard deviation of each column, far from 0 and 1."""
    mean = (3 * torch.randn(dim)).float().double()
    return mean, (0.5 + torch.rand(dim)).float().double()


def resnet(context, hidden, blocks, activation=functional.relu, norm=False):
    return lambda d_in, d_out: nets.ResidualNet(
        d_in, d_out, hidden, context, blocks, activation, use_batch_norm=norm
    )


def standardized(name, dim, context, embedding, steps, text, names, **more):
    """A case that begins as sbi's estimators do."""
    mean, std = statistics(dim)
    layers = [z_score(mean, std), *steps]
    constants = {"layers.0.mean": mean, "layers.0.std": std} | masks_of(layers)
    tail, embed = "", None
    if context:
        c_mean, c_std = statistics(context)
        embed = nn.Sequential(Standardize(c_mean, c_std), *embedding)
        constants |= {"context.mean": c_mean, "context.std": c_std}
        tail = "; context: standardize"
        if embedding:
            tail += f", mlp({embedding[0].out_features}x1, relu)->{embedding[-1].out_features}"
            names = names | of_linear("embedding.1", "context.net.0")
            names |= of_linear("embedding.3", "context.net.1")
    given = f"{dim}|{context}" if context else f"{dim}"
    arch = f"{given}: standardize, {text} -> normal{tail}"
    model = Flow(layers, normal(dim), embed)
    return Case(name, arch, model, names, dim, context or 0, constants=constants, spread=3.0, **more)


def nsf_steps(dim, context, hidden, bins, count, first=0, mixed=True):
    """sbi's steps of an NSF, [coupling, LU], or without `mixed` couplings alone, as layers from number
    `first` on, and their names."""
    layers, names = [], {}
    for k in range(count):
        i = first + (2 if mixed else 1) * k
        mask = create_alternating_binary_mask(dim, even=k % 2 == 0)
        layers.append(
            transforms.PiecewiseRationalQuadraticCouplingTransform(
                mask, resnet(context, hidden, 2), num_bins=bins, tails="linear", tail_bound=3.0
            )
        )
        names |= of_resnet(f"layers.{i}.transform_net", f"layers.{i}.net", 2, context)
        if mixed:
            layers.append(transforms.LULinear(dim, identity_init=True))
            names |= of_lu(i + 1)
    return layers, names


def maf_steps(dim, context, hidden, count, first=0):
    """sbi's steps of a MAF, [autoregressive, permutation]."""
    layers, names = [], {}
    for k in range(count):
        i = first + 2 * k
        layers.append(
            transforms.MaskedAffineAutoregressiveTransform(
                dim, hidden, context, 2, use_residual_blocks=False, activation=torch.tanh
            )
        )
        layers.append(transforms.RandomPermutation(dim))
        names |= of_made(f"layers.{i}.autoregressive_net", f"layers.{i}.net", 2, context, False)
        names |= of_perm(i + 1)
    return layers, names


def sbi_nsf(name, dim, context=None, embedding=()):
    hidden, bins, count = 10, 5, 3
    width = embedding[-1].out_features if embedding else context
    layers, names = nsf_steps(dim, width, hidden, bins, count, first=1)
    text = f"(coupling(rq(bins={bins}, tail=3), resnet({hidden}x2, relu)), lu)*{count}"
    return standardized(name, dim, context, embedding, layers, text, names)


def sbi_maf(name, dim, context=None):
    hidden, count = 10, 3
    layers, names = maf_steps(dim, context, hidden, count, first=1)
    text = f"(ar(affine(scale=softplus), made({hidden}x2, tanh, residual=0)), perm(random))*{count}"
    return standardized(name, dim, context, (), layers, text, names, deviation=0.2)


# ---- nflows -----------------------------------------------------------------------


def plain(name, arch, layers, names, dim, context=0, base=None, **more):
    constants = masks_of(layers) | more.pop("constants", {})
    model = Flow(layers, base or normal(dim))
    return Case(name, arch, model, names, dim, context, constants=constants, **more)


def uci_steps(dim, hidden, bins, count, uncond):
    """Those of nsf's experiments with tables: [permutation, LU, coupling]."""
    layers, names = [], {}
    for k in range(count):
        i = 3 * k
        layers += [transforms.RandomPermutation(dim), transforms.LULinear(dim)]
        layers.append(
            transforms.PiecewiseRationalQuadraticCouplingTransform(
                create_alternating_binary_mask(dim, even=k % 2 == 0),
                resnet(None, hidden, 2),
                num_bins=bins,
                tails="linear",
                tail_bound=3.0,
                apply_unconditional_transform=uncond,
            )
        )
        names |= of_perm(i) | of_lu(i + 1)
        names |= of_resnet(f"layers.{i + 2}.transform_net", f"layers.{i + 2}.net", 2)
    return layers, names


def nsf_uci():
    dim, hidden, bins, count = 5, 9, 4, 2
    layers, names = uci_steps(dim, hidden, bins, count, uncond=True)
    layers += [transforms.RandomPermutation(dim), transforms.LULinear(dim)]
    names |= of_perm(3 * count) | of_lu(3 * count + 1)
    step = f"coupling(rq(bins={bins}, tail=3), resnet({hidden}x2, relu), uncond=1)"
    arch = f"{dim}: (perm(random), lu, {step})*{count}, perm(random), lu -> normal"
    return Case("nflows_nsf_uci", arch, Unconditional(layers, dim), named_unconditional(names, layers),
                dim, constants=masks_of(layers))  # fmt: skip


class Unconditional(Flow):
    """Couplings whose unconditional spline has its numbers in one tensor, as clflow stores them."""

    def __init__(self, layers, dim):
        super().__init__(layers, normal(dim))
        for layer in layers:
            spline = getattr(layer, "unconditional_transform", None)
            if spline is not None:
                parts = [getattr(spline, f"unnormalized_{p}") for p in PARTS]
                spline.numbers = nn.Parameter(torch.cat([p.detach() for p in parts], -1))
                spline.sizes = [p.shape[-1] for p in parts]
                for p in PARTS:
                    delattr(spline, f"unnormalized_{p}")

    def split_numbers(self):
        for layer in self.layers:
            spline = getattr(layer, "unconditional_transform", None)
            if spline is not None:
                for p, tensor in zip(PARTS, spline.numbers.split(spline.sizes, -1), strict=True):
                    setattr(spline, f"unnormalized_{p}", tensor)

    def forward(self, x, c):
        self.split_numbers()
        return super().forward(x, c)


PARTS = ("widths", "heights", "derivatives")


def named_unconditional(names, layers):
    for i, layer in enumerate(layers):
        if getattr(layer, "unconditional_transform", None) is not None:
            key = f"layers.{i}.unconditional_transform.numbers"
            names |= {key: f"layers.{i}.uncond.numbers"}
    return names


def ar_spline(name, text, layer, m_blocks, dim, context=0, **more):
    names = of_made("layers.0.autoregressive_net", "layers.0.net", m_blocks, context)
    given = f"{dim}|{context}" if context else f"{dim}"
    return plain(name, f"{given}: {text} -> normal", [layer], names, dim, context, **more)


def autoregressive():
    """nflows' MADE has no attribute hidden_features, so its raw widths are not divided by sqrt(H)."""
    spline = transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
        4, 10, num_bins=5, tails="linear", tail_bound=3.0, num_blocks=2
    )
    yield ar_spline("nflows_ar_rq", "ar(rq(bins=5, tail=3), made(10x2, relu))", spline, 2, 4,
                    edges=(-3.0, 3.0))  # fmt: skip
    spline = transforms.MaskedPiecewiseQuadraticAutoregressiveTransform(
        4, 10, num_bins=5, tails="linear", tail_bound=3.0, num_blocks=1
    )
    yield ar_spline("nflows_ar_quadratic", "ar(quadratic(bins=5, tail=3), made(10x1, relu))", spline,
                    1, 4)  # fmt: skip
    affine = transforms.MaskedAffineAutoregressiveTransform(4, 10, 2, 2)
    yield ar_spline("nflows_made_context", "ar(affine(scale=softplus), made(10x2, relu))", affine, 2, 4,
                    2)  # fmt: skip
    affine = transforms.InverseTransform(transforms.MaskedAffineAutoregressiveTransform(4, 10, 2, 1))
    names = of_made("layers.0._transform.autoregressive_net", "layers.0.net", 1, 2)
    affine2 = transforms.InverseTransform(transforms.MaskedAffineAutoregressiveTransform(4, 10, 2, 1))
    names |= of_made("layers.2._transform.autoregressive_net", "layers.2.net", 1, 2)
    layers = [affine, transforms.ReversePermutation(4), affine2]
    made = "~ar(affine(scale=softplus), made(10x1, relu))"
    names |= of_perm(1)
    yield plain("nflows_iaf", f"4|2: {made}, perm(reverse), {made} -> normal", layers, names, 4, 2,
                tails=())  # fmt: skip


def maf_batchnorm():
    dim, hidden, count = 4, 8, 2
    layers, names = [], {}
    for k in range(count):
        i = 3 * k
        layers.append(
            transforms.MaskedAffineAutoregressiveTransform(dim, hidden, None, 2, use_residual_blocks=False)
        )
        names |= of_made(f"layers.{i}.autoregressive_net", f"layers.{i}.net", 2, residual=False)
        norm = transforms.BatchNorm(dim)
        norm.running_mean.copy_(torch.randn(dim))
        norm.running_var.copy_(0.5 + torch.rand(dim))
        layers += [norm, transforms.ReversePermutation(dim)]
        for key, part in {"unconstrained_weight": "weight"}.items():
            names[f"layers.{i + 1}.{key}"] = f"layers.{i + 1}.{part}"
        for part in ("bias", "running_mean", "running_var"):
            names[f"layers.{i + 1}.{part}"] = f"layers.{i + 1}.{part}"
        names |= of_perm(i + 2)
    step = f"ar(affine(scale=softplus), made({hidden}x2, relu, residual=0)), batchnorm, perm(reverse)"
    return plain("nflows_maf_batchnorm", f"{dim}: ({step})*{count} -> normal", layers, names, dim)


class Plain(nn.Module):
    """nflows' MLP takes no context; this puts c beside x, as sbi does."""

    def __init__(self, d_in, d_out, sizes, activation, context=0):
        super().__init__()
        self.net = nets.MLP([d_in + context], [d_out], sizes, activation)

    def forward(self, x, c=None):
        return self.net(x if c is None else torch.cat((x, c), 1))


def coupling_maps():
    """Every map of nflows' couplings; the net is a ResidualNet, which divides by sqrt(H), or an MLP,
    which does not."""
    dim, mask = 5, create_alternating_binary_mask(5, even=True)
    names = of_resnet("layers.0.transform_net", "layers.0.net", 1)
    net, text = resnet(None, 9, 1), "resnet(9x1, relu)"
    mlp_names = of_mlp("layers.0.transform_net.net", "layers.0.net", 2)

    def mlp(d_in, d_out):
        return Plain(d_in, d_out, [9, 9], functional.relu)

    def case(name, spec, layer, names=names, net=text, **more):
        return plain(f"nflows_{name}", f"{dim}: coupling({spec}, {net}) -> normal", [layer], names, dim,
                     **more)  # fmt: skip

    box = dict(base=Uniform(0.0, 1.0, dim), box=(0.0, 1.0), latent_box=(0.0, 1.0))
    linear = transforms.PiecewiseLinearCouplingTransform
    quadratic = transforms.PiecewiseQuadraticCouplingTransform
    rational = transforms.PiecewiseRationalQuadraticCouplingTransform
    tail = dict(num_bins=5, tails="linear", tail_bound=2.5)
    yield case("affine_sigmoid2", "affine(scale=sigmoid2)", transforms.AffineCouplingTransform(mask, net))
    yield case("add", "add", transforms.AdditiveCouplingTransform(mask, net))
    yield case("linear", "linear(bins=5, tail=2.5)", linear(mask, net, **tail))
    yield case("quadratic", "quadratic(bins=5, tail=2.5)", quadratic(mask, net, **tail), edges=(-2.5, 2.5))
    yield case("rq", "rq(bins=5, tail=2.5)", rational(mask, net, **tail), edges=(-2.5, 2.5))
    yield case("rq_mlp", "rq(bins=5, tail=2.5)", rational(mask, mlp, **tail), mlp_names,
               "mlp(9x2, relu)")  # fmt: skip
    for kind, layer in (("linear", linear), ("quadratic", quadratic), ("rq", rational)):
        on_box = case(f"{kind}_box", f"{kind}(bins=4, tail=none)", layer(mask, net, num_bins=4), **box)
        on_box.arch = on_box.arch.replace("-> normal", "-> box(0, 1)")
        yield on_box


def nets_of_couplings():
    dim, context, mask = 4, 3, create_mid_split_binary_mask(4)
    for name, act in ACTIVATIONS.items():
        layer = transforms.AffineCouplingTransform(
            mask, lambda i, o, act=act: Plain(i, o, [6, 6], act, context)
        )
        arch = f"{dim}|{context}: coupling(affine(scale=sigmoid2), mlp(6x2, {name}), mask=mid) -> normal"
        yield plain(f"nflows_mlp_{name}", arch, [layer], of_mlp("layers.0.transform_net.net", "layers.0.net", 2),
                    dim, context, rows=12, tails=())  # fmt: skip
    net = resnet(context, 8, 2, norm=True)
    layer = transforms.AffineCouplingTransform(mask, net)
    for module in layer.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.copy_(0.3 * torch.randn(8))
            module.running_var.copy_(0.5 + torch.rand(8))
    arch = f"{dim}|{context}: coupling(affine(scale=sigmoid2), resnet(8x2, relu, bn=1), mask=mid) -> normal"
    names = of_resnet("layers.0.transform_net", "layers.0.net", 2, context, norm=True)
    yield plain("nflows_resnet_bn", arch, [layer], names, dim, context)


class Dense(transforms.NaiveLinear):
    """nflows inverts with torch.solve, which PyTorch no longer has."""

    def __init__(self, features):
        super().__init__(features, orthogonal_initialization=False)
        with torch.no_grad():  # far from a singular matrix
            self._weight.copy_(1.5 * torch.eye(features))

    def inverse_no_cache(self, inputs):
        x = torch.linalg.solve(self._weight, (inputs - self.bias).t()).t()
        return x, -torch.linalg.slogdet(self._weight).logabsdet.expand(len(x))


def linear_layers():
    def case(name, layer, names, **more):
        return plain(f"nflows_{name.split('(')[0]}", f"4: {name} -> normal", [layer], names, 4, rows=8, **more)

    yield case("lu", transforms.LULinear(4), of_lu(0))
    yield case("qr(3)", transforms.QRLinear(4, 3), {
        "layers.0.upper_entries": "layers.0.upper", "layers.0.log_upper_diag": "layers.0.log_diagonal",
        "layers.0.orthogonal.q_vectors": "layers.0.reflections", "layers.0.bias": "layers.0.bias"})  # fmt: skip
    yield case("svd(2)", transforms.SVDLinear(4, 2), {
        "layers.0.orthogonal_1.q_vectors": "layers.0.reflections1",
        "layers.0.unconstrained_diagonal": "layers.0.diagonal",
        "layers.0.orthogonal_2.q_vectors": "layers.0.reflections2", "layers.0.bias": "layers.0.bias"})  # fmt: skip
    # N(0, I) has no gradient by a rotation: another layer follows.
    layers = [transforms.HouseholderSequence(4, 3), transforms.LULinear(4)]
    names = {"layers.0.q_vectors": "layers.0.reflections"} | of_lu(1)
    mask = create_alternating_binary_mask(4, even=True)
    layers.append(
        transforms.PiecewiseRationalQuadraticCouplingTransform(
            mask, resnet(None, 6, 1), num_bins=4, tails="linear", tail_bound=3.0
        )
    )
    names |= of_resnet("layers.2.transform_net", "layers.2.net", 1)
    yield plain("nflows_householder", "4: householder(3), lu, coupling(rq(bins=4, tail=3), resnet(6x1)) -> normal",
                layers, names, 4, rows=8)  # fmt: skip
    yield case("dense", Dense(4), {"layers.0._weight": "layers.0.weight",
                                                    "layers.0.bias": "layers.0.bias"})  # fmt: skip
    norm = transforms.ActNorm(4)
    norm.initialized.fill_(True)
    fitted = {"layers.0.fitted": torch.ones(1)}
    yield case("actnorm", norm, {f"layers.0.{p}": f"layers.0.{p}" for p in ("log_scale", "shift")},
               constants=fitted)  # fmt: skip


def elementwise():
    """Trained maps of each column alone."""
    dim = 3
    spline = transforms.PiecewiseRationalQuadraticCDF([dim], num_bins=6, tails="linear", tail_bound=3.0)
    yield whole_spline("rq", spline, dim, tail_of=3.0, base=None)


def whole_spline(kind, spline, dim, tail_of, base):
    """A CDF transform of nflows as the only layer, its numbers in one tensor."""

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            parts = [getattr(spline, f"unnormalized_{p}") for p in PARTS]
            self.numbers = nn.Parameter(torch.cat([p.detach() for p in parts], -1))
            self.sizes = [p.shape[-1] for p in parts]
            self.spline = [spline]  # its own parameters are not this module's
            for p in PARTS:
                delattr(spline, f"unnormalized_{p}")

        def ready(self):
            for p, tensor in zip(PARTS, self.numbers.split(self.sizes, -1), strict=True):
                setattr(self.spline[0], f"unnormalized_{p}", tensor)
            return self.spline[0]

        def forward(self, x, context=None):
            return self.ready()(x)

        def inverse(self, z, context=None):
            return self.ready().inverse(z)

    arch = f"{dim}: elementwise({kind}(bins=6, tail={tail_of:g})) -> normal"
    return plain(f"nflows_elementwise_{kind}", arch, [Layer()], {"layers.0.numbers": "layers.0.numbers"}, dim,
                 edges=(-tail_of, tail_of), base=base)  # fmt: skip


def bases():
    mask = create_alternating_binary_mask(3, even=True)
    layer = transforms.AffineCouplingTransform(mask, resnet(None, 6, 1))
    names = of_resnet("layers.0.transform_net", "layers.0.net", 1)
    text = "coupling(affine(scale=sigmoid2), resnet(6x1, relu))"
    base = distributions.DiagonalNormal([3])
    names |= {"base.mean_": "base.mean", "base.log_std_": "base.log_std"}
    yield plain("nflows_normal_trained", f"3: {text} -> normal(trained)", [layer], names, 3, base=base)
    layer = transforms.AffineCouplingTransform(mask, resnet(2, 6, 1))
    names = of_resnet("layers.0.transform_net", "layers.0.net", 1, True)
    names |= of_linear("base._context_encoder.0", "base.net.0") | of_linear("base._context_encoder.2", "base.net.1")
    base = distributions.ConditionalDiagonalNormal([3], mlp_of(2, 5, 6))
    yield plain("nflows_normal_given", f"3|2: {text} -> normal(mlp(5x1, relu))", [layer], names, 3, 2, base=base)


def mlp_of(d_in, hidden, d_out):
    return nn.Sequential(nn.Linear(d_in, hidden), nn.ReLU(), nn.Linear(hidden, d_out))


class Images(Flow):
    """Layers of images [N, C, H, W] on rows that hold height, width, channel, as clflow's do."""

    def __init__(self, layers, height, width, channels):
        super().__init__(layers, normal(height * width * channels))
        self.shape = (height, width, channels)

    def forward(self, x, c):
        logdet = x.new_zeros(len(x))
        x = x.reshape(-1, *self.shape).permute(0, 3, 1, 2)
        for layer in self.layers:
            x, more = layer(x)
            logdet = logdet + more
        z = x.permute(0, 2, 3, 1).reshape(len(x), -1)
        return z, logdet, self.base.log_prob(z)

    def invert(self, z, c):
        z = z.reshape(-1, *self.shape).permute(0, 3, 1, 2)
        for layer in reversed(self.layers):
            z, _ = layer.inverse(z)
        return z.permute(0, 2, 3, 1).reshape(len(z), -1)


def images():
    norm = transforms.ActNorm(3)
    norm.initialized.fill_(True)
    layers = [norm, transforms.OneByOneConvolution(3)]
    names = {f"layers.0.{p}": f"layers.0.{p}" for p in ("log_scale", "shift")} | of_lu(1, "layers.2")
    names |= {"layers.1.permutation._permutation": "layers.1.perm"}
    yield Case("nflows_conv1x1", "2x3x3: actnorm, perm(random), conv1x1(lu) -> normal", Images(layers, 2, 3, 3),
               names, 18, rows=8, constants={"layers.0.fitted": torch.ones(1)})  # fmt: skip


class AtPixels(nn.Linear):
    """nflows' convolution of side 1 of a context that is the same at all pixels."""

    def forward(self, c):
        return super().forward(c.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ImagesGiven(Images):
    """The same with a context, which all pixels share."""

    def at_pixels(self, c):
        return c[:, :, None, None].expand(-1, -1, *self.shape[:2])

    def forward(self, x, c):
        logdet = x.new_zeros(len(x))
        x = x.reshape(-1, *self.shape).permute(0, 3, 1, 2)
        for layer in self.layers:
            x, more = layer(x, context=self.at_pixels(c))
            logdet = logdet + more
        z = x.permute(0, 2, 3, 1).reshape(len(x), -1)
        return z, logdet, self.base.log_prob(z)

    def invert(self, z, c):
        z = z.reshape(-1, *self.shape).permute(0, 3, 1, 2)
        for layer in reversed(self.layers):
            z, _ = layer.inverse(z, context=self.at_pixels(c))
        return z.permute(0, 2, 3, 1).reshape(len(z), -1)


def of_convresnet(key, name, blocks):
    names = of_ends(key, name)
    for b in range(blocks):
        for k in (0, 1):
            names |= of_linear(f"{key}.blocks.{b}.conv_layers.{k}", f"{name}.blocks.{b}.conv{k}")
        names |= of_linear(f"{key}.blocks.{b}.context_layer", f"{name}.blocks.{b}.context")
    return names


def images_given():
    """A coupling with a spline, whose widths are divided by sqrt(H), and one with a translation."""

    def net(hidden, blocks):
        def make(d_in, d_out):
            made = nets.ConvResidualNet(d_in, d_out, hidden, context_channels=2, num_blocks=blocks,
                                        activation=torch.tanh)  # fmt: skip
            for block in made.blocks:
                block.context_layer = AtPixels(2, hidden)
            return made

        return make

    first = transforms.PiecewiseRationalQuadraticCouplingTransform(
        torch.tensor([1, 1, 0]), net(5, 2), num_bins=4, tails="linear", tail_bound=3.0)  # fmt: skip
    second = transforms.AdditiveCouplingTransform(torch.tensor([0, 0, 1]), net(4, 1))
    names = of_convresnet("layers.0.transform_net", "layers.0.net", 2)
    names |= of_convresnet("layers.1.transform_net", "layers.1.net", 1)
    yield Case("nflows_convresnet_context",
               "2x3x3|2: coupling(rq(bins=4, tail=3), convresnet(5x2, tanh), mask=mid), "
               "coupling(add, convresnet(4x1, tanh), mask=mid) -> normal",
               ImagesGiven([first, second], 2, 3, 3), names, 18, context=2, rows=8,
               constants={"layers.0.mask": torch.tensor([1.0, 1, 0]).repeat(6),
                          "layers.1.mask": torch.tensor([0.0, 0, 1]).repeat(6)})  # fmt: skip


def cases():
    yield sbi_nsf("sbi_nsf", 5)
    yield sbi_nsf("sbi_nsf_context", 3, 2)
    yield sbi_nsf("sbi_nsf_embedding", 3, 4, mlp_of(4, 6, 3))
    yield sbi_maf("sbi_maf", 5)
    yield sbi_maf("sbi_maf_context", 3, 2)
    yield nsf_uci()
    yield from autoregressive()
    yield maf_batchnorm()
    yield from coupling_maps()
    yield from nets_of_couplings()
    yield from linear_layers()
    yield from elementwise()
    yield from bases()
    yield from images()
    yield from images_given()
