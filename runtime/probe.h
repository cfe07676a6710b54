/* SPDX-License-Identifier: MIT */
/* probe.h: OpenCL devices tried out in processes of their own, so that a driver that crashes
 * or hangs costs this process a sentence.  Private. */
#ifndef CLF_PROBE_H
#define CLF_PROBE_H
#include <stddef.h>

enum { CLF_PROBED = 32, CLF_PROBE_PATH = 1024 }; /* devices that are remembered; bytes of a path */

/* probe_path.c: finds the program that tries drivers out; returns 0 if there is none.
 * CLFLOW_PROBE names it by an absolute path; any other value means none, and so does the variable
 * in a program that runs with more rights than its caller.  Without it the program lies beside
 * this library or the program that contains it, as in a build folder, or where an installation has
 * it, seen from there. */
int clf__probe_program(char out[CLF_PROBE_PATH]);

typedef struct clf__verdicts {
  int known;     /* 0: nothing was tried out, since the program that does it is not there */
  int recalled;  /* found out by an earlier process */
  char why[256]; /* listing the devices failed; empty: it did not */
  int count;
  struct {
    char name[80], why[256]; /* why: empty when the device passed its self-test */
  } at[CLF_PROBED];
} clf__verdicts;

typedef enum clf__probe_what {
  CLF_PROBE_LIST,  /* only whether devices can be listed */
  CLF_PROBE_TEST,  /* that, and the self-test of each */
  CLF_PROBE_RECALL /* as TEST, but what an earlier process found out is good enough */
} clf__probe_what;

/* `family` is "" or "/NAME", behind each device's name.  Never fails: what cannot be found
 * out here is left to be found out by the caller. */
void clf__probe(clf__probe_what what, const char *family, clf__verdicts *out);

/* What kept a device from passing, or NULL. */
const char *clf__probe_why(const clf__verdicts *v, const char *name);

/* verdicts.c: under a key, malloc'ed or NULL, what was found out is kept for later processes. */
char *clf__verdicts_key(const char *family);
void clf__verdicts_remember(const char *key, const clf__verdicts *v);
void clf__verdicts_recall(const char *key, clf__verdicts *v);

#endif
