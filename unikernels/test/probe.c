/* What is seen of traffic, and what a collector is told: each message is taken apart here by its templates. */
#include "../common/checksum.h"
#include "check.h"
#include "frames.h"
#include "platform.h"

#define SECOND 1000000ull
#define MEMORY (4 << 20)
#define WALL 1700000000ull

#define HOST 0x0a000005u
#define FAR 0xc6336405u
#define EXPORT \
	"\"export\":{\"collector\":\"192.0.2.50\",\"source\":\"192.0.2.9\",\"nextHop\":\"06:00:00:00:00:01\",\"domain\":7"

static uint64_t now;

static uint64_t state = 1;

static unsigned below(unsigned limit) {
	state = state * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(state >> 33) % limit;
}

/* A collector: it knows only what the templates tell it. */

struct field {
	unsigned id, length;
	uint32_t enterprise;
};

static struct {
	struct field fields[40];
	unsigned count;
} templates[2];

struct record {
	uint64_t values[40];
	unsigned ids[40], count;
};

static struct record records[8192];
static size_t record_count;
static uint32_t next_sequence;

static uint64_t number(const uint8_t *at, unsigned length) {
	uint64_t value = 0;
	/* Of an IPv6 address the last eight bytes are enough here. */
	for (unsigned i = 0; i < length; i++)
		value = value << 8 | at[i];
	return value;
}

static void take_templates(const uint8_t *at, const uint8_t *end) {
	while (at + 4 <= end) {
		unsigned id = get16(at), count = get16(at + 2);
		CHECK((id == 256 || id == 257) && count <= 40);
		templates[id - 256].count = count;
		at += 4;
		for (unsigned i = 0; i < count; i++, at += 4) {
			struct field *field = &templates[id - 256].fields[i];
			*field = (struct field){get16(at) & 0x7fff, get16(at + 2), 0};
			if (!(get16(at) & 0x8000))
				continue;
			field->enterprise = get32(at + 4);
			field->id += 1000;
			at += 4;
		}
	}
	CHECK(at == end);
}

static void take_records(unsigned id, const uint8_t *at, const uint8_t *end) {
	CHECK(templates[id - 256].count > 0);
	while (at < end) {
		struct record *record = &records[record_count++];
		record->count = templates[id - 256].count;
		for (unsigned i = 0; i < record->count; i++) {
			const struct field *field = &templates[id - 256].fields[i];
			record->ids[i] = field->id;
			record->values[i] = number(at, field->length);
			at += field->length;
		}
	}
	CHECK(at == end);
}

static void take_message(const uint8_t *message, size_t length, unsigned domain) {
	size_t before = record_count;
	CHECK(get16(message) == 10 && get16(message + 2) == length);
	CHECK(get32(message + 8) == next_sequence && get32(message + 12) == domain);
	CHECK(get32(message + 4) >= WALL);
	for (size_t at = 16; at < length;) {
		unsigned set = get16(message + at), size = get16(message + at + 2);
		CHECK(size >= 4 && at + size <= length);
		if (set == 2)
			take_templates(message + at + 4, message + at + size);
		else
			take_records(set, message + at + 4, message + at + size);
		at += size;
	}
	next_sequence += (uint32_t)(record_count - before);
}

/* All that was sent since the last time. */
static void collect(unsigned vlan) {
	for (size_t i = 0; i < platform_sent_count; i++) {
		const uint8_t *bytes = platform_sent[i].bytes, *at = bytes + 12;
		CHECK(platform_sent[i].to == RIGHT && platform_sent[i].length <= 1514 + 4);
		CHECK(bytes[0] == 6 && bytes[5] == 1 && bytes[6] == 2 && bytes[11] == 2);
		if (vlan) {
			CHECK(get16(at) == 0x8100 && get16(at + 2) == vlan);
			at += 4;
		}
		CHECK(get16(at) == 0x0800);
		const uint8_t *ip = at + 2;
		size_t length = get16(ip + 2);
		CHECK((size_t)(ip - bytes) + length == platform_sent[i].length && length <= 28 + 1464);
		CHECK(checksum_fold(checksum_add(0, ip, 20)) == 0xffff && ip[9] == 17);
		CHECK(get32(ip + 12) == 0xc0000209 && get32(ip + 16) == 0xc0000232);
		CHECK(get16(ip + 20) >= 49152 && get16(ip + 22) == 4739 && get16(ip + 24) == length - 20);
		CHECK(checksum_fold(checksum_add(17 + length - 20, ip + 12, length - 12)) == 0xffff);
		take_message(ip + 28, length - 28, 7);
	}
	platform_forget();
}

