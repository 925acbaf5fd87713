/* Frames in the name of a server that was asked, made from the frame that asked it. */
#ifndef FILTER_ANSWER_H
#define FILTER_ANSWER_H

#include "../../common/packet.h"
#include "../function.h"
#include "dns.h"

/* The longest frame made here: headers, and an answer with its length in front. */
#define MADE_MAX (14 + 2 * 4 + 40 + 20 + 2 + ANSWER_MAX)

struct made {
	uint8_t bytes[MADE_MAX];
	size_t length;
};

/* A datagram back to who sent this one. */
struct made answer_udp(const struct frame *asked, const struct packet *packet, const uint8_t *data, size_t length);

/* What a segment is to say. */
struct segment {
	uint32_t sequence, acknowledged;
	uint8_t flags;
	const uint8_t *data;
	size_t length;
};

/* A segment back to who sent this frame. */
struct made answer_tcp(const struct frame *asked, const struct packet *packet, const struct segment *segment);

/* A segment on to whom this frame is for, in the name of who sent it. */
struct made forward_tcp(const struct frame *asked, const struct packet *packet, const struct segment *segment);

#endif
