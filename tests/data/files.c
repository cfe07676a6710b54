/* SPDX-License-Identifier: MIT */
/* files.c: files that cannot be read or written, and files that are written completely or not at
 * all. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>
#ifdef __linux__
#include <sys/file.h>
#endif
#ifndef _WIN32
#include <sys/wait.h>
#endif
#include "file.h"
#include "tables.h"

START_TEST(unreadable) {
  clf_table t;
  mkdir("folder.csv", 0777);
  expect(clf_table_read("folder.csv", &t), CLF_EIO, "folder.csv: cannot be read: it is a folder");
  rmdir("folder.csv");
  POSIX_ONLY;
  char *bytes;
  size_t size;
  mkfifo("pipe.npy", 0666); /* tables may come through one, models may not */
  expect(clf__file_read("pipe.npy", &bytes, &size), CLF_EIO,
         "pipe.npy: cannot be read: it is not a regular file");
  unlink("pipe.npy");
}
END_TEST

START_TEST(unwritable) {
  const clf_table t = {.rows = 1, .cols = 1, .at = (double[]){1}};
  expect(clf_table_write("out/m.npy", &t), CLF_EIO,
         "out/m.npy: cannot be written: the folder \"out\" does not exist");
  expect(clf_path_writable("out/m.pt"), CLF_EIO,
         "out/m.pt: cannot be written: the folder \"out\" does not exist");
  expect(clf_path_writable(""), CLF_EIO, "\"\" cannot be written: it does not name a file");
  expect(clf_path_writable("new/"), CLF_EIO, "\"new/\" cannot be written: it does not name a file");
  expect(clf_path_writable("."), CLF_EIO, ".: cannot be written: it is a folder");
  expect(clf_path_writable("/dev/null"), CLF_EIO,
         "/dev/null: cannot be written: it is not a regular file");
  expect(clf_path_writable(NULL), CLF_EINVAL, "the name of a file to write is empty");
  write_bytes("plain", "x", 1);
  expect(clf_path_writable("plain/m.npy"), CLF_EIO,
         "plain/m.npy: cannot be written: \"plain\" is not a folder");
  expect(clf_path_writable("plain/x/m.npy"), CLF_EIO,
         "plain/x/m.npy: cannot be written: Not a directory");
  ck_assert_int_eq(clf_path_writable("plain"), CLF_OK);
  clf__file *f;
  expect(clf__file_begin(NULL, &f), CLF_EINVAL, "the name of a file to write is empty");
  unlink("plain");
  ck_assert_int_eq(clf_path_writable("m.safetensors"), CLF_OK);
  ck_assert_int_eq(clf_path_writable("./m.png"), CLF_OK);
  ck_assert_int_eq(clf_path_writable("/tmp/m.jsonl"), CLF_OK);
  if (access("/", W_OK) == 0) ck_assert_int_eq(clf_path_writable("/m.jsonl"), CLF_OK);
  ck_assert_int_eq(suite_entries("."), 0);
}
END_TEST

/* Root may write anywhere; access() checks the real user, so root changes it for a while. */
START_TEST(protected) {
  POSIX_ONLY;
  enum { NOBODY = 65534 };
  const int root = getuid() == 0 && geteuid() == 0;
  if (root) {
    ck_assert_int_eq(chmod(".", 0755), 0);
    ck_assert_int_eq(setreuid(NOBODY, 0), 0);
  }
  mkdir("locked", 0555);
  expect(clf_path_writable("locked/m.npy"), CLF_EIO,
         "locked/m.npy: cannot be written: the folder \"locked\": Permission denied");
  rmdir("locked");
  write_bytes("m.npy", "x", 1);
  chmod("m.npy", 0444);
  expect(clf_path_writable("m.npy"), CLF_EIO, "m.npy: cannot be written: Permission denied");
  unlink("m.npy");
  if (root) ck_assert_int_eq(setreuid(0, 0), 0);
}
END_TEST

static mode_t mode_of(const char *path) {
  struct stat st;
  ck_assert_int_eq(lstat(path, &st), 0);
  return st.st_mode & 07777;
}

