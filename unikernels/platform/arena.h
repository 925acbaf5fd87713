/*
 * Memory handed out in one direction and given back all at once: bounded, without fragments,
 * and nothing can be freed twice. A function whose configuration decides how much it needs
 * splits its memory into halves, reads the new configuration into the one not in use, and swaps.
 */
#ifndef PLATFORM_ARENA_H
#define PLATFORM_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	/* `start` to `start + size`; what is behind `touched` has never been given out and is still zero. */
	uint8_t *start;
	size_t size, used, touched;
};

/* Zeroed, aligned to 64 bytes. NULL when there is not so much left: then nothing is taken. */
void *arena_take(struct arena *arena, size_t bytes);

/* The same for `count` things of `size` bytes, whatever their product. */
void *arena_take_many(struct arena *arena, size_t count, size_t size);

/* A part of it as an arena of its own; of size 0 when there is not so much left. */
struct arena arena_split(struct arena *arena, size_t bytes);

size_t arena_left(const struct arena *arena);

/* Gives everything back that was taken from this one. */
void arena_reset(struct arena *arena);

#endif
