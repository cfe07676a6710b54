/* SPDX-License-Identifier: MIT */
/* test_limits.c: limits on memory and time for reading a file.
 *
 * The limits are the table in docs/reliability.md, with one row per format.  Each case of a
 * format is the worst known file of its kind; none may exceed the row, and the worst one must
 * use a good part of it, so that the table stays accurate. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "limits/limits.h"
#include "limits/peak.h"

/* ---- Files ------------------------------------------------------------------ */

void limit_add(limit_bytes *b, const void *bytes, size_t n) {
  if (b->size + n > b->room) {
    b->room = 2 * (b->size + n);
    b->at = realloc(b->at, b->room);
    ck_assert_ptr_nonnull(b->at);
  }
  if (bytes)
    memcpy(b->at + b->size, bytes, n);
  else
    memset(b->at + b->size, 0, n);
  b->size += n;
}

void limit_repeat(limit_bytes *b, const char *text, size_t times) {
  const size_t n = strlen(text);
  for (size_t i = 0; i < times; i++) limit_add(b, text, n);
}

void limit_write(limit_bytes *b, const char *path) {
  write_bytes(path, b->at, b->size);
  free(b->at);
  *b = (limit_bytes){0};
}

size_t limit_pack(const limit_bytes *b, int bits, uint8_t *to, size_t room) {
  z_stream z = {.next_in = b->at, .avail_in = (uInt)b->size};
  if (deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  z.next_out = to;
  z.avail_out = (uInt)room;
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) abort();
  deflateEnd(&z);
  return z.total_out;
}

void limit_zip(limit_bytes *b, const char *member, uint32_t claim, const char *path) {
  static uint8_t z[1000000];
  const size_t n = strlen(member), packed = limit_pack(b, -MAX_WBITS, z, sizeof z);
  const uint32_t whole = claim ? claim : (uint32_t)b->size;
  const uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), b->at, b->size);
  uint8_t local[30] = "PK\3\4", entry[46] = "PK\1\2", end[22] = "PK\5\6";
  limit_bytes out = {0};
  local[8] = entry[10] = 8;
  local[26] = entry[28] = (uint8_t)n;
  memcpy(entry + 16, &crc, 4); /* little-endian, as on the machines that run this test */
  memcpy(entry + 20, &(uint32_t){(uint32_t)packed}, 4);
  memcpy(entry + 24, &whole, 4);
  end[8] = end[10] = 1;
  memcpy(end + 12, &(uint32_t){(uint32_t)(sizeof entry + n)}, 4);
  memcpy(end + 16, &(uint32_t){(uint32_t)(sizeof local + n + packed)}, 4);
  limit_add(&out, local, sizeof local);
  limit_add(&out, member, n);
  limit_add(&out, z, packed);
  limit_add(&out, entry, sizeof entry);
  limit_add(&out, member, n);
  limit_add(&out, end, sizeof end);
  free(b->at);
  *b = (limit_bytes){0};
  limit_write(&out, path);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Bytes of a file, or of all files of a folder. */
static size_t bytes_of(const char *path) {
  struct stat st;
  size_t n = 0;
  char file[512];
  ck_assert_int_eq(stat(path, &st), 0);
  if (!S_ISDIR(st.st_mode)) return (size_t)st.st_size;
  DIR *const d = opendir(path);
  ck_assert_ptr_nonnull(d);
  for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
    snprintf(file, sizeof file, "%s/%s", path, e->d_name);
    if (!stat(file, &st) && S_ISREG(st.st_mode)) n += (size_t)st.st_size;
  }
  closedir(d);
  return n;
}

/* ---- The table ---------------------------------------------------------------- */

enum { ROWS = 32 };
static struct limit_row {
  char format[32];
  double bytes, megabytes; /* of memory: per byte of the file, and in addition, in MiB */
  double ns, seconds;      /* of processor time: per byte, and in addition */
  double most;             /* maximum fraction of the permitted memory */
  int cases;
} rows[ROWS];
static int row_count;

