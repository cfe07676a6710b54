/* SPDX-License-Identifier: MIT */
/* refusals.c: what is refused, in which words. */
#define _POSIX_C_SOURCE 200809L

#include "clflow/clflow.h"
#include "cli_images/images.h"
#include "program.h"

START_TEST(test_words) {
#define TRAIN "train --out never.safetensors --data "
  refuses(2, TRAIN DATA " --preset tony",
          "there is no preset \"tony\"; there are tiny lecture mnist");
  refuses(2, TRAIN DATA " --size 8by8",
          "--size takes a size in pixels, HEIGHTxWIDTH or one number for both, got \"8by8\"\n");
  refuses(2, TRAIN DATA " --size 8x", "--size takes a size in pixels, ");
  refuses(2, TRAIN DATA " --size 0", "--size takes a size in pixels, ");
  refuses(2, TRAIN DATA " --channels 2", "--channels takes 1 or 3, got \"2\"\n");
  refuses(2, TRAIN DATA " --affine glow", "--affine takes one of shift-first|scale-first, got");
  refuses(2, TRAIN DATA " --hidden 8", "--hidden has no meaning for the preset realnvp\n");
  refuses(2, TRAIN DATA " --standardize", "--standardize has no meaning for the preset realnvp");
  refuses(2, TRAIN "moons --width 8", "--width has no meaning for the preset nvp\n");
  refuses(2, TRAIN "moons --flip", "--flip has no meaning for the preset nvp\n");
  refuses(2, TRAIN "moons --crop center", "--crop is for images, moons is a table; leave it out\n");
  refuses(2, TRAIN DATA " --flow nvp", "--flow nvp takes rows of numbers, " DATA " holds images");
  refuses(2, TRAIN "moons --preset tiny", "moons is a table of 2 columns; pass --size HxW");
  refuses(2, TRAIN DATA " --crop center", "--crop center needs a size to bring images to");
  refuses(2, TRAIN DATA " --norm none --recalibrate", "--recalibrate has no meaning");
  refuses(2, TRAIN DATA " --init m.safetensors --preset tiny",
          "--preset is for a new flow, m.safetensors has its own settings; leave it out\n");
  refuses(2, TRAIN DATA " --init m.safetensors --scales 3",
          "--scales 3 does not agree with m.safetensors, which has 2; leave it out\n");
  refuses(2, TRAIN DATA " --init m.safetensors --size 8x9",
          "--size 8x9 does not agree with m.safetensors, which has 8x8; leave it out\n");
  refuses(2, "train --resume --out m.safetensors --data " DATA " --clip 3",
          "--clip 3 does not agree with m.safetensors, which has 100; leave it out\n");
  refuses(2, "train --out never.safetensors", "--data is missing; usage: ");
  refuses(2, "train --preset tiny", "--out is missing; usage: ");
#undef TRAIN
}
END_TEST

START_TEST(test_shapes) {
#define TRAIN "train --out never.safetensors --data "
  refuses(1, TRAIN "glyphs:n=5,size=9", "images of 9 x 9 cannot be halved 1 time, as 2 scales do");
  refuses(1, TRAIN DATA " --scales 5", "images of 8 x 8 cannot be halved 4 times, as 5 scales do");
  refuses(1, TRAIN DATA " --preset mnist",
          "the images of " DATA " are 8 x 8, the preset mnist is for 28 x 28; --crop center brings "
          "them to it, --size 8x8 keeps them\n");
  refuses(1, TRAIN DATA " --size 16",
          "the images of " DATA
          " are 8 x 8, --size wants 16 x 16; --crop center brings them to it");
  refuses(1, TRAIN DATA " --preset tiny --levels 16", "has a pixel of ");
  refuses(1, TRAIN DATA " --preset tiny --memory-limit 1", "; there are 1 MiB");
  refuses(1, "train --resume --out m.safetensors --data glyphs:n=65,size=8",
          "its training began with another value of the data");
#undef TRAIN
#define EVAL "eval m.safetensors --data "
  refuses(1, EVAL "glyphs:n=5",
          "the images of glyphs:n=5 are 16 x 16 x 1, the model m.safetensors "
          "takes 8 x 8 x 1; --crop center brings them to it\n");
  refuses(1, EVAL "glyphs:n=5,size=8,channels=3",
          "8 x 8 x 3, the model m.safetensors takes 8 x 8 x "
          "1; --channels converts them\n");
  succeeds(EVAL "glyphs:n=5 --crop center", "images               5\n");
  succeeds(EVAL "glyphs:n=5,size=8,channels=3 --channels 1", "images               5\n");
  refuses(1, EVAL "moons", "moons has 2 columns, the model m.safetensors takes 64");
  refuses(2, EVAL "moons --noise u.npy", "--noise is for images, moons is a table; leave it out");
  write_noise("few.npy", 3, 0.5);
  write_noise("one.npy", N, 1);
  refuses(1, EVAL DATA " --noise few.npy",
          "few.npy: the shape is (3, 8, 8, 1); noise for these images is (64, 8, 8, 1)");
  refuses(1, EVAL DATA " --noise one.npy", "number 1 of image 1 is 1; noise is at least");
  refuses(2, "invert m.safetensors --data " DATA " --out never.npy",
          DATA " holds images; invert takes latent variables");
#undef EVAL
  succeeds("train --data moons:n=50 --epochs 1 --out rows.safetensors", "");
  refuses(1, "eval rows.safetensors --data " DATA,
          DATA " holds images, the model rows.safetensors takes rows of numbers; ");
}
END_TEST

void tests_of_refusals(TCase *tc) {
  tcase_add_test(tc, test_words);
  tcase_add_test(tc, test_shapes);
}
