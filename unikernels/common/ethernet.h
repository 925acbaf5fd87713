/* What an Ethernet frame carries, behind its VLAN tags. Numbers on the wire are big-endian. */
#ifndef COMMON_ETHERNET_H
#define COMMON_ETHERNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_PROVIDER_VLAN 0x88a8
/* What gear older than 802.1ad puts in front of its tags. */
#define ETHERTYPE_OLD_VLAN 0x9100

#define ETHERNET_HEADER 14
#define VLAN_TAG 4

static inline uint16_t get16(const uint8_t *at) {
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t get32(const uint8_t *at) {
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline uint64_t get64(const uint8_t *at) {
	return (uint64_t)get32(at) << 32 | get32(at + 4);
}

static inline void set16(uint8_t *at, uint32_t value) {
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void set32(uint8_t *at, uint32_t value) {
	set16(at, value >> 16);
	set16(at + 2, value);
}

static inline bool is_vlan(uint16_t type) {
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_PROVIDER_VLAN || type == ETHERTYPE_OLD_VLAN;
}

struct ethernet {
	uint16_t type;
	/* Where what it carries begins; at most the frame's length. */
	size_t payload;
};

/*
 * Looks behind at most two tags (IEEE 802.1ad has no more): of a frame with three the third is what it
 * carries. `length` is at least 14. The type of a frame that ends within a tag is that tag's.
 */
static inline struct ethernet ethernet_read(const uint8_t *frame, size_t length) {
	struct ethernet read = {get16(frame + 12), ETHERNET_HEADER};
	for (int tags = 0; tags < 2; tags++) {
		if (!is_vlan(read.type) || length < read.payload + VLAN_TAG)
			break;
		read.type = get16(frame + read.payload + 2);
		read.payload += VLAN_TAG;
	}
	return read;
}

#endif
