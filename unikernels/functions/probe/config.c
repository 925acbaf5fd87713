#include "config.h"

#include "../../common/members.h"
#include "../../common/prefix.h"

#define IDLE_DEFAULT 15
#define IDLE_MAX 600
#define ACTIVE_DEFAULT 60
#define ACTIVE_MAX 3600
/* IANA's port of IPFIX over UDP. */
#define IPFIX_PORT 4739

static void read_number(struct json *json, uint64_t min, uint64_t max, const char *why, uint64_t *number) {
	if (json_integer(json, max, number) && *number < min)
		json_fail(json, why);
}

static void read_host(struct json *json, uint32_t *address) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	bool fine = ipv4_read(word, address);
	uint32_t first = *address >> 24;
	if (!fine || first == 0 || first == 127 || first >= 224)
		json_fail(json, "not the IPv4 address of a host");
}

static void read_mac(struct json *json, uint8_t mac[6]) {
	char word[WORD_MAX];
	if (json_string(json, word, sizeof(word)) && (!text_parse_mac(word, strlen(word), mac) || mac[0] & 1))
		json_fail(json, "not the MAC address of a host");
}

static void read_export(struct json *json, struct exports *exports) {
	enum { COLLECTOR = 1, PORT = 2, SOURCE = 4, NEXT_HOP = 8, DOMAIN = 16, ENTERPRISE = 32 };
	unsigned seen = 0;
	char name[WORD_MAX];
	uint64_t port = IPFIX_PORT, domain = 0, enterprise = 0;
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "collector") && once(json, &seen, COLLECTOR))
			read_host(json, &exports->collector);
		else if (same(name, "port") && once(json, &seen, PORT))
			read_number(json, 1, UINT16_MAX, "a port is from 1 to 65535", &port);
		else if (same(name, "source") && once(json, &seen, SOURCE))
			read_host(json, &exports->source);
		else if (same(name, "nextHop") && once(json, &seen, NEXT_HOP))
			read_mac(json, exports->next_hop);
		else if (same(name, "domain") && once(json, &seen, DOMAIN))
			json_integer(json, UINT32_MAX, &domain);
		else if (same(name, "enterprise") && once(json, &seen, ENTERPRISE))
			read_number(json, 1, UINT32_MAX, "an enterprise number is at least 1", &enterprise);
		else
			json_fail(json, "export has no such member");
	}
	unsigned needed = COLLECTOR | SOURCE | NEXT_HOP;
	if ((seen & needed) != needed)
		json_fail(json, "export needs collector, source and nextHop");
	exports->wanted = true;
	exports->port = (uint16_t)port;
	exports->domain = (uint32_t)domain;
	exports->enterprise = (uint32_t)enterprise;
}

bool config_read(struct config *config, const char *json, size_t length, struct text *why) {
	enum { IDLE = 1, ACTIVE = 2, EXPORT = 4 };
	struct json reader;
	unsigned seen = 0;
	char name[WORD_MAX];
	*config = (struct config){.idle_seconds = IDLE_DEFAULT, .active_seconds = ACTIVE_DEFAULT};
	json_start(&reader, json, length, why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name))) {
		if (same(name, "idleSeconds") && once(&reader, &seen, IDLE))
			read_number(&reader, 1, IDLE_MAX, "idleSeconds must be at least 1", &config->idle_seconds);
		else if (same(name, "activeSeconds") && once(&reader, &seen, ACTIVE))
			read_number(&reader, 1, ACTIVE_MAX, "activeSeconds must be at least 1", &config->active_seconds);
		else if (same(name, "export") && once(&reader, &seen, EXPORT))
			read_export(&reader, &config->exports);
		else
			json_fail(&reader, "there is no such member");
	}
	return json_end(&reader);
}
