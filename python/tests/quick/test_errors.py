# SPDX-License-Identifier: MIT
"""What is refused, by which exception, with which sentence."""

from __future__ import annotations

import ctypes
import os
import pathlib
import shutil
import subprocess
import sys

import clflow
import numpy as np
import pytest
from clflow import _abi
from clflow._lib import _check_layouts, lib

X = np.zeros((4, 2))


def test_no_memory_for_samples(fitted):
    for n in (10**15, 2**62):
        with pytest.raises(clflow.OutOfMemoryError, match="no memory for samples of the shape"):
            fitted.sample(n, seed=1)


def with_nan():
    x = np.random.default_rng(0).normal(size=(50, 2))
    x[7, 1] = np.nan
    return x


REFUSED = [
    (lambda f: f.log_prob(np.zeros(3)), "x has the shape \\(3,\\); \\(rows, columns\\) is wanted; x.reshape\\(-1, 1\\) makes rows"),
    (lambda f: f.log_prob(1.0), "x has the shape \\(\\)"),
    (lambda f: f.log_prob(np.zeros((4, 3))), "x has 3 columns; the flow has 2"),
    (lambda f: f.inverse(np.zeros((4, 1))), "z has 1 columns; the flow has 2"),
    (lambda f: f.log_prob([[1, 2], [3]]), "x is no table"),
    (lambda f: f.log_prob([["a", "b"]]), "x holds values that are no numbers"),
    (lambda f: f.log_prob(X + 1j), "x has the type complex128; real numbers are wanted"),
    (lambda f: f.log_prob(np.zeros((4, 2), "M8[s]")), "x has the type datetime64"),
    (lambda f: f.log_prob(with_nan()), "row 8, column 2 is nan"),
    (lambda f: f.transform(with_nan()), "row 8, column 2 is nan"),
    (lambda f: f.fit(with_nan(), progress=False), "nan"),
    (lambda f: f.fit(np.zeros((0, 2)), progress=False), "row"),
    (lambda f: f.fit(X, nonsense=3, progress=False), 'there is no training option "nonsense"'),
    (lambda f: f.fit(X, lr=-1, progress=False), 'lr is -1; it must be above 0'),
    (lambda f: f.fit(X, lr=[1], progress=False), "lr is \\[1\\]; a number or a word is wanted"),
    (lambda f: f.fit(X, steps=2.5, progress=False), 'steps is "2.5"'),
    (lambda f: f.fit(X, epochs=3, steps=3, progress=False), "epochs and steps exclude each other"),
    (lambda f: f.fit(X, weights=[1, 2], progress=False), "weights has the shape \\(2,\\); \\(4,\\) is wanted"),
    (lambda f: f.fit(np.random.rand(40, 2), weights=-np.ones(40), progress=False), "weight"),
    (lambda f: f.fit(X, valid=np.zeros((3, 5)), progress=False), "valid has 5 columns; the flow has 2"),
    (lambda f: f.fit(X, context=X, progress=False), "the flow takes no context; leave it out"),
    (lambda f: f.log_prob(X, context=X), "the flow takes no context"),
    (lambda f: f.sample(-1), "n is -1"),
    (lambda f: f.sample(2.5), "n is 2.5; a whole number is wanted"),
    (lambda f: f.sample(None), "n is None; a whole number is wanted"),
    (lambda f: f.sample(3, seed="a"), "seed is 'a'; a whole number is wanted"),
    (lambda f: clflow.Flow("nsf", dim=2.5), "dim is 2.5; a whole number is wanted"),
    (lambda f: clflow.Flow("nsf", dim=2, context="a"), "context is 'a'; a whole number is wanted"),
    (lambda f: clflow.Flow.from_bytes("abc"), "the model is str; the bytes of a file are wanted"),
    (lambda f: f.log_prob(np.zeros((3, 0))), "x has 0 columns; the flow has 2"),
    (lambda f: f.sample(3, seed=-1), "seed is -1"),
    (lambda f: f.sample(3, first=2**63, seed=1), "together they must be below 2\\^63"),
    (lambda f: f.log_prob(np.ma.masked_greater(np.arange(8.0).reshape(4, 2), 3)), "x has masked values; leave their rows out"),
    (lambda f: f.save(None), "the path is NoneType; a string or a pathlib.Path is wanted"),
    (lambda f: f.save("a\0b"), "the path 'a.*b' has a zero character"),
    (lambda f: clflow.load(3.5), "the path is float"),
    (lambda f: clflow.load("a\0b"), "has a zero character"),
    (lambda f: clflow.Flow("2: \0lu -> normal"), "arch .* has a zero character"),
    (lambda f: clflow.Flow("nsf\ud800"), "arch .* is not valid Unicode"),
    (lambda f: clflow.Flow("nsf", dim=2, device="cpu\0"), "the device .* has a zero character"),
    (lambda f: clflow.fit(X, name="a\0b"), "the name .* has a zero character"),
    (lambda f: clflow.from_torch(b"PK", tail="3\0"), "the hints .* has a zero character"),
    (lambda f: clflow.Flow("nosuch"), "nosuch"),
    (lambda f: clflow.Flow(3), "arch is int"),
    (lambda f: clflow.Flow("2: nosuch -> normal"), "nosuch"),
    (lambda f: clflow.Flow("2: lu -> normal", dim=2), "the text of an architecture says everything"),
    (lambda f: clflow.Flow("nsf", dim=0), "dim"),
    (lambda f: clflow.Flow("nsf", dim=2, nosuch=1), "nosuch"),
    (lambda f: clflow.Flow("nsf").sample(1), "has no dimension yet"),
    (lambda f: clflow.Flow.from_bytes(b"hello"), "model|safetensors|bytes"),
    (lambda f: clflow.fit(np.zeros((40, 2)), seconds=1, progress=False), "all rows are equal: there is no density to fit"),
    (lambda f: clflow.fit(with_nan(), seconds=1, progress=False), "nan"),
    (lambda f: clflow.fit(np.random.rand(40, 2), seconds=-1, progress=False), "the budget is -1 s; it must be above 0"),
    (lambda f: clflow.fit(X, X, valid=X, progress=False), "valid and test go without context"),
]


