#include "dns.h"

#include "../../common/ethernet.h"

#include <string.h>

#define HEADER 12
#define NAME_MAX 255
#define LABEL_MAX 63

#define FLAG_RESPONSE 0x8000
#define FLAG_RECURSION_DESIRED 0x0100
#define FLAG_RECURSION_AVAILABLE 0x0080
#define OPCODE 0x7800
#define NO_SUCH_NAME 3

#define TYPE_A 1
#define TYPE_AAAA 28
#define TYPE_ANY 255
#define CLASS_IN 1

/* The labels of a name whose length is known to be right, from the last to the first. */
static void make_key(const uint8_t *name, size_t length, struct question *question) {
	size_t starts[NAME_MAX / 2], count = 0;
	for (size_t at = 0; at < length - 1; at += 1 + name[at])
		starts[count++] = at;
	question->listable = true;
	question->name.length = 0;
	while (count-- > 0) {
		const uint8_t *label = name + starts[count];
		for (size_t i = 1; i <= label[0]; i++) {
			uint8_t c = label[i] >= 'A' && label[i] <= 'Z' ? (uint8_t)(label[i] + 32) : label[i];
			question->listable &= c > 1;
			question->name.bytes[question->name.length++] = c;
		}
		question->name.bytes[question->name.length++] = 1;
	}
}

bool dns_read(const uint8_t *message, size_t length, struct question *question) {
	if (length < HEADER || get16(message + 2) & (FLAG_RESPONSE | OPCODE) || get16(message + 4) != 1)
		return false;
	size_t at = HEADER;
	/* A question's name comes first, so it cannot point back to another. */
	while (at < length && message[at] != 0) {
		if (message[at] > LABEL_MAX)
			return false;
		at += 1u + message[at];
		if (at - HEADER >= NAME_MAX)
			return false;
	}
	size_t name_length = at + 1 - HEADER;
	if (at >= length || length - at < 5)
		return false;
	make_key(message + HEADER, name_length, question);
	question->type = get16(message + at + 1);
	question->length = at + 5;
	return true;
}

static size_t add_address(uint8_t *at, uint16_t type, const struct reply *reply) {
	set16(at, 0xc000 | HEADER);
	set16(at + 2, type);
	set16(at + 4, CLASS_IN);
	set32(at + 6, reply->ttl);
	if (type == TYPE_A) {
		set16(at + 10, 4);
		set32(at + 12, reply->ipv4);
		return 16;
	}
	set16(at + 10, 16);
	for (int i = 0; i < 4; i++)
		set32(at + 12 + 4 * i, (uint32_t)((i < 2 ? reply->ipv6.high : reply->ipv6.low) >> (i % 2 ? 0 : 32)));
	return 28;
}

size_t dns_answer(uint8_t answer[ANSWER_MAX], const uint8_t *message, const struct question *question, const struct reply *reply) {
	size_t length = question->length;
	bool any = question->type == TYPE_ANY;
	memcpy(answer, message, length);
	memset(answer + 6, 0, HEADER - 6);
	uint32_t flags = FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE | (get16(message + 2) & FLAG_RECURSION_DESIRED);
	set16(answer + 2, flags | (reply->landing ? 0 : NO_SUCH_NAME));
	if (get16(message + length - 2) != CLASS_IN && !any)
		return length;
	if (reply->landing && reply->has_ipv4 && (question->type == TYPE_A || any))
		length += add_address(answer + length, TYPE_A, reply);
	else if (reply->landing && reply->has_ipv6 && (question->type == TYPE_AAAA || any))
		length += add_address(answer + length, TYPE_AAAA, reply);
	if (length > question->length)
		answer[7] = 1;
	return length;
}
