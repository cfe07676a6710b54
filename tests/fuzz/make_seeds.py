#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_seeds.py FOLDER: where the fuzzers begin: a small good file of each kind, and the attacks
that have hit readers of these formats before.

Sources of the attacks: safetensors' own test-suite and audit (overlaps, holes, overflowing shapes,
zero-size tensors that share bytes), GGUF's CVEs of 2024 (counts that overflow when multiplied),
NumPy's header (deep nesting, huge shapes), PNG and JPEG bombs."""
import gzip
import io
import json
import pathlib
import struct
import sys
import zipfile
import zlib

root = pathlib.Path(sys.argv[1])


def put(target, name, data):
    folder = root / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def safetensors(header, data=b""):
    text = header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))
    return struct.pack("<Q", len(text)) + text.encode() + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def npy(descr, shape, data, version=1):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(head)) + head.encode() + data


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, colour, rows, depth=8, before=b""):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
            + before + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def idx(dims, data):
    return struct.pack(">HBB", 0, 8, len(dims)) + b"".join(struct.pack(">I", d) for d in dims) + data


put("csv", "good", "x,y\n1,2\n3.5,-4e-3\n")
put("csv", "quotes", '"a ""b""";"c"\n1;2\n')
put("csv", "odd", "\ufeff1\t2\r\n nan\tinf\r\n1e999\t0x1p3\n,,,\n")
put("csv", "nul", b"1,2\n3,\x004\n")

put("csv", "lines", '"a\r\n(b)",c\n1,"x\n""y"""\n2,"x\n\n#",\n3,"open\n4,"\n')
put("csv", "pandas", ",0,1\n0,0.5,1.5\n1,2.5,3.5\n")
put("csv", "savetxt", "# x y\n1.0e+00 2.0e+00\n# between\n3 4\n")
put("csv", "commas", "sep=;\na;b;\n1,5;2;\n1,234;2,5;\n")
put("csv", "counts", "0,1,2\n0.5,1.5,2.5\n")
put("csv", "rownames", "a b\n\"x y\" 1 2\nz 3 NA\n")
put("csv", "cr", "a\tb\r1\t2\r2026-01-31\t50%\r")
put("csv", "labels", 'who,sex,ok,n\n"a ""b""",f,yes,1\nc,m,no,NA\nc,,yes,3\n')
put("csv", "dates", "day,at,time,us\n2024-05-01,2024-05-01T12:30:00.25Z,9:05,5/13/24\n1969-12-31,2000-02-29T00:00:00Z,23:59,1/2/70\n")
put("csv", "months", "d;e\nJan 1 2000;01.05.2024\nDec 31 1999;13.05.2024\n")
put("csv", "index", '"","a","b"\n"x",1,t\n"y",2,f\n')
put("csv", "utf16", "a,b\n1,2\n".encode("utf-16"))

put("csv_options", "plain", b"\0\0\0\0\0\0a,b\n1,2\n")
put("csv_options", "chosen", b"\1;,%\1\2title\n% c\nb;a\n1,5;2 % x\n")
put("csv_options", "kinds", b"\0\0\0\0\0\x94a,b,c\nx,p,\ny,q,NA\nx,r,2\n")
put("csv_options", "dropped", b"\2\t.#\0\3x\t1\ny\t2#\n")

put("npy", "good", npy("<f8", "(2, 2)", struct.pack("<4d", 1, 2, 3, 4)))
put("npy", "float16", npy("<f2", "(3,)", b"\0\x3c" * 3))
put("npy", "overflow", npy("<f8", "(4611686018427387904, 4)", b"\0" * 64))
put("npy", "negative", npy("<f8", "(-1, 2)", b"\0" * 16))
put("npy", "nested", npy("<f8", "(" * 40 + ")" * 40, b""))
put("npy", "version3", npy("<f4", "(1, 1)", b"\0\0\x80\x3f", 3))
put("npy", "objects", npy("|O", "(1,)", b"\x80\x04K\x01."))

