/*
 * Zero copy. Buffer i of a direction is descriptor i of the receiving card's receive queue and
 * descriptor i of the sending card's transmit queue, for ever. A frame that may pass only has
 * its number moved from one ring to the other, and back when it has been sent. The last
 * descriptors of a transmit queue belong to buffers for the function's own frames. So each queue
 * has a place for every buffer, and no ring can be full.
 *
 * The device's words are not trusted: a buffer must be where we believe it to be, and a length
 * is cut to what the buffer holds.
 */
#include "wire.h"

#include "../../contract.h"
#include "../dispatch.h"
#include "../panic.h"
#include "../wire.h"
#include "cpu.h"
#include "virtio_net.h"

#include <stddef.h>
#include <string.h>

#define BATCH 64

/* Of the descriptors of a transmit queue. */
#define OWN 32
#define PASSING (QUEUE_SIZE - OWN)

#define HEADER sizeof(struct packet_header)
#define BUFFER_SIZE 2304
/* QEMU drops what does not fit, since we take no merged buffers. */
#define RECEIVE_SIZE (HEADER + FRAME_MAX)
_Static_assert(FRAME_HEADROOM + RECEIVE_SIZE + FRAME_TAILROOM <= BUFFER_SIZE, "room around a frame");

enum place { AT_RECEIVE, AT_TRANSMIT };

struct buffer {
	uint8_t bytes[BUFFER_SIZE];
} __attribute__((aligned(64)));

struct direction {
	enum side from;
	struct card *in, *out;
	uint32_t sending;
	uint8_t place[PASSING];
	struct buffer buffers[PASSING];
};

/* The function's own frames out of one side. */
struct outbox {
	uint16_t free[OWN];
	uint16_t count;
	bool away[OWN];
	struct buffer buffers[OWN];
};

static struct card cards[2];
static struct direction directions[2] __attribute__((aligned(4096)));
static struct outbox outboxes[2];
static bool started;

const char *wire_open(enum side side, uint8_t mac[6]) {
	const char *why = card_open(&cards[side], side == LEFT ? CONTRACT_BUS_LEFT : CONTRACT_BUS_RIGHT);
	if (!why)
		memcpy(mac, cards[side].mac, sizeof(cards[side].mac));
	return why;
}

void wire_start(void) {
	for (int side = LEFT; side <= RIGHT; side++) {
		struct direction *way = &directions[side];
		way->from = (enum side)side;
		way->in = &cards[side];
		way->out = &cards[!side];
		for (uint16_t i = 0; i < PASSING; i++) {
			way->in->receive.descriptors[i].address = (uintptr_t)&way->buffers[i].bytes[FRAME_HEADROOM];
			way->in->receive.descriptors[i].length = RECEIVE_SIZE;
			way->in->receive.descriptors[i].flags = DESCRIPTOR_DEVICE_WRITES;
			virtqueue_offer(&way->in->receive, i);
		}
		struct outbox *box = &outboxes[side];
		for (box->count = 0; box->count < OWN; box->count++)
			box->free[box->count] = box->count;
		compiler_barrier();
		way->in->receive.available.index = way->in->receive.offered;
	}
	started = true;
	card_go(&cards[LEFT]);
	card_go(&cards[RIGHT]);
}

/* Offers a frame that lies behind room for a header. */
static void transmit(enum side to, uint16_t id, uint8_t *frame, size_t length) {
	struct virtqueue *queue = &cards[to].transmit;
	memset(frame - HEADER, 0, HEADER);
	queue->descriptors[id].address = (uintptr_t)(frame - HEADER);
	queue->descriptors[id].length = (uint32_t)(HEADER + length);
	virtqueue_offer(queue, id);
	dispatch_sent(to, length);
}

