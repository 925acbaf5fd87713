/* The Internet checksum: one's complement of the one's complement sum of 16-bit words (RFC 1071). */
#ifndef COMMON_CHECKSUM_H
#define COMMON_CHECKSUM_H

#include "ethernet.h"

/* Adds bytes to a sum that is not folded yet; an odd last byte counts as the upper half of a word. */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length) {
	for (; length > 1; bytes += 2, length -= 2)
		sum += get16(bytes);
	return length ? sum + (uint64_t)(*bytes << 8) : sum;
}

static inline uint16_t checksum_fold(uint64_t sum) {
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The checksum field that goes with a header in which a word has changed (RFC 1624, equation 3). */
static inline void checksum_update(uint8_t *field, uint16_t before, uint16_t after) {
	uint64_t sum = (uint64_t)(uint16_t)~get16(field) + (uint16_t)~before + after;
	set16(field, (uint16_t)~checksum_fold(sum));
}

#endif
