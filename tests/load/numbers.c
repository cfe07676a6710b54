/* SPDX-License-Identifier: MIT */
/* numbers.c: the metadata of a checkpoint: each number is removed, damaged or out of range. */
#include <stdio.h>
#include <string.h>
#include "load.h"
#include "options.h"

/* Numbers that files of earlier versions lack, or that only some files have. */
static int may_be_gone(const char *key) {
  static const char *const keys[] = {"clflow.history.epochs",
                                     "clflow.history.train",
                                     "clflow.history.best_step",
                                     "clflow.history.averaged",
                                     "clflow.history.early",
                                     "clflow.train.since_best",
                                     "clflow.train.since_cut",
                                     "clflow.train.cuts",
                                     "clflow.train.best_averaged",
                                     "clflow.history.valid",
                                     "clflow.history.best_train",
                                     "clflow.scaling.mean.0",
                                     "clflow.format"};
  for (int i = 0; i < CLF_OPTIONS; i++) {
    char name[64];
    snprintf(name, sizeof name, "clflow.train.%s", clf__options[i].name);
    if (clf__options[i].files == FILES_LATER && strcmp(name, key) == 0) return 1;
  }
  /* Without a format it is not a file of clflow. */
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strcmp(keys[i], key) == 0) return 1;
  return 0;
}

START_TEST(every_number) {
  clf__st *st;
  write_good(kinds[_i]);
  WORKS(clf__st_open(good, &st));
  int tried = 0;
  for (int i = 0; i < clf__st_meta_count(st); i++) {
    const char *value, *key = clf__st_meta_at(st, i, &value);
    const int step = strcmp(key, "clflow.train.step") == 0; /* without it, there is no training */
    const char *names = strcmp(key, "clflow.kind") == 0     ? "its kind is"
                        : strcmp(key, "clflow.format") == 0 ? "its format is"
                                                            : key;
    if (strcmp(key, "clflow.crc32") == 0) continue;
    rewrite(&(change){.key = key, .value = "7x"});
    is_refused(names, "is no number");
    tried++;
    if (may_be_gone(key)) continue;
    rewrite(&(change){.key = key});
    is_refused(step ? "it holds no training" : names, "is gone");
  }
  ck_assert_int_gt(tried, kinds[_i] == CLF_REALNVP ? 12 : 30);
  clf__st_close(st);
  remove_files();
}
END_TEST

