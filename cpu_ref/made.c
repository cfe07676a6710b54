/* SPDX-License-Identifier: MIT */
/* made.c: the inverse of masked autoregressive layers, computing each unit of the net once.
 *
 * Units of all layers are sorted by degree, so that those which a unit sees are the first rows
 * of its layer's inputs.  A tile is four units of one degree, or the remaining ones; its weights
 * are packed in the order in which they are read.  Each thread takes blocks of samples. */
#include "made.h"
#include "activate.h"

enum { TILE = 4, HALF = MADE_BYTES / 2, BANDS = 32 };
typedef real half __attribute__((vector_size(HALF)));
typedef half half_at __attribute__((aligned(sizeof(real)), may_alias));
#define HALF_OF(p) (*(half_at *)(p))
#define HALF_IN(p) ((half) * (const half_at *)(p))
enum { LANES = MADE_LANES };

/* A tile or, with `dimension` >= 0, the map of a dimension. */
typedef struct record {
  int dimension;              /* the column that a map computes, or -1 */
  int from, inputs, to;       /* rows; for a map, `from` has the parameters and `to` receives x */
  int units, unit;            /* how many, and the index of the first in its layer */
  int act, join, column;      /* column: of unit 0 in the context's contributions */
  int stream, save;           /* rows, or -1 */
  int weights, biases, pitch; /* offsets of the layer in w */
} record;

typedef struct plan {
  const made *q;
  int D, groups;
  int rows, first_row, stream_row, number_row;
  int records, packed; /* number of records, number of packed weights */
  record *at;          /* NULL: only count */
  const real *weights;
  real *values; /* per band: rows x LANES, and LANES log-determinants */
  int bands;
} plan;

/* ---- Degrees ------------------------------------------------------------------------------- */

/* Number of hidden units of degrees below `degree`, which is the index of the first of that
 * degree. */
static int units_below(const made *q, int degree) {
  const int k = degree - q->from, full = q->hidden / q->period, rest = q->hidden % q->period;
  if (k <= 0) return 0;
  return k >= q->period ? q->hidden : k * full + (k < rest ? k : rest);
}
static int dimensions_below(const plan *p, int group) {
  const double all = (double)group * p->q->each;
  return all < p->D ? group * p->q->each : p->D;
}

/* ---- Records ------------------------------------------------------------------------------- */

static int kind_of(int layer) { return layer == 0 ? 0 : layer % 2 ? 1 : 2; }

static void new_record(plan *p, record r) {
  if (p->at) p->at[p->records] = r;
  p->records++;
  if (r.dimension < 0) p->packed += TILE * (1 + r.inputs);
}

/* Offset of the weights of a layer in w; layer number `layers` is the last one, with the map's
 * parameters. */
static int weights_of(const made *q, int layer) {
  int at = 0;
  for (int l = 0; l < layer; l++)
    at += q->hidden * ((l ? q->hidden : q->pitch) + 1) + q->skip[kind_of(l)];
  return at;
}

/* The first column of a layer in the context's contributions. */
static int column_of(const made *q, int layer) {
  int at = 0;
  for (int l = 0; l < layer; l++) at += q->join[kind_of(l)] ? q->hidden : 0;
  return at;
}

static void add_tiles(plan *p, record r, int count) {
  for (int i = 0; i < count; i += TILE) {
    r.units = count - i < TILE ? count - i : TILE;
    new_record(p, r);
    r.unit += TILE;
    r.to += TILE;
    if (r.stream >= 0) r.stream += TILE;
    if (r.save >= 0) r.save += TILE;
  }
}

static void add_units(plan *p, int layer, int degree) {
  const made *q = p->q;
  const int kind = kind_of(layer), first = units_below(q, degree);
  const int count = units_below(q, degree + 1) - first,
            row = p->first_row + layer * (q->hidden + TILE);
  const int weights = weights_of(q, layer), pitch = layer ? q->hidden : q->pitch;
  add_tiles(p,
            (record){.dimension = -1,
                     .from = layer ? row - q->hidden - TILE : 0,
                     .inputs = layer ? first + count : dimensions_below(p, degree),
                     .to = row + first,
                     .unit = first,
                     .act = layer + 1 == q->layers ? q->act[3] : q->act[kind],
                     .join = q->join[kind],
                     .column = column_of(q, layer),
                     .stream = q->residual && kind == 2 ? p->stream_row + first : -1,
                     .save = q->residual && kind != 1 ? p->stream_row + first : -1,
                     .weights = weights,
                     .biases = weights + q->hidden * pitch,
                     .pitch = pitch},
            count);
}

