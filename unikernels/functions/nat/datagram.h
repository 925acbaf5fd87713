/*
 * An IPv4 packet as a translator sees it: where the words stand that it changes, and which checksums go with
 * them. Checksums are carried on by the difference (RFC 1624), so that one that was wrong stays wrong and is found
 * by the receiver.
 */
#ifndef NAT_DATAGRAM_H
#define NAT_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPV4_HEADER 20
#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* An address with a port, or with the identifier of an ICMP query. */
struct endpoint {
	uint32_t address;
	uint16_t port;
};

enum icmp_kind { ICMP_QUERY, ICMP_REPLY, ICMP_ERROR, ICMP_OTHER };

struct datagram {
	uint8_t *ip;
	/* The transport header; NULL behind a later fragment's IP header. */
	uint8_t *transport;
	/* Bytes from `transport` to the packet's end, as far as they are there. */
	size_t length;
	uint8_t protocol;
	struct endpoint from, to;
	enum icmp_kind icmp;
	uint8_t tcp_flags;
	/* Fragments: the identification, and for a later one where its bytes belong. */
	bool fragmented;
	uint16_t id, offset;
};

/*
 * Reads what begins at `at`. False when headers are cut short or contradict their lengths; a protocol
 * other than TCP, UDP and ICMP is fine and has no ports. An ICMP query or reply has its identifier as `from.port` and
 * `to.port` both.
 */
bool datagram_read(struct datagram *packet, uint8_t *at, size_t length);

/* The packet that an ICMP error quotes, of which only a part is there. Its sender is `from`. */
bool datagram_quoted(struct datagram *quoted, const struct datagram *error);

void datagram_set_from(struct datagram *packet, struct endpoint from);
void datagram_set_to(struct datagram *packet, struct endpoint to);

/* The same within the quotation of an ICMP error, whose own checksum goes along. */
void datagram_set_quoted_from(struct datagram *error, struct datagram *quoted, struct endpoint from);
void datagram_set_quoted_to(struct datagram *error, struct datagram *quoted, struct endpoint to);

/* One router further. The time to live must be at least 1. */
void datagram_hop(struct datagram *packet);

#endif
