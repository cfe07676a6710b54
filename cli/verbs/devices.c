/* SPDX-License-Identifier: MIT */
/* devices.c: `clflow devices` lists the available devices. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

static struct { int json, test; } o = {.test = 1};

static cli_option options[] = {
    {"--no-test", NULL, "list the devices without testing them", CLI_FLAG_OFF, &o.test, NULL, 0, 0},
    CLI_OPTION_JSON(&o.json, "print an array of JSON objects"),
    CLI_OPTIONS_END,
};

static const char *test_text(const clf_device_info *d) {
  return d->passes < 0 ? "not run" : d->passes ? "passed" : "FAILED";
}

static json_t *device_json(const clf_device_info *d) {
  json_t *passes = d->passes < 0 ? json_null() : json_boolean(d->passes);
  return json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:i, s:i, s:I, s:I, s:o, s:b, s:o}", "name",
                   d->name, "platform", cli_json_text(d->platform), "device",
                   cli_json_text(d->device), "driver", cli_json_text(d->driver), "type", d->type,
                   "family", d->family, "units", (int)d->units, "clock_mhz", (int)d->clock_mhz,
                   "memory", (json_int_t)d->memory, "max_alloc", (json_int_t)d->max_alloc,
                   "self_test", passes, "chosen", d->chosen, "why", cli_json_text(d->why));
}

static int print_json(const clf_device_info *list, int count) {
  json_t *array = json_array();
  for (int i = 0; array && i < count; i++) {
    if (json_array_append_new(array, device_json(&list[i])) == 0) continue;
    json_decref(array);
    array = NULL;
  }
  return cli_json_print(array);
}

/* The cells of one line; the header is a line like the others. */
typedef char row_text[8][160];
enum { COLUMNS = 8 };

static void fill_row(const clf_device_info *d, row_text row) {
  snprintf(row[0], sizeof row[0], "%s%s", d->chosen ? "* " : "  ", d->name);
  snprintf(row[1], sizeof row[1], "%s", d->type);
  snprintf(row[2], sizeof row[2], "%s", d->family);
  snprintf(row[3], sizeof row[3], "%d", (int)d->units);
  cli_format_bytes(d->memory, row[4], sizeof row[4]);
  snprintf(row[5], sizeof row[5], "%s", test_text(d));
  snprintf(row[6], sizeof row[6], "%s", d->driver[0] ? cli_clean(d->driver) : "-");
  snprintf(row[7], sizeof row[7], "%s", cli_clean(d->device));
}

static void print_rows(row_text *rows, int count) {
  int width[COLUMNS] = {0};
  for (int i = 0; i < count; i++)
    for (int c = 0; c < COLUMNS; c++)
      if ((int)strlen(rows[i][c]) > width[c]) width[c] = (int)strlen(rows[i][c]);
  for (int i = 0; i < count; i++) {
    for (int c = 0; c < COLUMNS - 1; c++) {
      const int right = c == 3 || c == 4;
      printf("%*s  ", right ? width[c] : -width[c], rows[i][c]);
    }
    printf("%s\n", rows[i][COLUMNS - 1]);
  }
}

static int print_table(const clf_device_info *list, int count) {
  static const char *const titles[COLUMNS] = {"  name", "type",      "family", "units",
                                              "memory", "self-test", "driver", "device"};
  row_text *rows = calloc((size_t)count + 1, sizeof *rows);
  if (!rows) return cli_fail("out of memory for a table of %d devices", count);
  for (int c = 0; c < COLUMNS; c++) strcpy(rows[0][c], titles[c]);
  for (int i = 0; i < count; i++) fill_row(&list[i], rows[i + 1]);
  print_rows(rows, count + 1);
  free(rows);
  for (int i = 0; i < count; i++) {
    if (list[i].chosen) printf("\n* auto takes %s", list[i].name);
    if (list[i].chosen && list[i].why[0]) printf(": %s", cli_clean(list[i].why));
    if (list[i].chosen) putchar('\n');
    if (list[i].passes == 0) printf("\n%s: %s\n", list[i].name, cli_clean(list[i].why));
    if (list[i].passes < 0 && list[i].why[0]) printf("\n%s\n", cli_clean(list[i].why));
  }
  return CLI_OK;
}

static int run(void) {
  clf_device_info *list = NULL;
  int count = 0;
  if (clf_devices(o.test, &list, &count) != CLF_OK) return cli_fail_library();
  const int code = o.json ? print_json(list, count) : print_table(list, count);
  free(list);
  return code;
}

const cli_verb cli_devices = {
    .name = "devices",
    .usage = "[--no-test] [--json]",
    .purpose = "List the devices, test each, and mark the one that auto chooses.",
    .examples = "clflow devices",
    .options = options,
    .run = run,
};