static uint64_t value(size_t record, unsigned id) {
	for (unsigned i = 0; i < records[record].count; i++)
		if (records[record].ids[i] == id)
			return records[record].values[i];
	CHECK(!"the element is there");
	return 0;
}

static void restart(const char *config) {
	now = 5 * SECOND;
	platform_start(7, MEMORY);
	platform_wall_clock = WALL + now / SECOND;
	CHECK(platform_configure(config) == NULL);
	record_count = 0;
	next_sequence = 0;
}

static void later(uint64_t microseconds) {
	uint64_t until = now + microseconds;
	while (platform_wake_at <= until) {
		if (platform_wake_at > now)
			now = platform_wake_at;
		platform_wall_clock = WALL + now / SECOND;
		CHECK(platform_tick(now));
	}
	now = until;
	platform_wall_clock = WALL + now / SECOND;
}

static void pass(enum side from, struct packet_bytes frame) {
	struct packet_bytes before = frame;
	CHECK(platform_frame(from, frame.bytes, &frame.length, now, false) == PASS);
	CHECK(frame.length == before.length && memcmp(frame.bytes, before.bytes, frame.length) == 0);
}

static struct packet_bytes up(unsigned protocol, struct packet_bytes payload) {
	return ipv4(protocol, HOST, FAR, &payload);
}

static struct packet_bytes down(unsigned protocol, struct packet_bytes payload) {
	return ipv4(protocol, FAR, HOST, &payload);
}

static struct packet_bytes segment(unsigned from, unsigned to, unsigned flags, uint32_t sequence, uint32_t acknowledged, size_t data) {
	struct packet_bytes payload = tcp(from, to, flags);
	set32(payload.bytes + 4, sequence);
	set32(payload.bytes + 8, acknowledged);
	payload.length += data;
	memset(payload.bytes + 20, 'x', data);
	return payload;
}

static void records_of_flows(void) {
	restart("{" EXPORT "}}");
	for (int i = 0; i < 3; i++) {
		pass(LEFT, up(17, udp(5000, 9)));
		later(SECOND);
	}
	pass(RIGHT, down(17, udp(9, 5000)));
	CHECK(platform_counter("flows", now) == 1 && platform_sent_count == 0);
	later(15 * SECOND);
	CHECK(platform_counter("flows", now) == 0 && platform_sent_count == 0);
	later(SECOND);
	CHECK(platform_sent_count == 1);
	collect(0);
	CHECK(record_count == 2);
	CHECK(value(0, 8) == HOST && value(0, 12) == FAR && value(0, 7) == 5000 && value(0, 11) == 9);
	CHECK(value(0, 4) == 17 && value(0, 61) == 0 && value(0, 136) == 1 && value(0, 58) == 0);
	CHECK(value(0, 2) == 3 && value(0, 1) == 3 * 32);
	CHECK(value(0, 152) / 1000 == WALL + 5 && value(0, 153) - value(0, 152) == 2000);
	CHECK(value(1, 8) == FAR && value(1, 11) == 5000 && value(1, 61) == 1 && value(1, 2) == 1);
	CHECK(platform_counter("records", now) == 2 && platform_counter("messages", now) == 1);
	/* Nothing to tell: nothing to wake for. */
	CHECK(platform_wake_at == NEVER);
	/* A flow that goes on is told of each minute, with what is new. */
	for (int i = 0; i < 100; i++) {
		pass(LEFT, up(17, udp(5000, 9)));
		later(SECOND);
	}
	collect(0);
	CHECK(record_count == 3 && value(2, 136) == 2);
	CHECK(value(2, 2) >= 60 && value(2, 2) <= 61);
	later(20 * SECOND);
	collect(0);
	CHECK(record_count == 4 && value(2, 2) + value(3, 2) == 100 && value(3, 136) == 1);
	CHECK(value(3, 152) > value(2, 153));
}

