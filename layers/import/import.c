/* SPDX-License-Identifier: MIT */
/* import.c: clf_import(): finds the model in a checkpoint and the library that wrote it. */
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "flow_private.h"
#include "import_private.h"

/* How to recognise a flow of each library: a module or tensor that it has, and the function that
 * reads it. The first matching row is used. */
static const struct {
  clf__im_library library;
  const char *has, *cls; /* cls: prefix of the name of its class, or of that of a module in it */
  clf_status (*read)(clf__im *, clf__im_module *);
} libraries[] = {
    {CLF_IM_SBI, "net._transform", "sbi.", clf__im_sbi},
    {CLF_IM_SBI, "net.transform", "sbi.", clf__im_sbi},
    {CLF_IM_NFLOWS, "_transform", "nflows.", clf__im_nflows},
    {CLF_IM_GLASFLOW, "_transform", "glasflow.", clf__im_nflows},
    {CLF_IM_NFLOWS, "_transform", "", clf__im_nflows},
    {CLF_IM_ZUKO, "transform.transforms", "", clf__im_zuko},
    {CLF_IM_ZUKO, "transform.hyper", "", clf__im_zuko},
    {CLF_IM_ZUKO, "transform.ode", "", clf__im_zuko},
    {CLF_IM_NORMFLOWS, "flows", "", clf__im_normflows},
    {CLF_IM_FREIA, "module_list", "", clf__im_freia},
};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

/* In a state_dict, sbi's estimators have a z-score or an embedding net. */
static int is_of_sbi(const clf__im_module *m) {
  return clf__im_child(m, "_embedding_net") || clf__im_child(m, "net._embedding_net") ||
         clf__im_find(m, "net._transform._transforms.0._shift") ||
         clf__im_find(m, "net.transform.transforms.0.loc");
}

/* The row for a module, by its contents and by its class or the user's hint; -1: it is not a flow.
 */
static int row_of(const clf__im *im, const clf__im_module *m) {
  for (int i = 0; i < LIBRARIES; i++) {
    if (!clf__im_child(m, libraries[i].has)) continue;
    if (libraries[i].library == CLF_IM_SBI && !*m->cls && !im->library && !is_of_sbi(m)) continue;
    if (im->library ? im->library == libraries[i].library
                    : !*m->cls || !strncmp(m->cls, libraries[i].cls, strlen(libraries[i].cls)))
      return i;
  }
  return -1;
}

/* The modules that are flows, nearest to the root first, without those inside another flow. */
static void find_flows(const clf__im *im, clf__im_module *m, int depth, int *best, int *count,
                       clf__im_module **found) {
  if (row_of(im, m) >= 0) {
    if (depth < *best) *best = depth, *count = 0;
    if (depth == *best && !(*count)++) *found = m;
    return;
  }
  for (clf__im_module *c = m->child; c && depth < 8; c = c->next)
    find_flows(im, c, depth + 1, best, count, found);
}

static clf_status find_flow(clf__im *im, clf__im_module **flow) {
  clf__im_module *from = clf__im_root(im->file);
  const char *key = clf__im_hint_of(im, CLF_IM_HINT_key);
  int best = 99, count = 0;
  if (key && !(from = clf__im_child(from, key)))
    return clf__fail(CLF_EINVAL, "it has no entry %s", key);
  find_flows(im, from, 0, &best, &count, flow);
  if (count > 1)
    return clf__fail(CLF_EINVAL, "it holds %d flows; name one by key, as key=%s", count,
                     clf__im_path(*flow).s);
  if (count) return CLF_OK;
  const clf__im_module *const first = from->child;
  const int known = first && *first->cls;
  return clf__fail(CLF_ENOTSUP,
                   "no flow of nflows, glasflow, sbi, zuko, normflows or FrEIA is recognised in "
                   "it%s%s%s%.200s%s; docs/import.md lists what can be opened",
                   first ? "; its first module is " : "", first ? clf__im_path(first).s : "",
                   known ? " (" : "", known ? first->cls : "", known ? ")" : "");
}

static clf_status import(clf__im *im, clf_device *dev, const void *bytes, size_t size,
                         const char *hints, clf_flow **flow) {
  clf__im_module *m;
  im->size = size;
  CLF_TRY(clf__im_read_hints(im, hints));
  if (im->library == CLF_IM_LECTURE) {
    CLF_TRY(clf__im_check_hints(im));
    return clf_flow_load_memory(dev, bytes, size, NULL, flow);
  }
  CLF_TRY(clf__im_open(bytes, size, &im->file));
  CLF_TRY(find_flow(im, &m));
  const int row = row_of(im, m);
  im->library = libraries[row].library;
  CLF_TRY(libraries[row].read(im, m));
  CLF_TRY(clf__im_check_unused(m));
  im->asked[CLF_IM_HINT_arch] = 1; /* by what follows */
  CLF_TRY(clf__im_check_hints(im));
  return clf__im_make(im, dev, flow);
}

clf_status clf_import_memory(clf_device *dev, const void *bytes, size_t size, const char *hints,
                             clf_flow **flow, char **report) {
  clf__im im = {0};
  CLF_GIVEN("dev, bytes, flow", dev, bytes, flow);
  clf_status s = import(&im, dev, bytes, size, hints, flow);
  if (report && !s) {
    *report = im.notes.s ? im.notes.s : calloc(1, 1);
    im.notes.s = NULL;
  }
  clf__im_free(&im);
  return s;
}

clf_status clf_import(clf_device *dev, const char *path, const char *hints, clf_flow **flow,
                      char **report) {
  char *bytes;
  size_t size;
  CLF_GIVEN("dev, path, flow", dev, path, flow);
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status s = clf_import_memory(dev, bytes, size, hints, flow, report);
  free(bytes);
  return clf__in_file(s, path);
}
