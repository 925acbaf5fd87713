#include "arena.h"

#include <string.h>

#define ALIGNMENT 64

static uint8_t *take(struct arena *arena, size_t bytes) {
	size_t padding = -(uintptr_t)(arena->start + arena->used) % ALIGNMENT;
	size_t left = arena->size - arena->used;
	if (padding > left || bytes > left - padding)
		return NULL;
	uint8_t *taken = arena->start + arena->used + padding;
	arena->used += padding + bytes;
	return taken;
}

/* Memory that nobody has touched costs the host nothing, so it is not touched here either. */
void *arena_take(struct arena *arena, size_t bytes) {
	uint8_t *taken = take(arena, bytes);
	if (!taken)
		return NULL;
	uint8_t *untouched = arena->start + arena->touched;
	if (taken < untouched)
		memset(taken, 0, (size_t)(untouched - taken) < bytes ? (size_t)(untouched - taken) : bytes);
	if (arena->used > arena->touched)
		arena->touched = arena->used;
	return taken;
}

void *arena_take_many(struct arena *arena, size_t count, size_t size) {
	size_t bytes;
	return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_take(arena, bytes);
}

/* The part is new or was given back by an earlier owner: what it holds there is not known to be zero. */
struct arena arena_split(struct arena *arena, size_t bytes) {
	uint8_t *part = take(arena, bytes);
	if (!part)
		return (struct arena){0};
	size_t at = (size_t)(part - arena->start);
	size_t touched = arena->touched > at ? arena->touched - at : 0;
	if (arena->used > arena->touched)
		arena->touched = arena->used;
	return (struct arena){.start = part, .size = bytes, .touched = touched < bytes ? touched : bytes};
}

size_t arena_left(const struct arena *arena) {
	size_t padding = -(uintptr_t)(arena->start + arena->used) % ALIGNMENT;
	size_t left = arena->size - arena->used;
	return padding > left ? 0 : left - padding;
}

void arena_reset(struct arena *arena) {
	arena->used = 0;
}
