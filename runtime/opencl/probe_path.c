/* SPDX-License-Identifier: MIT */
/* probe_path.c: where the program clflow-probe is. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "beside.h"
#include "path.h"
#include "probe.h"

_Static_assert((int)CLF_PROBE_PATH == (int)CLF_BESIDE_PATH, "room for a path");

int clf__probe_program(char out[CLF_PROBE_PATH]) {
  const char *given = getenv("CLFLOW_PROBE");
  if (!given) return clf__beside("clflow-probe", X_OK, out);
  return secure_getenv("CLFLOW_PROBE") && clf__is_absolute(given) &&
         snprintf(out, CLF_PROBE_PATH, "%s", given) < CLF_PROBE_PATH && access(out, X_OK) == 0;
}
