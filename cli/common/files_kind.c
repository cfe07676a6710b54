/* SPDX-License-Identifier: MIT */
/* files_kind.c: finds the kind of a file by its first bytes. An output replaces only a file of
 * the kind that it would write. */
#include "files.h"
#include <string.h>

typedef struct head {
  char at[4096 + 1]; /* plus a NUL */
  size_t size;
} head;

static int begins(const head *h, const char *with) {
  return strncmp(h->at, with, strlen(with)) == 0;
}

static int is_text(const head *h) { return memchr(h->at, '\0', h->size) == NULL; }
static int is_npy(const head *h) { return begins(h, "\x93NUMPY"); }
static int is_png(const head *h) { return begins(h, "\x89PNG\r\n"); }
static int is_report(const head *h) { return h->at[0] == '{' && strstr(h->at, "\"clflow_bench\""); }
static int is_log(const head *h) {
  return begins(h, "{\"step\":") || begins(h, "{\"first_step\":") || begins(h, "{\"epoch\":");
}
static int is_page(const head *h) { return h->at[strspn(h->at, " \t\r\n")] == '<' && is_text(h); }

static int is_source(const head *h) {
  return begins(h, "/* A normalizing flow, exported by clflow");
}

/* The archives and modules of `clflow export --pytorch`.  Those of torch have another date. */
static int is_state(const head *h) {
  static const char first[] = "flow/data.pkl", date[] = {0, 0, 0x21, 0};
  return h->size > 64 && begins(h, "PK\3\4") && !memcmp(h->at + 10, date, sizeof date) &&
         !memcmp(h->at + 30, first, sizeof first - 1);
}
static int is_module(const head *h) {
  return begins(h, "\"\"\"A normalizing flow that clflow exported");
}

typedef struct kind {
  const char *suffix, *what;
  int (*is)(const head *h);
} kind;

static const kind log_kind = {"", "a log of `clflow train`", is_log};
static const kind kinds[] = {
    {".csv", "a table of text", is_text},
    {".npy", "a .npy file", is_npy},
    {".png", "a PNG picture", is_png},
    {".json", "a report of `clflow bench`", is_report},
    {".html", "a page of HTML", is_page},
    {".c", "a file of `clflow export`", is_source},
    {".pt", "a file of `clflow export`", is_state},
    {".py", "a file of `clflow export`", is_module},
};

/* NULL for a name that the verb will refuse. */
static const kind *kind_of(const cli_use *u) {
  if (u->type == CLI_OUTPUT_LOG) return &log_kind;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (cli_has_suffix(u->path, kinds[i].suffix)) return &kinds[i];
  return NULL;
}

static int read_head(const char *path, head *h) {
  FILE *f = fopen(path, "rb");
  if (!f) return 0;
  h->size = fread(h->at, 1, sizeof h->at - 1, f);
  h->at[h->size] = '\0';
  const int fine = !ferror(f);
  fclose(f);
  return fine;
}

static int refuse(const cli_use *u, const char *what) {
  return cli_usage("%s %s exists and is not %s; give another name, or --force to replace it",
                   u->option, u->path, what);
}

/* A replaced model is kept as PATH.previous, unless something else has that name. */
static void say_not_kept(const cli_use *u) {
  if (u->copy && cli_has_suffix(u->path, ".previous") && !clf_is_model_file(u->path))
    cli_say("%s is not a model of clflow and stays as it is; a file that %s replaces is not kept",
            u->path, u->option);
}

int cli_check_kind(const cli_use *u) {
  head h;
  const int there = u->exists && S_ISREG(u->st.st_mode) && u->st.st_size > 0;
  if (u->how != CLI_WRITES || u->dash || u->inherited || !there) return CLI_OK;
  say_not_kept(u);
  if (cli_common.force) return CLI_OK;
  if (u->type == CLI_OUTPUT_MODEL || cli_has_suffix(u->path, ".flow"))
    return clf_is_model_file(u->path) ? CLI_OK : refuse(u, "a model of clflow");
  const kind *k = kind_of(u);
  if (!k) return CLI_OK;
  return read_head(u->path, &h) && k->is(&h) ? CLI_OK : refuse(u, k->what);
}
