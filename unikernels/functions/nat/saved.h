/* A session as text, to outlive its guest: 38 characters, so that some hundreds fit into what a function may save. */
#ifndef NAT_SAVED_H
#define NAT_SAVED_H

#include "datagram.h"

#define SAVED_LENGTH 38

struct saved {
	/* One digit: what the table makes of it. */
	uint8_t class, protocol;
	struct endpoint inside, outside, remote;
};

/* Writes SAVED_LENGTH characters without an end. */
void saved_write(char *word, const struct saved *session);

/* False when this is none. */
bool saved_read(struct saved *session, const char *word);

#endif
