/* SPDX-License-Identifier: MIT */
/* text.c: text of unknown origin in messages and in JSON: control characters are made visible. */
#include <string.h>
#include "clflow/core.h"
#include "status.h"
#include "tables.h"
#include "text.h"

static void cleans(const char *text, int lines, const char *wanted) {
  char got[128];
  ck_assert_uint_eq(clf__clean(got, sizeof got, text, strlen(text), lines), strlen(wanted));
  ck_assert_str_eq(got, wanted);
}

START_TEST(cleaning) {
  cleans("plain, \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 0,
         "plain, \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  cleans("a\x1b[31mb\n\r\x7f", 0, "a\\x1b[31mb\\x0a\\x0d\\x7f");
  cleans("a\n\tb\r", 1, "a\n\tb\\x0d");
  cleans("\xc2\x9b"
         "31m",
         0, "\\xc2\\x9b31m"); /* CSI in one character */
  cleans("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8", 0,
         "\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x80\\xa8");
  cleans("\xff\xe4z\xc0\x80", 0, "\\xff\\xe4z\\xc0\\x80"); /* Latin-1, and an overlong NUL */
  cleans("\xed\xa0\x80", 0, "\\xed\\xa0\\x80");            /* half of a pair of UTF-16 */
  char small[8];
  ck_assert_uint_eq(clf__clean(small, sizeof small, "abcde\xc3\xa4z", 8, 0), 7);
  ck_assert_str_eq(small, "abcde\xc3\xa4"); /* no half of a character */
  ck_assert_uint_eq(clf__clean(small, sizeof small, "abcd\x1bz", 6, 0), 4);
  ck_assert_str_eq(small, "abcd");
}
END_TEST

START_TEST(repairing) {
  char got[64];
  ck_assert_uint_eq(clf__to_utf8(got, sizeof got, "m\xff\xc3\xa4\x1b"), 7);
  ck_assert_str_eq(got, "m\xef\xbf\xbd\xc3\xa4\x1b");
}
END_TEST

/* A name cannot start a new line in a message; a log can, even quoted. */
START_TEST(messages) {
  clf__fail(CLF_EIO, "%s: cannot be read", "a\x1b\nclflow: all is well");
  ck_assert_str_eq(clf_errmsg(), "a\\x1b\\x0a"
                                 "clflow: all is well: cannot be read");
  clf__fail(CLF_EBUILD, "it does not build:\n%s", "line 1\nline 2\x1b");
  ck_assert_str_eq(clf_errmsg(), "it does not build:\nline 1\nline 2\\x1b");
  clf__fail(CLF_EBUILD, "%s: %s; %s", "b\n", clf_errmsg(), "c\n");
  ck_assert_str_eq(clf_errmsg(), "b\\x0a: it does not build:\nline 1\nline 2\\x1b; c\\x0a");
  clf_fail(CLF_EIO, "x\ny");
  ck_assert_str_eq(clf_errmsg(), "x\\x0ay");
}
END_TEST

void tests_of_text(Suite *s) {
  TCase *c = tcase_create("text");
  tcase_add_test(c, cleaning);
  tcase_add_test(c, repairing);
  tcase_add_test(c, messages);
  suite_add_tcase(s, c);
}
