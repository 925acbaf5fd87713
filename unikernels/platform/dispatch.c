#include "dispatch.h"

#include "../contract.h"
#include "clock.h"
#include "console.h"

#include <string.h>

#define SECOND 1000000ull

/* Lines that a function may say at once, and the time after which it may say one more. */
#define LOG_BURST 20
#define LOG_EVERY (SECOND / 10)

/* When there is no room on the console for a state. */
#define STATE_RETRY (SECOND / 10)

static struct {
	uint64_t received, received_bytes, sent, sent_bytes, dropped, lost;
} traffic[2];

/* The frame that goes out next is the switch's. */
static bool passing_probe;

static uint64_t asked_for = NEVER;
static uint64_t state_due = NEVER;
static uint64_t wall_seconds, wall_set_at;

/* Subscribers cannot send these: the switch lets none in. */
static bool is_probe(const uint8_t *bytes, size_t length) {
	static uint8_t group[6];
	if (length < DISPATCH_SHORTEST || length > CONTRACT_MAX_PROBE ||
	    (bytes[12] << 8 | bytes[13]) != CONTRACT_PROBE_TYPE)
		return false;
	if (!group[0])
		text_parse_mac(CONTRACT_PROBE_MAC, strlen(CONTRACT_PROBE_MAC), group);
	return memcmp(bytes, group, sizeof(group)) == 0;
}

enum verdict dispatch_frame(enum side from, struct frame *frame, uint64_t now) {
	passing_probe = is_probe(frame->bytes, frame->length);
	if (passing_probe)
		return PASS;
	traffic[from].received++;
	traffic[from].received_bytes += frame->length;
	enum verdict verdict = DROP;
	if (frame->length >= DISPATCH_SHORTEST)
		verdict = function.frame(from, frame, now);
	if (frame->length < DISPATCH_SHORTEST)
		verdict = DROP;
	if (verdict == DROP)
		traffic[from].dropped++;
	return verdict;
}

void dispatch_sent(enum side to, size_t length) {
	if (passing_probe) {
		passing_probe = false;
		return;
	}
	traffic[to].sent++;
	traffic[to].sent_bytes += length;
}

void dispatch_lost(enum side to) {
	passing_probe = false;
	traffic[to].lost++;
}

static void member(struct text *out, const char *name, uint64_t value) {
	text_string(out, name);
	text_number(out, value);
}

void dispatch_counters(struct text *out, enum side side) {
	member(out, "{\"rxPackets\":", traffic[side].received);
	member(out, ",\"rxBytes\":", traffic[side].received_bytes);
	member(out, ",\"txPackets\":", traffic[side].sent);
	member(out, ",\"txBytes\":", traffic[side].sent_bytes);
	member(out, ",\"dropped\":", traffic[side].dropped);
	member(out, ",\"lost\":", traffic[side].lost);
	text_char(out, '}');
}

void wake_at(uint64_t time) {
	asked_for = time;
}

uint64_t dispatch_deadline(void) {
	return asked_for < state_due ? asked_for : state_due;
}

void dispatch_due(uint64_t now) {
	if (now >= asked_for) {
		asked_for = NEVER;
		if (function.tick)
			function.tick(now);
	}
	if (now >= state_due) {
		dispatch_tell_state(console_line());
		if (state_due != NEVER)
			state_due = now + STATE_RETRY;
	}
}

void dispatch_set_wall_clock(uint64_t seconds) {
	wall_seconds = seconds;
	wall_set_at = clock_now();
}

uint64_t wall_clock(void) {
	return wall_seconds ? wall_seconds + (clock_now() - wall_set_at) / SECOND : 0;
}

void say(const char *words) {
	static uint64_t left = LOG_BURST, earned_at;
	uint64_t now = clock_now(), earned = (now - earned_at) / LOG_EVERY;
	earned_at += earned * LOG_EVERY;
	left = left + earned < LOG_BURST ? left + earned : LOG_BURST;
	struct text *line = console_line();
	size_t length = strlen(CONTRACT_SAY_LOG) + strlen(words) + 1;
	if (left == 0 || length > CONTRACT_MAX_LOG || length > line->capacity - line->length)
		return;
	left--;
	text_string(line, CONTRACT_SAY_LOG);
	for (; *words; words++)
		text_char(line, *words >= ' ' && *words <= '~' ? *words : '?');
	text_char(line, '\n');
}

void state_changed(void) {
	if (function.save && state_due == NEVER)
		state_due = clock_now() + CONTRACT_STATE_MS * 1000ull;
}

void dispatch_retell_state(void) {
	state_changed();
}

void dispatch_tell_state(struct text *out) {
	if (state_due == NEVER)
		return;
	size_t longest = strlen(CONTRACT_SAY_STATE) + FUNCTION_STATE_MAX + 1;
	if (out->capacity - out->length < longest)
		return;
	size_t start = out->length;
	text_string(out, CONTRACT_SAY_STATE);
	function.save(out, clock_now());
	text_char(out, '\n');
	if (out->length - start > longest)
		panic("the function's state is longer than it may be");
	state_due = NEVER;
}
