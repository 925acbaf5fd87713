/*
 * A router between the subscriber's network and the rest that gives inside endpoints outside ones (NAPT), as RFC 4787,
 * RFC 5382 and RFC 5508 ask of one. It speaks IPv4; IPv6 and whatever else is neither IPv4 nor ARP passes as it
 * came, between the subscriber and the real router.
 *
 * On each side there is nobody else on the wire to whom a packet could be addressed: it is taken for us whatever MAC
 * address it goes to, so that neighbours who remember an earlier instance's lose nothing.
 */
#include "../../common/checksum.h"
#include "../../common/ethernet.h"
#include "../../common/members.h"
#include "../function.h"
#include "complaints.h"
#include "config.h"
#include "datagram.h"
#include "fragments.h"
#include "neighbours.h"
#include "table.h"
#include "translate.h"

#include <string.h>

/* The one in force, and the one that the next configuration is read into. */
static struct config sets[2];
static struct config *config = &sets[0];

static uint8_t macs[2][6];

static const char *const fate_names[FATES] = {
	[UPSTREAM] = "upstream",
	[DOWNSTREAM] = "downstream",
	[HAIRPINNED] = "hairpinned",
	[ANSWERED] = "answered",
	[PASSED] = "passed",
	[UNSOLICITED] = "unsolicited",
	[SPOOFED] = "spoofed",
	[NOT_FOR_US] = "notForUs",
	[EXPIRED] = "expired",
	[EXHAUSTED] = "exhausted",
	[UNTRANSLATABLE] = "untranslatable",
	[WAITS] = "waited",
	[MALFORMED] = "malformed",
};

static uint64_t fates[FATES];

/* The timer rings for whatever comes first. */

#define SECOND 1000000ull
/* RFC 5227, section 2.3: the second announcement comes two seconds behind the first. */
#define ANNOUNCE_AGAIN (2 * SECOND)
/* How often new sessions are handed to the host at most: a state of full size takes a while to be told. */
#define SAVE_EVERY (10 * SECOND)

static uint64_t announce_at, save_at, saved_sessions;
static unsigned announcements;

static void start(const struct identity *identity, struct arena *memory) {
	memcpy(macs, identity->macs, sizeof(macs));
	config = &sets[0];
	*config = (struct config){0};
	table_start(memory, identity->seed);
	neighbours_start(macs);
	fragments_start();
	memset(fates, 0, sizeof(fates));
	announce_at = save_at = NEVER;
	announcements = 0;
	saved_sessions = 0;
	complaints_start();
}

static void set_timer(void) {
	wake_at(announce_at < save_at ? announce_at : save_at);
}

/* Those outside may remember where an earlier instance was. */
static void announce(uint64_t now) {
	neighbour_announce(RIGHT, config->outside_address);
	neighbour_announce(LEFT, config->inside_address);
	announce_at = --announcements ? now + ANNOUNCE_AGAIN : NEVER;
}

static void tick(uint64_t now) {
	if (now >= announce_at)
		announce(now);
	if (now >= save_at) {
		save_at = NEVER;
		state_changed();
	}
	set_timer();
}

/* Asks for a save some time after there are sessions that no save has told of. */
static void note_sessions(uint64_t now) {
	if (save_at != NEVER || table_numbers().created == saved_sessions)
		return;
	save_at = now + SAVE_EVERY;
	set_timer();
}

static bool configure(const char *json, size_t length, struct text *why) {
	struct config *spare = config == &sets[0] ? &sets[1] : &sets[0];
	if (!config_read(spare, json, length, why))
		return false;
	config = spare;
	table_configure(config);
	announcements = 2;
	announce_at = 0;
	set_timer();
	return true;
}

static void save(struct text *out, uint64_t now) {
	(void)now;
	saved_sessions = table_numbers().created;
	text_string(out, "{\"time\":");
	text_number(out, wall_clock());
	text_string(out, ",\"sessions\":");
	table_save(out, FUNCTION_STATE_MAX - 60);
	text_char(out, '}');
}

static void restore(const char *json, size_t length, uint64_t now) {
	char reason[100], name[WORD_MAX];
	struct text why = TEXT_OVER(reason);
	struct json reader;
	uint64_t time = 0;
	json_start(&reader, json, length, &why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name))) {
		uint64_t wall = wall_clock();
		if (same(name, "time"))
			json_integer(&reader, UINT32_MAX, &time);
		else if (same(name, "sessions"))
			table_restore(&reader, time && wall > time ? (wall - time) * SECOND : 0, now);
		else
			json_fail(&reader, "no such member");
	}
	if (!json_end(&reader))
		say("the sessions that were kept cannot be read; those that could be are known again");
	saved_sessions = table_numbers().created;
}

