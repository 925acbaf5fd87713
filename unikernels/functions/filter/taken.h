/*
 * TCP connections that were taken over from their server: it has been told that the client has gone, and
 * until the client has really gone its segments are answered here. A fixed number; the oldest is forgotten first.
 */
#ifndef FILTER_TAKEN_H
#define FILTER_TAKEN_H

#include "../../common/packet.h"

struct connection {
	struct address client, server;
	uint32_t vlan;
	uint16_t client_port;
	uint8_t family;
};

struct taken {
	struct connection connection;
	/* The sequence number behind the end that we have sent. */
	uint32_t next;
	uint64_t until;
};

void taken_start(void);

/* NULL when it was not taken over, or long ago. */
struct taken *taken_find(const struct connection *connection, uint64_t now);

void taken_add(const struct connection *connection, uint32_t next, uint64_t now);

#endif
