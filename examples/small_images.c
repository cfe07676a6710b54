/* SPDX-License-Identifier: MIT */
/* small_images.c: a flow of images from start to end with calls of the library:
 *   small_images [device] [images] [sample.png]
 * trains the preset `tiny` on images (default: images that the library draws), prints
 * bits per dimension, and writes a sample. */
#include <clflow/clflow.h>
#include <stdio.h>
#include <stdlib.h>

static int report(const clf_progress *p, void *context) {
  const double bits = *(const double *)context; /* bits in a nat, per dimension */
  if (p->dropped) printf("%s\n", p->dropped);
  if (p->epoch_done)
    printf("epoch %2lld  %.3f bits/dim, validation %.3f  %.0f images/s\n", (long long)p->epoch,
           -p->train * bits, -p->valid * bits, p->rate);
  return 0;
}

static clf_status make(clf_device *dev, const clf_images *images, clf_flow **flow) {
  const clf_preset *tiny;
  int32_t height, width, channels;
  CLF_TRY(clf_preset_find("tiny", &tiny));
  clf_images_shape(images, &height, &width, &channels);
  clf_flow_spec spec = clf_preset_spec(tiny, height, width, channels);
  spec.seed = 1;
  return clf_flow_create(dev, &spec, flow);
}

static clf_status train(clf_flow *flow, const clf_images *images) {
  clf_train_options options = clf_train_options_images(); /* Adam 1e-3, L2, clipping */
  clf_trainer *trainer = NULL;
  double bits = 1.4426950408889634 / clf_flow_get_spec(flow)->dim;
  options.epochs = 3;
  options.batch = 32;
  options.valid_split = 0.1;
  clf_status s = clf_trainer_create_images(flow, images, NULL, &options, &trainer);
  if (!s) s = clf_trainer_run(trainer, report, &bits);
  clf_trainer_free(trainer);
  return s;
}

/* Pixels of a sample are continuous and may slightly exceed the range of bytes. */
static clf_status draw(clf_flow *flow, const char *path) {
  const clf_flow_spec *spec = clf_flow_get_spec(flow);
  double *x = malloc((size_t)spec->dim * sizeof *x);
  uint8_t *pixels = malloc((size_t)spec->dim);
  clf_status s = x && pixels ? CLF_OK : clf_fail(CLF_ENOMEM, "no memory for a sample");
  if (!s) s = clf_sample(flow, 7, 0, 1, x);
  for (int i = 0; i < spec->dim && !s; i++)
    pixels[i] = (uint8_t)(x[i] < 0 ? 0 : x[i] > 255 ? 255 : x[i]);
  if (!s) s = clf_image_write_png(path, pixels, spec->height, spec->width, spec->channels);
  free(pixels);
  free(x);
  return s;
}

int main(int argc, char **argv) {
  const char *path = argc > 3 ? argv[3] : "sample.png";
  clf_device *dev = NULL;
  clf_images *images = NULL; /* they are decoded in the background while the device opens */
  clf_flow *flow = NULL;
  clf_status s = clf_images_open(argc > 2 ? argv[2] : "glyphs:n=300,size=8", NULL, &images);
  if (!s) s = clf_open(argc > 1 ? argv[1] : "auto", &dev);
  if (!s) s = clf_images_wait(images);
  if (!s) s = make(dev, images, &flow);
  if (!s) s = train(flow, images);
  if (!s) s = draw(flow, path);
  if (!s) printf("%s: a sample\n", path);
  if (s) fprintf(stderr, "small_images: %s: %s\n", clf_strerror(s), clf_errmsg());
  clf_flow_free(flow);
  clf_images_free(images);
  clf_close(dev);
  return s != CLF_OK;
}
