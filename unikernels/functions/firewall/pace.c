#include "pace.h"

#define SECOND 1000000000ull

/* When the flows that have begun would all have been due, in nanoseconds: one number holds what was spent. */
static uint64_t due[2];

void pace_start(void) {
	due[LEFT] = due[RIGHT] = 0;
}

bool pace_allows(const struct pace *pace, enum side side, uint64_t now) {
	if (pace->per_second == 0)
		return true;
	uint64_t time = now * 1000, gap = SECOND / pace->per_second, ahead = gap * (pace->burst - 1);
	if (due[side] < time)
		due[side] = time;
	if (due[side] - time > ahead)
		return false;
	due[side] += gap;
	return true;
}
