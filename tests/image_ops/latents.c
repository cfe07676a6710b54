/* SPDX-License-Identifier: MIT */
/* latents.c: squeezing, and the scale and position of latents. */
#include "clflow/arch.h"
#include "clflow/flow.h"
#include "image_ops/ops.h"

static const double count_up[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const struct {
  int C, H, ordered;
  double want[16]; /* of an image that counts up, channel by channel */
} tables[] = {
    {1, 4, 0, {0, 2, 8, 10, /**/ 1, 3, 9, 11, /**/ 4, 6, 12, 14, /**/ 5, 7, 13, 15}},
    {1, 4, 1, {0, 2, 8, 10, /**/ 5, 7, 13, 15, /**/ 1, 3, 9, 11, /**/ 4, 6, 12, 14}},
    {3, 2, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
    {3, 2, 1, {0, 4, 8, 3, 7, 11, 1, 5, 9, 2, 6, 10}},
};

START_TEST(test_squeeze) {
  if (!begin(devices[_i])) return;
  for (int i = 0; i < SIZE(tables); i++) {
    const int C = tables[i].C, H = tables[i].H, ordered = tables[i].ordered;
    const clf_tensor x = put(1, C, H, H, count_up), y = put(1, 4 * C, H / 2, H / 2, NULL);
    const clf_tensor back = put(1, C, H, H, NULL);
    WORKS(clf_do(dev, squeeze, .x = x, .y = y, .ordered = ordered));
    expect("squeeze", y, tables[i].want, 0);
    WORKS(clf_do(dev, squeeze, .x = y, .y = back, .ordered = ordered, .inverse = 1));
    expect("squeeze, back", back, count_up, 0);
  }
  end();
}
END_TEST

/* Shapes that do not fit are refused. */
START_TEST(test_squeeze_refuses) {
  begin("cpu64");
  const clf_tensor odd = put(1, 1, 3, 4, NULL), three = put(1, 3, 2, 2, NULL);
  const clf_tensor small = put(1, 4, 1, 2, NULL), large = put(1, 1, 4, 4, NULL);
  ck_assert_int_eq(clf_do(dev, squeeze, .x = odd, .y = small), CLF_ESHAPE);
  ck_assert_str_eq(clf_errmsg(),
                   "squeeze: (p->inverse ? &p->y : &p->x)->dim[2] % 2 is 1, but 0 is 0");
  ck_assert_int_eq(clf_do(dev, squeeze, .x = three, .y = large, .inverse = 1), CLF_ESHAPE);
  ck_assert_int_eq(clf_do(dev, squeeze, .x = large, .y = three), CLF_ESHAPE);
  ck_assert_int_eq(clf_do(dev, squeeze, .x = large, .y = small), CLF_ESHAPE);
  end();
}
END_TEST

static const int8_t scales_8x8[8][8] = {
    {2, 0, 1, 0, 2, 0, 1, 0}, {0, 2, 0, 1, 0, 2, 0, 1}, {1, 0, 2, 0, 1, 0, 2, 0},
    {0, 1, 0, 2, 0, 1, 0, 2}, {2, 0, 1, 0, 2, 0, 1, 0}, {0, 2, 0, 1, 0, 2, 0, 1},
    {1, 0, 2, 0, 1, 0, 2, 0}, {0, 1, 0, 2, 0, 1, 0, 2},
};

START_TEST(test_latent_scale) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_REALNVP, 0);
  spec.height = spec.width = 8;
  for (int32_t h = 0; h < 8; h++)
    for (int32_t w = 0; w < 8; w++)
      ck_assert_int_eq(clf_latent_scale(&spec, h, w), scales_8x8[h][w]);
  spec.scales = 1;
  ck_assert_int_eq(clf_latent_scale(&spec, 0, 1), 0);
  const clf_flow_spec nvp = clf_flow_spec_default(CLF_NVP, 2);
  ck_assert_int_eq(clf_latent_scale(&nvp, 0, 0), 0);
}
END_TEST

static void expect_scales(const clf_flow *f, int32_t splits, const int32_t *want) {
  int32_t scales[128], count = -1;
  const int32_t D = clf_flow_get_spec(f)->dim;
  ck_assert_int_eq(clf_flow_latent_scales(f, scales, &count), CLF_OK);
  ck_assert_int_eq(count, splits + 1);
  for (int32_t d = 0; d < D; d++) ck_assert_int_eq(scales[d], want[d]);
}

