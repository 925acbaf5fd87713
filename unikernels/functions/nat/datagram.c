#include "datagram.h"

#include "../../common/checksum.h"

#include <string.h>

#define UDP_HEADER 8
#define TCP_HEADER 20
#define ICMP_HEADER 8

/* Of a quoted transport header so much is sure to be there (RFC 792). */
#define QUOTED_MIN 8

static enum icmp_kind icmp_kind(uint8_t type) {
	switch (type) {
	case 8:
	case 13:
	case 17:
		return ICMP_QUERY;
	case 0:
	case 14:
	case 18:
		return ICMP_REPLY;
	case 3:
	case 11:
	case 12:
		return ICMP_ERROR;
	default:
		return ICMP_OTHER;
	}
}

static void read_ports(struct datagram *packet) {
	const uint8_t *at = packet->transport;
	if (packet->protocol == PROTOCOL_ICMP) {
		packet->icmp = icmp_kind(at[0]);
		if (packet->icmp == ICMP_QUERY || packet->icmp == ICMP_REPLY)
			packet->from.port = packet->to.port = get16(at + 4);
	} else {
		packet->from.port = get16(at);
		packet->to.port = get16(at + 2);
	}
}

static bool has_ports(uint8_t protocol) {
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_ICMP;
}

/* Loose and strict source routing hide where a packet really goes; other options are the receiver's affair. */
static bool has_source_route(const uint8_t *at, size_t length) {
	while (length > 0 && at[0] != 0) {
		size_t size = at[0] == 1 ? 1 : length > 1 ? at[1] : 0;
		if (size == 0 || size > length || at[0] == 131 || at[0] == 137)
			return true;
		at += size;
		length -= size;
	}
	return false;
}

/* Fails when the header is not whole; a quotation may end behind it. */
static bool read_ip(struct datagram *packet, uint8_t *at, size_t length, bool quoted) {
	if (length < IPV4_HEADER || at[0] >> 4 != 4)
		return false;
	size_t header = (size_t)(at[0] & 15) * 4, total = get16(at + 2);
	if (header < IPV4_HEADER || header > length || total < header || (total > length && !quoted))
		return false;
	if (has_source_route(at + IPV4_HEADER, header - IPV4_HEADER))
		return false;
	uint16_t fragment = get16(at + 6);
	*packet = (struct datagram){
		.ip = at,
		.transport = fragment & 0x1fff ? NULL : at + header,
		.length = (total < length ? total : length) - header,
		.protocol = at[9],
		.from = {get32(at + 12), 0},
		.to = {get32(at + 16), 0},
		.fragmented = fragment & 0x3fff,
		.id = get16(at + 4),
		.offset = (uint16_t)((fragment & 0x1fff) * 8),
	};
	return true;
}

bool datagram_read(struct datagram *packet, uint8_t *at, size_t length) {
	if (!read_ip(packet, at, length, false))
		return false;
	if (!packet->transport || !has_ports(packet->protocol))
		return true;
	size_t least = packet->protocol == PROTOCOL_TCP ? TCP_HEADER : UDP_HEADER;
	if (packet->length < least)
		return false;
	read_ports(packet);
	if (packet->protocol == PROTOCOL_TCP)
		packet->tcp_flags = packet->transport[13];
	return true;
}

bool datagram_quoted(struct datagram *quoted, const struct datagram *error) {
	if (!read_ip(quoted, error->transport + ICMP_HEADER, error->length - ICMP_HEADER, true))
		return false;
	if (!quoted->transport || !has_ports(quoted->protocol) || quoted->length < QUOTED_MIN)
		return false;
	read_ports(quoted);
	/* An error about an error is never sent (RFC 1122, section 3.2.2). */
	return quoted->protocol != PROTOCOL_ICMP || quoted->icmp == ICMP_QUERY || quoted->icmp == ICMP_REPLY;
}