static void kinds_of_packets(void) {
	restart("{" EXPORT "}}");
	struct packet_bytes payload = udp(1, 2), frame = ipv6(17, 64, 5, 9, &payload);
	pass(LEFT, frame);
	frame = up(17, udp(3, 4));
	pass(LEFT, frame);
	frame = up(1, icmp(8, 77));
	pass(LEFT, frame);
	frame = down(1, icmp(0, 77));
	pass(RIGHT, frame);
	struct packet_bytes nothing = {.length = 0};
	pass(LEFT, up(58, nothing));
	/* ARP, another ethertype, a header cut short. */
	struct packet_bytes arp = ethernet(0x0806), other = ethernet(0x88cc), cut = ethernet(0x0800);
	arp.length = 60;
	memset(arp.bytes + 14, 0, 46);
	pass(LEFT, arp);
	pass(RIGHT, other);
	pass(RIGHT, cut);
	CHECK(platform_counter("other", now) == 2 && platform_counter("malformed", now) == 1);
	CHECK(platform_counter("flows", now) == 4);
	later(20 * SECOND);
	collect(0);
	CHECK(record_count == 5 && value(4, 4) == 58 && value(4, 32) == 0);
	CHECK(value(0, 27) == 5 && value(0, 28) == 9 && value(0, 1) == 52 && value(1, 8) == HOST);
	CHECK(value(2, 32) == 0x0800 && value(2, 11) == 0x0800 && value(3, 32) == 0 && value(3, 61) == 1);
	/* What belongs to a subscriber of a pool goes along its wire. */
	restart("{" EXPORT "}}");
	struct packet_bytes inner = up(17, udp(1, 2));
	pass(LEFT, tagged(5, &inner));
	later(20 * SECOND);
	collect(5);
	CHECK(record_count == 1 && value(0, 58) == 5);
	pass(LEFT, tagged(5, &inner));
	pass(LEFT, tagged(6, &inner));
	later(20 * SECOND);
	CHECK(platform_sent_count == 2 && get16(platform_sent[0].bytes + 14) == 5 && get16(platform_sent[1].bytes + 14) == 6);
	/* Two tags: told apart by both, and both on what goes out. */
	restart("{" EXPORT "}}");
	struct packet_bytes nine = tagged(9, &inner), ten = tagged(10, &inner);
	pass(LEFT, tagged(5, &nine));
	pass(LEFT, tagged(5, &ten));
	CHECK(platform_counter("flows", now) == 2);
	CHECK(strstr(platform_counters(now), "\"vlan\":5,\"innerVlan\":9,") != NULL);
	later(20 * SECOND);
	CHECK(platform_sent_count == 2);
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *sent = platform_sent[i].bytes + 12;
		CHECK(get32(sent) == 0x81000005 && get32(sent + 4) == 0x81000009 + i && get16(sent + 8) == 0x0800);
		memmove(platform_sent[i].bytes + 12, sent + 8, platform_sent[i].length - 20);
		platform_sent[i].length -= 8;
	}
	record_count = 0;
	collect(0);
	CHECK(record_count == 2 && value(0, 58) == 5 && value(1, 58) == 5);
}

