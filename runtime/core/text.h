/* SPDX-License-Identifier: MIT */
/* text.h: makes text of unknown origin, such as file names, safe for a terminal and for JSON.
 * Private to the library and its programs. */
#ifndef CLF_TEXT_H
#define CLF_TEXT_H
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The length of the UTF-8 sequence at p, or 0 if there is none. */
static inline int clf__utf8_length(const unsigned char *p, size_t left) {
  if (p[0] < 0x80) return 1;
  const int n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
  if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)n > left) return 0;
  for (int i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  const int low = p[1] < 0x90, mid = p[1] < 0xa0;
  if ((p[0] == 0xe0 && mid) || (p[0] == 0xed && !mid) || (p[0] == 0xf0 && low) ||
      (p[0] == 0xf4 && !low))
    return 0;
  return n;
}

/* Whether the sequence of `length` bytes at p controls a terminal: ASCII control characters,
 * U+0080 to U+009F, line separators, and marks that reverse the direction of text. */
static inline int clf__is_control(const unsigned char *p, int length) {
  if (length == 1) return p[0] < ' ' || p[0] == 0x7f;
  if (length == 2) return p[0] == 0xc2 && p[1] < 0xa0;
  if (length != 3 || p[0] != 0xe2) return 0;
  if (p[1] == 0x80) return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
  return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

/* Writes n bytes of text to `to`, which has `size` bytes, as valid UTF-8 with control characters
 * and invalid bytes as "\x1b".  Line ends and tabs are kept if `lines`.  Text that does not fit
 * is cut.  Returns the length. */
static inline size_t clf__clean(char *to, size_t size, const char *text, size_t n, int lines) {
  const unsigned char *const p = (const unsigned char *)text;
  size_t used = 0;
  for (size_t i = 0; i < n;) {
    const int length = clf__utf8_length(p + i, n - i);
    const size_t take = length ? (size_t)length : 1;
    const int kept = lines && (p[i] == '\n' || p[i] == '\t');
    const int bad = !kept && (!length || clf__is_control(p + i, length));
    if (used + take * (bad ? 4 : 1) + 1 > size) break;
    for (size_t k = 0; k < take; k++) {
      if (bad)
        used += (size_t)snprintf(to + used, size - used, "\\x%02x", (unsigned)p[i + k]);
      else
        to[used++] = text[i + k];
    }
    i += take;
  }
  if (size) to[used] = '\0';
  return used;
}

/* The same for a message that may quote an earlier message `inner`, whose line ends are kept. */
static inline void clf__clean_message(char *to, size_t size, const char *text, const char *inner,
                                      int lines) {
  const char *quoted = !lines && inner && *inner ? strstr(text, inner) : NULL;
  const size_t before = quoted ? (size_t)(quoted - text) : strlen(text);
  size_t used = clf__clean(to, size, text, before, lines);
  if (!quoted) return;
  used += clf__clean(to + used, size - used, quoted, strlen(inner), 1);
  clf__clean(to + used, size - used, quoted + strlen(inner), strlen(quoted + strlen(inner)), 0);
}

/* Writes text to `to` as UTF-8, with U+FFFD for invalid bytes.  3 strlen(text) + 1 bytes always
 * suffice.  Returns the length. */
static inline size_t clf__to_utf8(char *to, size_t size, const char *text) {
  const unsigned char *const p = (const unsigned char *)text;
  const size_t n = strlen(text);
  size_t used = 0;
  for (size_t i = 0; i < n;) {
    const int length = clf__utf8_length(p + i, n - i);
    const size_t take = length ? (size_t)length : 3;
    if (used + take + 1 > size) break;
    memcpy(to + used, length ? text + i : "\xef\xbf\xbd", take);
    used += take;
    i += length ? (size_t)length : 1;
  }
  if (size) to[used] = '\0';
  return used;
}
#endif