START_TEST(permissions) {
  POSIX_ONLY;
  const clf_table t = {.rows = 1, .cols = 1, .at = (double[]){1}};
  const mode_t before = umask(027);
  ck_assert_int_eq(clf_table_write("t.csv", &t), CLF_OK);
  ck_assert_int_eq(mode_of("t.csv"), 0640);
  chmod("t.csv", 0606);
  ck_assert_int_eq(clf_table_write("t.csv", &t), CLF_OK);
  ck_assert_int_eq(mode_of("t.csv"), 0606);
  umask(before);
  file_is("t.csv", "1\n", 2);
}
END_TEST

START_TEST(links) {
  POSIX_ONLY;
  const clf_table t = {.rows = 1, .cols = 1, .at = (double[]){1}};
  struct stat st;
  mkdir("there", 0777);
  write_bytes("there/real", "old", 3);
  ck_assert_int_eq(symlink("there/real", "link.csv"), 0);
  ck_assert_int_eq(clf_table_write("link.csv", &t), CLF_OK);
  ck_assert_int_eq(lstat("link.csv", &st), 0);
  ck_assert(S_ISLNK(st.st_mode));
  file_is("there/real", "1\n", 2);
  unlink("link.csv");
  ck_assert_int_eq(rmdir("there"), 0);
}
END_TEST

/* A limit on the size of files stands for a full disk. */
START_TEST(disk_full) {
  POSIX_ONLY;
  struct rlimit limit, small;
  clf_table t;
  ck_assert_int_eq(clf_table_read("moons:n=20000", &t), CLF_OK);
  signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 100000;
  for (int k = 0; k < 2; k++) {
    const char *const path = k ? "t.npy" : "t.csv";
    write_bytes(path, "old", 3);
    setrlimit(RLIMIT_FSIZE, &small);
    const clf_status s = clf_table_write(path, &t);
    setrlimit(RLIMIT_FSIZE, &limit);
    expect(s, CLF_EIO,
           k ? "t.npy: write failed: File too large" : "t.csv: write failed: File too large");
    ck_assert_int_eq(suite_entries("."), 1);
    file_is(path, "old", 3);
  }
  clf_table_free(&t);
}
END_TEST

START_TEST(whole_or_not_at_all) {
  clf__file *f, *g;
  write_bytes("m", "old", 3);
  ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
  ck_assert_int_eq(clf__file_begin("m", &g), CLF_OK);
  ck_assert_int_eq(suite_entries("."), 3);
  ck_assert_int_eq(clf__file_put(f, "new", 3), CLF_OK);
  ck_assert_int_eq(clf__file_put(f, "", 0), CLF_OK);
  file_is("m", "old", 3);
  clf__file_abort(g);
  clf__file_abort(NULL);
  ck_assert_int_eq(clf__file_commit(f), CLF_OK);
  ck_assert_int_eq(suite_entries("."), 1);
  file_is("m", "new", 3);
}
END_TEST

static void write_kept(const char *text) {
  clf__file *f;
  ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
  clf__file_keep(f, NULL);
  ck_assert_int_eq(clf__file_put(f, text, strlen(text)), CLF_OK);
  ck_assert_int_eq(clf__file_commit(f), CLF_OK);
}

START_TEST(keeps_the_one_before) {
  write_kept("first");
  ck_assert_int_eq(suite_entries("."), 1);
  write_kept("second");
  ck_assert_int_eq(suite_entries("."), 2);
  file_is("m.previous", "first", 5);
  write_kept("third");
  ck_assert_int_eq(suite_entries("."), 2);
  file_is("m.previous", "second", 6);
  file_is("m", "third", 5);
}
END_TEST

static int is_not_expendable(const char *path) { return access(path, F_OK) != 0; }

/* A file that has the name of the copy already is not replaced, unless it is empty. */
START_TEST(keeps_what_is_not_expendable) {
  static const char *const there[] = {"foreign", ""}, *const kept[] = {"foreign", "old"};
  for (int i = 0; i < 2; i++) {
    clf__file *f;
    write_bytes("m", "old", 3);
    write_bytes("m.previous", there[i], strlen(there[i]));
    ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
    clf__file_keep(f, is_not_expendable);
    ck_assert_int_eq(clf__file_put(f, "new", 3), CLF_OK);
    ck_assert_int_eq(clf__file_commit(f), CLF_OK);
    file_is("m.previous", kept[i], strlen(kept[i]));
    file_is("m", "new", 3);
  }
}
END_TEST

