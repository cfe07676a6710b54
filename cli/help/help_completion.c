/* SPDX-License-Identifier: MIT */
/* help_completion.c: scripts that complete the command line in bash, zsh and fish. */
#include "help.h"
#include <string.h>

/* How the value of an option is completed. */
typedef enum value_kind { NO_VALUE, ANY_VALUE, WORD_VALUE, FILE_VALUE } value_kind;

static value_kind kind_of(const cli_option *o) {
  switch (o->type) {
  case CLI_FLAG:
  case CLI_FLAG_OFF: return NO_VALUE;
  case CLI_CHOICE:
  case CLI_CHANNELS: return WORD_VALUE;
  default:
    if (cli_is_word(o->type) && o->type != CLI_TEXT) return FILE_VALUE;
    return strcmp(o->name, "--device") == 0 || strcmp(o->name, "--preset") == 0 ? WORD_VALUE
                                                                                : ANY_VALUE;
  }
}

/* Prints the words that an option takes, separated by `between`. */
static void put_words(const cli_option *o, const char *between) {
  if (strcmp(o->name, "--device") == 0) {
    printf("auto%scpu%scpu64%sopencl", between, between, between);
  } else if (strcmp(o->name, "--preset") == 0) {
    for (int i = 0; i < clf_preset_count(); i++)
      printf("%s%s", i ? between : "", clf_preset_at(i)->name);
  } else {
    for (const char *c = o->arg; *c; c++)
      *c == '|' ? (void)fputs(between, stdout) : (void)putchar(*c);
  }
}

static int has(const cli_verb *v, const char *name) {
  for (const cli_option *o = v->options; o->name; o++)
    if (strcmp(o->name, name) == 0) return 1;
  return 0;
}

/* Whether verb v takes option o of w; w is v itself or the verb to which v passes options. */
static int is_shown(const cli_verb *v, const cli_verb *w, const cli_option *o) {
  return o->help && o->name[0] == '-' && (w == v || !has(v, o->name));
}

#define EACH_OPTION(o, v)                                                                          \
  for (const cli_verb *w = v; w; w = w->passes_to)                                                 \
    for (const cli_option *o = w->options; o->name; o++)                                           \
      if (is_shown(v, w, o))

/* ---- bash --------------------------------------------------------------------------------- */

static void bash_options(const cli_verb *v) {
  printf("  %s) options=\"", v->name);
  EACH_OPTION(o, v) printf("%s ", o->name);
  puts("--help\" ;;");
}

static void bash_values(const cli_verb *v) {
  EACH_OPTION(o, v) {
    if (kind_of(o) == NO_VALUE) continue;
    printf("  \"%s %s\") ", v->name, o->name);
    if (kind_of(o) == WORD_VALUE) {
      printf("words=\"");
      put_words(o, " ");
      puts("\" ;;");
    } else {
      puts(kind_of(o) == FILE_VALUE ? "files=1 ;;" : "return ;;");
    }
  }
}

static void bash(void) {
  puts("# bash completion for clflow\n"
       "_clflow() {\n"
       "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
       "  local verb=${COMP_WORDS[1]} options= words= files=\n"
       "  COMPREPLY=()\n"
       "  if ((COMP_CWORD == 1)); then");
  printf("    COMPREPLY=($(compgen -W \"");
  for (const cli_verb *const *v = cli_verbs; *v; v++) printf("%s ", (*v)->name);
  puts("--help --version\" -- \"$cur\"))\n    return\n  fi\n  case $verb in");
  for (const cli_verb *const *v = cli_verbs; *v; v++) bash_options(*v);
  puts("  esac\n  case \"$verb $prev\" in");
  for (const cli_verb *const *v = cli_verbs; *v; v++) bash_values(*v);
  printf("  \"help help\") [[ $cur == -* ]] && words=$options || words=\"");
  for (const cli_verb *const *v = cli_verbs; *v; v++) printf("%s ", (*v)->name);
  for (const cli_topic *t = cli_topics; t->name; t++) printf("%s ", t->name);
  puts("\" ;;");
  puts("  *) [[ $cur == -* ]] && words=$options || files=1 ;;\n"
       "  esac\n"
       "  if [[ $words ]]; then\n"
       "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
       "  elif [[ $files ]]; then\n"
       "    compopt -o filenames 2>/dev/null\n"
       "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
       "  fi\n"
       "}\n"
       "complete -F _clflow clflow");
}

