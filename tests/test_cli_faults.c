/* SPDX-License-Identifier: MIT */
/* test_cli_faults.c: in every verb of `clflow` the n-th allocation (including JSON's) or system
 * call on a file fails, and all later ones for every other n.  The program runs in a child
 * process: it exits with 0 and the same output as without failures, or with 1 and a message;
 * files are complete or absent, and the leak sanitizer checks memory.
 *   test_cli_faults [DENSE]   tries every n up to DENSE (default 4), then one in DENSE of the
 *   rest */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "faults/hooks.h"
#include "clflow/clflow.h"
#include "safetensors.h"
#include "suite.h"

int cli_main(int argc, char **argv); /* cli/main.c */

static long dense = 4;
/* Results of the child, in shared memory. */
static struct shared {
  long calls;
  char unsafe[128]; /* fault_unsafe() */
} * shared;

/* ---- Verbs ------------------------------------------------------------------------------------
 */

/* Files that a verb writes begin with "out.".  A training short of memory may have continued
 * with smaller micro-batches, with other bits, and prints times. */
static const struct verb {
  const char *command;
  int trains;
} verbs[] = {
    {"train --data moons:n=40 --epochs 2 --hidden 3 --depth 2 --valid-split 0.25 --standardize "
     "--out out.safetensors --log out.jsonl",
     1},
    {"train --data moons:n=40 --epochs 1 --init m.safetensors --weights-only --out out.safetensors",
     1},
    {"train --data glyphs:n=12,size=4 --preset tiny --width 2 --blocks 1 --epochs 1 --recalibrate "
     "--valid glyphs:n=6,size=4,seed=2 --out out.safetensors",
     1},
    {"train --data glyphs:n=12,size=4 --preset tiny --width 2 --dry-run", 0},
    {"eval m.safetensors --data moons:n=9 --samples 20", 0},
    {"compare m.safetensors m.safetensors --data moons:n=9 --per-row out.csv", 0},
    {"eval i.safetensors --data glyphs:n=9,size=4 --json", 0},
    {"log-prob m.safetensors --data moons:n=9 --out out.csv", 0},
    {"log-prob m.safetensors --data moons:n=9 --lowest 2 --json", 0},
    {"log-prob m.safetensors --data moons:n=9 --lowest 2 --with row,data,percentile,model "
     "--samples 20 --out out.csv",
     0},
    {"log-prob i.safetensors --data glyphs:n=9,size=4 --out out.npy", 0},
    {"transform m.safetensors --data moons:n=9 --out out.z.csv --logdet out.l.csv", 0},
    {"transform i.safetensors --data glyphs:n=9,size=4 --noise u.npy --out out.z.npy", 0},
    {"invert m.safetensors --data moons:n=9 --out -", 0},
    {"sample m.safetensors -n 9 --out out.npy", 0},
    {"sample m.safetensors -n 9 --temperature 0.5 --out out.csv", 0},
    {"sample i.safetensors --grid 2x3 --out out.png", 0},
    {"sample i.safetensors -n 9 --temperature 0.5 --out out.npy", 0},
    {"sample i.safetensors -n 9 --out out.csv", 0},
    {"interpolate i.safetensors --data glyphs:n=9,size=4 --index 0,1,2,3 --grid 2 --out out.npy",
     0},
    {"interpolate m.safetensors --data moons:n=9 --index 0,1,2,3 --grid 2 --out out.csv", 0},
    {"complete i.safetensors --data glyphs:n=9,size=4 --index 4 --out out.png", 0},
    {"report m.safetensors --data moons:n=9 --out out.html", 0},
    {"jacobian m.safetensors --data moons:n=9", 0},
    {"jacobian m.safetensors --data moons:n=9 --json", 0},
    {"info m.safetensors --batch 8", 0},
    {"info i.safetensors --json --batch 8", 0},
    {"info m.safetensors --arch", 0},
    {"train --data moons:n=12 --flow @flow.txt --dry-run", 0},
    {"train --data moons:n=12 --flow @flow.json --dry-run", 0},
    {"train --data birds.csv --id tag --given sex --flow nsf(depth=1,hidden=2) --epochs 1 --out "
     "out.safetensors",
     1},
    {"log-prob k.safetensors --data birds.csv --id tag --out out.csv", 0},
    {"transform k.safetensors --data birds.csv --id tag --missing drop --out out.csv", 0},
    {"sample k.safetensors -n 3 --given sex=m --out out.csv", 0},
    {"sample k.safetensors -n 3 --given given.csv --out -", 0},
    {"info k.safetensors", 0},
    {"info k.safetensors --json", 0},
    {"devices --no-test", 0},
    {"devices --no-test --json", 0},
    {"bench --list --full --ops conv*", 0},
    {"tune --shapes shapes", 1},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* ---- The child process ----------------------------------------------------------------------- */

/* What fails: allocations of clflow; also those of its JSON library; calls on files. */
typedef enum which { OWN, JSON, FILES, WHICH } which;
static const char *const names[] = {"allocation", "allocation, JSON's too,", "file"};

/* The verb, its output in `said` and `told`; the n-th of these fails. */
static void be_child(const char *command, which what, long n) {
  char program[] = "clflow", text[512], *argv[32] = {program}, *save = NULL;
  int argc = 1;
  snprintf(text, sizeof text, "%s", command);
  for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
    argv[argc++] = word;
  if (!freopen("said", "w", stdout) || !freopen("told", "w", stderr)) _exit(99);
  if (what == JSON) json_set_alloc_funcs(malloc, free); /* which fail */
  fault_hook *h = what == FILES ? &fault_files : &fault_memory;
  *h = (fault_hook){.n = n, .from_then_on = (int)(n % 2), .what = ENOSPC};
  fault_watch();
  const int code = cli_main(argc, argv);
  shared->calls = h->calls;
  *h = (fault_hook){.n = 0};
  snprintf(shared->unsafe, sizeof shared->unsafe, "%s", fault_unsafe() ? fault_unsafe() : "");
  exit(code);
}

static int run(const char *command, which what, long n) {
  int status = 0;
  const pid_t pid = suite_fork(); /* before any device is open */
  if (pid == 0) be_child(command, what, n);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(WIFEXITED(status), "%s: signal %d", command, WTERMSIG(status));
  return WEXITSTATUS(status);
}

/* ---- The result ------------------------------------------------------------------------------ */

static void is_readable(const char *path, const char *when) {
  clf__st *st = NULL;
  ck_assert_msg(!clf__st_open(path, &st), "%s: %s", when, clf_errmsg());
  clf__st_close(st);
}

/* Handles files that begin with "out.": removes them, moves them to the folder `want`, or
 * compares them with that. */
static void each_output(const char *when, int keep, int same) {
  DIR *d = opendir(".");
  ck_assert_ptr_nonnull(d);
  for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
    char there[300];
    ck_assert_msg(strncmp(e->d_name, ".clflow-", 8) != 0, "%s: %s is left", when, e->d_name);
    if (strncmp(e->d_name, "out.", 4) != 0) continue;
    snprintf(there, sizeof there, "want/%s", e->d_name);
    if (keep) {
      ck_assert_int_eq(rename(e->d_name, there), 0);
      continue;
    }
    if (strstr(e->d_name, "safetensors")) is_readable(e->d_name, when);
    if (same) ck_assert_msg(equal_files(e->d_name, there), "%s: %s is another", when, e->d_name);
    ck_assert_int_eq(unlink(e->d_name), 0);
  }
  closedir(d);
}

