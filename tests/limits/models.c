/* SPDX-License-Identifier: MIT */
/* models.c: the worst safetensors files: headers that only have structure, and models whose
 * metadata claim tensors that are missing. */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>
#include "limits.h"
#include "safetensors.h"

enum { MILLION = 1000000 };
static const char path[] = "m.safetensors";

/* Writes a file of a header, which is freed, and `zeros` zeros. */
static void put(limit_bytes *header, size_t zeros) {
  limit_bytes b = {0};
  for (int i = 0; i < 8; i++)
    limit_add(&b, (uint8_t[]){(uint8_t)((uint64_t)header->size >> 8 * i)}, 1);
  limit_add(&b, header->at, header->size);
  limit_add(&b, NULL, zeros);
  free(header->at);
  limit_write(&b, path);
}

static clf_status read_header(void) {
  clf__st *st;
  CLF_TRY(clf__st_open(path, &st));
  clf__st_close(st);
  return CLF_OK;
}

/* ---- Headers ------------------------------------------------------------------ */

static void add_text(limit_bytes *b, const char *text) { limit_repeat(b, text, 1); }

static void pairs(void) { /* the shortest that differ */
  limit_bytes b = {0};
  char text[32];
  add_text(&b, "{\"__metadata__\":{\"\":\"\"");
  for (unsigned i = 0; i < MILLION / 10; i++) {
    snprintf(text, sizeof text, ",\"%x\":\"\"", i);
    add_text(&b, text);
  }
  add_text(&b, "}}");
  put(&b, 0);
}

static void tensors(void) {
  limit_bytes b = {0};
  char text[96];
  add_text(&b, "{\"\":{\"dtype\":\"\",\"shape\":[],\"data_offsets\":[0,0]}");
  for (unsigned i = 0; i < MILLION / 54; i++) {
    snprintf(text, sizeof text, ",\"%x\":{\"dtype\":\"\",\"shape\":[],\"data_offsets\":[0,0]}", i);
    add_text(&b, text);
  }
  add_text(&b, "}");
  put(&b, 0);
}

static void nested(void) {
  limit_bytes b = {0};
  add_text(&b, "{\"a\":{\"shape\":");
  limit_repeat(&b, "[", MILLION);
  put(&b, 0);
}

static void empty_objects(void) {
  limit_bytes b = {0};
  add_text(&b, "{\"a\":[");
  limit_repeat(&b, "{},", MILLION / 3);
  put(&b, 0);
}

static void escapes(void) {
  limit_bytes b = {0};
  add_text(&b, "{\"__metadata__\":{\"k\":\"");
  limit_repeat(&b, "\\u0001", MILLION / 6);
  add_text(&b, "\"}}");
  put(&b, 0);
}

/* ---- Models ------------------------------------------------------------------- */

static clf_device *device(void) {
  static clf_device *dev;
  if (!dev) WORKS(clf_open("cpu", &dev));
  return dev;
}

static clf_status load(void) {
  clf_flow *f;
  CLF_TRY(clf_flow_load(device(), path, NULL, &f));
  clf_flow_free(f);
  return CLF_OK;
}

static void coupling_header(limit_bytes *b, long hidden, long depth) {
  char text[256];
  snprintf(
      text, sizeof text,
      "{\"__metadata__\":{\"clflow.format\":\"1\",\"clflow.kind\":\"nice\",\"clflow.dim\":\"1\","
      "\"clflow.hidden\":\"%ld\",\"clflow.depth\":\"%ld\",\"clflow.s_max\":\"0\","
      "\"clflow.seed\":\"1\"}",
      hidden, depth);
  add_text(b, text);
  device();
}

static void add_tensor(limit_bytes *b, const char *name, const char *dtype, const char *shape,
                       long begin, long end) {
  char text[256];
  snprintf(text, sizeof text,
           ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%ld,%ld]}", name, dtype,
           shape, begin, end);
  add_text(b, text);
}

