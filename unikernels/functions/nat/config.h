/* What the operator wants, as the guest keeps it. */
#ifndef NAT_CONFIG_H
#define NAT_CONFIG_H

#include "../../platform/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORWARDS_MAX 64
#define PORT_MIN 1024

struct network {
	uint32_t prefix, mask;
};

static inline bool network_has(const struct network *network, uint32_t address) {
	return (address & network->mask) == network->prefix;
}

/* Neither the network's own address nor its broadcast address. */
static inline bool network_has_host(const struct network *network, uint32_t address) {
	uint32_t host = address & ~network->mask;
	return network_has(network, address) && host != 0 && host != ~network->mask;
}

/* Ports, or identifiers of ICMP queries; both ends included. */
struct ports {
	uint16_t first, last;
};

struct forward {
	uint8_t protocol;
	uint16_t port, to_port;
	uint32_t to;
};

struct config {
	/* The subscriber's network and this function's address in it, which is its router. */
	struct network inside;
	uint32_t inside_address;
	struct network outside;
	/* What inside addresses become, and the router to what is not in `outside`. */
	uint32_t outside_address, gateway;
	/* Those to translate to. */
	struct ports ports;
	/* So many of them for each inside address, by its place in the network; 0: all for everyone. */
	uint16_t block_size;
	/* Whether only who was spoken to may answer (address and port-dependent filtering, RFC 4787, section 5). */
	bool strict;
	size_t forwards;
	struct forward forwarded[FORWARDS_MAX];
};

/* Reads function.json's configSchema. `config` is spoiled when the answer is false. */
bool config_read(struct config *config, const char *json, size_t length, struct text *why);

/*
 * The ports that an inside address may have: the same ones for the same configuration, so that it is enough to tell who
 * had which.
 */
struct ports config_ports(const struct config *config, uint8_t protocol, uint32_t inside);

#endif
