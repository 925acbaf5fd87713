/*
 * A token bucket (RFC 2697 speaks of one with two colours; this is its plainest form) that is exact: tokens
 * are counted in millionths of a bit, so that a microsecond brings as many as the rate has bits per second.
 */
#ifndef RATELIMIT_BUCKET_H
#define RATELIMIT_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_RATE_MAX 100000000000
#define BUCKET_BURST_MAX 67108864

struct bucket {
	/* Bits per second, 1 to BUCKET_RATE_MAX; 0 for a bucket that is never empty. */
	uint64_t rate;
	/* Bytes that may pass at once after a pause, 1 to BUCKET_BURST_MAX. */
	uint64_t burst;
	/* What is in it at `filled`, in millionths of a bit; at most what `burst` says. */
	uint64_t tokens, filled;
};

enum fate { TAKEN, TAKEN_NEARLY_EMPTY, REFUSED };

/* A full one. */
struct bucket bucket_make(uint64_t rate, uint64_t burst, uint64_t now);

/* A change of the limits is no gift: `bucket` goes on with what is in `old`, as far as that fits. */
void bucket_inherit(struct bucket *bucket, const struct bucket *old);

/* Takes so many bytes out, or nothing. Nearly empty is one that is less than half full afterwards. */
enum fate bucket_take(struct bucket *bucket, uint64_t bytes, uint64_t now);

#endif
