/* SPDX-License-Identifier: MIT */
/* flows.c: `clflow flows` lists the elements of architectures from arch.def and presets.def. */
#include "cli.h"
#include "help.h"
#include <string.h>

static const char *name;
static int markdown;

static cli_option options[] = {
    CLI_OPTION("--name", "NAME", "describe this layer, map, net, base or preset", CLI_TEXT, &name,
               NULL),
    CLI_OPTION("--markdown", NULL, "print the reference as Markdown", CLI_FLAG, &markdown, NULL),
    CLI_OPTIONS_END,
};

/* ---- The table ---------------------------------------------------------------------------- */

static const struct word {
  const char *set, *text, *help;
} words[] = {
#define CLF_WORD(SET, ID, text, help) {#SET, text, help},
#include "clflow/arch.def"
};

enum { BARE = 1, SIZE = 2, DASHED = 4 };
#define REQUIRED NULL
static const struct member {
  const char *node, *type, *name, *of, *value;
  double low, high;
  int flags;
  const char *help;
} members[] = {
#define CLF_MEMBER(id, TYPE, name, of, value, low, high, flags, help)                              \
  {#id, #TYPE, #name, #of, value, low, high, flags, help},
#include "clflow/arch.def"
};

static const struct node {
  const char *group, *id, *name, *help;
} nodes[] = {
#define CLF_NODE(GROUP, id, name, help) {#GROUP, #id, name, help},
#include "clflow/arch.def"
};

static const struct macro {
  const char *group, *name, *parameters, *text, *help;
} macros[] = {
#define CLF_MACRO(GROUP, name, parameters, text, help) {#GROUP, name, parameters, text, help},
#include "clflow/arch.def"
};

enum {
  WORDS = sizeof words / sizeof *words,
  MEMBERS = sizeof members / sizeof *members,
  NODES = sizeof nodes / sizeof *nodes,
  MACROS = sizeof macros / sizeof *macros
};

static const struct group {
  const char *id, *title, *one;
} groups[] = {{"LAYER", "Layers", "layer"},
              {"MAP", "Maps", "map"},
              {"NET", "Nets", "net"},
              {"BASE", "Bases", "base"},
              {"CONTEXT", "Context", "item of the context"}};
enum { GROUPS = sizeof groups / sizeof *groups };

static int same(const char *a, const char *b) { return strcmp(a, b) == 0; }

/* Repetitions and whole flows belong to the grammar and are not listed. */
static int is_listed(const struct node *n) {
  return !same(n->id, "repeat") && !same(n->id, "flow");
}

/* ---- Values ------------------------------------------------------------------------------- */

static size_t add(char *to, size_t size, const char *text) {
  const size_t used = strlen(to);
  snprintf(to + used, size - used, "%s", text);
  return used;
}

static void number_text(const struct member *m, char *to, size_t size) {
  if (m->high >= 1e30)
    snprintf(to, size, m->low <= -1e30 ? "number" : "number from %g", m->low);
  else
    snprintf(to, size, "%.9g to %.9g", m->low, m->high);
  if (same(m->type, "INT") && !same(m->of, "0")) {
    add(to, size, " or ");
    const size_t used = strlen(to), n = strlen(m->of); /* a quoted word */
    snprintf(to + used, size - used, "%.*s", (int)n - 2, m->of + 1);
  }
}

static void choice_text(const struct member *m, char *to, size_t size) {
  const char *between = "";
  *to = 0;
  for (int i = 0; i < WORDS; i++) {
    if (!same(words[i].set, m->of)) continue;
    add(to, size, between);
    add(to, size, words[i].text);
    between = ", ";
  }
}

/* Describes the values that a member takes. */
static const char *values_text(const struct member *m) {
  static char text[160];
  if (same(m->type, "CHOICE")) {
    choice_text(m, text, sizeof text);
  } else if (same(m->type, "FLAG")) {
    return "0, 1";
  } else if (same(m->type, "RANGES")) {
    return "ranges, as 0-2+5";
  } else if (same(m->type, "TAILS")) {
    return "numbers, none, circular";
  } else if (same(m->type, "INTS") || same(m->type, "REALS")) {
    return m->flags & DASHED ? "numbers, as 3-1-3" : "numbers";
  } else if (same(m->type, "NODE")) {
    for (int g = 0; g < GROUPS; g++)
      if (same(groups[g].id, m->of)) return groups[g].one;
  } else if (same(m->type, "PARTS")) {
    return "parts";
  } else {
    number_text(m, text, sizeof text);
  }
  return text;
}

static const char *default_text(const struct member *m) {
  return !m->value ? "required" : *m->value ? m->value : "none";
}

/* ---- For people --------------------------------------------------------------------------- */

static void print_row(const char *title, const char *help) {
  const int used = printf("  %-12s ", title);
  cli_print_wrapped(help, used, 15);
}

static void print_list(void) {
  for (int g = 0; g < GROUPS; g++) {
    printf("%s%s\n", g ? "\n" : "", groups[g].title);
    for (int i = 0; i < NODES; i++)
      if (same(nodes[i].group, groups[g].id) && is_listed(&nodes[i]))
        print_row(nodes[i].name, nodes[i].help);
    for (int i = 0; i < MACROS; i++)
      if (same(macros[i].group, groups[g].id)) print_row(macros[i].name, macros[i].help);
  }
  puts("\nPresets");
  for (int i = 0; i < clf_preset_count(); i++)
    print_row(clf_preset_at(i)->name, clf_preset_at(i)->text);
}

static void print_member(const struct member *m) {
  char text[512];
  snprintf(text, sizeof text, "%s (%s; %s%s)", m->help, values_text(m), m->value ? "default " : "",
           default_text(m));
  print_row(m->name, text);
  for (int i = 0; i < WORDS && same(m->type, "CHOICE"); i++) {
    if (!same(words[i].set, m->of)) continue;
    const int used = printf("%15s%-12s ", "", words[i].text);
    cli_print_wrapped(words[i].help, used, 28);
  }
}

static void print_node(const struct node *n) {
  for (int g = 0; g < GROUPS; g++)
    if (same(groups[g].id, n->group)) printf("%s %s\n", groups[g].one, n->name);
  print_row("", n->help);
  for (int i = 0; i < MEMBERS; i++)
    if (same(members[i].node, n->id)) print_member(&members[i]);
}

static void print_preset(const clf_preset *p) {
  printf("preset %s\n", p->name);
  print_row("", p->text);
  if (!p->arch) {
    char numbers[128];
    snprintf(numbers, sizeof numbers, "scales=%d, hidden=%d, blocks=%d", (int)p->scales,
             (int)p->features, (int)p->blocks);
    print_row("values", numbers);
    return;
  }
  print_row("flow", p->arch);
  print_row("values", p->values);
  if (*p->options) print_row("training", p->options);
}

/* Prints every element of that name: `columns` is both a layer and a base. */
static int print_named(void) {
  const char *nearest = nodes[0].name;
  int found = 0;
  for (int i = 0; i < NODES; i++) {
    if (!is_listed(&nodes[i])) continue;
    if (same(nodes[i].name, name)) print_node(&nodes[i]), found = 1;
    if (cli_distance(name, nodes[i].name) < cli_distance(name, nearest)) nearest = nodes[i].name;
  }
  for (int i = 0; i < MACROS; i++)
    if (same(macros[i].name, name)) {
      printf("%s(%s)\n", macros[i].name, macros[i].parameters);
      print_row("", macros[i].help);
      print_row("stands for", macros[i].text);
      found = 1;
    }
  for (int i = 0; i < clf_preset_count(); i++) {
    const char *const preset = clf_preset_at(i)->name;
    if (same(preset, name)) print_preset(clf_preset_at(i)), found = 1;
    if (cli_distance(name, preset) < cli_distance(name, nearest)) nearest = preset;
  }
  if (found) return CLI_OK;
  return cli_usage("there is no layer, map, net, base or preset \"%s\"; did you mean \"%s\"?", name,
                   nearest);
}

/* ---- Markdown ----------------------------------------------------------------------------- */

/* A '|' would end the table cell. */
static void print_cell(const char *text) {
  for (; *text; text++) printf(*text == '|' ? "\\%c" : "%c", *text);
}

static void markdown_member(const struct member *m) {
  const int bare = (m->flags & BARE) && !same(m->type, "NODE") && !same(m->type, "CHOICE") &&
                   !same(m->type, "FLAG");
  printf("| `%s`%s | %s | %s | ", m->name, bare ? " *" : "", values_text(m), default_text(m));
  print_cell(m->help);
  const char *before = ": ";
  for (int i = 0; i < WORDS && same(m->type, "CHOICE"); i++) {
    if (!same(words[i].set, m->of)) continue;
    printf("%s`%s` ", before, words[i].text);
    print_cell(words[i].help);
    before = "; ";
  }
  puts(" |");
}

static void markdown_node(const struct node *n) {
  int count = 0;
  printf("\n**`%s`** – %s\n", n->name, n->help);
  for (int i = 0; i < MEMBERS; i++) {
    if (!same(members[i].node, n->id)) continue;
    if (!count++) puts("\n| member | values | default | |\n|---|---|---|---|");
    markdown_member(&members[i]);
  }
}

static int print_markdown(void) {
  for (int g = 0; g < GROUPS; g++) {
    printf("\n### %s\n", groups[g].title);
    for (int i = 0; i < NODES; i++)
      if (same(nodes[i].group, groups[g].id) && is_listed(&nodes[i])) markdown_node(&nodes[i]);
    for (int i = 0; i < MACROS; i++)
      if (same(macros[i].group, groups[g].id))
        printf("\n**`%s(%s)`** – %s: `%s`\n", macros[i].name, macros[i].parameters, macros[i].help,
               macros[i].text);
  }
  puts("\n### Presets\n");
  for (int i = 0; i < clf_preset_count(); i++) {
    const clf_preset *const p = clf_preset_at(i);
    printf("- **`%s`** – %s", p->name, p->text);
    if (p->arch) printf(":\n  `%s`\n  with `%s`", p->arch, p->values);
    if (p->arch && *p->options) printf("; trained with `%s`", p->options);
    putchar('\n');
  }
  return CLI_OK;
}

static int run(void) {
  if (markdown) return print_markdown();
  if (name) return print_named();
  print_list();
  return CLI_OK;
}

const cli_verb cli_flows = {
    .name = "flows",
    .usage = "[--name NAME]",
    .purpose = "List the layers, maps, nets and bases of flows, and the presets.",
    .examples = "clflow flows\nclflow flows --name coupling",
    .options = options,
    .run = run,
};
