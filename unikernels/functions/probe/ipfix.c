#include "ipfix.h"

#include "../../common/ethernet.h"

#include <string.h>

#define VERSION 10
#define MESSAGE_HEADER 16
#define SET_HEADER 4
#define TEMPLATE_SET 2
#define TEMPLATE_IPV4 256
#define TEMPLATE_IPV6 257
#define ENTERPRISE_BIT 0x8000

struct element {
	uint16_t id, length;
};

/* IANA's registry of IPFIX Information Elements has the names and meanings of these numbers. */
enum {
	OCTET_DELTA_COUNT = 1,
	PACKET_DELTA_COUNT = 2,
	PROTOCOL_IDENTIFIER = 4,
	TCP_CONTROL_BITS = 6,
	SOURCE_PORT = 7,
	SOURCE_IPV4 = 8,
	DESTINATION_PORT = 11,
	DESTINATION_IPV4 = 12,
	SOURCE_IPV6 = 27,
	DESTINATION_IPV6 = 28,
	ICMP_TYPE_CODE_IPV4 = 32,
	VLAN_ID = 58,
	FLOW_DIRECTION = 61,
	FLOW_END_REASON = 136,
	ICMP_TYPE_CODE_IPV6 = 139,
	FLOW_START_MILLISECONDS = 152,
	FLOW_END_MILLISECONDS = 153,
};

/* The operator's own: the round trip from here to the receiver in microseconds, 0 if unknown; and repeated segments. */
enum { TCP_ROUND_TRIP = 1, TCP_REPEATED = 2 };

static const struct element ends_ipv4[] = {{SOURCE_IPV4, 4}, {DESTINATION_IPV4, 4}, {ICMP_TYPE_CODE_IPV4, 2}};
static const struct element ends_ipv6[] = {{SOURCE_IPV6, 16}, {DESTINATION_IPV6, 16}, {ICMP_TYPE_CODE_IPV6, 2}};
static const struct element rest[] = {
	{SOURCE_PORT, 2},	{DESTINATION_PORT, 2},	 {PROTOCOL_IDENTIFIER, 1},    {FLOW_DIRECTION, 1},
	{FLOW_END_REASON, 1},	{TCP_CONTROL_BITS, 2},	 {VLAN_ID, 2},		      {OCTET_DELTA_COUNT, 8},
	{PACKET_DELTA_COUNT, 8}, {FLOW_START_MILLISECONDS, 8}, {FLOW_END_MILLISECONDS, 8},
};
static const struct element own[] = {{TCP_ROUND_TRIP, 4}, {TCP_REPEATED, 4}};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void put16(struct ipfix *message, uint32_t value) {
	set16(message->bytes + message->length, value);
	message->length += 2;
}

static void put32(struct ipfix *message, uint32_t value) {
	put16(message, value >> 16);
	put16(message, value & 0xffff);
}

static void put64(struct ipfix *message, uint64_t value) {
	put32(message, (uint32_t)(value >> 32));
	put32(message, (uint32_t)value);
}

static void put8(struct ipfix *message, uint8_t value) {
	message->bytes[message->length++] = value;
}

static void put_elements(struct ipfix *message, const struct element *elements, size_t count) {
	for (size_t i = 0; i < count; i++) {
		put16(message, elements[i].id);
		put16(message, elements[i].length);
	}
}

static void put_template(struct ipfix *message, uint16_t id, const struct element *ends, uint32_t enterprise) {
	put16(message, id);
	put16(message, (uint32_t)(COUNT(ends_ipv4) + COUNT(rest) + (enterprise ? COUNT(own) : 0)));
	put_elements(message, ends, COUNT(ends_ipv4));
	put_elements(message, rest, COUNT(rest));
	for (size_t i = 0; enterprise && i < COUNT(own); i++) {
		put16(message, ENTERPRISE_BIT | own[i].id);
		put16(message, own[i].length);
		put32(message, enterprise);
	}
}

static void begin_set(struct ipfix *message, uint16_t id) {
	message->set = message->length;
	put16(message, id);
	put16(message, 0);
}

static void end_set(struct ipfix *message) {
	if (message->set)
		set16(message->bytes + message->set + 2, (uint32_t)(message->length - message->set));
	message->set = 0;
}

void ipfix_begin(struct ipfix *message, uint32_t enterprise, bool templates) {
	message->length = MESSAGE_HEADER;
	message->set = 0;
	message->template = 0;
	message->records = 0;
	if (!templates)
		return;
	begin_set(message, TEMPLATE_SET);
	put_template(message, TEMPLATE_IPV4, ends_ipv4, enterprise);
	put_template(message, TEMPLATE_IPV6, ends_ipv6, enterprise);
	end_set(message);
}

static size_t record_length(const struct element *ends, uint32_t enterprise) {
	size_t length = enterprise ? 8 : 0;
	for (size_t i = 0; i < COUNT(ends_ipv4); i++)
		length += ends[i].length;
	for (size_t i = 0; i < COUNT(rest); i++)
		length += rest[i].length;
	return length;
}

static void put_address(struct ipfix *message, uint8_t family, const struct address *address) {
	if (family == 4) {
		put32(message, (uint32_t)address->low);
		return;
	}
	put64(message, address->high);
	put64(message, address->low);
}

bool ipfix_add(struct ipfix *message, uint32_t enterprise, const struct flow *flow, enum side from, enum reason why,
	       struct ipfix_times times) {
	const struct ends *ends = &flow->ends;
	const struct way *way = &flow->ways[from];
	enum side to = other_side(from);
	uint16_t template = ends->family == 4 ? TEMPLATE_IPV4 : TEMPLATE_IPV6;
	size_t length = record_length(ends->family == 4 ? ends_ipv4 : ends_ipv6, enterprise);
	if (message->length + length + (message->template == template ? 0 : SET_HEADER) > IPFIX_MAX)
		return false;
	if (message->template != template) {
		end_set(message);
		begin_set(message, template);
		message->template = template;
	}
	bool icmp = ends->protocol == PROTOCOL_ICMP || ends->protocol == PROTOCOL_ICMPV6;
	put_address(message, ends->family, &ends->addresses[from]);
	put_address(message, ends->family, &ends->addresses[to]);
	put16(message, icmp ? way->icmp : 0);
	/* Of ICMP there are no ports: older collectors look for type and code in that of the destination. */
	put16(message, icmp ? 0 : ends->ports[from]);
	put16(message, icmp ? way->icmp : ends->ports[to]);
	put8(message, ends->protocol);
	put8(message, from == LEFT ? 0 : 1);
	put8(message, why);
	put16(message, way->tcp_flags);
	put16(message, outer_vlan(ends->vlan));
	put64(message, way->untold.bytes);
	put64(message, way->untold.packets);
	put64(message, times.first);
	put64(message, times.last);
	if (enterprise) {
		put32(message, flow->ways[to].round_trip);
		put32(message, (uint32_t)way->untold.repeated);
	}
	message->records++;
	return true;
}

void ipfix_end(struct ipfix *message, uint32_t seconds, uint32_t sequence, uint32_t domain) {
	end_set(message);
	message->template = 0;
	size_t length = message->length;
	message->length = 0;
	put16(message, VERSION);
	put16(message, (uint32_t)length);
	put32(message, seconds);
	put32(message, sequence);
	put32(message, domain);
	message->length = length;
}
