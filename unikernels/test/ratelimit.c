/* Limits as arithmetic: what passes in a stretch of time is the burst and the rate, to the byte. */
#include "../common/checksum.h"
#include "check.h"
#include "frames.h"
#include "platform.h"

static uint64_t now;

static void restart(const char *config) {
	now = 1;
	platform_start(1, 0);
	CHECK(platform_configure(config) == NULL);
}

static enum verdict send(enum side from, struct packet_bytes *frame) {
	return platform_frame(from, frame->bytes, &frame->length, now, false);
}

static struct packet_bytes plain(size_t length, uint8_t class_byte) {
	struct packet_bytes payload = {.length = length - 34}, frame = ipv4(17, 1, 2, &payload);
	frame.bytes[15] = class_byte;
	uint16_t sum = (uint16_t)~checksum_fold(checksum_add(0, frame.bytes + 14, 20));
	set16(frame.bytes + 24, sum);
	return frame;
}

/* How many frames of this kind pass, one each `gap` microseconds. */
static unsigned passed(enum side from, size_t length, uint8_t class_byte, unsigned count, uint64_t gap) {
	unsigned through = 0;
	for (unsigned i = 0; i < count; i++, now += gap) {
		struct packet_bytes frame = plain(length, class_byte);
		through += send(from, &frame) == PASS;
	}
	return through;
}

static void rates(void) {
	/* 8 Mbit/s are one byte a microsecond. */
	restart("{\"upstream\":{\"bitsPerSecond\":8000000,\"burstBytes\":10000}}");
	CHECK(passed(LEFT, 1000, 0, 100, 0) == 10);
	now += 999;
	CHECK(passed(LEFT, 1000, 0, 1, 0) == 0);
	now += 1;
	CHECK(passed(LEFT, 1000, 0, 2, 0) == 1);
	/* Twice as fast as allowed for two seconds: half of it. */
	CHECK(passed(LEFT, 1000, 0, 4000, 500) == 1999);
	/* A pause fills it to the brim and no further. */
	now += 3600000000ull * 24 * 365;
	CHECK(passed(LEFT, 1000, 0, 100, 0) == 10);
	/* The other way is not limited. */
	CHECK(passed(RIGHT, 1000, 0, 1000, 0) == 1000);
}

static void slow_rates_lose_nothing(void) {
	/* One bit a second: each of the 8,000 seconds that a frame takes counts, asked every 3 microseconds or once. */
	restart("{\"downstream\":{\"bitsPerSecond\":1,\"burstBytes\":2036}}");
	CHECK(passed(RIGHT, 1000, 0, 3, 0) == 2);
	/* 36 bytes are left. */
	CHECK(passed(RIGHT, 1000, 0, 1000, 3) == 0);
	now += (1000 - 36) * 8000000ull - 3000 - 1;
	CHECK(passed(RIGHT, 1000, 0, 1, 0) == 0);
	now += 1;
	CHECK(passed(RIGHT, 1000, 0, 1, 0) == 1);
}

static void classes(void) {
	restart("{\"upstream\":{\"bitsPerSecond\":8000,\"burstBytes\":3000},"
		"\"classes\":[{\"dscp\":[46,34],\"upstream\":{\"bitsPerSecond\":8000,\"burstBytes\":5000}},"
		"{\"dscp\":[8],\"downstream\":{\"bitsPerSecond\":8000,\"burstBytes\":4000}}]}");
	CHECK(passed(LEFT, 1000, 46 << 2, 10, 0) == 5);
	CHECK(passed(LEFT, 1000, 34 << 2, 10, 0) == 0);
	CHECK(passed(LEFT, 1000, 0, 10, 0) == 3);
	CHECK(passed(LEFT, 1000, 8 << 2, 10, 0) == 10);
	CHECK(passed(RIGHT, 1000, 8 << 2, 10, 0) == 4);
	CHECK(passed(RIGHT, 1000, 0, 10, 0) == 10);
	CHECK(strstr(platform_counters(now), "\"classes\":[{\"upstream\":{\"passed\":5,\"marked\":0,\"dropped\":15}"));
	/* Behind one tag or two, and in IPv6, the code point is found too. */
	struct packet_bytes payload = {.length = 60}, six = ipv6(17, 64, 1, 2, &payload), inner = plain(1000, 46 << 2);
	six.bytes[14] |= 46 >> 2;
	six.bytes[15] |= (46 << 6) & 0xff;
	struct packet_bytes once = tagged(7, &inner), twice = tagged(8, &once);
	CHECK(send(LEFT, &six) == DROP && send(LEFT, &once) == DROP && send(LEFT, &twice) == DROP);
	/* Behind three it counts as 0, for which nothing is left either. */
	struct packet_bytes thrice = tagged(9, &twice);
	CHECK(send(LEFT, &thrice) == DROP);
	CHECK(strstr(platform_counters(now), "{\"upstream\":{\"passed\":3,\"marked\":0,\"dropped\":8}"));
}

