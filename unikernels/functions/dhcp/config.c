#include "config.h"

#include "../../common/members.h"
#include "../../common/prefix.h"

#define DEFAULT_LEASE_SECONDS 3600
#define LEASE_SECONDS_MIN 60
#define LEASE_SECONDS_MAX 31536000
#define MTU_MIN 576
#define MTU_MAX 65535

static bool read_address(struct json *json, uint32_t *address) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return false;
	if (!ipv4_read(word, address) || *address == 0)
		return json_fail(json, "not an IPv4 address");
	return true;
}

static void read_addresses(struct json *json, struct addresses *list) {
	uint32_t address;
	json_array(json);
	while (json_element(json)) {
		if (!read_address(json, &address))
			return;
		if (list->count == LIST_MAX) {
			json_fail(json, "a list has at most 4 addresses");
			return;
		}
		list->items[list->count++] = address;
	}
	if (list->count == 0)
		json_fail(json, "a list needs at least one address");
}

static void read_network(struct json *json, struct config *config) {
	char word[WORD_MAX];
	struct prefix prefix;
	if (!json_string(json, word, sizeof(word)))
		return;
	const char *why = prefix_read(word, &prefix);
	config->network = (uint32_t)prefix.address.low;
	config->mask = (uint32_t)prefix.mask.low;
	uint32_t hosts = ~config->mask;
	if (why)
		json_fail(json, why);
	else if (prefix.family != 4 || hosts < 3 || hosts > 0xffffff)
		json_fail(json, "subnet must be an IPv4 prefix of 8 to 30 bits");
}

static void read_pool(struct json *json, struct config *config) {
	enum { FIRST = 1, LAST = 2 };
	unsigned seen = 0;
	char name[WORD_MAX];
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "first") && once(json, &seen, FIRST))
			read_address(json, &config->first);
		else if (same(name, "last") && once(json, &seen, LAST))
			read_address(json, &config->last);
		else
			json_fail(json, "a pool has no such member");
	}
	if (seen != (FIRST | LAST))
		json_fail(json, "a pool needs first and last");
	else if (config->first > config->last || config->last - config->first >= POOL_MAX)
		json_fail(json, "a pool goes from first to last and has at most 48 addresses");
}

static void read_mac(struct json *json, uint8_t mac[6]) {
	char word[WORD_MAX];
	if (json_string(json, word, sizeof(word)) && !text_parse_mac(word, strlen(word), mac))
		json_fail(json, "not a MAC address like 02:00:00:00:00:01");
}

static void read_reservation(struct json *json, struct config *config) {
	enum { MAC = 1, ADDRESS = 2 };
	struct reservation made = {0};
	unsigned seen = 0;
	char name[WORD_MAX];
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "mac") && once(json, &seen, MAC))
			read_mac(json, made.mac);
		else if (same(name, "address") && once(json, &seen, ADDRESS))
			read_address(json, &made.address);
		else
			json_fail(json, "a reservation has no such member");
	}
	if (seen != (MAC | ADDRESS))
		json_fail(json, "a reservation needs mac and address");
	if (config->reservations == RESERVATIONS_MAX) {
		json_fail(json, "there are more than 32 reservations");
		return;
	}
	for (size_t i = 0; i < config->reservations; i++) {
		const struct reservation *other = &config->reserved[i];
		if (other->address == made.address || memcmp(other->mac, made.mac, 6) == 0)
			json_fail(json, "two reservations have the same mac or the same address");
	}
	config->reserved[config->reservations++] = made;
}

static void read_reservations(struct json *json, struct config *config) {
	for (list_begin(json, "reservation"); list_next(json);)
		read_reservation(json, config);
}

/* Labels of letters, digits and hyphens (RFC 1035, section 2.3.1, and RFC 1123, section 2.1). */
static bool is_domain(const char *word) {
	size_t label = 0;
	for (char before = '.';; before = *word++) {
		char c = *word;
		bool ends = c == '.' || c == '\0';
		if (ends && (label == 0 || label > 63 || before == '-'))
			return false;
		if (c == '\0')
			return true;
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!ends && !letter && (c != '-' || label == 0))
			return false;
		label = ends ? 0 : label + 1;
	}
}

