# SPDX-License-Identifier: MIT
"""Puts many mutants of host code into one build.

A function that has mutants begins with a copy of its body for each of them, and an environment
variable chooses a copy when a program starts.  So a file is compiled and tests are linked once for
many mutants.  Each function also notes that it was entered: a test that passes without entering it
need not run for its mutants.
"""

import re
import subprocess

from operators import chunks, mask

# Linked into every program and library of such a build.
CHOOSES = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
enum { MOST = 65536 };
static char nowhere[MOST];
__attribute__((visibility("hidden"))) char *clf_mutant_entered = nowhere;
__attribute__((visibility("hidden"))) int clf_mutant;
__attribute__((constructor(101))) static void begin(void) {
  const char *const number = getenv("CLF_MUTANT"), *const path = getenv("CLF_MUTANT_ENTERED");
  const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  void *const at = fd < 0 ? MAP_FAILED : mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) clf_mutant_entered = at;
  clf_mutant = number ? atoi(number) : 0;
}
"""
MOST = 65536
DECLARES = "extern int clf_mutant;\nextern char *clf_mutant_entered;\n#line 1\n"


def compile_choice(folder):
    """Compiles the code that chooses; returns the path of the object file."""
    source, target = folder / "chooses.c", folder / "chooses.o"
    source.write_text(CHOOSES)
    subprocess.run(["cc", "-O1", "-fPIC", "-c", source, "-o", target], check=True)
    return target


def function_of(text, m):
    """Returns (first, last) of the body of the function that a mutant changes, without its braces; None if it
    changes something else, or if the function has labels, which cannot be there twice."""
    code = mask(text)
    begin, end = next(s for s in chunks(text) if s[0] <= m.start < s[1])
    first = code.find("{", begin, end) + 1
    last = code.rfind("}", begin, end)
    head = code[begin : first - 1].rstrip()
    if not first or last < first or not head.endswith(")") or "=" in head:
        return None
    if m.start < first or m.end > last or re.search(r"\bgoto\b", code[first:last]):
        return None
    return first, last


def returns_nothing(text, first):
    head = mask(text)[:first]
    head = head[max(head.rfind("}"), head.rfind(";"), 0) :]
    return re.search(r"\bvoid\s+\w+\s*\(", head) is not None


def number_of(m):
    return int(m.id[:7], 16)


def combine(text, mutants):
    """Returns the text with all of these mutants, and {number: what its function notes}."""
    bodies, notes = {}, {}
    for m in mutants:
        bodies.setdefault(function_of(text, m), []).append((number_of(m), m))
    for (first, last), found in sorted(bodies.items(), reverse=True):
        end = "return;" if returns_nothing(text, first) else "__builtin_trap();"
        note = found[0][0] % MOST
        copies = [f" clf_mutant_entered[{note}] = 1;"]
        for number, m in found:
            body = text[first : m.start] + m.after + text[m.end : last]
            copies.append(f" if (clf_mutant == {number}) {{{body}\n{end} }}")
            notes[number] = note
        text = text[:first] + "".join(copies) + text[first:]
    return DECLARES + text, notes
