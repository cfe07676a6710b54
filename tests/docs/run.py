#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py BUILD [--long] [PAGE...]: runs the commands of the Markdown pages.

The first word after a fence says what happens with the block; the other words say when:

    sh              run by bash, line by line, until one fails
    console         runs the lines after `$ ` and compares their output with the other lines: a number
                    matches any number, `...` in a line matches anything, `...` alone any lines
    ANY file=PATH   written to PATH
    ANY add=PATH before="TEXT"   inserted in PATH before its first line that begins
                    with TEXT, apart from blanks
    long            run only with --long (by scripts/test-more), with the whole page
    manual          not run, since it needs another machine, a network or an hour; the programs and verbs
                    that it names must exist

Blocks of a page run in order, in a temporary folder with a copy of the tree, with clflow installed,
an empty HOME and the device cpu."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pages import LEFT_OUT, ROOT, pages

NUMBER = re.compile(r"[-+]?\b\d[\d.,:]*(?:e[-+]?\d+)?\b|\b(?:inf|nan)\b")
SMALL = ("examples", "scripts", "bench", "docs", "include")  # the part of the tree that short pages see
RUN = {"sh", "console"}
LAST = 40  # lines to show of a failed command


def timed(block):
    """long, manual or short."""
    return next((word for word in ("manual", "long") if word in block.words), "short")


def commands(block):
    """Pairs of a command and the lines that it must print (None: any)."""
    if block.language == "sh":
        return [[block.text, None]]
    found, lines = [], iter(block.lines)
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command += "\n" + next(lines)
            found.append([command, []])
        elif found:
            found[-1][1].append(line)
    return found


def pattern(line):
    plain = " ".join(NUMBER.sub("#", line).split())
    return re.compile(".*".join(map(re.escape, plain.split("..."))) + "$")


def matches(expected, printed):
    """Compares the output with the expected lines: the first missing line, or None."""
    printed = [" ".join(NUMBER.sub("#", line).split()) for line in printed]
    at, free = 0, False
    for line in expected:
        if line.strip() == "...":
            free = True
            continue
        wanted = pattern(line)
        where = [i for i in range(at, len(printed) if free else min(at + 1, len(printed))) if wanted.match(printed[i])]
        if not where:
            return line
        at, free = where[0] + 1, False
    return None if free or at == len(printed) else "(more: " + printed[at] + ")"


class Machine:
    """The folder in which pages run, and its environment."""

    def __init__(self, build, whole, folder):
        self.folder = folder / "clflow"
        prefix, home = folder / "prefix", folder / "home"
        for made in (home, self.folder):
            made.mkdir()
        for path in ROOT.iterdir():
            if path.name.startswith(LEFT_OUT) or not (whole or path.name in SMALL):
                continue
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, self.folder / path.name)
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
        library = next(prefix.glob("lib*/**/libclflow.so")).parent
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CLFLOW_", "XDG_"))}
        self.env = kept | {
            "HOME": str(home), "PATH": f"{prefix / 'bin'}:{os.environ['PATH']}", "CLFLOW_DEVICE": "cpu",
            "PKG_CONFIG_PATH": str(library / "pkgconfig"), "LD_RUN_PATH": str(library), "LC_ALL": "C.UTF-8",
        }  # fmt: skip

    def run(self, command):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=self.folder, env=self.env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        return done.returncode, done.stdout


def put(block, folder, whole):
    """Writes a block to its file; for short pages, an insertion is only checked."""
    if "file" in block.values:
        path = folder / block.values["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
        return None
    path = (folder if whole else ROOT) / block.values["add"]
    lines = path.read_text().splitlines(keepends=True)
    starts = block.values["before"]
    at = next((i for i, line in enumerate(lines) if line.strip().startswith(starts)), None)
    if at is None:
        return f"{block.values['add']} has no line that begins with {starts}"
    if whole:
        path.write_text("".join(lines[:at]) + block.text + "".join(lines[at:]))
    return None


def known(block, verbs):
    """The programs and verbs of a manual block that do not exist."""
    for command, _ in commands(block):
        for line in command.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            words = words[next((i for i, w in enumerate(words) if "=" not in w.split("/")[0]), 0):]
            if not words:
                continue
            program = words[0]
            if program.startswith(("scripts/", "bench/", "tests/")) and not os.access(ROOT / program, os.X_OK):
                return f"{program} is not a program of the tree"
            if Path(program).name == "clflow" and len(words) > 1 and words[1] not in verbs and words[1][0] != "-":
                return f"clflow has no verb {words[1]}"
    return None


def run_page(page, machine, verbs, long, log):
    """The first mistake of a page, or None."""
    for block in page.blocks:
        if "file" in block.values or "add" in block.values:
            wrong = put(block, machine.folder, long)
            if wrong:
                return f"{block.place}: {wrong}"
        elif block.language in RUN and timed(block) == "manual":
            wrong = known(block, verbs)
            if wrong:
                return f"{block.place}: {wrong}"
        elif block.language in RUN and (long or timed(block) == "short"):
            for command, expected in commands(block):
                begin = time.monotonic()
                code, printed = machine.run(command)
                log(f"  {block.place}: {time.monotonic() - begin:.1f} s")
                if code:
                    last = "\n".join(printed.splitlines()[-LAST:])
                    return f"{block.place}: `{command.strip()}` ended with {code}:\n{last}"
                missing = matches(expected, printed.splitlines()) if expected is not None else None
                if missing is not None:
                    return f"{block.place}: `{command.strip()}` does not print\n{missing}\nbut\n{printed}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--long", action="store_true", help="the pages with blocks that take long")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="as docs/tour.md (default: all)")
    args = parser.parse_intermixed_args()
    chosen = [p for p in pages() if p.name in args.pages or not args.pages]
    chosen = [p for p in chosen if not args.long or any(timed(b) == "long" for b in p.blocks)]
    failed = 0
    for page in (p for p in chosen if any(b.language in RUN or b.values for b in p.blocks)):
        print(page.name, flush=True)
        with tempfile.TemporaryDirectory(prefix="clflow-docs-") as folder:
            machine = Machine(args.build.resolve(), args.long, Path(folder))
            verbs = set(re.findall(r"^  ([a-z-]+) ", machine.run("clflow --help")[1], re.M))
            wrong = run_page(page, machine, verbs, args.long, lambda text: print(text, flush=True))
        if wrong:
            failed += 1
            print(wrong)
    return failed


if __name__ == "__main__":
    sys.exit(main())
