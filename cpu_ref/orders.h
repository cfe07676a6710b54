/* SPDX-License-Identifier: MIT */
/* orders.h: the rows at many positions of an epoch's order. */
#ifndef CLF_REF_ORDERS_H
#define CLF_REF_ORDERS_H
#include "philox.h"

/* From positions to rows: all iterate together until the last one is in range. */
static inline void orders_at(const clf__order *order, uint32_t *i, int count) {
  uint32_t outside = 1;
  for (int n = 0; n < count; n++) i[n] = clf__feistel(order, i[n]);
  while (outside) {
    outside = 0;
    for (int n = 0; n < count; n++) outside |= i[n] >= order->rows;
    for (int n = 0; n < count && outside; n++) {
      const uint32_t next = clf__feistel(order, i[n]);
      i[n] = i[n] >= order->rows ? next : i[n];
    }
  }
}
#endif
