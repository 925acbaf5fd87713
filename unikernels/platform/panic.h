#ifndef PLATFORM_PANIC_H
#define PLATFORM_PANIC_H

#include <stdint.h>

/* Says `panic <why>` on the console and ends the machine. */
_Noreturn void panic(const char *why);
_Noreturn void panic_number(const char *why, uint64_t number);

/* Ends QEMU, if it was started with -no-reboot. */
_Noreturn void power_off(void);

#endif