@pytest.mark.parametrize("call, sentence", REFUSED, ids=[sentence[:40] for _, sentence in REFUSED])
def test_refused(fitted, call, sentence):
    with pytest.raises(clflow.ArgumentError, match=sentence) as caught:
        call(fitted)
    assert isinstance(caught.value, (clflow.Error, ValueError))


def test_context_is_wanted(conditional):
    for call in (lambda: conditional.log_prob(X[:, :1]), lambda: conditional.sample(3)):
        with pytest.raises(clflow.ArgumentError, match="the flow takes a context of 1 numbers a row"):
            call()
    with pytest.raises(clflow.ArgumentError, match="context has 3 rows; 4 are wanted, or one for all"):
        conditional.log_prob(X[:, :1], context=np.zeros((3, 1)))
    with pytest.raises(clflow.ArgumentError, match="context has 2 columns; 1 are wanted"):
        conditional.log_prob(X[:, :1], context=X)


@pytest.mark.parametrize("labels", ["a", ["a"], ["b", "a"]])
def test_a_context_of_numbers_takes_no_labels(conditional, labels):
    x = np.zeros((1 if isinstance(labels, str) else len(labels), 1))
    for call in (
        lambda: conditional.log_prob(x, context=labels),
        lambda: conditional.sample(2, context=labels),
        lambda: conditional.transform(x, context=labels),
        lambda: conditional.fit(x, context=labels, steps=1, progress=False),
    ):
        with pytest.raises(clflow.ArgumentError, match=f'"{labels[0]}" is not a finite number'):
            call()



