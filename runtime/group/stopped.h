/* SPDX-License-Identifier: MIT */
/* stopped.h: deadlines of a process that was itself stopped for a while: by a signal, by Slurm
 * (scontrol suspend), or because a busy machine gave it no core.  Its peers may have been stopped
 * too, so this time does not count.  Private. */
#ifndef CLF_STOPPED_H
#define CLF_STOPPED_H

#define CLF_STOPPED_FROM 1.0 /* seconds that a pause was longer than it was meant to be */

/* Moves a deadline by the time that this process did not run between two looks at the clock, after
 * a pause that was meant to end by `pause` seconds. */
static inline void clf__move_deadline(double before, double now, double pause, double *deadline) {
  const double lost = now - before - pause;
  if (lost > CLF_STOPPED_FROM) *deadline += lost;
}

#endif