static const struct {
  clf_kind kind;
  const char *key, *value, *says;
} ranges[] = {
    {CLF_NVP, "clflow.format", "2", "its format is \"2\"; this clflow reads format 1"},
    {CLF_NVP, "clflow.kind", "glow", "its kind is \"glow\"; this clflow knows nvp, nice"},
    {CLF_NVP, "clflow.dim", "3000000000", "clflow.dim is 3000000000: out of range"},
    {CLF_NVP, "clflow.dim", "-3000000000", "clflow.dim is -3000000000: out of range"},
    {CLF_NVP, "clflow.dim", "0", "dim is 0; it must be 1 to 1048576"},
    {CLF_NVP, "clflow.hidden", "0", "hidden is 0; it must be 1 to 1048576"},
    {CLF_NVP, "clflow.hidden", "3", "its tensors are not those of a nvp flow with dim 2, hidden 3"},
    {CLF_NVP, "clflow.depth", "5000", "depth is 5000; it must be 1 to 4096"},
    {CLF_NVP, "clflow.depth", "4000", "of them, and such a flow has at least 4000"},
    {CLF_NVP, "clflow.depth", "3", "its tensors are not those of a nvp flow"},
    {CLF_NVP, "clflow.s_max", "80", "s_max is 80; it must be 0 (no bound) to 80"},
    {CLF_NVP, "clflow.s_max", "-1", "s_max is -1"},
    {CLF_NVP, "clflow.scaling.std.1", "0", "standard deviation 0: it cannot"},
    {CLF_NVP, "clflow.train.batch", "0", "clflow.train.batch is 0: out of range"},
    {CLF_NVP, "clflow.train.batch", "3000000000", "clflow.train.batch is 3000000000: out of range"},
    {CLF_NVP, "clflow.train.eps_hat", "2", "clflow.train.eps_hat is 2: out of range"},
    {CLF_NVP, "clflow.train.flip", "-1", "clflow.train.flip is -1: out of range"},
    {CLF_NVP, "clflow.train.step", "-1", "its step -1 is out of range"},
    {CLF_NVP, "clflow.train.step", "9000000000000000000", "is out of range"},
    {CLF_NVP, "clflow.train.epoch_rows", "-1", "is out of range"},
    {CLF_NVP, "clflow.train.best_epoch", "-1", "its clflow.train.best_epoch is -1: out of range"},
    {CLF_NVP, "clflow.train.best_epoch", "3000000000", "best_epoch is 3000000000: out of range"},
    {CLF_NVP, "clflow.train.stored_from", "-1", "its clflow.train.stored_from is -1: out of range"},
    {CLF_NVP, "clflow.train.stored_from", "soon", "which is not an integer of 64 bits"},
    {CLF_NVP, "clflow.train.stored_part", "101", "its clflow.train.stored_part is 101: out of"},
    {CLF_NVP, "clflow.train.stored_part", "all", "which is not an integer of 64 bits"},
    {CLF_NVP, "clflow.train.eps_hat", "1", "another value of eps_hat"},
    {CLF_NVP, "clflow.train.l2", "0.5", "another value of l2"},
    {CLF_NVP, "clflow.train.clip", "0.5", "another value of clip"},
    {CLF_NVP, "clflow.train.flip", "1", "another value of flip"},
    {CLF_NVP, "clflow.train.drops", "1", "another value of drops"},
    {CLF_NVP, "clflow.train.part", "7", "another value of part"},
    {CLF_NVP, "clflow.train.activations", "1", "another value of activations"},
    {CLF_NVP, "clflow.train.schedule", "1", "another value of schedule"},
    {CLF_NVP, "clflow.train.schedule", "3", "clflow.train.schedule is 3: out of range"},
    {CLF_NVP, "clflow.train.ema", "1", "clflow.train.ema is 1: out of range"},
    {CLF_NVP, "clflow.train.ema", "0.5", "another value of ema"},
    {CLF_NVP, "clflow.train.patience", "1", "another value of patience"},
    {CLF_NVP, "clflow.train.plateau_factor", "0.25", "another value of plateau_factor"},
    {CLF_NVP, "clflow.train.plateau_patience", "1", "another value of plateau_patience"},
    {CLF_NVP, "clflow.train.valid_every", "1", "another value of valid_every"},
    {CLF_NVP, "clflow.train.weight_decay", "1", "another value of weight_decay"},
    {CLF_NVP, "clflow.train.lr", "-1", "clflow.train.lr is -1: out of range"},
    {CLF_NVP, "clflow.train.seed", "9", "another value of seed"},
    {CLF_NVP, "clflow.train.beta1", "0.5", "another value of beta1"},
    {CLF_NVP, "clflow.train.beta2", "0.5", "another value of beta2"},
    {CLF_NVP, "clflow.train.eps", "0.5", "another value of eps"},
    {CLF_NVP, "clflow.train.shuffle", "0", "another value of shuffle"},
    {CLF_NVP, "clflow.train.standardize", "0", "another value of standardize"},
    {CLF_NVP, "clflow.train.valid_split", "0.5", "another value of valid_split"},
    {CLF_NVP, "clflow.train.data", "9", "another value of the data"},
    {CLF_PIECEWISE, "clflow.dim", "2", "a piecewise flow has 1 dimension, not 2"},
    {CLF_PIECEWISE, "clflow.bins", "0", "bins is 0; it must be 1 to 1048576"},
    {CLF_PIECEWISE, "clflow.bins", "5", "its tensors are not those of a piecewise flow"},
    {CLF_PIECEWISE, "clflow.xmin", "4", "xmin 4 must be below its xmax 4"},
    {CLF_REALNVP, "clflow.height", "0", "height is 0"},
    {CLF_REALNVP, "clflow.width", "70000", "width is 70000"},
    {CLF_REALNVP, "clflow.channels", "0", "channels is 0"},
    {CLF_REALNVP, "clflow.dim", "15", "images of 4 x 4 x 1 make dim 16, not 15"},
    {CLF_REALNVP, "clflow.hidden", "0", "hidden is 0"},
    {CLF_REALNVP, "clflow.hidden", "3", "its tensors are not those of a realnvp flow"},
    {CLF_REALNVP, "clflow.scales", "0", "scales is 0"},
    {CLF_REALNVP, "clflow.scales", "2", "its tensors are not those of a realnvp flow"},
    {CLF_REALNVP, "clflow.blocks", "0", "blocks is 0"},
    {CLF_REALNVP, "clflow.blocks", "2", "its tensors are not those of a realnvp flow"},
    {CLF_REALNVP, "clflow.blocks", "1000", "of them, and such a flow has at least 16000"},
    {CLF_REALNVP, "clflow.levels", "1", "levels is 1"},
    {CLF_REALNVP, "clflow.alpha", "0", "alpha is 0; it must be above 0 and below 0.5"},
    {CLF_REALNVP, "clflow.alpha", "0.5", "alpha is 0.5"},
    {CLF_REALNVP, "clflow.variant.bn_rho", "1", "bn_rho is 1"},
    {CLF_REALNVP, "clflow.variant.bn_rho", "-1", "bn_rho is -1"},
};

