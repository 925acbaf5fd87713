/*
 * What a network function and the platform give each other. A function is logic over bytes: it
 * touches no device and no clock but by what is declared here, so the same files are built
 * into a virtual machine, into a sandboxed process, and on the host under sanitizers
 * (test/platform.h stands in for the platform there).
 *
 * One thing is done at a time: no call here is made while another one runs.
 */
#ifndef FUNCTION_H
#define FUNCTION_H

#include "../platform/arena.h"
#include "../platform/frame.h"
#include "../platform/panic.h"
#include "../platform/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict {
	/* It goes nowhere. */
	DROP,
	/* It goes out of the other side, changed or not. */
	PASS,
	/* It goes out of the side that it came from: an answer made in place. */
	ANSWER,
};

/* What this copy is, from its start to its end. */
struct identity {
	const char *id;
	/* The MAC address of each side: an address that is this function's own. */
	uint8_t macs[2][6];
	/* What a subscriber should not be able to guess; another one with each start. */
	uint64_t seed;
	/* What the host gave it to look things up in; NULL if nothing. */
	const uint8_t *data;
	size_t data_length;
};

/*
 * Times are in microseconds since some moment before the start and never go back. They stand
 * still while a batch of frames is judged.
 */
struct function {
	const char *name;

	/*
	 * Once, before anything else. All memory that there will ever be comes with it, zeroed: what
	 * `memoryMiB` in function.json says, less the platform's own. Both stay valid for ever.
	 * Calls again only in tests; then everything starts anew.
	 */
	void (*start)(const struct identity *identity, struct arena *memory);

	/*
	 * Reads a whole new configuration and puts it in force, or writes why not and leaves the
	 * old one as it was. The first one comes before the first frame; others while frames flow. The
	 * bytes are the host's and may be anything; they are gone after the call.
	 */
	bool (*configure)(const char *json, size_t length, struct text *why);

	/*
	 * Judges one frame of at least 14 bytes. The bytes are a stranger's and may be anything. It may
	 * be changed in place, and in length (see frame.h).
	 */
	enum verdict (*frame)(enum side from, struct frame *frame, uint64_t now);

	/* Writes its numbers as one JSON object, at most FUNCTION_COUNTERS_MAX bytes. */
	void (*counters)(struct text *out, uint64_t now);

	/* The rest may be NULL. */

	/* The time asked for with wake_at() has come. */
	void (*tick)(uint64_t now);

	/*
	 * Writes what a later copy should know (leases, mappings) as one JSON object, at most
	 * FUNCTION_STATE_MAX bytes. Called some time after state_changed(), and before an orderly end.
	 */
	void (*save)(struct text *out, uint64_t now);

	/*
	 * Takes over what an earlier copy has saved; after the first configuration and before the first
	 * frame. It may be an older version's or damaged: what is of no use is left. Never called
	 * when there is nothing.
	 */
	void (*restore)(const char *json, size_t length, uint64_t now);
};

#define FUNCTION_COUNTERS_MAX 30000
#define FUNCTION_STATE_MAX 12000

/* Every function defines this one. */
extern const struct function function;

/* What the platform gives. */

/*
 * Sends a frame of the function's own: the bytes are copied and it goes out behind what is on
 * its way. False, and counted, when it has less than 14 bytes or more than FRAME_MAX, or when too
 * many are waiting to go out of that side.
 */
bool send_frame(enum side to, const void *bytes, size_t length);

#define NEVER UINT64_MAX

/* Asks for `tick` at this time or soon after; replaces what was asked before. Late by a millisecond, never early. */
void wake_at(uint64_t time);

/* Seconds since 1970, UTC, as the host's clock has it; 0 if the host did not say. It may go back. */
uint64_t wall_clock(void);

/* Says one line of printable ASCII in the host's log; what does not fit, or comes too often, is left out. */
void say(const char *words);

/* What `save` would write has changed. The host has it about a second later. */
void state_changed(void);

#endif
