/* SPDX-License-Identifier: MIT */
/* test_cache.c: the cache of built programs, and builds that fail.  Only the cache's own files are
 * tested where there is no OpenCL device. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backend.h"
#include "cache.h"
#include "machine.h"
#include "opencl.h"
#include "probe.h"
#include "sources.h"
#include "suite.h"

static char folder[] = "/tmp/clflow-cache-XXXXXX"; /* of the run; emptied at its end */
static char cache[128];

/* The only file in the cache; how many there are comes back. */
static int cache_files(char *path, size_t size) {
  int n = 0;
  DIR *dir = opendir(cache);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (*e->d_name == '.') continue;
    n++;
    snprintf(path, size, "%s/%s", cache, e->d_name);
  }
  if (dir) closedir(dir);
  return n;
}

static void use_cache(const char *name) {
  snprintf(cache, sizeof cache, "%s/%s", folder, name);
  setenv("CLFLOW_CACHE_DIR", cache, 1);
}
static void clear_cache(void) {
  char path[512];
  while (cache_files(path, sizeof path)) ck_assert_int_eq(remove(path), 0);
  rmdir(cache);
  unsetenv("CLFLOW_CACHE_DIR");
}

static int hits(const char *key, const char *bytes) {
  size_t size = 0;
  char *got = clf__cache_get(key, &size);
  if (!got) return 0;
  ck_assert_uint_eq(size, strlen(bytes));
  ck_assert_int_eq(memcmp(got, bytes, size), 0);
  free(got);
  return 1;
}

START_TEST(cache_entries) {
  char path[512];
  size_t size;
  use_cache("a/b/entries"); /* folders above are made too */
  ck_assert_int_eq(hits("key", ""), 0);
  clf__cache_put("key", "payload", 7);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  ck_assert_int_eq(hits("other", "payload"), 0);
  clf__cache_put(" \n key", "blank", 5);
  ck_assert_int_eq(hits(" \n key", "blank"), 1); /* what a key begins with is its own */
  clf__cache_put("key of nothing", "", 0);
  ck_assert_int_eq(hits("key of nothing", ""), 0);
  use_cache("a/b/more");
  clf__cache_put("key", "new", 3);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(hits("key", "new"), 1);
  char *bytes = read_file(path, &size);
  for (size_t n = 0; n < size; n++) { /* every truncation is a miss */
    write_bytes(path, bytes, n);
    ck_assert_msg(!hits("key", "new"), "%zu of %zu bytes are taken for the whole", n, size);
  }
  for (size_t i = 0; i < size; i++) /* a damaged file is a miss or still tells the truth */
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] = (char)(bytes[i] ^ 1 << bit);
      write_bytes(path, bytes, size);
      const int hit = hits("key", "new");
      if (i >= size - 6) ck_assert_msg(!hit, "byte %zu of %zu may flip unseen", i, size);
      bytes[i] = (char)(bytes[i] ^ 1 << bit);
    }
  bytes[size] = 'x';
  write_bytes(path, bytes, size + 1);
  ck_assert_int_eq(hits("key", "new"), 0);
  free(bytes);
  clear_cache();
  snprintf(cache, sizeof cache, "%s/a/b", folder);
  rmdir(cache);
  snprintf(cache, sizeof cache, "%s/a", folder);
  rmdir(cache);
}
END_TEST

static struct stat status_of(const char *path) {
  struct stat st;
  ck_assert_int_eq(stat(path, &st), 0);
  return st;
}
static int untouched(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_size == b->st_size;
}

static int compilings; /* announced */
static void listen(const char *sentence, void *context) {
  ck_assert_ptr_eq(context, &compilings);
  ck_assert_ptr_eq(strstr(sentence, "compiling "), sentence);
  compilings++;
}

/* Opens opencl:0 and has it compute; nothing may be printed. */
static void open_quietly(void) {
  compilings = 0;
  clf_set_listener(listen, &compilings);
  clf_device *d = opened("opencl:0");
  clf_arena a;
  clf_tensor t;
  float v[3];
  WORKS(clf_arena_init(&a, d, 16));
  WORKS(clf_new(&a, (int32_t[4]){3}, &t));
  WORKS(clf_do(d, fill, .y = t, .value = 2.5f));
  WORKS(clf_read(d, t, v));
  ck_assert_float_eq(v[2], 2.5f);
  clf_set_listener(NULL, NULL);
  clf_arena_free(&a);
  clf_close(d);
}

