#include "../panic.h"

#include <stdint.h>

/*
 * microvm without ACPI has no power button. A triple fault asks the machine to reset, and
 * -no-reboot turns that into a clean end with status 0.
 */
_Noreturn void power_off(void) {
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_interrupts = {0, 0};
	__asm__ volatile("lidt %0; int3" ::"m"(no_interrupts));
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* The compiler's names. The guard is set once, in start(), before any guarded function runs. */
uintptr_t __stack_chk_guard;

_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void) {
	panic("stack smashed");
}
