# SPDX-License-Identifier: MIT
"""Markdown pages of the repository: their fenced blocks, headings, links and names of code."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("build", ".git")  # folders that are not part of the project


class Block:
    """A fenced block. Its info string is a language, words, and NAME=VALUE."""

    def __init__(self, page, line, info):
        self.page, self.line, self.lines = page, line, []
        self.language, *words = re.findall(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""", info) or [""]
        self.words = {word for word in words if "=" not in word}
        pairs = (word.split("=", 1) for word in words if "=" in word)
        self.values = {name: value[1:-1] if value[:1] in "'\"" else value for name, value in pairs}

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)

    @property
    def place(self):
        return f"{self.page.name}:{self.line}"


class Page:
    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.lines = path.read_text().splitlines()
        self.blocks, self.prose, self.unclosed = [], [], None  # prose: (number, line) outside of blocks
        block, indent = None, 0
        for number, line in enumerate(self.lines, 1):
            fence = re.match(r"( *)```(.*)", line)
            if block:
                if line.strip() == "```":
                    block = None
                else:
                    block.lines.append(line[indent:] if not line[:indent].strip() else line)
            elif fence:
                indent = len(fence[1])
                block = Block(self, number, fence[2])
                self.blocks.append(block)
            else:
                self.prose.append((number, line))
        self.unclosed = block

    def anchors(self):
        """Anchors of headings, as GitHub makes them."""
        found = {}
        for _, line in self.prose:
            heading = re.match(r"#{1,6} +(.*)", line)
            if heading:
                text = re.sub(r"\]\([^)]*\)|[`*\[]", "", heading[1]).strip().lower()
                slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
                count = found[slug] = found.get(slug, -1) + 1
                if count:
                    found[f"{slug}-{count}"] = 0
        return set(found)

    def links(self):
        """(line, target) of each link and picture."""
        for number, line in self.prose:
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                yield number, target

    def code(self):
        """(line, text) of each `span` of code."""
        for number, line in self.prose:
            for span in re.findall(r"`([^`]+)`", line):
                yield number, span


def files():
    """Every file of the project."""
    for folder in sorted(ROOT.iterdir()):
        if folder.name.startswith(LEFT_OUT):
            continue
        yield from (f for f in sorted(folder.rglob("*")) if f.is_file()) if folder.is_dir() else [folder]


def pages():
    return [Page(f) for f in files() if f.suffix == ".md"]
