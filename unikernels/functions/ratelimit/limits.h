/* The limits in force: which frame takes from which bucket. */
#ifndef RATELIMIT_LIMITS_H
#define RATELIMIT_LIMITS_H

#include "../../platform/frame.h"
#include "../../platform/text.h"
#include "bucket.h"

#define DSCPS 64
#define CLASSES_MAX 16

struct tally {
	uint64_t passed, marked, dropped;
};

struct class {
	struct bucket buckets[2];
	struct tally tallies[2];
	/* The lowest code point in it: by this it is known again after a change. */
	uint8_t name;
};

struct limits {
	/* The first is for everything that no other is for. */
	struct class classes[1 + CLASSES_MAX];
	size_t count;
	/* Of each code point (RFC 2474), an index into `classes`. */
	uint8_t class_of[DSCPS];
	bool marks;
};

/* Reads a configuration, or writes why not; `limits` is of no use then. All buckets are full. */
bool limits_read(struct limits *limits, const char *json, size_t length, struct text *why);

/* Goes on with the tokens and the numbers of `old`, class by class. */
void limits_inherit(struct limits *limits, const struct limits *old);

#endif
