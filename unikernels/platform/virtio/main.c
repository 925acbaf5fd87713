/* From the first line of C to the loop that never ends. */
#include "../../contract.h"
#include "../clock.h"
#include "../console.h"
#include "../dispatch.h"
#include "../instance.h"
#include "../panic.h"
#include "../protocol.h"
#include "boot_info.h"
#include "cpu.h"
#include "interrupts.h"
#include "paging.h"
#include "serial.h"
#include "tsc.h"
#include "wire.h"

#include <stddef.h>
#include <stdint.h>

extern uintptr_t __stack_chk_guard;

/* QEMU's default CPU has no random instruction; then the time of start, to the cycle, must do. */
static uint64_t seed(void) {
	uint32_t a = 1, b, c, d;
	uint64_t value = 0;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	if (c & 1u << 30)
		__asm__ volatile("rdrand %0" : "=r"(value)::"cc");
	value ^= read_tsc();
	value *= 0x9e3779b97f4a7c15;
	return value ^ value >> 29;
}

/* At most this many request bytes between two batches of packets. */
#define REQUEST_BYTES 64

static void talk(uint64_t now) {
	if (!serial_send())
		return;
	for (int i = 0; i < REQUEST_BYTES; i++) {
		int byte = serial_receive();
		if (byte < 0)
			return;
		protocol_byte((char)byte, now / 1000, console_line());
		serial_expect(protocol_in_config());
		/* One answer at a time: the next request waits until this one has gone. */
		if (!serial_send())
			return;
		if (protocol_ended())
			power_off();
	}
}

static _Noreturn void serve(void) {
	for (;;) {
		uint64_t now = clock_now();
		bool busy = false;
		if (instance_ready()) {
			dispatch_due(now);
			busy = wire_run(now);
		}
		interrupts_glance();
		if (serial_pending()) {
			talk(now);
			continue;
		}
		if (busy)
			continue;
		if (!instance_ready()) {
			interrupts_wait();
			continue;
		}
		tsc_alarm(dispatch_deadline(), now);
		if (wire_sleep())
			interrupts_wait();
		wire_wake();
	}
}

_Noreturn void start(uintptr_t start_info);

/* No guard for this one: it sets the guard. */
__attribute__((no_stack_protector)) _Noreturn void start(uintptr_t start_info) {
	static char command_line[1024];
	static struct arena memory;
	struct spare_memory spare;
	__stack_chk_guard = seed() & ~(uintptr_t)0xff;

	if (serial_start())
		protocol_skip_line();
	interrupts_start();
	const char *why = boot_info_read(start_info, command_line, sizeof(command_line), &spare);
	if (why)
		panic(why);
	memory = (struct arena){.start = (uint8_t *)spare.start, .size = paging_protect(spare.end) - spare.start};

	if (tsc_start())
		instance_start(command_line, seed(), &memory);
	else
		instance_refuse("", "clock: the PIT is missing or the host was too busy to measure against it");
	instance_introduce(console_line());
	text_char(console_line(), '\n');
	serve();
}
