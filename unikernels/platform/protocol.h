/*
 * The requests of the host, byte by byte. Pure logic: the bytes come from anywhere and the
 * answers go into a text, so that it can be tested without a machine.
 */
#ifndef PLATFORM_PROTOCOL_H
#define PLATFORM_PROTOCOL_H

#include "../contract.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a configuration is collected; free before the first request. */
extern char protocol_config[CONTRACT_MAX_CONFIG];

/* What comes up to the next newline is the rest of a lost request: it gets no answer. */
void protocol_skip_line(void);

/*
 * Takes one byte that arrived at `now` milliseconds. When it completes a request, one whole
 * line is added to `out`, which must have room for it: hand over no byte before it has.
 */
void protocol_byte(char byte, uint64_t now, struct text *out);

/* True while the bytes of a configuration are expected. */
bool protocol_in_config(void);

/* True once `shutdown` has been answered. */
bool protocol_ended(void);

#endif
