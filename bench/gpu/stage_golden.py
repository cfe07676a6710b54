# SPDX-License-Identifier: MIT
"""Stage 4: compares whole flows with numbers of PyTorch, and with identities."""

import stage_builds
import suites
from work import tell

TESTS = ("test_golden", "test_identities", "test_golden_images")


def run(work, results, options):
    rows = results.all["golden"] = []
    name = work.device["name"]
    runs = [(test, f"{name}/{family}")
            for family in stage_builds.families(work, results) for test in TESTS]  # fmt: skip

    def keep(row):
        rows.append(row)
        results.save()
        tell("golden", f"{row['test']} {row['arguments'][0]}: {row['verdict']}, "
                       f"{row.get('checks', 0)} checks {row.get('first_failure', '')[:300]}")  # fmt: skip

    suites.run_all(work, runs, {}, keep)
    return suites.summary(rows)
