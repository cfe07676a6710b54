/* SPDX-License-Identifier: MIT */
/* sweep_record.c: the state of a sweep's members, as JSON. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sweep.h"

static const char *const states[] = {[CLI_MEMBER_WAITING] = "waiting",
                                     [CLI_MEMBER_RUNNING] = "waiting",
                                     [CLI_MEMBER_DONE] = "done",
                                     [CLI_MEMBER_FAILED] = "failed",
                                     [CLI_MEMBER_STOPPED] = "stopped"};

static const char *record_path(void) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/sweep.json", cli_sweep_wanted.folder);
  return path;
}

static json_t *words_json(char *const *words) {
  json_t *array = json_array();
  for (; array && *words; words++) json_array_append_new(array, cli_json_text(*words));
  return array;
}

static json_t *common_json(void) {
  json_t *array = json_array();
  for (int i = 0; array && i < cli_passed.count; i++)
    json_array_append_new(array, cli_json_text(cli_passed.at[i]));
  return array;
}

static json_t *member_json(const cli_member *m) {
  json_t *json = json_pack("{s:o, s:s, s:o, s:o, s:I, s:o}", "options", words_json(m->words),
                           "state", states[m->state], m->bits ? "valid_bits_per_dim" : "valid",
                           cli_json_number(m->valid), m->bits ? "train_bits_per_dim" : "train",
                           cli_json_number(m->train), "best_step", (json_int_t)m->steps, "seconds",
                           cli_json_number(m->seconds));
  if (json && *m->why) json_object_set_new(json, "error", cli_json_text(m->why));
  return json;
}

json_t *cli_sweep_json(const cli_members *s) {
  json_t *members = json_array();
  for (int32_t i = 0; members && i < s->count; i++)
    json_array_append_new(members, member_json(&s->at[i]));
  return json_pack("{s:s, s:o, s:o}", "clflow", clf_version(), "options", common_json(), "members",
                   members);
}

int cli_sweep_write(const cli_members *s) {
  json_t *json = cli_sweep_json(s);
  char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
  json_decref(json);
  if (!text) return cli_fail("out of memory for the record of a sweep");
  const clf_status status = clf_file_write(record_path(), text, strlen(text));
  free(text);
  return status == CLF_OK ? CLI_OK : cli_fail_library();
}

/* ---- An earlier run ------------------------------------------------------------------------ */

static int differs(void) {
  return cli_usage("%s is the record of another sweep: pass --resume with the options that it "
                   "began with, or another --folder",
                   record_path());
}

static double number_of(const json_t *json, const char *key) {
  const json_t *const value = json_object_get(json, key);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Takes over the results of members that are done; the others are trained. */
static void take(const json_t *from, cli_member *m) {
  const char *const state = json_string_value(json_object_get(from, "state"));
  if (!state || strcmp(state, states[CLI_MEMBER_DONE]) != 0) return;
  m->state = CLI_MEMBER_DONE;
  m->bits = json_object_get(from, "valid_bits_per_dim") != NULL;
  m->valid = number_of(from, m->bits ? "valid_bits_per_dim" : "valid");
  m->train = number_of(from, m->bits ? "train_bits_per_dim" : "train");
  m->steps = json_integer_value(json_object_get(from, "best_step"));
  m->seconds = number_of(from, "seconds");
}

static int compare(const json_t *record, cli_members *s) {
  const json_t *const members = json_object_get(record, "members");
  json_t *common = common_json();
  int same = common && json_equal(json_object_get(record, "options"), common) &&
             json_array_size(members) == (size_t)s->count;
  json_decref(common);
  for (int32_t i = 0; i < s->count && same; i++) {
    const json_t *const from = json_array_get(members, (size_t)i);
    json_t *words = words_json(s->at[i].words);
    same = words && json_equal(json_object_get(from, "options"), words);
    json_decref(words);
    if (same) take(from, &s->at[i]);
  }
  return same ? CLI_OK : differs();
}

int cli_sweep_read(cli_members *s) {
  json_error_t error;
  const char *const path = record_path();
  FILE *const f = fopen(path, "rb");
  if (!f && errno == ENOENT)
    return cli_sweep_wanted.resume
               ? cli_fail("there is no sweep in %s to resume; without --resume a new sweep begins",
                          cli_sweep_wanted.folder)
               : CLI_OK;
  if (!f) return cli_fail("%s: %s", path, strerror(errno));
  json_t *record = cli_sweep_wanted.resume ? json_loadf(f, 0, &error) : NULL;
  fclose(f);
  if (!cli_sweep_wanted.resume && cli_common.force) return CLI_OK;
  if (!cli_sweep_wanted.resume)
    return cli_usage("%s holds a sweep: --resume continues it, --force replaces it",
                     cli_sweep_wanted.folder);
  if (!record) return cli_fail("%s: %s", path, error.text);
  const int code = compare(record, s);
  json_decref(record);
  return code;
}
