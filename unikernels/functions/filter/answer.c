#include "answer.h"

#include "../../common/checksum.h"

#include <string.h>

#define HOPS 64
#define WINDOW 65535

static void put_address(uint8_t *at, uint8_t family, const struct address *address) {
	if (family == 4) {
		set32(at, (uint32_t)address->low);
		return;
	}
	set32(at, (uint32_t)(address->high >> 32));
	set32(at + 4, (uint32_t)address->high);
	set32(at + 8, (uint32_t)(address->low >> 32));
	set32(at + 12, (uint32_t)address->low);
}

/* Ethernet, with the tags that the other frame has, and IP; without extensions and options. */
static struct made begin(const struct frame *asked, const struct packet *packet, bool back, uint8_t protocol, size_t payload) {
	struct made made;
	const struct address *from = back ? &packet->to : &packet->from, *to = back ? &packet->from : &packet->to;
	memcpy(made.bytes, asked->bytes + (back ? 6 : 0), 6);
	memcpy(made.bytes + 6, asked->bytes + (back ? 0 : 6), 6);
	size_t at = ethernet_read(asked->bytes, asked->length).payload;
	memcpy(made.bytes + 12, asked->bytes + 12, at - 12);
	uint8_t *header = made.bytes + at;
	if (packet->family == 4) {
		memset(header, 0, 20);
		header[0] = 0x45;
		set16(header + 2, (uint32_t)(20 + payload));
		set16(header + 6, 0x4000);
		header[8] = HOPS;
		header[9] = protocol;
		put_address(header + 12, 4, from);
		put_address(header + 16, 4, to);
		set16(header + 10, (uint16_t)~checksum_fold(checksum_add(0, header, 20)));
		made.length = at + 20;
	} else {
		set32(header, 0x60000000);
		set16(header + 4, (uint32_t)payload);
		header[6] = protocol;
		header[7] = HOPS;
		put_address(header + 8, 6, from);
		put_address(header + 24, 6, to);
		made.length = at + 40;
	}
	return made;
}

/* Of the transport header at the frame's end, with the addresses before it (RFC 8200, section 8.1). */
static uint16_t checksum_of(const struct made *made, uint8_t family, uint8_t protocol, size_t payload) {
	const uint8_t *transport = made->bytes + made->length - payload;
	size_t addresses = family == 4 ? 8 : 32;
	uint64_t sum = checksum_add(protocol + (uint64_t)payload, transport - addresses, addresses);
	return (uint16_t)~checksum_fold(checksum_add(sum, transport, payload));
}

struct made answer_udp(const struct frame *asked, const struct packet *packet, const uint8_t *data, size_t length) {
	size_t payload = 8 + length;
	struct made made = begin(asked, packet, true, PROTOCOL_UDP, payload);
	uint8_t *header = made.bytes + made.length;
	set16(header, packet->to_port);
	set16(header + 2, packet->from_port);
	set16(header + 4, (uint32_t)payload);
	set16(header + 6, 0);
	memcpy(header + 8, data, length);
	made.length += payload;
	uint16_t sum = checksum_of(&made, packet->family, PROTOCOL_UDP, payload);
	/* Zero would say that there is none. */
	set16(header + 6, sum ? sum : 0xffff);
	return made;
}

static struct made make_tcp(const struct frame *asked, const struct packet *packet, bool back, const struct segment *segment) {
	size_t payload = 20 + segment->length;
	struct made made = begin(asked, packet, back, PROTOCOL_TCP, payload);
	uint8_t *header = made.bytes + made.length;
	memset(header, 0, 20);
	set16(header, back ? packet->to_port : packet->from_port);
	set16(header + 2, back ? packet->from_port : packet->to_port);
	set32(header + 4, segment->sequence);
	set32(header + 8, segment->acknowledged);
	header[12] = 5 << 4;
	header[13] = segment->flags;
	set16(header + 14, WINDOW);
	if (segment->length)
		memcpy(header + 20, segment->data, segment->length);
	made.length += payload;
	set16(header + 16, checksum_of(&made, packet->family, PROTOCOL_TCP, payload));
	return made;
}

struct made answer_tcp(const struct frame *asked, const struct packet *packet, const struct segment *segment) {
	return make_tcp(asked, packet, true, segment);
}

struct made forward_tcp(const struct frame *asked, const struct packet *packet, const struct segment *segment) {
	return make_tcp(asked, packet, false, segment);
}
