/* SPDX-License-Identifier: MIT */
/* files.c: checks the files that a command line names: no file may be both read and written, or
 * written twice. */
#define _XOPEN_SOURCE 700
#include "../../runtime/core/path.h"
#include "cli.h"
#include "files.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- Names that do not exist yet --------------------------------------------- */

#ifdef _WIN32
static ssize_t target_of(const char *link, char *target, size_t size) {
  return (void)link, (void)target, (void)size, -1;
}
#else
static ssize_t target_of(const char *link, char *target, size_t size) {
  return readlink(link, target, size);
}
#endif

/* Follows one step of a link to a file that does not exist yet: a new name (free it), or NULL. */
static char *step(const char *path) {
  char target[PATH_MAX];
  const ssize_t n = target_of(path, target, sizeof target - 1);
  if (n < 0) return NULL;
  target[n] = '\0';
  const size_t folder = clf__is_slash(target[0]) ? 0 : clf__folder_length(path);
  char *next = malloc(folder + (size_t)n + 2);
  if (next) sprintf(next, "%.*s%s%s", (int)folder, path, folder ? "/" : "", target);
  return next;
}

/* The name, without links, of a file that does not exist: the real name of its folder and its
 * own name. */
static char *future_name(const char *path) {
  enum { MOST_LINKS = 40 };
  char *at = strdup(path);
  for (int i = 0; at && i < MOST_LINKS; i++) {
    char *next = step(at);
    if (!next) break;
    free(at);
    at = next;
  }
  if (!at) return NULL;
  const size_t n = clf__folder_length(at);
  char *folder = n ? strndup(at, n) : strdup("."), *real = folder ? realpath(folder, NULL) : NULL;
  const char *own = at + n + (n > 0 && clf__is_slash(at[n]));
  char *name = real ? malloc(strlen(real) + strlen(own) + 2) : NULL;
  if (name) sprintf(name, "%s/%s", real, own);
  free(folder);
  free(real);
  if (!name) return at; /* the folder does not exist; the verb reports that */
  free(at);
  return name;
}

static int same_name(const char *a, const char *b) {
#if defined(_WIN32) || defined(__APPLE__)
  return strcasecmp(a, b) == 0;
#else
  return strcmp(a, b) == 0;
#endif
}

/* ---- What the command line names ------------------------------------------------ */

/* "moons:n=100" is generated data and not a file. */
static int is_drawn(const char *source) {
  const size_t n = strcspn(source, ":");
  for (const char *const *name = clf_synthetic(); *name; name++)
    if (strlen(*name) == n && strncmp(*name, source, n) == 0) return 1;
  return n == strlen("glyphs") && strncmp(source, "glyphs", n) == 0;
}

static cli_use_how how_used(const cli_option *o) {
  switch (o->type) {
  case CLI_OPERAND:
  case CLI_INPUT:
  case CLI_FLOW:
  case CLI_CONTEXT:
  case CLI_DATA: return CLI_READS;
  case CLI_OUTPUT:
  case CLI_OUTPUT_MODEL:
  case CLI_OUTPUT_LOG: return CLI_WRITES;
  default: return CLI_NO_FILE;
  }
}

/* stat() of FILE.npz for "FILE.npz:ARRAY". */
static int archive_stat(const char *source, struct stat *st) {
  const size_t n = cli_archive_length(source);
  char *const path = n ? strndup(source, n) : NULL;
  const int failed = !path || stat(path, st) != 0;
  free(path);
  return failed ? -1 : 0;
}

/* Finds out what exists. Devices and pipes count as no file. */
static int look(cli_use *u, int descriptor) {
  int failed = descriptor < 0 ? stat(u->path, &u->st) : fstat(descriptor, &u->st);
  if (failed && u->how == CLI_READS) failed = archive_stat(u->path, &u->st);
  u->exists = !failed;
  if (u->exists && !S_ISREG(u->st.st_mode) && !S_ISDIR(u->st.st_mode)) u->how = CLI_NO_FILE;
  if (u->exists || descriptor >= 0) return CLI_OK;
  u->future = future_name(u->path);
  return u->future ? CLI_OK : cli_fail("out of memory for the name %s", u->path);
}

