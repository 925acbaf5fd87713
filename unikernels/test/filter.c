#include "../common/checksum.h"
#include "../functions/filter/names.h"
#include "check.h"
#include "frames.h"
#include "platform.h"

#define CLIENT 0x0a000002
#define SERVER 0xc0000201
#define SYN 0x02
#define ACK 0x10
#define FIN 0x11
#define RST 0x04

static uint64_t state = 1, now = 1000000;

static uint32_t random32(void) {
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 33);
}

static int by_key(const void *a, const void *b) {
	const struct key *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, x->length < y->length ? x->length : y->length);
	return order ? order : x->length - y->length;
}

static void put_little(uint8_t *at, uint32_t value) {
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* A table as the host makes it. The keys are sorted in place; those below others are left out. */
static size_t make_table(uint8_t *table, struct key *keys, size_t count) {
	size_t kept = 0;
	qsort(keys, count, sizeof(*keys), by_key);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !key_below(&keys[i], &keys[kept - 1]))
			keys[kept++] = keys[i];
	memcpy(table, "CSN1", 4);
	put_little(table + 4, (uint32_t)kept);
	size_t at = 8 + (kept + 15) / 16 * 4;
	for (size_t i = 0; i < kept; i++) {
		size_t shared = 0;
		if (i % 16 == 0)
			put_little(table + 8 + i / 16 * 4, (uint32_t)at);
		else
			while (shared < keys[i - 1].length && keys[i - 1].bytes[shared] == keys[i].bytes[shared])
				shared++;
		if (i % 16)
			table[at++] = (uint8_t)shared;
		table[at++] = (uint8_t)(keys[i].length - shared);
		memcpy(table + at, keys[i].bytes + shared, keys[i].length - shared);
		at += keys[i].length - shared;
	}
	return at;
}

static struct key key_of(const char *name) {
	struct key key = {0};
	CHECK(key_read(&key, name));
	return key;
}

static void keys(void) {
	static const char *const bad[] = {"", ".", "a..b", ".a", "a b", "a/b", "a.\1", "ex\xc3\xa4mple.org", "a.b..",
					  "0123456789012345678901234567890123456789012345678901234567890123.org"};
	struct key key = key_of("_DMARC.-a_b-.org");
	CHECK(key.length == 17 && memcmp(key.bytes, "org\1-a_b-\1_dmarc\1", 17) == 0);
	key = key_of("WWW.Example.org.");
	CHECK(key.length == 16 && memcmp(key.bytes, "org\1example\1www\1", 16) == 0);
	struct key above = key_of("example.org"), beside = key_of("ample.org"), longer = key_of("myexample.org");
	CHECK(key_below(&key, &above) && !key_below(&above, &key) && key_below(&key, &key));
	CHECK(!key_below(&key, &beside) && !key_below(&longer, &above));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!key_read(&key, bad[i]));
	char longest[300] = "";
	for (int i = 0; i < 126; i++)
		strcat(longest, "a.");
	strcat(longest, "a");
	CHECK(key_read(&key, longest) && key.length == 254);
	strcat(longest, "b");
	CHECK(!key_read(&key, longest));
}

static struct key some_key(unsigned spread) {
	char name[80];
	int at = 0;
	for (unsigned labels = 1 + random32() % 3; labels; labels--)
		at += sprintf(name + at, "%s%u.", random32() % 3 ? "x" : "a-b", random32() % spread);
	return key_of(name);
}

/* Every key that is listed, one below it, and others beside them, against asking all keys one by one. */
static void tables(void) {
	static struct key listed[3000];
	static uint8_t bytes[200000];
	struct table table;
	for (unsigned round = 0; round < 30; round++) {
		unsigned spread = round % 3 == 0 ? 5 : round % 3 == 1 ? 60 : 5000;
		size_t count = round < 3 ? round : random32() % (round < 20 ? 60 : 2000);
		for (size_t i = 0; i < count; i++)
			listed[i] = some_key(spread);
		size_t length = make_table(bytes, listed, count);
		uint8_t *exact = malloc(length);
		memcpy(exact, bytes, length);
		CHECK(table_open(&table, exact, length));
		for (unsigned i = 0; i < 500; i++) {
			struct key name = some_key(spread);
			bool wanted = false;
			for (size_t j = 0; j < count && !wanted; j++)
				wanted = key_below(&name, &listed[j]);
			CHECK(table_lists(&table, &name) == wanted);
		}
		free(exact);
	}
}

