/* SPDX-License-Identifier: MIT */
/* clflow.h: everything but pictures (clflow/plot.h). */
#ifndef CLFLOW_H
#define CLFLOW_H
#include "clflow/arch.h"
#include "clflow/core.h"
#include "clflow/data.h"
#include "clflow/density.h"
#include "clflow/export.h"
#include "clflow/fit.h"
#include "clflow/flow.h"
#include "clflow/group.h"
#include "clflow/images.h"
#include "clflow/import.h"
#include "clflow/judge.h"
#include "clflow/mixture.h"
#include "clflow/opencl.h"
#include "clflow/train.h"
#include "clflow/treat.h"
#include "clflow/tune.h"
#include "clflow/version.h"
#endif
