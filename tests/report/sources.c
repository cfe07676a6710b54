/* SPDX-License-Identifier: MIT */
/* sources.c: flows, rows and pages for the tests of reports. */
#include <stdlib.h>
#include <string.h>
#include "report/sources.h"

clf_device *dev;

void set_up(void) { WORKS(clf_open("cpu", &dev)); }
void tear_down(void) { clf_close(dev); }

clf_flow *flow_of(const char *text) {
  clf_arch *arch;
  clf_flow *flow;
  WORKS(clf_arch_parse(text, &arch));
  WORKS(clf_flow_create_arch(dev, arch, 1, &flow));
  clf_arch_free(arch);
  return flow;
}

/* Rows drawn from the flow itself. */
clf_table own_rows(clf_flow *flow, int64_t n, uint64_t seed) {
  clf_table t;
  WORKS(clf_table_new(n, clf_flow_get_spec(flow)->dim, &t));
  WORKS(clf_sample(flow, seed, 0, n, t.at));
  return t;
}

void stretch(clf_table *t, int32_t column, double shift, double scale) {
  for (int64_t i = 0; i < t->rows; i++)
    t->at[i * t->cols + column] = shift + scale * t->at[i * t->cols + column];
}

clf__facts judged(const clf_report_source *source) {
  clf__facts f;
  WORKS(clf__judge(&f, source));
  return f;
}

/* Tags are closed in order, and text has no stray bracket. */
static void well_formed(const char *html) {
  static char open[64][16];
  int depth = 0;
  for (const char *at = strchr(html, '<'); at; at = strchr(at, '<')) {
    char name[16] = "";
    const int closes = at[1] == '/';
    const char *const end = strchr(at, '>');
    ck_assert_ptr_nonnull(end);
    ck_assert_msg(!memchr(at + 1, '<', (size_t)(end - at - 1)), "%.60s", at);
    sscanf(at + 1 + closes, "%15[a-z0-9!]", name);
    ck_assert_msg(*name, "%.60s", at);
    const int alone =
        end[-1] == '/' || strcmp(name, "meta") == 0 || strcmp(name, "br") == 0 || *name == '!';
    if (closes) {
      ck_assert_int_gt(depth, 0);
      ck_assert_msg(strcmp(open[--depth], name) == 0, "%s closes %s: %.80s", name, open[depth], at);
    } else if (!alone) {
      ck_assert_int_lt(depth, 64);
      strcpy(open[depth++], name);
    }
    at = end;
  }
  ck_assert_int_eq(depth, 0);
}

/* The page of a source, after checks; the caller frees it. */
char *page_of(const clf_report_source *source, char verdict[512]) {
  size_t size;
  WORKS(clf_report_write(source, "page.html", verdict, 512));
  char *html = read_file("page.html", &size);
  ck_assert_uint_eq(strlen(html), size);
  well_formed(html);
  ck_assert_ptr_null(strstr(html, "nan"));
  ck_assert_ptr_null(strstr(html, "http:"));
  ck_assert_ptr_null(strstr(html, "https:"));
  ck_assert_ptr_null(strstr(html, "<script"));
  return html;
}

void contains(const char *html, const char *text) {
  ck_assert_msg(strstr(html, text), "the page lacks: %s", text);
}
