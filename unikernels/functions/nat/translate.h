/* A packet's way through the tables: its addresses and ports become what they are on the other side. */
#ifndef NAT_TRANSLATE_H
#define NAT_TRANSLATE_H

#include "../../platform/frame.h"
#include "config.h"
#include "datagram.h"

/* What a frame was, for the numbers. */
enum fate {
	UPSTREAM,
	DOWNSTREAM,
	HAIRPINNED,
	ANSWERED,
	PASSED,
	UNSOLICITED,
	SPOOFED,
	NOT_FOR_US,
	EXPIRED,
	EXHAUSTED,
	UNTRANSLATABLE,
	WAITS,
	MALFORMED,
	FATES,
};

static inline bool is_through(enum fate fate) {
	return fate == UPSTREAM || fate == DOWNSTREAM || fate == HAIRPINNED;
}

/* Where a packet goes on to: out of which side, and what it was for the numbers. */
struct route {
	enum side side;
	enum fate fate;
};

static inline bool translatable(const struct datagram *packet) {
	return packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP || packet->protocol == PROTOCOL_ICMP;
}

/* Packets of translatable protocols with their transport header. Unless `fate` is_through() they are as they came. */
struct route translate_out(const struct config *config, struct datagram *packet, uint64_t now);
struct route translate_in(struct datagram *packet, uint64_t now);

#endif