/* Room for one more; NULL: no memory. */
static cli_use *new_use(cli_uses *all) {
  if (all->count == all->room) {
    const int room = all->room ? 2 * all->room : 16;
    cli_use *const more = realloc(all->at, (size_t)room * sizeof *more);
    if (!more) return NULL;
    all->at = more;
    all->room = room;
  }
  return &all->at[all->count++];
}

/* Takes ownership of use.copy, also after an error. */
static int add(cli_uses *all, cli_use use) {
  cli_use *const u = new_use(all);
  if (!u) {
    const int code = cli_fail("out of memory for the name %s", use.path);
    free(use.copy);
    return code;
  }
  use.dash = strcmp(use.path, "-") == 0 &&
             (use.type == CLI_OUTPUT || use.type == CLI_OUTPUT_LOG || use.type == CLI_DATA);
  *u = use;
  if (u->dash && u->how == CLI_WRITES) return CLI_OK; /* add_streams() adds that file */
  return look(u, u->dash ? STDIN_FILENO : -1);
}

/* The file that a value names, or NULL. */
static const char *file_of(cli_type type, const char *word) {
  switch (type) {
  case CLI_DATA: return is_drawn(word) ? NULL : word;
  case CLI_FLOW: return *word == '@' ? word + 1 : NULL;
  case CLI_CONTEXT: return cli_given_is_file(word) ? word : NULL;
  default: return word;
  }
}

static int add_option(cli_uses *all, const cli_option *o) {
  const cli_use_how how = how_used(o);
  const char *word;
  if (!o->given || how == CLI_NO_FILE) return CLI_OK;
  memcpy(&word, o->to, sizeof word);
  const char *const path = file_of(o->type, word);
  if (!path) return CLI_OK;
  return add(all, (cli_use){.option = o->name, .path = path, .type = o->type, .how = how});
}

static int add_copy(cli_uses *all, cli_use use) {
  use.path = use.copy = strdup(use.path);
  return use.copy ? add(all, use) : cli_fail("out of memory for the names of files");
}

/* A replaced model is kept as PATH.previous, which is written without having an option. */
static int add_written(cli_uses *all, const cli_verb *verb) {
  const char *option, *path;
  int code = CLI_OK;
  for (int i = 0; !code && verb->also_writes && (path = verb->also_writes(i, &option)); i++)
    code = add_copy(all, (cli_use){.option = option, .path = path, .how = CLI_WRITES});
  return code;
}

/* Files that are values of --vary. */
static int add_read(cli_uses *all, const cli_verb *verb) {
  const cli_option *o;
  const char *word;
  int code = CLI_OK;
  for (int i = 0; !code && verb->also_reads && (word = verb->also_reads(i, &o)); i++) {
    const char *const path = how_used(o) == CLI_READS ? file_of(o->type, word) : NULL;
    if (path)
      code = add_copy(
          all, (cli_use){.option = o->name, .path = path, .type = o->type, .how = CLI_READS});
  }
  return code;
}

/* Messages and results may also be redirected to files. */
static int add_streams(cli_uses *all) {
  static const char *const names[] = {"standard output", "standard error"};
  for (int i = 0; i < 2; i++) {
    cli_use u = {.option = names[i], .path = names[i], .inherited = 1, .how = CLI_WRITES};
    if (fstat(STDOUT_FILENO + i, &u.st) != 0 || !S_ISREG(u.st.st_mode)) continue;
    u.exists = 1;
    cli_use *const at = new_use(all);
    if (!at) return cli_fail("out of memory for the names of files");
    *at = u;
  }
  return CLI_OK;
}

static void free_uses(cli_uses *all) {
  for (int i = 0; i < all->count; i++) {
    free(all->at[i].copy);
    free(all->at[i].future);
  }
  free(all->at);
}

/* Everything in a folder of images is read. */
static int is_read_folder(const cli_use *u) {
  return u->how == CLI_READS && u->type == CLI_DATA && u->exists && S_ISDIR(u->st.st_mode);
}

/* ---- Comparing -------------------------------------------------------------------- */

static int same_file(const cli_use *a, const cli_use *b) {
  if (a->exists != b->exists) return 0;
  if (!a->exists) return a->future && b->future && same_name(a->future, b->future);
  return a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino;
}

/* "--out m", "standard output", "m.previous, which --out writes too". */
static void describe(const cli_use *u, char *text, size_t size) {
  if (u->copy && u->how == CLI_WRITES)
    snprintf(text, size, "%s, which %s also writes,", u->path, u->option);
  else if (u->inherited)
    snprintf(text, size, "%s", u->option);
  else
    snprintf(text, size, "%s %s", u->option, u->path);
}

