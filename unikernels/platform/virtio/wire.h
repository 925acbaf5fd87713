/* The packet path between the two network cards. */
#ifndef VIRTIO_WIRE_H
#define VIRTIO_WIRE_H

#include <stdbool.h>
#include <stdint.h>

/* Passes on a batch each way. True when there was anything to do. */
bool wire_run(uint64_t now);

/*
 * Asks the cards for interrupts before sleep. False when something came in meanwhile:
 * then do not sleep. Either way wire_wake() must follow.
 */
bool wire_sleep(void);
void wire_wake(void);

#endif
