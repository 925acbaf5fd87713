/* What a function needs to know of a packet to judge it by addresses and ports, and whether it can be believed. */
#ifndef COMMON_PACKET_H
#define COMMON_PACKET_H

#include "prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ICMPV6 58

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* A packet that an ICMP error quotes: what is needed to find its flow. */
struct quote {
	struct address from, to;
	uint16_t from_port, to_port;
	uint8_t protocol;
	bool usable;
};

struct packet {
	uint8_t family; /* 4 or 6 */
	uint8_t protocol;
	/* 0 when untagged. The outer tag's in the low 12 bits, above them the inner tag's. */
	uint32_t vlan;
	struct address from, to;

	/*
	 * TCP and UDP: the ports. An ICMP query: the asker's is the identifier, the other's is
	 * the type asked for, so that a reply is the mirror of its question. Zero for the rest.
	 */
	uint16_t from_port, to_port;
	uint8_t tcp_flags;

	enum {
		ICMP_NONE,
		ICMP_QUERY,
		ICMP_REPLY,
		ICMP_ERROR,
		ICMP_DISCOVERY, /* IPv6 neighbour discovery, types 133 to 137 */
		ICMP_OTHER,
	} icmp;
	struct quote quote; /* of an ICMP_ERROR */

	/* The transport header and what follows it in the frame, without padding; NULL for a later fragment. */
	const uint8_t *transport;
	size_t transport_length;

	enum { WHOLE, FIRST_FRAGMENT, LATER_FRAGMENT } fragment;
	uint32_t fragment_id;
	uint8_t fragment_protocol;
	/* A first fragment: the bytes up to the end of its transport header. A later one: where it begins. */
	uint32_t fragment_bytes;
};

static inline uint16_t outer_vlan(uint32_t vlan) {
	return vlan & 0xfff;
}

static inline uint16_t inner_vlan(uint32_t vlan) {
	return vlan >> 12;
}

enum content { CONTENT_IP, CONTENT_ARP, CONTENT_OTHER, CONTENT_MALFORMED };

/* Behind a third VLAN tag all is malformed. `length` is at least 14. `packet` is complete only when the answer is CONTENT_IP. */
enum content packet_read(const uint8_t *frame, size_t length, struct packet *packet);

#endif
