/* Addresses and their prefixes, as people write them. */
#ifndef COMMON_PREFIX_H
#define COMMON_PREFIX_H

#include "../platform/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The bits of an address in the order in which they are written; IPv4 in the last 32. */
struct address {
	uint64_t high, low;
};

struct prefix {
	uint8_t family; /* 4 or 6; 0: any address */
	struct address address, mask;
};

/* 10.0.0.0/8, 2001:db8::/32, or one address. NULL or what is wrong. */
const char *prefix_read(const char *string, struct prefix *prefix);

/* One IPv4 address in dotted form, nothing else; false when it is not one. */
bool ipv4_read(const char *string, uint32_t *address);

void text_ipv4(struct text *text, uint32_t address);

/* An address of either family, IPv6 as RFC 5952 wants it written. */
void text_address(struct text *text, uint8_t family, const struct address *address);

/* Whether an address, whose family is 4 or 6, is in it. */
static inline bool prefix_has(const struct prefix *prefix, uint8_t family, const struct address *address) {
	if (prefix->family == 0)
		return true;
	return prefix->family == family && ((address->high ^ prefix->address.high) & prefix->mask.high) == 0 &&
	       ((address->low ^ prefix->address.low) & prefix->mask.low) == 0;
}

#endif