/* A flow of one coupling with one byte for each weight. */
static void one_byte_each(void) {
  limit_bytes b = {0};
  const long H = 300000;
  coupling_header(&b, H, 1);
  add_tensor(&b, "layers.0.b", "BOOL", "1,1", 0, 1);
  add_tensor(&b, "layers.0.map_t.0.weight", "BOOL", "300000,1", 1, 1 + H);
  add_tensor(&b, "layers.0.map_t.0.bias", "BOOL", "300000", 1 + H, 1 + 2 * H);
  add_tensor(&b, "layers.0.map_t.2.weight", "BOOL", "1,300000", 1 + 2 * H, 1 + 3 * H);
  add_tensor(&b, "layers.0.map_t.2.bias", "BOOL", "1", 1 + 3 * H, 2 + 3 * H);
  add_tensor(&b, "log_scale", "BOOL", "1", 2 + 3 * H, 3 + 3 * H);
  add_text(&b, "}");
  put(&b, (size_t)(3 + 3 * H));
}

/* One large tensor, and couplings that claim tensors as large. */
static void claims(void) {
  limit_bytes b = {0};
  char name[64];
  coupling_header(&b, 50000, 4096);
  add_tensor(&b, "layers.0.map_t.2.weight", "BOOL", "1,50000", 0, 50000);
  for (int i = 0; i < 4096; i++) {
    snprintf(name, sizeof name, "layers.%d.b", i);
    add_tensor(&b, name, "BOOL", "0", 50000, 50000);
  }
  add_text(&b, "}");
  put(&b, 50000);
}

/* Tensors of an unknown dtype have no bytes. */
static void unknown_dtype(void) {
  limit_bytes b = {0};
  coupling_header(&b, 1000000, 1);
  add_tensor(&b, "layers.0.b", "X", "1,1", 0, 0);
  add_tensor(&b, "layers.0.map_t.0.weight", "X", "1000000,1", 0, 0);
  add_tensor(&b, "layers.0.map_t.0.bias", "X", "1000000", 0, 0);
  add_tensor(&b, "layers.0.map_t.2.weight", "X", "1,1000000", 0, 0);
  add_tensor(&b, "layers.0.map_t.2.bias", "X", "1", 0, 0);
  add_tensor(&b, "log_scale", "X", "1", 0, 0);
  add_text(&b, "}");
  put(&b, 0);
}

/* An image flow that claims many blocks and has none. */
static void image_claims(void) {
  limit_bytes b = {0};
  char name[64];
  add_text(
      &b, "{\"__metadata__\":{\"clflow.format\":\"1\",\"clflow.kind\":\"realnvp\",\"clflow.dim\":"
          "\"1048576\",\"clflow.seed\":\"1\",\"clflow.height\":\"1024\",\"clflow.width\":\"1024\","
          "\"clflow.channels\":\"1\",\"clflow.scales\":\"8\",\"clflow.hidden\":\"1\","
          "\"clflow.blocks\":\"60\",\"clflow.levels\":\"256\",\"clflow.variant.scale_first\":\"0\","
          "\"clflow.variant.odd_first\":\"0\",\"clflow.variant.paper_logit\":\"0\","
          "\"clflow.variant.no_norm\":\"0\",\"clflow.variant.bn_rho\":\"0\",\"clflow.alpha\":"
          "\"0.05\",\"clflow.scaling.mean.0\":\"0\"}");
  for (int i = 0; i < 46 * 60 * 4; i++) {
    snprintf(name, sizeof name, "%x", (unsigned)i);
    add_tensor(&b, name, "U8", "0", 0, 0);
  }
  add_text(&b, "}");
  device();
  put(&b, 0);
}

#define HEADER(what, build, refused)                                                               \
  { "safetensors", what, build, path, read_header, refused }
#define MODEL(what, build, refused)                                                                \
  { "model", what, build, path, load, refused }
static const limit_case cases[] = {
    HEADER("short metadata", pairs, NULL),
    HEADER("tensors without elements", tensors, NULL),
    HEADER("a string of escapes", escapes, NULL),
    HEADER("nested arrays", nested, "is not an integer"),
    HEADER("empty objects", empty_objects, "must have dtype"),
    MODEL("weights of a byte", one_byte_each, NULL),
    MODEL("claims of many couplings", claims, "its tensors are not those of a nice flow"),
    MODEL("tensors of an unknown dtype", unknown_dtype, "has dtype X"),
    MODEL("claims of many blocks", image_claims, "its tensors are not those of a realnvp flow"),
};
const limit_list limits_of_models = {cases, sizeof cases / sizeof *cases};
