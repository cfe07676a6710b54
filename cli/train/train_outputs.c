/* SPDX-License-Identifier: MIT */
/* train_outputs.c: the pictures and the log of a training: their names, and opening and closing
 * them. */
#define _POSIX_C_SOURCE 200809L
#include "train.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The curve of an image flow with samples FILE.png is FILE-curve.png. NULL: the name is too
 * long. */
static const char *curve_of(const char *samples) {
  static char name[4096];
  const int stem = (int)strlen(samples) - 4;
  const int n = snprintf(name, sizeof name, "%.*s-curve.png", stem > 0 ? stem : 0, samples);
  return n < (int)sizeof name ? name : NULL;
}

static int name_curve(const char *samples) {
  cli_wanted.curve = curve_of(samples);
  return cli_wanted.curve ? CLI_OK : cli_usage("the name after --plot is too long");
}

static const char *previous_of(const char *model) {
  static char name[4096];
  const int n = snprintf(name, sizeof name, "%s.previous", model);
  return n < (int)sizeof name ? name : NULL;
}

/* Both names, since nobody knows yet whether there will be a curve or a file to keep. */
const char *cli_train_also_writes(int i, const char **option) {
  const char *names[2], *by[2];
  int count = 0;
  if (cli_wanted.out) {
    by[count] = "--out";
    names[count++] = previous_of(cli_wanted.out);
  }
  if (cli_wanted.plot && !cli_wanted.curve) {
    by[count] = "--plot";
    names[count++] = curve_of(cli_wanted.plot);
  }
  if (i >= count) return NULL;
  *option = by[i];
  return names[i];
}

/* Selects the pictures; samples are drawn differently for each kind of data. */
static int choose_pictures(cli_training *t) {
  const clf_flow_spec *spec = clf_flow_get_spec(t->flow);
  if (!cli_wanted.plot) return CLI_OK;
  if (spec->height) {
    t->samples = cli_wanted.plot;
    cli_wanted.plot = NULL;
    const int code = cli_check_grid(spec, cli_training_grid);
    return code || cli_wanted.curve ? code : name_curve(t->samples);
  }
  if (spec->dim <= 2 && !clf_flow_context(t->flow)) return CLI_OK;
  if (cli_wanted.curve)
    return cli_usage("--plot draws flows of one or two columns, this one has %d; leave it out",
                     spec->dim);
  cli_wanted.curve = cli_wanted.plot;
  cli_wanted.plot = NULL;
  return CLI_OK;
}

int cli_train_open_outputs(cli_training *t) {
  const int code = choose_pictures(t);
  if (code) return code;
  t->curve = cli_wanted.curve;
  if (!cli_wanted.log) return CLI_OK;
  if (cli_is_stdout(cli_wanted.log)) {
    const int real = dup(STDOUT_FILENO);
    const int aside = cli_stdout_aside(1);
    if (aside) return aside;
    t->log = fdopen(real, "w");
  } else {
    t->log = fopen(cli_wanted.log, cli_wanted.resume ? "a" : "w");
  }
  return t->log ? CLI_OK : cli_fail("--log %s: %s", cli_wanted.log, strerror(errno));
}

int cli_train_close_log(cli_training *t) {
  if (!t->log) return CLI_OK;
  const int bad = ferror(t->log);
  if (fclose(t->log) == 0 && !bad) return CLI_OK;
  return cli_fail("--log %s could not be written completely; the disk may be full", cli_wanted.log);
}
