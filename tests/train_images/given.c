/* SPDX-License-Identifier: MIT */
/* given.c: training on images with a context. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "images.h"
#include "philox.h"
#include "trainer.h"

/* ---- Images whose quarters are as bright as their context says --------------------------------
 */

enum { N = 192, SIDE = 4, D = SIDE * SIDE, C = 4 };

typedef struct quarters {
  clf_images *images;
  clf_table given; /* (N, C): from 0 to 1 */
} quarters;

static int quarter_of(int e) { return 2 * (e / SIDE / 2) + e % SIDE / 2; }

static quarters make_quarters(void) {
  static uint8_t bytes[N * D];
  char path[160];
  quarters q;
  clf__host_random r = {17};
  WORKS(clf_table_new(N, C, &q.given));
  for (int i = 0; i < N * C; i++) q.given.at[i] = clf__host_uniform(&r);
  for (int i = 0; i < N * D; i++)
    bytes[i] = (uint8_t)(30 + 180 * q.given.at[i / D * C + quarter_of(i % D)] +
                         16 * clf__host_uniform(&r));
  snprintf(path, sizeof path, "%s/quarters.npy", folder);
  WORKS(clf_images_write_npy(path, bytes, N, SIDE, SIDE, 1));
  q.images = glyphs(path);
  unlink(path);
  return q;
}
static void free_quarters(quarters *q) {
  clf_images_free(q->images);
  clf_table_free(&q->given);
}

#define LAYERS                                                                                     \
  "pixels, squeeze, (actnorm, conv1x1, coupling(affine(scale=exp, clamp=2), conv(8, 3-1-3), "      \
  "mask=mid))*2, split(prior=conv), squeeze, coupling(affine(scale=exp, clamp=2), "                \
  "convresnet(8x1), mask=mid) -> normal"
#define GIVEN "4x4x1|4: " LAYERS "; context: standardize, mlp(8x1, tanh)->5"

static clf_train_options short_training(int64_t epochs) {
  clf_train_options o = clf_train_options_default();
  o.epochs = epochs;
  o.batch = 32;
  o.seed = 5;
  o.clip = 10;
  return o;
}

static clf_trainer *trainer_of(clf_flow *f, const quarters *q, const clf_train_options *o) {
  const clf_image_data data = {.images = q->images, .given = f->context ? &q->given : NULL};
  clf_trainer *t;
  WORKS(clf_trainer_create_images_with(f, &data, o, &t));
  return t;
}

/* ---- Batches ----------------------------------------------------------------------------------
 */

/* Each image comes with its own context, standardised over the training images. */
START_TEST(batches_have_their_context) {
  quarters q = make_quarters();
  clf_flow *f = flows_of(flows_dev, GIVEN, 3);
  clf_train_options o = short_training(2);
  o.valid_split = 0.25;
  clf_trainer *t = trainer_of(f, &q, &o);
  const int64_t rows = t->source->rows, held = t->source->held_out;
  ck_assert_int_eq(rows, N - N / 4);
  double mean[C], std[C], c[C * 32];
  clf_table_moments(&q.given, t->source->index + held, rows, mean, std);
  const clf__order order = clf__order_of(o.seed, 1, (uint32_t)rows);
  const int64_t steps = clf__steps_per_epoch(t);
  for (int64_t step = steps; step < 2 * steps; step++) { /* the second epoch */
    clf_tensor x;
    WORKS(clf__trainer_micro_batch(t, step, 0, &x));
    WORKS(clf_read64(flows_dev, clf__rows(f->ws.c, x.dim[0]), c));
    for (int i = 0; i < x.dim[0]; i++) {
      const int64_t at = clf__order_at(&order, (uint32_t)((step - steps) * 32 + i));
      const int64_t row = t->source->index[held + at];
      for (int j = 0; j < C; j++)
        ck_assert_double_eq_tol(c[C * i + j], (q.given.at[C * row + j] - mean[j]) / std[j], 1e-6);
    }
  }
  clf_trainer_free(t);
  clf_flow_free(f);
  free_quarters(&q);
}
END_TEST

