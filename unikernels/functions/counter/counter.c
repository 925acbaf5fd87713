/* Passes everything and counts what kind it was. The least that a function can be. */
#include "../../common/members.h"
#include "../function.h"

static uint64_t frames[2], ipv4, ipv6, arp, other;

static void start(const struct identity *identity, struct arena *memory) {
	(void)identity;
	(void)memory;
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	(void)now;
	frames[from]++;
	switch (frame->bytes[12] << 8 | frame->bytes[13]) {
	case 0x0800:
		ipv4++;
		break;
	case 0x86dd:
		ipv6++;
		break;
	case 0x0806:
		arp++;
		break;
	default:
		other++;
	}
	return PASS;
}

static void counters(struct text *out, uint64_t now) {
	(void)now;
	text_string(out, "{\"upstream\":");
	text_number(out, frames[LEFT]);
	text_string(out, ",\"downstream\":");
	text_number(out, frames[RIGHT]);
	text_string(out, ",\"ipv4\":");
	text_number(out, ipv4);
	text_string(out, ",\"ipv6\":");
	text_number(out, ipv6);
	text_string(out, ",\"arp\":");
	text_number(out, arp);
	text_string(out, ",\"other\":");
	text_number(out, other);
	text_char(out, '}');
}

const struct function function = {
	.name = "counter",
	.start = start,
	.configure = configure_nothing,
	.frame = frame,
	.counters = counters,
};
