/* Writes the frames that the tests send. */
#ifndef TEST_FRAMES_H
#define TEST_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct packet_bytes {
	uint8_t bytes[2048];
	size_t length;
};

static inline void put(struct packet_bytes *frame, const void *bytes, size_t length) {
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += length;
}

static inline void put8(struct packet_bytes *frame, unsigned value) {
	frame->bytes[frame->length++] = (uint8_t)value;
}

static inline void put16(struct packet_bytes *frame, unsigned value) {
	put8(frame, value >> 8);
	put8(frame, value);
}

static inline void put32(struct packet_bytes *frame, uint32_t value) {
	put16(frame, value >> 16);
	put16(frame, value);
}

static inline struct packet_bytes ethernet(unsigned type) {
	struct packet_bytes frame = {.length = 12};
	put16(&frame, type);
	return frame;
}

static inline struct packet_bytes tagged(unsigned vlan, const struct packet_bytes *inner) {
	struct packet_bytes frame = {.length = 12};
	put16(&frame, 0x8100);
	put16(&frame, vlan);
	put(&frame, inner->bytes + 12, inner->length - 12);
	return frame;
}

/* `fragment` is the field of flags and offset, as it is on the wire. */
static inline struct packet_bytes ipv4_piece(unsigned protocol, uint32_t from, uint32_t to, unsigned fragment,
				      const struct packet_bytes *payload) {
	struct packet_bytes frame = ethernet(0x0800);
	put16(&frame, 0x4500);
	put16(&frame, (unsigned)(20 + payload->length));
	put16(&frame, 77);
	put16(&frame, fragment);
	put8(&frame, 64);
	put8(&frame, protocol);
	put16(&frame, 0);
	put32(&frame, from);
	put32(&frame, to);
	put(&frame, payload->bytes, payload->length);
	return frame;
}

static inline struct packet_bytes ipv4(unsigned protocol, uint32_t from, uint32_t to, const struct packet_bytes *payload) {
	return ipv4_piece(protocol, from, to, 0, payload);
}

/* The addresses are 2001:db8::`from` and 2001:db8::`to`. */
static inline struct packet_bytes ipv6(unsigned protocol, unsigned hops, uint32_t from, uint32_t to,
				const struct packet_bytes *payload) {
	struct packet_bytes frame = ethernet(0x86dd);
	put32(&frame, 0x60000000);
	put16(&frame, (unsigned)payload->length);
	put8(&frame, protocol);
	put8(&frame, hops);
	for (int i = 0; i < 2; i++) {
		put32(&frame, 0x20010db8);
		put32(&frame, 0);
		put32(&frame, 0);
		put32(&frame, i ? to : from);
	}
	put(&frame, payload->bytes, payload->length);
	return frame;
}

static inline struct packet_bytes udp(unsigned from, unsigned to) {
	struct packet_bytes payload = {.length = 0};
	put16(&payload, from);
	put16(&payload, to);
	put16(&payload, 12);
	put16(&payload, 0);
	put32(&payload, 0);
	return payload;
}

static inline struct packet_bytes tcp(unsigned from, unsigned to, unsigned flags) {
	struct packet_bytes payload = {.length = 0};
	put16(&payload, from);
	put16(&payload, to);
	put32(&payload, 1);
	put32(&payload, 1);
	put8(&payload, 0x50);
	put8(&payload, flags);
	put16(&payload, 1000);
	put32(&payload, 0);
	return payload;
}

static inline struct packet_bytes icmp(unsigned type, unsigned id) {
	struct packet_bytes payload = {.length = 0};
	put16(&payload, type << 8);
	put16(&payload, 0);
	put16(&payload, id);
	put16(&payload, 1);
	return payload;
}

/* An ICMP error about `cause`, of which the IP header and eight more bytes are quoted. */
static inline struct packet_bytes icmp_error(unsigned type, const struct packet_bytes *cause, size_t header) {
	struct packet_bytes payload = icmp(type, 0);
	put(&payload, cause->bytes + 14, header + 8);
	return payload;
}

#endif