/* Validation images are scored given their own context. */
START_TEST(validation_has_its_context) {
  quarters q = make_quarters();
  clf_flow *f = flows_of(flows_dev, GIVEN, 3);
  clf_train_options o = short_training(1);
  o.valid_split = 0.25;
  clf_trainer *t = trainer_of(f, &q, &o);
  const int64_t held = t->source->held_out;
  uint8_t *bytes = malloc((size_t)held * D);
  double *x = flows_array((size_t)held * D), *c = flows_array((size_t)held * C),
         *logp = flows_array((size_t)held), mean, sum = 0;
  ck_assert_ptr_nonnull(bytes);
  WORKS(clf_images_get(q.images, t->source->index, 0, held, NULL, bytes));
  clf_dequantize(bytes, held, D, o.seed, 0, x);
  for (int64_t i = 0; i < held * C; i++) c[i] = q.given.at[t->source->index[i / C] * C + i % C];
  WORKS(clf_log_prob_given(f, x, c, held, logp));
  for (int64_t i = 0; i < held; i++) sum += logp[i];
  WORKS(t->source->ops->validate(t->source, &mean));
  ck_assert_double_eq_tol(mean, sum / (double)held, 1e-3);
  free(logp), free(c), free(x), free(bytes);
  clf_trainer_free(t);
  clf_flow_free(f);
  free_quarters(&q);
}
END_TEST

/* A net that starts with zeros does so with any context. */
START_TEST(nets_begin_at_rest) {
  static const char *const texts[] = {"2x2x2|1: split(prior=conv) -> normal",
                                      "2x2x2|1: coupling(add, conv(2, kernels=3), mask=mid) -> "
                                      "normal"};
  const double x[8] = {0.5, -1, 2, 0.25, -0.75, 1, 0, -2}, c[1] = {3};
  double want = -4 * log(2 * acos(-1)), logp;
  for (int i = 0; i < 8; i++) want -= x[i] * x[i] / 2;
  for (int k = 0; k < 2; k++) {
    clf_flow *f = flows_of(flows_dev, texts[k], 3);
    WORKS(clf_log_prob_given(f, x, c, 1, &logp));
    ck_assert_double_eq_tol(logp, want, 1e-5);
    clf_flow_free(f);
  }
}
END_TEST

/* ---- Learning ---------------------------------------------------------------------------------
 */

static double bits_of(clf_flow *f, const quarters *q) {
  clf_score score;
  WORKS(clf_evaluate_images_given(f, q->images, f->context ? &q->given : NULL, NULL, 0, N, 9,
                                  &score));
  return score.bits_per_dim;
}

