/*
 * A stateful firewall as a bump in the wire.
 *
 * The rules judge the first packet of a flow; what belongs to a flow that they allowed passes.
 * After a change of the rules a flow is judged again, once, when its next packet comes.
 *
 * TCP begins with SYN, and a SYN is always judged as the beginning that it claims to be, unless
 * it repeats the one that opened its flow. A segment of a conversation that we did not see begin
 * (this instance was started in its middle) is judged as if its sender had begun it.
 * Sequence numbers and checksums are not looked at.
 */
#include "../../common/packet.h"
#include "../function.h"
#include "classifier.h"
#include "denials.h"
#include "flows.h"
#include "fragments.h"
#include "pace.h"
#include "rules.h"

/* The one in force, and the one that the next configuration is read into. */
static struct ruleset *rules, *spare;
static struct classifier classifier;

/* Times of flows and fragments are in milliseconds. */
#define MILLISECOND 1000

/* Which rules a flow was judged by. */
static uint32_t generation;

static uint64_t allowed, denied, malformed, evicted, limited;

/* What becomes of a packet, and why. */
enum ruling { ALLOWED, DENIED_BY_RULE, DENIED_BY_DEFAULT, DENIED_OUTSIDE_FLOW, DENIED_BY_PACE, DENIED_FRAGMENT };
/* Which rule it was, after DENIED_BY_RULE. */
static int denying_rule;

static void start(const struct identity *identity, struct arena *memory) {
	rules = arena_take(memory, sizeof(*rules));
	spare = arena_take(memory, sizeof(*spare));
	if (!rules || !spare || !classifier_start(&classifier, memory) || !flows_start(memory, identity->seed))
		panic("the firewall has too little memory");
	classifier_build(&classifier, rules);
	fragments_start();
	pace_start();
	denials_start();
	generation = 0;
	allowed = denied = malformed = evicted = limited = 0;
}

static bool configure(const char *json, size_t length, struct text *why) {
	if (!rules_read(spare, json, length, why))
		return false;
	struct ruleset *old = rules;
	rules = spare;
	spare = old;
	classifier_build(&classifier, rules);
	if (rules->new_flows.per_second != old->new_flows.per_second || rules->new_flows.burst != old->new_flows.burst)
		pace_start();
	generation++;
	return true;
}

static enum ruling judge(enum side from, const struct packet *packet) {
	bool ports = packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP;
	struct opening opening = {
		.family = packet->family,
		.protocol = packet->protocol,
		.side = from,
		.from = packet->from,
		.to = packet->to,
		.port = ports ? packet->to_port : 0,
	};
	int found = classifier_find(&classifier, &opening);
	if (found < 0)
		return rules->allow_by_default ? ALLOWED : DENIED_BY_DEFAULT;
	rules->rules[found].hits++;
	denying_rule = found;
	return rules->rules[found].allow ? ALLOWED : DENIED_BY_RULE;
}

static bool still_allowed(const struct flow *flow) {
	struct opening opening = flow_opening(flow);
	int found = classifier_find(&classifier, &opening);
	return found < 0 ? rules->allow_by_default : rules->rules[found].allow;
}

/* The flow, if the rules in force still allow it. */
static struct flow *living_flow(const struct flow_key *key, uint64_t now) {
	struct flow *flow = flows_find(key, now);
	if (!flow || flow->generation == generation)
		return flow;
	if (still_allowed(flow)) {
		flow->generation = generation;
		return flow;
	}
	flow->state = FLOW_FREE;
	return NULL;
}

/* An error passes with the flow whose packet it quotes, if it goes to that packet's sender. */
static bool related(enum side from, const struct packet *packet, uint64_t now) {
	const struct quote *quote = &packet->quote;
	if (!quote->usable || quote->from.high != packet->to.high || quote->from.low != packet->to.low)
		return false;
	struct flow_key key = flow_key(from == LEFT ? RIGHT : LEFT, packet->vlan, packet->family, quote->protocol,
				       &quote->from, &quote->to, quote->from_port, quote->to_port);
	return living_flow(&key, now) != NULL;
}

