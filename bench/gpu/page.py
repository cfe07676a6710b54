# SPDX-License-Identifier: MIT
"""report.html: a self-contained page, made from report.json."""

import html
import math
from pathlib import Path

import lost

HERE = Path(__file__).resolve().parent


def text(value):
    return html.escape(str(value))


def ms(value):
    """Formats milliseconds with three digits and a suitable unit."""
    if value is None:
        return "–"
    for unit, scale in (("s", 1e3), ("ms", 1), ("µs", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value * 1e6:.3g} ns"


def good(verdict):
    """Returns the CSS class of a verdict's cell."""
    bad = ("failed", "crashed", "not evaluated", "not comparable")
    late = ("too slow", "not run", "no ", "does not fit")
    if verdict.startswith(bad):
        return "bad"
    return "late" if verdict.startswith(late) or "not " in verdict else "good"


def verdict_cell(verdict):
    return f'<td class="{good(verdict)}">{text(verdict)}</td>'


def table(head, rows, numbers=()):
    """Makes a table of rows of cells, each a text or a complete '<td...'; columns `numbers` align right."""
    def cell(i, value):
        if isinstance(value, str) and value.startswith("<td"):
            return value
        return f'<td{" class=n" if i in numbers else ""}>{text(value)}</td>'

    head = "".join(f'<th{" class=n" if i in numbers else ""}>{text(h)}</th>' for i, h in enumerate(head))
    body = "".join("<tr>" + "".join(cell(i, v) for i, v in enumerate(r)) + "</tr>\n" for r in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>\n'


def section(title, words, body):
    return f"<h2>{title}</h2>\n<p>{words}</p>\n{body}" if body else ""


def details(title, body):
    return f"<details><summary>{title}</summary>\n{body}</details>\n"


# ---- Stages ---------------------------------------------------------------------------


def stages(r):
    rows = [[name, verdict_cell(s["verdict"]), f"{s['seconds']} s"] for name, s in r["stages"].items()]
    return table(["stage", "result", "time"], rows, (2,)) if rows else ""


def devices(r):
    rows = [[d["name"], d["device"], d["driver"], d["type"], d["family"], d["units"],
             f"{d['memory'] / 2**30:.1f} GiB",
             verdict_cell({True: "passed", False: "failed: " + d["why"], None: "not run"}[d["self_test"]])]
            for d in r.get("devices", [])]  # fmt: skip
    body = table(["name", "device", "driver", "type", "family", "units", "memory", "self-test"], rows, (5, 6))
    if r.get("properties"):
        body += details("Its properties", table(["property", "value"], list(r["properties"].items())))
    tools = "".join(f"<p>{text(name)}: {text(said)}</p>" for name, said in r.get("tools", {}).items())
    if not r.get("drivers") and "searched" in r:
        tools += f"<p>No OpenCL driver was found. Looked in: {text(', '.join(r['searched']))}.</p>"
    return body + tools


def builds(r):
    def most(line):
        told = [k for k in line.get("kernels", []) if "registers" in k]
        if not told:
            return "–", "–"
        top = max(told, key=lambda k: k["registers"])
        return f"{top['registers']} ({top['name']})", sum(k["spilled_bytes"] > 0 for k in told)

    rows, logs = [], ""
    for line in r.get("builds", []):
        seconds = f"{line['seconds']:.2f} s" if "seconds" in line else "–"
        rows.append([line["family"], verdict_cell(line["status"]), seconds, len(line.get("kernels", [])), *most(line)])
        log = (line.get("why", "") + "\n" + line.get("log", "")).strip()
        if line["status"] == "failed" or log and len(log) < 4000:
            logs += details(f"log of {text(line['family'])}", f"<pre>{text(log[:20000])}</pre>")
    if not rows:
        return ""
    return table(["family", "result", "time", "kernels", "most registers", "kernels that spill"], rows, (2, 3, 5)) + logs


def ops(r):
    rows = r.get("ops", [])
    if not rows:
        return ""
    families = list(dict.fromkeys(row["arguments"][0].split("/")[1] for row in rows))
    by = {(row["arguments"][1], row["arguments"][0].split("/")[1]): row for row in rows}
    cells = []
    for stem in dict.fromkeys(row["arguments"][1] for row in rows):
        line = [stem]
        for family in families:
            row = by.get((stem, family))
            if not row:
                line.append("–")
                continue
            words = row["verdict"] if row["verdict"] != "passed" else f"{row['checks']} cases"
            if row.get("failed"):
                words = f"failed: {row['failed']} of {row['checks']}"
            line.append(f'<td class="{good(row["verdict"])}">{text(words)}</td>')
        cells.append(line)
    failures = "".join(
        f"<h3>{text(' '.join(row['arguments']))}</h3><p>The smallest case that fails:</p><pre>{text(row['first_failure'])}</pre>"
        for row in rows if row.get("first_failure"))  # fmt: skip
    return table(["stem", *families], cells) + failures


def suites(r):
    rows = [[row["test"], row["arguments"][0], verdict_cell(row["verdict"]), row.get("checks", "–"),
             f"{row['seconds']:.1f} s", row.get("first_failure", "")[:300]]
            for row in r.get("golden", [])]  # fmt: skip
    return table(["test", "device", "result", "checks", "time", "first failure"], rows, (3, 4)) if rows else ""


def training(r):
    def number(x):
        return "–" if x is None else f"{x:.6f}"

    rows = [[row["name"], verdict_cell(row["verdict"]), row["epochs"], f"{row['seconds']:.1f} s",
             number(row.get("mean")), number(row.get("mean_cpu64")), row.get("why", "")[:300]]
            for row in r.get("training", [])]  # fmt: skip
    head = ["training", "result", "epochs", "time", "mean log p, nats", "on cpu64", ""]
    return table(head, rows, (2, 3, 4, 5)) if rows else ""


def peers(r):
    rows = []
    for row in r.get("torch", {}).get("rows", []):
        own = min((s["best"] for s in row["clflow"].values()), default=None)
        for side in row["sides"]:
            best = side.get("best")
            ratio = f"{best / own:.2f}x" if best and own else "–"
            kind = "good" if best and own and best >= own else "late"
            rows.append([row["name"], ms(own * 1e3 if own else None), side["peer"],
                         ms(best * 1e3) if best else side.get("error", "–"),
                         f'<td class="n {kind}">{ratio}</td>',
                         f"{side.get('difference', float('nan')):.1e}"])  # fmt: skip
    head = ["workload", "clflow", "peer", "its time", "ratio (above 1: clflow is faster)", "difference"]
    return table(head, rows, (1, 3, 4, 5)) if rows else ""


def trace(r):
    body = ""
    for row in r.get("trace", []):
        total = sum(o["us"] for o in row["operations"]) or 1
        rows = [[o["operation"], o["calls"], ms(o["us"] / 1e3), f"{100 * o['us'] / total:.1f} %"]
                for o in row["operations"][:10]]  # fmt: skip
        body += f"<figure><h3>{text(row['flow'])}</h3>" + table(["operation", "calls", "time", "percent"], rows, (1, 2, 3)) + "</figure>"
    return f'<div class="charts">{body}</div>' if body else ""


def following(r):
    flows = [[f["what"], ms(f["ms"]), f["peer"], ms(f["peer_ms"]), ms(f["lost_ms"])]
             for f in lost.of_flows(r) if f["lost_ms"] > 0]  # fmt: skip
    ops_ = [[o["what"], ms(o["ms"]), ms(o["bound_ms"]), f"{100 * o['reached']:.0f} %", ms(o["lost_ms"])]
            for o in lost.of_operations(r)[:15]]  # fmt: skip
    body = ""
    if flows:
        body += "<h3>Slower than PyTorch</h3>" + table(
            ["workload", "clflow", "faster peer", "its time", "lost"], flows, (1, 3, 4))
    if ops_:
        body += "<h3>Operations, by the time above what the device's peaks allow</h3>" + table(
            ["operation", "time", "bound", "of bound", "lost in a call"], ops_, (1, 2, 3, 4))
    return body


def bench(r):
    rows = []
    for key, when in (("bench", "untuned"), ("bench_tuned", "tuned")):
        for row in r.get(key, {}).get("rows", []):
            percent = lambda name: f"{row[name]:.0f} %" if row.get(name) else "–"  # noqa: E731
            rows.append([row["name"], row["asked"], when, ms(row.get("ms")), ms(row.get("first_ms")),
                         f"{row['gflops']:.4g}" if row.get("gflops") else "–", percent("peak_percent"),
                         f"{row['gbs']:.4g}" if row.get("gbs") else "–", percent("bandwidth_percent")])  # fmt: skip
    head = ["workload", "device", "", "median", "first", "GFLOP/s", "of peak", "GB/s", "of bandwidth"]
    return details(f"{len(rows)} rows", table(head, rows, (3, 4, 5, 6, 7, 8))) if rows else ""


# ---- The roofline ---------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 420, 62, 44, 16
COLOURS = {"gemm": "d0", "conv": "d1", "coupling": "d2", "norm": "d3", "elementwise": "d4",
           "reduce": "d5", "random": "d6"}  # fmt: skip


def scale(low, high, begin, end):
    span = math.log10(high) - math.log10(low)
    return lambda v: begin + (math.log10(v) - math.log10(low)) / span * (end - begin)


def points(bench_report):
    """Returns (intensity, GFLOP/s, name) of the operations that count both flops and bytes."""
    return [(row["flops"] / row["bytes"], row["gflops"], row["name"]) for row in bench_report["rows"]
            if row.get("group") == "op" and row.get("flops") and row.get("bytes") and row.get("gflops")]  # fmt: skip


def roofline(r):
    report = lost.newest(r)
    at = points(report)
    peaks = [d for d in report["devices"].values() if d.get("peak_gflops") and d.get("peak_gbs")]
    if not at or not peaks:
        return ""
    peak, band = peaks[0]["peak_gflops"], peaks[0]["peak_gbs"]
    low = 10 ** math.floor(math.log10(min(p[0] for p in at)))
    high = 10 ** math.ceil(math.log10(max(p[0] for p in at) * 1.01))
    top = 10 ** math.ceil(math.log10(peak * 1.01))
    bottom = 10 ** math.floor(math.log10(min([p[1] for p in at] + [low * band])))
    x, y = scale(low, high, LEFT, WIDTH - 12), scale(bottom, top, HEIGHT - BOTTOM, TOP)
    lines = []
    for e in range(round(math.log10(low)), round(math.log10(high)) + 1):
        lines.append(f'<line class="grid" x1="{x(10**e):.1f}" x2="{x(10**e):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
                     f'<text x="{x(10**e):.1f}" y="{HEIGHT - BOTTOM + 16}" class="mid">{10**e:g}</text>')  # fmt: skip
    for e in range(round(math.log10(bottom)), round(math.log10(top)) + 1):
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y(10**e):.1f}" y2="{y(10**e):.1f}"/>'
                     f'<text x="{LEFT - 6}" y="{y(10**e) + 4:.1f}" class="end">{10**e:g}</text>')  # fmt: skip
    knee = min(max(peak / band, low), high)
    roof = f"M{x(low):.1f},{y(max(low * band, bottom)):.1f} L{x(knee):.1f},{y(min(knee * band, peak)):.1f} L{x(high):.1f},{y(peak):.1f}"
    lines.append(f'<path class="roof" d="{roof}"/>')
    for intensity, gflops, name in at:
        colour = COLOURS.get(name.split("/")[0], "d7")
        lines.append(f'<circle class="{colour}" cx="{x(intensity):.1f}" cy="{y(gflops):.1f}" r="4.5"><title>{text(name)}: {gflops:.4g} GFLOP/s</title></circle>')
    groups = [g for g in COLOURS if any(p[2].startswith(g + "/") for p in at)]
    legend = "".join(f'<span><i class="{COLOURS[g]}"></i>{g}</span>' for g in groups)
    return (f'<figure><div class="legend">{legend}</div><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="roofline">'
            + "\n".join(lines)
            + f'<text x="{(WIDTH + LEFT) / 2:.0f}" y="{HEIGHT - 6}" class="mid">flops a byte</text>'
              f'<text transform="translate(14 {HEIGHT / 2:.0f}) rotate(-90)" class="mid">GFLOP/s</text></svg></figure>')  # fmt: skip


