#include "config.h"

#include "../../common/members.h"
#include "../../common/prefix.h"
#include "datagram.h"

static bool read_address(struct json *json, uint32_t *address) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return false;
	if (!ipv4_read(word, address) || *address == 0)
		return json_fail(json, "not an IPv4 address");
	return true;
}

/* Neither "this network" nor loopback nor a group (RFC 6890). */
static bool is_unicast(uint32_t address) {
	uint32_t first = address >> 24;
	return first != 0 && first != 127 && first < 224;
}

static void read_network(struct json *json, struct network *network) {
	char word[WORD_MAX];
	struct prefix prefix = {0};
	if (!json_string(json, word, sizeof(word)))
		return;
	const char *why = prefix_read(word, &prefix);
	if (why) {
		json_fail(json, why);
		return;
	}
	network->prefix = (uint32_t)prefix.address.low;
	network->mask = (uint32_t)prefix.mask.low;
	if (prefix.family != 4 || ~network->mask < 3 || ~network->mask > 0xffffff)
		json_fail(json, "subnet must be an IPv4 prefix of 8 to 30 bits");
	else if (!is_unicast(network->prefix))
		json_fail(json, "subnet has no addresses of hosts");
}

static void read_inside(struct json *json, struct config *config) {
	enum { SUBNET = 1, ADDRESS = 2 };
	unsigned seen = 0;
	char name[WORD_MAX];
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "subnet") && once(json, &seen, SUBNET))
			read_network(json, &config->inside);
		else if (same(name, "address") && once(json, &seen, ADDRESS))
			read_address(json, &config->inside_address);
		else
			json_fail(json, "inside has no such member");
	}
	if (seen != (SUBNET | ADDRESS))
		json_fail(json, "inside needs subnet and address");
	else if (!network_has_host(&config->inside, config->inside_address))
		json_fail(json, "inside: address is not a host of subnet");
}

static void read_outside(struct json *json, struct config *config) {
	enum { SUBNET = 1, ADDRESS = 2, GATEWAY = 4 };
	unsigned seen = 0;
	char name[WORD_MAX];
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "subnet") && once(json, &seen, SUBNET))
			read_network(json, &config->outside);
		else if (same(name, "address") && once(json, &seen, ADDRESS))
			read_address(json, &config->outside_address);
		else if (same(name, "gateway") && once(json, &seen, GATEWAY))
			read_address(json, &config->gateway);
		else
			json_fail(json, "outside has no such member");
	}
	if (seen != (SUBNET | ADDRESS | GATEWAY)) {
		json_fail(json, "outside needs subnet, address and gateway");
		return;
	}
	if (!network_has_host(&config->outside, config->outside_address))
		json_fail(json, "outside: address is not a host of subnet");
	if (!network_has_host(&config->outside, config->gateway) || config->gateway == config->outside_address)
		json_fail(json, "outside: gateway is not another host of subnet");
}

static void read_ports(struct json *json, struct config *config) {
	enum { FIRST = 1, LAST = 2, PER_HOST = 4 };
	unsigned seen = 0;
	char name[WORD_MAX];
	uint64_t first = PORT_MIN, last = UINT16_MAX, per_host = 0;
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "first") && once(json, &seen, FIRST))
			json_integer(json, UINT16_MAX, &first);
		else if (same(name, "last") && once(json, &seen, LAST))
			json_integer(json, UINT16_MAX, &last);
		else if (same(name, "perHost") && once(json, &seen, PER_HOST))
			json_integer(json, UINT16_MAX, &per_host);
		else
			json_fail(json, "ports has no such member");
	}
	if (first < PORT_MIN || first > last)
		json_fail(json, "ports go from first, 1024 or more, to last");
	if (seen & PER_HOST && (per_host < 2 || per_host > last - first + 1))
		json_fail(json, "perHost must be at least 2 and not more than there are ports");
	config->ports = (struct ports){(uint16_t)first, (uint16_t)last};
	config->block_size = (uint16_t)per_host;
}

static void read_forward_protocol(struct json *json, struct forward *forward) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	if (same(word, "tcp"))
		forward->protocol = PROTOCOL_TCP;
	else if (same(word, "udp"))
		forward->protocol = PROTOCOL_UDP;
	else
		json_fail(json, "protocol must be tcp or udp");
}

static void read_port(struct json *json, uint16_t *port) {
	uint64_t number;
	if (!json_integer(json, UINT16_MAX, &number))
		return;
	if (number == 0)
		json_fail(json, "a port is from 1 to 65535");
	*port = (uint16_t)number;
}