/* The file of the only operation that was used, and that of the source, which compiled as a whole:
 * the smaller key is the operation's. */
static void part_and_whole(char part[512], char whole[512]) {
  DIR *dir = opendir(cache);
  ck_assert_ptr_nonnull(dir);
  *part = *whole = 0;
  for (struct dirent *e; (e = readdir(dir));) {
    char path[512];
    if (*e->d_name == '.') continue;
    snprintf(path, sizeof path, "%s/%s", cache, e->d_name);
    snprintf(status_of(path).st_size < 100000 ? part : whole, 512, "%s", path);
  }
  closedir(dir);
  ck_assert(*part && *whole);
}

/* The file is damaged, and made again as it was. */
static void is_replaced(const char *path) {
  char said[1024];
  size_t size;
  char *bytes = read_file(path, &size);
  const int entries = suite_entries(cache);
  for (int damage = 0; damage < 3; damage++) {
    bytes[size - 10] ^= 1;
    if (damage == 0) write_bytes(path, bytes, size);
    bytes[size - 10] ^= 1;
    if (damage == 1) write_bytes(path, bytes, size / 2);
    if (damage == 2) write_bytes(path, "garbage", 7);
    const struct stat damaged = status_of(path);
    captured(open_quietly, said, sizeof said);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(suite_entries(cache), entries);
    const struct stat now = status_of(path);
    ck_assert_msg(!untouched(&damaged, &now), "damaged file %d is not replaced", damage);
    ck_assert_int_eq(compilings, 1);
    open_quietly();
    ck_assert_int_eq(compilings, 0);
    const struct stat again = status_of(path);
    ck_assert_msg(untouched(&now, &again), "the replacement of damaged file %d is no good", damage);
  }
  free(bytes);
}

START_TEST(cache_of_programs) {
  if (!opencl_count()) return;
  char part[512], whole[512], said[1024];
  use_cache("programs");
  captured(open_quietly, said, sizeof said);
  ck_assert_str_eq(said, "");
  ck_assert_int_eq(suite_entries(cache), 2);
  ck_assert_int_eq(compilings, 1);
  part_and_whole(part, whole);
  const struct stat first = status_of(part), second = status_of(whole);
  open_quietly();
  ck_assert_int_eq(compilings, 0);
  const struct stat now = status_of(part), then = status_of(whole);
  ck_assert_msg(untouched(&first, &now) && untouched(&second, &then),
                "a file is rewritten although it was good");
  is_replaced(part);
  is_replaced(whole);
  clear_cache();
}
END_TEST

/* Bytes that are whole but no program: built from source too. */
START_TEST(cache_of_no_program) {
  if (!opencl_count()) return;
  char part[512], whole[512];
  size_t size;
  use_cache("no-program");
  open_quietly();
  part_and_whole(part, whole);
  char *bytes = read_file(part, &size);
  size_t key_size = 0, n = 0;
  int begin = 0;
  ck_assert_int_eq(sscanf(bytes, "clflow cache 1 %zu %zu %*x\n%n", &key_size, &n, &begin), 2);
  char *key = strndup(bytes + begin, key_size);
  clf__cache_put(key, "not a program", 13);
  ck_assert_int_eq(hits(key, "not a program"), 1);
  open_quietly();
  size_t now = 0;
  void *got = clf__cache_get(key, &now);
  ck_assert_ptr_nonnull(got);
  ck_assert_uint_gt(now, 13);
  free(got);
  free(key);
  free(bytes);
  clear_cache();
}
END_TEST

/* Each operation's part has its kernels and no other, and the parts together have all.  Places
 * stay what they are, so that a message names the same line. */