# ---- All of it ------------------------------------------------------------------------


def head(r):
    chosen = next((d for d in r.get("devices", []) if d["name"] == r.get("device")), None)
    name = f"{chosen['device']} ({chosen['name']})" if chosen else "no OpenCL device"
    m = r.get("machine", {})
    bad = [n for n, s in r["stages"].items() if good(s["verdict"]) == "bad"]
    verdict = f"failed: {', '.join(bad)}" if bad else "nothing failed"
    return (f"<h1>clflow on {text(name)}</h1>\n<p>clflow {text(r.get('version'))}, revision {text(r.get('revision'))} · "
            f"{text(m.get('processor', ''))}, {m.get('cores', '?')} cores · {text(m.get('system', ''))} · {text(r.get('date'))}</p>\n"
            f'<p class="{"bad" if bad else "good"} verdict">{text(verdict)}</p>\n')  # fmt: skip


def page(r):
    body = head(r)
    body += section("What passed", "Each stage has a fraction of the time; the result says if it did not finish.", stages(r))
    torch = r.get("torch", {})
    body += section("Next to PyTorch", f"The same computation in both, measured alternately; medians. PyTorch {text(torch.get('version'))}"
                    f"{'' if torch.get('cuda') else ', without a GPU'}. TF32 multiplies with 10 bits of mantissa.", peers(r))  # fmt: skip
    body += section("What to work on next", "Ordered by lost time.", following(r))
    body += section("Roofline", "Operations compared with the device's measured multiply-add rate and bandwidth. "
                    "Masked or transformed operations count as the dense ones.", roofline(r))  # fmt: skip
    body += section("Where the time of a training goes", "One epoch, with each operation timed separately (`trace:`).", trace(r))
    body += section("Devices", "As <code>clflow devices</code> lists them.", devices(r))
    body += section("Kernels", "All kernels, built for each family without a cache.", builds(r))
    body += section("Operations", "Every case, compared with double precision.", ops(r))
    body += section("Whole flows", "Compared with numbers of PyTorch (golden files), and with identities.", suites(r))
    body += section("Trainings", "The mean over all rows is also computed in double precision from the saved model.", training(r))
    body += section("The bench", "Medians, and percent of the measured peaks.", bench(r))
    style = (HERE / "page.css").read_text()
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>clflow on {text(r.get('device'))}</title>\n<style>\n{style}</style></head>\n<body>\n{body}</body></html>\n")  # fmt: skip
