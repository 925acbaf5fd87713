/* What a router says to the sender of a packet that goes no further (ICMP, RFC 792), and how often. */
#ifndef NAT_COMPLAINTS_H
#define NAT_COMPLAINTS_H

#include "datagram.h"

#include <stddef.h>
#include <stdint.h>

/* Type and code. */
enum complaint {
	TIME_EXCEEDED = 0x0b00,
	/* Also where there are no ports left (RFC 5508, REQ-8). */
	PROHIBITED = 0x030d,
};

/* An IP header without options, ICMP's, and of the packet its header and 8 bytes. */
#define COMPLAINT_MAX (20 + 8 + 60 + 8)

void complaints_start(void);

/*
 * Writes an IP packet from `own` to the sender of `packet`; its length, or 0 when nothing is to be said: about an error or a
 * fragment that is not the first (RFC 1122, section 3.2.2), or when too much was said already (RFC 1812, section 4.3.2.8).
 */
size_t complaint_write(uint8_t bytes[COMPLAINT_MAX], enum complaint why, uint32_t own, const struct datagram *packet,
		       uint64_t now);

#endif