static void connections(void) {
	restart("{" EXPORT ",\"enterprise\":32473}}");
	uint64_t before = now;
	pass(LEFT, up(6, segment(5000, 80, 2, 100, 0, 0)));
	now += 30000;
	pass(RIGHT, down(6, segment(80, 5000, 0x12, 900, 101, 0)));
	now += 2000;
	pass(LEFT, up(6, segment(5000, 80, 0x10, 101, 901, 0)));
	CHECK(platform_counter("outsideRoundTripMicroseconds", now) == 30000 && platform_counter("insideRoundTripMicroseconds", now) == 2000);
	pass(LEFT, up(6, segment(5000, 80, 0x18, 101, 901, 100)));
	now += 200000;
	/* Again: what is acknowledged now does not say which one has arrived. */
	pass(LEFT, up(6, segment(5000, 80, 0x18, 101, 901, 100)));
	now += 10000;
	pass(RIGHT, down(6, segment(80, 5000, 0x10, 901, 201, 0)));
	CHECK(platform_counter("outsideRoundTripMicroseconds", now) == 30000);
	/* A keepalive is no retransmission. */
	pass(LEFT, up(6, segment(5000, 80, 0x10, 200, 901, 1)));
	pass(LEFT, up(6, segment(5000, 80, 0x18, 201, 901, 50)));
	now += 14000;
	pass(RIGHT, down(6, segment(80, 5000, 0x10, 901, 251, 0)));
	CHECK(platform_counter("outsideRoundTripMicroseconds", now) == 28000);
	CHECK(platform_counter("outsideShortestMicroseconds", now) == 14000);
	CHECK(strstr(platform_counters(now), "\"upstream\":{\"packets\":6,\"bytes\":491,\"retransmissions\":1}"));
	/* Nor is one byte always a keepalive. */
	pass(LEFT, up(6, segment(5000, 80, 0x10, 150, 901, 1)));
	CHECK(strstr(platform_counters(now), "\"upstream\":{\"packets\":7,\"bytes\":532,\"retransmissions\":2}"));
	pass(LEFT, up(6, segment(5000, 80, 0x11, 251, 901, 0)));
	pass(RIGHT, down(6, segment(80, 5000, 0x11, 901, 252, 0)));
	pass(LEFT, up(6, segment(5000, 80, 0x10, 252, 902, 0)));
	later(7 * SECOND);
	collect(0);
	CHECK(record_count == 2 && value(0, 136) == 3 && value(1, 136) == 3);
	CHECK(value(0, 6) == 0x1b && value(0, 1002) == 2 && value(1, 1002) == 0);
	CHECK(value(0, 1001) > 14000 && value(0, 1001) < 30000 && value(1, 1001) > 0);
	CHECK(templates[0].fields[templates[0].count - 1].enterprise == 32473);
	/* The host's clock has whole seconds. */
	uint64_t told = value(0, 152), meant = WALL * 1000 + before / 1000;
	CHECK(told <= meant && meant - told < 1000);
	/* The same ends again are another connection. */
	pass(LEFT, up(6, segment(5000, 80, 2, 5000, 0, 0)));
	pass(RIGHT, down(6, segment(80, 5000, 0x14, 0, 5001, 0)));
	later(7 * SECOND);
	collect(0);
	CHECK(record_count == 4 && value(2, 136) == 3);
}

static struct packet_bytes question(const char *labels, size_t length, bool response, unsigned code) {
	struct packet_bytes payload = udp(response ? 53 : 5000, response ? 5000 : 53);
	payload.length = 8;
	put16(&payload, 99);
	put16(&payload, (response ? 0x8000 : 0) | code);
	put16(&payload, 1);
	put(&payload, (uint8_t[6]){0}, 6);
	put(&payload, labels, length);
	put32(&payload, 0x00010001);
	set16(payload.bytes + 4, (uint32_t)payload.length);
	return payload;
}

#define ASK(labels) question(labels, sizeof(labels), false, 0)
#define REPLY(labels, code) question(labels, sizeof(labels), true, code)

