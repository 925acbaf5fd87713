/*
 * Only a packet's first fragment has ports; the others are translated as it was (RFC 4787, REQ-14). Those that overtake
 * it wait, a few and not for long.
 */
#ifndef NAT_FRAGMENTS_H
#define NAT_FRAGMENTS_H

#include "../../platform/frame.h"
#include "datagram.h"

#include <stdbool.h>
#include <stdint.h>

/* What became of a first fragment: its addresses afterwards, and the side that it went out of. */
struct way {
	uint32_t from, to;
	enum side side;
};

void fragments_start(void);

/* `packet` as it came. Nothing is remembered of a packet that is whole. */
void fragments_remember(enum side side, const struct datagram *packet, struct way way, uint64_t now);

/* The way of a later fragment, or NULL. */
const struct way *fragments_way(enum side side, const struct datagram *packet, uint64_t now);

/* Keeps a later fragment whose first has not come. */
void fragments_wait(enum side side, const struct datagram *packet, const struct frame *frame, uint64_t now);

/*
 * A fragment that has waited for this first one: its bytes and their number, or NULL. It is gone from here, and
 * valid until the next call.
 */
uint8_t *fragments_waiting(enum side side, const struct datagram *packet, size_t *length, uint64_t now);

#endif
