/* SPDX-License-Identifier: MIT */
/* arch_rows.h: expands the rows of one group of arch.def.  Private; may be included several times.
 *
 *   #define CLF_MAP_ROW(id) extern const clf__map_ops clf__map_##id;
 *   #include "arch_rows.h"
 *
 * The macro is undefined afterwards. */
#ifndef CLF_LAYER_ROW
#define CLF_LAYER_ROW(id)
#endif
#ifndef CLF_MAP_ROW
#define CLF_MAP_ROW(id)
#endif
#ifndef CLF_NET_ROW
#define CLF_NET_ROW(id)
#endif
#ifndef CLF_BASE_ROW
#define CLF_BASE_ROW(id)
#endif
#define CLF_CONTEXT_ROW(id)
#define CLF_FLOW_ROW(id)
#define CLF_NODE(GROUP, id, ...) CLF_##GROUP##_ROW(id)
#include "clflow/arch.def"
#undef CLF_LAYER_ROW
#undef CLF_MAP_ROW
#undef CLF_NET_ROW
#undef CLF_BASE_ROW
#undef CLF_CONTEXT_ROW
#undef CLF_FLOW_ROW