/* Whether a file is still being written: by its lock, or by its age where there are no locks. */
#ifdef __linux__
enum { LOCKS = 1 };
#else
enum { LOCKS = 0 };
#endif

static void make_old(const char *name) {
  const struct utimbuf old = {.actime = 1000000, .modtime = 1000000};
  ck_assert_int_eq(utime(name, &old), 0);
}

/* No process has such a large id. Writing a file removes old unfinished ones from its folder. */
START_TEST(removes_what_was_left) {
  char own[64], own_old[64];
  snprintf(own, sizeof own, ".clflow-%ld-77.tmp", (long)getpid());
  snprintf(own_old, sizeof own_old, ".clflow-%ld-78.tmp", (long)getpid());
  const struct {
    const char *name;
    int old, stays;
  } files[] = {{".clflow-2000000000-1.tmp", 1, 0},
               {".clflow-2000000000-1.tmp~", 1, 0},
               {".clflow-2000000000-2.tmp", 0, !LOCKS},
               {own, 0, 1},
               {own_old, 1, !LOCKS},
               {".clflow-2000000000-1.tmp.txt", 1, 1}};
  for (size_t i = 0; i < SIZE(files); i++) {
    write_bytes(files[i].name, "half", 4);
    if (files[i].old) make_old(files[i].name);
  }
  ck_assert_int_eq(clf_file_write("m", "new", 3), CLF_OK);
  for (size_t i = 0; i < SIZE(files); i++)
    ck_assert_msg((access(files[i].name, F_OK) == 0) == files[i].stays, "%s: %s", files[i].name,
                  files[i].stays ? "was removed" : "is there");
  for (size_t i = 0; i < SIZE(files); i++) unlink(files[i].name);
  file_is("m", "new", 3);
}
END_TEST

/* A process of another container holds the lock; its id means nothing here. */
START_TEST(locked_files_stay) {
#ifdef __linux__
  static const char name[] = ".clflow-2000000000-1.tmp";
  write_bytes(name, "half", 4);
  make_old(name);
  const int fd = open(name, O_WRONLY);
  ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
  ck_assert_int_eq(clf_file_write("m", "new", 3), CLF_OK);
  file_is(name, "half", 4);
  close(fd);
  ck_assert_int_eq(clf_file_write("m", "new", 3), CLF_OK);
  ck_assert_int_eq(access(name, F_OK), -1);

  clf__file *f; /* as does this process, until the file is complete */
  ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
  DIR *d = opendir(".");
  int locked = 0;
  for (const struct dirent *e; (e = readdir(d));) {
    if (strncmp(e->d_name, ".clflow-", 8) != 0) continue;
    const int own = open(e->d_name, O_WRONLY);
    locked += flock(own, LOCK_EX | LOCK_NB) != 0;
    close(own);
  }
  closedir(d);
  ck_assert_int_eq(locked, 1);
  clf__file_abort(f);
  file_is("m", "new", 3);
#endif
}
END_TEST

/* The action of a signal handler that ends the process; it does nothing in a forked child. */
START_TEST(discards_what_is_unfinished) {
  clf__file *f[2];
  for (int i = 0; i < 2; i++) ck_assert_int_eq(clf__file_begin("m", &f[i]), CLF_OK);
  clf__file_abort(f[1]);
  ck_assert_int_eq(suite_entries("."), 1);
  clf_discard_unfinished();
  ck_assert_int_eq(suite_entries("."), 0);
  expect(clf__file_commit(f[0]), CLF_EIO, "m: write failed: No such file or directory");
  for (int i = 0; i < 40; i++) ck_assert_int_eq(clf_file_write("m", "new", 3), CLF_OK);
  ck_assert_int_eq(clf__file_begin("m", &f[0]), CLF_OK);
#ifndef _WIN32
  const pid_t child = suite_fork();
  if (child == 0) {
    clf_discard_unfinished();
    _exit(0);
  }
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
#endif
  ck_assert_int_eq(clf__file_commit(f[0]), CLF_OK);
  file_is("m", "", 0);
}
END_TEST

