/*
 * Who makes most of the traffic on a side, in few places (Metwally, Agrawal and El Abbadi: the Space-Saving
 * algorithm): a newcomer takes the place of the least, and inherits its bytes as the error that its number may have. Who makes
 * more than one part in TALKERS of all bytes is always among them.
 */
#ifndef PROBE_TALKERS_H
#define PROBE_TALKERS_H

#include "../../common/prefix.h"
#include "../../platform/frame.h"

#include <stddef.h>
#include <stdint.h>

#define TALKERS 64

struct talker {
	struct address address;
	uint8_t family; /* 0: free */
	/* By the side that the packets came from. */
	uint64_t packets[2], bytes[2];
	/* So many bytes more may have been somebody else's, and are not in `bytes`. */
	uint64_t error;
};

void talkers_start(void);

/*
 * Counts a packet of the one at this address on `side`. `hint` is where it was last time; where it is now comes
 * back.
 */
uint8_t talkers_count(enum side side, uint8_t hint, uint8_t family, const struct address *address, enum side from,
		      uint64_t bytes);

/* Those with the most bytes, the largest first; how many there are, at most `limit`. */
size_t talkers_largest(enum side side, const struct talker **largest, size_t limit);

#endif
