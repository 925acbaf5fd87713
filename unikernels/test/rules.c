#include "../functions/firewall/classifier.h"

#include "check.h"

static struct ruleset set;
static char reason[200];

static bool read_rules(const char *json) {
	struct text why = TEXT_OVER(reason);
	bool good = rules_read(&set, json, strlen(json), &why);
	text_terminate(&why);
	return good;
}

static void refused(const char *json, const char *wanted) {
	CHECK(!read_rules(json));
	if (strncmp(reason, wanted, strlen(wanted)) != 0)
		CHECK_TEXT(reason, wanted);
	checks++;
}

static void configurations(void) {
	CHECK(read_rules("{\"default\":\"deny\",\"rules\":[]}"));
	CHECK(!set.allow_by_default && set.count == 0);
	CHECK(read_rules("{\"default\":\"allow\"}"));
	CHECK(read_rules("{\"rules\":[{\"allow\":{}},{\"deny\":{\"protocol\":\"tcp\",\"port\":\"80-90\","
			 "\"from\":\"10.0.0.0/8\",\"to\":\"192.0.2.1\",\"direction\":\"upstream\"}}],\"default\":\"allow\"}"));
	CHECK(set.allow_by_default && set.count == 2 && set.rules[0].allow && !set.rules[1].allow);
	CHECK(set.rules[1].port_low == 80 && set.rules[1].port_high == 90 && set.rules[1].protocol == 6);
	CHECK(set.rules[1].directions == 1 << LEFT);

	refused("", "an object is expected");
	refused("{}", "default is required");
	refused("{\"default\":\"maybe\"}", "default must be allow or deny");
	refused("{\"default\":\"deny\",\"default\":\"deny\"}", "a member is given twice");
	refused("{\"default\":\"deny\",\"policy\":1}", "the members are default, rules, newFlows and log");
	refused("{\"default\":\"deny\",\"rules\":{}}", "an array is expected");
	refused("{\"default\":\"deny\"} x", "something follows the end");
#define RULE(text) "{\"default\":\"deny\",\"rules\":[{\"allow\":{}}," text "]}"
	refused(RULE("{}"), "rule 1: a rule is either allow or deny");
	refused(RULE("{\"allow\":{},\"deny\":{}}"), "rule 1: a rule is either allow or deny, not both");
	refused(RULE("{\"reject\":{}}"), "rule 1: a rule is either allow or deny");
	refused(RULE("{\"allow\":{\"prot\":6}}"), "rule 1: a rule has no such member");
	refused(RULE("{\"allow\":{\"protocol\":\"sctp\"}}"), "rule 1: protocol must be");
	refused(RULE("{\"allow\":{\"protocol\":256}}"), "rule 1: a whole number in range");
	refused(RULE("{\"allow\":{\"port\":80}}"), "rule 1: port needs protocol tcp or udp");
	refused(RULE("{\"allow\":{\"protocol\":\"icmp\",\"port\":80}}"), "rule 1: port needs protocol");
	refused(RULE("{\"allow\":{\"protocol\":\"tcp\",\"port\":0}}"), "rule 1: port must be from 1");
	refused(RULE("{\"allow\":{\"protocol\":\"tcp\",\"port\":\"90-80\"}}"), "rule 1: port must be from 1");
	refused(RULE("{\"allow\":{\"protocol\":\"tcp\",\"port\":\"80\"}}"), "rule 1: port must be a number or");
	refused(RULE("{\"allow\":{\"protocol\":\"tcp\",\"port\":\"80-65536\"}}"), "rule 1: port must be a number");
	refused(RULE("{\"allow\":{\"from\":\"10.0.0.1/8\"}}"), "rule 1: a prefix has bits beyond its length");
	refused(RULE("{\"allow\":{\"from\":\"10.0.0.0/8\",\"to\":\"::/0\"}}"), "rule 1: from and to are of");
	refused(RULE("{\"allow\":{\"direction\":\"left\"}}"), "rule 1: direction must be");
	refused(RULE("{\"allow\":{\"from\":\"1\",\"from\":\"1\"}}"), "rule 1: not an IPv4 or IPv6 prefix");
}

static void too_many(void) {
	static char json[131072];
	size_t length = (size_t)sprintf(json, "{\"default\":\"deny\",\"rules\":[");
	for (int i = 0; i < RULES_MAX; i++)
		length += (size_t)sprintf(json + length, "%s{\"allow\":{}}", i ? "," : "");
	sprintf(json + length, "]}");
	CHECK(read_rules(json) && set.count == RULES_MAX);
	sprintf(json + length, ",{\"deny\":{}}]}");
	refused(json, "rule 4096: more than 4096 rules");
}

