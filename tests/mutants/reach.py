# SPDX-License-Identifier: MIT
"""Which test reaches which line, recorded once for each test by a build with gcov.

Lines are kept as places within top-level definitions, named by their code: what is recorded stays
valid while other parts of a file change.  Where a definition is newer than the record, every test
that reaches its file counts.
"""

import gzip
import hashlib
import json
import re
import subprocess

from operators import chunk_key, chunks, uncomment

FOLDERS = ("runtime", "layers", "data", "cl")


def places(text, file):
    """{line: (definition, line in it)}, where lines without code do not count."""
    plain, found = uncomment(text), {}
    for a, b in chunks(text):
        key, at = chunk_key(file, plain[a:b]), 0
        for number, line in enumerate(plain[a:b].splitlines(), plain.count("\n", 0, a) + 1):
            found[number] = (key, at)
            at += bool(line.strip())
    return found


class Reach:
    def __init__(self, folder, tree):
        """`tree` has the build "coverage"; records go to `folder`, a file each test."""
        self.folder, self.tree = folder, tree
        folder.mkdir(parents=True, exist_ok=True)
        self.build = tree.build_folder("coverage")
        self.records = {}
        self.definitions = {}  # file -> places()

    # ---- Recording ------------------------------------------------------------------------------

    def path(self, test):
        return self.folder / (test.replace("/", ",") + ".json")

    def sources_hash(self, target):
        """Returns a hash of the sources of a test; a record with another hash is outdated."""
        h = hashlib.sha1()
        for name in self.tree.sources_of("coverage", target):
            h.update((self.tree.root / name).read_bytes())
        return h.hexdigest()

    def load(self, test, target, outdated=True):
        """Loads the record of a test, if there is one.  With `outdated`, one of older sources will do; it then
        counts for all lines of the files that it reaches."""
        try:
            record = json.loads(self.path(test).read_text())
        except (OSError, ValueError):
            return False
        record["outdated"] = record["sources"] != self.sources_hash(target)
        if record["outdated"] and not outdated:
            return False
        self.records[test] = record
        return True

    def load_all(self):
        """Loads all records as outdated ones."""
        for path in self.folder.glob("*.json"):
            self.records[path.stem.replace(",", "/")] = json.loads(path.read_text()) | {"outdated": True}

    def record(self, test, target, command):
        """Runs one test; if it fails, returns False and stores nothing."""
        for old in self.build.rglob("*.gcda"):
            old.unlink()
        self.tree.fresh_folders()
        code, seconds, output = self.tree.run("coverage", command, 1800, 1800, {"CLF_QUICK": "1"})
        if code:
            return False, output
        reached, known = self.read_counters()
        record = {"sources": self.sources_hash(target), "seconds": round(seconds, 2), "reached": reached, "known": known}
        self.path(test).write_text(json.dumps(record))
        self.records[test] = record | {"outdated": False}
        return True, output

    def read_counters(self):
        """Lines that ran, and all that have a counter: {file: {definition: [line in it]}}."""
        data = sorted(str(p) for p in self.build.rglob("*.gcda"))
        reached, known = {}, {}
        for at in range(0, len(data), 60):
            out = subprocess.run(
                ["gcov", "--json-format", "--stdout", *data[at : at + 60]],
                cwd=self.build, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            ).stdout  # fmt: skip
            if out[:2] == b"\x1f\x8b":
                out = gzip.decompress(out)
            for document in out.decode().splitlines():
                for f in json.loads(document)["files"]:
                    self.add_counters(f, reached, known)
        return (self.sorted(reached), self.sorted(known))

    @staticmethod
    def sorted(found):
        return {f: {k: sorted(v) for k, v in d.items()} for f, d in found.items()}

    def add_counters(self, f, reached, known):
        name = f["file"].removeprefix(str(self.tree.root) + "/").removeprefix("../../")
        if not name.endswith(".c") or name.split("/")[0] not in FOLDERS:
            return
        for line in f["lines"]:
            place = self.place(name, line["line_number"])
            if place:
                known.setdefault(name, {}).setdefault(place[0], set()).add(place[1])
                if line["count"]:
                    reached.setdefault(name, {}).setdefault(place[0], set()).add(place[1])

    def place(self, file, line):
        """(definition, line of code in it) of a line of the tree as it is."""
        if file not in self.definitions:
            self.definitions[file] = places((self.tree.root / file).read_text(), file)
        return self.definitions[file].get(line)

    # ---- Asking ----------------------------------------------------------------------------------

    def tests_of_file(self, file):
        return {t for t, r in self.records.items() if file in r["reached"]}

    def tests_of_line(self, file, line):
        """Returns the tests that reach a line of host code, or its file if its lines are unknown."""
        place = self.place(file, line)
        if not place:
            return self.tests_of_file(file)
        key, at = place
        counted = set()
        for r in self.records.values():
            counted.update(r["known"].get(file, {}).get(key, ()))
        if not counted:
            return self.tests_of_file(file)
        before = [n for n in counted if n <= at]
        if not before:  # before the first counted line of the definition
            before = [min(counted)]
        at = max(before)
        return {
            t
            for t, r in self.records.items()
            if at in r["reached"].get(file, {}).get(key, ()) or (r["outdated"] and file in r["reached"])
        }


def family_of(test):
    """Returns the family of a test's kernels; "" is the device's own, None: no OpenCL device."""
    if not re.search(r"opencl", test):
        return None
    m = re.search(r"opencl:/(\w+)", test)
    return m.group(1) if m else ""
