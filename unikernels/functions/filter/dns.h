/* DNS messages (RFC 1035, section 4), as far as a question has to be understood and answered. */
#ifndef FILTER_DNS_H
#define FILTER_DNS_H

#include "../../common/prefix.h"
#include "names.h"

/* The longest answer: a header, a question, and an address. */
#define ANSWER_MAX (12 + 255 + 4 + 28)

struct question {
	struct key name;
	uint16_t type;
	/* Of the message: its header and its question. */
	size_t length;
	/* False when it has bytes that no listed name has. */
	bool listable;
};

/* What is said of a blocked name. */
struct reply {
	/* False: there is no such name. True: it has these addresses, of the families that are not 0, and nothing else. */
	bool landing;
	bool has_ipv4, has_ipv6;
	uint32_t ipv4;
	struct address ipv6;
	uint32_t ttl;
};

/* False for what is not one plain question: such a message cannot be judged. */
bool dns_read(const uint8_t *message, size_t length, struct question *question);

/* Answers the question that this message holds; the length of the answer. */
size_t dns_answer(uint8_t answer[ANSWER_MAX], const uint8_t *message, const struct question *question, const struct reply *reply);

#endif
