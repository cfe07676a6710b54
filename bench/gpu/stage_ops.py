# SPDX-License-Identifier: MIT
"""Stage 3: compares every case of every operation with double precision, for each family that fits."""

import stage_builds
import suites
from work import BUNDLE, tell


def stems():
    return (BUNDLE / "data/stems.txt").read_text().split()


def run(work, results, options):
    rows = results.all["ops"] = []
    name = work.device["name"]
    env = {"CLF_QUICK": "1"} if work.device["type"] == "cpu" else {}
    runs = [("test_ops", f"{name}/{family}", stem)
            for family in stage_builds.families(work, results) for stem in stems()]  # fmt: skip

    def keep(row):
        rows.append(row)
        results.save()
        if row["verdict"] not in ("passed", "not run"):
            tell("ops", f"{' '.join(row['arguments'])}: {row['verdict']}: "
                        f"{row.get('first_failure', '')[:300]}")  # fmt: skip

    suites.run_all(work, runs, env, keep)
    passed = sum(r["verdict"] == "passed" for r in rows)
    tell("ops", f"{passed} of {len(rows)} passed, {sum(r.get('checks', 0) for r in rows)} cases")
    return suites.summary(rows)