static void is_json(const char *path, const char *when) {
  json_t *json = json_load_file(path, JSON_DECODE_ANY, NULL);
  ck_assert_msg(json != NULL, "%s: it prints no JSON", when);
  json_decref(json);
}

/* "clflow: VERB: SENTENCE" somewhere on stderr. */
static void is_told(const struct verb *v, const char *when) {
  char begin[32], *told = read_file("told", NULL);
  snprintf(begin, sizeof begin, "clflow: %.*s: ", (int)strcspn(v->command, " "), v->command);
  const char *line = strstr(told, begin);
  ck_assert_msg(line && strlen(line + strlen(begin)) > 10, "%s: %s", when, told);
  free(told);
}

/* Without memory jansson 2.14 may silently drop a character of a long string, which changes
 * messages about a file. */
static void try_n(const struct verb *v, which what, long n) {
  char when[256];
  const int same = !v->trains && what != JSON;
  snprintf(when, sizeof when, "%s: %s %ld", v->command, names[what], n);
  shared->calls = 0;
  const int code = run(v->command, what, n);
  if (code == 0 && same)
    ck_assert_msg(equal_files("said", "want/said"), "%s: it says something else", when);
  if (code == 0 && strstr(v->command, "--json")) is_json("said", when);
  if (code) {
    ck_assert_msg(code == 1, "%s: exit code %d", when, code);
    is_told(v, when);
  }
  each_output(when, 0, same);
}

