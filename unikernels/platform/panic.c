#include "panic.h"

#include "../contract.h"
#include "console.h"
#include "text.h"

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

static _Noreturn void end_with(struct text *line) {
	text_char(line, '\n');
	console_last_words(line->bytes, line->length);
	power_off();
}

_Noreturn void panic(const char *why) {
	char bytes[200];
	struct text line = TEXT_OVER(bytes);
	text_string(&line, CONTRACT_SAY_PANIC);
	text_string(&line, why);
	end_with(&line);
}

_Noreturn void panic_number(const char *why, uint64_t number) {
	char bytes[200];
	struct text line = TEXT_OVER(bytes);
	text_string(&line, CONTRACT_SAY_PANIC);
	text_string(&line, why);
	text_char(&line, ' ');
	text_hex(&line, number);
	end_with(&line);
}

/* The compiler's names. The guard is set once, in start(), before any guarded function runs. */
uintptr_t __stack_chk_guard;

_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void) {
	panic("stack smashed");
}
