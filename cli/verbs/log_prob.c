/* SPDX-License-Identifier: MIT */
/* log_prob.c: `clflow log-prob` computes the log-density of each row and finds unusual rows. */
#include "cli.h"
#include "members.h"
#include "ranks.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What --with adds, in the order of the columns: X(enumerator, word for --help, meaning). */
#define WITH_MAP(X)                                                                                \
  X(row, "row         ", "the number of the sample in DATA, from 1")                               \
  X(id, "id          ", "its id, from the column that --id names; written in any case")            \
  X(data, "data        ", "the columns of the model, and its context")                             \
  X(rank, "rank        ", "1 for the sample of lowest density, 2 for the next")                    \
  X(percentile, "percentile  ",                                                                    \
    "the percentage of samples of lower density; of those of equal density half")                  \
  X(model, "model       ",                                                                         \
    "model_percentile: the percentage of the model's own samples of lower\n"                       \
    "              density, given the sample's context. Of rows that the model describes, one\n"   \
    "              in a hundred is below 1; a row at 0 is stranger than all of its samples")       \
  X(strange, "strange     ",                                                                       \
    "up to three columns that make the sample strange, and by how many nats log p\n"               \
    "              would rise if that column alone had its most probable value")

enum {
#define X(name, word, help) WITH_##name,
  WITH_MAP(X)
#undef X
      WITH_COUNT
};
static const char *const with_words[] = {
#define X(name, word, help) #name,
    WITH_MAP(X)
#undef X
};

static struct {
  const char *out;
  cli_texts with;
  int64_t lowest, samples, normalize;
  int json;
} o;
static int with[WITH_COUNT];

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("evaluate these rows"),
    {"--out", "FILE", "write log p of each row, in nats: .csv, .npy, or - for standard output",
     CLI_OUTPUT, &o.out, NULL, 0, 0},
    CLI_OPTION_JSON(&o.json, "print the rows, and how many have no density, as a JSON object"),
    {"--with", "A,B,...",
     "write further columns: row, id, data, rank, percentile, model, strange (see below)",
     CLI_TEXTS, &o.with, NULL, 0, 0},
    {"--lowest", "N",
     "write only the N rows of lowest density, the lowest first, with their numbers unless --with "
     "asks for other columns",
     CLI_COUNT, &o.lowest, NULL, 0, 0},
    {"--samples", "N",
     "draw this many samples of the model for --with model (default 10000; fewer for each of many "
     "contexts)",
     CLI_COUNT, &o.samples, NULL, 0, 0},
    {"--normalize", "N",
     "divide by the share of N samples that lie where the density is above zero: the leakage of a "
     "posterior",
     CLI_COUNT, &o.normalize, NULL, 0, 0},
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_STRICT_ROWS,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_IMAGE_ROWS,
    CLI_OPTIONS_MODEL,
    CLI_SECTION("Several devices"),
    CLI_OPTION_DEVICES,
    CLI_OPTIONS_END,
};

/* ---- Options ---------------------------------------------------------------- */

static int refuse_word(const char *word) {
  char list[256] = "";
  for (int i = 0; i < WITH_COUNT; i++) {
    const size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", with_words[i]);
  }
  return cli_usage("--with takes any of %s, got \"%s\"", list, cli_clean(word));
}

static int read_words(void) {
  for (int k = 0; k < o.with.count; k++) {
    int i = 0;
    while (i < WITH_COUNT && strcmp(with_words[i], o.with.at[k]) != 0) i++;
    if (i == WITH_COUNT) return refuse_word(o.with.at[k]);
    with[i] = 1;
  }
  if (o.lowest && !o.with.count) with[WITH_row] = 1;
  if (with[WITH_id] && !cli_common.table.id)
    return cli_usage("--with id needs --id COLUMN, the column that names the rows");
  with[WITH_id] = cli_common.table.id != NULL;
  if (o.samples && !with[WITH_model])
    return cli_usage("--samples is for --with model; leave it out");
  return CLI_OK;
}

