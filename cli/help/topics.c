/* SPDX-License-Identifier: MIT */
/* topics.c: help topics: what several verbs have in common. */
#include "help.h"
#include <string.h>

static int data_row(int i, const char **name, char *text, size_t size) {
  static const struct {
    const char *name, *text;
  } sets[] = {{"meters", "a household's electricity: 6 columns, two of whole numbers"},
              {"detector", "43 columns that depend on 8 hidden numbers and on each other"}};
  *name = clf_synthetic()[i];
  if (!*name) return 0;
  snprintf(text, size, "2 columns");
  for (size_t k = 0; k < sizeof sets / sizeof *sets; k++)
    if (strcmp(sets[k].name, *name) == 0) snprintf(text, size, "%s", sets[k].text);
  return 1;
}

static int preset_row(int i, const char **name, char *text, size_t size) {
  if (i >= clf_preset_count()) return 0;
  const clf_preset *const p = clf_preset_at(i);
  *name = p->name;
  if (p->arch)
    snprintf(text, size, "%s (%s)", p->text, p->values);
  else
    snprintf(text, size, "%s (%d scales, width %d, %d blocks, batch %d)", p->text, p->scales,
             p->features, p->blocks, p->batch);
  return 1;
}

static int target_row(int i, const char **name, char *text, size_t size) {
  if (i >= clf_target_count()) return 0;
  const clf_target t = clf_target_at(i);
  *name = t.name;
  snprintf(text, size, "%s (%s)", t.help, t.parameters);
  return 1;
}

static int environment_row(int i, const char **name, char *text, size_t size) {
  static const struct {
    const char *name, *text;
  } variables[] = {
      {"CLFLOW_DEVICE", "device to use where --device is not given"},
      {"CLFLOW_THREADS", "threads of the devices cpu and cpu64"},
      {"CLFLOW_CACHE_DIR", "folder for compiled kernels and tuning results (default "
                           "~/.cache/clflow; empty: no cache)"},
      {"CLFLOW_PROBE", "path of the program clflow-probe, which tests drivers"},
      {"CLFLOW_PROBE_SECONDS", "seconds after which a driver that is being tested counts as "
                               "hanging (default 180)"},
      {"CLFLOW_FUSE", "always, never or layers: which fused kernels are used; for measurements"},
      {"COLUMNS", "width of help texts where there is no terminal"},
  };
  if (i >= (int)(sizeof variables / sizeof *variables)) return 0;
  *name = variables[i].name;
  snprintf(text, size, "%s", variables[i].text);
  return 1;
}

const cli_topic cli_topics[] = {
    {"data", "tables and built-in data sets (DATA)", "DATA",
     "DATA is a table with one sample in each row: .csv, .tsv, .txt or .npy, each also as .gz, or "
     ".npz (FILE.npz:ARRAY names one of several arrays). - reads standard input. Options of the "
     "section \"Table\" choose columns and say how text is read. Rows and columns are counted from "
     "1.\n"
     "\n"
     "DATA can also be images (see `clflow help images`), or a built-in set, drawn by a formula: "
     "NAME[:n=10000,noise=X,seed=1].",
     data_row},
    {"images", "folders and files of images (DATA)", NULL,
     "DATA can hold images:\n"
     "  a folder of PNG and JPEG files, or of CIFAR-10's data_batch_*.bin\n"
     "  an IDX file like those of MNIST (*-ubyte, .idx, also as .gz)\n"
     "  CIFAR-10's .bin\n"
     "  a .npy of bytes, (N, H, W), (N, H, W, C) or (N, C, H, W)\n"
     "  glyphs[:n=10000,size=16,channels=1,seed=1], a built-in set\n"
     "\n"
     "The pixels are made continuous by uniform noise, x = byte + u.",
     NULL},
    {"presets", "architectures with their training options (PRESET)", "PRESET",
     "A preset is a named architecture with its training options. Any of its values can be "
     "overridden in parentheses: \"nsf(tail=5)\". `clflow flows --name PRESET` prints it as text. "
     "The values in parentheses below are the defaults.",
     preset_row},
    {"targets", "log-densities to train against (TARGET)", "TARGET",
     "TARGET is an unnormalized log-density with optional parameters, NAME[:dim=D,...]. The values "
     "in parentheses are the defaults.",
     target_row},
    {"environment", "environment variables and exit codes", NULL,
     "Exit codes: 0 success; 1 failure, or stopped by Ctrl-C after its result was saved, with a "
     "sentence on standard error; 2 wrong usage.\n"
     "\n"
     "Environment variables:",
     environment_row},
    {NULL, NULL, NULL, NULL, NULL}};
