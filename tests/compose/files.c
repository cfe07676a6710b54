/* SPDX-License-Identifier: MIT */
/* files.c: files of a flow, and trainings that are interrupted and resumed. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include "compose/subject.h"

char folder[] = "/tmp/test_compose.XXXXXX";

static const char *path_of(const char *name) {
  static char paths[4][64];
  static int turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s.safetensors", folder, name);
  return path;
}

/* log p of f and of the flow in its file agree bit for bit. */
static void check_file(subject *s, clf_flow *f, const char *when) {
  clf_flow *loaded = NULL;
  double before[ROWS] = {0}, after[ROWS] = {0};
  WORKS(clf_flow_save(f, path_of("flow")));
  WORKS(clf_flow_load(flows_dev, path_of("flow"), NULL, &loaded));
  flows_evaluate(f, s->x, s->c, ROWS, (flows_values){.logp = before});
  flows_evaluate(loaded, s->x, s->c, ROWS, (flows_values){.logp = after});
  ck_assert_msg(!memcmp(before, after, sizeof before),
                "flow %llu: another log p after loading %s:\n%s", (unsigned long long)s->number,
                when, clf_arch_text(s->arch));
  clf_flow_free(loaded);
}

/* A flow as it is created, before values derived from its weights were read back, and one with
 * weights that were set. */
void check_files(subject *s) {
  clf_flow *fresh = NULL;
  WORKS(clf_flow_create_arch(flows_dev, s->arch, s->number, &fresh));
  check_file(s, fresh, "initial weights");
  check_file(s, s->flow, "other weights");
  clf_flow_free(fresh);
}

static int stop_after(const clf_progress *p, void *context) {
  return p->first + p->count >= *(int64_t *)context;
}

static clf_trainer *trainer(clf_flow *f, const clf_train_data *data) {
  clf_train_options o = clf_train_options_default();
  clf_trainer *t;
  o.epochs = 3;
  o.batch = 10;
  WORKS(clf_trainer_create_with(f, data, &o, &t));
  return t;
}

/* Trains to the end without a stop, or stops after `steps` and resumes from the file. */
static void train(subject *s, const clf_train_data *data, int64_t steps, const char *end) {
  clf_flow *f = NULL;
  WORKS(clf_flow_create_arch(flows_dev, s->arch, s->number, &f));
  clf_trainer *t = trainer(f, data);
  if (steps) {
    ck_assert_int_eq(clf_trainer_run(t, stop_after, &steps), CLF_ESTOPPED);
    WORKS(clf_trainer_save(t, path_of("half")));
    clf_trainer_free(t);
    clf_flow_free(f);
    WORKS(clf_flow_load(flows_dev, path_of("half"), NULL, &f));
    t = trainer(f, data);
    WORKS(clf_trainer_resume(t, path_of("half")));
  }
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of(end)));
  clf_trainer_free(t);
  clf_flow_free(f);
}

void check_resume(subject *s) {
  clf_table x, c = {0};
  WORKS(clf_table_new(TRAINED, s->drawn.dim, &x));
  draw_rows(&s->random, &s->drawn, TRAINED, x.at);
  if (s->c) {
    WORKS(clf_table_new(TRAINED, s->drawn.context, &c));
    draw_contexts(&s->random, &s->drawn, TRAINED, c.at);
  }
  const clf_train_data data = {.x = &x, .given = s->c ? &c : NULL};
  train(s, &data, 0, "whole");
  train(s, &data, 4, "resumed");
  ck_assert_msg(equal_files(path_of("whole"), path_of("resumed")),
                "flow %llu: a resumed training differs:\n%s", (unsigned long long)s->number,
                clf_arch_text(s->arch));
  clf_table_free(&c);
  clf_table_free(&x);
}
