/* What the operator wants, as the guest keeps it. */
#ifndef FIREWALL_RULES_H
#define FIREWALL_RULES_H

#include "../function.h"
#include "../../common/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MAX 4096
#define ANY_PROTOCOL 256

struct rule {
	bool allow;
	uint8_t directions; /* 1 << LEFT | 1 << RIGHT */
	uint16_t protocol;
	uint16_t port_low, port_high; /* 0 and 65535: any, or none */
	struct prefix from, to;
	uint64_t hits;
};

/* So many flows a second may begin, and so many at once. */
struct pace {
	uint32_t per_second; /* 0: as many as come */
	uint32_t burst;
};

struct ruleset {
	bool allow_by_default;
	bool logs_denials;
	struct pace new_flows;
	size_t count;
	struct rule rules[RULES_MAX];
};

/* How a flow begins: this is what rules are about. */
struct opening {
	uint8_t family, protocol;
	enum side side;
	struct address from, to;
	uint16_t port;
};

/* Reads function.json's configSchema. `set` is spoiled when the answer is false. */
bool rules_read(struct ruleset *set, const char *json, size_t length, struct text *why);

static inline bool rule_matches(const struct rule *rule, const struct opening *opening) {
	return (rule->protocol == ANY_PROTOCOL || rule->protocol == opening->protocol) &&
	       opening->port >= rule->port_low && opening->port <= rule->port_high &&
	       rule->directions & 1 << opening->side && prefix_has(&rule->from, opening->family, &opening->from) &&
	       prefix_has(&rule->to, opening->family, &opening->to);
}

#endif