def npz(arrays, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in arrays.items():
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = method
            with z.open(info, "w", force_zip64=True) as f:
                f.write(data)
    return out.getvalue()


two = npy("<f8", "(2, 2)", struct.pack("<4d", 1, 2, 3, 4))
put("packed", "stored", b"\0" + npz({"x.npy": two}, zipfile.ZIP_STORED))
put("packed", "deflated", b"\0" + npz({"x.npy": two}))
put("packed", "two", b"\0" + npz({"x.npy": two, "y.npy": two}))
put("packed", "bomb", b"\0" + npz({"x.npy": npy("|b1", "(30000000,)", b"\0" * 30000000)}))
put("packed", "csv", b"\1" + gzip.compress(b"1,2\n3,4\n", mtime=0))
put("packed", "csv_bomb", b"\1" + gzip.compress(b"0\n" * 10000000, mtime=0))
put("packed", "npy", b"\2" + gzip.compress(two, mtime=0))

put("images_npy", "good", npy("|u1", "(2, 2, 2, 3)", bytes(range(24))))
put("images_npy", "grey", npy("|u1", "(2, 4, 4)", bytes(range(32))))
put("images_npy", "overflow", npy("|u1", "(65536, 65536, 65536)", b"\0" * 16))

put("idx", "good", b"\0" + idx([2, 4, 4], bytes(range(32))))
put("idx", "gzip", b"\1" + gzip.compress(idx([2, 4, 4], bytes(32)), mtime=0))
put("idx", "overflow", b"\0" + idx([0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF], bytes(16)))
put("idx", "labels", b"\0" + idx([8], bytes(8)))
put("idx", "bomb", b"\1" + gzip.compress(idx([100, 100, 100], bytes(10**6)), mtime=0))

put("cifar", "good", bytes([3]) + bytes(range(256)) * 12)
put("cifar", "short", bytes(3000))

put("png", "grey", png(2, 2, 0, b"\0\1\2\0\3\4"))
put("png", "colour", png(2, 1, 2, b"\0\1\2\3\4\5\6"))
put("png", "palette", png(2, 1, 3, b"\0\0\1"))
put("png", "bomb", png(20000, 20000, 0, bytes(20001 * 40)))
put("png", "sides", png(0x7FFFFFFF, 0x7FFFFFFF, 2, b"\0"))
put("png", "deep", png(1, 1, 6, b"\0" + bytes(8), 16))
put("png", "text", png(2, 2, 0, b"\0\1\2\0\3\4", before=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**5), 9))))
put("png", "profile", png(2, 2, 0, b"\0\1\2\0\3\4", before=chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(10**5), 9))))
exif = b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
put("png", "exif", png(3, 2, 0, b"\0\1\2\3\0\4\5\6", before=chunk(b"eXIf", exif)))
put("png", "exif_far", png(3, 2, 0, b"\0\1\2\3\0\4\5\6", before=chunk(b"eXIf", exif[:4] + b"\xff" * 4 + exif[8:])))

jpeg = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300" + "01" * 64
    + "ffc0000b080008000801011100ffc4001f0000010501010101010100000000000000000102030405060708090a0b"
    + "ffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342"
    + "b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a53545556575859"
    + "5a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4"
    + "b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    + "ffda0008010100003f00fbd0ffd9")
put("jpeg", "grey", jpeg)
put("jpeg", "sides", jpeg.replace(bytes.fromhex("080008000801"), bytes.fromhex("08ffffffff01")))
put("jpeg", "progressive", jpeg.replace(bytes.fromhex("ffc0000b"), bytes.fromhex("ffc2000b")))
put("jpeg", "cut", jpeg[:-4])
put("jpeg", "exif", jpeg[:20] + struct.pack(">HH", 0xFFE1, 8 + len(exif)) + b"Exif\0\0" + exif + jpeg[20:])
put("jpeg", "exif_little", jpeg[:20] + b"\xff\xff\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x08\0\0\0\0\0\0\0" + jpeg[20:])

F = [1.0, 2.0, 3.0, 4.0]
four = struct.pack("<4f", *F)
names = {"layers.0.map_s.0.weight": [2, 2], "layers.0.map_s.0.bias": [2], "layers.0.map_s.2.weight": [2, 2],
         "layers.0.map_s.2.bias": [2], "layers.0.map_t.0.weight": [2, 2], "layers.0.map_t.0.bias": [2],
         "layers.0.map_t.2.weight": [2, 2], "layers.0.map_t.2.bias": [2], "layers.0.b": [1, 2]}
model, at, values = {}, 0, b""
for name, shape in names.items():
    count = 1
    for d in shape:
        count *= d
    model[name] = tensor(shape, at, at + 4 * count)
    at += 4 * count
    values += struct.pack(f"<{count}f", *([1.0, 0.0] if name.endswith(".b") else [0.5] * count))
