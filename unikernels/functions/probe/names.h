/*
 * Which names are asked for by DNS (RFC 1035) over UDP, and how often, in few places: a newcomer takes the place of the
 * one asked for least, as with talkers.
 */
#ifndef PROBE_NAMES_H
#define PROBE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name as text, with its end marked by NUL (RFC 1035, section 2.3.4: 255 octets on the wire). */
#define NAME_MAX 254

struct name {
	uint64_t queries, answers, failures;
	/* So many queries more may have been for another name. */
	uint64_t error;
	/* In lower case; what is no letter, digit, hyphen, underscore or dot is a question mark. Empty: free. */
	char text[NAME_MAX];
};

void names_start(void);

/* A DNS message from what follows the UDP header; false when it is none, or is damaged. */
bool names_read(const uint8_t *message, size_t length);

/* Those asked for most, the most first; how many there are, at most `limit`. */
size_t names_most_asked(const struct name **names, size_t limit);

#endif