static void names(void) {
	restart("{}");
	pass(LEFT, up(17, ASK("\3WWW\7example\3org")));
	pass(LEFT, up(17, ASK("\3www\7Example\3org")));
	pass(RIGHT, down(17, REPLY("\3www\7example\3org", 0)));
	pass(LEFT, up(17, ASK("\3a\"\\\3net")));
	pass(RIGHT, down(17, REPLY("\3a\"\\\3net", 3)));
	pass(LEFT, up(17, ASK("")));
	const char *json = platform_counters(now);
	CHECK(strstr(json, "\"names\":[{\"name\":\"www.example.org\",\"queries\":2,\"answers\":1,\"failures\":0,\"error\":0},"
			   "{\"name\":\"a?\?.net\",\"queries\":1,\"answers\":0,\"failures\":1,\"error\":0},"
			   "{\"name\":\".\",\"queries\":1,"));
	/* Damaged ones: a pointer, a name without end, a label that is too long, no question. */
	struct packet_bytes bad[] = {ASK("\300\14"), question("\3www", 4, false, 0), ASK("\77too short"), ASK("\3ok")};
	set16(bad[3].bytes + 12, 0);
	bad[1].length -= 4;
	set16(bad[1].bytes + 4, (uint32_t)bad[1].length);
	for (size_t i = 0; i < 4; i++)
		pass(LEFT, up(17, bad[i]));
	CHECK_TEXT(strstr(platform_counters(now), "\"names\""), strstr(json, "\"names\""));
	/* Who is asked for often stays, however many others there are. */
	for (unsigned i = 0; i < 5000; i++) {
		char name[] = "\6aaaaaa\4test";
		for (unsigned j = 1, rest = i; j < 5; j++, rest /= 26)
			name[j] = (char)('a' + rest % 26);
		pass(LEFT, up(17, question(name, sizeof(name), false, 0)));
		if (i % 20 == 0)
			pass(LEFT, up(17, ASK("\3www\7example\3org")));
	}
	CHECK(strstr(platform_counters(now), "\"names\":[{\"name\":\"www.example.org\",\"queries\":252,"));
}

static void talkers(void) {
	restart("{}");
	for (unsigned i = 0; i < 20000; i++) {
		struct packet_bytes payload = udp(1 + i % 60000, 9);
		pass(LEFT, ipv4(17, HOST, FAR + 1000 + i, &payload));
		payload.length += 500;
		set16(payload.bytes + 4, (uint32_t)payload.length);
		pass(RIGHT, ipv4(17, FAR, HOST, &payload));
		now += 1000;
	}
	const char *json = platform_counters(now);
	CHECK(strstr(json, "\"outside\":[{\"address\":\"198.51.100.5\",\"upstream\":{\"packets\":0,\"bytes\":0},"
			   "\"downstream\":{\"packets\":20000,\"bytes\":10640000},\"error\":0}"));
	CHECK(strstr(json, "\"inside\":[{\"address\":\"10.0.0.5\",\"upstream\":{\"packets\":20000,\"bytes\":640000}"));
	CHECK(platform_counter("flowsSeen", now) == 40000 && platform_counter("flows", now) <= 8191);
	/* Without a collector nothing wakes it, and old flows go when somebody looks. */
	CHECK(platform_wake_at == NEVER && platform_sent_count == 0);
	now += 3600 * SECOND;
	while (platform_counter("flows", now) > 0)
		;
}

/* More flows than there are places, and a wire that takes only so much: all are told of, or counted. */
static void floods(void) {
	restart("{" EXPORT "}}");
	for (unsigned i = 0; i < 30000; i++) {
		pass(LEFT, up(17, udp(1 + i / 2 % 60000, 1 + i % 2)));
		now += 20;
		if (i % 100 == 0)
			collect(0);
		record_count = record_count > 4000 ? 0 : record_count;
	}
	collect(0);
	uint64_t evicted = platform_counter("flowsEvicted", now);
	CHECK(evicted == 30000 - 8191 && platform_counter("unreported", now) == 0);
	/* Now nobody takes them from the wire for a while. */
	later(16 * SECOND);
	CHECK(platform_counter("flows", now) > 0 && platform_sent_count == SENT_MAX);
	for (int i = 0; i < 1000 && platform_counter("flows", now) > 0; i++) {
		record_count = 0;
		collect(0);
		later(1000);
	}
	later(2 * SECOND);
	record_count = 0;
	collect(0);
	CHECK(platform_counter("flows", now) == 0 && platform_counter("records", now) == 30000 && next_sequence == 30000);
}