START_TEST(any_failure) {
  const struct verb *v = &verbs[_i / WHICH];
  const which what = (which)(_i % WHICH);
  suite_remove("want"); /* of a verb that failed */
  ck_assert_int_eq(mkdir("want", 0700), 0);
  ck_assert_msg(run(v->command, what, 0) == 0, "%s", v->command);
  ck_assert_int_eq(rename("said", "want/said"), 0);
  each_output(v->command, 1, 0);
  const long all = shared->calls;
  ck_assert_msg(!*shared->unsafe, "%s: %s", v->command, shared->unsafe);
  ck_assert_int_ge(all, what == FILES ? 0 : 1);
  for (long n = 1; n <= all; n += 1 + n / dense) try_n(v, what, n);
}
END_TEST

/* ---- All --------------------------------------------------------------------------------------
 */

static void make_files(void) {
  static const char flow[] = "2: (coupling(affine(scale=tanh), mlp(3x1, tanh, separate=1), "
                             "mask=random, inputs=masked))*2 -> normal\n";
  static const char birds[] = "tag,sex,day,ok,mass\n\"a, \"\"1\"\"\",m,2024-05-01,yes,1.5\n"
                              "b,f,2024-05-03,no,2.25\nc,m,2024-05-04,yes,NA\n"
                              "d,f,2024-06-01,no,3.75\ne,m,2024-06-11,yes,2.5\n";
  double u[9 * 16];
  for (int i = 0; i < 9 * 16; i++) u[i] = i / 200.0;
  ck_assert_int_eq(run("train --data moons:n=40 --epochs 1 --hidden 3 --depth 2 --standardize "
                       "--out m.safetensors",
                       OWN, 0),
                   0);
  ck_assert_int_eq(run("train --data glyphs:n=12,size=4 --preset tiny --width 2 --blocks 1 "
                       "--epochs 1 --out i.safetensors",
                       OWN, 0),
                   0);
  ck_assert_int_eq(clf_array_write_npy("u.npy", u, 4, (const int64_t[]){9, 4, 4, 1}), CLF_OK);
  write_bytes("birds.csv", birds, strlen(birds));
  write_bytes("given.csv", "sex\nf\nm\n", 8);
  ck_assert_int_eq(run("train --data birds.csv --id tag --given sex --flow nsf(depth=1,hidden=2) "
                       "--epochs 1 --out k.safetensors",
                       OWN, 0),
                   0);
  write_bytes("shapes", "gemm 3 4 5\n", 11);
  write_bytes("flow.txt", flow, strlen(flow));
  clf_arch *a;
  WORKS(clf_arch_parse(flow, &a));
  write_bytes("flow.json", clf_arch_json(a), strlen(clf_arch_json(a)));
  clf_arch_free(a);
}

int main(int argc, char **argv) {
  char folder[] = "/tmp/clflow-cli-faults-XXXXXX";
  if (argc > 1) dense = atol(argv[1]);
  if (dense < 1 || !mkdtemp(folder) || chdir(folder)) return 1;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  setenv("CLFLOW_DEVICE", "cpu", 1);
  setenv("OCL_ICD_VENDORS", folder, 1); /* drivers do not survive a fork */
  setenv("CLFLOW_CACHE_DIR", "cache", 1);
  Suite *suite = suite_create("cli_faults");
  TCase *c = tcase_create("cli_faults");
  tcase_set_timeout(c, 600);
  tcase_add_unchecked_fixture(c, make_files, NULL);
  tcase_add_loop_test(c, any_failure, 0, WHICH * VERBS);
  suite_add_tcase(suite, c);
  const int failed = suite_run(suite);
  if (chdir("/")) return 1;
  suite_remove(folder);
  return failed;
}
