/* The packet path between the two TAPs. */
#ifndef SANDBOX_WIRE_H
#define SANDBOX_WIRE_H

#include "../frame.h"

#include <stdint.h>

/* Opens the devices as the descriptors of their sides. Ends the process when it cannot. */
void wire_open_taps(const char *const names[2]);

/* Passes on a batch of what came in at one side. */
void wire_run(enum side from, uint64_t now);

#endif