/* The column of a dimension in the order. */
static int column_at(const plan *p, int rank) {
  const real j = *at(p->q->at, rank, 0, 0, 0);
  return j > 0 ? j < (real)p->D ? (int)j : p->D - 1 : 0;
}

static void add_dimension(plan *p, int rank, int group) {
  const made *q = p->q;
  const int weights = weights_of(q, q->layers);
  const int column = column_at(p, rank);
  add_tiles(p,
            (record){.dimension = -1,
                     .from = p->first_row + (q->layers - 1) * (q->hidden + TILE),
                     .inputs = units_below(q, group + 1),
                     .to = p->number_row,
                     .unit = column * q->numbers,
                     .act = CLF_ACT_none,
                     .stream = -1,
                     .save = -1,
                     .weights = weights,
                     .biases = weights + p->D * q->numbers * q->hidden,
                     .pitch = q->hidden},
            q->numbers);
  new_record(p, (record){.dimension = column, .from = p->number_row, .to = rank});
}

static void add_records(plan *p) {
  p->records = p->packed = 0;
  for (int g = 0; g < p->groups; g++) {
    for (int l = 0; l < p->q->layers; l++) add_units(p, l, g);
    for (int r = dimensions_below(p, g); r < dimensions_below(p, g + 1); r++)
      add_dimension(p, r, g);
  }
}

/* ---- Weights ------------------------------------------------------------------------------- */

/* The inputs of layers in the order of their rows: the D columns, then the hidden units. */
static void list_inputs(const plan *p, int *inputs) {
  for (int r = 0; r < p->D; r++) inputs[r] = column_at(p, r);
  for (int i = 0; i < p->q->hidden; i++) inputs[p->D + i] = i;
}

/* TILE biases, then TILE weights for each input; 0 for missing units. */
static void pack(const plan *p, const int *inputs, real *to) {
  const real *w = at(p->q->w, 0, 0, 0, 0);
  const ptrdiff_t apart = p->q->w->stride[0];
  for (int i = 0; i < p->records; i++) {
    const record *r = &p->at[i];
    if (r->dimension >= 0) continue;
    const int *input = r->from == 0 ? inputs : inputs + p->D;
    for (int u = 0; u < TILE; u++) {
      const int unit = r->unit + u, is = u < r->units;
      const real *row = w + (is ? r->weights + (ptrdiff_t)unit * r->pitch : 0) * apart;
      to[u] = is ? w[(r->biases + unit) * apart] : 0;
      for (int k = 0; k < r->inputs; k++) to[TILE * (k + 1) + u] = is ? row[input[k] * apart] : 0;
    }
    to += TILE * (1 + r->inputs);
  }
}

/* ---- A block --------------------------------------------------------------------------------- */

/* The sums of a tile, written to its rows. */
static void products(const record *r, const real *restrict in, const real *restrict w, real *out) {
  half sum[TILE][2];
  for (int u = 0; u < TILE; u++) sum[u][0] = sum[u][1] = (half){0} + w[u];
  for (int k = 0; k < r->inputs; k++) {
    const half a = HALF_IN(in + k * LANES), b = HALF_IN(in + k * LANES + LANES / 2);
    w += TILE;
    for (int u = 0; u < TILE; u++) {
      sum[u][0] += w[u] * a;
      sum[u][1] += w[u] * b;
    }
  }
  for (int u = 0; u < TILE; u++) {
    HALF_OF(out + u * LANES) = sum[u][0];
    HALF_OF(out + u * LANES + LANES / 2) = sum[u][1];
  }
}

/* The sample of lane l; lanes beyond the last sample repeat it. */
static int sample_of(const plan *p, int n0, int l) {
  const int N = p->q->y->dim[0];
  return n0 + l < N ? n0 + l : N - 1;
}

/* Adds the context's contribution to a tile. */
static void join(const plan *p, const record *r, int n0, real *out) {
  for (int u = 0; u < r->units; u++)
    for (int l = 0; l < LANES; l++) {
      const real c = *at(p->q->c, sample_of(p, n0, l), r->column + r->unit + u, 0, 0);
      real *v = &out[u * LANES + l];
      *v = r->join == 1 ? *v + c : *v * ACT_SIGMOID(c);
    }
}

