/*
 * Plain loops. The Makefile keeps the compiler from turning them into calls to themselves.
 * Packets are never copied, so none of this is on the packet path.
 */
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
	uint8_t *target = to;
	const uint8_t *source = from;
	while (length--)
		*target++ = *source++;
	return to;
}

void *memmove(void *to, const void *from, size_t length) {
	uint8_t *target = to;
	const uint8_t *source = from;
	if (target <= source)
		return memcpy(to, from, length);
	while (length--)
		target[length] = source[length];
	return to;
}

void *memset(void *to, int value, size_t length) {
	uint8_t *target = to;
	while (length--)
		*target++ = (uint8_t)value;
	return to;
}

int memcmp(const void *left, const void *right, size_t length) {
	const uint8_t *a = left, *b = right;
	for (; length; length--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}

size_t strlen(const char *string) {
	size_t length = 0;
	while (string[length])
		length++;
	return length;
}
