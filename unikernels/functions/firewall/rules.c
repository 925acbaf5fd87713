#include "rules.h"

#include "../../common/members.h"

static const struct {
	const char *name;
	uint16_t number;
} protocols[] = {
	{"tcp", PROTOCOL_TCP},
	{"udp", PROTOCOL_UDP},
	{"icmp", PROTOCOL_ICMP},
	{"icmpv6", PROTOCOL_ICMPV6},
};

static void read_protocol(struct json *json, struct rule *rule) {
	uint64_t number;
	if (!json_at_string(json)) {
		if (json_integer(json, 255, &number))
			rule->protocol = (uint16_t)number;
		return;
	}
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		if (same(word, protocols[i].name)) {
			rule->protocol = protocols[i].number;
			return;
		}
	}
	json_fail(json, "protocol must be tcp, udp, icmp, icmpv6 or a number up to 255");
}

static void read_port(struct json *json, struct rule *rule) {
	uint64_t low, high;
	if (!json_at_string(json)) {
		if (!json_integer(json, 65535, &low))
			return;
		high = low;
	} else {
		char word[WORD_MAX];
		if (!json_string(json, word, sizeof(word)))
			return;
		size_t length = strlen(word), dash = 0;
		while (dash < length && word[dash] != '-')
			dash++;
		if (dash == length || !text_parse_number(word, dash, 65535, &low) ||
		    !text_parse_number(word + dash + 1, length - dash - 1, 65535, &high)) {
			json_fail(json, "port must be a number or a range like 80-90");
			return;
		}
	}
	if (low == 0 || low > high) {
		json_fail(json, "port must be from 1 to 65535, the lower one first");
		return;
	}
	rule->port_low = (uint16_t)low;
	rule->port_high = (uint16_t)high;
}

static void read_prefix(struct json *json, struct prefix *prefix) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	const char *why = prefix_read(word, prefix);
	if (why)
		json_fail(json, why);
}

static void read_direction(struct json *json, struct rule *rule) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	if (same(word, "upstream"))
		rule->directions = 1 << LEFT;
	else if (same(word, "downstream"))
		rule->directions = 1 << RIGHT;
	else
		json_fail(json, "direction must be upstream or downstream");
}

/* What stands inside "allow" or "deny". */
static void read_match(struct json *json, struct rule *rule) {
	enum { PROTOCOL = 1, PORT = 2, FROM = 4, TO = 8, DIRECTION = 16 };
	unsigned seen = 0;
	char name[WORD_MAX];
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "protocol") && once(json, &seen, PROTOCOL))
			read_protocol(json, rule);
		else if (same(name, "port") && once(json, &seen, PORT))
			read_port(json, rule);
		else if (same(name, "from") && once(json, &seen, FROM))
			read_prefix(json, &rule->from);
		else if (same(name, "to") && once(json, &seen, TO))
			read_prefix(json, &rule->to);
		else if (same(name, "direction") && once(json, &seen, DIRECTION))
			read_direction(json, rule);
		else
			json_fail(json, "a rule has no such member");
	}
	if (seen & PORT && rule->protocol != PROTOCOL_TCP && rule->protocol != PROTOCOL_UDP)
		json_fail(json, "port needs protocol tcp or udp");
	if (rule->from.family && rule->to.family && rule->from.family != rule->to.family)
		json_fail(json, "from and to are of different families");
}

static void read_rule(struct json *json, struct rule *rule) {
	char name[WORD_MAX];
	unsigned actions = 0;
	*rule = (struct rule){
		.directions = 1 << LEFT | 1 << RIGHT,
		.protocol = ANY_PROTOCOL,
		.port_high = 65535,
	};
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		rule->allow = same(name, "allow");
		if (!rule->allow && !same(name, "deny"))
			json_fail(json, "a rule is either allow or deny");
		else if (actions++)
			json_fail(json, "a rule is either allow or deny, not both");
		else
			read_match(json, rule);
	}
	if (!actions)
		json_fail(json, "a rule is either allow or deny");
}

static void read_rules(struct json *json, struct ruleset *set) {
	for (list_begin(json, "rule"); list_next(json);) {
		if (set->count == RULES_MAX)
			json_fail(json, "more than 4096 rules");
		else
			read_rule(json, &set->rules[set->count++]);
	}
}

#define PACE_MAX 1000000

/* How many flows may begin; without a burst, as many at once as in a second. */
static void read_pace(struct json *json, struct pace *pace) {
	enum { PER_SECOND = 1, BURST = 2 };
	unsigned seen = 0;
	char name[WORD_MAX];
	uint64_t per_second = 0, burst = 0;
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "perSecond") && once(json, &seen, PER_SECOND)) {
			if (json_integer(json, PACE_MAX, &per_second) && per_second == 0)
				json_fail(json, "perSecond must be at least 1");
		} else if (same(name, "burst") && once(json, &seen, BURST)) {
			if (json_integer(json, PACE_MAX, &burst) && burst == 0)
				json_fail(json, "burst must be at least 1");
		} else {
			json_fail(json, "newFlows has no such member");
		}
	}
	if (!(seen & PER_SECOND))
		json_fail(json, "newFlows needs perSecond");
	*pace = (struct pace){(uint32_t)per_second, (uint32_t)(seen & BURST ? burst : per_second)};
}

static void read_default(struct json *json, struct ruleset *set) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	set->allow_by_default = same(word, "allow");
	if (!set->allow_by_default && !same(word, "deny"))
		json_fail(json, "default must be allow or deny");
}

static void read_log(struct json *json, struct ruleset *set) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	set->logs_denials = same(word, "denied");
	if (!set->logs_denials && !same(word, "nothing"))
		json_fail(json, "log must be denied or nothing");
}

bool rules_read(struct ruleset *set, const char *bytes, size_t length, struct text *why) {
	enum { DEFAULT = 1, RULES = 2, NEW_FLOWS = 4, LOG = 8 };
	unsigned seen = 0;
	struct json json;
	char name[WORD_MAX];
	set->count = 0;
	set->new_flows = (struct pace){0};
	set->logs_denials = false;
	json_start(&json, bytes, length, why);
	json_object(&json);
	while (json_member(&json, name, sizeof(name))) {
		if (same(name, "default") && once(&json, &seen, DEFAULT))
			read_default(&json, set);
		else if (same(name, "rules") && once(&json, &seen, RULES))
			read_rules(&json, set);
		else if (same(name, "newFlows") && once(&json, &seen, NEW_FLOWS))
			read_pace(&json, &set->new_flows);
		else if (same(name, "log") && once(&json, &seen, LOG))
			read_log(&json, set);
		else
			json_fail(&json, "the members are default, rules, newFlows and log");
	}
	if (!(seen & DEFAULT))
		json_fail(&json, "default is required");
	return json_end(&json);
}
