/*
 * Hostile bytes: random frames, real frames with random damage, and the same for configurations
 * and console requests. The sanitizers judge memory; here we judge that the sums stay right.
 *
 *	build/test/fuzz [rounds] [seed]
 */
#include "../platform/instance.h"
#include "../platform/protocol.h"
#include "check.h"
#include "frames.h"
#include "platform.h"

static uint64_t state;

static uint32_t random32(void) {
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 33);
}

static unsigned below(unsigned limit) {
	return random32() % limit;
}

bool instance_ready(void) {
	return true;
}

void instance_retell_state(void) {
}

void instance_last_state(struct text *out) {
	(void)out;
}

void instance_time(const char *seconds, size_t length, struct text *out) {
	(void)seconds;
	(void)length;
	text_string(out, "time ok");
}

void instance_introduce(struct text *out) {
	text_string(out, "ready");
}

void instance_health(struct text *out) {
	text_string(out, "health ok");
}

void instance_counters(struct text *out) {
	text_string(out, "counters {}");
}

void instance_configure(uint64_t revision, const char *json, size_t length, struct text *out) {
	(void)revision;
	text_string(out, function.configure(json, length, out) ? "config ok" : " refused");
}

static struct packet_bytes seed_frame(void) {
	static const uint8_t protocols[] = {1, 6, 17, 58, 0, 43, 44, 50, 51, 60};
	struct packet_bytes payload;
	switch (below(4)) {
	case 0:
		payload = tcp(below(4), below(4), random32());
		break;
	case 1:
		payload = udp(below(4), below(4));
		break;
	case 2:
		payload = icmp(below(150), below(4));
		break;
	default: {
		struct packet_bytes inner = udp(below(4), below(4));
		struct packet_bytes cause = below(2) ? ipv4(17, below(4), below(4), &inner) : ipv6(17, 64, below(4), below(4), &inner);
		payload = icmp_error(below(2) ? 3 : 1, &cause, below(2) ? 20 : 40);
	}
	}
	/* Extension headers, most of them nonsense. */
	for (unsigned i = below(3); i; i--) {
		struct packet_bytes wrapped = {.length = 0};
		put8(&wrapped, protocols[below(sizeof(protocols))]);
		put8(&wrapped, below(2));
		put16(&wrapped, below(3));
		put32(&wrapped, below(3));
		put(&wrapped, payload.bytes, payload.length);
		payload = wrapped;
	}
	unsigned protocol = protocols[below(sizeof(protocols))];
	struct packet_bytes frame = below(2) ? ipv4_piece(protocol, below(4), below(4), below(8) ? 0 : random32(), &payload)
				      : ipv6(protocol, below(2) ? 255 : 64, below(4), below(4), &payload);
	return below(8) ? frame : tagged(random32(), &frame);
}

static void damage(uint8_t *bytes, size_t *length, size_t least) {
	for (unsigned i = below(4); i && *length > 0; i--)
		bytes[below((unsigned)*length)] = (uint8_t)random32();
	if (below(4) == 0 && *length > least)
		*length = least + below((unsigned)(*length - least));
}

static uint64_t judged(uint64_t now) {
	const char *json = platform_counters(now);
	uint64_t allowed, denied, malformed;
	CHECK(sscanf(json, "{\"allowed\":%lu,\"denied\":%lu,\"malformed\":%lu", &allowed, &denied, &malformed) == 3);
	return allowed + denied + malformed;
}

static void frames(unsigned rounds) {
	uint64_t now = 0, before = judged(0);
	for (unsigned i = 0; i < rounds; i++) {
		struct packet_bytes frame = seed_frame();
		damage(frame.bytes, &frame.length, 14);
		struct packet_bytes before_frame = frame;
		now += below(100) ? below(10) : below(1000000);
		platform_frame(below(2) ? LEFT : RIGHT, frame.bytes, &frame.length, now * 1000, false);
		CHECK(frame.length == before_frame.length && memcmp(frame.bytes, before_frame.bytes, frame.length) == 0);
	}
	CHECK(judged(now) - before == rounds);
}

static const char *configs[] = {
	"{\"default\":\"deny\",\"rules\":[{\"allow\":{\"protocol\":\"tcp\",\"port\":\"80-90\",\"from\":\"10.0.0.0/8\","
	"\"to\":\"192.0.2.1\",\"direction\":\"upstream\"}},{\"deny\":{\"protocol\":58,\"from\":\"2001:db8::/32\"}}]}",
	"{\"default\":\"allow\",\"rules\":[{\"deny\":{\"protocol\":\"udp\",\"port\":53}},{\"allow\":{}}]}",
	"{ \"\\u0064efault\" : \"allow\" , \"rules\" : [ { \"deny\" : { \"to\" : \"::ffff:1.2.3.4/128\" } } ] }",
};

static size_t hostile_config(char *bytes) {
	const char *text = configs[below(sizeof(configs) / sizeof(*configs))];
	size_t length = strlen(text);
	memcpy(bytes, text, length);
	damage((uint8_t *)bytes, &length, 0);
	/* Repeat a part: doubled members, deep nesting, long lists. */
	if (length > 2 && below(3) == 0) {
		size_t at = below((unsigned)length), size = below((unsigned)(length - at)) + 1;
		for (unsigned i = below(20); i && length + size < 4096; i--) {
			memmove(bytes + at + size, bytes + at, length - at);
			length += size;
		}
	}
	return length;
}

static void configurations(unsigned rounds) {
	for (unsigned i = 0; i < rounds; i++) {
		char bytes[4096], reason[200];
		struct text why = TEXT_OVER(reason);
		size_t length = hostile_config(bytes);
		char *exact = malloc(length + 1);
		memcpy(exact, bytes, length);
		bool good = function.configure(exact, length, &why);
		CHECK(good == (why.length == 0));
		for (size_t j = 0; j < why.length; j++)
			CHECK(reason[j] >= ' ' && reason[j] <= '~');
		free(exact);
	}
}

static void requests(unsigned rounds) {
	static const char *lines[] = {"hello\n", "health\n", "counters\n", "config 1 2\n{}\n", "config 1 300000\n", "time 5\n", "config ", "\n", "x"};
	static char said[32768];
	uint64_t now = 0;
	for (unsigned i = 0; i < rounds; i++) {
		uint8_t bytes[64];
		const char *line = lines[below(sizeof(lines) / sizeof(*lines))];
		size_t length = strlen(line);
		memcpy(bytes, line, length);
		damage(bytes, &length, 0);
		struct text out = {said, sizeof(said), 0, false};
		for (size_t j = 0; j < length; j++)
			protocol_byte((char)bytes[j], now, &out);
		CHECK(!out.cut && (out.length == 0 || said[out.length - 1] == '\n'));
		now += below(1000) ? 1 : 1001;
	}
	/* Whatever was said, a pause puts us in sync. */
	struct text out = {said, sizeof(said), 0, false};
	now += 1001;
	for (const char *c = "hello\n"; *c; c++)
		protocol_byte(*c, now, &out);
	CHECK(out.length == 6 && memcmp(said, "ready\n", 6) == 0);
}

int main(int argc, char **argv) {
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	platform_start(state, 4 << 20);
	for (unsigned i = 0; i < rounds; i++) {
		configurations(100);
		frames(1000);
		requests(100);
	}
	return DONE("fuzz");
}