static void prefixes(void) {
	static const struct {
		const char *text;
		uint8_t family;
		uint64_t high, low, mask_high, mask_low;
	} good[] = {
		{"0.0.0.0/0", 4, 0, 0, ~0ull, ~0ull << 32},
		{"10.0.0.0/8", 4, 0, 0x0a000000, ~0ull, ~0ull << 24},
		{"192.0.2.1", 4, 0, 0xc0000201, ~0ull, ~0ull},
		{"255.255.255.255/32", 4, 0, 0xffffffff, ~0ull, ~0ull},
		{"::/0", 6, 0, 0, 0, 0},
		{"::", 6, 0, 0, ~0ull, ~0ull},
		{"::1", 6, 0, 1, ~0ull, ~0ull},
		{"2001:db8::/32", 6, 0x20010db800000000, 0, ~0ull << 32, 0},
		{"2001:DB8:1:2::/64", 6, 0x20010db800010002, 0, ~0ull, 0},
		{"2001:db8::8000:0:0:0/65", 6, 0x20010db800000000, 1ull << 63, ~0ull, 1ull << 63},
		{"1:2:3:4:5:6:7:8", 6, 0x0001000200030004, 0x0005000600070008, ~0ull, ~0ull},
		{"1::8", 6, 0x0001000000000000, 8, ~0ull, ~0ull},
		{"1:2:3:4:5:6:7::", 6, 0x0001000200030004, 0x0005000600070000, ~0ull, ~0ull},
		{"::ffff:192.0.2.1", 6, 0, 0x0000ffffc0000201, ~0ull, ~0ull},
	};
	static const char *bad[] = {
		"", "/", "/8", "10", "10.0.0", "10.0.0.0.0", "10.0.0.256", "10.0.0.", ".0.0.0", "010.0.0.0", "10.0.0.0/",
		"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.1/31", ":", ":::", "1:", ":1", "1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1::", "1::2::3", "12345::", "g::", "::/129", "::1/64",
		"::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "fe80::1%eth0", "::1 ", " ::1",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct prefix prefix = {0};
		const char *why = prefix_read(good[i].text, &prefix);
		if (why)
			CHECK_TEXT(good[i].text, why);
		CHECK(prefix.family == good[i].family);
		CHECK(prefix.address.high == good[i].high && prefix.address.low == good[i].low);
		CHECK(prefix.mask.high == good[i].mask_high && prefix.mask.low == good[i].mask_low);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct prefix prefix = {0};
		if (!prefix_read(bad[i], &prefix))
			CHECK_TEXT(bad[i], "a reason");
		checks++;
	}
}

/* What the configuration says of this beginning. */
static bool allows(struct classifier *classifier, const struct opening *opening) {
	int found = classifier_find(classifier, opening);
	return found < 0 ? set.allow_by_default : set.rules[found].allow;
}

static void deciding(void) {
	struct opening opening = {.family = 4, .protocol = 6, .side = LEFT, .from = {0, 0x0a000001},
				  .to = {0, 0xc0000201}, .port = 80};
	struct arena memory = {.size = 3 << 20};
	struct classifier classifier;
	memory.start = calloc(1, memory.size);
	CHECK(classifier_start(&classifier, &memory));
	CHECK(read_rules("{\"default\":\"deny\",\"rules\":["
			 "{\"deny\":{\"protocol\":\"tcp\",\"port\":\"80-90\",\"to\":\"192.0.2.2\"}},"
			 "{\"allow\":{\"protocol\":\"tcp\",\"port\":80,\"direction\":\"upstream\"}},"
			 "{\"allow\":{\"from\":\"::/0\"}}]}"));
	classifier_build(&classifier, &set);
	CHECK(allows(&classifier, &opening));
	opening.to.low++;
	CHECK(!allows(&classifier, &opening));
	CHECK(classifier_find(&classifier, &opening) == 0);
	opening.port = 91;
	CHECK(!allows(&classifier, &opening));
	opening.port = 80;
	opening.to.low--;
	opening.side = RIGHT;
	CHECK(!allows(&classifier, &opening));
	opening.family = 6;
	CHECK(allows(&classifier, &opening));
	free(memory.start);
}

static void paces_and_logs(void) {
	CHECK(read_rules("{\"default\":\"deny\"}"));
	CHECK(set.new_flows.per_second == 0 && !set.logs_denials);
	CHECK(read_rules("{\"default\":\"deny\",\"newFlows\":{\"perSecond\":50},\"log\":\"denied\"}"));
	CHECK(set.new_flows.per_second == 50 && set.new_flows.burst == 50 && set.logs_denials);
	CHECK(read_rules("{\"default\":\"deny\",\"newFlows\":{\"perSecond\":1000000,\"burst\":1},\"log\":\"nothing\"}"));
	CHECK(set.new_flows.per_second == 1000000 && set.new_flows.burst == 1 && !set.logs_denials);
	refused("{\"default\":\"deny\",\"newFlows\":{}}", "newFlows needs perSecond");
	refused("{\"default\":\"deny\",\"newFlows\":{\"perSecond\":0}}", "perSecond must be at least 1");
	refused("{\"default\":\"deny\",\"newFlows\":{\"perSecond\":1000001}}", "a whole number in range");
	refused("{\"default\":\"deny\",\"newFlows\":{\"perSecond\":1,\"burst\":0}}", "burst must be at least 1");
	refused("{\"default\":\"deny\",\"newFlows\":{\"rate\":1}}", "newFlows has no such member");
	refused("{\"default\":\"deny\",\"log\":\"all\"}", "log must be denied or nothing");
}

static void addresses(void) {
	static const char *const texts[] = {"0.0.0.0", "192.0.2.255", "::", "::1", "2001:db8::", "2001:db8::1:0:0:1", "1:0:0:2::3",
					    "1:2:3:4:5:6:7:8", "fe80::ff:fe00:1", "1:2:0:4:5:6:7:8"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char bytes[50];
		struct text text = TEXT_OVER(bytes);
		struct prefix prefix;
		CHECK(!prefix_read(texts[i], &prefix));
		text_address(&text, prefix.family, &prefix.address);
		text_terminate(&text);
		CHECK_TEXT(bytes, texts[i]);
	}
}

int main(void) {
	configurations();
	too_many();
	prefixes();
	deciding();
	paces_and_logs();
	addresses();
	return DONE("rules");
}
