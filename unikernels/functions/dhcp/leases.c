#include "leases.h"

#include "../../common/members.h"
#include "../../common/prefix.h"

#define PLACES (POOL_MAX + RESERVATIONS_MAX)
#define SECOND 1000000ull

static struct lease places[PLACES];
static size_t count;

/* Which MAC a reserved place is for. */
static uint8_t macs[PLACES][6];

static bool same_client(const struct client *a, const struct client *b) {
	return a->length == b->length && memcmp(a->bytes, b->bytes, CLIENT_ID_MAX) == 0;
}

void leases_start(void) {
	count = 0;
}

struct lease *leases_of(uint32_t address) {
	for (size_t i = 0; i < count; i++)
		if (places[i].address == address)
			return &places[i];
	return NULL;
}

static void place(const struct lease *before, size_t before_count, uint32_t address, const uint8_t *mac) {
	struct lease *lease = &places[count];
	*lease = (struct lease){.address = address};
	for (size_t i = 0; i < before_count; i++)
		if (before[i].address == address)
			*lease = before[i];
	lease->reserved = mac != NULL;
	if (mac)
		memcpy(macs[count], mac, 6);
	count++;
}

void leases_arrange(const struct config *config) {
	static struct lease before[PLACES];
	size_t before_count = count;
	memcpy(before, places, sizeof(before));
	count = 0;
	for (size_t i = 0; i < config->reservations; i++)
		place(before, before_count, config->reserved[i].address, config->reserved[i].mac);
	for (uint32_t address = config->first; config->first && address <= config->last; address++)
		if (!leases_of(address))
			place(before, before_count, address, NULL);
}

static bool over(const struct lease *lease, uint64_t now) {
	return lease->state == LEASE_FREE || lease->until <= now;
}

bool lease_held(const struct lease *lease, const struct client *client, uint64_t now) {
	return (lease->state == LEASE_OFFERED || lease->state == LEASE_GIVEN) && !over(lease, now) &&
	       same_client(&lease->client, client);
}

bool leases_know(const struct client *client, uint64_t now) {
	for (size_t i = 0; i < count; i++)
		if (lease_held(&places[i], client, now))
			return true;
	return false;
}

static bool may_ever_have(const struct lease *lease, const uint8_t mac[6]) {
	return !lease->reserved || memcmp(macs[lease - places], mac, 6) == 0;
}

bool lease_open_to(const struct lease *lease, const struct client *client, const uint8_t mac[6], uint64_t now) {
	return may_ever_have(lease, mac) && (over(lease, now) || lease_held(lease, client, now));
}

struct lease *leases_choose(const struct client *client, const uint8_t mac[6], uint32_t wish, uint64_t now) {
	/* The better the reason, the higher; among equals the one that has been nobody's for longest. */
	enum { FREE = 1, WISHED, HAD, HELD, RESERVED };
	struct lease *best = NULL;
	int best_reason = 0;
	for (size_t i = 0; i < count; i++) {
		struct lease *lease = &places[i];
		if (!lease_open_to(lease, client, mac, now))
			continue;
		int reason = lease->reserved                              ? RESERVED
			     : lease_held(lease, client, now)             ? HELD
			     : same_client(&lease->client, client)        ? HAD
			     : lease->address == wish                     ? WISHED
									  : FREE;
		if (reason > best_reason || (reason == best_reason && lease->since < best->since)) {
			best = lease;
			best_reason = reason;
		}
	}
	return best;
}

void lease_set(struct lease *lease, enum lease_state state, const struct client *client, uint64_t now, uint64_t until) {
	lease->state = state;
	lease->client = *client;
	lease->since = now;
	lease->until = until;
}

uint64_t leases_count(uint64_t now) {
	uint64_t given = 0;
	for (size_t i = 0; i < count; i++)
		given += places[i].state == LEASE_GIVEN && !over(&places[i], now);
	return given;
}

/* An element is {"address":"10.0.0.1","client":"01020000000001","length":7,"until":1700000000}. */
void leases_save(struct text *out, uint64_t now, uint64_t wall) {
	bool first = true;
	text_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		const struct lease *lease = &places[i];
		if (lease->state != LEASE_GIVEN || over(lease, now))
			continue;
		text_string(out, first ? "{\"address\":\"" : ",{\"address\":\"");
		text_ipv4(out, lease->address);
		text_string(out, "\",\"client\":\"");
		size_t kept = lease->client.length < CLIENT_ID_MAX ? lease->client.length : CLIENT_ID_MAX;
		for (size_t j = 0; j < kept; j++) {
			text_char(out, "0123456789abcdef"[lease->client.bytes[j] >> 4]);
			text_char(out, "0123456789abcdef"[lease->client.bytes[j] & 15]);
		}
		text_string(out, "\",\"length\":");
		text_number(out, lease->client.length);
		text_string(out, ",\"until\":");
		text_number(out, wall + (lease->until - now) / SECOND);
		text_char(out, '}');
		first = false;
	}
	text_char(out, ']');
}

static int digit(char c) {
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_client(struct json *json, struct client *client) {
	char hex[2 * CLIENT_ID_MAX + 1];
	if (!json_string(json, hex, sizeof(hex)))
		return false;
	for (size_t i = 0; hex[i]; i += 2) {
		int high = digit(hex[i]), low = digit(hex[i + 1]);
		if (high < 0 || low < 0)
			return json_fail(json, "no hexadecimal number");
		client->bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void restore_lease(struct json *json, uint64_t now, uint64_t wall) {
	char name[WORD_MAX], word[WORD_MAX];
	uint32_t address = 0;
	uint64_t length = 0, until = 0;
	struct client client = {0};
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "address") && json_string(json, word, sizeof(word)))
			ipv4_read(word, &address);
		else if (same(name, "client"))
			read_client(json, &client);
		else if (same(name, "length"))
			json_integer(json, 255, &length);
		else if (same(name, "until"))
			json_integer(json, UINT32_MAX, &until);
		else
			json_fail(json, "no such member");
	}
	struct lease *lease = leases_of(address);
	if (json->failed || !lease || until <= wall)
		return;
	client.length = (uint8_t)length;
	lease_set(lease, LEASE_GIVEN, &client, now, now + (until - wall) * SECOND);
}

bool leases_restore(const char *json, size_t length, uint64_t now, uint64_t wall) {
	char reason[100], name[WORD_MAX];
	struct text why = TEXT_OVER(reason);
	struct json reader;
	json_start(&reader, json, length, &why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name))) {
		if (!same(name, "leases"))
			json_fail(&reader, "no such member");
		json_array(&reader);
		while (json_element(&reader))
			restore_lease(&reader, now, wall);
	}
	return json_end(&reader);
}
