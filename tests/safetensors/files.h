/* SPDX-License-Identifier: MIT */
/* files.h: shared by the tests of safetensors files: the file that each test writes. */
#ifndef CLF_SAFETENSORS_FILES_H
#define CLF_SAFETENSORS_FILES_H
#include "safetensors.h"
#include "suite.h"

extern char folder[], path[64];

/* The tests of a file. */
void tests_of_reading(Suite *s);
void tests_of_headers(Suite *s);
void tests_of_writing(Suite *s);
void tests_of_metadata(Suite *s);
void tests_of_damage(Suite *s);
void tests_of_json(Suite *s);
#define LOOP(test, array) tcase_add_loop_test(c, test, 0, (int)(sizeof array / sizeof *array))

/* Writes a file: the length of the header, the header, and the data. */
void write_parts(const char *header, size_t n, const void *data, size_t size);
#define SCALE "layers.0.\xcf\x83 \"\\\n"

/* Four tensors, the first SCALE, two without elements or dimensions, and a string. */
void write_small(void);
clf__st_writer *new_writer(void);

clf__st *open_file(void);
/* The message of the last failure, after "PATH: ". */
const char *why(void);
/* The file is refused with this message. */
void refused(const char *message);

#endif
