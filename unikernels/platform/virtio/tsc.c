/*
 * The time stamp counter says how much time has passed once its rate is known. We learn the
 * rate from the PIT, whose rate is fixed, over about two milliseconds.
 *
 * How wrong can that be? Every reading of the PIT is bracketed by two readings of the counter,
 * so the instant is known to within the bracket. The two brackets and the PIT's own grain
 * bound the error; a measurement with too great a bound (the host took the CPU away) is repeated.
 * A counter that the host slows down or stops afterwards is beyond our knowledge.
 */
#include "tsc.h"

#include "../clock.h"
#include "cpu.h"
#include "interrupts.h"

#include <stdbool.h>

#define PIT_HZ 1193182ull
#define PIT_COUNTER 0x40
#define PIT_COMMAND 0x43

/* Channel 0, both bytes, mode 0: counts down once and then keeps quiet. */
#define PIT_COUNT_DOWN_ONCE 0x30
#define PIT_LATCH 0x00

#define MEASURE_TICKS (PIT_HZ * 2 / 1000)
#define GRAIN_TICKS 2
#define ATTEMPTS 100
/* More than fit into two milliseconds; and so many that a PIT must have moved. */
#define READINGS 100000
#define READINGS_TO_MOVE 1000

#define TIMER_MAX 0xffffffffu

static uint64_t started, per_ms, last, timer_per_ms;

struct reading {
	uint64_t before, after;
	uint16_t ticks;
};

static struct reading read_pit(void) {
	struct reading reading;
	reading.before = read_tsc();
	out8(PIT_COMMAND, PIT_LATCH);
	reading.after = read_tsc();
	uint8_t low = in8(PIT_COUNTER);
	reading.ticks = (uint16_t)~(low | in8(PIT_COUNTER) << 8);
	return reading;
}

static void start_pit(void) {
	out8(PIT_COMMAND, PIT_COUNT_DOWN_ONCE);
	out8(PIT_COUNTER, 0xff);
	out8(PIT_COUNTER, 0xff);
}

static bool measure(void) {
	start_pit();
	interrupts_timer_start(TIMER_MAX);

	struct reading first = read_pit(), now = first;
	uint64_t ticks = 0, longest_step = 0;
	for (int i = 0; ticks < MEASURE_TICKS; i++) {
		if (i == READINGS)
			return false;
		uint64_t previous = now.before;
		now = read_pit();
		ticks = (uint16_t)(now.ticks - first.ticks);
		if (now.before - previous > longest_step)
			longest_step = now.before - previous;
	}

	uint64_t timer = TIMER_MAX - interrupts_timer_left();
	interrupts_timer_start(0);

	uint64_t shortest = now.before - first.after;
	uint64_t longest = now.after - first.before;
	/* A pause as long as the rest together may hide a full turn of the PIT. */
	if (longest_step > longest / 2)
		return false;
	uint64_t doubt = (longest - shortest) + longest * GRAIN_TICKS / ticks;
	per_ms = (shortest + longest) / 2 * PIT_HZ / (ticks * 1000);
	timer_per_ms = timer * PIT_HZ / (ticks * 1000);
	return per_ms > 0 && timer_per_ms > 0 && doubt * 100 < longest * TSC_TOLERANCE_PERCENT;
}

static bool pit_counts(void) {
	start_pit();
	uint16_t first = read_pit().ticks;
	for (int i = 0; i < READINGS_TO_MOVE; i++)
		if (read_pit().ticks != first)
			return true;
	return false;
}

bool tsc_start(void) {
	if (!pit_counts())
		return false;
	for (int i = 0; i < ATTEMPTS; i++) {
		if (measure()) {
			started = read_tsc();
			return true;
		}
	}
	per_ms = 0;
	return false;
}

uint64_t clock_now(void) {
	if (per_ms == 0)
		return 0;
	uint64_t cycles = read_tsc() - started;
	uint64_t now = cycles / per_ms * 1000 + cycles % per_ms * 1000 / per_ms;
	if (now > last)
		last = now;
	return last;
}

/* A timer that ends early costs one more turn of the loop, so its rate need not be exact. */
void tsc_alarm(uint64_t time, uint64_t now) {
	static uint64_t armed = UINT64_MAX, ends;
	if (time == armed && now < ends)
		return;
	armed = ends = time;
	if (time == UINT64_MAX) {
		interrupts_timer_start(0);
		return;
	}
	uint64_t wait = time > now ? time - now : 0;
	uint64_t longest = TIMER_MAX / timer_per_ms * 1000;
	if (wait > longest) {
		wait = longest;
		ends = now + wait;
	}
	interrupts_timer_start((uint32_t)(wait * timer_per_ms / 1000) + 1);
}
