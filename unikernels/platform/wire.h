/* The two sides of the wire. Given by each binding. */
#ifndef PLATFORM_WIRE_H
#define PLATFORM_WIRE_H

#include "frame.h"

#include <stdint.h>

/*
 * Finds what is at this side. Returns NULL or what is wrong with it. `mac` is what it is expected to be; it
 * becomes the address that it says it has, if it says so.
 */
const char *wire_open(enum side side, uint8_t mac[6]);

/* NULL, or a complaint about a device that belongs to neither side. */
const char *wire_strangers(void);

/* From here on frames flow. */
void wire_start(void);

#endif
