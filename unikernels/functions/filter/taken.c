#include "taken.h"

#include <string.h>

#define PLACES 64
#define LIFETIME 30000000

static struct taken places[PLACES];
static unsigned next_place;

void taken_start(void) {
	memset(places, 0, sizeof(places));
	next_place = 0;
}

static bool same_address(const struct address *a, const struct address *b) {
	return a->high == b->high && a->low == b->low;
}

static bool same_connection(const struct connection *a, const struct connection *b) {
	return a->client_port == b->client_port && a->vlan == b->vlan && a->family == b->family &&
	       same_address(&a->client, &b->client) && same_address(&a->server, &b->server);
}

struct taken *taken_find(const struct connection *connection, uint64_t now) {
	for (struct taken *place = places; place < places + PLACES; place++)
		if (now < place->until && same_connection(&place->connection, connection))
			return place;
	return NULL;
}

void taken_add(const struct connection *connection, uint32_t next, uint64_t now) {
	struct taken *place = taken_find(connection, now);
	if (!place)
		place = &places[next_place++ % PLACES];
	*place = (struct taken){*connection, next, now + LIFETIME};
}
