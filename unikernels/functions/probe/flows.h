/*
 * Who speaks with whom. A flow has an end on the subscriber's side and one on the uplink's, and is one for both ways. Which end
 * is which is known from where a packet comes in, whatever addresses are in it.
 *
 * All places are made at the start. When they are taken, the flow that was used least recently has to go.
 */
#ifndef PROBE_FLOWS_H
#define PROBE_FLOWS_H

#include "../../common/packet.h"
#include "../../platform/arena.h"
#include "../../platform/frame.h"
#include "config.h"

#include <stdbool.h>
#include <stdint.h>

struct tally {
	uint64_t packets, bytes;
	/* TCP: segments with bytes that had been seen before, retransmitted or out of order. */
	uint64_t repeated;
};

/* What goes one way: from this end to the other. */
struct way {
	/* All, and of it what no report has told of yet. */
	struct tally all, untold;
	/* Of the packets that are untold, in microseconds. */
	uint64_t first, last;
	/* TCP: all flags that were seen. */
	uint8_t tcp_flags;
	/* ICMP: type and code of the first packet. */
	uint16_t icmp;

	/* TCP: where the bytes that were seen end, and whether that is known. */
	uint32_t sequence;
	bool sequence_known;
	/* One segment is on its way at a time whose acknowledgement is waited for. */
	bool waits;
	uint32_t awaited;
	uint64_t since;
	/* From here to this end and back, in microseconds; 0: not known. */
	uint32_t round_trip, shortest_round_trip;
};

struct ends {
	struct address addresses[2];
	uint16_t ports[2];
	uint32_t vlan; /* as in a packet */
	uint8_t family, protocol;
};

/* Why a flow is told of (IPFIX's flowEndReason, RFC 5102, section 5.11.3). */
enum reason { IDLE = 1, ACTIVE = 2, ENDED = 3, NO_ROOM = 5 };

struct flow {
	struct ends ends;
	struct way ways[2];
	uint64_t first, last;
	/* TCP: both sides have finished, or one has reset. */
	bool ended;
	uint8_t finished; /* 1 << side for each FIN */
	/* Where the ends stand among the talkers; hints. */
	uint8_t talkers[2];
	uint32_t next;
	/* Places in the two orders: of the last use, and of the last report. */
	struct place {
		uint32_t older, newer;
	} used, told;
	uint64_t told_at;
};

void flows_start(struct arena *memory, uint64_t seed);

/* Flows that are there stay. */
void flows_configure(const struct config *config);

/*
 * The flow of a packet; a new one when there is none. NULL when all places are taken: then flows_due() says which flow
 * has to be told of first.
 */
struct flow *flows_of(enum side from, const struct packet *packet, uint64_t now);

/* It has had a packet; `finished` is in place. */
void flow_used(struct flow *flow, uint64_t now);

/* A flow to be told of now, and why; NULL when there is none. The same one until flow_told(). */
struct flow *flows_due(enum reason *why, uint64_t now);

/* Was told of, or nobody wants to hear: goes, unless it is ACTIVE. */
void flow_told(struct flow *flow, enum reason why, uint64_t now);

/* When flows_due() has to be asked next; NEVER when there are no flows. */
uint64_t flows_deadline(void);

/* The flow that has to go where there is no room. */
struct flow *flows_oldest(void);

uint64_t flows_count(void);

/* The flows with the most bytes, both ways together, the largest first; how many there are, at most `limit`. */
size_t flows_largest(const struct flow **largest, size_t limit);

#endif
