#include "neighbours.h"

#include "../../common/ethernet.h"
#include "../function.h"

#include <string.h>

#define SECOND 1000000ull
/* After so long a neighbour is asked for again (RFC 1122, section 2.3.2.1, wants about a minute). */
#define FRESH (60 * SECOND)
#define ASK_EVERY SECOND

/* A neighbour may stand in one of WAYS places. */
#define SETS 64
#define WAYS 4

struct neighbour {
	uint32_t address; /* 0: free */
	bool known;
	uint8_t mac[6];
	uint64_t confirmed, asked, used;
};

#define WAITING 16
/* What has waited longer would not be expected any more. */
#define WAITING_TIME (3 * SECOND)

struct waiting {
	uint32_t address; /* 0: free */
	uint64_t since;
	size_t length;
	uint8_t bytes[FRAME_MAX];
};

static struct neighbour tables[2][SETS][WAYS];
static struct waiting waiting[2][WAITING];
/* The place that is taken next, which is that of the oldest. */
static size_t next_waiting[2];
static uint8_t own_macs[2][6];

static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void neighbours_start(const uint8_t macs[2][6]) {
	memset(tables, 0, sizeof(tables));
	for (int side = LEFT; side <= RIGHT; side++)
		for (size_t i = 0; i < WAITING; i++)
			waiting[side][i].address = 0;
	next_waiting[LEFT] = next_waiting[RIGHT] = 0;
	memcpy(own_macs, macs, sizeof(own_macs));
}

static struct neighbour *set_of(enum side side, uint32_t address) {
	return tables[side][address * 0x9e3779b1u >> 26];
}

static struct neighbour *find(enum side side, uint32_t address) {
	struct neighbour *set = set_of(side, address);
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].address == address)
			return &set[i];
	return NULL;
}

static struct neighbour *place_for(enum side side, uint32_t address, uint64_t now) {
	struct neighbour *place = find(side, address), *set = set_of(side, address);
	if (place)
		return place;
	place = set;
	for (size_t i = 1; i < WAYS && place->address; i++)
		if (!set[i].address || set[i].used < place->used)
			place = &set[i];
	*place = (struct neighbour){.address = address, .used = now};
	return place;
}

static void write_addresses(enum side side, const struct neighbour *neighbour, uint8_t *frame) {
	memcpy(frame, neighbour->mac, 6);
	memcpy(frame + 6, own_macs[side], 6);
}

/* Oldest first. */
static void send_waiting(enum side side, const struct neighbour *neighbour, uint64_t now) {
	for (size_t i = 0; i < WAITING; i++) {
		struct waiting *place = &waiting[side][(next_waiting[side] + i) % WAITING];
		if (place->address != neighbour->address)
			continue;
		place->address = 0;
		if (now - place->since >= WAITING_TIME)
			continue;
		write_addresses(side, neighbour, place->bytes);
		send_frame(side, place->bytes, place->length);
	}
}

void neighbour_learn(enum side side, uint32_t address, const uint8_t mac[6], enum newcomers newcomers, uint64_t now) {
	if (mac[0] & 1 || (newcomers == KNOWN_ONLY && !find(side, address)))
		return;
	struct neighbour *neighbour = place_for(side, address, now);
	bool waited_for = !neighbour->known;
	memcpy(neighbour->mac, mac, 6);
	neighbour->known = true;
	neighbour->confirmed = now;
	if (waited_for)
		send_waiting(side, neighbour, now);
}

#define ARP_LENGTH 28
static const uint8_t arp_header[] = {0, 1, 8, 0, 6, 4, 0};

static void send_question(enum side side, uint32_t own, uint32_t address) {
	uint8_t frame[ETHERNET_HEADER + ARP_LENGTH] = {0}, *arp = frame + ETHERNET_HEADER;
	memcpy(frame, everybody, 6);
	memcpy(frame + 6, own_macs[side], 6);
	set16(frame + 12, ETHERTYPE_ARP);
	memcpy(arp, arp_header, sizeof(arp_header));
	arp[7] = 1;
	memcpy(arp + 8, own_macs[side], 6);
	set32(arp + 14, own);
	set32(arp + 24, address);
	send_frame(side, frame, sizeof(frame));
}

void neighbour_announce(enum side side, uint32_t own) {
	send_question(side, own, own);
}

bool neighbour_address(enum side side, uint32_t address, uint32_t own, struct frame *frame, uint64_t now) {
	struct neighbour *neighbour = place_for(side, address, now);
	bool fresh = neighbour->known && now - neighbour->confirmed < FRESH;
	neighbour->used = now;
	if (!fresh && (neighbour->asked == 0 || now - neighbour->asked >= ASK_EVERY)) {
		neighbour->asked = now ? now : 1;
		send_question(side, own, address);
	}
	if (neighbour->known) {
		write_addresses(side, neighbour, frame->bytes);
		return true;
	}
	struct waiting *place = &waiting[side][next_waiting[side]++ % WAITING];
	place->address = address;
	place->since = now;
	place->length = frame->length;
	memcpy(place->bytes, frame->bytes, frame->length);
	return false;
}

bool arp_read(struct arp *arp, const struct frame *frame) {
	const uint8_t *at = frame->bytes + ETHERNET_HEADER;
	if (frame->length < ETHERNET_HEADER + ARP_LENGTH || memcmp(at, arp_header, sizeof(arp_header)) != 0)
		return false;
	if ((at[7] != 1 && at[7] != 2) || at[8] & 1)
		return false;
	*arp = (struct arp){.asks = at[7] == 1, .sender = get32(at + 14), .target = get32(at + 24)};
	memcpy(arp->mac, at + 8, 6);
	return true;
}

void arp_answer(enum side side, const struct arp *arp, struct frame *frame) {
	uint8_t *at = frame->bytes + ETHERNET_HEADER;
	memcpy(frame->bytes, arp->mac, 6);
	memcpy(frame->bytes + 6, own_macs[side], 6);
	at[7] = 2;
	memcpy(at + 8, own_macs[side], 6);
	set32(at + 14, arp->target);
	memcpy(at + 18, arp->mac, 6);
	set32(at + 24, arp->sender);
}
