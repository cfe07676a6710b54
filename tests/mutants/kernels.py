# SPDX-License-Identifier: MIT
"""Finds out which families a mutant of an OpenCL kernel changes, and whether it compiles."""

import re
import subprocess
from pathlib import Path

from operators import chunks, mask

CLANG = ["clang", "-x", "cl", "-target", "x86_64-linux-gnu", "-w", "-Xclang", "-finclude-default-header"]


class Kernels:
    """The program that devices compile, file by file, as tests/kernels of the build prints it."""

    def __init__(self, tree):
        program = tree.build_folder("gcc") / "tests" / "kernels"
        text = self.output([program], tree.env)
        # What a file has before, between and after its includes, each with a line that names the file.
        self.pieces = re.findall(r'^(#line \d+ "(.*)"\n)((?:(?!#line \d).*\n)*)', text, flags=re.M)
        self.options = {}
        for row in self.output([program, "--families"], tree.env).splitlines():
            family, _, *options = row.split()
            self.options[family] = options
        self.plain = {}

    @staticmethod
    def output(command, env):
        return subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout

    def program(self, file=None, text=""):
        """Returns all kernels, with one file replaced."""
        pieces = [piece for _, _, piece in self.pieces]
        if file:
            at = [i for i, (_, of, _) in enumerate(self.pieces) if of == Path(file).name]
            end = re.search(r"\n(#undef \w+\n)*\Z", pieces[at[-1]]).group()  # of macros that the file defines
            for i, own in zip(at, re.split(r'^#include ".*"\n', text + end, flags=re.M)):
                pieces[i] = own
        return "".join(line + piece for (line, _, _), piece in zip(self.pieces, pieces))

    def clang(self, program, *options):
        done = subprocess.run(
            [*CLANG, *options, "-", "-o", "-"],
            input=program.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, done.stdout

    def original(self, family, *options):
        """Compiles the unchanged kernels, once, since every mutant is compared with the result."""
        key = (family, *options)
        if key not in self.plain:
            self.plain[key] = self.clang(self.program(), *self.options[family], *options)[1]
        return self.plain[key]

    def families_of(self, file, text):
        """Returns the families whose kernels differ after the preprocessor; None: it does not compile."""
        program, found, checked = self.program(file, text), [], set()
        for family, options in self.options.items():
            if self.clang(program, *options, "-E")[1] == self.original(family, "-E"):
                continue
            found.append(family)
            if tuple(options) not in checked:
                checked.add(tuple(options))
                if self.clang(program, *options, "-fsyntax-only")[0]:
                    return None
        return found

    def same_code(self, file, text, families):
        """Whether the optimised code is the same in all of these families."""
        program = self.program(file, text)
        how = ("-O3", "-S", "-emit-llvm", "-fno-discard-value-names")
        return all(
            self.clang(program, *self.options[f], *how)[1] == self.original(f, *how) for f in families
        )


def stem_of(file, stems):
    """Returns the operation that a kernel file belongs to: mlp_coupling for mlp_coupling_lanes.cl."""
    name = Path(file).stem
    return max((s for s in stems if name == s or name.startswith(s + "_")), key=len, default=None)


MACRO = re.compile(r"^#define (\w+)(?:\\\n|.)*", re.M)


def definitions(text):
    """Yields (start, end, name, code) of each macro and each function."""
    for m in MACRO.finditer(text):
        yield *m.span(), m.group(1), m.group()
    for a, b in chunks(text):
        code = mask(text[a:b])
        function = re.search(r"(\w+)\s*\(", code[: code.find("{")] if "{" in code else code)
        yield a, b, function and function.group(1), MACRO.sub("", text[a:b])


def users(root, file, at, stems):
    """Returns the stems whose kernels may use what is defined at text[at]: its own, and those of files
    that name it or what is made of it."""
    todo = {next(name for a, b, name, _ in definitions((root / file).read_text()) if a <= at < b)} - {None}
    every = [(f, d) for f in sorted((root / "cl").glob("*.cl*")) for d in definitions(f.read_text())]
    found, names = {stem_of(file, stems)}, set()
    while todo:
        names |= todo
        named = re.compile(rf"\b(?:{'|'.join(todo)})\b")
        using = [(stem_of(f, stems), name) for f, (_, _, name, code) in every if named.search(code)]
        found |= {stem for stem, _ in using}
        todo = {name for _, name in using} - names - {None}
    return found - {None}
