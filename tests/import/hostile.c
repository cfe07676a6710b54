/* SPDX-License-Identifier: MIT */
/* hostile.c: checkpoints that are damaged, malicious, or of another kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "import/hostile.h"
#include "clflow/clflow.h"
#include "suite.h"
#include "zip.h"

/* ---- Pickles and archives ------------------------------------------------------------------ */

typedef struct buffer {
  char at[8192];
  size_t n;
} buffer;

static void add(buffer *b, const void *bytes, size_t n) {
  ck_assert(b->n + n <= sizeof b->at);
  memcpy(b->at + b->n, bytes, n);
  b->n += n;
}
static void op(buffer *b, const char *opcodes) { add(b, opcodes, strlen(opcodes)); }
static void number(buffer *b, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; i++) add(b, (unsigned char[]){(unsigned char)(v >> (8 * i))}, 1);
}
static void text(buffer *b, const char *s) {
  op(b, "X");
  number(b, strlen(s), 4);
  op(b, s);
}
static void integer(buffer *b, int64_t v) {
  add(b, "\x8a\x08", 2);
  number(b, (uint64_t)v, 8);
}

/* The pickle of torch._utils._rebuild_tensor_v2 for a storage of 64 bytes, with one or two
 * dimensions. */
typedef struct view {
  const char *type, *key;
  int64_t offset, size[2], stride[2];
  int rank;
} view;
static void tuple(buffer *b, const int64_t *v, int n) {
  op(b, "(");
  for (int i = 0; i < n; i++) integer(b, v[i]);
  op(b, "t");
}
static void tensor(buffer *b, view v) {
  op(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
  text(b, "storage");
  op(b, "ctorch\n");
  op(b, v.type ? v.type : "FloatStorage");
  op(b, "\n");
  text(b, v.key ? v.key : "0");
  text(b, "cpu");
  integer(b, 16);
  op(b, "tQ");
  integer(b, v.offset);
  tuple(b, v.size, v.rank);
  tuple(b, v.stride, v.rank);
  add(b, "\x89NtR", 4);
}
static buffer state_of(const char *key, view v) {
  buffer b = {.n = 0};
  op(&b, "}");
  text(&b, key);
  tensor(&b, v);
  op(&b, "s.");
  return b;
}

/* The file of torch.save() with that pickle and a storage of 16 floats. */
static char *archive_of(const buffer *pickle, size_t *size) {
  static const char zeros[64];
  const clf__zip_file parts[] = {{"a/data.pkl", pickle->at, pickle->n}, {"a/data/0", zeros, 64}};
  char *bytes;
  WORKS(clf__zip_write(parts, 2, &bytes, size));
  return bytes;
}

static void refuses(const char *what, const void *bytes, size_t size, clf_status status,
                    const char *message) {
  clf_flow *flow;
  const clf_status s = clf_import_memory(hostile_device, bytes, size, NULL, &flow, NULL);
  ck_assert_msg(s == status && strstr(clf_errmsg(), message), "%s: %d, %s", what, (int)s,
                s ? clf_errmsg() : "it was opened");
}
static void refuses_pickle(const char *what, const buffer *pickle, clf_status status,
                           const char *message) {
  size_t size;
  char *bytes = archive_of(pickle, &size);
  refuses(what, bytes, size, status, message);
  free(bytes);
}
#define PICKLE(bytes)                                                                              \
  &(buffer) { .at = bytes, .n = sizeof(bytes) - 1 }

/* ---- Tests ------------------------------------------------------------------------------------
 */

START_TEST(pickles) {
  static const char none[] = "no flow of nflows, glasflow, sbi, zuko, normflows or FrEIA";
  refuses_pickle("a list in itself", PICKLE("]q\0h\0a."), CLF_ENOTSUP, none);
  refuses_pickle("a dictionary in itself", PICKLE("}q\0X\1\0\0\0ah\0s."), CLF_EFORMAT,
                 "its modules nest too deep");
  refuses_pickle("a call", PICKLE("cos\nsystem\n(X\6\0\0\0exit 3tR."), CLF_ENOTSUP, none);
  refuses_pickle("no end", PICKLE("}"), CLF_EFORMAT, "damaged at byte 1: it ends early");
  refuses_pickle("a long text",
                 PICKLE("X\xff\xff\xff\xff"
                        "a."),
                 CLF_EFORMAT, "it ends early");
  refuses_pickle("a far memo", PICKLE("]r\xff\xff\xff\x7f."), CLF_EFORMAT,
                 "an index of its memo is too large");
  refuses_pickle("an empty memo", PICKLE("h\5."), CLF_EFORMAT, "its memo has no such entry");
  refuses_pickle("an empty stack", PICKLE("0."), CLF_EFORMAT, "its stack is empty");
  refuses_pickle("no mark", PICKLE("]u."), CLF_EFORMAT, "it has no mark");
  refuses_pickle("a key alone", PICKLE("}(X\1\0\0\0au."), CLF_EFORMAT, "a key without a value");
  refuses_pickle("a state of a list", PICKLE("]}b."), CLF_EFORMAT, "something that is no object");
  refuses_pickle("an extension", PICKLE("\x82\1."), CLF_EFORMAT, "the opcode 0x82 at byte 0");
}
END_TEST

/* A module of a library, but no flow: its class is named. */
START_TEST(other_modules) {
  buffer b = {.n = 0};
  op(&b, "}(");
  text(&b, "net");
  op(&b, "csbi.mixtures\nMixtureDensityEstimator\n)\x81}(");
  text(&b, "_modules");
  op(&b, "}");
  text(&b, "_parameters");
  op(&b, "}ubu.");
  refuses_pickle("another module", &b, CLF_ENOTSUP,
                 "its first module is net (sbi.mixtures.MixtureDensityEstimator); docs/import.md");
}
END_TEST

/* Lists in lists: a tree as deep as the file is long. */
START_TEST(deep_nesting) {
  buffer b = {.n = 0};
  for (int i = 0; i < 4000; i++) op(&b, "]");
  for (int i = 0; i < 3999; i++) op(&b, "a");
  op(&b, ".");
  refuses_pickle("lists in lists", &b, CLF_ENOTSUP, "no flow of nflows");
  b = (buffer){.n = 0};
  for (int i = 0; i < 4000; i++) op(&b, "(");
  op(&b, ".");
  refuses_pickle("marks alone", &b, CLF_EFORMAT, "its stack is empty");
  b = (buffer){.n = 0};
  op(&b, "N");
  for (int i = 0; i < 4000; i++) op(&b, "\x85"); /* tuples of one */
  op(&b, ".");
  refuses_pickle("tuples in tuples", &b, CLF_ENOTSUP, "no flow of nflows");
}
END_TEST

/* Each dictionary holds the one before it ten times: 10^LEVELS modules, if all were read. */
START_TEST(memo_bombs) {
  enum { LEVELS = 20 };
  buffer b = {.n = 0};
  op(&b, "}q");
  number(&b, 0, 1);
  for (int level = 1; level <= LEVELS; level++) {
    op(&b, "}(");
    for (int i = 0; i < 10; i++) {
      char key[2] = {(char)('a' + i), 0};
      text(&b, key);
      op(&b, "h");
      number(&b, (uint64_t)level - 1, 1);
    }
    op(&b, "uq");
    number(&b, (uint64_t)level, 1);
  }
  op(&b, ".");
  refuses_pickle("dictionaries in dictionaries", &b, CLF_EFORMAT, "it has too many modules");
  /* Dimensions of a tensor, as a tuple that holds itself many times. */
  b = (buffer){.n = 0};
  op(&b, "}");
  text(&b, "w");
  op(&b, "ctorch._utils\n_rebuild_tensor_v2\n(N");
  integer(&b, 0);
  op(&b, "Nq");
  number(&b, 0, 1);
  for (int level = 1; level <= LEVELS; level++) {
    op(&b, "0(");
    for (int i = 0; i < 10; i++) {
      op(&b, "h");
      number(&b, (uint64_t)level - 1, 1);
    }
    op(&b, "tq");
    number(&b, (uint64_t)level, 1);
  }
  op(&b, "(tt\x52s.");
  refuses_pickle("a tuple of tuples as a shape", &b, CLF_EFORMAT, "a tensor");
}
END_TEST

/* Sizes that the file does not have. */
START_TEST(claimed_sizes) {
  static const struct {
    const char *what, *opcode;
    int bytes;
  } cases[] = {
      {"BINUNICODE", "X", 4},          {"BINUNICODE8", "\x8d", 8}, {"BINBYTES", "B", 4},
      {"BINBYTES8", "\x8e", 8},        {"LONG4", "\x8b", 4},       {"SHORT_BINBYTES", "C", 1},
      {"SHORT_BINUNICODE", "\x8c", 1}, {"LONG1", "\x8a", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int less = 0; less < 2; less++) {
      buffer b = {.n = 0};
      op(&b, cases[i].opcode);
      number(&b, UINT64_MAX >> less, cases[i].bytes);
      op(&b, "a.");
      refuses_pickle(cases[i].what, &b, CLF_EFORMAT, "it ends early");
    }
}
END_TEST

/* Tensors that overlap in their storage, as tied weights do: each has elements of its own here. */
START_TEST(overlapping_tensors) {
  buffer b = {.n = 0};
  op(&b, "}(");
  text(&b, "_transform._transforms.0.q_vectors");
  tensor(&b, (view){.size = {2, 3}, .stride = {3, 1}, .rank = 2});
  text(&b, "_transform._transforms.1.q_vectors");
  tensor(&b, (view){.offset = 2, .size = {2, 3}, .stride = {1, 2}, .rank = 2});
  op(&b, "u.");
  size_t size;
  char *bytes = archive_of(&b, &size);
  clf_flow *flow;
  WORKS(clf_import_memory(hostile_device, bytes, size, NULL, &flow, NULL));
  ck_assert_int_eq(clf_flow_weight_count(flow), 12);
  clf_flow_free(flow);
  free(bytes);
}
END_TEST

START_TEST(tensors) {
  static const struct {
    const char *what;
    view v;
    clf_status status;
    const char *message;
  } cases[] = {
      {"beyond its storage",
       {.size = {17}, .stride = {1}, .rank = 1},
       CLF_EFORMAT,
       "goes beyond its storage"},
      {"an offset beyond it",
       {.offset = 16, .size = {1}, .stride = {1}, .rank = 1},
       CLF_EFORMAT,
       "goes beyond its storage"},
      {"a stride beyond it",
       {.size = {2}, .stride = {INT64_MAX}, .rank = 1},
       CLF_EFORMAT,
       "goes beyond its storage"},
      {"strides that add up",
       {.size = {4, 4}, .stride = {4, 4}, .rank = 2},
       CLF_EFORMAT,
       "goes beyond its storage"},
      {"a shape beyond memory",
       {.size = {INT64_MAX, INT64_MAX}, .stride = {0, 0}, .rank = 2},
       CLF_EFORMAT,
       "has a shape beyond memory"},
      {"many times its storage",
       {.size = {1 << 30}, .stride = {0}, .rank = 1},
       CLF_EFORMAT,
       "repeats its storage"},
      {"a negative size",
       {.size = {-1}, .stride = {1}, .rank = 1},
       CLF_EFORMAT,
       "no whole numbers from 0"},
      {"a negative offset",
       {.offset = -1, .size = {1}, .stride = {1}, .rank = 1},
       CLF_EFORMAT,
       "has no place in its storage"},
      {"an unknown type",
       {.type = "QInt8Storage", .size = {1}, .stride = {1}, .rank = 1},
       CLF_ENOTSUP,
       "torch.QInt8Storage, which is not read"},
      {"no storage",
       {.key = "7", .size = {1}, .stride = {1}, .rank = 1},
       CLF_EFORMAT,
       "the member a/data/7, is missing"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const buffer b = state_of("w", cases[i].v);
    refuses_pickle(cases[i].what, &b, cases[i].status, cases[i].message);
  }
}
END_TEST

START_TEST(models) {
  const view one = {.size = {3}, .stride = {1}, .rank = 1};
  buffer b = state_of("_transform._transforms.0.strange", one);
  refuses_pickle("an unknown transform", &b, CLF_ENOTSUP,
                 "_transform._transforms.0 is not supported; of nflows' transforms these are");
  b = state_of("flows.0.u", one);
  refuses_pickle("an unknown flow", &b, CLF_ENOTSUP,
                 "flows.0 is not supported; of normflows' flows");
  b = state_of("_transform._transforms.1.q_vectors",
               (view){.size = {2, 3}, .stride = {3, 1}, .rank = 2});
  refuses_pickle("a gap", &b, CLF_EINVAL, "_transforms.0 has no tensors");
  b = (buffer){.n = 0};
  op(&b, "}(");
  text(&b, "_transform._transforms.0.q_vectors");
  tensor(&b, (view){.size = {2, 3}, .stride = {3, 1}, .rank = 2});
  text(&b, "_transform.more");
  tensor(&b, one);
  op(&b, "u.");
  refuses_pickle("a part of a model", &b, CLF_ENOTSUP,
                 "only a part of the file was recognised: 1 tensor has no place, _transform.more");
  b = state_of("transform.transforms.0.univariate.network.0.weight", one);
  refuses_pickle("NAF", &b, CLF_ENOTSUP,
                 "transforms.0 has a monotonic network as its map, that of NAF");
  b = state_of("transform.transforms.0.univariate.integrand.0.weight", one);
  refuses_pickle("UNAF", &b, CLF_ENOTSUP, "that of UNAF, which is not supported; of zuko's maps");
  b = state_of("transform.ode.0.weight", one);
  refuses_pickle("CNF", &b, CLF_ENOTSUP, "transform is a differential equation, that of CNF");
  b = state_of("q0.0.loc", one);
  refuses_pickle("an image flow without flows", &b, CLF_ENOTSUP, "no flow of nflows");
  b = (buffer){.n = 0};
  op(&b, "}(");
  text(&b, "_transform._transforms.0.unnormalized_widths");
  tensor(&b, (view){.size = {2, 3}, .stride = {3, 1}, .rank = 2});
  text(&b, "_transform._transforms.0.unnorm_derivatives_left");
  tensor(&b, (view){.size = {2, 1}, .stride = {1, 1}, .rank = 2});
  op(&b, "u.");
  refuses_pickle("a cubic spline", &b, CLF_ENOTSUP, "_transforms.0 is a cubic spline");
  char deep[400];
  for (int i = 0; i < 199; i++) memcpy(deep + 2 * i, "a.", 2);
  strcpy(deep + 398, "a");
  b = state_of(deep, one);
  refuses_pickle("deep names", &b, CLF_EFORMAT, "its names nest too deep");
}
END_TEST

START_TEST(archives) {
  const buffer good = state_of("w", (view){.size = {3}, .stride = {1}, .rank = 1});
  size_t size, other_size;
  char *bytes = archive_of(&good, &size), *other;
  for (size_t n = 0; n < size; n++) { /* cut anywhere: refused with a sentence */
    clf_flow *flow = NULL;
    char *own = malloc(n + 1); /* of its own, for sanitizers */
    memcpy(own, bytes, n);
    const clf_status s = clf_import_memory(hostile_device, own, n, NULL, &flow, NULL);
    ck_assert_msg(s == CLF_EFORMAT || s == CLF_ENOTSUP, "%zu bytes: %d, %s", n, (int)s,
                  clf_errmsg());
    ck_assert(strlen(clf_errmsg()) > 20);
    free(own);
  }
  bytes[70] ^= 1; /* within the pickle */
  refuses("a changed bit", bytes, size, CLF_EFORMAT, "the checksum of a member is wrong");
  bytes[70] ^= 1;
  const size_t list = size - 22 - 46 - 8,
               first = list - 46 - 10; /* the second entry and the first */
  ck_assert(!memcmp(bytes + list, "PK\1\2", 4) && !memcmp(bytes + first, "PK\1\2", 4));
  memcpy(bytes + list + 42, bytes + first + 42, 4);
  refuses("members that share bytes", bytes, size, CLF_EFORMAT, "two members share bytes");
  WORKS(clf__zip_write(&(clf__zip_file){"x", "y", 1}, 1, &other, &other_size));
  refuses("another archive", other, other_size, CLF_EFORMAT, "it holds no data.pkl");
  free(other);
  free(bytes);
}
END_TEST

START_TEST(other_files) {
  refuses("torch before 1.6", "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8\x50\x19.\x80\2", 18, CLF_ENOTSUP,
          "written by torch before 1.6");
  refuses("a plain pickle", "\x80\4}.", 4, CLF_ENOTSUP, "it is a plain pickle");
  refuses("HDF5", "\x89HDF\r\n\x1a\n....", 12, CLF_ENOTSUP, "it is an HDF5 file");
  refuses("text", "a,b\n1,2\n", 8, CLF_EFORMAT, "it is no checkpoint");
  refuses("nothing", "", 0, CLF_EFORMAT, "it is no checkpoint");
}
END_TEST

clf_device *hostile_device;
void hostile_add(TCase *t) {
  tcase_add_test(t, pickles);
  tcase_add_test(t, other_modules);
  tcase_add_test(t, deep_nesting);
  tcase_add_test(t, memo_bombs);
  tcase_add_test(t, claimed_sizes);
  tcase_add_test(t, overlapping_tensors);
  tcase_add_test(t, tensors);
  tcase_add_test(t, models);
  tcase_add_test(t, archives);
  tcase_add_test(t, other_files);
}