/* Only 16 unfinished files are watched; giving up one more leaves the others watched. */
START_TEST(more_files_than_are_watched) {
  enum { FILES = 17 };
  clf__file *f[FILES];
  for (int i = 0; i < FILES; i++) ck_assert_int_eq(clf__file_begin("m", &f[i]), CLF_OK);
  clf__file_abort(f[FILES - 1]);
  ck_assert_int_eq(suite_entries("."), FILES - 1);
  clf_discard_unfinished();
  ck_assert_int_eq(suite_entries("."), 0);
  for (int i = 0; i < FILES - 1; i++) clf__file_abort(f[i]);
}
END_TEST

/* Names that only look like unfinished files: no process id, another prefix, not a file, of another
 * user. */
START_TEST(leaves_what_is_not_its_own) {
  POSIX_ONLY; /* the age of a folder cannot be set */
  static const char *const names[] = {".clflow-0-1.tmp", ".clflow--5-1.tmp", ".clflow-7.tmp",
                                      ".clflow-2000000000-1.tm", "clflow-2000000000-1.tmp"};
  for (size_t i = 0; i < SIZE(names); i++) {
    write_bytes(names[i], "half", 4);
    make_old(names[i]);
  }
  mkdir(".clflow-2000000000-3.tmp", 0777);
  make_old(".clflow-2000000000-3.tmp");
  ck_assert_int_eq(symlink(names[0], ".clflow-2000000000-4.tmp"), 0);
  write_kept("new");
  for (size_t i = 0; i < SIZE(names); i++) file_is(names[i], "half", 4);
  ck_assert_int_eq(rmdir(".clflow-2000000000-3.tmp") | unlink(".clflow-2000000000-4.tmp"), 0);
  if (geteuid() == 0) {
    write_bytes(".clflow-2000000000-5.tmp", "half", 4);
    make_old(".clflow-2000000000-5.tmp");
    ck_assert_int_eq(chown(".clflow-2000000000-5.tmp", 65534, 65534), 0);
    write_kept("new");
    file_is(".clflow-2000000000-5.tmp", "half", 4);
    file_is("m.previous", "new", 3);
  }
  file_is("m", "new", 3);
}
END_TEST

/* Names that exist are skipped, up to a thousand. */
START_TEST(names_that_are_taken) {
  enum { MANY = 4000 };
  char name[64];
  clf__file *f;
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, ".clflow-%ld-%d.tmp", (long)getpid(), i);
    write_bytes(name, "", 0);
  }
  expect(clf__file_begin("m", &f), CLF_EIO, "m: cannot be written: File exists");
  ck_assert_int_eq(access("m", F_OK), -1);
  ck_assert_int_eq(suite_entries("."), MANY);
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, ".clflow-%ld-%d.tmp", (long)getpid(), i);
    unlink(name);
  }
  write_kept("new");
  file_is("m", "new", 3);
}
END_TEST

/* The folder is removed while a file in it is written. */
START_TEST(a_folder_that_is_gone) {
  clf__file *f;
  mkdir("here", 0777);
  ck_assert_int_eq(clf__file_begin("here/m", &f), CLF_OK);
  ck_assert_int_eq(rename("here", "there"), 0);
  clf__file_keep(f, NULL);
  ck_assert_int_eq(clf__file_put(f, "new", 3), CLF_OK);
  expect(clf__file_commit(f), CLF_EIO, "here/m: write failed: No such file or directory");
  DIR *d = opendir("there");
  ck_assert_ptr_nonnull(d);
  for (const struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] == '.' && e->d_name[1] == 'c') unlinkat(dirfd(d), e->d_name, 0);
  closedir(d);
  ck_assert_int_eq(rmdir("there"), 0);
}
END_TEST