static void read_forward(struct json *json, struct forward *forward) {
	enum { PROTOCOL = 1, PORT = 2, TO = 4, TO_PORT = 8 };
	unsigned seen = 0;
	char name[WORD_MAX];
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "protocol") && once(json, &seen, PROTOCOL))
			read_forward_protocol(json, forward);
		else if (same(name, "port") && once(json, &seen, PORT))
			read_port(json, &forward->port);
		else if (same(name, "to") && once(json, &seen, TO))
			read_address(json, &forward->to);
		else if (same(name, "toPort") && once(json, &seen, TO_PORT))
			read_port(json, &forward->to_port);
		else
			json_fail(json, "a forward has no such member");
	}
	if ((seen & (PROTOCOL | PORT | TO)) != (PROTOCOL | PORT | TO))
		json_fail(json, "a forward needs protocol, port and to");
	if (!(seen & TO_PORT))
		forward->to_port = forward->port;
}

static void read_forwards(struct json *json, struct config *config) {
	json->place = "forward";
	json_array(json);
	for (json->place_number = 0; json_element(json); json->place_number++) {
		if (config->forwards == FORWARDS_MAX) {
			json_fail(json, "there are more than 64 forwards");
			return;
		}
		read_forward(json, &config->forwarded[config->forwards++]);
	}
	if (!json->failed)
		json->place = NULL;
}

static void read_filtering(struct json *json, struct config *config) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	config->strict = same(word, "endpoint");
	if (!config->strict && !same(word, "none"))
		json_fail(json, "filtering must be none or endpoint");
}

/* How many inside addresses there are ports for. */
static uint32_t blocks(const struct config *config) {
	return ((uint32_t)config->ports.last - config->ports.first + 1) / config->block_size;
}

static bool same_target(const struct forward *a, const struct forward *b) {
	return a->protocol == b->protocol && a->to == b->to && a->to_port == b->to_port;
}

static bool same_source(const struct forward *a, const struct forward *b) {
	return a->protocol == b->protocol && a->port == b->port;
}

/* What only several members together can say. */
static const char *contradiction(const struct config *config) {
	uint32_t wider = config->inside.mask & config->outside.mask;
	if ((config->inside.prefix & wider) == (config->outside.prefix & wider))
		return "inside and outside have addresses in common";
	uint32_t hosts = ~config->inside.mask - 1;
	if (config->block_size && hosts > blocks(config))
		return "perHost: there are not so many ports for each host of inside";
	for (size_t i = 0; i < config->forwards; i++) {
		const struct forward *forward = &config->forwarded[i];
		if (!network_has_host(&config->inside, forward->to) || forward->to == config->inside_address)
			return "to of a forward is no other host of inside";
		for (size_t j = 0; j < i; j++)
			if (same_source(forward, &config->forwarded[j]) || same_target(forward, &config->forwarded[j]))
				return "two forwards have the same port, or the same target";
	}
	return NULL;
}

struct ports config_ports(const struct config *config, uint8_t protocol, uint32_t inside) {
	if (config->block_size) {
		/* The first host of the network has the first block. */
		uint32_t block = ((inside & ~config->inside.mask) - 1) % blocks(config);
		uint32_t first = config->ports.first + block * config->block_size;
		return (struct ports){(uint16_t)first, (uint16_t)(first + config->block_size - 1)};
	}
	/* Identifiers are no ports: there are no well-known ones to keep away from. */
	return protocol == PROTOCOL_ICMP ? (struct ports){0, UINT16_MAX} : config->ports;
}

bool config_read(struct config *config, const char *json, size_t length, struct text *why) {
	enum { INSIDE = 1, OUTSIDE = 2, PORTS = 4, FORWARDS = 8, FILTERING = 16 };
	struct json reader;
	unsigned seen = 0;
	char name[WORD_MAX];
	*config = (struct config){.ports = {PORT_MIN, UINT16_MAX}};
	json_start(&reader, json, length, why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name))) {
		if (same(name, "inside") && once(&reader, &seen, INSIDE))
			read_inside(&reader, config);
		else if (same(name, "outside") && once(&reader, &seen, OUTSIDE))
			read_outside(&reader, config);
		else if (same(name, "ports") && once(&reader, &seen, PORTS))
			read_ports(&reader, config);
		else if (same(name, "forwards") && once(&reader, &seen, FORWARDS))
			read_forwards(&reader, config);
		else if (same(name, "filtering") && once(&reader, &seen, FILTERING))
			read_filtering(&reader, config);
		else
			json_fail(&reader, "there is no such member");
	}
	if (!(seen & INSIDE) || !(seen & OUTSIDE))
		json_fail(&reader, "inside and outside are needed");
	const char *wrong = reader.failed ? NULL : contradiction(config);
	if (wrong)
		json_fail(&reader, wrong);
	return json_end(&reader);
}
