/* SPDX-License-Identifier: MIT */
/* tensors.c: the tensors of a checkpoint: each is removed, or gets another shape or other values.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"

/* These tensors limit what a file may claim before memory is allocated; the message names all of
 * them. */
static int bounds(const char *name) {
  static const char *const names[] = {"layers.0.map_t.2.weight",
                                      "layers.0.b",
                                      "layers.1.b",
                                      "xi",
                                      "scale0.coupling0.net.h_in.V",
                                      "scale0.coupling3.net.block0.h_0.V"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return 1;
  return 0;
}

START_TEST(every_tensor) {
  clf__st *st;
  write_good(kinds[_i]);
  WORKS(clf__st_open(good, &st));
  for (int i = 0; i < clf__st_count(st); i++) {
    const clf__st_entry *e = clf__st_at(st, i);
    const char *names = bounds(e->name) ? "its tensor" : e->name;
    rewrite(&(change){.key = e->name, .tensor = 1, .rank = -1});
    is_refused(names, "is gone");
    rewrite(&(change){.key = e->name, .tensor = 1, .rank = 1, .dim = {e->count + 1}});
    is_refused(names, "is longer");
    if (e->count == 1) continue; /* a scalar is accepted for one number */
    rewrite(&(change){.key = e->name, .tensor = 1});
    is_refused(names, "is a scalar");
  }
  clf__st_close(st);
  remove_files();
}
END_TEST

START_TEST(shapes_are_told) {
  write_good(CLF_NVP);
  rewrite(&(change){.key = "layers.0.map_s.0.bias", .tensor = 1, .rank = 2, .dim = {2, 6}});
  is_refused("its tensor layers.0.map_s.0.bias has the shape [2, 6]; the flow needs [2]", "");
  rewrite(&(change){.key = "layers.0.map_s.0.bias", .tensor = 1});
  is_refused("its tensor layers.0.map_s.0.bias has the shape []; the flow needs [2]", "");
  rewrite(&(change){.key = "clflow.adam.m", .tensor = 1, .rank = 1, .dim = {3}});
  is_refused("its tensor clflow.adam.m has 3 elements; the flow needs ", "");
  remove_files();
}
END_TEST

START_TEST(a_mask_is_0_or_1) {
  write_good(CLF_NVP);
  rewrite(&(change){.key = "layers.1.b", .tensor = 1, .rank = 2, .dim = {1, 2}, .fill = 0.5});
  is_refused("the mask of layers.1 holds 0.5; a mask is 0 or 1", "");
  remove_files();
}
END_TEST

/* Makes one element of a tensor of `bad` a NaN, and removes the checksum by renaming its key. */
static void spoil(const char *name) {
  static const unsigned char nan[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  clf__st *st;
  size_t size;
  WORKS(clf__st_open(bad, &st));
  const clf__st_entry *e = clf__st_find(st, name);
  ck_assert_ptr_nonnull(e);
  char *bytes = read_file(bad, &size);
  memcpy(strstr(bytes + 8, "clflow.crc32"), "clflow.seeds", 12);
  memcpy(bytes + 8 + st->header + e->begin, nan, sizeof nan);
  write_bytes(bad, bytes, size);
  free(bytes);
  clf__st_close(st);
}

START_TEST(values_are_finite) {
  clf_flow *f = NULL;
  char want[128];
  const change none = {.key = "none"};
  write_good(CLF_NVP);
  rewrite(&none);
  spoil("layers.0.map_t.0.weight");
  REFUSED(clf_flow_load(dev, bad, NULL, &f), CLF_ENUM,
          (snprintf(want, sizeof want,
                    "%s: tensor \"layers.0.map_t.0.weight\" has nan at element 0", bad),
           want));
  ck_assert_ptr_null(f);
  remove_files();
}
END_TEST

/* A flow is loaded from one file and its training resumed from another that lacks a weight: it is
 * named, and the training does not change. */
START_TEST(resumed_from_another_file) {
  const clf_train_options o = options();
  clf_flow *f = NULL;
  clf_trainer *t = NULL;
  write_good(CLF_NVP);
  rewrite(&(change){.key = "layers.0.map_t.0.bias", .tensor = 1, .rank = -1});
  WORKS(clf_flow_load(dev, good, NULL, &f));
  WORKS(clf_trainer_create(f, &moons, &o, &t));
  ck_assert_int_eq(clf_trainer_resume(t, bad), CLF_EFORMAT);
  ck_assert_msg(strstr(clf_errmsg(), ": it has no tensor layers.0.map_t.0.bias") != NULL, "%s",
                clf_errmsg());
  WORKS(clf_trainer_resume(t, good));
  clf_trainer_free(t);
  clf_flow_free(f);
  remove_files();
}
END_TEST

void tests_of_tensors(TCase *c) {
  tcase_add_loop_test(c, every_tensor, 0, KINDS);
  tcase_add_test(c, shapes_are_told);
  tcase_add_test(c, a_mask_is_0_or_1);
  tcase_add_test(c, values_are_finite);
  tcase_add_test(c, resumed_from_another_file);
}
