#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs mutants against the tests; see scripts/mutants for how to call it, docs/reliability.md for why."""

import argparse
import fcntl
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from builds import Alone, Batch, compiled
from kernels import Kernels, stem_of, users
from operators import OPERATORS, mutants, uncomment
from reach import Reach, family_of
from reference import dependents, objects, on_cpu
from together import function_of
from trees import BUSY, Interrupted, Tree, copy_tree, files_here, files_of, stop_all, stopping

# Folder, file endings, and the weight of the folder in the choice of mutants.
STRATA = {
    "runtime": ("runtime", (".c",), 2),
    "layers": ("layers", (".c",), 2),
    "data": ("data", (".c",), 2),
    "cl, host": ("cl", (".c",), 1),
    "cl, kernels": ("cl", (".cl", ".clh"), 1),
    "cpu_ref": ("cpu_ref", (".c", ".h"), 1),
}
COLUMNS = ("id", "file", "line", "operator", "before", "after", "verdict", "test", "seconds")
HEADER = "\t".join(COLUMNS) + "\n"

# Tests whose verdict can depend on how busy the machine is: they have to fail twice, and then to
# pass without the mutant.
TIMED = re.compile(
    r"^((bench|probe|tune|killed|signals|late|pool|drivers|survive|random|group|limits)"
    r"|cli_(terminal|sweep|training|limits)|(threads|fork|group_train)/.*)$"
)
# Devices that differ from others only in kernels or in cpu_ref; they reach the same host code.
UNRECORDED = re.compile(
    r"^\w+/(cpu/baseline|opencl:/simd8|opencl:/simd4|opencl:/simt64|check:opencl)(/|$)"
    r"|^(?!ops)\w+/opencl:/(clblast|simt)$"
)
LAST = re.compile(r"^(drivers|devices)$")  # they wait for drivers, and take minutes
UNKNOWN = 5.0  # assumed seconds of a test that has not run yet


def squeeze(text):
    return " ".join(text.split())


def words_of(name):
    return set(re.findall(r"[a-z0-9]+", name.removesuffix(".c"))) - {"cl", "cpu", "opencl"}


def stratum_of(file):
    return next(s for s, (folder, ends, _) in STRATA.items() if file.startswith(folder + "/") and file.endswith(ends))


