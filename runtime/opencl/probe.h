/* SPDX-License-Identifier: MIT */
/* probe.h: OpenCL devices tried out in a process of its own, so that a driver that crashes
 * or hangs costs this process a sentence.  Private. */
#ifndef CLF_PROBE_H
#define CLF_PROBE_H
#include <stddef.h>

enum { CLF_PROBED = 32, CLF_PROBE_PATH = 1024, CLF_PROBE_WHY = 256 };

/* ---- The program ----------------------------------------------------------------------- */

/* probe_path.c: finds the program that tries drivers out; returns 0 if there is none.
 * CLFLOW_PROBE names it by an absolute path; any other value means none, and so does the variable
 * in a program that runs with more rights than its caller.  Without it the program lies beside
 * this library or the program that contains it, as in a build folder, or where an installation has
 * it, seen from there. */
int clf__probe_program(char out[CLF_PROBE_PATH]);

/* prober.c: clflow-probe, while it runs.  It answers one request after the other. */
typedef struct clf__prober clf__prober;

/* NULL if it cannot be started. */
clf__prober *clf__prober_start(void);
typedef enum clf__answer {
  CLF_PROBE_PASSED,
  CLF_PROBE_FAILED, /* `why` says what went wrong: the driver crashed, say */
  CLF_PROBE_UNKNOWN /* somebody ended the program; that is not the driver's fault */
} clf__answer;
/* Sends a request and waits for the answer: "list", "open DEVICE", "all", "test OPERATION WAY",
 * of which `doing` tells in words.  After anything but PASSED, and "why" in words of its own, it
 * may have ended; every further answer is UNKNOWN then. */
clf__answer clf__prober_ask(clf__prober *p, const char *request, const char *doing,
                            char why[CLF_PROBE_WHY]);
/* What passed so far, of the request "all": lines "OPERATION WAY". */
const char *clf__prober_passed(const clf__prober *p);
/* NULL is a no-op. */
void clf__prober_end(clf__prober *p);

/* ---- Verdicts -------------------------------------------------------------------------- */

typedef struct clf__verdicts {
  int known;               /* 0: nothing was tried out, since the program is not there */
  int recalled;            /* found out by an earlier process */
  char why[CLF_PROBE_WHY]; /* listing the devices failed; empty: it did not */
  int count;
  struct {
    char name[80], why[CLF_PROBE_WHY]; /* of a device that was tried; why: empty when it passed */
  } at[CLF_PROBED];
} clf__verdicts;

/* verdicts.c: under a key, malloc'ed or NULL, what was found out is kept for later processes. */
char *clf__verdicts_key(const char *family);
void clf__verdicts_remember(const char *key, const clf__verdicts *v);
void clf__verdicts_recall(const char *key, clf__verdicts *v);
/* Sets what is known of a device; `why` is empty when it passed. */
void clf__verdicts_set(clf__verdicts *v, const char *name, const char *why);
/* What kept a device from passing, "" if it passed, NULL if it was not tried. */
const char *clf__verdicts_of(const clf__verdicts *v, const char *name);

/* ---- Devices that are tried out ------------------------------------------------------------ */

typedef struct clf__probe {
  clf__verdicts v;
  int fresh; /* everything is tried again, whatever is known */
  char *key;
  clf__prober *prober; /* NULL until it is needed */
  char opened[80];     /* the device that it has open, or empty */
} clf__probe;

/* Finds out whether listing the devices goes well.  `family` is "" or "/NAME", behind each device's
 * name.  Never fails: what cannot be found out here is left to be found out by the caller. */
void clf__probe_begin(clf__probe *p, const char *family, int fresh);
/* What keeps a device from passing, or NULL.  It is opened, and what its driver has compiled by
 * then is tested; with `all` everything is. */
const char *clf__probe_device(clf__probe *p, const char *name, int all);
/* Ends the program and frees its memory. */
void clf__probe_end(clf__probe *p);

#endif
