/* The conversations of RFC 2131, message by message. */
#include "../common/checksum.h"
#include "check.h"
#include "frames.h"
#include "platform.h"

#define SECOND 1000000ull
#define MINUTE (60 * SECOND)

#define CONFIG \
	"{\"subnet\":\"10.0.0.0/24\",\"server\":\"10.0.0.2\",\"pool\":{\"first\":\"10.0.0.10\",\"last\":\"10.0.0.12\"}," \
	"\"routers\":[\"10.0.0.1\"],\"dns\":[\"192.0.2.53\",\"192.0.2.54\"],\"domain\":\"example.org\",\"mtu\":1400," \
	"\"ntp\":[\"192.0.2.123\"],\"leaseSeconds\":600," \
	"\"reservations\":[{\"mac\":\"02:00:00:00:00:99\",\"address\":\"10.0.0.99\"}]}"

#define NET 0x0a000000u
#define SERVER (NET + 2)

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };

static uint64_t now;
static uint32_t server = SERVER;

struct ask {
	unsigned type, mac, flags;
	uint32_t ciaddr, wanted, server, seconds;
	const char *client_id, *list;
};

static struct packet_bytes message(struct ask ask) {
	struct packet_bytes body = {.length = 240};
	memcpy(body.bytes, (uint8_t[]){1, 1, 6, 0, 1, 2, 3, 4}, 8);
	set16(body.bytes + 10, ask.flags);
	set32(body.bytes + 12, ask.ciaddr);
	memcpy(body.bytes + 28, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)ask.mac}, 6);
	set32(body.bytes + 236, 0x63825363);
	put8(&body, 0);
	put(&body, (uint8_t[]){53, 1, (uint8_t)ask.type}, 3);
	struct {
		uint8_t code;
		uint32_t value;
	} numbers[] = {{50, ask.wanted}, {54, ask.server}, {51, ask.seconds}};
	for (size_t i = 0; i < 3; i++) {
		if (!numbers[i].value)
			continue;
		put(&body, (uint8_t[]){numbers[i].code, 4}, 2);
		put32(&body, numbers[i].value);
	}
	const char *strings[] = {ask.client_id, ask.list};
	for (size_t i = 0; i < 2; i++) {
		if (!strings[i])
			continue;
		put(&body, (uint8_t[]){i ? 55 : 61, (uint8_t)strlen(strings[i])}, 2);
		put(&body, strings[i], strlen(strings[i]));
	}
	put8(&body, 255);
	struct packet_bytes datagram = {.length = 0};
	put16(&datagram, 68);
	put16(&datagram, 67);
	put16(&datagram, (unsigned)(8 + body.length));
	put16(&datagram, 0);
	put(&datagram, body.bytes, body.length);
	struct packet_bytes frame = ipv4(17, ask.ciaddr, ask.ciaddr ? SERVER : UINT32_MAX, &datagram);
	memset(frame.bytes, 0xff, 6);
	memcpy(frame.bytes + 6, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)ask.mac}, 6);
	return frame;
}

static enum verdict send(enum side from, struct packet_bytes *frame) {
	platform_forget();
	return platform_frame(from, frame->bytes, &frame->length, now, true);
}

/* The answer's DHCP message, or NULL; what is around it must be right. */
static const uint8_t *say_to_server(struct ask ask) {
	struct packet_bytes frame = message(ask);
	CHECK(send(LEFT, &frame) == DROP);
	if (platform_sent_count == 0)
		return NULL;
	const struct sent *sent = &platform_sent[0];
	CHECK(platform_sent_count == 1 && sent->to == LEFT && sent->length >= 14 + 28 + 300);
	const uint8_t *ip = sent->bytes + 14;
	size_t total = get16(ip + 2);
	CHECK(total + 14 == sent->length && get16(ip + 20 + 4) == total - 20);
	CHECK(checksum_fold(checksum_add(0, ip, 20)) == 0xffff);
	CHECK(checksum_fold(checksum_add(checksum_add(17 + total - 20, ip + 12, 8), ip + 20, total - 20)) == 0xffff);
	CHECK(get32(ip + 12) == server && get16(ip + 20) == 67 && get16(ip + 22) == 68);
	CHECK(memcmp(ip + 28 + 4, "\1\2\3\4", 4) == 0 && ip[28] == 2);
	return ip + 28;
}