START_TEST(failed_rename) {
  clf__file *f;
  ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
  mkdir("m", 0777);
  expect(clf__file_commit(f), CLF_EIO, "m: write failed: Is a directory");
  ck_assert_int_eq(suite_entries("."), 1);
  rmdir("m");
}
END_TEST

/* ---- Files of other programs ------------------------------------------------- */

static const struct foreign {
  const char *name, *bytes;
  size_t size;
  clf_status status;
  const char *says;
} foreign[] = {
    {"d.csv", "\3\0\0\0\0\0\0\0{}\n", 11, CLF_EFORMAT,
     "a safetensors file: it is a model; pass it as the model, not as data"},
    {"d.safetensors", "\2\0\0\0\0\0\0\0{}", 10, CLF_EINVAL,
     "a safetensors file: it is a model; pass it as the model, not as data"},
    {"d.pt", "\x80\4\x95\n\0\0\0\0\0\0\0}\x94.", 14, CLF_EINVAL,
     "a pickle of Python, as torch.save wrote before version 1.6: load it in Python and write its "
     "numbers with numpy.save"},
    {"d.h5", "\x89HDF\r\n\x1a\n", 8, CLF_EINVAL, "an HDF5 file: write its numbers as .csv or .npy"},
    {"d.csv", "PAR1\x15\4\x15\x10", 8, CLF_EFORMAT,
     "a Parquet file: write its numbers as .csv or .npy"},
    {"d.csv", "\x93NUMPY\1\0v\0", 10, CLF_EFORMAT,
     "an NPY file of NumPy: give it a name that ends in .npy"},
    {"d.webp", "RIFF\0\0\0\0WEBPVP8 ", 16, CLF_EINVAL,
     "a WebP image: images are read as PNG and JPEG: convert it to PNG"},
    {"d.npy", "7z\xbc\xaf\x27\x1c\0\4", 8, CLF_EFORMAT, "a 7-Zip archive: unpack it first"},
};

START_TEST(foreign_files) {
  const struct foreign *f = &foreign[_i];
  clf_table t;
  char message[256];
  write_bytes(f->name, f->bytes, f->size);
  snprintf(message, sizeof message, "%s: cannot be read as a table: it is %s", f->name, f->says);
  expect(clf_table_read(f->name, &t), f->status, message);
  unlink(f->name);
}
END_TEST

/* Text may be a table, so errors come from the reader of tables. */
START_TEST(text_of_another_name) {
  clf_table t;
  write_bytes("d.dat", "1,2\n", 4);
  expect(clf_table_read("d.dat", &t), CLF_EINVAL,
         "d.dat: cannot be read: the name of a file of numbers ends in .csv, .tsv, .txt, .npy or "
         ".npz, or in one of the first four and .gz");
  unlink("d.dat");
  write_bytes("d.npy", "1,2\n3,4\n5,6\n", 12);
  expect(clf_table_read("d.npy", &t), CLF_EFORMAT, "d.npy: this is not an NPY file");
  unlink("d.npy");
}
END_TEST

void tests_of_files(Suite *s) {
  TCase *c = tcase_create("files");
  tcase_add_test(c, unreadable);
  tcase_add_test(c, unwritable);
  tcase_add_test(c, protected);
  tcase_add_test(c, permissions);
  tcase_add_test(c, links);
  tcase_add_test(c, disk_full);
  tcase_add_test(c, whole_or_not_at_all);
  tcase_add_test(c, keeps_the_one_before);
  tcase_add_test(c, keeps_what_is_not_expendable);
  tcase_add_test(c, removes_what_was_left);
  tcase_add_test(c, locked_files_stay);
  tcase_add_test(c, discards_what_is_unfinished);
  tcase_add_test(c, more_files_than_are_watched);
  tcase_add_test(c, leaves_what_is_not_its_own);
  tcase_add_test(c, names_that_are_taken);
  tcase_add_test(c, a_folder_that_is_gone);
  tcase_add_test(c, failed_rename);
  tcase_add_loop_test(c, foreign_files, 0, sizeof foreign / sizeof *foreign);
  tcase_add_test(c, text_of_another_name);
  suite_add_tcase(s, c);
}
