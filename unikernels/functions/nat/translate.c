#include "translate.h"

#include "table.h"

/* Of an ICMP query the identifier belongs to who asks, and the other end has none. */
static struct step step_of(const struct datagram *packet, struct endpoint ours, struct endpoint remote) {
	if (packet->protocol == PROTOCOL_ICMP)
		remote.port = 0;
	return (struct step){packet->protocol, packet->tcp_flags, ours, remote};
}

/* Somebody on the way complains about a packet that went out (RFC 5508, REQ-3). */
static struct route error_from_outside(struct datagram *packet) {
	struct datagram quoted;
	if (!datagram_quoted(&quoted, packet))
		return (struct route){LEFT, MALFORMED};
	const struct mapping *mapping = table_by_outside(quoted.protocol, quoted.from);
	if (!mapping || quoted.from.address != packet->to.address ||
	    !table_speaks_to(mapping, step_of(&quoted, quoted.from, quoted.to).remote))
		return (struct route){LEFT, UNSOLICITED};
	datagram_set_quoted_from(packet, &quoted, mapping->inside);
	datagram_set_to(packet, (struct endpoint){mapping->inside.address, 0});
	return (struct route){LEFT, DOWNSTREAM};
}

/* What is inside has had a packet and complains about it (RFC 5508, REQ-4). */
static struct route error_from_inside(const struct config *config, struct datagram *packet) {
	struct datagram quoted;
	if (!datagram_quoted(&quoted, packet))
		return (struct route){RIGHT, MALFORMED};
	const struct mapping *mapping = table_by_inside(quoted.protocol, quoted.to);
	if (!mapping || quoted.from.address != packet->to.address)
		return (struct route){RIGHT, UNSOLICITED};
	datagram_set_quoted_to(packet, &quoted, mapping->outside);
	datagram_set_from(packet, (struct endpoint){mapping->outside.address, 0});
	if (packet->to.address != config->outside_address)
		return (struct route){RIGHT, UPSTREAM};
	/* The other end is inside as well (REQ-7). */
	struct route turned = error_from_outside(packet);
	return (struct route){LEFT, turned.fate == DOWNSTREAM ? HAIRPINNED : turned.fate};
}

/* A packet from inside to one of our own outside addresses (RFC 4787, section 6). */
static struct route hairpin(struct datagram *packet, struct endpoint own, uint64_t now) {
	struct step step = step_of(packet, packet->to, own);
	const struct mapping *to = table_in(&step, now);
	if (!to)
		return (struct route){LEFT, UNSOLICITED};
	datagram_set_from(packet, own);
	datagram_set_to(packet, to->inside);
	return (struct route){LEFT, HAIRPINNED};
}

struct route translate_out(const struct config *config, struct datagram *packet, uint64_t now) {
	if (packet->protocol == PROTOCOL_ICMP && packet->icmp == ICMP_ERROR)
		return error_from_inside(config, packet);
	if (packet->protocol == PROTOCOL_ICMP && packet->icmp != ICMP_QUERY)
		return (struct route){RIGHT, UNTRANSLATABLE};
	struct step step = step_of(packet, packet->from, packet->to);
	const struct mapping *mapping = table_out(&step, now);
	if (!mapping)
		return (struct route){RIGHT, EXHAUSTED};
	if (packet->to.address == config->outside_address)
		return hairpin(packet, mapping->outside, now);
	datagram_set_from(packet, mapping->outside);
	return (struct route){RIGHT, UPSTREAM};
}

struct route translate_in(struct datagram *packet, uint64_t now) {
	if (packet->protocol == PROTOCOL_ICMP && packet->icmp == ICMP_ERROR)
		return error_from_outside(packet);
	if (packet->protocol == PROTOCOL_ICMP && packet->icmp != ICMP_REPLY)
		return (struct route){LEFT, UNSOLICITED};
	struct step step = step_of(packet, packet->to, packet->from);
	const struct mapping *mapping = table_in(&step, now);
	if (!mapping)
		return (struct route){LEFT, UNSOLICITED};
	datagram_set_to(packet, mapping->inside);
	return (struct route){LEFT, DOWNSTREAM};
}