/* ---- zsh and fish -------------------------------------------------------------------------- */

/* Prints a sentence inside '...' and leaves out characters that the shell or its completion
 * would interpret. */
static void put_quoted(const char *text, const char *special) {
  for (; *text; text++) {
    if (*text == '\'')
      fputs("'\\''", stdout);
    else if (strchr(special, *text))
      printf("\\%c", *text);
    else
      putchar(*text);
  }
}

static void zsh_option(const cli_option *o) {
  printf("      '%s[", o->name);
  put_quoted(o->help, "[]:\\");
  putchar(']');
  if (kind_of(o) != NO_VALUE) {
    putchar(':');
    put_quoted(o->arg, "[]:\\");
    putchar(':');
  }
  if (kind_of(o) == FILE_VALUE) fputs("_files", stdout);
  if (kind_of(o) == WORD_VALUE) {
    putchar('(');
    put_words(o, " ");
    putchar(')');
  }
  puts("' \\");
}

static void zsh(void) {
  puts("#compdef clflow\n"
       "_clflow() {\n"
       "  local -a verbs=(");
  for (const cli_verb *const *v = cli_verbs; *v; v++) {
    printf("    '%s:", (*v)->name);
    put_quoted((*v)->purpose, ":\\");
    puts("'");
  }
  puts("  )\n"
       "  if ((CURRENT == 2)); then\n"
       "    _describe verb verbs\n"
       "    return\n"
       "  fi\n"
       "  local verb=$words[2]\n"
       "  shift words\n"
       "  ((CURRENT--))\n"
       "  case $verb in");
  for (const cli_verb *const *v = cli_verbs; *v; v++) {
    printf("    %s)\n      _arguments \\\n", (*v)->name);
    EACH_OPTION(o, *v) zsh_option(o);
    puts("      '*:file:_files' ;;");
  }
  puts("  esac\n}\n_clflow \"$@\"");
}

static void fish_option(const cli_verb *v, const cli_option *o) {
  const int is_long = o->name[1] == '-';
  printf("complete -c clflow -n '__fish_seen_subcommand_from %s' -%c %s", v->name,
         is_long ? 'l' : 's', o->name + 1 + is_long);
  if (kind_of(o) == ANY_VALUE) fputs(" -x", stdout);
  if (kind_of(o) == FILE_VALUE) fputs(" -r -F", stdout);
  if (kind_of(o) == WORD_VALUE) {
    fputs(" -x -a '", stdout);
    put_words(o, " ");
    putchar('\'');
  }
  fputs(" -d '", stdout);
  for (const char *c = o->help; *c; c++)
    *c == '\'' || *c == '\\' ? (void)printf("\\%c", *c) : (void)putchar(*c);
  puts("'");
}

static void fish(void) {
  puts("# fish completion for clflow");
  for (const cli_verb *const *v = cli_verbs; *v; v++) {
    printf("complete -c clflow -n __fish_use_subcommand -a %s -d '", (*v)->name);
    for (const char *c = (*v)->purpose; *c; c++)
      *c == '\'' ? (void)fputs("\\'", stdout) : (void)putchar(*c);
    puts("'");
    EACH_OPTION(o, *v) fish_option(*v, o);
  }
}

void cli_completion(cli_shell shell) {
  switch (shell) {
  case CLI_BASH: bash(); break;
  case CLI_ZSH: zsh(); break;
  case CLI_FISH: fish(); break;
  }
}
