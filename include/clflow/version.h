/* SPDX-License-Identifier: MIT */
/* version.h: the version; CMake reads it from here. */
#ifndef CLFLOW_VERSION_H
#define CLFLOW_VERSION_H
#include "clflow/core.h"

/* The version of these headers; clf_version() is that of the library. */
#define CLF_VERSION_MAJOR 0
#define CLF_VERSION_MINOR 1
#define CLF_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif
/* The version of the linked library, "0.1.0", which may differ from the header's. */
CLF_API const char *clf_version(void);
#ifdef __cplusplus
}
#endif
#endif