/* Damage is seen, or does no harm. */
static void damaged_tables(void) {
	struct key listed[100], name = key_of("x1.a-b2");
	static uint8_t bytes[10000];
	unsigned refused = 0;
	for (int i = 0; i < 100; i++)
		listed[i] = some_key(1000);
	size_t length = make_table(bytes, listed, 100);
	for (size_t cut = 0; cut < length; cut++) {
		struct table table;
		uint8_t *exact = malloc(cut ? cut : 1);
		memcpy(exact, bytes, cut);
		CHECK(!table_open(&table, exact, cut));
		free(exact);
	}
	for (unsigned i = 0; i < 20000; i++) {
		struct table table;
		uint8_t *exact = malloc(length);
		memcpy(exact, bytes, length);
		for (unsigned j = 0; j <= i % 3; j++)
			exact[random32() % length] = (uint8_t)random32();
		if (!table_open(&table, exact, length))
			refused++;
		else
			table_lists(&table, &name);
		free(exact);
	}
	CHECK(refused > 10000);
}

static struct packet_bytes message(const char *name, unsigned type) {
	struct packet_bytes made = {.length = 0};
	put16(&made, 0xbeef);
	put16(&made, 0x0120);
	put16(&made, 1);
	put32(&made, 0);
	put16(&made, 1);
	while (*name) {
		size_t size = strcspn(name, ".");
		put8(&made, (unsigned)size);
		put(&made, name, size);
		name += size + (name[size] == '.');
	}
	put8(&made, 0);
	put16(&made, type);
	put16(&made, 1);
	/* What dig says of itself (RFC 6891). */
	put(&made, "\0\0\x29\x10\0\0\0\0\0\0\0", 11);
	return made;
}

static struct packet_bytes datagram(const struct packet_bytes *data) {
	struct packet_bytes payload = {.length = 0};
	put16(&payload, 5000);
	put16(&payload, 53);
	put16(&payload, (unsigned)(8 + data->length));
	put16(&payload, 0);
	put(&payload, data->bytes, data->length);
	return payload;
}

static struct packet_bytes ask(unsigned family, const char *name, unsigned type) {
	struct packet_bytes data = message(name, type), payload = datagram(&data);
	struct packet_bytes frame = family == 4 ? ipv4(17, CLIENT, SERVER, &payload) : ipv6(17, 64, 2, 1, &payload);
	memset(frame.bytes, 0xaa, 6);
	memset(frame.bytes + 6, 0xbb, 6);
	return frame;
}

static enum verdict send(enum side from, struct packet_bytes *frame) {
	return platform_frame(from, frame->bytes, &frame->length, now, true);
}

/* The transport header, once both checksums have been found right. */
static const uint8_t *sound(const struct packet_bytes *frame, unsigned protocol) {
	const uint8_t *ip = frame->bytes + 14;
	bool six = frame->bytes[12] == 0x86;
	size_t header = six ? 40 : 20, payload = frame->length - 14 - header;
	CHECK(six ? get16(ip + 4) == payload : get16(ip + 2) == 20 + payload);
	CHECK(ip[six ? 6 : 9] == protocol);
	if (!six)
		CHECK(checksum_fold(checksum_add(0, ip, 20)) == 0xffff);
	uint64_t sum = checksum_add(protocol + payload, six ? ip + 8 : ip + 12, six ? 32 : 8);
	CHECK(checksum_fold(checksum_add(sum, ip + header, payload)) == 0xffff);
	return ip + header;
}

static void restart(const char *config) {
	platform_start(1, 1 << 20);
	const char *why = platform_configure(config);
	if (why)
		CHECK_TEXT(why, "");
}

#define LANDING "{\"names\":[\"example.org\",\"Bad.Example.net.\"],\"landing\":{\"ipv4\":\"192.0.2.80\",\"ipv6\":\"2001:db8::80\"}}"

