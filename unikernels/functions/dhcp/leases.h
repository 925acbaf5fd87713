/*
 * Who has which address. There is a place for each address that may be given, and for no more, so a client
 * that pretends to be many can use up its own pool and nothing else.
 */
#ifndef DHCP_LEASES_H
#define DHCP_LEASES_H

#include "config.h"

#include <stdbool.h>
#include <stdint.h>

#define CLIENT_ID_MAX 32

/*
 * Who a client is: its identifier (option 61), or type and MAC where it gives none. Of a longer one the end counts, where
 * the parts that differ are (RFC 4361), with its true length.
 */
struct client {
	uint8_t length;
	uint8_t bytes[CLIENT_ID_MAX];
};

enum lease_state {
	/* Nobody's; `client` is who had it last, and gets it again if nobody else needed it. */
	LEASE_FREE,
	LEASE_OFFERED,
	LEASE_GIVEN,
	/* A client has found somebody else there. */
	LEASE_DECLINED,
};

struct lease {
	uint32_t address;
	bool reserved;
	enum lease_state state;
	struct client client;
	/* Microseconds: when the state ends by itself, and when it began. */
	uint64_t until, since;
};

/* Places for what `config` has to give; leases that are still possible live on. */
void leases_arrange(const struct config *config);

/* Forgets everything. */
void leases_start(void);

/*
 * The address to offer: the one reserved for this MAC, else the one that the client has or had last, else the one
 * that it wishes for, else the one that has been nobody's for longest. NULL when all are taken.
 */
struct lease *leases_choose(const struct client *client, const uint8_t mac[6], uint32_t wish, uint64_t now);

/* The place of an address; NULL when it is none that we give. */
struct lease *leases_of(uint32_t address);

/* Whether this client may have it now. */
bool lease_open_to(const struct lease *lease, const struct client *client, const uint8_t mac[6], uint64_t now);

/* Whether it is this client's: offered to it or given, and not at its end. */
bool lease_held(const struct lease *lease, const struct client *client, uint64_t now);

/* Whether this client is on record: something is offered or given to it. */
bool leases_know(const struct client *client, uint64_t now);

void lease_set(struct lease *lease, enum lease_state state, const struct client *client, uint64_t now, uint64_t until);

uint64_t leases_count(uint64_t now);

/* The given leases as a JSON array, `wall` being the time of day in seconds; and back. False for what is none. */
void leases_save(struct text *out, uint64_t now, uint64_t wall);
bool leases_restore(const char *json, size_t length, uint64_t now, uint64_t wall);

#endif