/* Out of a side, to who is next on the way there. */
static bool address_to(enum side side, uint32_t to, struct frame *frame, uint64_t now) {
	if (side == LEFT)
		return neighbour_address(LEFT, to, config->inside_address, frame, now);
	uint32_t next = network_has(&config->outside, to) ? to : config->gateway;
	return neighbour_address(RIGHT, next, config->outside_address, frame, now);
}

static bool is_own(enum side side, uint32_t address) {
	return address == (side == LEFT ? config->inside_address : config->outside_address);
}

static enum fate hear_arp(enum side side, struct frame *frame, uint64_t now) {
	struct arp arp;
	if (!arp_read(&arp, frame))
		return MALFORMED;
	const struct network *network = side == LEFT ? &config->inside : &config->outside;
	/* Who asks from 0.0.0.0 wants to know whether the address is taken (RFC 5227): answered, not learned. */
	bool for_us = is_own(side, arp.target);
	if (arp.sender && network_has(network, arp.sender) && !is_own(side, arp.sender))
		neighbour_learn(side, arp.sender, arp.mac, for_us ? NEWCOMERS_TOO : KNOWN_ONLY, now);
	if (!arp.asks || !for_us)
		return NOT_FOR_US;
	arp_answer(side, &arp, frame);
	return ANSWERED;
}

/* Sends a frame back to where it came from; its IP addresses are in place. */
static void turn_round(enum side side, struct frame *frame) {
	memcpy(frame->bytes, frame->bytes + 6, 6);
	memcpy(frame->bytes + 6, macs[side], 6);
}

#define ICMP_ECHO 8
#define TTL 64

static enum fate answer_echo(enum side side, struct datagram *packet, struct frame *frame) {
	if (packet->protocol != PROTOCOL_ICMP || !packet->transport || packet->fragmented ||
	    packet->transport[0] != ICMP_ECHO)
		return side == LEFT ? NOT_FOR_US : UNSOLICITED;
	uint16_t before = get16(packet->transport);
	packet->transport[0] = 0;
	checksum_update(packet->transport + 2, before, get16(packet->transport));
	struct endpoint asker = packet->from;
	datagram_set_from(packet, packet->to);
	datagram_set_to(packet, asker);
	packet->ip[8] = TTL;
	set16(packet->ip + 10, 0);
	set16(packet->ip + 10, (uint16_t)~checksum_fold(checksum_add(0, packet->ip, (size_t)(packet->ip[0] & 15) * 4)));
	turn_round(side, frame);
	return ANSWERED;
}

static void complain(enum side side, enum complaint why, const struct datagram *packet, const struct frame *frame,
		     uint64_t now) {
	uint8_t bytes[ETHERNET_HEADER + COMPLAINT_MAX];
	uint32_t own = side == LEFT ? config->inside_address : packet->to.address;
	size_t length = complaint_write(bytes + ETHERNET_HEADER, why, own, packet, now);
	if (length == 0)
		return;
	memcpy(bytes, frame->bytes + 6, 6);
	memcpy(bytes + 6, macs[side], 6);
	set16(bytes + 12, ETHERTYPE_IPV4);
	send_frame(side, bytes, ETHERNET_HEADER + length);
}

/* A fragment without ports goes the way of its first one. */
static struct route follow(struct datagram *packet, const struct way *way) {
	enum fate fate = way->side == RIGHT ? UPSTREAM : way->from == packet->from.address ? DOWNSTREAM : HAIRPINNED;
	datagram_set_from(packet, (struct endpoint){way->from, 0});
	datagram_set_to(packet, (struct endpoint){way->to, 0});
	return (struct route){way->side, fate};
}

/* What came before its first fragment goes out behind it. */
static void release(enum side side, const struct datagram *first, uint64_t now) {
	size_t length;
	uint8_t *bytes;
	while ((bytes = fragments_waiting(side, first, &length, now))) {
		struct frame frame = {.bytes = bytes, .length = length};
		struct datagram packet;
		const struct way *way = fragments_way(side, first, now);
		if (!way || !datagram_read(&packet, bytes + ETHERNET_HEADER, length - ETHERNET_HEADER))
			continue;
		struct route route = follow(&packet, way);
		datagram_hop(&packet);
		if (address_to(route.side, packet.to.address, &frame, now))
			send_frame(route.side, bytes, length);
	}
}

