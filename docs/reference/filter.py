#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""filter.py FILE: a header as Doxygen wants it.

The headers have plain comments: in front of what they describe, or behind it. This turns them into
Doxygen's, gives declarations in a row the comment of the first, and writes out what the tables
*.def expand to, with the comments of their rows."""

import re
import sys
from pathlib import Path

MODES = {"r": "read", "w": "written", "u": "updated", "o": "read, may be left out",
         "k": "written, may be left out", "a": "updated, may be left out",
         "b": "read, holds 0 and 1", "i": "read, holds different whole numbers from 0 on"}  # fmt: skip


def escape(text):
    """Characters that Doxygen takes for commands, outside of `code`."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([\\@<>%#\"|])", r"\\\1", p) for p in parts)


def comment_text(comment):
    """The words of a comment, without its frame."""
    lines = comment.strip().removeprefix("/*").removesuffix("*/").split("\n")
    return "\n".join(re.sub(r"^\s*\* ?", "", line) if i else line.strip() for i, line in enumerate(lines)).strip()


def doc(comment, behind=False):
    words = re.sub(r"(?<![^\s])\.\.(?=\s|$)", r"\\.\\.", escape(comment_text(comment)))  # not the end of a list
    return ("/**< " if behind else "/** ") + words + " */"


# ---- Tables -----------------------------------------------------------------------------------


def kinds(folder):
    rows = re.findall(r'CLF_COLUMN_KIND\((\w+), "([^"]*)", "([^"]*)"\)', (folder / "kinds.def").read_text())
    return "".join(f"  CLF_COLUMN_{id}, /**< {name}: {escape(what)} */\n" for id, name, what in rows)


def activations(folder):
    rows = re.findall(r"^\s*ROW\((\w+),", (folder / "activations.def").read_text(), re.M)
    return "".join(f"  CLF_ACT_{name}, /**< {name} */\n" for name in rows)


def operations(folder):
    """(name, what it computes, [(declaration, what)])"""
    text = (folder / "ops.def").read_text()
    rows = re.finditer(r"(?:(/\*(?:(?!\*/).)*\*/)\n)?^CLF_OP\((\w+), (\w+),(.*?)\)\n\n", text + "\n\n", re.M | re.S)
    before = ""
    for row in rows:
        before = comment_text(row[1]) if row[1] and not row[1].startswith("/* ---") else before
        tensors = [(f"clf_tensor {n};", MODES.get(m, m)) for m, n in re.findall(r"CLF_T\((\w), (\w+)\)", row[4])]
        params = [(f"{t} {n};", "parameter") for t, n in re.findall(r"CLF_P\((\w+), (\w+)\)", row[4])]
        yield row[3], escape(before), tensors + params


def op_ids(folder):
    return "".join(f"  CLF_OP_{name}, /**< {what} */\n" for name, what, _ in operations(folder))


def op_structs(folder):
    result = []
    for name, what, members in operations(folder):
        body = "".join(f"  {declaration} /**< {role} */\n" for declaration, role in members)
        result.append(f"/** Operation {name}: {what} */\n"
                      f"typedef struct clf_{name}_args {{\n{body}}} clf_{name}_args;\n")  # fmt: skip
    return "\n".join(result)


def expand(text, folder):
    """Tables that a header includes, in the place of the include and of its macros."""
    text = re.sub(r"#define CLF_COLUMN_KIND.*?\n#include \"clflow/kinds.def\"\n", lambda _: kinds(folder), text, flags=re.S)
    text = re.sub(r"#define CLF_ACT_ROW\(name[^\n]*\) CLF_ACT_##name,\n.*?#undef CLF_ACT_ROW\n",
                  lambda _: activations(folder), text, flags=re.S)  # fmt: skip
    text = re.sub(r"#define CLF_ACT_ROW.*?#undef CLF_ACT_ROW\n", "", text, flags=re.S)
    text = re.sub(r"#define CLF_OP\([^\n]*CLF_OP_##name,\n#include.*?#undef CLF_OP\n", lambda _: op_ids(folder), text, flags=re.S)
    status = re.findall(r'^  X\((\w+), "([^"]*)"\)', text, re.M)
    text = re.sub(r"#define CLF_X\(.*?#undef CLF_X\n",
                  lambda _: "".join(f"  CLF_{name}, /**< {escape(what)} */\n" for name, what in status), text, flags=re.S)
    text = re.sub(r"(?:/\* typedef struct \{.*?\*/\n)?#define CLF_T\(.*?#undef CLF_T\n", lambda _: op_structs(folder), text, flags=re.S)
    return text


# ---- Comments -----------------------------------------------------------------------------------


NAME = r"\**\w+(?:\[[^\]]*\])?"
LIST = re.compile(rf"^([ ]+(?:const )?[\w ]+? \**)({NAME}(?:, {NAME})+);([ ]*/\*.*?\*/)?$", re.M | re.S)


def split(found):
    """`int a, b; /* c */` as a declaration for each name; of one without a comment behind it, the
    names after the first refer to that, which has it in front."""
    names = [name.strip(" *") for name in found[2].split(",")]
    behind = [found[3] or (f" /* see {names[0]} */" if i else "") for i in range(len(names))]
    return "\n".join(f"{found[1]}{name};{comment}" for name, comment in zip(names, behind, strict=True))


def headed(text):
    """Comments in front of declarations and those behind as Doxygen's; headings are left out."""
    result = ""
    for piece in re.split(r"(/\*.*?\*/)", text, flags=re.S):
        if not piece.startswith("/*") or piece.startswith("/**"):
            result += piece
        elif result.rsplit("\n", 1)[-1].strip():
            result += doc(piece, behind=True)
        elif not re.match(r"/\* (SPDX|-{4})", piece):
            result += doc(piece)
    return result


DECLARATION = re.compile(r"CLF_API|extern CLF_API|static inline|typedef \w|#define \w")


def inherit(text):
    """Gives a declaration without a comment that of the one before it, if no blank line is between
    the two."""
    result, comment, complete, used = [], [], True, False
    lines = text.split("\n")
    for at, line in enumerate(lines):
        bare = line.strip()
        if not bare:
            comment, complete = [], True
        elif bare.startswith("/** ") or not complete:
            comment = [line] if bare.startswith("/** ") else [*comment, line]
            complete, used = bare.endswith("*/"), False
        elif DECLARATION.match(bare) and comment:
            end = next((i for i in range(at, len(lines)) if ";" in lines[i]), at)
            behind = any("/**<" in each for each in lines[at:end + 1])
            result += comment if used and not behind else []
            used = True
        result.append(line)
    return "\n".join(result)


def main():
    path = Path(sys.argv[1])
    text = path.read_text()
    if path.suffix != ".h":
        sys.stdout.write(text)
        return
    head = re.match(r"/\* SPDX.*?\*/\n(/\*.*?\*/)", text, re.S)
    text = expand(text[head.end():] if head else text, path.parent)
    words = comment_text(head[1]).split(": ", 1)[-1] if head else path.name
    words = words[0].upper() + words[1:]
    text = LIST.sub(split, text)
    print(f"/** @file\n{escape(words)} */")
    sys.stdout.write(inherit(headed(text)))


if __name__ == "__main__":
    main()