/* A SYN that does not repeat the one that opened the flow begins another. */
static bool begins_anew(const struct flow *flow, enum side from, const struct packet *packet) {
	if (packet->protocol != PROTOCOL_TCP || (packet->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return false;
	return from != flow->opener || flow->picked_up || flow->state >= FLOW_CLOSING;
}

/* Whether a packet outside any flow may begin one. */
static bool may_begin(const struct packet *packet) {
	if (packet->protocol != PROTOCOL_TCP)
		return true;
	uint8_t kind = packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST);
	return kind == TCP_SYN || kind == TCP_ACK;
}

static enum ruling ask_flow(enum side from, const struct packet *packet, uint64_t now) {
	uint64_t time = now / MILLISECOND;
	struct flow_key key = flow_key(from, packet->vlan, packet->family, packet->protocol, &packet->from,
				       &packet->to, packet->from_port, packet->to_port);
	struct flow *flow = living_flow(&key, time);
	/* An echo reply is no question: it cannot keep up a flow that its sender did not ask for. */
	bool stray_reply = packet->icmp == ICMP_REPLY && (!flow || flow->opener == from);
	if (flow && !stray_reply && !begins_anew(flow, from, packet)) {
		flow_step(flow, from, packet, time);
		return ALLOWED;
	}
	if (!may_begin(packet))
		return DENIED_OUTSIDE_FLOW;
	enum ruling ruling = judge(from, packet);
	if (ruling != ALLOWED || stray_reply)
		return ruling;
	if (!pace_allows(&rules->new_flows, from, now)) {
		limited++;
		return DENIED_BY_PACE;
	}
	flow = flows_add(&key, from, time, &evicted);
	flow->generation = generation;
	flow->picked_up = packet->protocol == PROTOCOL_TCP && !(packet->tcp_flags & TCP_SYN);
	flow_step(flow, from, packet, time);
	return ALLOWED;
}

static enum ruling ask_ip(enum side from, const struct packet *packet, uint64_t now) {
	uint64_t time = now / MILLISECOND;
	if (packet->fragment == LATER_FRAGMENT)
		return fragments_allow(from, packet, generation, time) ? ALLOWED : DENIED_FRAGMENT;
	enum ruling ruling;
	switch (packet->icmp) {
	case ICMP_DISCOVERY:
		ruling = ALLOWED;
		break;
	case ICMP_ERROR:
		ruling = related(from, packet, time) ? ALLOWED : judge(from, packet);
		break;
	case ICMP_OTHER:
		ruling = judge(from, packet);
		break;
	default:
		ruling = ask_flow(from, packet, now);
	}
	if (ruling == ALLOWED && packet->fragment == FIRST_FRAGMENT)
		fragments_remember(from, packet, generation, time);
	return ruling;
}

static void tell_denial(enum side from, const struct packet *packet, enum ruling ruling, uint64_t now) {
	static const char *const reasons[] = {
		[DENIED_BY_DEFAULT] = "by default",
		[DENIED_OUTSIDE_FLOW] = "because it belongs to no flow and begins none",
		[DENIED_BY_PACE] = "because too many flows begin",
		[DENIED_FRAGMENT] = "because the first fragment of its packet has not passed",
	};
	char bytes[40];
	struct text by = TEXT_OVER(bytes);
	if (ruling == DENIED_BY_RULE) {
		text_string(&by, "by rule ");
		text_number(&by, (uint64_t)denying_rule);
	}
	text_terminate(&by);
	denials_tell(from, packet, ruling == DENIED_BY_RULE ? bytes : reasons[ruling], now);
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	struct packet packet;
	bool pass = true;
	switch (packet_read(frame->bytes, frame->length, &packet)) {
	case CONTENT_MALFORMED:
		malformed++;
		return DROP;
	case CONTENT_ARP:
		break;
	case CONTENT_OTHER:
		pass = rules->allow_by_default;
		break;
	case CONTENT_IP: {
		enum ruling ruling = ask_ip(from, &packet, now);
		pass = ruling == ALLOWED;
		if (!pass && rules->logs_denials)
			tell_denial(from, &packet, ruling, now);
	}
	}
	if (pass)
		allowed++;
	else
		denied++;
	return pass ? PASS : DROP;
}

static void member(struct text *out, const char *name, uint64_t value) {
	text_string(out, name);
	text_number(out, value);
}

/* More would not fit into the answer; the others are told as one number. */
#define RULES_TOLD 1024

static void counters(struct text *out, uint64_t now) {
	member(out, "{\"allowed\":", allowed);
	member(out, ",\"denied\":", denied);
	member(out, ",\"malformed\":", malformed);
	member(out, ",\"flows\":", flows_count(now / MILLISECOND));
	member(out, ",\"flowsEvicted\":", evicted);
	member(out, ",\"flowsLimited\":", limited);
	text_string(out, ",\"rules\":[");
	uint64_t rest = 0;
	for (size_t i = 0; i < rules->count; i++) {
		if (i < RULES_TOLD)
			member(out, i ? "," : "", rules->rules[i].hits);
		else
			rest += rules->rules[i].hits;
	}
	member(out, "],\"furtherRules\":", rest);
	text_char(out, '}');
}

const struct function function = {
	.name = "firewall",
	.start = start,
	.configure = configure,
	.frame = frame,
	.counters = counters,
};
