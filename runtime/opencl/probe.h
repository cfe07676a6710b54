/* SPDX-License-Identifier: MIT */
/* probe.h: tests OpenCL devices in a process of their own, so that a driver that crashes or hangs
 * does not take this process with it.  Private. */
#ifndef CLF_PROBE_H
#define CLF_PROBE_H
#include <stddef.h>

enum { CLF_PROBED = 32, CLF_PROBE_PATH = 1024, CLF_PROBE_WHY = 256 };

/* ---- The program ----------------------------------------------------------------------- */

/* probe_path.c: finds the program that tests drivers; returns 0 if there is none.  CLFLOW_PROBE is
 * its absolute path; any other value means none, and so does any value in a program that runs with
 * more rights than its caller.  Without the variable, the program is looked for next to this
 * library or the program that contains it (a build folder), and where an installation puts it,
 * relative to that. */
int clf__probe_program(char out[CLF_PROBE_PATH]);

/* prober.c: clflow-probe, running.  It answers one request after the other. */
typedef struct clf__prober clf__prober;

/* NULL if it cannot be started. */
clf__prober *clf__prober_start(void);
typedef enum clf__answer {
  CLF_PROBE_PASSED,
  CLF_PROBE_FAILED, /* `why` says what went wrong, for example that the driver crashed */
  CLF_PROBE_UNKNOWN /* somebody ended the program, which is not the driver's fault */
} clf__answer;
/* Sends a request and waits for the answer: "list", "open DEVICE", "all" or "test OPERATION N";
 * `doing` describes it for messages.  After an answer other than PASSED the program may have ended,
 * unless it gave the reason itself; every further answer is UNKNOWN then. */
clf__answer clf__prober_ask(clf__prober *p, const char *request, const char *doing,
                            char why[CLF_PROBE_WHY]);
/* What has passed so far, of the request "all": lines "OPERATION N". */
const char *clf__prober_passed(const clf__prober *p);
/* NULL is a no-op. */
void clf__prober_end(clf__prober *p);

/* ---- Verdicts -------------------------------------------------------------------------- */

typedef struct clf__verdicts {
  int known;               /* 0: nothing was tested, since there is no clflow-probe */
  int recalled;            /* by an earlier process */
  char why[CLF_PROBE_WHY]; /* why listing the devices failed; empty: it worked */
  int count;
  struct {
    char name[80], why[CLF_PROBE_WHY]; /* a device that was tested; why: empty if it passed */
  } at[CLF_PROBED];
} clf__verdicts;

/* verdicts.c: stores verdicts for later processes, under a key (malloc'ed, or NULL). */
char *clf__verdicts_key(const char *family);
void clf__verdicts_remember(const char *key, const clf__verdicts *v);
void clf__verdicts_recall(const char *key, clf__verdicts *v);
/* Sets the verdict on a device; `why` is empty if it passed. */
void clf__verdicts_set(clf__verdicts *v, const char *name, const char *why);
/* Why a device failed, "" if it passed, NULL if it was not tested. */
const char *clf__verdicts_of(const clf__verdicts *v, const char *name);

/* ---- Testing devices ------------------------------------------------------------------------- */

typedef struct clf__probe {
  clf__verdicts v;
  int fresh; /* test everything again, whatever is known */
  char *key;
  clf__prober *prober; /* NULL until it is needed */
  char opened[80];     /* the device that the prober has open, or empty */
} clf__probe;

/* Finds out whether devices can be listed.  `family` is "" or "/NAME", which is appended to the
 * name of each device.  Never fails: what cannot be found out here, the caller has to find out. */
void clf__probe_begin(clf__probe *p, const char *family, int fresh);
/* Why a device fails, or NULL.  The device is opened, and what its driver has compiled by then is
 * tested; with `all`, everything. */
const char *clf__probe_device(clf__probe *p, const char *name, int all);
/* Ends the program and frees its memory. */
void clf__probe_end(clf__probe *p);

#endif
