/* SPDX-License-Identifier: MIT */
/* checkpoints.c: the worst checkpoints of torch: pickles whose values take far more memory than the
 * opcodes that make them. */
#include <stdlib.h>
#include <string.h>
#include "clflow/import.h"
#include "limits.h"
#include "zip.h"

enum { MILLION = 1000000, PACKED = (16 << 20) - 16 };
static const char path[] = "c.pt";

/* A pickle of one opcode, often; stored or compressed. */
static void stored(const char *opcode) {
  limit_bytes b = {0}, out = {0};
  char *bytes;
  size_t size;
  limit_repeat(&b, "\x80\2", 1);
  limit_repeat(&b, opcode, MILLION / strlen(opcode));
  const clf__zip_file part = {"a/data.pkl", (const char *)b.at, b.size};
  WORKS(clf__zip_write(&part, 1, &bytes, &size));
  limit_add(&out, bytes, size);
  free(bytes);
  free(b.at);
  limit_write(&out, path);
}
static void packed(const char *opcode) {
  limit_bytes b = {0};
  limit_repeat(&b, "\x80\2", 1);
  limit_repeat(&b, opcode, PACKED / strlen(opcode));
  limit_zip(&b, "a/data.pkl", 0, path);
}
static void lists(void) { stored("]"); }
static void marks(void) { stored("("); }
static void texts(void) { stored("U\1a"); }
static void packed_lists(void) { packed("]"); }
static void packed_marks(void) { packed("("); }
static void packed_numbers(void) { packed("K\1"); }

static clf_status read_checkpoint(void) {
  static clf_device *dev;
  clf_flow *flow = NULL;
  if (!dev) WORKS(clf_open("cpu", &dev));
  const clf_status s = clf_import(dev, path, NULL, &flow, NULL);
  clf_flow_free(flow);
  return s;
}

#define CASE(what, build, refused)                                                                 \
  { "torch checkpoint", what, build, path, read_checkpoint, refused }
#define MUCH "its values take more memory than a file of"
static const limit_case cases[] = {
    CASE("empty lists", lists, MUCH),
    CASE("marks", marks, "it ends early"),
    CASE("short texts", texts, "it ends early"),
    CASE("empty lists, compressed", packed_lists, MUCH),
    CASE("marks, compressed", packed_marks, MUCH),
    CASE("small numbers, compressed", packed_numbers, MUCH),
};
const limit_list limits_of_checkpoints = {cases, sizeof cases / sizeof *cases};