def test_files(tmp_path, fitted):
    with pytest.raises(clflow.FileError) as caught:
        clflow.load(tmp_path / "none.safetensors")
    assert isinstance(caught.value, OSError) and caught.value.status == "EIO"
    (tmp_path / "bad.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(clflow.ArgumentError) as caught_format:
        clflow.load(tmp_path / "bad.safetensors")
    assert caught_format.value.status == "EFORMAT"
    with pytest.raises(clflow.FileError):
        fitted.save(tmp_path / "no" / "folder.safetensors")


def test_closed(rows):
    flow = clflow.Flow("nsf", dim=2)
    flow.close()
    for call in (lambda: flow.log_prob(rows), lambda: flow.sample(1), lambda: flow.fit(rows), lambda: flow.dim, flow.to_bytes):
        with pytest.raises(clflow.ArgumentError, match="this flow is closed"):
            call()
    assert repr(flow) == "Flow(closed)"
    flow.close()


def test_devices():
    with pytest.raises(clflow.DeviceError) as caught:
        clflow.Flow("nsf", dim=2, device="nosuch")
    assert caught.value.status == "ENODEV" and "nosuch" in str(caught.value)
    with pytest.raises(clflow.ArgumentError, match="device is the name of a device"):
        clflow.Flow("nsf", dim=2, device=3)


def test_layouts_are_those_of_the_library():
    assert lib.clf_abi(b"clf_table") == ctypes.sizeof(_abi.clf_table)
    assert lib.clf_abi(b"clf_table.at") == _abi.clf_table.at.offset > 0
    assert lib.clf_abi(b"nosuch") == lib.clf_abi(b"clf_table.nosuch") == lib.clf_abi(None) == -1


def test_a_library_of_another_layout(monkeypatch):
    class clf_table(ctypes.Structure):
        _fields_ = [("cols", ctypes.c_int32), ("rows", ctypes.c_int64)]

    class clf_history(ctypes.Structure):
        _fields_ = [*_abi.clf_history._fields_, ("more", ctypes.c_int64)]

    for struct, sentence in (
        (clf_table, "here was compiled with another layout of clf_table \\(clf_table.cols at 8, not 0\\); install"),
        (clf_history, "clf_history \\(clf_history.more at -1"),
    ):
        monkeypatch.setattr(_abi, "STRUCTS", [struct])
        with pytest.raises(clflow.LibraryError, match=sentence):
            _check_layouts(lib, "here")


# ---- The library -----------------------------------------------------------------------------------

FAKE = """
const char *clf_version(void) { return "%s"; }
"""


def imported(library, **more):
    environment = {**os.environ, "CLFLOW_LIBRARY": str(library), **more}
    return subprocess.run([sys.executable, "-c", "import clflow"], env=environment, capture_output=True, text=True)


def fake(tmp_path, source):
    (tmp_path / "fake.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libfake.so", tmp_path / "fake.c"], check=True)
    return tmp_path / "libfake.so"


def test_a_library_that_is_missing(tmp_path):
    done = imported(tmp_path / "none.so")
    assert done.returncode == 1
    assert "clflow._errors.LibraryError: the C library of clflow could not be loaded" in done.stderr
    assert "correct or unset CLFLOW_LIBRARY" in done.stderr
    lonely = tmp_path / "site"
    shutil.copytree(pathlib.Path(clflow.__file__).parent, lonely / "clflow", ignore=shutil.ignore_patterns("lib", "bin", "libexec"))
    script = "import sys; sys.path.insert(0, sys.argv[1])\nfrom clflow import _lib"
    environment = {name: value for name, value in os.environ.items() if name not in ("CLFLOW_LIBRARY", "PYTHONPATH", "LD_LIBRARY_PATH")}
    nothing = subprocess.run([sys.executable, "-c", script, lonely], env=environment, capture_output=True, text=True)
    assert "install the wheel, or the C library, or set CLFLOW_LIBRARY" in nothing.stderr


@pytest.mark.parametrize(
    "version, remedy", [("9.0.0", "install the package of that version"), ("0.0.1", "install a newer C library")]
)
def test_a_library_of_another_version(tmp_path, version, remedy):
    done = imported(fake(tmp_path, FAKE % version))
    assert f"is version {version} of the C library, but this package needs {_abi.VERSION}; {remedy}" in done.stderr


def test_a_library_that_is_another(tmp_path):
    assert "is not the C library of clflow" in imported(fake(tmp_path, "int other(void) { return 0; }")).stderr
    assert "lacks the function clf_" in imported(fake(tmp_path, FAKE % _abi.VERSION)).stderr