static void no_such_name(void) {
	restart("{\"names\":[\"example.org\"]}");
	for (unsigned family = 4; family <= 6; family += 2) {
		struct packet_bytes passing = ask(family, "example.com", 1), same = passing;
		CHECK(send(LEFT, &passing) == PASS && memcmp(passing.bytes, same.bytes, same.length) == 0);
		passing = ask(family, "anexample.org", 1);
		CHECK(send(LEFT, &passing) == PASS);
		struct packet_bytes stopped = ask(family, "wWw.exAmple.ORG", 1);
		CHECK(send(LEFT, &stopped) == ANSWER);
		const uint8_t *udp = sound(&stopped, 17), *dns = udp + 8;
		CHECK(stopped.bytes[0] == 0xbb && stopped.bytes[6] == 0xaa);
		CHECK(get16(udp) == 53 && get16(udp + 2) == 5000 && get16(udp + 4) == 8 + 12 + 17 + 4);
		CHECK(get16(dns) == 0xbeef && get16(dns + 2) == 0x8183);
		CHECK(get16(dns + 4) == 1 && get32(dns + 6) == 0 && get16(dns + 10) == 0);
		/* As it was asked: some clients see by the case whether an answer is forged. */
		CHECK(memcmp(dns + 12, "\3wWw\7exAmple\3ORG", 17) == 0);
	}
	CHECK(platform_counter("questions", now) == 6 && platform_counter("blocked", now) == 2);
	CHECK(platform_counter("listed", now) == 1);
	/* What comes from the uplink is no question. */
	struct packet_bytes other = ask(4, "example.org", 1);
	CHECK(send(RIGHT, &other) == PASS);
}

static void landings(void) {
	restart(LANDING);
	static const struct {
		unsigned type, count;
	} types[] = {{1, 1}, {28, 1}, {255, 1}, {65, 0}, {15, 0}};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct packet_bytes frame = ask(4, "a.bad.example.net", types[i].type);
		CHECK(send(LEFT, &frame) == ANSWER);
		const uint8_t *dns = sound(&frame, 17) + 8, *record = dns + 12 + 19 + 4;
		CHECK(get16(dns + 2) == 0x8180 && get16(dns + 6) == types[i].count);
		if (types[i].count == 0)
			continue;
		CHECK(get16(record) == 0xc00c && get16(record + 4) == 1 && get32(record + 6) == 60);
		if (types[i].type == 28)
			CHECK(get16(record + 10) == 16 && get32(record + 12) == 0x20010db8 && get32(record + 24) == 0x80);
		else
			CHECK(get16(record + 10) == 4 && get32(record + 12) == 0xc0000250);
	}
	/* An answer longer than the frame has room for goes out as a frame of its own. */
	struct packet_bytes frame = ask(4, "example.org", 28);
	frame.length -= 11;
	set16(frame.bytes + 16, (uint32_t)(frame.length - 14));
	set16(frame.bytes + 38, (uint32_t)(frame.length - 34));
	CHECK(platform_frame(LEFT, frame.bytes, &frame.length, now, false) == DROP && platform_sent_count == 1);
	CHECK(platform_sent[0].to == LEFT && get16(platform_sent[0].bytes + 42 + 6) == 1);
	struct packet_bytes inner = ask(4, "example.org", 1), outer = tagged(7, &inner);
	memcpy(outer.bytes, inner.bytes, 12);
	CHECK(send(LEFT, &outer) == ANSWER && get16(outer.bytes + 12) == 0x8100 && get16(outer.bytes + 14) == 7);
}

/* Questions are found behind two tags, and answers have them; behind more they could hide. */
static void behind_tags(void) {
	static const unsigned types[] = {0x8100, 0x88a8, 0x9100};
	restart("{\"names\":[\"example.org\"]}");
	for (unsigned family = 4; family <= 6; family += 2)
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
			struct packet_bytes good = ask(family, "example.com", 1), bad = ask(family, "example.org", 1);
			good = tagged(5, &good), good = tagged(4094, &good);
			set16(good.bytes + 12, types[i]);
			CHECK(send(LEFT, &good) == PASS);
			good = tagged(1, &good);
			CHECK(send(LEFT, &good) == DROP);
			bad = tagged(5, &bad), bad = tagged(4094, &bad);
			set16(bad.bytes + 12, types[i]);
			struct packet_bytes asked = bad;
			CHECK(send(LEFT, &bad) == ANSWER && memcmp(bad.bytes + 12, asked.bytes + 12, 10) == 0);
			/* Without the tags it is as sound as any. */
			memmove(bad.bytes + 12, bad.bytes + 20, bad.length - 20);
			bad.length -= 8;
			CHECK(get16(sound(&bad, 17) + 2) == 5000);
		}
	CHECK(platform_counter("blocked", now) == 6 && platform_counter("malformed", now) == 6);
}