START_TEST(parts_of_the_program) {
  char *whole = clf__cl_program();
  ck_assert_ptr_nonnull(whole);
  int all = 0, in_parts = 0;
  for (const char *k = whole; (k = strstr(k, "\nkernel ")); k++) all++;
  for (int op = 0; op < CLF_OP_COUNT; op++) {
    char *part = strdup(whole), name[64], wanted[80];
    int kernels = 0;
    ck_assert_ptr_nonnull(part);
    clf__cl_keep_only(part, op);
    ck_assert_uint_eq(strlen(part), strlen(whole));
    for (const char *k = part; (k = strstr(k, "\nkernel ")); k++, kernels++) {
      ck_assert_int_eq(sscanf(k, "\nkernel %*s void %63[a-z0-9_]", name), 1);
      ck_assert_msg(clf__cl_owner(name, strlen(name)) == op, "%s is none of %s", name,
                    clf_ops[op].name);
    }
    snprintf(wanted, sizeof wanted, " void %s", clf_ops[op].name);
    ck_assert_msg(kernels > 0 && strstr(part, wanted), "%s has no kernel", clf_ops[op].name);
    in_parts += kernels;
    free(part);
  }
  ck_assert_int_gt(all, CLF_OP_COUNT);
  ck_assert_int_eq(in_parts, all);
  ck_assert_int_eq(clf__cl_owner("gemm", 4), CLF_OP_gemm);
  ck_assert_int_eq(clf__cl_owner("gemm_pack", 9), CLF_OP_gemm);
  ck_assert_int_eq(clf__cl_owner("gemms", 5), -1);
  ck_assert_int_eq(clf__cl_owner("conv_bwd_weights_add", 20), CLF_OP_conv_bwd_weights);
  ck_assert_int_eq(clf__cl_owner("conv", 4), -1);
  free(whole);
}
END_TEST

/* Where a kernel file, or a header, begins in the program; NULL if it is not part of it. */
static const char *begin_of(const char *whole, const char *name) {
  char line[96];
  snprintf(line, sizeof line, "#line 1 \"%s\"\n", name);
  return strstr(whole, line);
}
static int is_named(const char *name, const char *end) {
  const size_t n = strlen(name), m = strlen(end);
  return n >= m && strcmp(name + n - m, end) == 0;
}
/* Whether a text defines a macro. */
static int defines(const char *text, const char *macro) {
  char line[96];
  snprintf(line, sizeof line, "\n#define %s", macro);
  const size_t n = strlen(line);
  for (; (text = strstr(text, line)); text += n)
    if (!isalnum((unsigned char)text[n]) && text[n] != '_') return 1;
  return 0;
}

/* Every file is part of the program once, headers before what includes them; no line of `#include`
 * is left. */
START_TEST(headers_of_the_program) {
  char *whole = clf__cl_program();
  ck_assert_ptr_nonnull(whole);
  ck_assert_ptr_null(strstr(whole, "\n#include"));
  for (const clf_source *s = clf__sources; s->name; s++) {
    const char *at = begin_of(whole, s->name);
    ck_assert_msg(at != NULL, "no kernel uses %s", s->name);
    ck_assert_msg(!begin_of(at + 1, s->name), "%s is there twice", s->name);
    int number = 1; /* of the line behind an `#include`, where the file goes on */
    for (const char *line = s->text; line; line = strchr(line, '\n')) {
      char name[64], behind[96];
      line += *line == '\n';
      number++;
      if (sscanf(line, "#include \"%63[^\"]", name) != 1) continue;
      snprintf(behind, sizeof behind, "#line %d \"%s\"\n", number, s->name);
      const char *header = begin_of(whole, name), *rest = strstr(at, behind);
      ck_assert_msg(header && rest && header < rest, "%s includes %s, which follows", s->name,
                    name);
    }
  }
  free(whole);
}
END_TEST

/* Macros of a kernel file end with it, and none hides one of a header. */
START_TEST(macros_of_the_program) {
  char *whole = clf__cl_program();
  int macros = 0;
  ck_assert_ptr_nonnull(whole);
  for (const clf_source *s = clf__sources; s->name; s++) {
    if (!is_named(s->name, ".cl")) continue;
    for (const char *line = s->text; (line = strstr(line, "\n#define ")); line++, macros++) {
      char name[64], end[80];
      ck_assert_int_eq(sscanf(line, "\n#define %63[A-Za-z0-9_]", name), 1);
      snprintf(end, sizeof end, "\n#undef %s\n", name);
      ck_assert_msg(strstr(begin_of(whole, s->name), end) != NULL, "%s does not end in %s", name,
                    s->name);
      for (const clf_source *h = clf__sources; h->name; h++) {
        char gone[80];
        snprintf(gone, sizeof gone, "\n#undef %s\n", name);
        ck_assert_msg(is_named(h->name, ".cl") || !defines(h->text, name) || strstr(h->text, gone),
                      "%s of %s hides that of %s", name, s->name, h->name);
      }
    }
  }
  ck_assert_int_gt(macros, 20);
  free(whole);
}
END_TEST

