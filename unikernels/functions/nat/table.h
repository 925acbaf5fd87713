/*
 * What is translated to what. A mapping gives an inside endpoint an outside one, whomever it speaks to
 * (endpoint-independent mapping, RFC 4787, section 4.1); a session is a mapping's conversation with one remote
 * endpoint. A mapping lives as long as its sessions, and a forward for ever.
 *
 * Only packets from inside begin sessions and keep those alive that are no connections: whatever strangers send,
 * no place is taken and no port held open by it.
 *
 * All places are made at the start. Where there is none left, the session that was used least recently gives way:
 * among those that are easily begun again first, among established connections last.
 */
#ifndef NAT_TABLE_H
#define NAT_TABLE_H

#include "../../platform/arena.h"
#include "../../platform/text.h"
#include "config.h"
#include "datagram.h"

#include <stdbool.h>
#include <stdint.h>

struct mapping {
	struct endpoint inside, outside;
	uint32_t sessions, next_inside, next_outside;
	uint8_t protocol;
	/* `doomed` only while a configuration is put in force. */
	bool used, fixed, doomed;
};

/* What a packet is, as far as a table is concerned. */
struct step {
	uint8_t protocol, tcp_flags;
	/* Ours is the inside endpoint of a packet that goes out, and the outside one of a packet that comes in. */
	struct endpoint ours;
	/* Of an ICMP query or reply its port is 0. */
	struct endpoint remote;
};

struct table_numbers {
	uint64_t mappings, sessions, created, evicted;
};

void table_start(struct arena *memory, uint64_t seed);

/* What `config` has no place for any more is forgotten; its forwards are made. `config` must stay where it is. */
void table_configure(const struct config *config);

/* The mapping of a packet that goes out, made if need be; NULL when there is no port left. */
const struct mapping *table_out(const struct step *step, uint64_t now);

/*
 * The mapping of a packet that comes in. NULL when there is none, or when the filtering is strict, the mapping no forward, and
 * nothing was ever sent to this remote endpoint.
 */
const struct mapping *table_in(const struct step *step, uint64_t now);

/* The mapping of an endpoint, as it is now; NULL when there is none. Nothing is made or refreshed. */
const struct mapping *table_by_inside(uint8_t protocol, struct endpoint inside);
const struct mapping *table_by_outside(uint8_t protocol, struct endpoint outside);

/* Whether the mapping has a session with it. */
bool table_speaks_to(const struct mapping *mapping, struct endpoint remote);

/* Forgets what has run out by now. */
void table_expire(uint64_t now);

struct table_numbers table_numbers(void);

struct json;

/*
 * Writes the sessions as a JSON array of strings, connections before the rest and the latest first, as many as there is room
 * for in `limit` bytes; and reads it. Restored sessions have a life of full length before them. `asleep` is for how long nobody kept
 * watch: what had less to live is left out.
 */
void table_save(struct text *out, size_t limit);
void table_restore(struct json *json, uint64_t asleep, uint64_t now);

#endif