static enum fate forward(enum side side, struct datagram *packet, struct frame *frame, uint64_t now, enum side *out) {
	struct datagram came = *packet;
	struct route route;
	if (!translatable(packet))
		return UNTRANSLATABLE;
	if (packet->ip[8] <= 1) {
		complain(side, TIME_EXCEEDED, packet, frame, now);
		return EXPIRED;
	}
	if (packet->transport) {
		route = side == LEFT ? translate_out(config, packet, now) : translate_in(packet, now);
	} else {
		const struct way *way = fragments_way(side, packet, now);
		if (!way) {
			fragments_wait(side, packet, frame, now);
			return WAITS;
		}
		route = follow(packet, way);
	}
	*out = route.side;
	if (route.fate == EXHAUSTED)
		complain(side, PROHIBITED, packet, frame, now);
	if (!is_through(route.fate))
		return route.fate;
	datagram_hop(packet);
	bool known = address_to(route.side, packet->to.address, frame, now);
	if (packet->transport) {
		struct way way = {packet->from.address, packet->to.address, route.side};
		fragments_remember(side, &came, way, now);
		if (packet->fragmented)
			release(side, &came, now);
	}
	return known ? route.fate : WAITS;
}

/* Addresses that no router forwards from or to: this network, loopback, group and reserved ones. */
static bool is_forwardable(uint32_t address) {
	uint32_t first = address >> 24;
	return first != 0 && first != 127 && first < 224;
}

static enum fate hear_ipv4(enum side side, struct frame *frame, uint64_t now, enum side *out) {
	struct datagram packet;
	/* Groups, and who speaks in their name. */
	if ((frame->bytes[0] | frame->bytes[6]) & 1)
		return NOT_FOR_US;
	if (!datagram_read(&packet, frame->bytes + ETHERNET_HEADER, frame->length - ETHERNET_HEADER))
		return MALFORMED;
	if (!is_forwardable(packet.from.address) || !is_forwardable(packet.to.address))
		return NOT_FOR_US;
	if (side == LEFT) {
		if (!network_has_host(&config->inside, packet.from.address) || is_own(LEFT, packet.from.address))
			return SPOOFED;
		neighbour_learn(LEFT, packet.from.address, frame->bytes + 6, NEWCOMERS_TOO, now);
		if (is_own(LEFT, packet.to.address))
			return answer_echo(LEFT, &packet, frame);
		if (network_has(&config->inside, packet.to.address))
			return NOT_FOR_US;
		bool asks = packet.protocol == PROTOCOL_ICMP && packet.transport && packet.icmp == ICMP_QUERY;
		if (asks && is_own(RIGHT, packet.to.address))
			return answer_echo(LEFT, &packet, frame);
		return forward(LEFT, &packet, frame, now, out);
	}
	if (is_own(RIGHT, packet.from.address) || network_has(&config->inside, packet.from.address))
		return SPOOFED;
	if (!is_own(RIGHT, packet.to.address))
		return NOT_FOR_US;
	bool asks = packet.protocol == PROTOCOL_ICMP && packet.transport && packet.icmp == ICMP_QUERY;
	return asks ? answer_echo(RIGHT, &packet, frame) : forward(RIGHT, &packet, frame, now, out);
}

static enum fate hear(enum side side, struct frame *frame, uint64_t now, enum side *out) {
	switch (get16(frame->bytes + 12)) {
	case ETHERTYPE_ARP:
		return hear_arp(side, frame, now);
	case ETHERTYPE_IPV4:
		return hear_ipv4(side, frame, now, out);
	/* IPv4 and ARP could hide behind a tag. */
	case ETHERTYPE_VLAN:
	case ETHERTYPE_PROVIDER_VLAN:
	case ETHERTYPE_OLD_VLAN:
		return UNTRANSLATABLE;
	default:
		return PASSED;
	}
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	enum side out = other_side(from);
	table_expire(now);
	enum fate fate = hear(from, frame, now, &out);
	fates[fate]++;
	note_sessions(now);
	if (fate == ANSWERED)
		return ANSWER;
	if (is_through(fate) || fate == PASSED)
		return out == from ? ANSWER : PASS;
	return DROP;
}

static void counters(struct text *out, uint64_t now) {
	table_expire(now);
	struct table_numbers numbers = table_numbers();
	const struct {
		const char *name;
		uint64_t value;
	} members[] = {
		{"mappings", numbers.mappings},
		{"sessions", numbers.sessions},
		{"sessionsCreated", numbers.created},
		{"sessionsEvicted", numbers.evicted},
	};
	text_char(out, '{');
	for (int i = 0; i < FATES; i++) {
		text_string(out, i ? ",\"" : "\"");
		text_string(out, fate_names[i]);
		text_string(out, "\":");
		text_number(out, fates[i]);
	}
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		text_string(out, ",\"");
		text_string(out, members[i].name);
		text_string(out, "\":");
		text_number(out, members[i].value);
	}
	text_char(out, '}');
}

const struct function function = {
	.name = "nat",
	.start = start,
	.configure = configure,
	.frame = frame,
	.counters = counters,
	.tick = tick,
	.save = save,
	.restore = restore,
};