static void tile(const plan *p, const record *r, int n0, const real *w, real *v) {
  real *out = v + (ptrdiff_t)r->to * LANES;
  const int n = r->units * LANES;
  products(r, v + (ptrdiff_t)r->from * LANES, w, out);
  if (r->join) join(p, r, n0, out);
  if (r->stream >= 0)
    for (int i = 0; i < n; i++) out[i] += v[(ptrdiff_t)r->stream * LANES + i];
  if (r->save >= 0)
    for (int i = 0; i < n; i++) v[(ptrdiff_t)r->save * LANES + i] = out[i];
  activate(r->act, n, out);
}

static void dimension(const plan *p, const record *r, int n0, real *v, real *logdet) {
  const made *q = p->q;
  const int left = q->y->dim[0] - n0;
  real *x = v + (ptrdiff_t)r->to * LANES, y[MADE_LANES];
  for (int l = 0; l < LANES; l++) y[l] = *at(q->y, sample_of(p, n0, l), r->dimension, 0, 0);
  q->solve(q->args, r->dimension, v + (ptrdiff_t)r->from * LANES, y, x, logdet);
  for (int l = 0; l < LANES && l < left; l++) *at(q->x, n0 + l, r->dimension, 0, 0) = x[l];
}

static void block(const plan *p, int n0, real *v) {
  const int left = p->q->y->dim[0] - n0;
  const real *w = p->weights;
  real logdet[MADE_LANES] = {0};
  for (int i = 0; i < p->records; i++) {
    const record *r = &p->at[i];
    if (r->dimension >= 0) {
      dimension(p, r, n0, v, logdet);
      continue;
    }
    tile(p, r, n0, w, v);
    w += TILE * (1 + r->inputs);
  }
  for (int l = 0; l < LANES && l < left; l++) *at(p->q->logdet, n0 + l, 0, 0, 0) += logdet[l];
}

CLF_LOOP(band, plan, p, b) {
  real *v = p->values + (ptrdiff_t)b * p->rows * LANES;
  for (int i = 0; i < p->rows * LANES; i++) v[i] = 0;
  for (int n0 = b * LANES; n0 < p->q->y->dim[0]; n0 += p->bands * LANES) block(p, n0, v);
}

/* ---- The operations -------------------------------------------------------------------------- */

static void place_rows(plan *p) {
  const int each = p->q->hidden + TILE;
  p->first_row = p->D;
  p->stream_row = p->first_row + p->q->layers * each;
  p->number_row = p->stream_row + (p->q->residual ? each : 0);
  p->rows = p->number_row + p->q->numbers + TILE;
}

clf_status CLF_REAL(clf__made)(const made *q, clf_scratch *scratch) {
  const int D = q->y->dim[1], N = q->y->dim[0], blocks = (N - 1) / LANES + 1;
  const int inputs = D + q->hidden;
  plan p = {.q = q, .D = D, .groups = (D - 1) / q->each + 1};
  place_rows(&p);
  add_records(&p);
  const double work = 2.0 * p.packed * N;
  const int alone = clf__threads_are_alone() || work <= CLF_PARALLEL_FROM;
  p.bands = alone ? 1 : blocks < BANDS ? blocks : BANDS; /* blocks share memory in the caches */
  const size_t values = (size_t)p.bands * (size_t)p.rows * LANES;
  const size_t ints =
      ((size_t)p.records * sizeof(record) + (size_t)inputs * sizeof(int)) / sizeof(real) + 2;
  const size_t need = values + (size_t)p.packed + ints;
  p.values = clf_scratch_get(scratch, need);
  CLF_NEED(p.values, need);
  real *weights = p.values + values;
  p.at = (record *)(void *)(weights + p.packed + (p.packed & 1));
  add_records(&p);
  list_inputs(&p, (int *)(p.at + p.records));
  pack(&p, (const int *)(p.at + p.records), weights);
  p.weights = weights;
  in_threads(work, p.bands, band, &p);
  return CLF_OK;
}

CLF_REF(made_affine_inv) {
  const made q = MADE_OF(p, CLF_REAL(clf__made_affine));
  return CLF_REAL(clf__made)(&q, scratch);
}
CLF_REF(made_rqs_inv) {
  const made q = MADE_OF(p, CLF_REAL(clf__made_rqs));
  return CLF_REAL(clf__made)(&q, scratch);
}
