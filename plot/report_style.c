/* SPDX-License-Identifier: MIT */
/* report_style.c: the style of the page, for light and dark, wide and narrow windows. */
#include "report.h"

#include <math.h>

static void colors(clf__page *p, int dark) {
  for (int i = 0; i < CLF__INKS; i++) {
    const clf__rgb c = dark ? clf__tones[i].dark : clf__tones[i].light;
    clf__page_addf(p, "--%s:#%02lx%02lx%02lx;", clf__tones[i].name, lround(255 * c.r),
                   lround(255 * c.g), lround(255 * c.b));
  }
  clf__page_add(p, dark ? "--back:#16191d;--card:#1d2126;--good:#5cc8a4;--fair:#f0b440;"
                        : "--back:#fff;--card:#f6f7f8;--good:#00785a;--fair:#8a5a00;");
}

static void inks(clf__page *p) {
  for (int i = 0; i < CLF__INKS; i++)
    clf__page_addf(p, ".f%d{fill:var(--%s)}.s%d{fill:none;stroke:var(--%s)}", i, clf__tones[i].name,
                   i, clf__tones[i].name);
}

void clf__report_style(clf__page *p) {
  clf__page_add(p, "<style>\n:root{color-scheme:light dark;");
  colors(p, 0);
  clf__page_add(p, "}\n@media(prefers-color-scheme:dark){:root{");
  colors(p, 1);
  clf__page_add(
      p,
      "}}\n"
      "*{box-sizing:border-box}"
      "body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,"
      "-apple-system,'Segoe UI',Roboto,'Helvetica Neue','DejaVu Sans',sans-serif}\n"
      "main{max-width:1140px;margin:0 auto;padding:20px 20px 48px}\n"
      "h1{font-size:21px;line-height:1.3;margin:0 0 2px;overflow-wrap:anywhere}"
      "h2{font-size:17px;margin:36px 0 6px}h3{font-size:14px;margin:18px 0 4px}"
      "p{margin:6px 0;max-width:48em}.soft{color:var(--soft)}.small{font-size:13px}\n"
      ".verdict{background:var(--card);border-left:5px solid var(--good);padding:12px 16px;"
      "margin:14px 0;border-radius:4px}"
      ".verdict.l1{border-color:var(--fair)}.verdict.l2{border-color:var(--bad)}"
      ".verdict p:first-child{font-size:18px;font-weight:600;margin:0 0 6px}"
      ".verdict ul{margin:0;padding:0;list-style:none;max-width:62em}"
      ".verdict li{padding-left:24px;text-indent:-24px;margin:3px 0;overflow-wrap:anywhere}"
      "li i{display:inline-block;width:24px;text-indent:0;font-style:normal;font-weight:700}"
      ".l0 i,li.l0 i{color:var(--good)}li.l1 i{color:var(--fair)}li.l2 i{color:var(--bad)}\n"
      ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13.5px;margin:8px 0}"
      "th,td{padding:4px 10px;border-bottom:1px solid var(--faint);text-align:left;"
      "vertical-align:top}th{font-weight:600;color:var(--soft)}"
      "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
      "tr.chosen td{background:var(--card);font-weight:600}td:first-child,th:first-child"
      "{padding-left:4px}td.w{overflow-wrap:anywhere;min-width:9em}\n"
      ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(248px,1fr));gap:14px 18px;"
      "margin:10px 0}.grid.wide{grid-template-columns:repeat(auto-fill,minmax(320px,1fr))}"
      ".grid svg{display:block;width:100%;height:auto;max-width:380px}"
      ".grid.wide svg{max-width:540px}.grid.one{grid-template-columns:1fr}"
      ".grid.one svg{max-width:520px}svg svg{overflow:hidden}text{font-family:inherit}"
      "text.b{font-weight:600}\n"
      ".key{font-size:13px;color:var(--soft)}.key b{display:inline-block;width:12px;height:12px;"
      "border-radius:2px;margin:0 5px 0 12px;vertical-align:-1px}.key b:first-child{margin-left:0}"
      "\ncode,pre{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',"
      "monospace}pre{background:var(--card);padding:10px 12px;border-radius:4px;"
      "white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0}"
      "details{margin:8px 0}summary{cursor:pointer;color:var(--soft)}\n"
      ".grid.pairs{grid-template-columns:repeat(auto-fill,minmax(var(--m),1fr))}"
      ".pairs svg{max-width:520px}\n"
      "@media(min-width:1000px){"
      ".grid.pairs{grid-template-columns:repeat(var(--k),auto);justify-content:start;gap:4px}"
      ".pairs .at{grid-area:var(--r)/var(--c)}}\n"
      "@media(max-width:600px){main{padding:14px 12px 32px}h1{font-size:19px}"
      "th,td{padding:4px 7px}.tests :nth-child(4){display:none}.stack "
      "tr:first-child{display:none}.stack tr,.stack "
      "td.w{display:block}"
      ".stack td{border:0;display:inline-block;padding:1px 4px;text-align:left;white-space:normal}"
      ".stack tr{border-bottom:1px solid var(--faint);padding:5px 0}"
      ".stack td[data-l]::before{content:attr(data-l) ' ';color:var(--soft)}}\n"
      "@media print{.grid{break-inside:avoid}}\n");
  inks(p);
  clf__page_add(p, "\n</style>\n");
}