static int refuse_pair(const cli_use *out, const cli_use *other) {
  char a[2 * PATH_MAX], b[2 * PATH_MAX];
  describe(out, a, sizeof a);
  describe(other, b, sizeof b);
  if (other->how == CLI_READS)
    return cli_usage("%s is the file that %s reads; give the output another name", a, b);
  return cli_usage("%s and %s are the same file; give each output its own name", a, b);
}

/* An interrupted save leaves PATH.previous as a second name of PATH; the next save separates
 * them. */
static int is_kept_name(const cli_use *out, const cli_use *other) {
  return out->type == CLI_OUTPUT_MODEL && other->copy && strcmp(out->option, other->option) == 0;
}

static int compare(const cli_use *out, const cli_use *other) {
  if (is_kept_name(out, other)) return CLI_OK;
  if (out->dash || other->how == CLI_NO_FILE || (out->inherited && other->inherited)) return CLI_OK;
  return same_file(out, other) ? refuse_pair(out, other) : CLI_OK;
}

/* Two tables on standard output would be mixed, whatever standard output is. */
static int compare_dashes(const cli_uses *all) {
  const cli_use *first = NULL;
  for (const cli_use *u = all->at; u < all->at + all->count; u++) {
    if (!u->dash || u->how != CLI_WRITES) continue;
    if (first)
      return cli_usage("%s and %s cannot both go to standard output", first->option, u->option);
    first = u;
  }
  return CLI_OK;
}

static int compare_with_others(const cli_uses *all, int i) {
  const cli_use *out = &all->at[i];
  int code = CLI_OK;
  for (int k = 0; k < all->count && !code; k++) {
    const cli_use *other = &all->at[k];
    if (other->how == CLI_READS || k > i) code = compare(out, other);
    if (!code && is_read_folder(other)) code = cli_check_folder_use(out, other);
  }
  return code;
}

static int compare_all(const cli_uses *all) {
  int code = compare_dashes(all);
  for (int i = 0; i < all->count && !code; i++) {
    if (all->at[i].how == CLI_WRITES) code = compare_with_others(all, i);
  }
  return code;
}

/* The name of the file in this folder that is used, or NULL; `real` receives its path, to be
 * freed. */
static const char *name_in(const cli_use *u, const char *folder, char **real) {
  *real = u->future ? strdup(u->future) : realpath(u->path, NULL);
  const size_t n = *real ? clf__folder_length(*real) : 0;
  if (!n || n != strlen(folder) || strncmp(*real, folder, n) != 0) return NULL;
  return *real + n + 1;
}

/* A verb that writes files with names of its own to a folder. */
static int compare_with_folder(const cli_uses *all, const cli_verb *verb) {
  cli_use own = {.how = CLI_WRITES};
  own.path = verb->writes_to ? verb->writes_to(&own.option) : NULL;
  if (!own.path) return CLI_OK;
  int code = look(&own, -1);
  char *const folder = realpath(own.path, NULL);
  for (const cli_use *u = all->at; u < all->at + all->count && !code; u++) {
    char *real = NULL;
    if (u->dash || u->inherited || u->how == CLI_NO_FILE) continue;
    const char *const name = folder ? name_in(u, folder, &real) : NULL;
    if (name && verb->writes_name(name))
      code = cli_usage("%s %s is in the folder %s, to which %s writes files with such names; %s",
                       u->option, u->path, own.path, own.option, "name another file or folder");
    if (!code && is_read_folder(u)) code = cli_check_folder_use(&own, u);
    free(real);
  }
  free(folder);
  free(own.future);
  return code;
}

int cli_check_files(const cli_verb *verb) {
  cli_uses all = {.count = 0};
  int code = CLI_OK;
  for (const cli_verb *v = verb; v && !code; v = v->passes_to)
    for (const cli_option *o = v->options; o->name && !code; o++) code = add_option(&all, o);
  if (!code) code = add_written(&all, verb);
  if (!code) code = add_read(&all, verb);
  if (!code) code = add_streams(&all);
  if (!code) code = compare_all(&all);
  if (!code) code = compare_with_folder(&all, verb);
  for (int i = 0; i < all.count && !code; i++) code = cli_check_kind(&all.at[i]);
  free_uses(&all);
  return code;
}