/* The option's length and bytes, or NULL. */
static const uint8_t *option(const uint8_t *body, uint8_t code) {
	for (const uint8_t *at = body + 240; *at != 255; at += at[0] ? at[1] + 2 : 1)
		if (*at == code)
			return at + 1;
	return NULL;
}

static unsigned type_of(const uint8_t *body) {
	return body ? option(body, 53)[1] : 0;
}

static uint32_t address_in(const uint8_t *body) {
	return body ? get32(body + 16) : 0;
}

static uint32_t target(void) {
	return get32(platform_sent[0].bytes + 14 + 16);
}

static void restart(void) {
	now = 1000 * SECOND;
	platform_wall_clock = 1700000000;
	platform_start(1, 0);
	CHECK(platform_configure(CONFIG) == NULL);
}

/* Discovers and requests; the address, or 0. */
static uint32_t lease(struct ask ask) {
	ask.type = DISCOVER;
	const uint8_t *offer = say_to_server(ask);
	if (type_of(offer) != OFFER)
		return 0;
	ask.type = REQUEST;
	ask.wanted = address_in(offer);
	ask.server = SERVER;
	const uint8_t *given = say_to_server(ask);
	CHECK(type_of(given) == ACK && address_in(given) == ask.wanted);
	return ask.wanted;
}

