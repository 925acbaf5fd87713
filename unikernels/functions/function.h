/*
 * What a network function gives to the platform. It is pure logic over bytes: no devices, no
 * clock, no allocation, so that the same files are compiled, tested and fuzzed on the host.
 */
#ifndef FUNCTION_H
#define FUNCTION_H

#include "../platform/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The side a frame came from: the subscriber's or the uplink's. */
enum side { LEFT, RIGHT };

struct function {
	const char *name;

	/* Once, before anything else. The seed is what a subscriber should not be able to guess. */
	void (*start)(uint64_t seed);

	/*
	 * Reads a whole new configuration and puts it in force, or writes why not and leaves the
	 * old one as it was. The bytes are the host's and may be anything.
	 */
	bool (*configure)(const char *json, size_t length, struct text *why);

	/*
	 * Judges one frame, from the destination address on; true lets it through. `now` is in
	 * milliseconds and never goes back. The bytes are a stranger's and may be anything.
	 */
	bool (*frame)(enum side from, uint8_t *bytes, size_t length, uint64_t now);

	/* Writes its numbers as one JSON object, at most 30,000 bytes. */
	void (*counters)(struct text *out, uint64_t now);
};

/* Every function defines this one. */
extern const struct function function;

#endif
