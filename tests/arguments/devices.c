/* SPDX-License-Identifier: MIT */
/* devices.c: devices, tensors and groups. */
#include <stddef.h>
#include <string.h>
#include "arguments/calls.h"

START_TEST(core) {
  int count;
  clf_device_info *list;
  QUIET(clf_strerror, strcmp(clf_strerror((clf_status)-5), "unknown status") == 0);
  QUIET(clf_errmsg, clf_errmsg() != NULL);
  QUIET(clf_fail, clf_fail(CLF_ENOMEM, NULL) == CLF_ENOMEM);
  ck_assert_str_eq(clf_errmsg(), "out of memory");
  QUIET(clf_set_listener, (clf_set_listener(NULL, dev), 1));
  QUIET(clf_set_threads, clf_set_threads(INT32_MIN) == CLF_EINVAL);
  QUIET(clf_threads, clf_threads() >= 1 && clf_threads() <= 256);
  QUIET(clf_version, clf_version() != NULL);
  QUIET(clf_abi, clf_abi("clf_table.cols") == offsetof(clf_table, cols) && clf_abi(NULL) == -1);
  NO(clf_open, "dev", "cpu", NULL);
  QUIET(clf_close, (clf_close(NULL), 1));
  QUIET(clf_device_name, clf_device_name(NULL) == NULL);
  QUIET(clf_device_note, clf_device_note(NULL) == NULL);
  QUIET(clf_device_report, !*clf_device_report(NULL) && !*clf_device_report(dev));
  QUIET(clf_device_tuned, clf_device_tuned(NULL) == 0);
  QUIET(clf_memory_taken, clf_memory_taken(NULL, 1).most == 0);
  NO(clf_sync, "dev", NULL);
  NO(clf_devices, "list", 0, NULL, &count);
  NO(clf_devices, "count", 0, &list, NULL);
  NO(clf_tune, "work", "cpu", NULL, NULL, NULL, NULL, NULL);
}
END_TEST

START_TEST(tensors) {
  static const int32_t shape[4] = {2, 3}, wild[4] = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX};
  float f[6] = {0};
  clf_arena a = {0};
  clf_tensor t = {0};
  NO(clf_arena_init, "a", NULL, dev, 16);
  NO(clf_arena_init, "dev", &a, NULL, 16);
  ck_assert_int_eq(clf_arena_init(&a, dev, (size_t)-1), CLF_ENOTSUP);
  QUIET(clf_arena_free, (clf_arena_free(NULL), clf_arena_free(&(clf_arena){0}), 1));
  WORKS(clf_arena_init(&a, dev, 32));
  NO(clf_new, "a", NULL, shape, &t);
  NO(clf_new, "dim", &a, NULL, &t);
  NO(clf_new, "t", &a, shape, NULL);
  ck_assert_int_eq(clf_new(&a, wild, &t), CLF_ENOTSUP);
  ck_assert_int_eq(clf_new(&a, (int32_t[4]){-1, 1, 1, 1}, &t), CLF_ESHAPE);
  WORKS(clf_new(&a, shape, &t));
#define TRANSFER(function, host)                                                                   \
  NO(function, "dev", NULL, t, (void *)x);                                                         \
  NO(function, host, dev, t, NULL);                                                                \
  ck_assert_int_eq(function(dev, (clf_tensor){0}, (void *)x), CLF_EINVAL)
  TRANSFER(clf_write, "src");
  TRANSFER(clf_upload, "src");
  TRANSFER(clf_read, "dst");
  TRANSFER(clf_write64, "src");
  TRANSFER(clf_read64, "dst");
