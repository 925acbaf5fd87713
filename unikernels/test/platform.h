/*
 * Stands in for the platform when a function is tested on the host: the test turns the clock, and
 * keeps what the function has sent, said and asked for.
 */
#ifndef TEST_PLATFORM_H
#define TEST_PLATFORM_H

#include "../functions/function.h"

#define SENT_MAX 64

struct sent {
	enum side to;
	uint8_t bytes[FRAME_MAX];
	size_t length;
};

/* What the function did since platform_forget(). Of more than SENT_MAX frames none is taken. */
extern struct sent platform_sent[SENT_MAX];
extern size_t platform_sent_count;
extern char platform_said[4096];
extern bool platform_state_changed;

/* What it asked for last; NEVER if nothing. */
extern uint64_t platform_wake_at;

/* What wall_clock() tells. */
extern uint64_t platform_wall_clock;

/* What the next start has for the function to look things up in. */
extern const uint8_t *platform_data;
extern size_t platform_data_length;

/* Starts the function anew with so much memory, filled with nothing, and forgets everything. */
void platform_start(uint64_t seed, size_t memory);

void platform_forget(void);

/* Calls `tick` if its time has come. True if so. */
bool platform_tick(uint64_t now);

/*
 * Hands over a copy of exactly these bytes, so that the sanitizer sees one read too much at the end,
 * with the headroom and tailroom that a frame has at least when `room` is true, and none when it
 * is false. After PASS and ANSWER `bytes` and `length` are as the function left them; `bytes` must
 * have room for FRAME_MAX.
 */
enum verdict platform_frame(enum side from, uint8_t *bytes, size_t *length, uint64_t now, bool room);

/* The reason, or NULL when the configuration was taken. */
const char *platform_configure(const char *json);

/* What the function saves, as JSON. */
const char *platform_save(uint64_t now);

void platform_restore(const char *json, uint64_t now);

/* The counters as JSON. */
const char *platform_counters(uint64_t now);

/* One member of the counters that is a number; ends the test when there is none. */
uint64_t platform_counter(const char *name, uint64_t now);

#endif
