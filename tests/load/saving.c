/* SPDX-License-Identifier: MIT */
/* saving.c: contents of saved files, and saving without memory. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "load.h"

static long json_calls, json_fails; /* calls so far; the number of the first that fails */
static void *json_malloc(size_t n) {
  return ++json_calls >= json_fails && json_fails ? NULL : malloc(n);
}

/* Each allocation of the JSON of a save fails in turn: this is reported, and no file is written. */
START_TEST(saves_without_memory) {
  clf_flow *f = NULL;
  clf_trainer *t = NULL;
  json_malloc_t usual_malloc;
  json_free_t usual_free;
  const clf_train_options o = options();
  json_get_alloc_funcs(&usual_malloc, &usual_free);
  write_good(kinds[_i]);
  if (moons.at) { /* the file says from which step activations are stored, and the micro-batch */
    rewrite(&(change){.key = "clflow.train.stored_part", .value = "1"});
    ck_assert_int_eq(rename(bad, good), 0);
  }
  WORKS(clf_flow_load(dev, good, NULL, &f));
  if (moons.at) {
    WORKS(clf_trainer_create(f, &moons, &o, &t));
    WORKS(clf_trainer_resume(t, good));
  }
  json_set_alloc_funcs(json_malloc, free);
  clf_status s = CLF_ENOMEM;
  long n = 0;
  while (s) {
    json_fails = n += 1;
    json_calls = 0;
    s = t ? clf_trainer_save(t, bad) : clf_flow_save(f, bad);
    json_fails = 0;
    if (!s) continue;
    ck_assert_msg(strstr(clf_errmsg(), "memory") != NULL, "call %ld: %s", n, clf_errmsg());
    ck_assert_int_ne(access(bad, F_OK), 0);
  }
  json_set_alloc_funcs(usual_malloc, usual_free);
  ck_assert_int_gt(n, 200);
  WORKS(load_and_resume());
  clf_trainer_free(t);
  clf_flow_free(f);
  remove_files();
}
END_TEST

/* A device that computes in double saves in double, so the loaded flow gives the same bits. */
START_TEST(in_double) {
  const clf_flow_spec spec = spec_of(CLF_NVP);
  const double x[2] = {0.1, -0.7};
  double before, after;
  clf_device *wide = NULL;
  clf_flow *f = NULL, *g = NULL;
  clf__st *st;
  WORKS(clf_open("cpu64", &wide));
  WORKS(clf_flow_create(wide, &spec, &f));
  WORKS(clf_flow_save(f, good));
  WORKS(clf__st_open(good, &st));
  ck_assert_str_eq(clf__st_find(st, "layers.0.map_t.0.weight")->dtype, "F64");
  clf__st_close(st);
  WORKS(clf_flow_load(wide, good, NULL, &g));
  WORKS(clf_log_prob(f, x, 1, &before));
  WORKS(clf_log_prob(g, x, 1, &after));
  ck_assert(before == after);
  clf_flow_free(f);
  clf_flow_free(g);
  clf_close(wide);
  remove_files();
}
END_TEST

/* A model saved to memory has the bytes of the file, and is loaded like the file. */
START_TEST(in_memory) {
  const clf_flow_spec spec = spec_of(CLF_NICE);
  const double x[2] = {0.1, -0.7};
  double before, after;
  clf_flow *f = NULL, *g = NULL;
  unsigned char *bytes = NULL;
  void *to = NULL;
  size_t size = 0;
  WORKS(clf_flow_create(dev, &spec, &f));
  WORKS(clf_flow_save(f, good));
  WORKS(clf_flow_save_memory(f, &to, &size));
  bytes = to;
  FILE *file = fopen(good, "rb");
  ck_assert_ptr_nonnull(file);
  for (size_t i = 0; i < size; i++) ck_assert_int_eq(fgetc(file), bytes[i]);
  ck_assert_int_eq(fgetc(file), EOF);
  fclose(file);
  WORKS(clf_flow_load_memory(dev, bytes, size, NULL, &g));
  WORKS(clf_log_prob(f, x, 1, &before));
  WORKS(clf_log_prob(g, x, 1, &after));
  ck_assert(before == after);
  bytes[size - 1] ^= 1;
  clf_flow_free(g);
  ck_assert_int_eq(clf_flow_load_memory(dev, bytes, size, NULL, &g), CLF_EFORMAT);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "the model in memory: "));
  ck_assert_int_eq(clf_flow_load_memory(dev, bytes, 7, NULL, &g), CLF_EFORMAT);
  ck_assert_ptr_nonnull(strstr(clf_errmsg(), "the model in memory: "));
  free(bytes);
  clf_flow_free(f);
  remove_files();
}
END_TEST

void tests_of_saving(TCase *c) {
  tcase_add_loop_test(c, saves_without_memory, 0, KINDS);
  tcase_add_test(c, in_double);
  tcase_add_test(c, in_memory);
}
