#include "../platform/arena.h"
#include "../platform/frame.h"
#include "check.h"

static bool zero(const uint8_t *bytes, size_t length) {
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

static void taking(void) {
	static uint8_t memory[4096] __attribute__((aligned(64)));
	struct arena arena = {.start = memory, .size = sizeof(memory)};
	uint8_t *first = arena_take(&arena, 10), *second = arena_take(&arena, 100);
	CHECK(first == memory && second == memory + 64);
	CHECK(arena_left(&arena) == 4096 - 192);
	CHECK(!arena_take(&arena, 4096 - 191));
	CHECK(!arena_take_many(&arena, SIZE_MAX / 2, 4));
	CHECK(arena_take_many(&arena, 3904 / 8, 8));
	CHECK(arena_left(&arena) == 0 && !arena_take(&arena, 1));

	/* What comes again is zero again. */
	memset(memory, 0xff, sizeof(memory));
	arena_reset(&arena);
	CHECK(zero(arena_take(&arena, 4096), 4096));
}

static void halves(void) {
	static uint8_t memory[1024] __attribute__((aligned(64)));
	struct arena whole = {.start = memory, .size = sizeof(memory)};
	struct arena left = arena_split(&whole, 512), right = arena_split(&whole, 512);
	CHECK(arena_left(&left) == 512 && arena_left(&right) == 512 && arena_left(&whole) == 0);
	CHECK(arena_left(&(struct arena){0}) == 0 && arena_split(&whole, 1).size == 0);
	memset(arena_take(&left, 512), 1, 512);
	CHECK(zero(arena_take(&right, 512), 512));
	/* A part of memory that somebody has written to is not taken for new. */
	arena_reset(&whole);
	struct arena again = arena_split(&whole, 600);
	CHECK(zero(arena_take(&again, 600), 600));
}

static void rooms(void) {
	uint8_t bytes[300] = {0};
	struct frame frame = {bytes + 100, 50, 100, 150};
	CHECK(frame_push(&frame, 100) && frame.bytes == bytes && frame.length == 150);
	CHECK(!frame_push(&frame, 1) && frame.length == 150);
	CHECK(frame_pull(&frame, 150) && frame.length == 0 && !frame_pull(&frame, 1));
	CHECK(frame_extend(&frame, 150) && !frame_extend(&frame, 1) && !frame_extend(&frame, SIZE_MAX));
	CHECK(frame_trim(&frame, 150) && !frame_trim(&frame, 1) && frame.tailroom == 150);
	struct frame long_one = {bytes, FRAME_MAX, 10, 10};
	CHECK(!frame_push(&long_one, 1) && !frame_extend(&long_one, 1));
}

int main(void) {
	taking();
	halves();
	rooms();
	return DONE("arena");
}
