/*
 * Looks on: all frames pass as they came, and what is to be known of them is counted, shown, and told to a collector.
 * Everything that it keeps is bounded; what does not fit displaces what matters least.
 */
#include "../../common/ethernet.h"
#include "../../common/packet.h"
#include "../function.h"
#include "config.h"
#include "exporter.h"
#include "flows.h"
#include "names.h"
#include "talkers.h"
#include "tcp.h"

#include <string.h>

#define SECOND 1000000ull
#define DNS_PORT 53
#define UDP_HEADER 8

/* Flows that are told of at once; the rest waits until the next frames have passed. */
#define TOLD_AT_ONCE 64

/* How many of each the counters show. */
#define FLOWS_SHOWN 10
#define TALKERS_SHOWN 10
#define NAMES_SHOWN 20

/* The one in force, and the one that the next configuration is read into. */
static struct config sets[2];
static struct config *config = &sets[0];

static struct {
	uint64_t packets[2], bytes[2], other, malformed, seen, evicted, unreported;
} numbers;

static void start(const struct identity *identity, struct arena *memory) {
	config = &sets[0];
	*config = (struct config){0};
	memset(&numbers, 0, sizeof(numbers));
	flows_start(memory, identity->seed);
	talkers_start();
	names_start();
	exporter_start(identity->macs[RIGHT], identity->seed);
}

/* Tells of what has to be told of by now, and asks to be called when there is more. */
static void report(uint64_t now) {
	enum reason why;
	struct flow *flow;
	bool blocked = false;
	for (int i = 0; i < TOLD_AT_ONCE && !blocked && (flow = flows_due(&why, now)); i++) {
		blocked = !exporter_tell(flow, why, now);
		if (!blocked)
			flow_told(flow, why, now);
	}
	exporter_run(now);
	uint64_t next = blocked ? NEVER : flows_deadline(), message = exporter_deadline();
	wake_at(!config->exports.wanted ? NEVER : next < message ? next : message);
}

static bool configure(const char *json, size_t length, struct text *why) {
	struct config *spare = config == &sets[0] ? &sets[1] : &sets[0];
	if (!config_read(spare, json, length, why))
		return false;
	config = spare;
	flows_configure(config);
	exporter_configure(&config->exports);
	/* Deadlines may be other ones now. */
	wake_at(config->exports.wanted ? 0 : NEVER);
	return true;
}

static void make_room(uint64_t now) {
	struct flow *oldest = flows_oldest();
	if (!exporter_tell(oldest, NO_ROOM, now))
		numbers.unreported++;
	flow_told(oldest, NO_ROOM, now);
	numbers.evicted++;
}

static struct flow *flow_of(enum side from, const struct packet *packet, uint64_t now) {
	struct flow *flow = flows_of(from, packet, now);
	if (!flow) {
		make_room(now);
		flow = flows_of(from, packet, now);
	}
	if (flow->ways[LEFT].all.packets + flow->ways[RIGHT].all.packets == 0)
		numbers.seen++;
	return flow;
}

static void count(struct way *way, const struct packet *packet, uint64_t bytes, uint64_t now) {
	bool icmp = packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMPV6;
	/* ICMP of the other family is nothing that anybody has read. */
	if (icmp && way->all.packets == 0 && packet->transport && packet->transport_length >= 2)
		way->icmp = get16(packet->transport);
	if (way->untold.packets == 0) {
		way->first = now;
		way->tcp_flags = 0;
	}
	way->last = now;
	way->tcp_flags |= packet->tcp_flags;
	way->all.packets++;
	way->all.bytes += bytes;
	way->untold.packets++;
	way->untold.bytes += bytes;
}

/* The length of an IP packet, by its own account; whoever has read it has made sure that it is there. */
static uint64_t ip_length(const struct frame *frame) {
	const uint8_t *ip = frame->bytes + ethernet_read(frame->bytes, frame->length).payload;
	return ip[0] >> 4 == 4 ? get16(ip + 2) : get16(ip + 4) + 40u;
}

static void see(enum side from, const struct packet *packet, uint64_t bytes, uint64_t now) {
	struct flow *flow = flow_of(from, packet, now);
	numbers.packets[from]++;
	numbers.bytes[from] += bytes;
	count(&flow->ways[from], packet, bytes, now);
	for (int side = LEFT; side <= RIGHT; side++)
		flow->talkers[side] = talkers_count((enum side)side, flow->talkers[side], packet->family,
						    &flow->ends.addresses[side], from, bytes);
	if (packet->protocol == PROTOCOL_TCP && packet->transport)
		tcp_step(flow, from, packet, now);
	bool dns = packet->from_port == DNS_PORT || packet->to_port == DNS_PORT;
	if (packet->protocol == PROTOCOL_UDP && dns && packet->fragment == WHOLE)
		names_read(packet->transport + UDP_HEADER, packet->transport_length - UDP_HEADER);
	flow_used(flow, now);
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	struct packet packet;
	switch (packet_read(frame->bytes, frame->length, &packet)) {
	case CONTENT_IP:
		see(from, &packet, ip_length(frame), now);
		break;
	case CONTENT_MALFORMED:
		numbers.malformed++;
		break;
	case CONTENT_ARP:
	case CONTENT_OTHER:
		numbers.other++;
		break;
	}
	report(now);
	return PASS;
}

static void tick(uint64_t now) {
	report(now);
}

/* What the counters show. */

static void member(struct text *out, const char *name, uint64_t value) {
	text_string(out, name);
	text_number(out, value);
}

