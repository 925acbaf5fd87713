#include "fragments.h"

#include <string.h>

/* Packets in pieces at a time; the oldest is forgotten first. */
#define REMEMBERED 64

/* As long as a receiver waits for the rest (RFC 791 suggests 15 s, RFC 8200 says 60). */
#define LIFETIME 30000

struct memory {
	struct address from, to;
	uint32_t id;
	uint32_t vlan;
	uint8_t family, protocol;
	uint8_t side;
	bool used;
	uint32_t generation;
	uint32_t header_bytes;
	uint64_t since;
};

static struct memory memories[REMEMBERED];
static uint32_t next;

void fragments_start(void) {
	memset(memories, 0, sizeof(memories));
	next = 0;
}

static bool equal(const struct address *a, const struct address *b) {
	return a->high == b->high && a->low == b->low;
}

void fragments_remember(enum side from, const struct packet *packet, uint32_t generation, uint64_t now) {
	memories[next++ % REMEMBERED] = (struct memory){
		.from = packet->from,
		.to = packet->to,
		.id = packet->fragment_id,
		.vlan = packet->vlan,
		.family = packet->family,
		.protocol = packet->fragment_protocol,
		.side = (uint8_t)from,
		.used = true,
		.generation = generation,
		.header_bytes = packet->fragment_bytes,
		.since = now,
	};
}

bool fragments_allow(enum side from, const struct packet *packet, uint32_t generation, uint64_t now) {
	bool known = false;
	for (const struct memory *memory = memories; memory < memories + REMEMBERED; memory++) {
		if (!memory->used || memory->id != packet->fragment_id || memory->side != from ||
		    memory->generation != generation || now - memory->since >= LIFETIME ||
		    memory->family != packet->family || memory->protocol != packet->fragment_protocol ||
		    memory->vlan != packet->vlan || !equal(&memory->from, &packet->from) ||
		    !equal(&memory->to, &packet->to))
			continue;
		/* Two first fragments of one packet with headers of different sizes: the longer one counts. */
		if (packet->fragment_bytes < memory->header_bytes)
			return false;
		known = true;
	}
	return known;
}