static void marking(void) {
	restart("{\"upstream\":{\"bitsPerSecond\":8000,\"burstBytes\":10000},\"ecn\":\"mark\"}");
	CHECK(passed(LEFT, 1000, 1, 5, 0) == 5);
	CHECK(strstr(platform_counters(now), "\"marked\":0"));
	struct packet_bytes able = plain(1000, 46 << 2 | 2), unable = plain(1000, 46 << 2), six;
	struct packet_bytes before = able, payload = {.length = 60};
	CHECK(send(LEFT, &able) == PASS && able.bytes[15] == (46 << 2 | 3));
	CHECK(checksum_fold(checksum_add(0, able.bytes + 14, 20)) == 0xffff);
	CHECK(memcmp(able.bytes + 26, before.bytes + 26, able.length - 26) == 0);
	before = unable;
	CHECK(send(LEFT, &unable) == PASS && memcmp(unable.bytes, before.bytes, unable.length) == 0);
	six = ipv6(17, 64, 1, 2, &payload);
	six.bytes[15] = 0x1f;
	before = six;
	CHECK(send(LEFT, &six) == PASS && six.bytes[15] == 0x3f && six.bytes[14] == before.bytes[14]);
	CHECK(memcmp(six.bytes + 16, before.bytes + 16, six.length - 16) == 0);
	CHECK(strstr(platform_counters(now), "{\"upstream\":{\"passed\":8,\"marked\":2,\"dropped\":0}"));
}

static void changes(void) {
	restart("{\"upstream\":{\"bitsPerSecond\":8000000,\"burstBytes\":10000}}");
	CHECK(passed(LEFT, 1000, 0, 8, 0) == 8);
	/* What was spent stays spent. */
	CHECK(platform_configure("{\"upstream\":{\"bitsPerSecond\":8000000,\"burstBytes\":50000}}") == NULL);
	CHECK(passed(LEFT, 1000, 0, 8, 0) == 2);
	now += 30000;
	CHECK(passed(LEFT, 1000, 0, 40, 0) == 30);
	CHECK(platform_configure("{\"upstream\":{\"bitsPerSecond\":0}}") != NULL);
	CHECK(passed(LEFT, 1000, 0, 1, 1000) == 0 && passed(LEFT, 1000, 0, 1, 0) == 1);
	/* A class is known again, wherever it stands; a new one begins full. */
	restart("{\"classes\":[{\"dscp\":[9],\"upstream\":{\"bitsPerSecond\":1,\"burstBytes\":5000}}]}");
	CHECK(passed(LEFT, 1000, 9 << 2, 9, 0) == 5);
	CHECK(platform_configure("{\"classes\":[{\"dscp\":[7],\"upstream\":{\"bitsPerSecond\":1,\"burstBytes\":5000}},"
				 "{\"dscp\":[11,9],\"upstream\":{\"bitsPerSecond\":1,\"burstBytes\":5000}}]}") == NULL);
	CHECK(passed(LEFT, 1000, 9 << 2, 9, 0) == 0 && passed(LEFT, 1000, 11 << 2, 9, 0) == 0);
	CHECK(passed(LEFT, 1000, 7 << 2, 9, 0) == 5);
}

static void refusals(void) {
	static const struct {
		const char *config, *why;
	} bad[] = {
		{"{}", "there is no limit: give upstream, downstream or classes, at byte 2"},
		{"{\"upstream\":{}}", "a limit needs bitsPerSecond, at byte 14"},
		{"{\"upstream\":{\"bitsPerSecond\":1,\"burstBytes\":2035}}",
		 "burstBytes must hold the longest frame, 2036 bytes, at byte 48"},
		{"{\"upstream\":{\"bitsPerSecond\":1},\"ecn\":\"drop\"}", "ecn must be mark or leave, at byte 44"},
		{"{\"classes\":[{\"dscp\":[1],\"upstream\":{\"bitsPerSecond\":1}},{\"dscp\":[2,1]}]}",
		 "class 1: a code point is given twice, at byte 68"},
		{"{\"classes\":[{\"dscp\":[1]}]}", "class 0: a class needs upstream or downstream, at byte 24"},
		{"{\"classes\":[{\"dscp\":[],\"upstream\":{\"bitsPerSecond\":1}}]}",
		 "class 0: dscp needs at least one code point, at byte 22"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		platform_start(1, 0);
		CHECK_TEXT(platform_configure(bad[i].config), bad[i].why);
	}
}

int main(void) {
	rates();
	slow_rates_lose_nothing();
	classes();
	marking();
	changes();
	refusals();
	return DONE("ratelimit");
}