/* Each message tells of one VLAN: while the wire takes nothing, what does not belong together waits in the table. */
static void blocked(void) {
	restart("{" EXPORT "}}");
	struct packet_bytes inner = up(17, udp(1, 2));
	for (unsigned i = 0; i < SENT_MAX + 100; i++)
		pass(LEFT, tagged(1 + i, &inner));
	later(17 * SECOND);
	CHECK(platform_sent_count == SENT_MAX && platform_counter("flows", now) == 99 && platform_counter("gathered", now) == 1);
	platform_forget();
	later(2 * SECOND);
	platform_forget();
	later(2 * SECOND);
	CHECK(platform_counter("flows", now) == 0 && platform_counter("records", now) == SENT_MAX + 100);
}

static void sessions(void) {
	restart("{\"idleSeconds\":1," EXPORT "}}");
	templates[0].count = 0;
	pass(LEFT, up(17, udp(1, 2)));
	later(3 * SECOND);
	collect(0);
	CHECK(record_count == 1 && templates[0].count > 0);
	/* Templates are not in every message, but again after a minute. */
	templates[0].count = 0;
	pass(LEFT, up(17, udp(1, 2)));
	later(3 * SECOND);
	CHECK(platform_sent_count == 1 && get16(platform_sent[0].bytes + 14 + 28 + 16) == 256);
	platform_forget();
	later(60 * SECOND);
	pass(LEFT, up(17, udp(1, 2)));
	later(3 * SECOND);
	next_sequence = 2;
	collect(0);
	CHECK(templates[0].count > 0);
	/* Another collector knows nothing yet; the same one is not bothered. */
	CHECK(platform_configure("{\"idleSeconds\":2," EXPORT "}}") == NULL);
	pass(LEFT, up(17, udp(1, 2)));
	later(4 * SECOND);
	CHECK(platform_sent_count == 1 && get32(platform_sent[0].bytes + 14 + 28 + 8) == 3);
	platform_forget();
	CHECK(platform_configure("{\"idleSeconds\":1," EXPORT ",\"port\":9995}}") == NULL);
	pass(LEFT, up(17, udp(1, 2)));
	later(3 * SECOND);
	const uint8_t *sent = platform_sent[0].bytes + 14;
	CHECK(platform_sent_count == 1 && get16(sent + 22) == 9995 && get32(sent + 28 + 8) == 0 && get16(sent + 28 + 16) == 2);
	CHECK(platform_configure("{}") == NULL);
	platform_forget();
	pass(LEFT, up(17, udp(1, 2)));
	later(100 * SECOND);
	CHECK(platform_sent_count == 0 && platform_counter("flows", now) == 0);
}


/* Records of two lengths in all orders: none is lost where a message ends, and none is longer than it may be. */
static void mixtures(void) {
	restart("{" EXPORT ",\"enterprise\":1}}");
	size_t expected = 0;
	for (unsigned i = 0; i < 4000; i++) {
		struct packet_bytes payload = udp(i + 1, 9);
		pass(LEFT, below(3) ? ipv4(17, HOST, FAR, &payload) : ipv6(17, 64, 5, 9, &payload));
		now += 5000;
		expected++;
		if (below(2))
			continue;
		payload = udp(9, i + 1);
		bool answered = below(2);
		pass(RIGHT, answered ? ipv4(17, FAR, HOST, &payload) : ipv6(17, 64, 9, 5, &payload));
		expected++;
		collect(0);
	}
	for (unsigned i = 0; i < 20; i++) {
		later(SECOND);
		collect(0);
	}
	CHECK(record_count == expected && next_sequence == expected);
	for (size_t i = 0; i < record_count; i++)
		CHECK(value(i, 2) == 1 && value(i, 1) == (records[i].ids[0] == 8 ? 32 : 52));
}

