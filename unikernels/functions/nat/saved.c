/* The class's digit, `t`, `u` or `i` for the protocol, and three endpoints of 12 hexadecimal digits each. */
#include "saved.h"

#include <string.h>

#define DIGITS 12

static void write_endpoint(char *digits, struct endpoint endpoint) {
	uint64_t word = (uint64_t)endpoint.address << 16 | endpoint.port;
	for (int i = DIGITS - 1; i >= 0; i--, word >>= 4)
		digits[i] = "0123456789abcdef"[word & 15];
}

static bool read_endpoint(const char *digits, struct endpoint *endpoint) {
	uint64_t word = 0;
	for (int i = 0; i < DIGITS; i++) {
		char c = digits[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		word = word << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*endpoint = (struct endpoint){(uint32_t)(word >> 16), (uint16_t)word};
	return true;
}

void saved_write(char *word, const struct saved *session) {
	word[0] = (char)('0' + session->class);
	word[1] = session->protocol == PROTOCOL_TCP ? 't' : session->protocol == PROTOCOL_UDP ? 'u' : 'i';
	write_endpoint(word + 2, session->inside);
	write_endpoint(word + 2 + DIGITS, session->outside);
	write_endpoint(word + 2 + 2 * DIGITS, session->remote);
}

bool saved_read(struct saved *session, const char *word) {
	if (strlen(word) != SAVED_LENGTH || word[0] < '0' || word[0] > '9')
		return false;
	session->class = (uint8_t)(word[0] - '0');
	session->protocol = word[1] == 't' ? PROTOCOL_TCP : word[1] == 'u' ? PROTOCOL_UDP : PROTOCOL_ICMP;
	return (session->protocol != PROTOCOL_ICMP || word[1] == 'i') && read_endpoint(word + 2, &session->inside) &&
	       read_endpoint(word + 2 + DIGITS, &session->outside) &&
	       read_endpoint(word + 2 + 2 * DIGITS, &session->remote);
}