/* Buffers that have been sent go back to where they came from. */
static uint32_t take_back(struct direction *way) {
	struct outbox *box = &outboxes[!way->from];
	uint32_t count = 0;
	uint16_t id;
	uint32_t ignored;
	for (; count < QUEUE_SIZE && virtqueue_take(&way->out->transmit, &id, &ignored); count++) {
		bool own = id >= PASSING;
		if (own ? !box->away[id - PASSING] : way->place[id] != AT_TRANSMIT)
			panic_number("device sent a buffer that it was not given:", id);
		if (own) {
			box->away[id - PASSING] = false;
			box->free[box->count++] = (uint16_t)(id - PASSING);
			continue;
		}
		way->place[id] = AT_RECEIVE;
		way->sending--;
		virtqueue_offer(&way->in->receive, id);
	}
	return count;
}

static bool send_copy(enum side to, const void *bytes, size_t length) {
	struct outbox *box = &outboxes[to];
	if (box->count == 0)
		take_back(&directions[!to]);
	if (!started || box->count == 0) {
		dispatch_lost(to);
		return false;
	}
	uint16_t own = box->free[--box->count];
	uint8_t *frame = box->buffers[own].bytes + HEADER;
	box->away[own] = true;
	memcpy(frame, bytes, length);
	transmit(to, (uint16_t)(PASSING + own), frame, length);
	return true;
}

bool send_frame(enum side to, const void *bytes, size_t length) {
	if (length >= DISPATCH_SHORTEST && length <= FRAME_MAX)
		return send_copy(to, bytes, length);
	dispatch_lost(to);
	return false;
}

static uint32_t pass_on(struct direction *way, uint64_t now) {
	uint32_t count = 0;
	uint16_t id;
	uint32_t claimed;
	for (; count < BATCH && virtqueue_take(&way->in->receive, &id, &claimed); count++) {
		if (id >= PASSING || way->place[id] != AT_RECEIVE)
			panic_number("device filled a buffer that it was not given:", id);
		if (claimed > RECEIVE_SIZE)
			claimed = RECEIVE_SIZE;
		size_t length = claimed < HEADER ? 0 : claimed - HEADER;
		struct frame frame = {
			.bytes = &way->buffers[id].bytes[FRAME_HEADROOM + HEADER],
			.length = length,
			.headroom = FRAME_HEADROOM,
			.tailroom = BUFFER_SIZE - FRAME_HEADROOM - HEADER - length,
		};
		enum verdict verdict = dispatch_frame(way->from, &frame, now);
		if (verdict == PASS) {
			way->place[id] = AT_TRANSMIT;
			way->sending++;
			transmit(other_side(way->from), id, frame.bytes, frame.length);
			continue;
		}
		if (verdict == ANSWER)
			send_copy(way->from, frame.bytes, frame.length);
		virtqueue_offer(&way->in->receive, id);
	}
	return count;
}

bool wire_run(uint64_t now) {
	uint32_t work = 0;
	for (int side = LEFT; side <= RIGHT; side++) {
		struct direction *way = &directions[side];
		work += pass_on(way, now);
		virtqueue_publish(&way->out->transmit);
		work += take_back(way);
		virtqueue_publish(&way->in->receive);
	}
	return work > 0;
}

bool wire_sleep(void) {
	for (int side = LEFT; side <= RIGHT; side++) {
		struct direction *way = &directions[side];
		virtqueue_interrupts(&way->in->receive, true);
		/*
		 * Sent buffers can wait until the next frame comes in, unless so many are away that
		 * the receive queue might run dry: nothing would come in any more to wake us.
		 */
		virtqueue_interrupts(&way->out->transmit, way->sending > PASSING / 2);
	}
	full_barrier();
	for (int side = LEFT; side <= RIGHT; side++) {
		struct direction *way = &directions[side];
		if (virtqueue_waiting(&way->in->receive) || virtqueue_waiting(&way->out->transmit))
			return false;
	}
	return true;
}

void wire_wake(void) {
	for (int side = LEFT; side <= RIGHT; side++) {
		virtqueue_interrupts(&directions[side].in->receive, false);
		virtqueue_interrupts(&directions[side].out->transmit, false);
	}
}
