/*
 * The classifier and the plain reading of what rules mean, one rule after the other: on any rules and any packet
 * they must find the same.
 *
 *	build/test/classifier [rounds] [seed]
 */
#include "../functions/firewall/classifier.h"

#include "check.h"

static struct ruleset set;
static struct classifier classifier;
static uint64_t state;

static uint32_t random32(void) {
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 33);
}

static unsigned below(unsigned limit) {
	return random32() % limit;
}

static int first_by_asking_all(const struct opening *opening) {
	for (size_t i = 0; i < set.count; i++)
		if (rule_matches(&set.rules[i], opening))
			return (int)i;
	return -1;
}

/* Few enough values that rules and packets meet, with the ends of the range among them. */
static struct address some_address(unsigned family, unsigned spread) {
	static const uint64_t ends[] = {0, 1, ~0ull, ~0ull - 1, 1ull << 63};
	struct address address = {0, 0x0a000000 + below(spread)};
	if (below(10) == 0)
		address.low = below(2) ? 0 : 0xffffffff;
	if (family == 4)
		return address;
	address = (struct address){0x20010db800000000 + below(4), (uint64_t)below(spread) << below(64)};
	if (below(10) == 0)
		address = (struct address){ends[below(5)], ends[below(5)]};
	return address;
}

static struct prefix some_prefix(unsigned family, unsigned spread) {
	static const unsigned usual[] = {8, 16, 24, 28, 30, 31, 32};
	unsigned bits = below(4) ? usual[below(7)] : below(33);
	struct prefix prefix = {.family = (uint8_t)family, .address = some_address(family, spread)};
	if (family == 4) {
		prefix.mask = (struct address){~0ull, ~0ull << (32 - bits)};
	} else {
		bits = below(2) ? 128 : below(129);
		prefix.mask.high = bits == 0 ? 0 : bits >= 64 ? ~0ull : ~0ull << (64 - bits);
		prefix.mask.low = bits <= 64 ? 0 : ~0ull << (128 - bits);
	}
	prefix.address.high &= prefix.mask.high;
	prefix.address.low &= prefix.mask.low;
	return prefix;
}

/* How rules are written: how many of them name each field, and how many different values there are. */
struct style {
	unsigned protocol, port, from, to, spread; /* the first four of 8 */
};

static void some_rules(size_t count, struct style style) {
	static const uint16_t protocols[] = {6, 17, 1, 58, 0, 255};
	set.count = count;
	for (size_t i = 0; i < count; i++) {
		struct rule rule = {.directions = (uint8_t)(1 + below(3)), .protocol = ANY_PROTOCOL, .port_high = 65535};
		unsigned family = below(2) ? 4 : 6;
		if (below(8) < style.protocol)
			rule.protocol = protocols[below(6)];
		if (below(8) < style.port) {
			rule.protocol = below(2) ? 6 : 17;
			rule.port_low = (uint16_t)(1 + below(below(2) ? style.spread : 65535));
			rule.port_high = below(2) ? rule.port_low : (uint16_t)(rule.port_low + below(65536u - rule.port_low));
		}
		if (below(8) < style.from)
			rule.from = some_prefix(family, style.spread);
		if (below(8) < style.to)
			rule.to = some_prefix(family, style.spread);
		set.rules[i] = rule;
	}
}

static struct opening some_opening(unsigned spread) {
	static const uint8_t protocols[] = {6, 17, 1, 58, 0, 255, 89};
	struct opening opening = {.family = below(2) ? 4 : 6, .protocol = protocols[below(7)], .side = below(2) ? LEFT : RIGHT};
	opening.from = some_address(opening.family, spread);
	opening.to = some_address(opening.family, spread);
	if (opening.protocol == 6 || opening.protocol == 17)
		opening.port = below(8) ? (uint16_t)below(below(2) ? spread + 2 : 65536) : below(2) ? 0 : 65535;
	return opening;
}

static unsigned long found;

static void compare(size_t count, struct style style, unsigned packets) {
	some_rules(count, style);
	classifier_build(&classifier, &set);
	for (unsigned i = 0; i < packets; i++) {
		struct opening opening = some_opening(style.spread);
		int wanted = first_by_asking_all(&opening);
		CHECK(classifier_find(&classifier, &opening) == wanted);
		found += wanted >= 0;
	}
}

/* Ranges one within the other, in no order: the most that sets can hold. */
static void nested_ranges(void) {
	set.count = RULES_MAX;
	for (unsigned i = 0; i < RULES_MAX; i++) {
		unsigned n = i * 2551 % RULES_MAX;
		set.rules[i] = (struct rule){.directions = 3, .protocol = 6, .port_low = (uint16_t)(8 * n + 1),
					     .port_high = (uint16_t)(65535 - 4 * n)};
	}
	classifier_build(&classifier, &set);
	CHECK(classifier.dimensions[1].count < 2 * RULES_MAX);
	for (unsigned port = 0; port < 65536; port += 7) {
		struct opening opening = {.family = 4, .protocol = 6, .side = LEFT, .port = (uint16_t)port};
		CHECK(classifier_find(&classifier, &opening) == first_by_asking_all(&opening));
	}
}

int main(int argc, char **argv) {
	static const struct style styles[] = {
		{4, 4, 4, 4, 40}, {8, 8, 8, 8, 10}, {0, 0, 0, 8, 5000}, {2, 4, 1, 1, 3000}, {1, 1, 7, 7, 300}, {1, 0, 0, 0, 5},
	};
	static const size_t counts[] = {0, 1, 2, 63, 64, 65, 300, RULES_MAX};
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 2;
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct arena memory = {.size = 3 << 20};
	memory.start = calloc(1, memory.size);
	CHECK(classifier_start(&classifier, &memory));
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++)
			for (size_t j = 0; j < sizeof(counts) / sizeof(*counts); j++)
				compare(counts[j], styles[i], 2000);
	/* Packets that no rule is about would prove nothing. */
	CHECK(found > checks / 4 && found < checks);
	nested_ranges();
	free(memory.start);
	return DONE("classifier");
}
