/*
 * Zero copy. Buffer i of a direction is descriptor i of the receiving card's receive queue and
 * descriptor i of the sending card's transmit queue, for ever. A frame that may pass only has
 * its number moved from one ring to the other, and back when it has been sent. Each queue has
 * a place for every buffer, so no ring can be full.
 *
 * The device's words are not trusted: a buffer must be where we believe it to be, and a length
 * is cut to what the buffer holds.
 */
#include "wire.h"

#include "../functions/function.h"
#include "cpu.h"
#include "panic.h"

#include <stddef.h>

/* Room for a frame of 2036 bytes. QEMU drops longer ones, since we take no merged buffers. */
#define BUFFER_SIZE 2048
#define BATCH 64
#define ETHERNET_HEADER 14

enum place { AT_RECEIVE, AT_TRANSMIT };

struct buffer {
	struct packet_header header;
	uint8_t frame[BUFFER_SIZE - sizeof(struct packet_header)];
};

struct direction {
	enum side from;
	struct card *in, *out;
	uint32_t sending;
	uint8_t place[QUEUE_SIZE];
	struct buffer buffers[QUEUE_SIZE];
};

struct traffic {
	uint64_t received, received_bytes, sent, sent_bytes, dropped;
};

struct card wire_cards[2];
static struct direction directions[2] __attribute__((aligned(4096)));
static struct traffic traffic[2];

void wire_start(void) {
	for (int side = LEFT; side <= RIGHT; side++) {
		struct direction *way = &directions[side];
		way->from = (enum side)side;
		way->in = &wire_cards[side];
		way->out = &wire_cards[!side];
		for (uint16_t i = 0; i < QUEUE_SIZE; i++) {
			uint64_t address = (uintptr_t)&way->buffers[i];
			way->in->receive.descriptors[i].address = address;
			way->in->receive.descriptors[i].length = BUFFER_SIZE;
			way->in->receive.descriptors[i].flags = DESCRIPTOR_DEVICE_WRITES;
			way->out->transmit.descriptors[i].address = address;
			virtqueue_offer(&way->in->receive, i);
		}
		compiler_barrier();
		way->in->receive.available.index = way->in->receive.offered;
	}
	card_go(&wire_cards[LEFT]);
	card_go(&wire_cards[RIGHT]);
}

/* Buffers that have been sent go back to where they came from. */
static uint32_t take_back(struct direction *way) {
	uint32_t count = 0;
	uint16_t id;
	uint32_t ignored;
	while (count < QUEUE_SIZE && virtqueue_take(&way->out->transmit, &id, &ignored)) {
		if (way->place[id] != AT_TRANSMIT)
			panic_number("device sent a buffer that it was not given:", id);
		way->place[id] = AT_RECEIVE;
		way->sending--;
		virtqueue_offer(&way->in->receive, id);
		count++;
	}
	return count;
}

static bool may_pass(struct direction *way, uint16_t id, size_t length, uint64_t now) {
	struct buffer *buffer = &way->buffers[id];
	if (length < ETHERNET_HEADER || !function.frame(way->from, buffer->frame, length, now))
		return false;
	buffer->header = (struct packet_header){0};
	way->out->transmit.descriptors[id].length = (uint32_t)(sizeof(struct packet_header) + length);
	return true;
}

static uint32_t pass_on(struct direction *way, uint64_t now) {
	uint32_t count = 0;
	uint16_t id;
	uint32_t claimed;
	for (; count < BATCH && virtqueue_take(&way->in->receive, &id, &claimed); count++) {
		if (way->place[id] != AT_RECEIVE)
			panic_number("device filled a buffer that it was not given:", id);
		if (claimed > BUFFER_SIZE)
			claimed = BUFFER_SIZE;
		size_t length = claimed < sizeof(struct packet_header) ? 0 : claimed - sizeof(struct packet_header);

		struct traffic *in = &traffic[way->from], *out = &traffic[!way->from];
		in->received++;
		in->received_bytes += length;
		if (may_pass(way, id, length, now)) {
			way->place[id] = AT_TRANSMIT;
			way->sending++;
			virtqueue_offer(&way->out->transmit, id);
			out->sent++;
			out->sent_bytes += length;
		} else {
			virtqueue_offer(&way->in->receive, id);
			in->dropped++;
		}
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
		virtqueue_interrupts(&way->out->transmit, way->sending > QUEUE_SIZE / 2);
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

static void member(struct text *out, const char *name, uint64_t value) {
	text_string(out, name);
	text_number(out, value);
}

void wire_counters(struct text *out, unsigned side) {
	const struct traffic *of = &traffic[side];
	member(out, "{\"rxPackets\":", of->received);
	member(out, ",\"rxBytes\":", of->received_bytes);
	member(out, ",\"txPackets\":", of->sent);
	member(out, ",\"txBytes\":", of->sent_bytes);
	member(out, ",\"dropped\":", of->dropped);
	text_char(out, '}');
}
