/*
 * Names and whether one of them, or a name above it, is listed: exactly, not by a hash.
 *
 * A key is a name in lower case with its labels from the last to the first, each ended by a byte of 1, which no
 * label may hold: www.example.org is "org\1example\1www\1". So a name's subdomains are what begins with its key,
 * and they lie together when keys are sorted.
 *
 * A table is what the host makes of its lists, and is used as it lies there (numbers little-endian):
 *
 *	"CSN1", the count of keys, and for every sixteen keys where they begin, counted from the table's start; then the keys, in
 *	ascending order, none twice and none below another. A key that begins a sixteen: its length in a byte, its bytes.
 *	Another: how many bytes it shares with the one before, how many follow, and those.
 */
#ifndef FILTER_NAMES_H
#define FILTER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_MAX 254

struct key {
	uint8_t length;
	uint8_t bytes[KEY_MAX];
};

struct table {
	const uint8_t *bytes;
	size_t length;
	uint32_t count;
};

/* Looks at every byte of it; false, and then it may not be used, when it is not a sound one. */
bool table_open(struct table *table, const uint8_t *bytes, size_t length);

bool table_lists(const struct table *table, const struct key *name);

/* Whether this name is the other one or below it. */
bool key_below(const struct key *name, const struct key *other);

/* The key of a name whose labels are letters, digits, hyphens and underscores, as the host takes them in lists; with or without a dot at its end; false when it is none. */
bool key_read(struct key *key, const char *word);

#endif
