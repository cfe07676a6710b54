/* SPDX-License-Identifier: MIT */
/* data_wait.c: waits for images that are decoded in the background. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

/* Waits until all images are decoded or nothing more is decoded; in the second case there is
 * something to report. */
static void watch_decoding(const clf_images *images) {
  int64_t done, before = -1, total;
  for (int still = 0; still < 20; still++) {
    clf_images_progress(images, &done, &total);
    if (done >= total) break;
    if (done != before) still = 0;
    before = done;
    char line[80];
    snprintf(line, sizeof line, "decoding image %" PRId64 " of %" PRId64, done, total);
    cli_progress_draw(line);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  cli_progress_clear();
}

static void say_skipped(const clf_images *images) {
  enum { MOST = 10 };
  const char *const *sentences;
  const int64_t count = clf_images_skipped(images, &sentences);
  for (int64_t i = 0; i < count && i < MOST; i++) cli_say_once("left out: %s", sentences[i]);
  if (count > MOST)
    cli_say_once("left out: %" PRId64 " more damaged files, %" PRId64 " of %" PRId64 " in all",
                 count - MOST, count, count + clf_images_count(images));
  const char *note;
  for (int i = 0; (note = clf_images_note(images, i)); i++) cli_say_once("%s", note);
}

static int read_noise(cli_session *s) {
  int32_t h, w, c;
  if (!cli_common.images.noise) return CLI_OK;
  clf_images_shape(s->images, &h, &w, &c);
  return clf_noise_read(cli_common.images.noise, clf_images_count(s->images), h, w, c, &s->noise) ==
                 CLF_OK
             ? CLI_OK
             : cli_fail_library();
}

int cli_data_wait(cli_session *s) {
  if (!s->images || s->decoded) return CLI_OK;
  s->decoded = 1;
  if (isatty(STDERR_FILENO)) watch_decoding(s->images);
  if (clf_images_wait(s->images) != CLF_OK) return cli_fail_library();
  say_skipped(s->images);
  return read_noise(s);
}
