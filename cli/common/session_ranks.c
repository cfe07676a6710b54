/* SPDX-License-Identifier: MIT */
/* session_ranks.c: whether ranks that divide rows have the same model and the same data. */
#include "ranks.h"
#include "session.h"
#include "cli.h"
#include "../../runtime/core/hash.h"
#include <stdlib.h>
#include <string.h>

typedef struct card {
  char version[32], device[96];
  uint64_t model;
  int64_t rows;
  uint32_t data, given;
} card;

static int card_of(cli_session *s, card *c) {
  void *bytes;
  size_t size;
  memset(c, 0, sizeof *c);
  snprintf(c->version, sizeof c->version, "%s", clf_version());
  snprintf(c->device, sizeof c->device, "%.95s", clf_device_name(clf_flow_device(s->flow)));
  if (clf_flow_save_memory(s->flow, &bytes, &size) != CLF_OK) return cli_fail_library();
  c->model = clf__hash_bytes(CLF_HASH_BEGIN, bytes, size);
  free(bytes);
  c->rows = cli_row_count(s);
  c->given = clf_table_checksum(&s->given, NULL);
  c->data = s->images ? clf_images_checksum(s->images) : clf_table_checksum(&s->data, NULL);
  return CLI_OK;
}

/* What member c has that differs from rank 0; NULL: nothing. */
static const char *difference(const card *c, const card *zero) {
  if (strcmp(c->version, zero->version) != 0) return "another version of clflow";
  if (c->model != zero->model) return "another model";
  if (c->data != zero->data || c->rows != zero->rows) return "other data";
  if (c->given != zero->given) return "another context";
  if (strcmp(c->device, zero->device) != 0)
    return "another kind of device, which rounds differently";
  return NULL;
}

int cli_session_compare(cli_session *s) {
  if (!cli_ranks_divided()) return CLI_OK;
  clf_group *const g = cli_ranks();
  const int32_t size = clf_group_size(g);
  card mine, *all = calloc((size_t)size, sizeof *all);
  int code = all ? card_of(s, &mine) : cli_fail("out of memory for what %d ranks have", (int)size);
  code = cli_ranks_agree(code);
  if (!code && clf_group_gather(g, &mine, sizeof mine, all) != CLF_OK) code = cli_fail_library();
  for (int32_t r = 1; r < size && !code; r++) {
    const char *const what = difference(&all[r], &all[0]);
    if (what)
      code = cli_fail("%s has %s than %s", clf_group_member(g, r), what, clf_group_member(g, 0));
  }
  free(all);
  return cli_ranks_agree(code);
}
