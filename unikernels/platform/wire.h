/* The packet path between the two network cards. */
#ifndef PLATFORM_WIRE_H
#define PLATFORM_WIRE_H

#include "text.h"
#include "virtio_net.h"

#include <stdbool.h>
#include <stdint.h>

extern struct card wire_cards[2];

/* Lays out the buffers and lets packets flow. */
void wire_start(void);

/* Passes on a batch each way. True when there was anything to do. */
bool wire_run(uint64_t now);

/*
 * Asks the cards for interrupts before sleep. False when something came in meanwhile:
 * then do not sleep. Either way wire_wake() must follow.
 */
bool wire_sleep(void);
void wire_wake(void);

/* {"rxPackets":...} of one side. */
void wire_counters(struct text *out, unsigned side);

#endif
