/* A function with a fault, for the fuzzer to find: it believes the length that a UDP datagram says it has. */
#include "../../functions/function.h"

static uint64_t sum;

static void start(const struct identity *identity, struct arena *memory) {
	(void)identity;
	(void)memory;
	sum = 0;
}

static bool configure(const char *json, size_t length, struct text *why) {
	(void)json;
	if (length == 0)
		text_string(why, "nothing");
	return length > 0;
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	(void)from;
	(void)now;
	const uint8_t *bytes = frame->bytes;
	if (frame->length < 42 || bytes[12] != 0x08 || bytes[13] != 0x00 || bytes[23] != 17)
		return PASS;
	size_t length = (size_t)bytes[38] << 8 | bytes[39];
	for (size_t i = 0; i < length; i++)
		sum += bytes[34 + i];
	return PASS;
}

static void counters(struct text *out, uint64_t now) {
	(void)now;
	text_string(out, "{\"sum\":");
	text_number(out, sum);
	text_char(out, '}');
}

const struct function function = {
	.name = "seeded",
	.start = start,
	.configure = configure,
	.frame = frame,
	.counters = counters,
};
