/*
 * The flows that were allowed, so that their replies are.
 *
 * The table is a fixed number of buckets of eight. A new flow takes a free or expired place of
 * its bucket; if there is none, the flow that was used least recently gives way: among those that
 * are not established, if there are any, else among all. So work is bounded whatever arrives, and
 * a flood of openings displaces openings before it displaces conversations.
 */
#ifndef FIREWALL_FLOWS_H
#define FIREWALL_FLOWS_H

#include "../../common/packet.h"
#include "../function.h"
#include "rules.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The places of a packet and of its reply are the same: the subscriber's side comes first,
 * whoever sends.
 */
struct flow_key {
	struct address left, right;
	uint32_t vlan;
	uint16_t left_port, right_port;
	uint8_t family, protocol;
};

enum flow_state {
	FLOW_FREE,
	FLOW_OPENING,     /* one side has spoken */
	FLOW_ANSWERED,    /* TCP: SYN and SYN-ACK have been seen */
	FLOW_ESTABLISHED, /* both sides have spoken; TCP: the handshake is complete */
	FLOW_CLOSING,     /* TCP: one FIN */
	FLOW_CLOSED,      /* TCP: both FINs, or RST */
};

struct flow {
	struct flow_key key;
	uint64_t used;
	uint32_t generation; /* of the rules that allowed it */
	uint8_t state;
	uint8_t opener; /* enum side */
	uint8_t finished; /* TCP: 1 << side for each FIN */
	uint8_t picked_up; /* TCP: known from its middle on */
};

/* False when there is too little memory for the table. */
bool flows_start(struct arena *memory, uint64_t seed);

struct flow_key flow_key(enum side from, uint32_t vlan, uint8_t family, uint8_t protocol,
			 const struct address *source, const struct address *target, uint16_t source_port,
			 uint16_t target_port);

/* The live flow of this key, or NULL. */
struct flow *flows_find(const struct flow_key *key, uint64_t now);

/* A place for a new flow, which may be another's: `evicted` counts those. */
struct flow *flows_add(const struct flow_key *key, enum side opener, uint64_t now, uint64_t *evicted);

/* Moves a flow on by a packet that was let through. */
void flow_step(struct flow *flow, enum side from, const struct packet *packet, uint64_t now);

/* What the rules were asked when the flow began. */
struct opening flow_opening(const struct flow *flow);

uint64_t flows_count(uint64_t now);

#endif
