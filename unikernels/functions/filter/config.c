#include "config.h"

#include "../../common/members.h"

#define DEFAULT_TTL 60
#define TTL_MAX 86400
#define LIST_NAME_MAX 63

static void read_names(struct json *json, struct config *config) {
	char word[KEY_MAX + 2];
	json_array(json);
	while (json_element(json)) {
		if (!json_string(json, word, sizeof(word)))
			return;
		if (config->name_count == NAMES_MAX)
			json_fail(json, "there are more than 256 names: put them into a list");
		else if (!key_read(&config->names[config->name_count++], word))
			json_fail(json, "not a name like example.org");
	}
}

static bool is_list_name(const char *word) {
	size_t length = strlen(word);
	for (size_t i = 0; i < length; i++) {
		char c = word[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && i > 0)))
			return false;
	}
	return length > 0 && length <= LIST_NAME_MAX;
}

/* What they hold comes from the host; here it only matters that there are some. */
static void read_lists(struct json *json, struct config *config) {
	char word[LIST_NAME_MAX + 2];
	json_array(json);
	while (json_element(json)) {
		if (!json_string(json, word, sizeof(word)))
			return;
		if (!is_list_name(word))
			json_fail(json, "the name of a list has small letters, digits and hyphens");
		else if (config->list_count++ == LISTS_MAX)
			json_fail(json, "there are more than 16 lists");
	}
}

static bool has_slash(const char *word) {
	while (*word && *word != '/')
		word++;
	return *word == '/';
}

static void read_address(struct json *json, uint8_t family, struct prefix *prefix) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	if (has_slash(word) || prefix_read(word, prefix) || prefix->family != family)
		json_fail(json, family == 4 ? "not an IPv4 address" : "not an IPv6 address");
}

static void read_landing(struct json *json, struct reply *reply) {
	enum { IPV4 = 1, IPV6 = 2 };
	struct prefix ipv4 = {0}, ipv6 = {0};
	unsigned seen = 0;
	char name[WORD_MAX];
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "ipv4") && once(json, &seen, IPV4))
			read_address(json, 4, &ipv4);
		else if (same(name, "ipv6") && once(json, &seen, IPV6))
			read_address(json, 6, &ipv6);
		else
			json_fail(json, "landing has no such member");
	}
	if (!seen)
		json_fail(json, "landing needs ipv4 or ipv6");
	reply->landing = true;
	reply->has_ipv4 = seen & IPV4;
	reply->has_ipv6 = seen & IPV6;
	reply->ipv4 = (uint32_t)ipv4.address.low;
	reply->ipv6 = ipv6.address;
}

bool config_read(struct config *config, const char *json, size_t length, struct text *why) {
	enum { LISTS = 1, NAMES = 2, LANDING = 4, TTL = 8 };
	unsigned seen = 0;
	uint64_t ttl = DEFAULT_TTL;
	struct json reader;
	char name[WORD_MAX];
	config->name_count = config->list_count = 0;
	config->reply = (struct reply){0};
	json_start(&reader, json, length, why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name))) {
		if (same(name, "lists") && once(&reader, &seen, LISTS))
			read_lists(&reader, config);
		else if (same(name, "names") && once(&reader, &seen, NAMES))
			read_names(&reader, config);
		else if (same(name, "landing") && once(&reader, &seen, LANDING))
			read_landing(&reader, &config->reply);
		else if (same(name, "ttlSeconds") && once(&reader, &seen, TTL))
			json_integer(&reader, TTL_MAX, &ttl);
		else
			json_fail(&reader, "there is no such member");
	}
	if (!(seen & (LISTS | NAMES)))
		json_fail(&reader, "there is nothing to block: give lists or names");
	if (seen & TTL && !(seen & LANDING))
		json_fail(&reader, "ttlSeconds is of a landing, and there is none");
	config->reply.ttl = (uint32_t)ttl;
	return json_end(&reader);
}
