/*
 * The time stamp counter says how much time has passed once its rate is known. We learn the
 * rate from the PIT, whose rate is fixed, over about two milliseconds.
 *
 * How wrong can that be? Every reading of the PIT is bracketed by two readings of the counter,
 * so the instant is known to within the bracket. The two brackets and the PIT's own grain
 * bound the error; a measurement with too great a bound (the host took the CPU away) is repeated.
 * A counter that the host slows down or stops afterwards is beyond our knowledge.
 */
#include "clock.h"

#include "cpu.h"

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

static uint64_t started, per_ms, last;

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

	uint64_t shortest = now.before - first.after;
	uint64_t longest = now.after - first.before;
	/* A pause as long as the rest together may hide a full turn of the PIT. */
	if (longest_step > longest / 2)
		return false;
	uint64_t doubt = (longest - shortest) + longest * GRAIN_TICKS / ticks;
	per_ms = (shortest + longest) / 2 * PIT_HZ / (ticks * 1000);
	return per_ms > 0 && doubt * 100 < longest * CLOCK_TOLERANCE_PERCENT;
}

static bool pit_counts(void) {
	start_pit();
	uint16_t first = read_pit().ticks;
	for (int i = 0; i < READINGS_TO_MOVE; i++)
		if (read_pit().ticks != first)
			return true;
	return false;
}

bool clock_start(void) {
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
	uint64_t now = (read_tsc() - started) / per_ms;
	if (now > last)
		last = now;
	return last;
}