class Campaign:
    def __init__(self, options, root):
        self.o, self.root = options, root
        self.state = Path(options.state).resolve()
        self.state.mkdir(parents=True, exist_ok=True)
        self.results_file = self.state / "results.tsv"
        self.published = root / "tests" / "mutants" / "results.tsv"
        self.results = {}  # id -> row; the last one counts
        if not self.results_file.exists():
            self.results_file.write_text(HEADER)
        for file in (self.published, self.results_file):
            for line in file.read_text().splitlines()[1:] if file.exists() else []:
                row = dict(zip(COLUMNS, line.split("\t")))
                if len(row) == len(COLUMNS):
                    self.results[row["id"]] = row
        self.lock = threading.Lock()

    def claim(self):
        """Makes sure that no other campaign works in this folder."""
        self.claimed = open(self.state / "lock", "w")
        try:
            fcntl.flock(self.claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"mutants: another campaign works in {self.state}; choose another --state") from None

    # ---- What there is -------------------------------------------------------------------------

    def snapshot(self):
        """Copies the sources that mutants are made of, once, and again with --refresh."""
        self.pristine = self.state / "tree"
        if self.o.refresh or not (self.pristine / "CMakeLists.txt").exists():
            self.pristine.mkdir(parents=True, exist_ok=True)
            before = {m.id: (m, text) for m, text in self.mutants_here() if m.id in self.results}
            copy_tree(self.root, files_of(self.root), self.pristine)
            self.find_again(before)
            commit = ["git", "-C", self.root, "describe", "--always", "--dirty"]
            (self.state / "commit").write_text(subprocess.run(commit, stdout=subprocess.PIPE, text=True).stdout)
        self.text, self.all = {}, {}
        for m, text in self.mutants_here():
            self.text[m.file] = text
            self.all[m.id] = m
        former = self.state / "former.json"
        self.former = json.loads(former.read_text()) if former.exists() else {}
        self.equivalents = {}
        listed = self.root / "tests" / "mutants" / "equivalents.tsv"
        for line in listed.read_text().splitlines() if listed.exists() else []:
            if line and not line.startswith("#"):
                name, _, reason = line.split("\t")
                self.equivalents[name] = reason

    def mutants_here(self):
        """(mutant, text of its file) of the snapshot."""
        for folder, ends, _ in STRATA.values():
            for path in sorted(p for p in (self.pristine / folder).rglob("*") if p.suffix in ends):
                file, text = str(path.relative_to(self.pristine)), path.read_text()
                if not file.startswith("cpu_ref/") or dependents(self.pristine, file):
                    yield from ((m, text) for m in mutants(file, text))

    def find_again(self, before):
        """Of mutants that were tried in functions that have changed since: which they are now, and
        what killed them.  They are tried before others, so that the choice stays the same one."""

        def sort_of(m, text):
            end = text.find("\n", m.start)
            line = text[text.rfind("\n", 0, m.start) + 1 : end]
            return m.operator, m.before, squeeze(m.after), squeeze(uncomment(line))

        now, same = defaultdict(list), set()
        for m, text in self.mutants_here():
            same.add(m.id)
            now[sort_of(m, text)].append(m)
        former = {}
        for m, text in before.values():
            if m.id not in same:
                name = Path(m.file).name
                found = sorted(now[sort_of(m, text)], key=lambda n: (Path(n.file).name != name, abs(n.line - m.line)))
                if found:
                    former[found[0].id] = self.results[m.id]["test"] if self.results[m.id]["verdict"] == "killed" else ""
        (self.state / "former.json").write_text(json.dumps(former, indent=1))

    def order(self):
        """All mutants in the order they are tried: by turns of the folders' shares, in each by turns
        of operators, of each operator by chance; first those that were tried in an older text."""
        lists = defaultdict(lambda: defaultdict(list))
        for m in self.all.values():
            if not self.o.only or re.search(self.o.only, f"{m.file}:{m.line} {m.operator}"):
                chance = hashlib.sha1(f"{self.o.seed} {m.id}".encode()).hexdigest()
                lists[stratum_of(m.file)][m.operator].append((chance, m))
        queues = {}
        for stratum, by_operator in lists.items():
            turns = [[m for _, m in sorted(by_operator[k], key=lambda c: c[0])] for k in OPERATORS if k in by_operator]
            queue = [q[i] for i in range(max(map(len, turns))) for q in turns if i < len(q)]
            queues[stratum] = sorted(queue, key=lambda m: m.id not in self.former and m.id not in self.results)
        return queues

    def verdict(self, m):
        """Returns killed, survived, open (slow tests remain), equivalent or invalid; None: not tried yet."""
        row = self.results.get(m.id)
        if not row:
            return None
        if row["verdict"] in ("survived", "open") and m.id in self.equivalents:
            return "equivalent"
        return row["verdict"]

    # ---- Preparation ----------------------------------------------------------------------------

    def prepare(self):
        """Makes copies of the tree and builds, and records which test reaches what and how long each takes."""
        cache = (self.state / "warm").resolve()
        recorder = Tree(self.pristine, self.state / "record", cache)
        self.jobs = []
        for k in range(self.o.jobs):
            tree = Tree(self.state / f"job-{k}" / "tree", self.state / f"job-{k}", cache)
            tree.root.mkdir(parents=True, exist_ok=True)
            copy_tree(self.pristine, files_here(self.pristine), tree.root)
            self.jobs.append(tree)
        self.record_tests(recorder)
        for tree in self.jobs:
            self.build(tree, "gcc", "clflow_static", "clflow_program", "clflow_probe", "kernels")
        self.read_seconds()
        if not (cache / "clflow").exists():
            self.warm_cache()
        self.kernels = Kernels(self.jobs[0])
        self.stems = sorted(
            set(re.findall(r"^CLF_OP\((\w+)", (self.pristine / "include/clflow/ops.def").read_text(), re.M))
        )

    @staticmethod
    def build(tree, build, *targets):
        tree.configure(build)
        good, output = tree.ninja(build, *targets)
        if not good:
            raise SystemExit(f"mutants: the build fails without a mutant:\n{output[-4000:]}")

    def read_seconds(self):
        """Reads the seconds of each test: measured ones for tests that ran to their end, else those
        of the record.  What is unknown is learned from the first mutant that a test does not notice.
        self.tests has no test that fails without a mutant."""
        file = self.state / "seconds.json"
        self.passed = json.loads(file.read_text()) if file.exists() else {}
        file = self.state / "sound.json"
        self.sound = json.loads(file.read_text()) if file.exists() else {}
        self.tests = dict(self.jobs[0].tests("gcc"))
        recorded = {n: r["seconds"] for n, r in self.reach.records.items()}
        self.seconds = {n: self.passed.get(n, recorded.get(n, UNKNOWN)) for n in self.tests}
        self.unknown = {n for n in self.tests if n not in self.passed and n not in recorded}

    def passes(self, how, name, command, now):
        """Whether a test that just failed passes without the mutant, up to the check that failed; asked once
        for each check, and `now` where load may have been the cause."""
        key = name if how.build == "gcc" else f"{how.build} {name}"
        checks = how.tree.progress()[0] + 1
        if self.sound.get(key, 0) >= checks and not now:
            return True
        with how.without():
            if not how.tree.ninja(how.build, self.tests[name][0])[0]:
                return False
            how.tree.fresh_folders()
            code, _, output = how.tree.run(how.build, command, 1800, 1800, until=checks)
        with self.lock:
            if code:
                known = key in self.sound
                self.note(f"{name} fails without a mutant{'' if known else ' and is left out'}:\n{output[-1500:]}")
                if how.build == "gcc" and not known:
                    self.tests.pop(name, None)
                return False
            self.sound[key] = max(checks, self.sound.get(key, 0))
            (self.state / "sound.json").write_text(json.dumps(self.sound, indent=1))
        return True

    def learn(self, name, seconds):
        """Keeps the seconds of a test that did not notice a mutant."""
        with self.lock:
            self.unknown.discard(name)
            self.passed[name] = self.seconds[name] = round(seconds, 2)
            (self.state / "seconds.json").write_text(json.dumps(self.passed, indent=1))

    def warm_cache(self):
        """Probes drivers once, instead of in each test of each mutant."""
        tree = self.jobs[0]
        tree.fresh_folders()
        program = tree.build_folder("gcc") / "clflow"
        code, _, output = tree.run("gcc", [str(program), "devices"], 1800, 1800)
        if code:
            raise SystemExit(f"mutants: `clflow devices` fails without a mutant:\n{output[-4000:]}")
        shutil.copytree(tree.work / "cache", tree.cache / "clflow")

    def record_tests(self, recorder):
        self.reach = Reach(self.state / "reach", recorder)
        if not self.o.record:
            return self.reach.load_all()
        recorder.configure("coverage")
        every = recorder.tests("coverage").items()
        tests = {n: t for n, t in every if not UNRECORDED.match(n)}
        for i, (name, (target, command, _)) in enumerate(sorted(tests.items())):
            if self.reach.load(name, target, outdated=False):
                continue
            self.note(f"recording {i + 1} of {len(tests)}: {name}")
            self.build(recorder, "coverage", target)
            good, output = self.reach.record(name, target, command)
            if not good:
                self.note(f"without a record: {name} fails with counters:\n{output[-1500:]}")

    # ---- One mutant ------------------------------------------------------------------------------

    def tests_for(self, m, families, shared=False):
        """Returns the tests that may reach a mutant, the quickest first; tests that killed others of this file
        count as quicker, and tests that are named like it.  In a shared build those that are known to reach its line come first, and then all
        others, since the build itself says which of them enter its function."""
        stem = stem_of(m.file, self.stems)
        if stratum_of(m.file) == "cpu_ref":
            found, stem = self.tests_of_reference(m.file)
        elif families is None:
            found, stem = self.reach.tests_of_line(m.file, m.line), None
        else:
            found = set()
            for user in users(self.pristine, m.file, m.start, self.stems):
                found |= {t for t in self.tests if re.match(rf"ops/(check:)?opencl.*/{user}$", t)}
                whole = {t for t in self.reach.tests_of_file(f"cl/{user}.c") if not t.startswith("ops/")}
                found |= whole | {re.sub("opencl$", "opencl:/simt", t) for t in whole}
            found = {t for t in found if self.takes_family(t, families)}
        known = found
        if shared or not found and families is None:
            found = {t for t in self.tests if not UNRECORDED.match(t)}
        first = re.compile(rf"ops/.*/{stem}$") if stem else None
        named = words_of(m.file)
        # Drivers compile for a while, and most host code is the same on every device.
        slower = 1 if re.match("cl/|runtime/opencl/", m.file) else 5
        killed = [r for r in self.results.values() if r["file"] == m.file and r["verdict"] == "killed"]
        killers, former = Counter(r["test"] for r in killed), self.former.get(m.id)
        return sorted(
            (t for t in found if t in self.tests),
            key=lambda t: (
                t != former,
                bool(LAST.match(t)),
                not (first and first.match(t)),
                t not in known,
                self.seconds[t] * (slower if "opencl" in t else 1) / (1 + 4 * killers[t] + 9 * len(named & words_of(t))),
            ),
        )

    def tests_of_reference(self, file):
        """Returns (tests, stem) for a file of cpu_ref: tests that compare its operations, or use them."""
        stems = {stem_of(f, self.stems) for f in dependents(self.pristine, file)} - {None}
        found = {t for t in self.tests if t.startswith("ops/") and t.rsplit("/", 1)[1] in stems}
        users = {t for s in stems for t in self.reach.tests_of_file(f"cl/{s}.c") if not t.startswith("ops/")}
        found |= {u for t in users for u in on_cpu(t)} | {"op_gradients", "maps"}
        return found, stems.pop() if len(stems) == 1 else None

    def takes_family(self, test, families):
        family = family_of(test)
        if family is None:
            return not re.search(r"/cpu(64)?(/|$)", test)
        own = {f for f in families if f.startswith("simd")}
        return bool(own) if family == "" else family in families

    def try_alone(self, tree, m):
        """Returns (verdict, test that killed it or a remark)."""
        text = self.text[m.file]
        changed, families = m.apply(text), None
        kernel = stratum_of(m.file) == "cl, kernels"
        if kernel:
            families = self.kernels.families_of(m.file, changed)
            if families is None:
                return "invalid", ""
            if not families:
                return "equivalent", "same text in every family"
        cpu_ref = stratum_of(m.file) == "cpu_ref"
        targets = objects(self.pristine, m.file) if cpu_ref else tree.objects_of("gcc", m.file)
        if not kernel:
            if not targets:
                return "invalid", "not built here"
            good, output = tree.ninja("gcc", *targets)
            if not good:
                raise SystemExit(f"mutants: {m.file} does not build without a mutant:\n{output[-4000:]}")
            before = tree.object_hash("gcc", targets)
        how = Alone(tree, "gcc", m.file, text, changed)
        try:
            if not kernel:
                if not tree.ninja("gcc", *targets, mutated=True)[0]:
                    return "invalid", ""
                if tree.object_hash("gcc", targets) == before:
                    return "equivalent", "same object code"
            names = self.tests_for(m, families)
            verdict, test = self.run_tests(how, m, families, names)
            if verdict == "survived" and kernel and self.kernels.same_code(m.file, changed, families):
                return "equivalent", "same optimised code"
            if verdict == "survived" and not kernel and not self.o.no_sanitize:
                # It may be a leak or an error of memory.
                how.restore()
                self.build(tree, "sanitize")
                return self.run_tests(Alone(tree, "sanitize", m.file, text, changed), m, None, names)
            return verdict, test
        finally:
            how.restore()

    def try_together(self, tree, mutants):
        """Yields (mutant, verdict, test or remark) for mutants of host code, and None as the verdict of one that
        has to be tried alone."""
        survivors = []
        for m, verdict, test in self.run_batch(tree, "gcc", mutants):
            if verdict in ("survived", "open") and self.same_code(tree, m):
                yield m, "equivalent", "same object code"
            elif verdict == "survived" and not self.o.no_sanitize:
                survivors.append(m)
            else:
                yield m, verdict, test
        yield from self.run_batch(tree, "sanitize", survivors)

    def same_code(self, tree, m):
        codes = [compiled(tree, "gcc", m.file, text) for text in (self.text[m.file], m.apply(self.text[m.file]))]
        return codes[0] == codes[1]

    def run_batch(self, tree, build, mutants):
        batch = Batch(tree, self.pristine, build, self.text, mutants) if mutants else None
        for m in mutants:
            if m in batch.invalid:
                yield m, "invalid", ""
            elif m.id in batch.number:
                yield m, *self.run_tests(batch.of(m), m, None, self.tests_for(m, None, shared=True))
            else:
                yield m, None, ""

    def run_tests(self, how, m, families, names):
        """Runs tests until one fails; in the build "sanitize" only those that scripts/test runs there.
        Those that are known to enter the function come first.  Slow tests wait until every mutant had its
        quick ones."""
        tree = how.tree
        tree.fresh_folders(own_kernels=families is not None)
        sanitized = how.build == "sanitize"
        tests = tree.tests(how.build)
        known = self.results.get(m.id, {})
        resumed = known.get("verdict") == "open" and not sanitized
        done, spent = known["test"].split() if resumed else [], 0.0
        for name in sorted(names, key=lambda n: not how.enters(n)):
            if spent > self.o.quick and not (resumed or sanitized or self.o.tests):
                return "open", " ".join(done)
            if name in done or name not in tests or (sanitized and "sanitize" not in tests[name][2]):
                continue
            if self.o.tests and not re.search(self.o.tests, name):
                continue
            if how.enters(name) is False:
                done.append(name)
                continue
            target, command, _ = tests[name]
            if not how.make(target):
                return "invalid", f"{target} does not build"
            usual = self.seconds[name]
            # The limit of processor time ends a test that spins.
            slower, compiling = 10 if sanitized else 1, 60 if families is not None else 0
            wall = slower * max(90, 10 * usual) + compiling
            cpu = slower * max(15, 10 * usual) + compiling
            timed = bool(TIMED.match(name))
            for _ in range(2 if timed else 1):
                code, seconds, output = tree.run(how.build, command, wall, cpu, how.variables())
                if code == 0:
                    break
            if code == BUSY:
                self.note(f"{name}: no verdict, the machine is too busy")
                continue
            late = code in (124, 128 + signal.SIGXCPU)
            if code and self.passes(how, name, command, timed or late):
                (self.state / "failures").mkdir(exist_ok=True)
                (self.state / "failures" / m.id).write_text(f"{m}\n{name}: exit code {code}\n{output}")
                return "killed", name + (" (time)" if late else "") + (" (sanitizers)" if sanitized else "")
            if code == 0:
                how.passed(name)
                if name in self.unknown and not sanitized:
                    self.learn(name, seconds)
                    usual = self.seconds[name]
            done.append(name)
            spent += usual
        return "survived", "" if names else "no test reaches it"

    # ---- All of them -----------------------------------------------------------------------------

    def note(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def keep(self, m, verdict, test, seconds):
        change = (m.id, m.file, str(m.line), m.operator, squeeze(m.before), squeeze(m.after))
        row = dict(zip(COLUMNS, (*change, verdict, test, f"{seconds:.1f}")))
        with self.lock:
            self.results[m.id] = row
            with open(self.results_file, "a") as out:
                out.write("\t".join(row.values()) + "\n")
            c = self.counts(self.all.values())
            self.note(
                f"{m.id} {m.file}:{m.line} {m.operator} `{row['before'][:40]}` -> `{row['after'][:50]}`: "
                f"{verdict}{' by ' + test if verdict == 'killed' else ''} ({seconds:.0f} s); "
                f"{c['killed']} killed, {c['survived']} survived, {c['open']} open"
            )

    def counts(self, some):
        return Counter(self.verdict(m) for m in some)

    def next_one(self):
        """Returns the next mutant of the folder that is furthest behind its weight, then those with slow
        tests left; None when all is done."""
        with self.lock:
            behind = None
            for stratum, queue in self.queues.items():
                weight = STRATA[stratum][2]
                done = self.done[stratum] + self.begun[stratum]
                if done >= self.quota[stratum] or not queue:
                    continue
                if behind is None or done / weight < behind[0]:
                    behind = (done / weight, stratum)
            if behind is None:
                if not self.open:
                    return None
                return self.open.pop(0)
            self.begun[behind[1]] += 1
            return self.queues[behind[1]].pop(0)

    def next_batch(self, tree):
        """Returns mutants that share a build, the last one perhaps not: what is tried alone goes to whichever
        job is free."""
        found = []
        while len(found) < self.o.batch and (m := self.next_one()) is not None:
            found.append(m)
            if not self.can_share(tree, m):
                break
        return found

    def work(self, tree):
        try:
            while batch := self.next_batch(tree):
                alone = [m for m in batch if not self.can_share(tree, m)]
                begin = time.monotonic()
                for m, verdict, test in self.try_together(tree, [m for m in batch if m not in alone]):
                    if verdict:
                        self.finish(m, verdict, test, begin)
                    else:
                        alone.append(m)
                    begin = time.monotonic()
                for m in alone:
                    begin = time.monotonic()
                    self.finish(m, *self.try_alone(tree, m), begin)
        except Interrupted:
            pass
        except SystemExit as end:  # a thread would end without a word
            self.note(end)
            stop_all()

    def can_share(self, tree, m):
        """Whether a mutant can be in a build with others."""
        if self.o.batch < 2 or tree.objects_of("gcc", m.file) != [tree.object_of(m.file)]:
            return False
        return function_of(self.text[m.file], m) is not None

    def finish(self, m, verdict, test, begin):
        if self.o.tests and verdict in ("survived", "open"):
            return self.note(f"{m.id} {m.file}:{m.line}: not killed by these tests")
        again = self.verdict(m) == "open"
        self.keep(m, verdict, test, time.monotonic() - begin)
        if stopping.is_set():
            raise Interrupted
        if again:
            return
        stratum = stratum_of(m.file)
        with self.lock:
            self.begun[stratum] -= 1
            self.done[stratum] += verdict in ("killed", "survived", "open")
            if verdict == "open":
                self.open.append(m)

    def run(self):
        self.queues = self.order()
        weights = {s: STRATA[s][2] for s in self.queues}
        self.quota = {s: round(self.o.count * n / sum(weights.values())) for s, n in weights.items()}
        self.begun, self.done, self.open = Counter(), Counter(), []
        if self.o.rerun:
            names = set(self.o.rerun)
            unknown = names - set(self.all)
            if unknown:
                raise SystemExit(f"mutants: no such mutant in this tree: {', '.join(sorted(unknown))}")
            for name in names:
                self.results.pop(name, None)
            self.queues = {s: [m for m in q if m.id in names] for s, q in self.queues.items()}
            self.quota = {s: len(q) for s, q in self.queues.items()}
        else:
            for stratum, queue in self.queues.items():  # results of earlier runs count, in this order
                for m in queue:
                    if self.verdict(m) in ("killed", "survived", "open") and self.done[stratum] < self.quota[stratum]:
                        self.done[stratum] += 1
                        if self.verdict(m) == "open":
                            self.open.append(m)
                self.queues[stratum] = [m for m in queue if self.verdict(m) is None]
        if self.open or any(self.done[s] < self.quota[s] for s in self.queues):
            self.prepare()
            threads = [threading.Thread(target=self.work, args=(tree,)) for tree in self.jobs]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        self.summary()

    def publish(self):
        """Writes all results of code that is there to the file of results in the tree."""
        rows = [r for i, r in self.results.items() if i in self.all and r["verdict"] != "invalid"]
        rows.sort(key=lambda r: (r["file"], int(r["line"]), r["id"]))
        self.published.write_text(HEADER + "".join("\t".join(r.values()) + "\n" for r in rows))

    def summary(self):
        tried = [m for m in self.all.values() if self.verdict(m)]
        commit = self.state / "commit"
        print(f"\nof {commit.read_text().strip() if commit.exists() else 'an unknown commit'}, seed {self.o.seed}")
        print(f"\n{'':14}{'killed':>8}{'survived':>10}{'open':>6}{'killed, %':>11}{'equivalent':>12}{'invalid':>9}")
        for name in [*STRATA, "all"]:
            c = self.counts(m for m in tried if name in ("all", stratum_of(m.file)))
            valid = c["killed"] + c["survived"] + c["open"]
            percent = f"{100 * c['killed'] / valid:.1f}" if valid else "-"
            print(
                f"{name:14}{c['killed']:8}{c['survived']:10}{c['open']:6}{percent:>11}"
                f"{c['equivalent']:12}{c['invalid']:9}"
            )
        survivors = [m for m in tried if self.verdict(m) in ("survived", "open")]
        if survivors:
            print("\nsurvivors:")
        for m in sorted(survivors, key=lambda m: (m.file, m.line)):
            row = self.results[m.id]
            remark = "slow tests are left" if row["verdict"] == "open" else row["test"]
            remark = f"  ({remark})" if remark else ""
            print(f"  {m.id} {m.file}:{m.line} {m.operator}: {m.before} -> {squeeze(m.after)}{remark}")
        old = [i for i in self.results if i not in self.all]
        if old:
            print(f"\n{len(old)} results are of code that has changed since; they are not counted")


def main():
    root = Path(__file__).resolve().parents[2]
    p = argparse.ArgumentParser(
        prog="scripts/mutants", description="Change the code in small ways and see whether a test fails."
    )
    add = p.add_argument
    add("--count", type=int, default=300, metavar="N", help="mutants to count, all folders together (300)")
    add("--seed", type=int, default=1, help="which ones are chosen (1)")
    add("--only", metavar="REGEX", help="only mutants whose `FILE:LINE OPERATOR` matches")
    add("--rerun", nargs="+", metavar="ID", help="try these again")
    add("--tests", metavar="REGEX", help="with --rerun: only by these tests; the verdict stays unless one fails")
    add("--batch", type=int, default=40, metavar="N", help="mutants of host code in one build (40)")
    add("--jobs", type=int, default=1, help="mutants at a time (1)")
    add(
        "--quick", type=float, default=60, metavar="S",
        help="seconds of tests that each mutant gets before any gets more (60)",
    )  # fmt: skip
    add(
        "--state", default=root / "build-test" / "mutants", metavar="FOLDER",
        help="for copies, builds and results (build-test/mutants)",
    )  # fmt: skip
    add("--refresh", action="store_true", help="take the sources as they are now; results of unchanged code stay")
    add("--record", action="store_true", help="record which lines the tests reach that have changed since")
    add("--no-sanitize", action="store_true", help="do not try survivors under the sanitizers")
    add("--summary", action="store_true", help="print what is known so far, and run nothing")
    add("--publish", action="store_true", help="write what is known so far to tests/mutants/results.tsv; run nothing")
    options = p.parse_args()
    if options.tests and not options.rerun:
        p.error("--tests needs --rerun")
    campaign = Campaign(options, root)
    if not options.summary:
        campaign.claim()
    campaign.snapshot()
    if options.publish:
        campaign.publish()
    if options.summary or options.publish:
        return campaign.summary()
    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, lambda *_: stop_all())
    try:
        campaign.run()
    except Interrupted:
        campaign.summary()
    return 0


if __name__ == "__main__":
    sys.exit(main())
