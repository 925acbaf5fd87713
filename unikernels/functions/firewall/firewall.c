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
#include "flows.h"
#include "fragments.h"
#include "rules.h"

/* The one in force, and the one that the next configuration is read into. */
static struct ruleset sets[2];
static struct ruleset *rules = &sets[0];

/* Times within this function are in milliseconds. */
#define MILLISECOND 1000

/* Which rules a flow was judged by. */
static uint32_t generation;

static uint64_t allowed, denied, malformed, evicted;

static void start(const struct identity *identity, struct arena *memory) {
	(void)memory;
	flows_start(identity->seed);
	fragments_start();
	rules = &sets[0];
	*rules = (struct ruleset){0};
	generation = 0;
	allowed = denied = malformed = evicted = 0;
}

static bool configure(const char *json, size_t length, struct text *why) {
	struct ruleset *spare = rules == &sets[0] ? &sets[1] : &sets[0];
	if (!rules_read(spare, json, length, why))
		return false;
	rules = spare;
	generation++;
	return true;
}

static bool judge(enum side from, const struct packet *packet) {
	bool ports = packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP;
	struct opening opening = {
		.family = packet->family,
		.protocol = packet->protocol,
		.side = from,
		.from = packet->from,
		.to = packet->to,
		.port = ports ? packet->to_port : 0,
	};
	return rules_judge(rules, &opening);
}

/* The flow, if the rules in force still allow it. */
static struct flow *living_flow(const struct flow_key *key, uint64_t now) {
	struct flow *flow = flows_find(key, now);
	if (!flow || flow->generation == generation)
		return flow;
	struct opening opening = flow_opening(flow);
	if (rules_allow(rules, &opening)) {
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

static bool ask_flow(enum side from, const struct packet *packet, uint64_t now) {
	struct flow_key key = flow_key(from, packet->vlan, packet->family, packet->protocol, &packet->from,
				       &packet->to, packet->from_port, packet->to_port);
	struct flow *flow = living_flow(&key, now);
	/* An echo reply is no question: it cannot keep up a flow that its sender did not ask for. */
	bool stray_reply = packet->icmp == ICMP_REPLY && (!flow || flow->opener == from);
	if (flow && !stray_reply && !begins_anew(flow, from, packet)) {
		flow_step(flow, from, packet, now);
		return true;
	}
	if (!may_begin(packet) || !judge(from, packet))
		return false;
	if (stray_reply)
		return true;
	flow = flows_add(&key, from, now, &evicted);
	flow->generation = generation;
	flow->picked_up = packet->protocol == PROTOCOL_TCP && !(packet->tcp_flags & TCP_SYN);
	flow_step(flow, from, packet, now);
	return true;
}

static bool ask_ip(enum side from, const struct packet *packet, uint64_t now) {
	if (packet->fragment == LATER_FRAGMENT)
		return fragments_allow(from, packet, generation, now);
	bool pass;
	switch (packet->icmp) {
	case ICMP_DISCOVERY:
		pass = true;
		break;
	case ICMP_ERROR:
		pass = related(from, packet, now) || judge(from, packet);
		break;
	case ICMP_OTHER:
		pass = judge(from, packet);
		break;
	default:
		pass = ask_flow(from, packet, now);
	}
	if (pass && packet->fragment == FIRST_FRAGMENT)
		fragments_remember(from, packet, generation, now);
	return pass;
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
	case CONTENT_IP:
		pass = ask_ip(from, &packet, now / MILLISECOND);
		break;
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

static void counters(struct text *out, uint64_t now) {
	member(out, "{\"allowed\":", allowed);
	member(out, ",\"denied\":", denied);
	member(out, ",\"malformed\":", malformed);
	member(out, ",\"flows\":", flows_count(now / MILLISECOND));
	member(out, ",\"flowsEvicted\":", evicted);
	text_string(out, ",\"rules\":[");
	for (size_t i = 0; i < rules->count; i++)
		member(out, i ? "," : "", rules->rules[i].hits);
	text_string(out, "]}");
}

const struct function function = {
	.name = "firewall",
	.start = start,
	.configure = configure,
	.frame = frame,
	.counters = counters,
};
