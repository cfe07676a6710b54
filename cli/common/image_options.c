/* SPDX-License-Identifier: MIT */
/* image_options.c: what the command line says of images. */
#include "cli.h"

clf_image_options cli_image_options(void) {
  return (clf_image_options){.crop = (clf_crop)cli_common.images.crop,
                             .strict = cli_common.images.strict || cli_common.strict,
                             .bits = cli_common.images.bits,
                             .order = (clf_image_order)cli_common.images.order};
}

clf_image_order cli_image_order(const clf_flow *flow) {
  const clf_image_order given = (clf_image_order)cli_common.images.order;
  return given ? given : clf_flow_image_order(flow);
}

int cli_check_order(const clf_flow *flow) {
  if (!cli_common.images.order || clf_flow_get_spec(flow)->height) return CLI_OK;
  return cli_usage("--order is for images, and the model takes rows of numbers; leave it out");
}
