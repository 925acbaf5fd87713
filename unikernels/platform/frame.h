/*
 * A frame in a buffer with room before and behind it, so that headers can be put on and taken
 * off where it lies.
 */
#ifndef PLATFORM_FRAME_H
#define PLATFORM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The side a frame came from or goes to: the subscriber's or the uplink's. */
enum side { LEFT, RIGHT };

static inline enum side other_side(enum side side) {
	return side == LEFT ? RIGHT : LEFT;
}

/* No frame is longer, neither one that comes in nor one that goes out. */
#define FRAME_MAX 2036
/* At least so much room is before and behind a frame that comes in. */
#define FRAME_HEADROOM 116
#define FRAME_TAILROOM 128

struct frame {
	/* From the destination address on; without the checksum at the end. */
	uint8_t *bytes;
	size_t length;
	/* Free bytes before `bytes` and behind `bytes + length`. */
	size_t headroom, tailroom;
};

/* Each is false, and changes nothing, when there is no room for it or not so much to take away. */

/* New bytes at the front; what is in them is undefined. `bytes` moves. */
static inline bool frame_push(struct frame *frame, size_t count) {
	if (count > frame->headroom || count > FRAME_MAX - frame->length)
		return false;
	frame->bytes -= count;
	frame->headroom -= count;
	frame->length += count;
	return true;
}

/* Fewer bytes at the front. `bytes` moves. */
static inline bool frame_pull(struct frame *frame, size_t count) {
	if (count > frame->length)
		return false;
	frame->bytes += count;
	frame->headroom += count;
	frame->length -= count;
	return true;
}

/* New bytes at the end; what is in them is undefined. */
static inline bool frame_extend(struct frame *frame, size_t count) {
	if (count > frame->tailroom || count > FRAME_MAX - frame->length)
		return false;
	frame->tailroom -= count;
	frame->length += count;
	return true;
}

/* Fewer bytes at the end. */
static inline bool frame_trim(struct frame *frame, size_t count) {
	if (count > frame->length)
		return false;
	frame->tailroom += count;
	frame->length -= count;
	return true;
}

#endif
