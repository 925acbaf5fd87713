/*
 * Holds a subscriber to so many bits a second, each way, by policing: a frame for which there are no
 * tokens is dropped, none waits. Traffic of a class (by its DSCP, RFC 2474) has limits of its own and takes
 * nothing from the rest.
 *
 * Where ecn is "mark", packets of transports that understand it (ECT, RFC 3168) are marked while the bucket is less
 * than half full, so that senders slow down before anything has to be dropped.
 *
 * A frame counts with all its bytes but the checksum at its end. What is not IP counts as DSCP 0.
 */
#include "../../common/checksum.h"
#include "../../common/ethernet.h"
#include "../function.h"
#include "limits.h"

/* The one in force, and the one that the next configuration is read into. */
static struct limits sets[2];
static struct limits *limits = &sets[0];

static void start(const struct identity *identity, struct arena *memory) {
	(void)identity;
	(void)memory;
	limits = &sets[0];
	*limits = (struct limits){.count = 1};
}

static bool configure(const char *json, size_t length, struct text *why) {
	struct limits *spare = limits == &sets[0] ? &sets[1] : &sets[0];
	if (!limits_read(spare, json, length, why))
		return false;
	limits_inherit(spare, limits);
	limits = spare;
	return true;
}

#define IPV4_HEADER 20
#define IPV6_HEADER 40
/* The two lowest bits of the traffic class (RFC 3168, section 5). */
#define ECN_MASK 3
#define ECN_CE 3

/* Where the word with the traffic class is, and how far to its left the class stands in it. */
struct traffic_class {
	/* NULL when the frame has none. */
	uint8_t *word;
	int shift;
	/* IPv4's header checksum; NULL for IPv6. */
	uint8_t *checksum;
};

static struct traffic_class find_class(const struct frame *frame) {
	struct ethernet ethernet = ethernet_read(frame->bytes, frame->length);
	uint8_t *at = frame->bytes + ethernet.payload;
	size_t left = frame->length - ethernet.payload;
	if (ethernet.type == ETHERTYPE_IPV4 && left >= IPV4_HEADER && at[0] >> 4 == 4)
		return (struct traffic_class){at, 0, at + 10};
	if (ethernet.type == ETHERTYPE_IPV6 && left >= IPV6_HEADER && at[0] >> 4 == 6)
		return (struct traffic_class){at, 4, NULL};
	return (struct traffic_class){0};
}

static uint8_t read_class_byte(const struct traffic_class *found) {
	return found->word ? (uint8_t)(get16(found->word) >> found->shift) : 0;
}

/* True if the packet could be marked, or is already. */
static bool mark(const struct traffic_class *found) {
	if (!(read_class_byte(found) & ECN_MASK))
		return false;
	uint16_t before = get16(found->word);
	uint16_t after = (uint16_t)(before | ECN_CE << found->shift);
	set16(found->word, after);
	if (found->checksum)
		checksum_update(found->checksum, before, after);
	return true;
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	struct traffic_class found = find_class(frame);
	struct class *class = &limits->classes[limits->class_of[read_class_byte(&found) >> 2]];
	struct tally *tally = &class->tallies[from];
	switch (bucket_take(&class->buckets[from], frame->length, now)) {
	case REFUSED:
		tally->dropped++;
		return DROP;
	case TAKEN_NEARLY_EMPTY:
		if (limits->marks && mark(&found))
			tally->marked++;
		break;
	case TAKEN:
		break;
	}
	tally->passed++;
	return PASS;
}

static void tell(struct text *out, const char *name, const struct tally *tally) {
	text_string(out, name);
	text_string(out, ":{\"passed\":");
	text_number(out, tally->passed);
	text_string(out, ",\"marked\":");
	text_number(out, tally->marked);
	text_string(out, ",\"dropped\":");
	text_number(out, tally->dropped);
	text_char(out, '}');
}

static void tell_class(struct text *out, const struct class *class) {
	tell(out, "\"upstream\"", &class->tallies[LEFT]);
	tell(out, ",\"downstream\"", &class->tallies[RIGHT]);
}

static void counters(struct text *out, uint64_t now) {
	(void)now;
	text_char(out, '{');
	tell_class(out, &limits->classes[0]);
	text_string(out, ",\"classes\":[");
	for (size_t i = 1; i < limits->count; i++) {
		text_string(out, i > 1 ? ",{" : "{");
		tell_class(out, &limits->classes[i]);
		text_char(out, '}');
	}
	text_string(out, "]}");
}

const struct function function = {
	.name = "ratelimit",
	.start = start,
	.configure = configure,
	.frame = frame,
	.counters = counters,
};
