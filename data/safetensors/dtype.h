/* SPDX-License-Identifier: MIT */
/* dtype.h: types of tensor elements in files, little-endian.  Private. */
#ifndef CLF_DTYPE_H
#define CLF_DTYPE_H

typedef struct clf__dtype {
  const char *name; /* as safetensors has it: "F32" */
  int width;        /* bytes */
  double (*load)(const unsigned char *p);
} clf__dtype;

/* NULL for an unknown name. */
const clf__dtype *clf__dtype_find(const char *name);

#endif
