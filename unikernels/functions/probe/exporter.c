#include "exporter.h"

#include "../../common/checksum.h"
#include "../function.h"
#include "ipfix.h"

#include <string.h>

#define SECOND 1000000ull
#define GATHER SECOND
#define TEMPLATES_EVERY (60 * SECOND)
/* When there is no room on the wire. */
#define RETRY 1000
/* The host's clock has whole seconds: so far ours may be off before it is set again. */
#define CLOCK_SLACK (2 * SECOND)

#define IPV4_HEADER 20
#define UDP_HEADER 8
#define TTL 64
#define UDP 17

static const struct exports *exports;
static uint8_t own_mac[6];
static uint16_t own_port, identification;
static struct exporter_numbers numbers;

static struct ipfix message;
/* Of the records in it. Tags lead a frame along the wire of those whom it tells of. */
static uint32_t vlan;
/* The message has to go; NEVER when it has no records. */
static uint64_t deadline, templates_at;
static uint32_t sequence;

/* Microseconds from our clock's beginning to 1970. */
static uint64_t epoch;

void exporter_start(const uint8_t mac[6], uint64_t seed) {
	memcpy(own_mac, mac, 6);
	/* A port of its own for each start: to the collector another session (RFC 7011, section 10.3). */
	own_port = (uint16_t)(49152 + seed % 16384);
	identification = 0;
	numbers = (struct exporter_numbers){0};
	deadline = NEVER;
	templates_at = sequence = 0;
	epoch = 0;
	exports = NULL;
}

static uint64_t wall(uint64_t time, uint64_t now) {
	uint64_t told = wall_clock() * SECOND, ours = epoch + now;
	if (ours + CLOCK_SLACK < told || told + CLOCK_SLACK < ours)
		epoch = told > now ? told - now : 0;
	return epoch + time;
}

static bool equal(const struct exports *a, const struct exports *b) {
	return a->wanted == b->wanted && a->collector == b->collector && a->source == b->source && a->port == b->port &&
	       memcmp(a->next_hop, b->next_hop, 6) == 0 && a->domain == b->domain && a->enterprise == b->enterprise;
}

void exporter_configure(const struct exports *next) {
	bool same = exports && equal(exports, next);
	exports = next;
	if (same)
		return;
	/* Records that are gathered stand in a message of the old shape, and would have to go to another collector. */
	deadline = NEVER;
	templates_at = 0;
	sequence = 0;
	message.records = 0;
}

static void begin(uint32_t tags, uint64_t now) {
	bool templates = now >= templates_at;
	ipfix_begin(&message, exports->enterprise, templates);
	if (templates)
		templates_at = now + TEMPLATES_EVERY;
	vlan = tags;
	deadline = now + GATHER;
}

static uint16_t udp_checksum(const uint8_t *ip, size_t length) {
	uint64_t sum = checksum_add(UDP + length, ip + 12, 8);
	uint16_t checksum = (uint16_t)~checksum_fold(checksum_add(sum, ip + IPV4_HEADER, length));
	return checksum ? checksum : 0xffff;
}

/* True if there is no message any more. */
static bool send_message(uint64_t now) {
	uint8_t bytes[ETHERNET_HEADER + 2 * VLAN_TAG + IPV4_HEADER + UDP_HEADER + IPFIX_MAX] = {0}, *at = bytes + 12;
	ipfix_end(&message, (uint32_t)(wall(now, now) / SECOND), sequence, exports->domain);
	size_t length = UDP_HEADER + message.length;
	memcpy(bytes, exports->next_hop, 6);
	memcpy(bytes + 6, own_mac, 6);
	for (uint32_t rest = vlan; rest; rest = inner_vlan(rest)) {
		set16(at, ETHERTYPE_VLAN);
		set16(at + 2, outer_vlan(rest));
		at += VLAN_TAG;
	}
	set16(at, ETHERTYPE_IPV4);
	uint8_t *ip = at + 2, *udp = ip + IPV4_HEADER;
	ip[0] = 0x45;
	set16(ip + 2, (uint32_t)(IPV4_HEADER + length));
	set16(ip + 4, identification++);
	ip[8] = TTL;
	ip[9] = UDP;
	set32(ip + 12, exports->source);
	set32(ip + 16, exports->collector);
	set16(ip + 10, (uint16_t)~checksum_fold(checksum_add(0, ip, IPV4_HEADER)));
	set16(udp, own_port);
	set16(udp + 2, exports->port);
	set16(udp + 4, (uint32_t)length);
	memcpy(udp + UDP_HEADER, message.bytes, message.length);
	set16(udp + 6, udp_checksum(ip, length));
	if (!send_frame(RIGHT, bytes, (size_t)(udp - bytes) + length)) {
		deadline = now + RETRY;
		return false;
	}
	sequence += message.records;
	numbers.messages++;
	numbers.records += message.records;
	deadline = NEVER;
	return true;
}

void exporter_run(uint64_t now) {
	if (deadline <= now)
		send_message(now);
}

/* Only ways with untold packets say anything. */
static unsigned wanted(const struct flow *flow) {
	return (flow->ways[LEFT].untold.packets > 0) + (flow->ways[RIGHT].untold.packets > 0);
}

static bool add(const struct flow *flow, enum side from, enum reason why, uint64_t now) {
	const struct way *way = &flow->ways[from];
	struct ipfix_times times = {wall(way->first, now) / 1000, wall(way->last, now) / 1000};
	return way->untold.packets == 0 || ipfix_add(&message, exports->enterprise, flow, from, why, times);
}

bool exporter_tell(const struct flow *flow, enum reason why, uint64_t now) {
	if (!exports->wanted || wanted(flow) == 0)
		return true;
	if (deadline != NEVER && vlan != flow->ends.vlan && !send_message(now))
		return false;
	if (deadline == NEVER)
		begin(flow->ends.vlan, now);
	/* Both ways or none: what has not been told of completely is told of again. */
	struct ipfix before = message;
	if (add(flow, LEFT, why, now) && add(flow, RIGHT, why, now))
		return true;
	message = before;
	if (!send_message(now))
		return false;
	begin(flow->ends.vlan, now);
	return add(flow, LEFT, why, now) && add(flow, RIGHT, why, now);
}

uint64_t exporter_deadline(void) {
	return deadline;
}

struct exporter_numbers exporter_numbers(void) {
	numbers.gathered = deadline == NEVER ? 0 : message.records;
	return numbers;
}