put("safetensors", "model", safetensors(model, values))
put("safetensors", "metadata", safetensors({"__metadata__": {"clflow.format": "1", "clflow.kind": "nvp", "clflow.dim": "2",
    "clflow.hidden": "2", "clflow.depth": "1", "clflow.seed": "0", "clflow.s_max": "0"}, **model}, values))
put("safetensors", "huge_dim", safetensors({"__metadata__": {"clflow.format": "1", "clflow.kind": "nvp", "clflow.dim": "2147483647",
    "clflow.hidden": "2147483647", "clflow.depth": "2147483647", "clflow.seed": "0", "clflow.s_max": "0"}, **model}, values))
put("safetensors", "claims", safetensors({"__metadata__": {"clflow.format": "1", "clflow.kind": "nvp", "clflow.dim": "2",
    "clflow.hidden": "50000", "clflow.depth": "30", "clflow.seed": "0", "clflow.s_max": "0"},
    "layers.0.map_t.2.weight": tensor([2, 50000], 0, 100, "BOOL"), **{f"layers.{i}.b": tensor([0], 100, 100) for i in range(30)}}, bytes(100)))
put("safetensors", "dtype", safetensors({"__metadata__": {"clflow.format": "1", "clflow.kind": "nvp", "clflow.dim": "2",
    "clflow.hidden": "2", "clflow.depth": "1", "clflow.seed": "0", "clflow.s_max": "0"},
    **{k: tensor(v["shape"], 0, 0, "X") for k, v in model.items()}}))
put("safetensors", "escapes", safetensors('{"__metadata__":{"a\\u00e4\\ud83d\\ude00":"\\"\\\\\\/\\b\\f\\n\\r\\t"},"\\ud800":{}}'))
put("safetensors", "wide", safetensors('{"a":[' + "{}," * 300 + "0]}"))
put("safetensors", "pickle", b"\x80\4\x95\x0a\0\0\0\0\0\0\0}\x94.")
put("safetensors", "zip", b"PK\3\4" + bytes(22) + b"\x10\0\0\0archive/data.pkl")
put("safetensors", "empty", safetensors("{}"))
put("safetensors", "overflow", safetensors({"a": tensor([4194305, 4194305, 211106198978564], 0, 16)}, four))
put("safetensors", "overlap", safetensors({"a": tensor([4], 0, 16), "b": tensor([2], 8, 16)}, four))
put("safetensors", "hole", safetensors({"a": tensor([1], 0, 4), "b": tensor([1], 12, 16)}, four))
put("safetensors", "zero", safetensors({"a": tensor([4], 0, 16), "b": tensor([0], 8, 8), "c": tensor([0], 8, 8)}, four))
put("safetensors", "backwards", safetensors({"a": tensor([4], 16, 0)}, four))
put("safetensors", "shape", safetensors({"a": tensor([5], 0, 16)}, four))
put("safetensors", "length", struct.pack("<Q", 2**63) + b"{}")
put("safetensors", "twice", safetensors('{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', four))
put("safetensors", "nested", safetensors("[" * 3000))
put("safetensors", "real", safetensors({"a": {"dtype": "F32", "shape": [4.0], "data_offsets": [0, 1e300]}}, four))
put("safetensors", "many", safetensors({f"t{i}": tensor([0], 0, 0) for i in range(60)}))

for i, text in enumerate(["cpu", "cpu/avx2", "cpu64", "opencl:0/simt", "check:cpu", "trace:check:cpu", "auto",
                          "opencl:99999999999999999999", "check:" * 300 + "cpu", "cpu/", ":", "/"]):
    put("name", str(i), text)
for i, text in enumerate(["moons", "moons:noise=0.1,seed=3", "moons:n", "moons:=,", "moons:noise=1e999", "circles:seed=-1",
                          "glyphs:size=4"]):
    put("source", str(i), text)


def kept(key, data, key_size=None, size=None, crc=None):
    return (f"clflow cache 1 {len(key) if key_size is None else key_size} {len(data) if size is None else size} "
            f"{zlib.crc32(data) if crc is None else crc:x}\n").encode() + key + data


