#ifndef PLATFORM_PANIC_H
#define PLATFORM_PANIC_H

#include <stdint.h>

/* Says `panic <why>` on the console and ends the machine or the process. */
_Noreturn void panic(const char *why);
_Noreturn void panic_number(const char *why, uint64_t number);

/* The end, without a word. Given by each binding. */
_Noreturn void power_off(void);

#endif
