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

/* Layouts of the public structs, for callers that do not compile these headers: of "clf_table" its
 * size, of "clf_table.cols" the offset of the member, in bytes; -1 if this library has no such
 * struct or member. */
CLF_API int64_t clf_abi(const char *name);
#ifdef __cplusplus
}
#endif
#endif