START_TEST(out_of_range) {
  write_good(ranges[_i].kind);
  rewrite(&(change){.key = ranges[_i].key, .value = ranges[_i].value});
  is_refused(ranges[_i].says, ranges[_i].key);
  remove_files();
}
END_TEST

/* A best epoch without its mean or its weights. */
START_TEST(best_of_nothing) {
  held_out = 0;
  write_good(CLF_NVP);
  rewrite(&(change){.key = "clflow.train.best_epoch", .value = "1"});
  is_refused("it has no tensor clflow.best", "");
  rewrite(&(change){.key = "clflow.train.best_train"});
  is_refused("its clflow.train.best_epoch is 2, but it has no clflow.train.best_train", "");
  held_out = 0.25;
  remove_files();
}
END_TEST

/* ---- Files of earlier versions ------------------------------------------------------------- */

/* Such files lack these numbers, or have 0, and a training is resumed as if they were 0. */
static const change older[] = {
    {.key = "clflow.train.eps_hat"},
    {.key = "clflow.train.flip"},
    {.key = "clflow.train.drops"},
    {.key = "clflow.train.part"},
    {.key = "clflow.train.part", .value = "0"},
    {.key = "clflow.train.activations"},
    {.key = "clflow.train.l2"},
    {.key = "clflow.train.clip"},
    {.key = "clflow.train.schedule"},
    {.key = "clflow.train.warmup"},
    {.key = "clflow.train.weight_decay"},
    {.key = "clflow.history.epochs"},
    {.key = "clflow.history.valid"},
};

START_TEST(older_files) {
  clf_train_options had;
  write_good(CLF_NVP);
  rewrite(&older[_i]);
  WORKS(load_and_resume());
  WORKS(clf_train_options_load(bad, &had));
  ck_assert_int_eq(had.eps_hat + had.flip + had.drops + had.activations, 0);
  ck_assert(had.l2 == 0 && had.clip == 0);
  ck_assert_int_eq(had.part, strstr(older[_i].key, ".part") ? 0 : 24);
  remove_files();
}
END_TEST

/* A flow with a discrete column, whose grid is damaged. */
START_TEST(damaged_grids) {
  static const struct {
    const char *key, *value, *says;
  } damage[] = {
      {"clflow.grid.step.1", "-1", "column 2 has no grid from 0 to 4 in steps of -1"},
      {"clflow.grid.step.1", "3", "column 2 has no grid from 0 to 4 in steps of 3"},
      {"clflow.grid.first.1", "9", "column 2 has no grid from 9 to 4 in steps of 1"},
      {"clflow.grid.last.1", "1e999", "clflow.grid.last.1"},
      {"clflow.grid.step.1", "7x", "clflow.grid.step.1"},
      {"clflow.grid.first.1", NULL, "clflow.grid.first.1"},
      {"clflow.grid.last.1", NULL, "clflow.grid.last.1"},
  };
  const clf_column_grid grid[2] = {{0, 0, 0}, {1, 0, 4}};
  const clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_flow *f = NULL;
  WORKS(clf_flow_create(dev, &spec, &f));
  WORKS(clf_flow_set_grid(f, grid));
  for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
    WORKS(clf_flow_save(f, good));
    rewrite(&(change){.key = damage[i].key, .value = damage[i].value});
    is_refused(damage[i].says, damage[i].key);
  }
  clf_flow_free(f);
  remove_files();
}
END_TEST

START_TEST(no_file) {
  clf_train_options had = {.batch = 77};
  REFUSED(clf_train_options_load("/nonexistent/m.safetensors", &had), CLF_EIO,
          "/nonexistent/m.safetensors: cannot be read: No such file or directory");
  ck_assert_int_eq(had.batch, 77);
}
END_TEST

/* A file is compared with what a flow of its spec needs. */
START_TEST(weights_of_specs) {
  for (int kind = CLF_NVP; kind <= CLF_REALNVP; kind++) {
    const clf_flow_spec spec = spec_of((clf_kind)kind);
    clf_flow *f = NULL;
    WORKS(clf_flow_create(dev, &spec, &f));
    ck_assert_int_eq(clf_flow_spec_weights(&spec), clf_flow_weight_count(f));
    clf_flow_free(f);
  }
}
END_TEST

void tests_of_numbers(TCase *c) {
  tcase_add_loop_test(c, every_number, 0, KINDS);
  tcase_add_loop_test(c, out_of_range, 0, sizeof ranges / sizeof *ranges);
  tcase_add_test(c, best_of_nothing);
  tcase_add_test(c, damaged_grids);
  tcase_add_loop_test(c, older_files, 0, sizeof older / sizeof *older);
  tcase_add_test(c, no_file);
  tcase_add_test(c, weights_of_specs);
}