static int check_out(void) {
  if (!o.out && !o.json)
    return cli_usage("--out is missing; usage: clflow log-prob %s", cli_log_prob.usage);
  if (o.json && cli_is_stdout(o.out))
    return cli_usage("--out - and --json cannot both go to standard output");
  return cli_check_table(o.out);
}

static int check_texts(void) {
  if (!o.out || !cli_has_suffix(o.out, ".npy") || !(with[WITH_id] || with[WITH_strange]))
    return CLI_OK;
  return cli_usage("%s writes texts, which a .npy cannot hold; write a .csv",
                   with[WITH_id] ? "--id" : "--with strange");
}

static int check_images(const cli_session *s) {
  static const int of_tables[] = {WITH_id, WITH_data, WITH_strange};
  for (size_t i = 0; s->images && i < sizeof of_tables / sizeof *of_tables; i++)
    if (with[of_tables[i]])
      return cli_usage("--with %s is for tables, %s holds images; leave it out",
                       with_words[of_tables[i]], cli_common.data);
  return CLI_OK;
}

/* ---- Numbers ---------------------------------------------------------------- */

/* What is written: arrays with one number for each row of the data, and the selected rows. */
typedef struct work {
  int64_t rows, written;
  double *logp, *percentile, *model;
  int64_t *number, *rank,
      *order; /* order: indices of the rows in output order; NULL: all rows in their own order */
  char **strange; /* of each row; NULL where it is not written */
} work;

static void release(work *w) {
  free(w->logp);
  free(w->percentile);
  free(w->model);
  free(w->number);
  free(w->rank);
  free(w->order);
  for (int64_t i = 0; w->strange && i < w->rows; i++) free(w->strange[i]);
  free(w->strange);
}

static int reserve(work *w, int64_t rows) {
  const size_t n = (size_t)rows;
  w->rows = rows;
  w->logp = malloc(n * sizeof *w->logp);
  w->percentile = malloc(n * sizeof *w->percentile);
  w->model = malloc(n * sizeof *w->model);
  w->number = malloc(n * sizeof *w->number);
  w->rank = malloc(n * sizeof *w->rank);
  if (w->logp && w->percentile && w->model && w->number && w->rank) return CLI_OK;
  return cli_fail("out of memory for %" PRId64 " log-densities", rows);
}

/* About this many samples are divided among the different contexts. */
enum { SAMPLES = 10000, SAMPLES_OF_ALL = 1 << 22, SAMPLES_LEAST = 100 };

static int64_t sample_count(const cli_session *s) {
  if (o.samples) return o.samples;
  const int64_t contexts = s->given.rows > 1 ? s->given.rows : 1;
  const int64_t each = SAMPLES_OF_ALL / contexts;
  return each > SAMPLES ? SAMPLES : each < SAMPLES_LEAST ? SAMPLES_LEAST : each;
}

static int rank_among_samples(cli_session *s, work *w) {
  const double *c;
  for (int64_t i = 0; i < w->rows; i++) w->number[i] = s->data.numbers ? s->data.numbers[i] : i + 1;
  if (clf_ranks(w->logp, w->rows, w->rank) != CLF_OK) return cli_fail_library();
  if (with[WITH_percentile] &&
      clf_percentiles(w->logp, w->rows, w->logp, w->rows, w->percentile) != CLF_OK)
    return cli_fail_library();
  if (!with[WITH_model]) return CLI_OK;
  const int code = cli_given_rows(s, 0, w->rows, &c);
  if (code) return code;
  return clf_model_percentiles(s->flow, c, w->logp, w->rows, 1, sample_count(s), w->model) == CLF_OK
             ? CLI_OK
             : cli_fail_library();
}

typedef struct ranked {
  int64_t rank, row;
} ranked;