static void read_domain(struct json *json, struct config *config) {
	if (json_string(json, config->domain, sizeof(config->domain)) && !is_domain(config->domain))
		json_fail(json, "domain must be a name like example.org, of at most 63 characters");
}

static uint64_t read_number(struct json *json, uint64_t min, uint64_t max, const char *why) {
	uint64_t number = min;
	if (json_integer(json, max, &number) && number < min)
		json_fail(json, why);
	return number;
}

static bool usable(const struct config *config, uint32_t address) {
	uint32_t host = address & ~config->mask;
	return (address & config->mask) == config->network && host != 0 && host != ~config->mask;
}

/* What only several members together can say. */
static const char *contradiction(const struct config *config) {
	if (!usable(config, config->server))
		return "server is not a host of subnet";
	if (config->first && (!usable(config, config->first) || !usable(config, config->last)))
		return "pool is not within the hosts of subnet";
	if (config->first && config->server >= config->first && config->server <= config->last)
		return "server is in pool";
	for (size_t i = 0; i < config->routers.count; i++)
		if (!usable(config, config->routers.items[i]))
			return "a router is not a host of subnet";
	for (size_t i = 0; i < config->reservations; i++) {
		uint32_t address = config->reserved[i].address;
		if (!usable(config, address))
			return "a reserved address is not a host of subnet";
		if (address == config->server)
			return "a reserved address is the server's";
	}
	return NULL;
}

bool config_read(struct config *config, const char *json, size_t length, struct text *why) {
	enum {
		SUBNET = 1,
		SERVER = 2,
		POOL = 4,
		RESERVATIONS = 8,
		ROUTERS = 16,
		DNS = 32,
		NTP = 64,
		DOMAIN = 128,
		LEASE = 256,
		MTU = 512,
	};
	struct json reader;
	unsigned seen = 0;
	char name[WORD_MAX];
	*config = (struct config){.lease_seconds = DEFAULT_LEASE_SECONDS};
	json_start(&reader, json, length, why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name))) {
		if (same(name, "subnet") && once(&reader, &seen, SUBNET))
			read_network(&reader, config);
		else if (same(name, "server") && once(&reader, &seen, SERVER))
			read_address(&reader, &config->server);
		else if (same(name, "pool") && once(&reader, &seen, POOL))
			read_pool(&reader, config);
		else if (same(name, "reservations") && once(&reader, &seen, RESERVATIONS))
			read_reservations(&reader, config);
		else if (same(name, "routers") && once(&reader, &seen, ROUTERS))
			read_addresses(&reader, &config->routers);
		else if (same(name, "dns") && once(&reader, &seen, DNS))
			read_addresses(&reader, &config->dns);
		else if (same(name, "ntp") && once(&reader, &seen, NTP))
			read_addresses(&reader, &config->ntp);
		else if (same(name, "domain") && once(&reader, &seen, DOMAIN))
			read_domain(&reader, config);
		else if (same(name, "leaseSeconds") && once(&reader, &seen, LEASE))
			config->lease_seconds = (uint32_t)read_number(&reader, LEASE_SECONDS_MIN, LEASE_SECONDS_MAX,
								      "leaseSeconds must be at least 60");
		else if (same(name, "mtu") && once(&reader, &seen, MTU))
			config->mtu = (uint16_t)read_number(&reader, MTU_MIN, MTU_MAX, "mtu must be at least 576");
		else
			json_fail(&reader, "there is no such member");
	}
	if (!(seen & SUBNET) || !(seen & SERVER))
		json_fail(&reader, "subnet and server are needed");
	if (!(seen & (POOL | RESERVATIONS)))
		json_fail(&reader, "there is no address to give: a pool or reservations are needed");
	const char *wrong = reader.failed ? NULL : contradiction(config);
	if (wrong)
		json_fail(&reader, wrong);
	return json_end(&reader);
}
