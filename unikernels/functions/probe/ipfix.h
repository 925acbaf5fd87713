/* Writes IPFIX messages (RFC 7011) about flows, one record for each way. */
#ifndef PROBE_IPFIX_H
#define PROBE_IPFIX_H

#include "flows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What fits into a packet of 1,500 bytes with its headers and two VLAN tags. */
#define IPFIX_MAX 1464

struct ipfix {
	uint8_t bytes[IPFIX_MAX];
	size_t length;
	/* Where the set that records are added to begins, and of which template it is; 0: there is none. */
	size_t set;
	uint16_t template;
	uint32_t records;
};

/* An empty message; with the templates where `templates` says so. */
void ipfix_begin(struct ipfix *message, uint32_t enterprise, bool templates);

/* What one record says besides the flow itself. Times are in milliseconds since 1970. */
struct ipfix_times {
	uint64_t first, last;
};

/* Adds the way that begins on side `from`; false when it does not fit any more. */
bool ipfix_add(struct ipfix *message, uint32_t enterprise, const struct flow *flow, enum side from, enum reason why,
	       struct ipfix_times times);

/* More may be added to it, and then it has to be ended again. `sequence` is the number of records in all messages before (RFC 7011, section 3.1); `seconds` since 1970. */
void ipfix_end(struct ipfix *message, uint32_t seconds, uint32_t sequence, uint32_t domain);

#endif
