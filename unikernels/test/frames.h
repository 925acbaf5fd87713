/* Writes the frames that the tests send. */
#ifndef TEST_FRAMES_H
#define TEST_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct frame {
	uint8_t bytes[2048];
	size_t length;
};

static inline void put(struct frame *frame, const void *bytes, size_t length) {
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += length;
}

static inline void put8(struct frame *frame, unsigned value) {
	frame->bytes[frame->length++] = (uint8_t)value;
}

static inline void put16(struct frame *frame, unsigned value) {
	put8(frame, value >> 8);
	put8(frame, value);
}

static inline void put32(struct frame *frame, uint32_t value) {
	put16(frame, value >> 16);
	put16(frame, value);
}

static inline struct frame ethernet(unsigned type) {
	struct frame frame = {.length = 12};
	put16(&frame, type);
	return frame;
}

static inline struct frame tagged(unsigned vlan, const struct frame *inner) {
	struct frame frame = {.length = 12};
	put16(&frame, 0x8100);
	put16(&frame, vlan);
	put(&frame, inner->bytes + 12, inner->length - 12);
	return frame;
}

/* `fragment` is the field of flags and offset, as it is on the wire. */
static inline struct frame ipv4_piece(unsigned protocol, uint32_t from, uint32_t to, unsigned fragment,
				      const struct frame *payload) {
	struct frame frame = ethernet(0x0800);
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

static inline struct frame ipv4(unsigned protocol, uint32_t from, uint32_t to, const struct frame *payload) {
	return ipv4_piece(protocol, from, to, 0, payload);
}

/* The addresses are 2001:db8::`from` and 2001:db8::`to`. */
static inline struct frame ipv6(unsigned protocol, unsigned hops, uint32_t from, uint32_t to,
				const struct frame *payload) {
	struct frame frame = ethernet(0x86dd);
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

static inline struct frame udp(unsigned from, unsigned to) {
	struct frame payload = {.length = 0};
	put16(&payload, from);
	put16(&payload, to);
	put16(&payload, 12);
	put16(&payload, 0);
	put32(&payload, 0);
	return payload;
}

static inline struct frame tcp(unsigned from, unsigned to, unsigned flags) {
	struct frame payload = {.length = 0};
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

static inline struct frame icmp(unsigned type, unsigned id) {
	struct frame payload = {.length = 0};
	put16(&payload, type << 8);
	put16(&payload, 0);
	put16(&payload, id);
	put16(&payload, 1);
	return payload;
}

/* An ICMP error about `cause`, of which the IP header and eight more bytes are quoted. */
static inline struct frame icmp_error(unsigned type, const struct frame *cause, size_t header) {
	struct frame payload = icmp(type, 0);
	put(&payload, cause->bytes + 14, header + 8);
	return payload;
}

#endif