START_TEST(cache_that_cannot_be) {
  char path[512], file[128];
  snprintf(file, sizeof file, "%s/file", folder);
  write_bytes(file, "", 0);
  snprintf(path, sizeof path, "%s/below", file);
  const char *const dirs[] = {"", path, "/proc/no/such/folder"};
  for (int i = 0; i < 3; i++) {
    setenv("CLFLOW_CACHE_DIR", dirs[i], 1);
    clf__cache_put("key", "payload", 7);
    ck_assert_int_eq(hits("key", "payload"), 0);
    if (opencl_count()) open_quietly();
  }
  char *long_path = malloc(5001);
  memset(long_path, 'x', 5000);
  long_path[5000] = 0;
  setenv("CLFLOW_CACHE_DIR", long_path, 1);
  clf__cache_put("key", "payload", 7);
  ck_assert_int_eq(hits("key", "payload"), 0);
  free(long_path);
  unsetenv("CLFLOW_CACHE_DIR");
  remove(file);
}
END_TEST

/* Where the cache is without CLFLOW_CACHE_DIR; the file of `key` lies in `there`. */
static void is_kept_in(const char *there) {
  char path[512];
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  snprintf(cache, sizeof cache, "%s/%s", folder, there);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(clf__cache_usable(), 1);
  ck_assert_int_eq(remove(path), 0);
}

START_TEST(folders_by_environment) {
  char home[4096], xdg[4096];
  static const char *const names[] = {"HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"};
  char *before[3];
  for (int i = 0; i < 3; i++) before[i] = getenv(names[i]) ? strdup(getenv(names[i])) : NULL;
  snprintf(home, sizeof home, "%s/home", folder);
  snprintf(xdg, sizeof xdg, "%s/xdg", folder);
  unsetenv("CLFLOW_CACHE_DIR");
  setenv("HOME", home, 1);
  setenv("XDG_CACHE_HOME", xdg, 1);
  is_kept_in("xdg/clflow");
  setenv("XDG_CACHE_HOME", "", 1);
  is_kept_in("home/.cache/clflow");
  unsetenv("XDG_CACHE_HOME");
  is_kept_in("home/.cache/clflow");
  unsetenv("LOCALAPPDATA"); /* also used on Windows */
  for (int i = 0; i < 2; i++) {
    if (i) setenv("HOME", "", 1);
    if (!i) unsetenv("HOME");
    ck_assert_int_eq(clf__cache_usable(), 0);
    ck_assert_int_eq(clf__cache_put("key", "payload", 7), 0);
    ck_assert_int_eq(hits("key", "payload"), 0);
  }
  for (int i = 0; i < 3; i++) {
    unsetenv(names[i]);
    if (before[i]) setenv(names[i], before[i], 1);
    free(before[i]);
  }
}
END_TEST

/* A disk that is full while a file is written, and a name that a folder has taken: what was kept
 * before stays, and nothing is left beside it. */
START_TEST(files_that_cannot_be_written) {
  POSIX_ONLY;
  static char big[20000];
  char path[512];
  struct rlimit limit, small;
  use_cache("full");
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 10000;
  signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  const int kept = clf__cache_put("key", big, sizeof big);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  signal(SIGXFSZ, SIG_DFL);
  ck_assert_int_eq(kept, 0);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  ck_assert_int_eq(remove(path), 0);
  ck_assert_int_eq(mkdir(path, 0700), 0);
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 0);
  ck_assert_int_eq(hits("key", "payload"), 0);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  clear_cache();
}
END_TEST

/* ---- Other users, and other threads ----------------------------------------------------------
 */

/* Somebody who may write the folder cannot have another file written through a link: every name
 * that is opened is new. */