static void read_rows(void) {
  char *text = read_file(CLF_DOCS "/reliability.md", NULL);
  char *line = strstr(text, "\n| format | memory a byte |");
  ck_assert_ptr_nonnull(line);
  line = strchr(strchr(line + 1, '\n') + 1, '\n') + 1; /* behind the line of dashes */
  for (; *line == '|' && row_count < ROWS; line = strchr(line, '\n') + 1) {
    struct limit_row *r = &rows[row_count++];
    ck_assert_msg(sscanf(line, "| %31[^|] | %lf | %lf | %lf | %lf |", r->format, &r->bytes,
                         &r->megabytes, &r->ns, &r->seconds) == 5,
                  "%.80s", line);
    r->format[strcspn(r->format, "|")] = 0;
    for (size_t n = strlen(r->format); n && r->format[n - 1] == ' '; n--) r->format[n - 1] = 0;
  }
  free(text);
  ck_assert_int_gt(row_count, 0);
}

static struct limit_row *row_of(const char *format) {
  for (int i = 0; i < row_count; i++)
    if (strcmp(rows[i].format, format) == 0) return &rows[i];
  ck_abort_msg("docs/reliability.md has no row for %s", format);
  return NULL;
}

/* ---- The cases ------------------------------------------------------------------ */

static const limit_list *const lists[] = {&limits_of_tables,   &limits_of_sets,
                                          &limits_of_pictures, &limits_of_models,
                                          &limits_of_cache,    &limits_of_checkpoints};
enum { LISTS = sizeof lists / sizeof *lists };

static const limit_case *case_at(int i) {
  int k = 0;
  while (i >= lists[k]->count) i -= lists[k++]->count;
  return &lists[k]->at[i];
}

static void judge(const limit_case *c, clf_status s) {
  if (c->refused && !*c->refused)
    ck_assert_msg(s != CLF_ENOMEM, "%s, %s: %s", c->format, c->what, clf_errmsg());
  else if (c->refused)
    ck_assert_msg(s && s != CLF_ENOMEM && strstr(clf_errmsg(), c->refused), "%s, %s: %s", c->format,
                  c->what, s ? clf_errmsg() : "it was taken");
  else
    ck_assert_msg(!s, "%s, %s: %s", c->format, c->what, clf_errmsg());
}

START_TEST(stays_within) {
  const limit_case *c = case_at(_i);
  struct limit_row *r = row_of(c->format);
  suite_remove("d");
  ck_assert_int_eq(mkdir("d", 0777), 0);
  c->build();
  const double n = (double)bytes_of(c->path);
  peak_begin();
  const double begin = seconds();
  const clf_status s = c->read();
  const double took = seconds() - begin, peak = (double)peak_end();
  const double bytes = r->bytes * n + r->megabytes * 0x1p20, time = 1e-9 * r->ns * n + r->seconds;
  judge(c, s);
  printf("%-14s %-40s %9.0f bytes  %10.0f of %10.0f bytes, %5.1f %%  %6.3f of %6.3f s\n", c->format,
         c->what, n, peak, bytes, 100 * peak / bytes, took, time);
  ck_assert_msg(peak <= bytes, "%s, %s: %.0f bytes took %.0f of memory, more than %.0f", c->format,
                c->what, n, peak, bytes);
  ck_assert_msg(took <= time, "%s, %s: %.0f bytes took %.3f s, more than %.3f", c->format, c->what,
                n, took, time);
  if (peak / bytes > r->most) r->most = peak / bytes;
  r->cases++;
}
END_TEST

/* Limits that are far too high would hide growth. */
START_TEST(says_what_is_true) {
  for (int i = 0; i < row_count; i++) {
    ck_assert_msg(rows[i].cases > 0, "%s has no case", rows[i].format);
    ck_assert_msg(rows[i].most > 0.3, "%s takes %.0f %% of its memory at most", rows[i].format,
                  100 * rows[i].most);
  }
}
END_TEST

int main(void) {
  char folder[] = "/tmp/clflow-limits-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  Suite *s = suite_create("limits");
  TCase *c = tcase_create("limits");
  int cases = 0;
  for (int k = 0; k < LISTS; k++) cases += lists[k]->count;
  tcase_set_timeout(c, 600);
  tcase_add_unchecked_fixture(c, read_rows, NULL);
  tcase_add_loop_test(c, stays_within, 0, cases);
  tcase_add_test(c, says_what_is_true);
  suite_add_tcase(s, c);
  const int failed = suite_run(s);
  if (chdir("/")) return 1;
  suite_remove(folder);
  return failed;
}