static void a_lease(void) {
	restart();
	const uint8_t *offer = say_to_server((struct ask){.type = DISCOVER, .mac = 1, .flags = 0x8000});
	CHECK(type_of(offer) == OFFER && address_in(offer) == NET + 10 && target() == UINT32_MAX);
	CHECK(memcmp(platform_sent[0].bytes, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1", 12) == 0);
	CHECK(get32(option(offer, 54) + 1) == SERVER && get32(option(offer, 51) + 1) == 600);
	CHECK(get32(option(offer, 58) + 1) == 300 && get32(option(offer, 59) + 1) == 525);
	CHECK(get32(option(offer, 1) + 1) == 0xffffff00 && get32(option(offer, 3) + 1) == NET + 1);
	CHECK(option(offer, 6)[0] == 8 && get32(option(offer, 6) + 5) == 0xc0000236);
	CHECK(memcmp(option(offer, 15), "\13example.org", 12) == 0 && get16(option(offer, 26) + 1) == 1400);
	CHECK(get32(option(offer, 42) + 1) == 0xc000027b);
	CHECK(platform_counter("leases", now) == 0 && !platform_state_changed);

	const uint8_t *given = say_to_server(
		(struct ask){.type = REQUEST, .mac = 1, .wanted = NET + 10, .server = SERVER, .list = "\1\3"});
	CHECK(type_of(given) == ACK && address_in(given) == NET + 10 && target() == NET + 10);
	CHECK(memcmp(platform_sent[0].bytes, "\2\0\0\0\0\1", 6) == 0);
	CHECK(option(given, 1) && option(given, 3) && !option(given, 6) && !option(given, 15) && option(given, 51));
	CHECK(platform_counter("leases", now) == 1 && platform_state_changed);
	CHECK_TEXT(platform_said, "10.0.0.10 is leased to 02:00:00:00:00:01\n");

	/* It renews, from its address; then it has restarted; then it asks anew. */
	now += 5 * MINUTE;
	given = say_to_server((struct ask){.type = REQUEST, .mac = 1, .ciaddr = NET + 10});
	CHECK(type_of(given) == ACK && target() == NET + 10 && get32(given + 12) == NET + 10 && !*platform_said);
	CHECK(type_of(say_to_server((struct ask){.type = REQUEST, .mac = 1, .wanted = NET + 10})) == ACK);
	CHECK(lease((struct ask){.mac = 1}) == NET + 10);
	/* Less than is offered may be asked for, more may not. */
	given = say_to_server((struct ask){.type = REQUEST, .mac = 1, .ciaddr = NET + 10, .seconds = 90});
	CHECK(get32(option(given, 51) + 1) == 90);
	given = say_to_server((struct ask){.type = REQUEST, .mac = 1, .ciaddr = NET + 10, .seconds = 9000});
	CHECK(get32(option(given, 51) + 1) == 600);
	now += 601 * SECOND;
	CHECK(platform_counter("leases", now) == 0);
}

static void who_gets_what(void) {
	restart();
	CHECK(lease((struct ask){.mac = 1}) == NET + 10);
	CHECK(lease((struct ask){.mac = 2, .wanted = NET + 12}) == NET + 12);
	CHECK(lease((struct ask){.mac = 0x99, .wanted = NET + 11}) == NET + 99);
	/* Two clients behind one MAC are told apart by what they call themselves. */
	CHECK(lease((struct ask){.mac = 1, .client_id = "\377one"}) == NET + 11);
	CHECK(say_to_server((struct ask){.type = DISCOVER, .mac = 3}) == NULL);
	CHECK(platform_counter("exhausted", now) == 1 && platform_counter("leases", now) == 4);
	/* The reserved one is nobody else's, though it is free. */
	now += 11 * MINUTE;
	CHECK(type_of(say_to_server((struct ask){.type = REQUEST, .mac = 3, .wanted = NET + 99})) == NAK);
	CHECK(type_of(say_to_server((struct ask){.type = REQUEST, .mac = 0x99, .wanted = NET + 99})) == ACK);
	/* Who was there last gets it again; a newcomer gets what was nobody's for longest. */
	CHECK(lease((struct ask){.mac = 2}) == NET + 12);
	CHECK(lease((struct ask){.mac = 3}) == NET + 10);
	CHECK(lease((struct ask){.mac = 1}) == NET + 11);
}

static void refusals(void) {
	restart();
	const uint8_t *no = say_to_server((struct ask){.type = REQUEST, .mac = 1, .wanted = NET + 200});
	CHECK(type_of(no) == NAK && address_in(no) == 0 && target() == UINT32_MAX && !option(no, 51) && !option(no, 1));
	CHECK(type_of(say_to_server((struct ask){.type = REQUEST, .mac = 1, .ciaddr = 0xc0a80001})) == NAK);
	/* Selected without an offer. */
	CHECK(type_of(say_to_server(
		      (struct ask){.type = REQUEST, .mac = 1, .wanted = NET + 10, .server = SERVER})) == NAK);
	CHECK(lease((struct ask){.mac = 1}) == NET + 10);
	CHECK(type_of(say_to_server((struct ask){.type = REQUEST, .mac = 2, .wanted = NET + 10})) == NAK);
	CHECK(type_of(say_to_server((struct ask){.type = REQUEST, .mac = 2, .ciaddr = NET + 10})) == NAK);
	/* Another server was chosen. */
	CHECK(!say_to_server((struct ask){.type = REQUEST, .mac = 1, .wanted = NET + 10, .server = NET + 3}));
	/* An offer does not wait for ever. */
	CHECK(type_of(say_to_server((struct ask){.type = DISCOVER, .mac = 2})) == OFFER);
	now += 2 * MINUTE;
	CHECK(type_of(say_to_server(
		      (struct ask){.type = REQUEST, .mac = 2, .wanted = NET + 11, .server = SERVER})) == NAK);
}

static void release_decline_inform(void) {
	restart();
	CHECK(lease((struct ask){.mac = 1}) == NET + 10);
	CHECK(!say_to_server((struct ask){.type = RELEASE, .mac = 2, .ciaddr = NET + 10}));
	CHECK(platform_counter("leases", now) == 1);
	CHECK(!say_to_server((struct ask){.type = RELEASE, .mac = 1, .ciaddr = NET + 10}) && platform_state_changed);
	CHECK(platform_counter("leases", now) == 0 && platform_counter("released", now) == 1);
	CHECK(lease((struct ask){.mac = 1}) == NET + 10);
	/* Somebody else is there: the address rests for a while. */
	CHECK(!say_to_server((struct ask){.type = DECLINE, .mac = 1, .wanted = NET + 10, .server = SERVER}));
	CHECK(platform_counter("declined", now) == 1);
	CHECK(lease((struct ask){.mac = 1, .wanted = NET + 10}) == NET + 11);
	now += 11 * MINUTE;
	CHECK(lease((struct ask){.mac = 2, .wanted = NET + 10}) == NET + 10);
	const uint8_t *told = say_to_server((struct ask){.type = INFORM, .mac = 7, .ciaddr = NET + 77});
	CHECK(type_of(told) == ACK && address_in(told) == 0 && !option(told, 51) && option(told, 6) && target() == NET + 77);
}

static void what_passes(void) {
	restart();
	struct packet_bytes other = udp(68, 68), frame = ipv4(17, 1, 2, &other);
	CHECK(send(LEFT, &frame) == PASS && send(RIGHT, &frame) == PASS);
	/* Nobody else is heard, on neither side. */
	struct packet_bytes answer = udp(67, 68);
	frame = ipv4(17, 1, 2, &answer);
	CHECK(send(LEFT, &frame) == DROP && send(RIGHT, &frame) == DROP && platform_counter("foreign", now) == 2);
	frame = message((struct ask){.type = DISCOVER, .mac = 1});
	CHECK(send(RIGHT, &frame) == DROP && platform_sent_count == 0 && platform_counter("foreign", now) == 3);
	/* Through a relay, for another kind of network, in pieces, cut off, without the cookie. */
	static const struct {
		size_t at;
		uint8_t value;
	} spoils[] = {{42 + 1, 6}, {42 + 24, 10}, {42 + 236, 0}, {14 + 6, 0x20}, {42, 2}, {42 + 243, 9}, {42 + 242, 200}};
	for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
		frame = message((struct ask){.type = DISCOVER, .mac = 1});
		frame.bytes[spoils[i].at] = spoils[i].value;
		CHECK(send(LEFT, &frame) == DROP && platform_sent_count == 0);
	}
	CHECK(platform_counter("strange", now) == sizeof(spoils) / sizeof(*spoils));

	/* An answer comes back with the tags of the question. */
	frame = message((struct ask){.type = DISCOVER, .mac = 1});
	struct packet_bytes one = tagged(7, &frame), two = tagged(0xe008, &one);
	CHECK(send(LEFT, &two) == DROP && platform_sent_count == 1);
	CHECK(memcmp(platform_sent[0].bytes + 12, "\x81\0\xe0\x08\x81\0\0\7\x08\0\x45", 11) == 0);
}

static struct packet_bytes arp(unsigned operation, uint32_t asked) {
	struct packet_bytes frame = ethernet(0x0806);
	memset(frame.bytes, 0xff, 6);
	memcpy(frame.bytes + 6, "\2\0\0\0\0\7", 6);
	put(&frame, (uint8_t[]){0, 1, 8, 0, 6, 4, 0, (uint8_t)operation, 2, 0, 0, 0, 0, 7}, 14);
	put32(&frame, NET + 10);
	put(&frame, (uint8_t[6]){0}, 6);
	put32(&frame, asked);
	return frame;
}

static void neighbours(void) {
	restart();
	struct packet_bytes question = arp(1, SERVER);
	CHECK(send(LEFT, &question) == ANSWER);
	CHECK(memcmp(question.bytes, "\2\0\0\0\0\7\2\0\0\0\0\1\x08\x06\0\1\x08\0\6\4\0\2\2\0\0\0\0\1\12\0\0\2\2\0\0\0\0\7\12\0\0\12", 42) == 0);
	for (unsigned operation = 1; operation <= 2; operation++) {
		question = arp(operation, operation == 1 ? NET + 1 : SERVER);
		CHECK(send(LEFT, &question) == PASS);
	}
	question = arp(1, SERVER);
	CHECK(send(RIGHT, &question) == PASS);
}

static void kept(void) {
	restart();
	CHECK(lease((struct ask){.mac = 1}) == NET + 10);
	now += 100 * SECOND;
	platform_wall_clock += 100;
	CHECK(lease((struct ask){.mac = 1, .client_id = "an identifier that is longer than the 32 bytes that are kept"}) == NET + 11);
	char state[FUNCTION_STATE_MAX + 1];
	snprintf(state, sizeof(state), "%s", platform_save(now));
	CHECK(strstr(state, "{\"leases\":[{\"address\":\"10.0.0.10\",\"client\":\"01020000000001\",\"length\":7,\"until\":1700000600},"));

	restart();
	now = 5 * SECOND;
	platform_wall_clock = 1700000100 + 400;
	platform_restore(state, now);
	CHECK(platform_counter("leases", now) == 2);
	CHECK(type_of(say_to_server((struct ask){.type = REQUEST, .mac = 2, .wanted = NET + 10})) == NAK);
	CHECK(type_of(say_to_server((struct ask){.type = REQUEST, .mac = 1, .ciaddr = NET + 10})) == ACK);
	CHECK(lease((struct ask){.mac = 1, .client_id = "an identifier that is longer than the 32 bytes that are kept"}) == NET + 11);
	/* What has run out in between is not in force. */
	restart();
	platform_wall_clock = 1700000650;
	platform_restore(state, now);
	CHECK(platform_counter("leases", now) == 1 && *platform_said == '\0');
	platform_restore("{\"leases\":[{\"address\":\"10.0.0.12\",\"client\":\"0z\"}", now);
	CHECK(*platform_said != '\0' && platform_counter("leases", now) == 1);

	/* A new configuration: what is still possible lives on. */
	CHECK(platform_configure("{\"subnet\":\"10.0.0.0/24\",\"server\":\"10.0.0.2\",\"pool\":{\"first\":\"10.0.0.11\","
				 "\"last\":\"10.0.0.11\"}}") == NULL);
	CHECK(platform_counter("leases", now) == 1);
	CHECK(platform_configure("{\"subnet\":\"10.0.0.0/24\",\"server\":\"10.0.0.2\",\"pool\":{\"first\":\"10.0.0.12\","
				 "\"last\":\"10.0.0.12\"}}") == NULL);
	CHECK(platform_counter("leases", now) == 0);
}

/* As many leases as there can be, each as long as it can be, can be saved. */
static void kept_at_the_limit(void) {
	static char config[8192];
	size_t used = (size_t)snprintf(config, sizeof(config),
				       "{\"subnet\":\"210.0.0.0/8\",\"server\":\"210.100.100.99\",\"pool\":{\"first\":"
				       "\"210.100.100.100\",\"last\":\"210.100.100.147\"},\"reservations\":[");
	for (unsigned i = 0; i < 32; i++)
		used += (size_t)snprintf(config + used, sizeof(config) - used,
					 "%s{\"mac\":\"02:00:00:00:00:%02x\",\"address\":\"210.100.101.%u\"}", i ? "," : "",
					 i, 100 + i);
	snprintf(config + used, sizeof(config) - used, "]}");
	restart();
	CHECK(platform_configure(config) == NULL);
	server = 0xd2646463;
	for (unsigned i = 0; i < 80; i++) {
		char id[64];
		snprintf(id, sizeof(id), "an identifier of more than thirty-two bytes, %u", i);
		struct ask ask = {.type = DISCOVER, .mac = i, .client_id = id};
		uint32_t address = address_in(say_to_server(ask));
		ask = (struct ask){.type = REQUEST, .mac = i, .client_id = id, .wanted = address, .server = server};
		struct packet_bytes frame = message(ask);
		CHECK(address && send(LEFT, &frame) == DROP);
	}
	CHECK(platform_counter("leases", now) == 80);
	CHECK(strlen(platform_save(now)) > FUNCTION_STATE_MAX / 2);
	server = SERVER;
}

static void bad_configurations(void) {
#define START "{\"subnet\":\"10.0.0.0/24\",\"server\":\"10.0.0.2\""
	static const char *bad[][2] = {
		{"{}", "subnet and server are needed"},
		{START "}", "there is no address to give"},
		{START ",\"pool\":{\"first\":\"10.0.0.9\",\"last\":\"10.0.0.8\"}}", "a pool goes from first to last"},
		{START ",\"pool\":{\"first\":\"10.0.0.10\",\"last\":\"10.0.0.58\"}}", "has at most 48"},
		{START ",\"pool\":{\"first\":\"10.0.0.1\",\"last\":\"10.0.0.8\"}}", "server is in pool"},
		{START ",\"pool\":{\"first\":\"10.0.0.250\",\"last\":\"10.0.0.255\"}}", "pool is not within"},
		{START ",\"reservations\":[{\"mac\":\"x\",\"address\":\"10.0.0.7\"}]}", "reservation 0: not a MAC"},
		{START ",\"reservations\":[{\"mac\":\"02:00:00:00:00:01\",\"address\":\"10.0.0.2\"}]}", "is the server's"},
		{START ",\"routers\":[\"10.0.1.1\"],\"reservations\":[]}", "a router is not a host"},
		{START ",\"dns\":[],\"reservations\":[]}", "a list needs at least one"},
		{START ",\"domain\":\"-a.b\",\"reservations\":[]}", "domain must be"},
		{START ",\"leaseSeconds\":59,\"reservations\":[]}", "leaseSeconds must be"},
		{"{\"subnet\":\"10.0.0.0/31\"}", "subnet must be"},
		{"{\"subnet\":\"2001:db8::/64\"}", "subnet must be"},
	};
	restart();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *why = platform_configure(bad[i][0]);
		CHECK(why != NULL);
		if (!strstr(why, bad[i][1]))
			CHECK_TEXT(why, bad[i][1]);
	}
	CHECK(lease((struct ask){.mac = 1}) == NET + 10);
}