static void shown(void) {
	restart("{}");
	for (unsigned i = 1; i <= 30; i++)
		for (unsigned j = 0; j < i % 13; j++) {
			struct packet_bytes payload = udp(i, 9);
			pass(LEFT, ipv4(17, HOST + i, FAR + i, &payload));
		}
	/* The ten largest, the largest first: of 12 packets, 11, and so on, those of one size in any order. */
	const char *at = strstr(platform_counters(now), "\"largestFlows\"");
	static const unsigned sizes[] = {12, 12, 11, 11, 10, 10, 9, 9, 8, 8};
	for (size_t i = 0; i < 10; i++) {
		unsigned packets, inside, port;
		at = strstr(at, "{\"protocol\":17,\"inside\":");
		CHECK(at && sscanf(at, "{\"protocol\":17,\"inside\":\"10.0.0.%u\",\"insidePort\":%u", &inside, &port) == 2);
		CHECK(sscanf(strstr(at, "\"upstream\""), "\"upstream\":{\"packets\":%u", &packets) == 1);
		CHECK(packets == sizes[i] && port % 13 == packets && inside == 5 + port);
		at++;
	}
	CHECK(!strstr(at, "{\"protocol\":"));
	unsigned talkers = 0;
	for (at = strstr(at, "\"talkers\""); at && (at = strstr(at, "{\"address\":")); at++)
		talkers++;
	CHECK(talkers == 20);
}

static void damaged(void) {
	restart("{\"idleSeconds\":1,\"activeSeconds\":2," EXPORT ",\"enterprise\":1}}");
	for (unsigned i = 0; i < 200000; i++) {
		struct packet_bytes payload = below(3) == 0 ? segment(below(3), below(3), below(256), below(300), below(300), below(30))
						: below(2) ? ASK("\3www\7example\3org") : icmp(below(20), below(4));
		unsigned protocol = (unsigned[]){1, 6, 17, 58}[below(4)];
		struct packet_bytes frame = below(2) ? ipv4(protocol, HOST + below(9), FAR + below(9), &payload)
						     : ipv6(protocol, 64, below(9), below(9), &payload);
		if (below(8) == 0)
			frame = tagged(below(3), &frame);
		for (unsigned damages = below(2) ? 0 : below(5); damages; damages--)
			frame.bytes[12 + below((unsigned)frame.length - 12)] = (uint8_t)below(256);
		if (below(8) == 0)
			frame.length = 14 + below((unsigned)frame.length - 14);
		pass(below(2) ? LEFT : RIGHT, frame);
		later(below(1000) ? below(1000) : below(3) * SECOND);
		platform_forget();
		if (i % 1000 == 0)
			platform_counters(now);
	}
	CHECK(platform_counter("records", now) > 10000 && platform_counter("malformed", now) > 10000);
}

static void refusals(void) {
	static const struct {
		const char *config, *why;
	} bad[] = {
		{"{\"idleSeconds\":0}", "idleSeconds must be at least 1, at byte 16"},
		{"{\"export\":{}}", "export needs collector, source and nextHop, at byte 12"},
		{"{" EXPORT ",\"enterprise\":0}}", "an enterprise number is at least 1, at byte 112"},
		{"{\"export\":{\"collector\":\"224.0.0.1\"}}", "not the IPv4 address of a host, at byte 34"},
		{"{\"export\":{\"nextHop\":\"01:00:00:00:00:00\"}}", "not the MAC address of a host, at byte 40"},
		{"{\"export\":{\"port\":0}}", "a port is from 1 to 65535, at byte 19"},
		{"{\"collector\":1}", "there is no such member, at byte 13"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		platform_start(1, MEMORY);
		CHECK_TEXT(platform_configure(bad[i].config), bad[i].why);
	}
}

int main(void) {
	records_of_flows();
	kinds_of_packets();
	connections();
	names();
	talkers();
	floods();
	blocked();
	sessions();
	mixtures();
	shown();
	damaged();
	refusals();
	return DONE("probe");
}
