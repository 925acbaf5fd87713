#include "bucket.h"

/* Of one byte: 8 bits in millionths. The largest burst has 5.4e14 of them: far from the end of 64 bits. */
#define TOKENS_PER_BYTE 8000000ull

static uint64_t capacity(const struct bucket *bucket) {
	return bucket->burst * TOKENS_PER_BYTE;
}

struct bucket bucket_make(uint64_t rate, uint64_t burst, uint64_t now) {
	struct bucket bucket = {.rate = rate, .burst = burst, .filled = now};
	bucket.tokens = capacity(&bucket);
	return bucket;
}

static void fill(struct bucket *bucket, uint64_t now) {
	uint64_t room = capacity(bucket) - bucket->tokens, passed = now - bucket->filled;
	bucket->filled = now;
	/* Divided, because the product may be more than 64 bits after a long pause. */
	if (passed >= room / bucket->rate + 1)
		bucket->tokens = capacity(bucket);
	else
		bucket->tokens += passed * bucket->rate < room ? passed * bucket->rate : room;
}

void bucket_inherit(struct bucket *bucket, const struct bucket *old) {
	if (bucket->rate == 0 || old->rate == 0)
		return;
	bucket->filled = old->filled;
	if (old->tokens < bucket->tokens)
		bucket->tokens = old->tokens;
}

enum fate bucket_take(struct bucket *bucket, uint64_t bytes, uint64_t now) {
	if (bucket->rate == 0)
		return TAKEN;
	fill(bucket, now);
	uint64_t price = bytes * TOKENS_PER_BYTE;
	if (price > bucket->tokens)
		return REFUSED;
	bucket->tokens -= price;
	return bucket->tokens < capacity(bucket) / 2 ? TAKEN_NEARLY_EMPTY : TAKEN;
}
