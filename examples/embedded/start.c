/* SPDX-License-Identifier: MIT */
/* start.c: what runs before main() on a Cortex-M: the vector table, and memory as C wants it. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t stack_end[], data_begin[], data_end[], data_in_flash[], bss_begin[], bss_end[];
extern void initialise_monitor_handles(void); /* newlib's: printf() to the debugger */
int main(void);
void reset(void);
static void fault(void) { _Exit(99); }

void reset(void) {
  const uint32_t *from = data_in_flash;
  for (uint32_t *to = data_begin; to < data_end; to++) *to = *from++;
  for (uint32_t *to = bss_begin; to < bss_end; to++) *to = 0;
  initialise_monitor_handles();
  exit(main());
}

typedef union vector {
  uint32_t *stack;
  void (*handler)(void);
} vector;
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    {stack_end}, {.handler = reset}, {.handler = fault}, {.handler = fault}, {.handler = fault}};
