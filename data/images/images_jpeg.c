/* SPDX-License-Identifier: MIT */
/* images_jpeg.c: reads JPEG with libjpeg. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#include "images.h"
#include "status.h"

/* libjpeg's error handler returns by longjmp(), after which local variables may have any value,
 * so everything that must be freed is kept here. */
typedef struct job {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  const char *path;
  const uint8_t *bytes;
  size_t size;
  int header; /* read only the shape */
  clf__picture *p;
  clf_status status;         /* what stopped it, if not libjpeg */
  char why[JMSG_LENGTH_MAX]; /* libjpeg's message */
} job;

/* Encoders write up to about twenty scans.  Each one goes over the whole image, but takes only a
 * few bytes if nothing changes. */
enum { SCANS_MAX = 100 };

static void on_error(j_common_ptr jpeg) {
  job *const j = jpeg->client_data;
  jpeg->err->format_message(jpeg, j->why);
  longjmp(j->jump, 1);
}

/* If data are missing libjpeg warns and fills with grey.  Only warnings about unknown versions
 * are tolerated. */
static void on_message(j_common_ptr jpeg, int level) {
  if (level < 0 && jpeg->err->msg_code != JWRN_JFIF_MAJOR) on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg) {
  job *const j = jpeg->client_data;
  if (j->jpeg.input_scan_number <= SCANS_MAX) return;
  snprintf(j->why, sizeof j->why, "it has more than %d scans", SCANS_MAX);
  longjmp(j->jump, 1);
}

static void stop(job *j, clf_status s) {
  if (s == CLF_OK) return;
  j->status = s;
  longjmp(j->jump, 1);
}

static void read_front(job *j) {
  struct jpeg_decompress_struct *const jpeg = &j->jpeg;
  const unsigned long size = (unsigned long)j->size; /* 32 bits on some systems */
  if (size != j->size) stop(j, clf__fail(CLF_EFORMAT, "%s: too large a file for a JPEG", j->path));
  jpeg_mem_src(jpeg, j->bytes, size);
  jpeg_read_header(jpeg, TRUE);
  stop(j, clf__decode_limits(j->path, jpeg->image_height, jpeg->image_width, j->size));
  if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
    stop(j, clf__fail(CLF_EFORMAT,
                      "%s: a JPEG of CMYK, colours for print, is not read; make it RGB", j->path));
  const int grey = jpeg->num_components == 1;
  *j->p =
      (clf__picture){(int32_t)jpeg->image_height, (int32_t)jpeg->image_width, grey ? 1 : 3, NULL};
  jpeg->out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW; /* the exact one */
}

static void read_rows(job *j) {
  struct jpeg_decompress_struct *const jpeg = &j->jpeg;
  const size_t stride = (size_t)j->p->width * (size_t)j->p->channels;
  jpeg_start_decompress(jpeg);
  if (jpeg->output_width * (size_t)jpeg->output_components != stride) {
    snprintf(j->why, sizeof j->why, "rows of another length");
    longjmp(j->jump, 1);
  }
  stop(j, clf__picture_new(j->path, j->p));
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row = j->p->at + jpeg->output_scanline * stride;
    jpeg_read_scanlines(jpeg, &row, 1);
  }
  jpeg_finish_decompress(jpeg);
}

static int read_guarded(job *j) {
  if (setjmp(j->jump)) return 0;
  jpeg_create_decompress(&j->jpeg);
  j->jpeg.progress = &j->progress;
  read_front(j);
  if (!j->header) read_rows(j);
  return 1;
}

clf_status clf__decode_jpeg(const char *path, const uint8_t *bytes, size_t size, clf__decoding *how,
                            clf__picture *p) {
  job j = {.path = path, .bytes = bytes, .size = size, .header = how->header, .p = p};
  j.jpeg.err = jpeg_std_error(&j.errors);
  j.errors.error_exit = on_error;
  j.errors.emit_message = on_message;
  j.progress.progress_monitor = on_progress;
  j.jpeg.client_data = &j;
  const int good = read_guarded(&j);
  jpeg_destroy_decompress(&j.jpeg);
  if (good || j.status != CLF_OK) return j.status;
  return clf__fail(CLF_EFORMAT, "%s: the JPEG file is damaged: %s", path, j.why);
}