key = b"the key"
put("cache", "good", kept(key, b"a program"))
put("cache", "cut", kept(key, b"a program")[:-3])
put("cache", "longer", kept(key, b"a program") + b"\0")
put("cache", "damaged", kept(key, b"a program", crc=1))
put("cache", "other_key", kept(b"thy key", b"a program"))
put("cache", "empty", kept(key, b""))
put("cache", "huge", kept(key, b"a program", size=2**64 - 1))
put("cache", "wraps", kept(key, b"a program", key_size=2**64 - 9, size=16))
put("cache", "negative", b"clflow cache 1 7 -9 -1\nthe keya program")
put("cache", "overflow", b"clflow cache 1 7 " + b"9" * 400 + b" 0\nthe keya program")
put("cache", "version", b"clflow cache 2 7 9 0\nthe keya program")
put("cache", "no_line", b"clflow cache 1 7 9 0the keya program")

put("tuned", "good", "gemm 0123456789abcdef tiles\nconv_fwd 00000000000000ff winograd\n")
put("tuned", "unknown", "gemm 1 nonsense\nno_such_op 2 tiles\n")
put("tuned", "short", "gemm 1\ngemm\n\n\n")
put("tuned", "huge", "gemm " + "f" * 60 + " tiles\n")
put("tuned", "negative", "gemm -1 tiles\n")
put("tuned", "long", "g" * 200 + " 1 " + "t" * 200 + "\n")
put("tuned", "nul", b"gemm 1 tiles\n\0gemm 2 tiles\n")
put("tuned", "cut", "gemm 1 til")

put("verdicts", "good", "\t\nopencl:0\t\nopencl:1\tthe driver crashed in its self-test: signal 11\n")
put("verdicts", "list", "\tthe driver did not finish listing the devices within 180 s\n")
put("verdicts", "half", "opencl:0\t\nopencl:1\t\n")
put("verdicts", "cut", "\t\nopencl:0\tthe dri")
put("verdicts", "many", "\t\n" + "".join(f"opencl:{i}\t\n" for i in range(100)))
put("verdicts", "long", "\t" + "w" * 5000 + "\n" + "n" * 500 + "\t" + "w" * 5000 + "\n")
put("verdicts", "nul", b"\t\nopencl:0\tw\0hy\nopencl:1\t\n")
put("verdicts", "twice", "\tfirst\n\tsecond\n")
put("verdicts", "tabs", "\t\t\t\nopencl:0\t\t\t\n\n\n")

flows = {
    "empty": "3: -> normal",
    "nsf": "6: (perm(random), lu, coupling(rq(bins=8, tail=3), resnet(256x2, relu), uncond=1))*10, perm(random), lu -> normal",
    "maf": "3|10: standardize, (ar(affine(scale=softplus), made(50x2, tanh, residual=0)), perm(random))*5 -> normal; context: standardize, mlp(64x2, relu)->16",
    "iaf": "6: (~ar(affine(scale=sigmoid2), made(64x2, relu)), perm(list, list=5, 4, 3, 2, 1, 0))*4 -> student(4, trained)",
    "torus": "4: (ar(rq(tail=circular,3,none, box=-pi,pi, like=zuko), masked(64x2), order=$alt))*3 -> box(-pi,pi)",
    "glow": "32x32x3: pixels, (squeeze, (actnorm, conv1x1(dense), coupling(affine(scale=sigmoid2), conv(c, 3-1-3), even=$i, mask=mid))*32, split(prior=conv))*2, ~squeeze, glowstep(9, add)*3 -> normal(trained)",
    "columns": "4: columns(0-2+3: logit(0,1), 4-: circular(2)), spline(tail=2), lu.name -> columns(0: laplace, 1-: mixture(3, full))",
    "blend": "2: -> blend(0.3: (coupling(add, zero, mask=list, list=1-))*2 -> normal; 7e-1: lu -> normal(trained, cov=full))",
    "comment": "2 : # two\n\tlu, # and\r\n lu\n-> normal",
    "deep": "2: " + "(" * 40 + "lu" + ")" * 40 + " -> normal",
    "bomb": "2: ((((lu)*65536)*65536)*65536)*65536 -> normal",
    "long_name": "2: " + "x" * 5000 + " -> normal",
    "numbers": "2: shift-scale(shift=1e400, -.5, 5., +3, scale=1e-320) -> normal",
    "open": "$dim: lu(identity=$i, $alt) -> normal",
    "latin": b"2: l\xe4\xff -> normal",
}
for name, text in flows.items():
    put("arch", name, text)


