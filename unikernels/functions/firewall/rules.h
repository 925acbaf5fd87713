/* What the operator wants, as the guest keeps it. */
#ifndef FIREWALL_RULES_H
#define FIREWALL_RULES_H

#include "../function.h"
#include "../../common/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MAX 1024
#define ANY_PROTOCOL 256

struct rule {
	bool allow;
	uint8_t directions; /* 1 << LEFT | 1 << RIGHT */
	uint16_t protocol;
	uint16_t port_low, port_high; /* 0 and 65535: any, or none */
	struct prefix from, to;
	uint64_t hits;
};

struct ruleset {
	bool allow_by_default;
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

/* The first rule that matches decides; the default where none does. */
bool rules_allow(const struct ruleset *set, const struct opening *opening);

/* The same for a packet, which counts as a hit of the rule. */
bool rules_judge(struct ruleset *set, const struct opening *opening);

#endif
