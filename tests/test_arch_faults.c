/* SPDX-License-Identifier: MIT */
/* test_arch_faults.c: architectures when the n-th allocation fails, or that and all later ones:
 * the call reports it, or gives the same result as without, and nothing leaks (checked by the
 * leak sanitizer). */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "clflow/clflow.h"
#include "faults/hooks.h"
#include "suite.h"

static const char text[] =
    "3|2: standardize, (glowstep(8)*2, coupling(rq(min=1e-3, 0.01, 0.1), resnet(9x2), even=$i), "
    "columns(0: logit, 1-: circular))*2 -> blend(1: -> normal; 2: lu -> box(-pi, 2)); context: "
    "mlp->3";

static char *json; /* of that text */
static json_malloc_t jansson_malloc;
static json_free_t jansson_free;

static void *allocate(size_t size) { return malloc(size); }
static void release(void *at) { free(at); }

/* From text to JSON and to the list of layers; allocations of jansson fail, too. */
static clf_status write(int32_t *layers) {
  clf_arch *a = NULL;
  clf__arch_list l = {0};
  json_set_alloc_funcs(allocate, release);
  clf_status s = clf_arch_parse(text, &a);
  if (!s) s = clf__arch_expand(a->flow, &l);
  if (!s && strcmp(clf_arch_json(a), json) != 0) abort();
  *layers = l.n;
  clf__arch_list_free(&l);
  clf_arch_free(a);
  return s;
}

/* And back; jansson's reader does not fail, because it may report bad JSON instead of missing
 * memory. */
static clf_status read(int32_t *layers) {
  clf_arch *a = NULL;
  json_set_alloc_funcs(jansson_malloc, jansson_free);
  const clf_status s = clf_arch_from_json(json, &a);
  if (!s && strcmp(clf_arch_json(a), json) != 0) abort();
  *layers = clf_arch_layers(a);
  clf_arch_free(a);
  return s;
}

static clf_status preset(int32_t *layers) {
  clf_arch *a = NULL;
  const clf_preset *p;
  clf_status s = clf_preset_find("maf", &p);
  if (!s) s = clf_preset_arch(p, "dim=3, context=2", &a);
  if (!s) *layers = clf_arch_layers(a);
  clf_arch_free(a);
  return s;
}

static const struct {
  clf_status (*run)(int32_t *layers);
  int32_t layers;
} kinds[] = {{write, 21}, {read, 22}, {preset, 11}};

START_TEST(memory_runs_out) {
  for (int rest = 0; rest < 2; rest++)
    for (long n = 1;; n++) {
      int32_t layers = 0;
      fault_memory = (fault_hook){.n = n, .from_then_on = rest};
      const clf_status s = kinds[_i].run(&layers);
      const int failed = fault_memory.calls >= n;
      fault_memory = (fault_hook){0};
      if (s) {
        ck_assert_msg(s == CLF_ENOMEM && failed, "call %ld: %s", n, clf_errmsg());
        ck_assert_str_eq(clf_errmsg(), "no memory for an architecture");
      } else {
        ck_assert_int_eq(layers, kinds[_i].layers);
      }
      if (!failed) break;
    }
}
END_TEST

int main(void) {
  Suite *const s = suite_create("arch_faults");
  TCase *const c = tcase_create("memory");
  clf_arch *a;
  json_get_alloc_funcs(&jansson_malloc, &jansson_free);
  if (clf_arch_parse(text, &a) || !(json = strdup(clf_arch_json(a)))) return EXIT_FAILURE;
  clf_arch_free(a);
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, memory_runs_out, 0, 3);
  suite_add_tcase(s, c);
  const int failed = suite_run(s);
  free(json);
  return failed;
}
