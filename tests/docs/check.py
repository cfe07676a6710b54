#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check.py [--renew]: checks the Markdown pages: links and anchors lead somewhere; files and functions
exist; JSON parses; blocks that show a file have its text (--renew copies it); prose has at most 100
columns, except tables, links and formulas; code is in fences."""

import json
import re
import sys
from pathlib import Path

from pages import ROOT, files, pages

WIDTH = 100
SOURCES = {".c", ".h", ".cl", ".clh", ".def", ".txt", ".cmake"}
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*/[\w.-]+\.(?:c|h|cl|clh|def|py|md|awk|cmake)")
FUNCTION = re.compile(r"(clf__?\w+)\(\)")
GENERATED = "<!-- clflow flows --markdown -->"  # the rest is written by a program
PAGE = re.compile(r"docs/[\w/-]+\.md")


def links(page, by_name, report):
    for number, target in page.links():
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.path.parent / path).resolve() if path else page.path
        if not file.exists():
            report(number, f"{target} does not exist")
        elif anchor:
            name = str(file.relative_to(ROOT))
            if name not in by_name or anchor not in by_name[name].anchors():
                report(number, f"{target}: {name} has no such heading")


def exists(page, name):
    """Finds a file by its path from the root, the page or a folder of headers, or by the end of its path."""
    return any((base / name).exists() for base in (ROOT, page.path.parent, ROOT / "include"))


def names(page, functions, report):
    made = {Path(block.values["file"]).stem for block in page.blocks if "file" in block.values}
    for number, span in page.code():
        if FILE.fullmatch(span) and not re.search("[A-Z]{4}", span) and Path(span).stem not in made and not exists(page, span):
            report(number, f"`{span}`: there is no such file")
        for function in FUNCTION.findall(span):
            if function not in functions:
                report(number, f"`{function}()`: there is no such function")


def shape(page, report):
    if page.unclosed:
        report(page.unclosed.line, "this block has no end")
    after_blank, formula = True, False
    for number, line in page.prose:
        if line == GENERATED:
            break
        dollars = line.count("$$")
        inside, formula = formula or dollars, formula ^ (dollars % 2)
        if after_blank and re.match(r"    +[^\s*0-9-]", line):
            report(number, "an indented block: use a fence, so that its commands are run")
        after_blank = not line.strip()
        prose = re.sub(r"\]\([^)]*\)|`[^`]{40,}`", "]", line)
        if len(prose) > WIDTH and not inside and not line.lstrip().startswith(("|", "<!--")):
            report(number, f"{len(prose)} columns")
    for block in page.blocks:
        same = block.values.get("same")
        if same and (ROOT / same).read_text() != block.text:
            report(block.line, f"this is not the text of {same}; check.py --renew copies it")
        if block.language == "json":
            try:
                json.loads(block.text)
            except ValueError as error:
                report(block.line, f"this is not JSON: {error}")


def keys(report):
    """Checks that the page on the file format names the metadata and tensors of model files."""
    page = (ROOT / "docs/file-format.md").read_text()
    for file in sorted((ROOT / "layers").rglob("*.c")):
        for key in sorted(set(re.findall(r'"(clflow\.[a-z_]+)', file.read_text()))):
            if f"`{key}" not in page and f"`{key.removeprefix('clflow')}" not in page:
                report(f"docs/file-format.md: nothing on {key} ({file.relative_to(ROOT)})")


def variables(report):
    """Checks that the page on installing names the environment variables."""
    page = (ROOT / "docs/install.md").read_text()
    for file in (f for f in files() if f.suffix in (".c", ".h") and "tests" not in f.parts):
        for name in sorted(set(re.findall(r'getenv\("(CLFLOW_\w+)"\)', file.read_text(errors="replace")))):
            if f"`{name}`" not in page:
                report(f"docs/install.md: nothing on {name} ({file.relative_to(ROOT)})")


def sources(report):
    """The pages that comments in the code name; and all functions of the code."""
    functions = set()
    for file in files():
        if (file.suffix not in SOURCES and "scripts" not in file.parts) or file.parent.name == "docs":
            continue
        text = file.read_text(errors="replace")
        functions.update(re.findall(r"\bclf__?\w+(?=\()", text))
        functions.update(re.findall(r"\bclf__?\w+", text) if file.suffix == ".def" else ())
        for name in set(PAGE.findall(text)):
            if not (ROOT / name).exists():
                report(f"{file.relative_to(ROOT)}: {name} does not exist")
    return functions


def renew():
    """Copies files to the blocks that show them."""
    for page in pages():
        for block in reversed([b for b in page.blocks if "same" in b.values]):
            begin = block.line
            page.lines[begin:begin + len(block.lines)] = (ROOT / block.values["same"]).read_text().splitlines()
        if any("same" in b.values for b in page.blocks):
            page.path.write_text("".join(line + "\n" for line in page.lines))


def main():
    if "--renew" in sys.argv[1:]:
        renew()
    found = []
    functions = sources(found.append)
    keys(found.append)
    variables(found.append)
    by_name = {page.name: page for page in pages()}
    for page in by_name.values():
        def report(line, text, page=page):
            found.append(f"{page.name}:{line}: {text}")

        links(page, by_name, report)
        if page.name != "CHANGELOG.md":  # history: what it names may be gone
            names(page, functions, report)
        shape(page, report)
    print("\n".join(found) or f"{len(by_name)} pages: links, names and shape are right")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