static void hostile(void) {
	uint64_t state = 7;
	restart();
	for (unsigned i = 0; i < 200000; i++) {
		struct ask ask = {.type = i % 9, .mac = i % 5, .ciaddr = i % 3 ? 0 : NET + 10, .wanted = NET + i % 14,
				  .server = i % 2 ? SERVER : 0, .client_id = i % 4 ? NULL : "\1xyz", .list = "\1\3\6"};
		struct packet_bytes frame = message(ask);
		for (unsigned j = i % 4; j; j--) {
			state = state * 6364136223846793005 + 1442695040888963407;
			frame.bytes[(state >> 33) % frame.length] = (uint8_t)(state >> 56);
		}
		if (i % 7 == 0)
			frame.length = 14 + (state >> 40) % (frame.length - 14);
		now += state >> 44;
		platform_forget();
		platform_frame(i % 2 ? LEFT : RIGHT, frame.bytes, &frame.length, now, i % 3);
		CHECK(platform_sent_count <= 1 && platform_counter("leases", now) <= 4);
	}
}

int main(void) {
	a_lease();
	who_gets_what();
	refusals();
	release_decline_inform();
	what_passes();
	neighbours();
	kept();
	kept_at_the_limit();
	bad_configurations();
	hostile();
	return DONE("dhcp");
}
