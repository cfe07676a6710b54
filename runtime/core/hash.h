/* SPDX-License-Identifier: MIT */
/* hash.h: 64-bit FNV-1a (Fowler, Noll, Vo), for names and classes, where the originals are
 * compared too or a collision is harmless.  Private. */
#ifndef CLF_HASH_H
#define CLF_HASH_H
#include <stddef.h>
#include <stdint.h>

#define CLF_HASH_BEGIN 14695981039346656037u
static inline uint64_t clf__hash(uint64_t h, uint32_t word) { return (h ^ word) * 1099511628211u; }
static inline uint64_t clf__hash_bytes(uint64_t h, const void *at, size_t n) {
  for (size_t i = 0; i < n; i++) h = clf__hash(h, ((const unsigned char *)at)[i]);
  return h;
}
static inline uint64_t clf__hash_text(const char *text) {
  uint64_t h = CLF_HASH_BEGIN;
  for (; *text; text++) h = clf__hash(h, (unsigned char)*text);
  return h;
}
#endif
