/* Given by each binding. */
#ifndef PLATFORM_CLOCK_H
#define PLATFORM_CLOCK_H

#include <stdint.h>

/* Microseconds since some moment before the start; never goes back. */
uint64_t clock_now(void);

#endif
