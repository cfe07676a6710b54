/* SPDX-License-Identifier: MIT */
/* beside.h: finds other files of clflow's installation.  Private. */
#ifndef CLF_BESIDE_H
#define CLF_BESIDE_H

enum { CLF_BESIDE_PATH = 1024 };

/* The path of a file that is beside this library or the program that contains it, as in a build
 * folder, or where an installation has it, seen from there; 0 if there is none, or it may not be
 * trusted.  `mode`: X_OK of a program, R_OK of a module. */
int clf__beside(const char *name, int mode, char out[CLF_BESIDE_PATH]);

#endif