/* The checksum that covers the transport header; NULL where there is none, or it is not there. */
static uint8_t *transport_checksum(const struct datagram *packet) {
	if (!packet->transport)
		return NULL;
	size_t at = packet->protocol == PROTOCOL_TCP ? 16 : packet->protocol == PROTOCOL_UDP ? 6 : 2;
	if (!has_ports(packet->protocol) || packet->length < at + 2)
		return NULL;
	uint8_t *checksum = packet->transport + at;
	/* A UDP checksum of 0 says that there is none (RFC 768). */
	return packet->protocol == PROTOCOL_UDP && get16(checksum) == 0 ? NULL : checksum;
}

/* Changes a word, and the checksums that cover it; either may be NULL. */
static void change16(uint8_t *word, uint16_t value, uint8_t *checksum, uint8_t *also) {
	uint16_t before = get16(word);
	if (checksum)
		checksum_update(checksum, before, value);
	if (also)
		checksum_update(also, before, value);
	set16(word, value);
}

static void change_address(struct datagram *packet, size_t at, uint32_t address) {
	uint8_t *word = packet->ip + at, *transport = transport_checksum(packet);
	/* ICMP's checksum does not cover the addresses. */
	if (packet->protocol == PROTOCOL_ICMP)
		transport = NULL;
	change16(word, (uint16_t)(address >> 16), packet->ip + 10, transport);
	change16(word + 2, (uint16_t)address, packet->ip + 10, transport);
	/* What comes out as 0 would say that there is no checksum. */
	if (transport && packet->protocol == PROTOCOL_UDP && get16(transport) == 0)
		set16(transport, 0xffff);
}

static void change_port(struct datagram *packet, size_t at, uint16_t port) {
	uint8_t *transport = transport_checksum(packet);
	if (packet->protocol == PROTOCOL_ICMP) {
		if (packet->icmp == ICMP_QUERY || packet->icmp == ICMP_REPLY)
			change16(packet->transport + 4, port, transport, NULL);
		return;
	}
	change16(packet->transport + at, port, transport, NULL);
	if (transport && packet->protocol == PROTOCOL_UDP && get16(transport) == 0)
		set16(transport, 0xffff);
}

void datagram_set_from(struct datagram *packet, struct endpoint from) {
	change_address(packet, 12, from.address);
	if (packet->transport && has_ports(packet->protocol))
		change_port(packet, 0, from.port);
	packet->from = from;
}

void datagram_set_to(struct datagram *packet, struct endpoint to) {
	change_address(packet, 16, to.address);
	if (packet->transport && has_ports(packet->protocol))
		change_port(packet, 2, to.port);
	packet->to = to;
}

/* The error's own checksum covers all that is quoted: as if each word of it had been changed alone. */
static void recount(struct datagram *error, const uint8_t *before, size_t length) {
	uint8_t *checksum = error->transport + 2, *now = error->transport + ICMP_HEADER;
	for (size_t i = 0; i + 1 < length; i += 2)
		if (get16(before + i) != get16(now + i))
			checksum_update(checksum, get16(before + i), get16(now + i));
}

/* An IP header with all its options, and as much of a transport header as we change. */
#define QUOTED_CHANGED (60 + TCP_HEADER)

static void change_quoted(struct datagram *error, struct datagram *quoted, struct endpoint to,
			  void (*set)(struct datagram *packet, struct endpoint to)) {
	uint8_t before[QUOTED_CHANGED];
	size_t there = error->length - ICMP_HEADER;
	size_t length = there < sizeof(before) ? there : sizeof(before);
	memcpy(before, error->transport + ICMP_HEADER, length);
	set(quoted, to);
	recount(error, before, length);
}

void datagram_set_quoted_from(struct datagram *error, struct datagram *quoted, struct endpoint from) {
	change_quoted(error, quoted, from, datagram_set_from);
}

void datagram_set_quoted_to(struct datagram *error, struct datagram *quoted, struct endpoint to) {
	change_quoted(error, quoted, to, datagram_set_to);
}

void datagram_hop(struct datagram *packet) {
	uint16_t before = get16(packet->ip + 8);
	change16(packet->ip + 8, (uint16_t)(before - 0x100), packet->ip + 10, NULL);
}