static void tell_address(struct text *out, const char *name, uint8_t family, const struct address *address) {
	text_string(out, name);
	text_char(out, '"');
	text_address(out, family, address);
	text_char(out, '"');
}

static void tell_way(struct text *out, const char *name, const struct way *way) {
	text_string(out, name);
	member(out, ":{\"packets\":", way->all.packets);
	member(out, ",\"bytes\":", way->all.bytes);
	member(out, ",\"retransmissions\":", way->all.repeated);
	text_char(out, '}');
}

/* In seconds since 1970. */
static uint64_t date(uint64_t time, uint64_t now) {
	uint64_t wall = wall_clock(), ago = (now - time) / SECOND;
	return wall > ago ? wall - ago : 0;
}

static void tell_flow(struct text *out, const struct flow *flow, uint64_t now) {
	const struct ends *ends = &flow->ends;
	member(out, "{\"protocol\":", ends->protocol);
	if (ends->vlan)
		member(out, ",\"vlan\":", outer_vlan(ends->vlan));
	if (inner_vlan(ends->vlan))
		member(out, ",\"innerVlan\":", inner_vlan(ends->vlan));
	tell_address(out, ",\"inside\":", ends->family, &ends->addresses[LEFT]);
	member(out, ",\"insidePort\":", ends->ports[LEFT]);
	tell_address(out, ",\"outside\":", ends->family, &ends->addresses[RIGHT]);
	member(out, ",\"outsidePort\":", ends->ports[RIGHT]);
	tell_way(out, ",\"upstream\"", &flow->ways[LEFT]);
	tell_way(out, ",\"downstream\"", &flow->ways[RIGHT]);
	member(out, ",\"firstSeen\":", date(flow->first, now));
	member(out, ",\"lastSeen\":", date(flow->last, now));
	member(out, ",\"insideRoundTripMicroseconds\":", flow->ways[LEFT].round_trip);
	member(out, ",\"outsideRoundTripMicroseconds\":", flow->ways[RIGHT].round_trip);
	member(out, ",\"insideShortestMicroseconds\":", flow->ways[LEFT].shortest_round_trip);
	member(out, ",\"outsideShortestMicroseconds\":", flow->ways[RIGHT].shortest_round_trip);
	text_char(out, '}');
}

static void tell_flows(struct text *out, uint64_t now) {
	const struct flow *largest[FLOWS_SHOWN];
	size_t found = flows_largest(largest, FLOWS_SHOWN);
	text_string(out, ",\"largestFlows\":[");
	for (size_t i = 0; i < found; i++) {
		text_string(out, i ? "," : "");
		tell_flow(out, largest[i], now);
	}
	text_char(out, ']');
}

static void tell_talkers(struct text *out, const char *name, enum side side) {
	const struct talker *largest[TALKERS_SHOWN];
	size_t found = talkers_largest(side, largest, TALKERS_SHOWN);
	text_string(out, name);
	for (size_t i = 0; i < found; i++) {
		const struct talker *talker = largest[i];
		tell_address(out, i ? ",{\"address\":" : "{\"address\":", talker->family, &talker->address);
		member(out, ",\"upstream\":{\"packets\":", talker->packets[LEFT]);
		member(out, ",\"bytes\":", talker->bytes[LEFT]);
		member(out, "},\"downstream\":{\"packets\":", talker->packets[RIGHT]);
		member(out, ",\"bytes\":", talker->bytes[RIGHT]);
		member(out, "},\"error\":", talker->error);
		text_char(out, '}');
	}
	text_char(out, ']');
}

static void tell_names(struct text *out) {
	const struct name *most[NAMES_SHOWN];
	size_t found = names_most_asked(most, NAMES_SHOWN);
	text_string(out, ",\"names\":[");
	for (size_t i = 0; i < found; i++) {
		text_string(out, i ? ",{\"name\":\"" : "{\"name\":\"");
		text_string(out, most[i]->text);
		member(out, "\",\"queries\":", most[i]->queries);
		member(out, ",\"answers\":", most[i]->answers);
		member(out, ",\"failures\":", most[i]->failures);
		member(out, ",\"error\":", most[i]->error);
		text_char(out, '}');
	}
	text_char(out, ']');
}

static void counters(struct text *out, uint64_t now) {
	report(now);
	struct exporter_numbers exported = exporter_numbers();
	member(out, "{\"upstream\":{\"packets\":", numbers.packets[LEFT]);
	member(out, ",\"bytes\":", numbers.bytes[LEFT]);
	member(out, "},\"downstream\":{\"packets\":", numbers.packets[RIGHT]);
	member(out, ",\"bytes\":", numbers.bytes[RIGHT]);
	member(out, "},\"other\":", numbers.other);
	member(out, ",\"malformed\":", numbers.malformed);
	member(out, ",\"flows\":", flows_count());
	member(out, ",\"flowsSeen\":", numbers.seen);
	member(out, ",\"flowsEvicted\":", numbers.evicted);
	member(out, ",\"records\":", exported.records);
	member(out, ",\"messages\":", exported.messages);
	member(out, ",\"gathered\":", exported.gathered);
	member(out, ",\"unreported\":", numbers.unreported);
	tell_flows(out, now);
	tell_talkers(out, ",\"talkers\":{\"inside\":[", LEFT);
	tell_talkers(out, ",\"outside\":[", RIGHT);
	text_char(out, '}');
	tell_names(out);
	text_char(out, '}');
}

const struct function function = {
	.name = "probe",
	.start = start,
	.configure = configure,
	.frame = frame,
	.counters = counters,
	.tick = tick,
};