static clf_flow *composed(const char *text) {
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  ck_assert_msg(clf_arch_parse(text, &arch) == CLF_OK, "%s: %s", text, clf_errmsg());
  ck_assert_msg(clf_flow_create_arch(dev, arch, 1, &f) == CLF_OK, "%s: %s", text, clf_errmsg());
  clf_arch_free(arch);
  return f;
}

/* Latents are in place, as in RealNVP, or in the order in which they leave. */
START_TEST(test_scales_of_any_flow) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_REALNVP, 64);
  int32_t want[64];
  clf_flow *f = NULL;
  begin("cpu");
  spec.height = spec.width = 8;
  spec.dim = 64;
  spec.hidden = spec.blocks = 1;
  ck_assert_int_eq(clf_flow_create(dev, &spec, &f), CLF_OK);
  for (int32_t d = 0; d < 64; d++) want[d] = scales_8x8[d / 8][d % 8];
  expect_scales(f, 2, want);
  clf_flow_free(f);

  f = composed("4x4x2: (squeeze, split)*2 -> normal");
  for (int32_t d = 0; d < 32; d++) want[d] = d < 16 ? 0 : d < 24 ? 1 : 2;
  expect_scales(f, 2, want);
  clf_flow_free(f);

  f = composed("2x2x1: squeeze(order=checker), split(place=1), split(place=1) -> normal");
  expect_scales(f, 2, (const int32_t[4]){2, 0, 0, 1}); /* (0, 0) remains, and (1, 1) next to it */
  clf_flow_free(f);

  f = composed("3: lu -> normal");
  expect_scales(f, 0, (const int32_t[3]){0, 0, 0});
  clf_flow_free(f);
  end();
}
END_TEST

/* A flow that only permutes elements has the image itself as latents in place, with any squeezes
 * and splits. */
START_TEST(test_latents_in_place) {
  static const char *const texts[] = {
      "4x4x2: squeeze(order=checker), split(place=1), squeeze, split(keep=second, place=1) -> "
      "normal",
      "4x4x2: squeeze(order=space), ~squeeze, squeeze(order=checker), ~squeeze(order=space), "
      "split(place=1) -> normal",
      "6: split(place=1), split(place=1, keep=second) -> normal"};
  begin("cpu");
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
    clf_flow *f = composed(texts[k]);
    const int32_t D = clf_flow_get_spec(f)->dim;
    double x[96], z[96], logdet[3], again[96];
    for (int32_t i = 0; i < 3 * D; i++) x[i] = i + 0.5;
    ck_assert_int_eq(clf_transform(f, x, 3, z, logdet), CLF_OK);
    ck_assert_int_eq(clf_invert(f, z, 3, again, logdet), CLF_OK);
    for (int32_t i = 0; i < 3 * D; i++) {
      ck_assert_double_eq(z[i], x[i]);
      ck_assert_double_eq(again[i], x[i]);
    }
    clf_flow_free(f);
  }
  end();
}
END_TEST

/* Positions counted up and squeezed as in the flow: half of the channels remain at each scale,
 * those of the other half belong to this scale, and the rest to the last one. */
START_TEST(test_latent_scale_squeezed) {
  enum { H = 16, W = 24, SCALES = 4 };
  begin("cpu64");
  clf_flow_spec spec = clf_flow_spec_default(CLF_REALNVP, 0);
  spec.height = H;
  spec.width = W;
  spec.scales = SCALES;
  double at[H * W];
  for (int i = 0; i < H * W; i++) at[i] = i;
  clf_tensor x = put(1, 1, H, W, at);
  for (int s = 0, c = 1; s < SCALES; s++, c *= 2) {
    clf_tensor here = x;
    if (s < SCALES - 1) {
      const clf_tensor y = put(1, 4 * c, H >> (s + 1), W >> (s + 1), NULL);
      WORKS(clf_do(dev, squeeze, .x = x, .y = y, .ordered = 1));
      x = clf_slice(y, 1, 0, 2 * c);
      here = clf_slice(y, 1, 2 * c, 4 * c);
    }
    const int count = (int)clf__count(&here);
    WORKS(clf_read64(dev, here, at));
    for (int i = 0; i < count; i++)
      ck_assert_int_eq(clf_latent_scale(&spec, (int)at[i] / W, (int)at[i] % W), s);
  }
  end();
}
END_TEST

void tests_of_latents(TCase *tc) {
  tcase_add_loop_test(tc, test_squeeze, 0, SIZE(devices));
  tcase_add_test(tc, test_squeeze_refuses);
  tcase_add_test(tc, test_latent_scale);
  tcase_add_test(tc, test_scales_of_any_flow);
  tcase_add_test(tc, test_latents_in_place);
  tcase_add_test(tc, test_latent_scale_squeezed);
}