START_TEST(links_are_not_followed) {
  POSIX_ONLY;
  char path[512], victim[128], wanted[600];
  use_cache("links");
  snprintf(victim, sizeof victim, "%s/victim", folder);
  write_bytes(victim, "victim", 6);
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_int_eq(remove(path), 0);
  /* The names that this process is to take next, and the one that it took in the past. */
  for (int i = 0; i < 500; i++) {
    snprintf(wanted, sizeof wanted, "%s/.clflow-%ld-%d.tmp", cache, (long)getpid(), i);
    ck_assert_int_eq(symlink(victim, wanted), 0);
  }
  snprintf(wanted, sizeof wanted, "%s.%ld", path, (long)getpid());
  ck_assert_int_eq(symlink(victim, wanted), 0);
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(hits("key", "payload"), 1);
  size_t size;
  char *bytes = read_file(victim, &size);
  ck_assert_uint_eq(size, 6);
  ck_assert_str_eq(bytes, "victim");
  free(bytes);
  /* A link in the place of the file is no hit, and is replaced itself. */
  ck_assert_int_eq(rename(path, victim), 0);
  ck_assert_int_eq(symlink(victim, path), 0);
  ck_assert_int_eq(hits("key", "payload"), 0);
  ck_assert_int_eq(clf__cache_put("key", "new", 3), 1);
  ck_assert_int_eq(hits("key", "new"), 1);
  bytes = read_file(victim, &size);
  ck_assert_ptr_nonnull(strstr(bytes, "keypayload"));
  free(bytes);
  suite_remove(cache);
  ck_assert_int_eq(remove(victim), 0);
  unsetenv("CLFLOW_CACHE_DIR");
}
END_TEST

static void has_mode(const char *path, unsigned mode, int hit) {
  ck_assert_int_eq(chmod(path, mode), 0);
  ck_assert_msg(hits("key", "payload") == hit, "mode %o", mode);
}

/* What others could have written would run in this process. */
START_TEST(files_of_others) {
  POSIX_ONLY;
  char path[512];
  use_cache("others");
  ck_assert_int_eq(clf__cache_put("key", "payload", 7), 1);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  ck_assert_uint_eq(status_of(path).st_mode & 0777, 0600);
  ck_assert_uint_eq(status_of(cache).st_mode & 0077, 0);
  has_mode(path, 0644, 1);
  has_mode(path, 0664, 0);
  has_mode(path, 0646, 0);
  has_mode(path, 0600, 1);
  if (geteuid() == 0) { /* only root gives files away */
    ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
    ck_assert_int_eq(hits("key", "payload"), 0);
    ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
    ck_assert_int_eq(chown(cache, 12345, (gid_t)-1), 0);
    ck_assert_int_eq(clf__cache_usable(), 0);
    ck_assert_int_eq(hits("key", "payload"), 0);
    ck_assert_int_eq(clf__cache_put("key", "other", 5), 0);
    ck_assert_int_eq(chown(cache, 0, (gid_t)-1), 0);
    ck_assert_int_eq(hits("key", "payload"), 1);
  }
  clear_cache();
}
END_TEST

static void *put_often(void *context) {
  (void)context;
  for (int i = 0; i < 50; i++)
    if (!clf__cache_put("key", "payload", 7) || !hits("key", "payload")) return cache;
  return NULL;
}

/* All write the same file: each under another name first, so that it is whole at any time. */
START_TEST(threads_at_once) {
  enum { THREADS = 8 };
  pthread_t thread[THREADS];
  char path[512];
  use_cache("threads");
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, put_often, NULL), 0);
  for (int i = 0; i < THREADS; i++) {
    void *failed = NULL;
    pthread_join(thread[i], &failed);
    ck_assert_ptr_null(failed);
  }
  ck_assert_int_eq(suite_entries(cache), 1);
  ck_assert_int_eq(cache_files(path, sizeof path), 1);
  clear_cache();
}
END_TEST

