# SPDX-License-Identifier: MIT
"""How a mutant gets into a program: alone in a build, or chosen among others when the program runs."""

import contextlib
import shlex
import subprocess

import together
from trees import Tree, copy_tree, files_here


class Alone:
    """A tree whose only change is one mutant, until restore()."""

    def __init__(self, tree, build, file, text, changed):
        self.tree, self.build = tree, build
        self.path, self.text, self.changed = tree.root / file, text, changed
        self.path.write_text(changed)

    def restore(self):
        self.path.write_text(self.text)

    def make(self, target):
        return self.tree.ninja(self.build, target, mutated=True)[0]

    @contextlib.contextmanager
    def without(self):
        self.restore()
        try:
            yield
        finally:
            self.path.write_text(self.changed)

    def variables(self):
        return {}

    def enters(self, test):
        return None

    def passed(self, test):
        pass


class Batch:
    """A tree of its own with all mutants of a list that can be put together."""

    def __init__(self, job, pristine, build, texts, mutants):
        self.build, self.texts = build, texts
        self.tree = Tree(job.work / "many" / "tree", job.work / "many", job.cache)
        self.tree.root.mkdir(parents=True, exist_ok=True)
        copy_tree(pristine, files_here(pristine), self.tree.root)
        self.tree.linked = together.compile_choice(self.tree.work)
        self.tree.configure(build)
        self.number, self.notes, self.invalid, self.enters, self.made = {}, {}, [], {}, set()
        self.entered = self.tree.work / "entered"
        for file in sorted({m.file for m in mutants}):
            self.add(file, [m for m in mutants if m.file == file])

    def add(self, file, mutants):
        if self.compile(file, mutants):
            return
        (self.tree.root / file).write_text(self.texts[file])
        bad = [m for m in mutants if compiled(self.tree, self.build, file, m.apply(self.texts[file])) is None]
        self.invalid += bad
        if not self.compile(file, [m for m in mutants if m not in bad]):
            (self.tree.root / file).write_text(self.texts[file])  # they are tried alone

    def compile(self, file, mutants):
        if not mutants:
            return True
        text, notes = together.combine(self.texts[file], mutants)
        (self.tree.root / file).write_text(text)
        if not self.tree.ninja(self.build, self.tree.object_of(file))[0]:
            return False
        self.number |= {m.id: together.number_of(m) for m in mutants}
        self.notes |= notes
        return True

    def of(self, m):
        return Chosen(self, self.number[m.id])


class Chosen:
    """One mutant of a batch."""

    def __init__(self, batch, number):
        self.batch, self.number = batch, number
        self.tree, self.build = batch.tree, batch.build

    def make(self, target):
        if target not in self.batch.made and self.tree.ninja(self.build, target, mutated=True)[0]:
            self.batch.made.add(target)
        return target in self.batch.made

    @contextlib.contextmanager
    def without(self):
        yield

    def variables(self):
        self.batch.entered.write_bytes(bytes(together.MOST))
        return {"CLF_MUTANT": str(self.number), "CLF_MUTANT_ENTERED": str(self.batch.entered)}

    def enters(self, test):
        """Whether the test, which passed before, entered the mutant's function; None: not known yet."""
        return self.batch.notes[self.number] in self.batch.enters[test] if test in self.batch.enters else None

    def passed(self, test):
        entered = self.batch.entered.read_bytes()
        self.batch.enters.setdefault(test, {i for i, byte in enumerate(entered) if byte})


def compiled(tree, build, file, text):
    """Returns the object code of a file with another text, None if it does not compile; leaves nothing."""
    path = tree.root / file
    before, target = path.read_text(), tree.work / "alone.o"
    out = subprocess.run(
        ["ninja", "-C", tree.build_folder(build), "-t", "commands", "-s", tree.object_of(file)],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip
    words = shlex.split(out.splitlines()[-1])
    for option, count in (("-MD", 1), ("-MT", 2), ("-MF", 2)):
        if option in words:
            at = words.index(option)
            del words[at : at + count]
    words[words.index("-o") + 1] = str(target)
    path.write_text(text)
    try:
        done = subprocess.run(
            words, cwd=tree.build_folder(build), env=tree.env | {"CCACHE_DISABLE": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return target.read_bytes() if done.returncode == 0 else None
    finally:
        path.write_text(before)
