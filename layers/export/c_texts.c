/* SPDX-License-Identifier: MIT */
/* c_texts.c: the functions of text/, by their names. */
#include "c_texts.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "writer.h"

/* A piece of a file: from the line after its name to the next name. */
typedef struct piece {
  const char *name, *text;
  size_t name_length, length;
  int taken;
} piece;

enum { PIECES = 256 };
typedef struct pieces {
  piece at[PIECES];
  int n;
} pieces;

static const char mark[] = "/*# ";

static void list_pieces(pieces *all) {
  all->n = 0;
  for (const clf__c_text *file = clf__c_texts; file->name; file++)
    for (const char *at = strstr(file->text, mark); at && all->n < PIECES;) {
      piece *p = &all->at[all->n++];
      *p = (piece){.name = at + sizeof mark - 1};
      p->name_length = strcspn(p->name, " ");
      p->text = strchr(at, '\n') + 1;
      at = strstr(p->text, mark);
      p->length = at ? (size_t)(at - p->text) : strlen(p->text);
    }
}

static int is_letter(char c) { return isalnum((unsigned char)c) || c == '_'; }

static void take_used(pieces *all, clf__out *to, const char *code, size_t length);

static void take(pieces *all, clf__out *to, const char *name, size_t n) {
  for (int i = 0; i < all->n; i++) {
    piece *p = &all->at[i];
    if (p->taken || p->name_length != n || strncmp(p->name, name, n) != 0) continue;
    p->taken = 1;
    take_used(all, to, p->text, p->length);
    clf__out_bytes(to, p->text, p->length);
    return;
  }
}

/* Every name in the code outside of comments. */
static void take_used(pieces *all, clf__out *to, const char *code, size_t length) {
  const char *const end = code + length;
  while (code < end) {
    if (code[0] == '/' && code + 1 < end && code[1] == '*') {
      code = strstr(code + 2, "*/") + 2;
    } else if (is_letter(*code)) {
      size_t n = 1;
      while (code + n < end && is_letter(code[n])) n++;
      take(all, to, code, n);
      code += n;
    } else {
      code++;
    }
  }
}

clf_status clf__write_used(clf__out *to, const char *code) {
  pieces *all = malloc(sizeof *all);
  if (!all) return clf__fail(CLF_ENOMEM, "no memory for the text of a flow");
  list_pieces(all);
  take_used(all, to, code, strlen(code));
  free(all);
  return CLF_OK;
}