/* A list comes back as it was kept; of one that is not whole nothing does. */
START_TEST(verdicts_are_whole) {
  static const clf__verdicts nothing;
  static const char *const broken[] = {"opencl:0\t\nopencl:1\twhy\n", "\t\nopencl:0\t", "\n"};
  clf__verdicts v = {.count = 2}, got = {0};
  use_cache("verdicts");
  snprintf(v.at[0].name, sizeof v.at[0].name, "opencl:0");
  snprintf(v.at[1].name, sizeof v.at[1].name, "opencl:1/simt");
  snprintf(v.at[1].why, sizeof v.at[1].why, "signal 11\tor so");
  clf__verdicts_remember("devices", &v);
  clf__verdicts_recall("devices", &got);
  ck_assert_int_eq(got.known && got.recalled, 1);
  ck_assert_int_eq(got.count, 2);
  ck_assert_str_eq(clf__verdicts_of(&got, "opencl:0"), "");
  ck_assert_str_eq(clf__verdicts_of(&got, "opencl:1/simt"), "signal 11\tor so");
  ck_assert_ptr_null(clf__verdicts_of(&got, "opencl:2"));
  clf__verdicts_set(&got, "opencl:0", "late");
  ck_assert_int_eq(got.count, 2);
  ck_assert_str_eq(clf__verdicts_of(&got, "opencl:0"), "late");
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    clf__verdicts from = {0};
    clf__cache_put("devices", broken[i], strlen(broken[i]));
    clf__verdicts_recall("devices", &from);
    ck_assert_msg(!memcmp(&from, &nothing, sizeof from), "%s", broken[i]);
  }
  clear_cache();
}
END_TEST

/* ---- Builds that fail ----------------------------------------------------------------------- */

/* A family whose gemm tile has -1 rows stops the compiler where gemm.cl declares one. */
static const clf_traits odd = {
    .family = "odd", .lanes = 4, .tm = -1, .tn = 8, .group = 1, .wg = 64};

static void build_odd(void) {
  clf__cl_device *list;
  int count;
  WORKS(clf__cl_list(&list, &count));
  clf__cl *cl = calloc(1, sizeof *cl);
  cl->id = list[0].id;
  cl->traits = &odd;
  cl_int e;
  cl->context = clCreateContext(NULL, 1, &cl->id, NULL, NULL, &e);
  ck_assert_int_eq(e, CL_SUCCESS);
  setenv("CLFLOW_CACHE_DIR", "", 1);
  ck_assert_int_eq(clf__cl_build(cl, &list[0].info), CLF_EBUILD);
  unsetenv("CLFLOW_CACHE_DIR");
  clReleaseContext(cl->context);
  free(cl);
  free(list);
}

START_TEST(build_errors_name_file_and_line) {
  static const char begins[] = "the kernels do not build with -cl-std=CL1.2 -DLANES=4 "
                               "-DTM=-1 -DTN=8 -DGROUP=1 -DWG=64 -cl-opt-disable: CL_";
  char said[1024];
  if (!opencl_count()) return;
  captured(build_odd, said, sizeof said); /* drivers may count the errors on stderr */
  ck_assert_ptr_eq(strstr(clf_errmsg(), begins), clf_errmsg());
  const char *file = strstr(clf_errmsg(), "gemm.cl:");
  ck_assert_msg(file && isdigit((unsigned char)file[8]), "%s", clf_errmsg());
}
END_TEST

static TCase *tests(void) {
  TCase *tc = tcase_create("programs");
  tcase_set_timeout(tc, 300); /* a first build on a slow device takes its time */
  tcase_add_unchecked_fixture(tc, list_devices, free_list);
  tcase_add_test(tc, cache_entries);
  tcase_add_test(tc, cache_of_programs);
  tcase_add_test(tc, cache_of_no_program);
  tcase_add_test(tc, parts_of_the_program);
  tcase_add_test(tc, headers_of_the_program);
  tcase_add_test(tc, macros_of_the_program);
  tcase_add_test(tc, cache_that_cannot_be);
  tcase_add_test(tc, folders_by_environment);
  tcase_add_test(tc, files_that_cannot_be_written);
  tcase_add_test(tc, links_are_not_followed);
  tcase_add_test(tc, files_of_others);
  tcase_add_test(tc, threads_at_once);
  tcase_add_test(tc, verdicts_are_whole);
  tcase_add_test(tc, build_errors_name_file_and_line);
  return tc;
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  Suite *suite = suite_create("cache");
  suite_add_tcase(suite, tests());
  const int failed = suite_run(suite);
  suite_remove(folder);
  return failed;
}
