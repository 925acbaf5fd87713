/* What the operator wants, as the guest keeps it. */
#ifndef PROBE_CONFIG_H
#define PROBE_CONFIG_H

#include "../../platform/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exports {
	bool wanted;
	uint32_t collector, source;
	uint16_t port;
	/* The receiver on the wire: the collector itself or the router to it. */
	uint8_t next_hop[6];
	/* The observation domain (RFC 7011, section 3.1). */
	uint32_t domain;
	/* The operator's private enterprise number; 0: only elements that everybody knows are exported. */
	uint32_t enterprise;
};

struct config {
	/* A flow is told of so long after its last packet, and so long after it was told of last. */
	uint64_t idle_seconds, active_seconds;
	struct exports exports;
};

/* Reads function.json's configSchema. `config` is spoiled when the answer is false. */
bool config_read(struct config *config, const char *json, size_t length, struct text *why);

#endif
