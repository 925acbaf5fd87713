#ifndef PLATFORM_CLOCK_H
#define PLATFORM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Measures the time stamp counter against the PIT. False when there is no PIT, or when the
 * host kept disturbing the measurement: CLOCK_TOLERANCE_PERCENT could not be promised.
 */
bool clock_start(void);

#define CLOCK_TOLERANCE_PERCENT 1

/* Milliseconds since clock_start(); never goes back. Always 0 if that has failed. */
uint64_t clock_now(void);

#endif
