/* What the operator wants, as the guest keeps it. */
#ifndef DHCP_CONFIG_H
#define DHCP_CONFIG_H

#include "../../platform/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All leases together have to fit in what a function may save. */
#define POOL_MAX 48
#define RESERVATIONS_MAX 32
#define LIST_MAX 4
#define DOMAIN_MAX 64

struct addresses {
	size_t count;
	uint32_t items[LIST_MAX];
};

struct reservation {
	uint8_t mac[6];
	uint32_t address;
};

struct config {
	/* The addresses of the subscriber's network, and this server's own. */
	uint32_t network, mask, server;
	/* Inclusive; `first` is 0 where there is no pool. */
	uint32_t first, last;
	struct addresses routers, dns, ntp;
	char domain[DOMAIN_MAX];
	uint32_t lease_seconds;
	uint16_t mtu; /* 0: not told */
	size_t reservations;
	struct reservation reserved[RESERVATIONS_MAX];
};

/* Reads function.json's configSchema. `config` is spoiled when the answer is false. */
bool config_read(struct config *config, const char *json, size_t length, struct text *why);

#endif
