/* SPDX-License-Identifier: MIT */
/* train_ranks.c: `clflow train` as one of several ranks. Only rank 0 opens outputs. It sends the
 * file that --resume continues to the others, so that they need no access to it. */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ranks.h"
#include "train.h"

static char folder[512], copy[600]; /* of the resumed file, on ranks other than 0 */

int cli_train_ranks_check(void) {
  if (cli_ranks_size() < 2) return CLI_OK;
  if (cli_wanted.devices.count)
    return cli_usage("--devices is for one process: each rank trains on its --device, such as "
                     "opencl:local");
  if (cli_wanted.folds) return cli_usage("--folds does not go with several ranks");
  return CLI_OK;
}

/* ---- The file that is resumed ---------------------------------------------------------------- */

static int write_copy(const char *bytes, int64_t size) {
  const char *const temp = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/clflow-resume-XXXXXX", temp && *temp ? temp : "/tmp");
  if (!mkdtemp(folder)) {
    *folder = '\0';
    return cli_fail("a temporary folder: %s", strerror(errno));
  }
  snprintf(copy, sizeof copy, "%s/model.safetensors", folder);
  return clf_file_write(copy, bytes, (size_t)size) == CLF_OK ? CLI_OK : cli_fail_library();
}

static int broadcast_file(void) {
  const int first = cli_ranks_own() == 0;
  int64_t size = 0;
  char *bytes = first ? cli_file_read(cli_wanted.out, &size) : NULL;
  int code = first && !size ? cli_fail("%s cannot be read", cli_wanted.out) : CLI_OK;
  code = cli_ranks_agree(code);
  if (!code && clf_group_broadcast(cli_ranks(), 0, &size, sizeof size) != CLF_OK)
    code = cli_fail_library();
  if (!code && !first) bytes = malloc((size_t)size);
  if (!code && !bytes) code = cli_fail("out of memory for the file to resume");
  code = cli_ranks_agree(code);
  if (!code && clf_group_broadcast(cli_ranks(), 0, bytes, (size_t)size) != CLF_OK)
    code = cli_fail_library();
  if (!code && !first) code = write_copy(bytes, size);
  free(bytes);
  return cli_ranks_agree(code);
}

int cli_train_ranks_begin(void) {
  if (cli_ranks_size() < 2) return CLI_OK;
  const int code = cli_wanted.resume ? broadcast_file() : CLI_OK;
  if (cli_ranks_own() == 0) return code;
  cli_wanted.out = *copy ? copy : NULL;
  cli_wanted.log = cli_wanted.plot = cli_wanted.curve = NULL;
  cli_wanted.test = NULL; /* rank 0 scores it */
  cli_wanted.save_every = 0;
  return code;
}

void cli_train_ranks_end(void) {
  if (*copy) unlink(copy);
  if (*folder) rmdir(folder);
}

/* ---- Devices --------------------------------------------------------------------------------- */

int cli_train_ranks_say(clf_device *dev) {
  typedef struct place {
    char device[80], name[112];
  } place;
  const int32_t size = cli_ranks_size(), own = cli_ranks_own();
  place mine = {{0}, {0}}, *all = calloc((size_t)size, sizeof *all);
  if (!all) return cli_fail("out of memory for the devices of %d ranks", (int)size);
  const char *const host = strstr(clf_group_member(cli_ranks(), own), " on ");
  snprintf(mine.device, sizeof mine.device, "%.70s", clf_device_name(dev));
  snprintf(mine.name, sizeof mine.name, "%s", host ? host : "");
  const clf_status s = clf_group_gather(cli_ranks(), &mine, sizeof mine, all);
  for (int32_t r = 1; r < size && !s; r++)
    for (int32_t k = 0; k < r; k++) {
      if (strncmp(all[r].device, "cpu", 3) == 0 || strcmp(all[r].device, all[k].device) != 0 ||
          strcmp(all[r].name, all[k].name) != 0)
        continue;
      cli_say("ranks %d and %d share %s%s", (int)k, (int)r, all[r].device, all[r].name);
      break;
    }
  free(all);
  return s ? cli_fail_library() : CLI_OK;
}

int cli_train_ranks_ended(clf_status status) {
  if (status == CLF_OK) return CLI_OK;
  if (status != CLF_ESTOPPED && status != CLF_ENUM) cli_fail_library();
  return CLI_FAILED;
}
