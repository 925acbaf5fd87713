#include "fragments.h"

#include <string.h>

#define SECOND 1000000ull
#define KNOWN 64
#define WAITING 16
/* RFC 791 and RFC 4963: a receiver waits for the rest of a packet for about so long. */
#define KNOWN_TIME (15 * SECOND)
#define WAITING_TIME (2 * SECOND)

struct key {
	uint32_t from, to;
	uint16_t id;
	uint8_t protocol;
	uint8_t side;
};

struct known {
	struct key key;
	uint64_t until;
	struct way way;
};

struct waiting {
	struct key key;
	uint64_t until; /* 0: free */
	size_t length;
	uint8_t bytes[FRAME_MAX];
};

static struct known known[KNOWN];
static struct waiting waiting[WAITING];
static size_t next_known, next_waiting;

void fragments_start(void) {
	memset(known, 0, sizeof(known));
	for (size_t i = 0; i < WAITING; i++)
		waiting[i].until = 0;
}

static struct key key_of(enum side side, const struct datagram *packet) {
	return (struct key){packet->from.address, packet->to.address, packet->id, packet->protocol, (uint8_t)side};
}

static bool same_key(const struct key *a, const struct key *b) {
	return a->from == b->from && a->to == b->to && a->id == b->id && a->protocol == b->protocol &&
	       a->side == b->side;
}

static struct known *find(const struct key *key, uint64_t now) {
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].until > now && same_key(&known[i].key, key))
			return &known[i];
	return NULL;
}

void fragments_remember(enum side side, const struct datagram *packet, struct way way, uint64_t now) {
	if (!packet->fragmented)
		return;
	struct key key = key_of(side, packet);
	struct known *place = find(&key, now);
	if (!place)
		place = &known[next_known++ % KNOWN];
	*place = (struct known){key, now + KNOWN_TIME, way};
}

const struct way *fragments_way(enum side side, const struct datagram *packet, uint64_t now) {
	struct key key = key_of(side, packet);
	const struct known *place = find(&key, now);
	return place ? &place->way : NULL;
}

void fragments_wait(enum side side, const struct datagram *packet, const struct frame *frame, uint64_t now) {
	struct waiting *place = &waiting[next_waiting++ % WAITING];
	place->key = key_of(side, packet);
	place->until = now + WAITING_TIME;
	place->length = frame->length;
	memcpy(place->bytes, frame->bytes, frame->length);
}

uint8_t *fragments_waiting(enum side side, const struct datagram *packet, size_t *length, uint64_t now) {
	struct key key = key_of(side, packet);
	for (size_t i = 0; i < WAITING; i++) {
		if (waiting[i].until <= now || !same_key(&waiting[i].key, &key))
			continue;
		waiting[i].until = 0;
		*length = waiting[i].length;
		return waiting[i].bytes;
	}
	return NULL;
}