static clf_flow *trained(const char *text, const quarters *q, int64_t epochs) {
  clf_flow *f = flows_of(flows_dev, text, 3);
  const clf_train_options o = short_training(epochs);
  clf_trainer *t = trainer_of(f, q, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  return f;
}

/* The mean brightness of a quarter of samples given a context. */
static double brightness(clf_flow *f, const double *c, int quarter) {
  enum { SAMPLES = 64 };
  double *x = flows_array(SAMPLES * D), sum = 0;
  WORKS(clf_sample_given(f, c, 1, 7, SAMPLES, x));
  for (int i = 0; i < SAMPLES * D; i++) sum += quarter_of(i % D) == quarter ? x[i] : 0;
  free(x);
  return sum / (SAMPLES * D / C);
}

/* A flow with the context finds the images likelier, and draws what the context says. */
START_TEST(contexts_are_learned) {
  if (flows_checking()) return;
  quarters q = make_quarters();
  clf_flow *given = trained(GIVEN, &q, 40), *alone = trained("4x4x1: " LAYERS, &q, 40);
  ck_assert_double_lt(bits_of(given, &q), bits_of(alone, &q) - 0.3);
  const double c[] = {0.1, 0.9, 0.5, 0.3};
  for (int k = 0; k < C; k++)
    ck_assert_double_eq_tol(brightness(given, c, k), 38.5 + 180 * c[k], 30);
  clf_flow_free(given);
  clf_flow_free(alone);
  free_quarters(&q);
}
END_TEST

/* ---- Samples ----------------------------------------------------------------------------------
 */

/* Latents that are inverted given their contexts are the samples; a temperature is a factor. */
START_TEST(samples_are_latents_inverted) {
  enum { ROWS = 3, EACH = 4, ALL = ROWS * EACH };
  clf_flow *f = flows_of(flows_dev, GIVEN, 3);
  double c[ROWS * C], every[ALL * C], z[ALL * D], warm[ALL * D], part[5 * D], x[ALL * D],
      want[ALL * D];
  for (int i = 0; i < ROWS * C; i++) c[i] = 0.1 * i;
  for (int i = 0; i < ALL * C; i++) every[i] = c[i / C / EACH * C + i % C];
  WORKS(clf_sample_given(f, c, ROWS, 7, EACH, want));
  WORKS(clf_sample_latents_given(f, c, ROWS, 7, EACH, 0, ALL, 1, z));
  WORKS(clf_sample_latents_given(f, c, ROWS, 7, EACH, 0, ALL, 2.5, warm));
  WORKS(clf_sample_latents_given(f, c, ROWS, 7, EACH, 6, 5, 1, part));
  WORKS(clf_invert_given(f, z, every, ALL, x, NULL));
  for (int i = 0; i < ALL * D; i++) {
    ck_assert_double_eq_tol(x[i], want[i], 1e-3);
    ck_assert_double_eq(warm[i], 2.5 * z[i]);
  }
  ck_assert_mem_eq(part, z + 6 * D, sizeof part);
  clf_flow_free(f);
}
END_TEST

/* A split whose prior has a mean of 800, and 800 for the logarithm of its deviations too. */
static clf_flow *wide_prior(const char *text, const char *parameter) {
  enum { NUMBERS = 8 };
  static const double far[NUMBERS] = {800, 800, 800, 800, 800, 800, 800, 800};
  clf_flow *f = flows_of(flows_dev, text, 3);
  int i = 0;
  while (i < clf_flow_param_count(f) && strcmp(clf_flow_param(f, i).name, parameter)) i++;
  ck_assert_msg(i < clf_flow_param_count(f), "there is no parameter %s", parameter);
  WORKS(clf_write64(flows_dev, clf_flow_param(f, i).at, far));
  return f;
}

/* The prior of split(prior=conv) has deviations of at most exp(8), unless clamp is 0. */
START_TEST(priors_are_bounded) {
  const double z[8] = {0.5, -1, 2, 0.25, -0.75, 1, 0, -2};
  double x[8];
  if (flows_checking()) return; /* exp(800) is no number of floats */
  clf_flow *f = wide_prior("2x2x2: split(prior=conv) -> normal", "layers.0.prior.0.bias");
  WORKS(clf_invert(f, z, 1, x, NULL));
  for (int i = 0; i < 4; i++) {
    ck_assert_double_eq_tol(x[2 * i], z[4 + i], 1e-6);
    ck_assert_double_eq_tol(x[2 * i + 1], 800 + exp(8) * z[i], 1e-2);
  }
  clf_flow_free(f);
  static const char *const unbounded[][2] = {
      {"2x2x2: split(prior=conv(clamp=0)) -> normal", "layers.0.prior.0.bias"},
      {"2x2x2: split(prior=normal(trained)) -> normal", "layers.0.prior.numbers"}};
  for (int k = 0; k < 2; k++) {
    f = wide_prior(unbounded[k][0], unbounded[k][1]);
    REFUSED(
        clf_sample(f, 9, 3, 1, x), CLF_ENUM,
        "the inverse of the flow overflows at sample 3 of seed 9: its maps multiply by too much "
        "there; affine(scale=atan) bounds the factor");
    clf_flow_free(f);
  }
}
END_TEST

/* Glow trained on so few images that it overfits.  Samples also come from between these images.
 * There, with the scales of openai/glow, which may be as small as 0.001, pixels exceed 1e10. */
static clf_flow *learned_glow(const char *text, const clf_images *images, const clf_table *labels) {
  clf_flow *f = flows_of(flows_dev, text, 3);
  const clf_image_data data = {.images = images, .given = f->context ? labels : NULL};
  clf_train_options o = short_training(150);
  clf_trainer *t;
  o.lr = 0.005;
  WORKS(clf_trainer_create_images_with(f, &data, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  return f;
}

START_TEST(glows_can_be_sampled) {
  enum { LABELS = 10, EACH = 16, ALL = LABELS * EACH, PIXELS = 64 };
  static const char *const texts[] = {
#define GLOW                                                                                       \
  "shift-scale(shift=-0.5, scale=0.00390625), squeeze, glowstep(8)*4, split(prior=conv), "         \
  "squeeze, glowstep(8)*4 -> normal(trained)"
      "8x8x1|10: " GLOW, "8x8x1: " GLOW
#undef GLOW
  };
  if (flows_checking()) return;
  clf_images *images = glyphs("glyphs:n=32,size=8");
  clf_table labels;
  double one_hot[LABELS * LABELS] = {0}, every[ALL * LABELS], z[ALL * PIXELS], x[ALL * PIXELS];
  WORKS(clf_images_labels(images, &labels));
  WORKS(clf_table_one_hot(&labels));
  for (int i = 0; i < LABELS; i++) one_hot[i * LABELS + i] = 1;
  for (int i = 0; i < ALL * LABELS; i++) every[i] = i % LABELS == i / LABELS / EACH;
  for (int k = 0; k < 2; k++) {
    clf_flow *f = learned_glow(texts[k], images, &labels);
    for (double temperature = 1; temperature <= 2; temperature += 0.5) {
      if (f->context) {
        WORKS(clf_sample_latents_given(f, one_hot, LABELS, 1, EACH, 0, ALL, temperature, z));
        WORKS(clf_invert_given(f, z, every, ALL, x, NULL));
      } else {
        WORKS(clf_sample_latents(f, 1, 0, ALL, temperature, z));
        WORKS(clf_invert(f, z, ALL, x, NULL));
      }
      double most = 0;
      for (int i = 0; i < ALL * PIXELS; i++) most = fmax(most, fabs(x[i]));
      ck_assert_msg(most < 1e8, "temperature %g: a pixel of %g", temperature, most);
    }
    clf_flow_free(f);
  }
  clf_table_free(&labels);
  clf_images_free(images);
}
END_TEST

/* Interrupted after one epoch and resumed: the same bits. */
START_TEST(resumes_with_the_same_bits) {
  quarters q = make_quarters();
  clf_train_options o = short_training(1);
  clf_flow *whole = trained(GIVEN, &q, 2), *f = flows_of(flows_dev, GIVEN, 3);
  clf_trainer *t = trainer_of(f, &q, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("given")));
  clf_trainer_free(t);
  clf_flow_free(f);
  o.epochs = 2;
  WORKS(clf_flow_load(flows_dev, path_of("given"), NULL, &f));
  t = trainer_of(f, &q, &o);
  WORKS(clf_trainer_resume(t, path_of("given")));
  WORKS(clf_trainer_run(t, NULL, NULL));
  ck_assert_double_eq(distance(f, whole), 0);
  clf_trainer_free(t);
  /* Images with another context are other data. */
  q.given.at[0] += 1;
  t = trainer_of(f, &q, &o);
  ck_assert_int_ne(clf_trainer_resume(t, path_of("given")), CLF_OK);
  clf_trainer_free(t);
  unlink(path_of("given"));
  clf_flow_free(f);
  clf_flow_free(whole);
  free_quarters(&q);
}
END_TEST

/* Without layers that are fitted to the first micro-batch. */
#define PLAIN                                                                                      \
  "4x4x1|4: pixels, squeeze, conv1x1, coupling(affine(scale=exp, clamp=2), conv(8, 3-1-3, "        \
  "norm=0, "                                                                                       \
  "zero=0), mask=mid), split(prior=conv), squeeze, coupling(affine(scale=exp, clamp=2), "          \
  "convresnet(8x1), mask=mid) -> normal; context: standardize, mlp(8x1, tanh)->5"

/* Micro-batches, grains, and activations that are recomputed give the same step. */
START_TEST(steps_in_micro_batches) {
  static const char *const options[][2] = {
      {"part", "5"}, {"grains", "4"}, {"activations", "reverse"}};
  quarters q = make_quarters();
  clf_flow *want = trained(PLAIN, &q, 1);
  for (int k = 0; k < 3; k++) {
    clf_flow *f = flows_of(flows_dev, PLAIN, 3);
    clf_train_options o = short_training(1);
    WORKS(clf_train_options_set(&o, options[k][0], options[k][1]));
    if (k == 1) o.part = 8;
    clf_trainer *t = trainer_of(f, &q, &o);
    WORKS(clf_trainer_run(t, NULL, NULL));
    ck_assert_msg(distance(f, want) < (flows_exact ? 1e-9 : 2e-3), "%s: weights differ by %g",
                  options[k][0], distance(f, want));
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  clf_flow_free(want);
  free_quarters(&q);
}
END_TEST

/* ---- Refusals ---------------------------------------------------------------------------------
 */

START_TEST(contexts_that_do_not_fit) {
  quarters q = make_quarters();
  clf_flow *f = flows_of(flows_dev, GIVEN, 3), *alone = flows_of(flows_dev, "4x4x1: " LAYERS, 3);
  clf_train_options o = short_training(1);
  clf_trainer *t;
  clf_score score;
  clf_table wide = {.rows = N, .cols = 3, .at = q.given.at}, less = q.given;
  less.rows--;
#define CREATE(flow, ...)                                                                          \
  clf_trainer_create_images_with(flow, &(clf_image_data){.images = q.images, __VA_ARGS__}, &o, &t)
  REFUSED(CREATE(f, .given = NULL), CLF_EINVAL,
          "the flow takes a context of 4 numbers with each image, and none is given");
  REFUSED(CREATE(alone, .given = &q.given), CLF_EINVAL, "the flow takes no context");
  REFUSED(CREATE(f, .given = &wide), CLF_ESHAPE, "the context has 3 columns, the flow takes 4");
  REFUSED(CREATE(f, .given = &less), CLF_ESHAPE, "the context has 191 rows, the data have 192");
  REFUSED(CREATE(f, .given = &q.given, .valid_given = &q.given), CLF_EINVAL,
          "a context of validation images is given, but no such images");
  REFUSED(CREATE(f, .given = &q.given, .valid = q.images), CLF_EINVAL,
          "the flow takes a context of 4 numbers with each validation image, and none is given");
  q.given.at[7] = NAN;
  REFUSED(CREATE(f, .given = &q.given), CLF_ENUM, "row 2, column 4 of the context is nan");
#undef CREATE
  REFUSED(clf_evaluate_images(f, q.images, NULL, 0, N, 1, &score), CLF_EINVAL,
          "the flow takes a context of 4 numbers with each sample, and none is given");
  REFUSED(clf_evaluate_images_given(f, q.images, &wide, NULL, 0, N, 1, &score), CLF_ESHAPE,
          "the context has 3 columns, the flow takes 4");
  REFUSED(clf_evaluate_images_given(f, q.images, &less, NULL, 0, N, 1, &score), CLF_ESHAPE,
          "the context has 191 rows, there are 192 images");
  clf_flow_free(f);
  clf_flow_free(alone);
  free_quarters(&q);
}
END_TEST

/* Ways for a context to enter that a net does not have. */
START_TEST(nets_that_do_not_fit) {
  static const char *const cases[][2] = {
      {"2x2x2|1: coupling(add, conv(2, context=glu), mask=mid) -> normal",
       "conv: context=glu gates residual blocks; use convresnet, or context=add"},
      {"2x2x2|1: coupling(add, convresnet(2x1, like=realnvp), mask=mid) -> normal",
       "convresnet: like=realnvp takes a context by context=add alone: write "
       "convresnet(like=realnvp, "
       "context=add)"},
      {"2x2x2|3: -> normal(conv(2))",
       "conv: convolutions need images, and the input is not an image"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    clf_arch *arch;
    clf_flow *f = NULL;
    WORKS(clf_arch_parse(cases[i][0], &arch));
    REFUSED(clf_flow_create_arch(flows_dev, arch, 1, &f), CLF_EINVAL, cases[i][1]);
    clf_arch_free(arch);
  }
}
END_TEST

void tests_of_given(TCase *tc) {
  tcase_add_test(tc, batches_have_their_context);
  tcase_add_test(tc, validation_has_its_context);
  tcase_add_test(tc, nets_begin_at_rest);
  tcase_add_test(tc, contexts_are_learned);
  tcase_add_test(tc, samples_are_latents_inverted);
  tcase_add_test(tc, priors_are_bounded);
  tcase_add_test(tc, glows_can_be_sampled);
  tcase_add_test(tc, resumes_with_the_same_bits);
  tcase_add_test(tc, steps_in_micro_batches);
  tcase_add_test(tc, contexts_that_do_not_fit);
  tcase_add_test(tc, nets_that_do_not_fit);
}