static int by_rank(const void *a, const void *b) {
  const ranked *p = a, *q = b;
  if (p->rank != q->rank) return p->rank < q->rank ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

/* Finds the rows of lowest density; rows with missing values have no density. */
static int find_lowest(work *w) {
  w->written = w->rows;
  if (!o.lowest) return CLI_OK;
  ranked *const all = malloc((size_t)w->rows * sizeof *all);
  w->order = malloc((size_t)w->rows * sizeof *w->order);
  if (!all || !w->order) {
    free(all);
    return cli_fail("out of memory to sort %" PRId64 " rows", w->rows);
  }
  w->written = 0;
  for (int64_t i = 0; i < w->rows; i++)
    if (w->rank[i]) all[w->written++] = (ranked){w->rank[i], i};
  qsort(all, (size_t)w->written, sizeof *all, by_rank);
  if (w->written > o.lowest) w->written = o.lowest;
  for (int64_t i = 0; i < w->written; i++) w->order[i] = all[i].row;
  free(all);
  return CLI_OK;
}

/* ---- Strange columns -------------------------------------------------------- */

/* A column is called unusual if another value of it would gain at least this many nats; a
 * Gaussian column does if it is 1.7 standard deviations from its mean. */
static const double strange_from = 1.5;
enum { NAMED = 3 };

static const char *name_of(const clf_flow *flow, int32_t d) {
  static char text[16];
  char *const *const names = clf_flow_columns(flow);
  snprintf(text, sizeof text, "x%" PRId32, d);
  return names ? names[d] : text;
}

/* Writes "hue 5.3; ash 2.1": the columns with the largest gains in nats; the first one in any
 * case. */
static char *describe(const clf_flow *flow, double *gain) {
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  size_t used = 0, size = 1;
  char *text = NULL;
  for (int k = 0; k < NAMED && k < dim; k++) {
    int32_t maximum = 0;
    for (int32_t d = 1; d < dim; d++)
      if (gain[d] > gain[maximum]) maximum = d;
    if (gain[maximum] <= 0 || (k && gain[maximum] < strange_from)) break;
    const char *const name = name_of(flow, maximum);
    size += strlen(name) + 40;
    char *const more = realloc(text, size);
    if (!more) break;
    text = more;
    used +=
        (size_t)snprintf(text + used, size - used, "%s%s %.1f", k ? "; " : "", name, gain[maximum]);
    gain[maximum] = 0;
  }
  return text ? text : calloc(1, 1);
}

/* The rows that are written and that have a log p, with their contexts and gains. */
typedef struct chosen {
  int64_t count, *row;
  double *x, *c, *gain;
} chosen;

static int choose(cli_session *s, const work *w, chosen *k) {
  const size_t D = (size_t)s->data.cols, C = (size_t)s->given.cols, n = (size_t)w->written;
  k->row = malloc(n * sizeof *k->row);
  k->x = malloc(n * D * sizeof *k->x);
  k->c = C ? malloc(n * C * sizeof *k->c) : NULL;
  k->gain = malloc(n * D * sizeof *k->gain);
  if (!k->row || !k->x || (C && !k->c) || !k->gain)
    return cli_fail("out of memory for %" PRId64 " rows", w->written);
  for (int64_t i = 0; i < w->written; i++) {
    const int64_t row = w->order ? w->order[i] : i;
    if (isnan(w->logp[row])) continue;
    const double *c;
    const int code = cli_given_rows(s, row, 1, &c);
    if (code) return code;
    memcpy(k->x + (size_t)k->count * D, s->data.at + (size_t)row * D, D * sizeof *k->x);
    if (c) memcpy(k->c + (size_t)k->count * C, c, C * sizeof *k->c);
    k->row[k->count++] = row;
  }
  return CLI_OK;
}

static int judge_columns(cli_session *s, work *w) {
  if (!with[WITH_strange]) return CLI_OK;
  chosen k = {0};
  int code = choose(s, w, &k);
  w->strange = calloc((size_t)w->rows, sizeof *w->strange);
  if (!code && !w->strange) code = cli_fail("out of memory for %" PRId64 " rows", w->rows);
  if (!code && k.count &&
      clf_strange_columns(s->flow, k.x, k.c, k.count, 1, k.gain, NULL) != CLF_OK)
    code = cli_fail_library();
  for (int64_t i = 0; i < k.count && !code; i++) {
    w->strange[k.row[i]] = describe(s->flow, k.gain + i * s->data.cols);
    if (!w->strange[k.row[i]]) code = cli_fail("out of memory for the names of columns");
  }
  free(k.row);
  free(k.x);
  free(k.c);
  free(k.gain);
  return code;
}

/* ---- Columns to write ------------------------------------------------------- */

typedef struct list {
  cli_column *at;
  char (*own)[16]; /* names of columns that have none: x0, c0 */
  int count;
} list;

static void add(list *l, cli_column column) { l->at[l->count++] = column; }

/* Adds the columns of a table with these names and kinds, if there are any. */
static void add_table(list *l, const clf_table *t, char *const *names, const clf_column *kinds,
                      char prefix) {
  for (int32_t d = 0; t->at && d < t->cols; d++) {
    char *const own = l->own[l->count];
    snprintf(own, sizeof *l->own, "%c%" PRId32, prefix, d);
    add(l, (cli_column){.name = names ? names[d] : own,
                        .numbers = t->at + d,
                        .stride = t->rows > 1 ? t->cols : 0,
                        .kind = kinds ? &kinds[d] : NULL});
  }
}

/* The code of the label whose indicator column is 1; NaN if it is missing. */
static double code_of(const double *columns, int32_t labels) {
  int32_t maximum = 0;
  for (int32_t k = 1; k < labels; k++)
    if (columns[k] > columns[maximum]) maximum = k;
  return isnan(columns[0]) ? NAN : (double)maximum;
}

/* Converts the context from one column for each label back to one column for all labels, as in
 * the table. */
static int collapse(const clf_table *given, const clf_columns *source, clf_table *to) {
  if (!given->at || !source) return CLI_OK;
  if (clf_table_new(given->rows, source->count, to) != CLF_OK) return cli_fail_library();
  for (int64_t i = 0; i < given->rows; i++) {
    const double *from = given->at + i * given->cols;
    for (int32_t j = 0; j < source->count; j++) {
      const clf_column *const kind = source->at ? &source->at[j] : NULL;
      const int32_t labels = kind && kind->kind == CLF_COLUMN_CATEGORY ? kind->category_count : 0;
      to->at[i * to->cols + j] = labels ? code_of(from, labels) : *from;
      from += labels ? labels : 1;
    }
  }
  return CLI_OK;
}

static void add_all(list *l, const cli_session *s, const work *w, const clf_table *context) {
  const clf_columns *const source = clf_flow_context_table(s->flow);
  if (with[WITH_row]) add(l, (cli_column){.name = "row", .whole = w->number});
  if (with[WITH_id]) add(l, (cli_column){.name = s->data.id_name, .texts = s->data.ids});
  if (with[WITH_data])
    add_table(l, &s->data, s->data.names ? s->data.names : clf_flow_columns(s->flow),
              clf_flow_kinds(s->flow), 'x');
  if (with[WITH_data] && context->at)
    add_table(l, context, source->names, source->at, 'c');
  else if (with[WITH_data])
    add_table(l, &s->given, clf_flow_context_columns(s->flow), NULL, 'c');
  add(l, (cli_column){.name = "logp", .numbers = w->logp, .stride = 1});
  if (with[WITH_rank]) add(l, (cli_column){.name = "rank", .whole = w->rank, .from_1 = 1});
  if (with[WITH_percentile])
    add(l, (cli_column){.name = "percentile", .numbers = w->percentile, .stride = 1, .digits = 6});
  if (with[WITH_model])
    add(l, (cli_column){.name = "model_percentile", .numbers = w->model, .stride = 1, .digits = 6});
  if (with[WITH_strange]) add(l, (cli_column){.name = "strange", .texts = w->strange});
}

/* The number of rows without a density, by reason. */
typedef struct lacks {
  clf_score score;
  int64_t missing;
} lacks;

static int print_json(const list *l, const work *w, const lacks *k) {
  return cli_json_print(
      json_pack("{s:o, s:o, s:I, s:I, s:I, s:o}", "model", cli_json_text(cli_common.model), "data",
                cli_json_text(cli_common.data), "n", (json_int_t)w->rows, "zero_density",
                (json_int_t)k->score.zeros, "missing", (json_int_t)k->missing, "rows",
                cli_json_columns(l->at, l->count, w->order, w->written)));
}

static int put_all(const cli_session *s, const work *w, const lacks *k) {
  const size_t maximum = (size_t)s->data.cols + (size_t)s->given.cols + WITH_COUNT + 1;
  list l = {.at = malloc(maximum * sizeof *l.at), .own = malloc(maximum * sizeof *l.own)};
  clf_table context = {0};
  int code = l.at && l.own ? CLI_OK : cli_fail("out of memory for %zu columns", maximum);
  if (!code && with[WITH_data])
    code = collapse(&s->given, clf_flow_context_table(s->flow), &context);
  if (!code) add_all(&l, s, w, &context);
  if (!code && o.out) code = cli_put_columns(o.out, l.at, l.count, w->order, w->written);
  if (!code && o.json) code = print_json(&l, w, k);
  clf_table_free(&context);
  free(l.at);
  free(l.own);
  return code;
}

/* ---- The verb ----------------------------------------------------------------- */

static void say_lacks(const cli_session *s, const work *w, const lacks *k) {
  if (k->score.zeros)
    cli_say("log p is -inf at %" PRId64 " of %" PRId64 " %s, where the density is zero",
            k->score.zeros, k->score.count, s->images ? "images" : "rows");
  if (k->missing)
    cli_say("log p is empty at %" PRId64 " of %" PRId64 " rows, which lack a value", k->missing,
            w->rows);
}

/* Everything after log p of the rows was computed. */
static int report(cli_session *s, work *w) {
  lacks k = {0};
  int code = rank_among_samples(s, w);
  if (!code) code = find_lowest(w);
  if (!code) code = judge_columns(s, w);
  if (!code)
    code = cli_score(w->logp, w->rows, clf_flow_get_spec(s->flow)->dim, &k.score, &k.missing);
  if (!code) code = put_all(s, w, &k);
  if (!code) say_lacks(s, w, &k);
  return code;
}

/* Of one context, divides all densities by the share of samples within the support. */
static int normalize(cli_session *s, work *w) {
  double log_share;
  const int code = cli_normalize(s, o.normalize, &log_share);
  for (int64_t i = 0; i < w->rows && !code; i++) w->logp[i] -= log_share;
  return code;
}

static int compute(cli_session *s) {
  work w = {0};
  int code = check_images(s);
  if (!code) code = reserve(&w, cli_row_count(s));
  if (!code) code = cli_log_probs(s, w.logp);
  if (!code && o.normalize) code = normalize(s, &w);
  if (!code) cli_ranks_finish();
  if (!code && cli_ranks_own() == 0) code = report(s, &w);
  release(&w);
  return code;
}

static int run(void) {
  cli_ranks_divide();
  int code = read_words();
  if (!code) code = check_out();
  if (!code) code = check_texts();
  if (!code) code = cli_members_check();
  if (code) return code;
  cli_session s;
  code = cli_session_open(&s);
  if (!code) code = compute(&s);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_log_prob = {
    .name = "log-prob",
    .usage = "MODEL --data DATA --out FILE [options]",
    .purpose = "Write log p(x) of each row, and how strange the row is.",
    .details = "Rows outside the support of the model, or so far out that the model overflows, "
               "have zero density: log p is -inf. Where a value is missing, log p is empty (nan in "
               ".npy).\n\n"
               "--with adds columns:"
#define X(name, word, help) "\n  " word help
    WITH_MAP(X),
#undef X
    .examples = "clflow log-prob moons.safetensors --data points.csv --out logp.csv\n"
                "clflow log-prob wine.flow --data wine.csv --lowest 20 --with "
                "row,data,model,strange --out -",
    .options = options,
    .run = run,
    .ranks = 1,
    .missing = CLF_MISSING_KEEP,
};