#undef TRANSFER
  QUIET(clf_slice, !clf_slice(t, -1, 0, 1).buf && !clf_slice(t, 4, 0, 1).buf);
  ck_assert_ptr_null(clf_slice(t, 0, INT32_MAX, INT32_MIN).buf);
  ck_assert_ptr_null(clf_slice(t, 0, -5, 1).buf);
  ck_assert_int_eq(clf_slice(t, 0, 1, 2).offset, t.offset + 3);
  ck_assert_int_eq(clf_read(dev, clf_slice(t, 0, 0, INT32_MAX), f), CLF_ESHAPE);
  QUIET(clf_flat, clf_flat(t).dim[0] == 6);
  NO(clf_dispatch, "dev", NULL, CLF_OP_fill, &(clf_fill_args){.y = t});
  NO(clf_dispatch, "args", dev, CLF_OP_fill, NULL);
  REFUSES(clf_dispatch(dev, (clf_op)-1, NULL), "there is no operation -1");
  clf_arena_free(&a);
}
END_TEST

/* Powers of two with which no member has more than 1.25 times its share. */
static int grains_by_members(void) {
  static const int32_t grains[] = {2, 2, 2, 8, 4, 8, 16, 32, 8, 16};
  int right = clf_train_grains_for(4096) == 4096 && clf_train_grains_for(100000) == 4096;
  for (int32_t n = 0; n < 10; n++) right &= clf_train_grains_for(n) == grains[n];
  return right;
}

START_TEST(groups) {
  clf_group *g;
  NO(clf_group_threads, "members", 1, NULL);
  NO(clf_group_mpi, "group", NULL);
  QUIET(clf_group_launched, clf_group_launched() == 1);
  QUIET(clf_group_abort, (clf_group_abort(NULL), 1));
  QUIET(clf_group_free, (clf_group_free(NULL), 1));
  QUIET(clf_group_exit, (clf_group_exit(NULL, 0), 1));
  QUIET(clf_group_rank, clf_group_rank(NULL) == 0);
  QUIET(clf_group_size, clf_group_size(NULL) == 0);
  QUIET(clf_group_local_rank, clf_group_local_rank(NULL) == 0);
  QUIET(clf_group_member, clf_group_member(NULL, 0) == NULL);
  NO(clf_group_barrier, "group", NULL);
  NO(clf_group_gather, "group", NULL, x, 1, y);
  NO(clf_group_broadcast, "group", NULL, 0, x, 1);
  NO(clf_group_gather_parts, "group", NULL, x, NULL);
  QUIET(clf_flow_chunk, clf_flow_chunk(NULL) == 0 && clf_flow_chunk(flow) == 8192);
  NO(clf_group_agree, "group", NULL, CLF_OK);
  WORKS(clf_group_threads(1, &g));
  NO(clf_group_gather, "in", g, NULL, 1, y);
  NO(clf_group_gather, "out", g, x, 1, NULL);
  NO(clf_group_broadcast, "data", g, 0, NULL, 1);
  NO(clf_group_gather_parts, "all", g, NULL, &(int64_t){0});
  NO(clf_group_gather_parts, "first", g, x, NULL);
  REFUSES(clf_group_gather(g, x, SIZE_MAX, y),
          "18446744073709551615 bytes of each member are more than memory can hold");
  REFUSES(clf_group_gather_parts(g, x, (const int64_t[]){0, -5}),
          "first[1] is -5 after 0; the bytes begin at 0 and ascend");
  REFUSES(clf_group_gather_parts(g, x, (const int64_t[]){3, 8}),
          "first[1] is 8 after 3; the bytes begin at 0 and ascend");
  NO(clf_trainer_set_group, "trainer", NULL, g, NULL);
  NO(clf_trainer_set_group, "group", trainer, NULL, NULL);
  QUIET(clf_trainer_grains, clf_trainer_grains(NULL) == 0 && clf_trainer_grains(trainer) == 0);
  QUIET(clf_train_grains_for, grains_by_members());
  clf_group_free(g);
}
END_TEST

void tests_of_devices(TCase *tc) {
  tcase_add_test(tc, core);
  tcase_add_test(tc, tensors);
  tcase_add_test(tc, groups);
}
