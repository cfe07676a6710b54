# SPDX-License-Identifier: MIT
"""Finds the mutants of a C or OpenCL C file, from which scripts/mutants chooses.

Everything works on the text as clang-format left it: a binary operator has a blank on each side, a
pointer's star has one on its left only.
"""

import hashlib
import re
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Mutant:
    """One change: text[start:end] becomes `after`."""

    id: str
    file: str
    line: int  # 1 is the first
    operator: str
    start: int
    end: int
    before: str
    after: str

    def apply(self, text):
        return text[: self.start] + self.after + text[self.end :]


HIDDEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
      | ^[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*""",
    re.X | re.S | re.M,
)


def mask(text):
    """Returns the text with blanks instead of comments, strings, characters and preprocessor lines."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())

    return HIDDEN.sub(blank, text)


COMMENT = re.compile(r"""(/\*.*?\*/|//[^\n]*)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def uncomment(text):
    """The text with comments as blanks; lines and places stay."""
    return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()) if m.group(1) else m.group(), text)


def chunks(text):
    """(start, end) of each top-level definition, such as a function; nothing is left out.

    They are what a mutant's identity depends on: a result stays valid until its function changes.
    """
    found, depth, begin, at = [], 0, 0, 0
    for line in mask(text).splitlines(keepends=True):
        depth += line.count("{") - line.count("}")
        at += len(line)
        if depth == 0 and line.rstrip().endswith(("}", ";")):
            found.append((begin, at))
            begin = at
    if begin < len(text):
        found.append((begin, len(text)))
    return found


def chunk_key(path, code):
    """Names a definition by its file's name and its code (`uncomment`), however that is laid out.

    Folder and comments are left out: a result stays valid when a file moves or is explained better.
    """
    name = path.rsplit("/", 1)[-1]
    return hashlib.sha1(f"{name}\n{' '.join(code.split())}".encode()).hexdigest()[:12]


def closing(code, opening):
    """Returns where the parenthesis at `opening` closes."""
    depth = 0
    for i in range(opening, len(code)):
        depth += (code[i] == "(") - (code[i] == ")")
        if depth == 0:
            return i
    return -1


# ---- Operators, each a function from (code, text) to (start, end, after) ---------------------------

SWAPS = {
    "compare": {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="},
    "arithmetic": {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "<<": ">>", ">>": "<<",
                   "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "|=": "&=", "&=": "|="},
    "logical": {"&&": "||", "||": "&&", "&": "|", "|": "&"},
}  # fmt: skip


def swaps(kind):
    table = SWAPS[kind]
    pattern = re.compile(r"(?<=\s)(%s)(?=\s)" % "|".join(re.escape(k) for k in sorted(table, key=len, reverse=True)))

    def find(code, text):
        for m in pattern.finditer(code):
            yield m.start(), m.end(), table[m.group()]

    return find


def negations(code, text):
    """!x becomes x."""
    for m in re.finditer(r"!(?=[\w(])", code):
        yield m.start(), m.end(), ""


ARRAY = re.compile(r"^\s*(?:static |const |unsigned |local |private )*(?:char|int|float|double|size_t|\w+_t|clf_\w+|cl_\w+) [^=;(]*\[[^]]*$")


def constants(code, text):
    """0 becomes 1, any other number one more; lengths of arrays are left alone."""
    number = re.compile(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\d+)([uUlLfF]*)(?![\w.])")
    for m in number.finditer(code):
        line = code[code.rfind("\n", 0, m.start()) + 1 : m.start()]
        if ARRAY.match(line):
            continue
        digits, suffix = m.groups()
        if re.search(r"[.eE]", digits) and not digits.lower().startswith("0x"):
            value = float(digits)
            after = repr(value * 1.5 if value else 1.0) + suffix
        else:
            value = int(digits, 16) if digits.lower().startswith("0x") else int(digits, 10)
            after = ("0" if value == 1 else str(value + 1)) + suffix
        yield m.start(), m.end(), after


def conditions(code, text):
    """A condition becomes constant: `if` true or false, `while` false."""
    for m in re.finditer(r"\b(if|while) \(", code):
        begin = m.end() - 1
        end = closing(code, begin)
        if end < 0:
            continue
        inner = text[begin + 1 : end]
        yield begin + 1, end, f"0 && ({inner})"
        if m.group(1) == "if":
            yield begin + 1, end, f"1 || ({inner})"


def bounds(code, text):
    """A loop begins one later or ends one earlier."""
    for m in re.finditer(r"\bfor \(", code):
        end = closing(code, m.end() - 1)
        parts = code[m.end() : end].split(";")
        if len(parts) != 3:
            continue
        first = re.search(r"= 0$", parts[0])
        if first:
            at = m.end() + first.start() + 2
            yield at, at + 1, "1"
        limit = re.search(r" (<|<=) ([^&|]+)$", parts[1])
        if limit:
            at = m.end() + len(parts[0]) + 1 + limit.end(2)
            yield at, at, " - 1"


def statuses(code, text):
    """What a call returns is ignored."""
    for m in re.finditer(r"\b(?:CLF|CL)_TRY\(", code):
        end = closing(code, m.end() - 1)
        if end > 0:
            yield m.start(), end + 1, f"(void)({text[m.end():end]})"


DECLARATION = re.compile(r"^(?:(?:const|static|unsigned|signed|struct|enum|union|typedef|extern|local|global|private|constant|kernel)\b|[A-Za-z_]\w*(?:\s+|\s*\*+\s*)\**\w+\s*(?:[=;,\[(]|$))")


def deletions(code, text):
    """A statement is deleted: a call, an assignment, a conditional return."""
    depth = brackets = 0
    start, guarded, i = None, False, 0
    while i < len(code):
        c = code[i]
        if c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
        elif depth == 0 and c in "{}":
            brackets += 1 if c == "{" else -1
            start, guarded = i + 1, False
        elif depth == 0 and c == ";":
            if brackets > 0 and start is not None:
                yield from one_deletion(code, start, i, guarded)
            start, guarded = i + 1, False
        elif depth == 0 and c == ":" and start is not None and re.match(r"\s*(case\b|default\b)", code[start:i]):
            start, guarded = i + 1, False
        if i == start:  # a statement that follows `if (...)`, `else` and so on
            m = re.compile(r"\s*(?:else\b\s*)?(?:(?:if|while|for|switch)\b\s*(\()|(else|do)\b)").match(code, start)
            if m:
                end = closing(code, m.end() - 1) if m.group(1) else m.end() - 1
                if end < 0:
                    return
                i, start, guarded = end, end + 1, True
        i += 1


def one_deletion(code, start, end, guarded):
    body = code[start:end]
    lead = len(body) - len(body.lstrip())
    body = body.strip()
    if not body or "{" in body:
        return
    if body.startswith("return"):
        if not guarded:  # nothing else would be returned
            return
    elif re.match(r"(break|continue)$", body):
        pass
    elif DECLARATION.match(body):
        return
    yield start + lead, end, ""


OPERATORS = {
    "compare": swaps("compare"),
    "arithmetic": swaps("arithmetic"),
    "logical": swaps("logical"),
    "negation": negations,
    "constant": constants,
    "condition": conditions,
    "bound": bounds,
    "status": statuses,
    "delete": deletions,
}


def mutants(path, text):
    """All mutants of a file; those of one text appear once."""
    code, plain, found, seen = mask(text), uncomment(text), [], set()
    spans = chunks(text)
    keys = [chunk_key(path, plain[a:b]) for a, b in spans]
    written = [0, *accumulate(not c.isspace() for c in plain)]  # characters before each place
    for operator, find in OPERATORS.items():
        sites = sorted(find(code, text))
        at = 0
        for start, end, after in sites:
            while spans[at][1] <= start:
                at += 1
            if (start, end, after) in seen:
                continue
            seen.add((start, end, after))
            place, length = written[start] - written[spans[at][0]], written[end] - written[start]
            name = f"{keys[at]} {place} {length} {' '.join(uncomment(after).split())}"
            found.append(
                Mutant(
                    hashlib.sha1(name.encode()).hexdigest()[:10],
                    path,
                    text.count("\n", 0, start) + 1,
                    operator,
                    start,
                    end,
                    " ".join(text[start:end].split()),
                    after,
                )
            )
    return found
