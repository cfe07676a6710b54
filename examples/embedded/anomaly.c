/* SPDX-License-Identifier: MIT */
/* anomaly.c: firmware that says which measurements are unusual, by the log-density of an exported
 * flow.  `run` trains the flow, builds this for a Cortex-M3 with 256 KiB of flash and 64 KiB of
 * memory, and runs it in an emulator.
 *
 * Nothing here allocates; the flow's tables stay in flash. */
#define penguin_DECLARATIONS_ONLY
#include "penguin.c"
#include <stdio.h>

/* Bill length and depth in millimetres, as a sensor would deliver them. */
static const float measured[][penguin_dim] = {
    {39.1f, 18.7f}, {46.1f, 13.2f}, {50.0f, 19.5f}, {60.0f, 25.0f}, {39.1f, 11.0f}};

/* No training row has a log p below this. */
static const float threshold = -9;

int main(void) {
  for (unsigned i = 0; i < sizeof measured / sizeof *measured; i++) {
    const float logp = penguin_log_prob(measured[i]);
    printf("%.1f mm x %.1f mm: log p = %.2f%s\n", (double)measured[i][0], (double)measured[i][1],
           (double)logp, logp < threshold ? ", unusual" : "");
  }
  return 0;
}