static void not_to_be_judged(void) {
	restart("{\"names\":[\"example.org\"]}");
	static const struct {
		size_t at;
		uint8_t value;
	} spoils[] = {{2, 0x81}, {2, 0x28}, {5, 2}, {5, 0}, {12, 0xc0}, {12, 64}, {12, 200}};
	uint64_t count = 0;
	for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
		struct packet_bytes frame = ask(4, "example.com", 1);
		frame.bytes[42 + spoils[i].at] = spoils[i].value;
		CHECK(send(LEFT, &frame) == DROP);
		CHECK(platform_counter("unjudged", now) == ++count);
	}
	for (size_t length = 0; length < 29; length++) {
		struct packet_bytes data = message("example.com", 1);
		data.length = length;
		struct packet_bytes payload = datagram(&data), frame = ipv4(17, CLIENT, SERVER, &payload);
		CHECK(send(LEFT, &frame) == DROP);
		CHECK(platform_counter("unjudged", now) == ++count);
	}
	struct packet_bytes data = message("example.com", 1), payload = datagram(&data);
	struct packet_bytes first = ipv4_piece(17, CLIENT, SERVER, 0x2000, &payload), later = ipv4_piece(17, CLIENT, SERVER, 2, &payload);
	CHECK(send(LEFT, &first) == DROP && send(LEFT, &later) == PASS);
	struct packet_bytes arp = ethernet(0x0806);
	arp.length = 60;
	CHECK(send(LEFT, &arp) == PASS && send(RIGHT, &arp) == PASS);
	CHECK(platform_counter("malformed", now) == 0);
}

/* A segment of a connection whose client's numbers begin at 1, and the server's too. */
static struct packet_bytes segment(unsigned flags, const void *data, size_t length) {
	struct packet_bytes payload = tcp(5000, 53, flags);
	put(&payload, data, length);
	return ipv4(6, CLIENT, SERVER, &payload);
}

static struct packet_bytes framed(const char *name) {
	struct packet_bytes inner = message(name, 1), made = {.length = 0};
	put16(&made, (unsigned)inner.length);
	put(&made, inner.bytes, inner.length);
	return made;
}

static struct packet_bytes from_server(unsigned flags) {
	struct packet_bytes payload = tcp(53, 5000, flags);
	return ipv4(6, SERVER, CLIENT, &payload);
}

static void over_tcp(void) {
	restart("{\"names\":[\"example.org\"]}");
	struct packet_bytes good = framed("example.com"), bad = framed("www.example.org"), frame;
	frame = segment(SYN, "", 0);
	CHECK(send(LEFT, &frame) == PASS);
	frame = from_server(SYN | ACK);
	CHECK(send(RIGHT, &frame) == PASS);
	frame = segment(ACK, good.bytes, good.length);
	CHECK(send(LEFT, &frame) == PASS);
	/* In parts, and not alone. */
	frame = segment(ACK, bad.bytes, 2);
	CHECK(send(LEFT, &frame) == DROP);
	frame = segment(ACK, bad.bytes, bad.length - 1);
	CHECK(send(LEFT, &frame) == DROP);
	struct packet_bytes two = good;
	put(&two, bad.bytes, bad.length);
	frame = segment(ACK, two.bytes, two.length);
	CHECK(send(LEFT, &frame) == DROP);
	two = good;
	put(&two, good.bytes, good.length);
	frame = segment(ACK, two.bytes, two.length);
	CHECK(send(LEFT, &frame) == PASS);
	frame = segment(SYN, bad.bytes, bad.length);
	CHECK(send(LEFT, &frame) == DROP);
	CHECK(platform_counter("unjudged", now) == 4 && platform_counter("blocked", now) == 0);

	for (int time = 0; time < 2; time++) {
		/* The second time the answer was lost, and the client asks again. */
		platform_forget();
		frame = segment(ACK, bad.bytes, bad.length);
		CHECK(send(LEFT, &frame) == ANSWER);
		const uint8_t *reply = sound(&frame, 6);
		CHECK(get16(reply) == 53 && get16(reply + 2) == 5000 && reply[13] == (0x08 | FIN));
		CHECK(get32(reply + 4) == 1 && get32(reply + 8) == 1 + bad.length);
		CHECK(get16(reply + 20) == 12 + 17 + 4 && get16(reply + 24) == 0x8183);
		CHECK(platform_sent_count == 1 && platform_sent[0].to == RIGHT);
		struct packet_bytes reset = {.length = platform_sent[0].length};
		memcpy(reset.bytes, platform_sent[0].bytes, reset.length);
		const uint8_t *end = sound(&reset, 6);
		CHECK(get16(end) == 5000 && get16(end + 2) == 53 && end[13] == RST && get32(end + 4) == 1);
	}
	frame = from_server(ACK);
	struct packet_bytes elsewhere = tagged(5, &frame), further = tagged(0, &elsewhere);
	CHECK(send(RIGHT, &frame) == DROP && send(RIGHT, &elsewhere) == PASS && send(RIGHT, &further) == PASS);
	frame = segment(ACK, "", 0);
	CHECK(send(LEFT, &frame) == DROP);
	frame = segment(FIN, "", 0);
	CHECK(send(LEFT, &frame) == ANSWER);
	const uint8_t *last = sound(&frame, 6);
	CHECK(last[13] == ACK && get32(last + 4) == 1 + 2 + 33 + 1 && get32(last + 8) == 2);
	/* It asks on as if the server were there. */
	frame = segment(ACK, good.bytes, good.length);
	CHECK(send(LEFT, &frame) == ANSWER && sound(&frame, 6)[13] == RST);
	/* Another connection from the same port. */
	frame = segment(SYN, "", 0);
	CHECK(send(LEFT, &frame) == PASS);
	frame = from_server(SYN | ACK);
	CHECK(send(RIGHT, &frame) == PASS);
	frame = segment(FIN, "", 0);
	CHECK(send(LEFT, &frame) == PASS);
	frame = segment(ACK, bad.bytes, bad.length);
	CHECK(send(LEFT, &frame) == ANSWER);
	now += 30000000;
	frame = from_server(ACK);
	CHECK(send(RIGHT, &frame) == PASS);
}