def layers(inner):
    return '{"version":1,"dim":3,"layers":[' + inner + '],"base":{"kind":"normal"}}'


put("arch_json", "empty", layers(""))
put("arch_json", "maf", layers('{"repeat":5,"layers":[{"layer":"ar","name":"a","inverse":true,"map":{"kind":"affine","scale":"exp"},"net":{"kind":"made","hidden":100,"blocks":2,"act":"relu","residual":false},"order":"$alt"},{"layer":"perm","kind":"list","list":[2,0,1]}]}'))
put("arch_json", "spline", layers('{"layer":"coupling","map":{"kind":"rq","tail":["none",3,"circular"],"box":[-1,2.5],"min":[0.001,0.01,0.1]},"net":{"kind":"conv","width":"c","kernels":[3,1]},"mask":"list","list":"0-1+2-","even":"$i"}'))
put("arch_json", "columns", layers('{"layer":"columns","parts":[{"columns":"0-1","node":{"layer":"logit","a":0,"b":1}},{"columns":"2-","node":{"layer":"wrap"}}]}'))
put("arch_json", "blend", '{"version":1,"shape":[8,8,3],"context_dim":2,"layers":[],"base":{"kind":"blend","parts":[{"weight":0.5,"flow":{"layers":[{"layer":"lu"}],"base":{"kind":"box"}}}]},"context":[{"kind":"standardize"},{"kind":"embed","net":{"kind":"mlp"},"out":3}]}')
put("arch_json", "bomb", layers('{"repeat":65536,"layers":[' * 4 + '{"layer":"lu"}' + "]}" * 4))
put("arch_json", "deep", layers('{"repeat":1,"layers":[' * 50 + '{"layer":"lu"}' + "]}" * 50))
put("arch_json", "deeper", "[" * 3000)
put("arch_json", "types", '{"version":"1","dim":1e9,"shape":{},"layers":null,"base":[]}')
put("arch_json", "nul", layers('{"layer":"l\\u0000u"}'))

# The tensors of the first under the second architecture, and edits of the file.
pairs = {
    "same": ("2: lu, coupling(rq(bins=4), mlp(3x1)) -> normal",) * 2,
    "wider": ("2: coupling(affine, mlp(3x1)) -> normal", "2: coupling(affine, mlp(4x1)) -> normal"),
    "deeper": ("2: lu -> normal", "2: lu, lu -> normal"),
    "context": ("2: lu -> normal", "2|1: lu -> normal(mlp(3x1)); context: standardize"),
    "dims": ("3: perm, actnorm, ar(affine, made(4x1)) -> student(3, trained)", "4: perm, actnorm, ar(affine, made(4x1)) -> student(3, trained)"),
    "masks": ("3: coupling(add, zero, mask=list, list=0) -> normal", "3: coupling(add, zero, mask=random) -> normal"),
    "blend": ("2: -> blend(1: lu -> normal; 1: -> laplace)", "2: -> blend(1: -> laplace; 1: lu -> normal)"),
    "images": ("2x2x2: squeeze, conv1x1, split -> normal", "2x2x2: conv1x1, squeeze, split -> normal"),
    "kinds": ("2: batchnorm -> mixture(2)", "2: actnorm -> mixture(2, cov=full)"),
}
for name, (first, second) in pairs.items():
    put("composed", name, first.encode() + b"\0" + second.encode() + b"\0" + bytes([40, 0, 57, 200, 1, 255]))
    put("composed", name + "_whole", first.encode() + b"\0" + second.encode() + b"\0")

# Checkpoints as they are, and pickles of some, in which every tensor takes the one storage there is.
fixtures = pathlib.Path(__file__).parent.parent / "import" / "fixtures"
for path in sorted(fixtures.glob("*.pt")):
    archive = zipfile.ZipFile(path)
    pickle = archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))
    if len(pickle) < 6000:
        put("checkpoint", path.stem, b"\1" + pickle)
put("checkpoint", "whole", b"\0" + (fixtures / "freia_chain.state.pt").read_bytes())
put("checkpoint", "cycle", b"\1}q\0X\1\0\0\0ah\0s.")
put("checkpoint", "call", b"\1cos\nsystem\n(X\4\0\0\0exittR.")
put("checkpoint", "memo", b"\1]r\xff\xff\xff\x7f.")
