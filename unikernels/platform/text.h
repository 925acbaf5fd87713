/* A bounded writer of text: what does not fit is left out, and `cut` says so. */
#ifndef PLATFORM_TEXT_H
#define PLATFORM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes;
	size_t capacity;
	size_t length;
	bool cut;
};

#define TEXT_OVER(array) ((struct text){(array), sizeof(array), 0, false})

void text_char(struct text *text, char c);
void text_string(struct text *text, const char *string);
void text_number(struct text *text, uint64_t number);
void text_hex(struct text *text, uint64_t number);
void text_mac(struct text *text, const uint8_t mac[6]);

/* Ends the text as a C string; the last byte gives way when the text is full. */
void text_terminate(struct text *text);

/*
 * Reads a decimal number that takes up all of `length` bytes; false when it is not one or is
 * greater than `max`. Leading zeros are refused: one number, one spelling.
 */
bool text_parse_number(const char *bytes, size_t length, uint64_t max, uint64_t *number);

/* Reads aa:bb:cc:dd:ee:ff, either case. */
bool text_parse_mac(const char *bytes, size_t length, uint8_t mac[6]);

bool text_equals(const char *bytes, size_t length, const char *string);
bool text_starts(const char *bytes, size_t length, const char *prefix);

#endif