static void lists(void) {
	static struct key listed[100000];
	static uint8_t bytes[4 << 20];
	for (int i = 0; i < 100000; i++) {
		char name[60];
		sprintf(name, "host%d.name-%x.example%d.net", i % 7, random32(), i % 100);
		listed[i] = key_of(name);
	}
	struct key wanted = listed[77777];
	platform_data = bytes;
	platform_data_length = make_table(bytes, listed, 100000);
	restart("{\"lists\":[\"one\",\"two\"],\"names\":[\"example.org\"]}");
	CHECK(platform_counter("listed", now) == 100001);
	char name[100] = "";
	for (int at = wanted.length - 1; at > 0;) {
		int end = at;
		while (at > 0 && wanted.bytes[at - 1] != 1)
			at--;
		sprintf(name + strlen(name), "%s%.*s", *name ? "." : "", end - at, wanted.bytes + at);
		at--;
	}
	struct packet_bytes frame = ask(4, name, 1);
	CHECK(send(LEFT, &frame) == ANSWER);
	frame = ask(4, name + 1, 1);
	CHECK(send(LEFT, &frame) == PASS);
	frame = ask(6, "www.example.org", 1);
	CHECK(send(LEFT, &frame) == ANSWER);
	frame = ask(4, "example99.net", 1);
	CHECK(send(LEFT, &frame) == PASS);
	/* Without lists in the configuration they are out of force, and with damaged ones there is none. */
	CHECK(!platform_configure("{\"names\":[]}"));
	frame = ask(4, name, 1);
	CHECK(send(LEFT, &frame) == PASS);
	bytes[9] ^= 1;
	platform_start(1, 0);
	CHECK_TEXT(platform_configure("{\"lists\":[\"one\"]}"), "the names of the lists did not come with the start, or are damaged");
	platform_data = NULL;
	platform_start(1, 0);
	CHECK(platform_configure("{\"lists\":[\"one\"]}") && !platform_configure("{\"lists\":[]}"));
}

static void configurations(void) {
	static const struct {
		const char *config, *why;
	} bad[] = {
		{"{}", "there is nothing to block"},
		{"{\"names\":[\"a b\"]}", "not a name like example.org"},
		{"{\"names\":\"a\"}", "an array is expected"},
		{"{\"lists\":[\"../a\"]}", "the name of a list has"},
		{"{\"names\":[],\"landing\":{}}", "landing needs ipv4 or ipv6"},
		{"{\"names\":[],\"landing\":{\"ipv4\":\"2001:db8::1\"}}", "not an IPv4 address"},
		{"{\"names\":[],\"landing\":{\"ipv6\":\"2001:db8::1/128\"}}", "not an IPv6 address"},
		{"{\"names\":[],\"landing\":{\"ipv8\":\"1\"}}", "landing has no such member"},
		{"{\"names\":[],\"ttlSeconds\":1}", "ttlSeconds is of a landing"},
		{"{\"names\":[],\"ttl\":1}", "there is no such member"},
	};
	platform_start(1, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *why = platform_configure(bad[i].config);
		if (!why || strncmp(why, bad[i].why, strlen(bad[i].why)) != 0)
			CHECK_TEXT(why ? why : "taken", bad[i].why);
		checks++;
	}
}

int main(void) {
	keys();
	tables();
	damaged_tables();
	configurations();
	no_such_name();
	landings();
	behind_tags();
	not_to_be_judged();
	over_tcp();
	lists();
	return DONE("filter");
}
