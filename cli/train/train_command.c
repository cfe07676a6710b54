/* SPDX-License-Identifier: MIT */
/* train_command.c: command lines that continue or repeat a training. */
#include "train.h"
#include <string.h>

/* The options for reading images must be given again, because the file does not contain them. */
static void print_reading(char *text, size_t size) {
  static const char *const crops[] = {"", " --crop center", " --crop celeba", " --crop lsun"};
  const clf_preset *preset = cli_wanted.preset;
  const int chosen = cli_train_given("--channels") || (preset && preset->channels);
  char channels[24] = "", bits[24] = "";
  if (chosen) snprintf(channels, sizeof channels, " --channels %d", cli_wanted.spec.channels);
  if (cli_common.images.bits) snprintf(bits, sizeof bits, " --bits %d", cli_common.images.bits);
  static const char *const orders[] = {"", " --order NHWC", " --order NCHW"};
  snprintf(text, size, "%s%s%s%s%s", crops[cli_common.images.crop], channels, bits,
           cli_common.images.strict ? " --strict" : "", orders[cli_common.images.order]);
}

/* Appends " OPTION WORD" with the word quoted for a shell, or OPTION=WORD if the word might look
 * like an option. */
static void append_option(const char *option, const char *word, char *line, size_t size) {
  const size_t used = strlen(line);
  snprintf(line + used, size - used, " %s", option);
  cli_append_word(*word == '-' ? '=' : ' ', word, line, size);
}

/* Appends the option as it was given, if it was given. */
static void append_given(const char *name, char *line, size_t size) {
  const cli_option *o = cli_train_option(name);
  if (!o->given) return;
  char value[CLI_TEXTS_SIZE];
  const char *word = value;
  if (cli_is_word(o->type))
    memcpy(&word, o->to, sizeof word); /* a text of any length */
  else
    cli_format(o, o->to, value, sizeof value);
  const size_t used = strlen(line);
  if (o->type == CLI_FLAG || o->type == CLI_FLAG_OFF)
    snprintf(line + used, size - used, " %s", name);
  else
    append_option(name, word, line, size);
}

/* Options that are neither in the file nor printed by print_reading() are given again. */
void cli_train_say_continue(void) {
  static const char *const again[] = {"--given",     "--weights", "--valid",       "--test",
                                      "--columns",   "--drop",    "--by-position", "--header",
                                      "--delimiter", "--decimal", "--comment",     "--skip",
                                      "--device",    "--devices", "--share"};
  char reading[64];
  static char line[60000] = "clflow train";
  append_option(cli_wanted.target ? "--target" : "--data", cli_common.data, line, sizeof line);
  for (size_t i = 0; i < sizeof again / sizeof *again; i++)
    append_given(again[i], line, sizeof line);
  print_reading(reading, sizeof reading);
  const size_t used = strlen(line);
  snprintf(line + used, sizeof line - used, "%s", reading);
  append_option("--out", cli_wanted.out, line, sizeof line);
  cli_say("to continue: %s --resume", line);
}

const char *cli_train_command(void) {
  static const char *const left_out[] = {"--devices", "--share", "--device",
                                         "--grains",  "--mpi",   "--parent"};
  static char line[60000];
  snprintf(line, sizeof line, "clflow train");
  for (const cli_option *o = cli_train_options; o->name; o++) {
    int leave = !o->given || o->type == CLI_TEXTS;
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out && !leave; i++)
      leave = strcmp(o->name, left_out[i]) == 0;
    if (!leave) append_given(o->name, line, sizeof line);
  }
  return line;
}
