#include "text.h"

#include <string.h>

void text_char(struct text *text, char c) {
	if (text->length < text->capacity)
		text->bytes[text->length++] = c;
	else
		text->cut = true;
}

void text_string(struct text *text, const char *string) {
	while (*string)
		text_char(text, *string++);
}

void text_number(struct text *text, uint64_t number) {
	char digits[20];
	size_t count = 0;
	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (count)
		text_char(text, digits[--count]);
}

static char hex_digit(uint64_t value) {
	return "0123456789abcdef"[value & 15];
}

void text_hex(struct text *text, uint64_t number) {
	text_string(text, "0x");
	int shift = 60;
	while (shift > 0 && !(number >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		text_char(text, hex_digit(number >> shift));
}

void text_mac(struct text *text, const uint8_t mac[6]) {
	for (int i = 0; i < 6; i++) {
		if (i)
			text_char(text, ':');
		text_char(text, hex_digit(mac[i] >> 4));
		text_char(text, hex_digit(mac[i]));
	}
}

void text_terminate(struct text *text) {
	if (text->length == text->capacity)
		text->length--;
	text->bytes[text->length] = '\0';
}

bool text_parse_number(const char *bytes, size_t length, uint64_t max, uint64_t *number) {
	uint64_t value = 0;
	if (length == 0 || (length > 1 && bytes[0] == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] < '0' || bytes[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(bytes[i] - '0');
		if (value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

static int hex_value(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_parse_mac(const char *bytes, size_t length, uint8_t mac[6]) {
	if (length != 17)
		return false;
	for (size_t i = 0; i < 6; i++) {
		int high = hex_value(bytes[i * 3]);
		int low = hex_value(bytes[i * 3 + 1]);
		if (high < 0 || low < 0 || (i < 5 && bytes[i * 3 + 2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool text_equals(const char *bytes, size_t length, const char *string) {
	return length == strlen(string) && memcmp(bytes, string, length) == 0;
}

bool text_starts(const char *bytes, size_t length, const char *prefix) {
	size_t wanted = strlen(prefix);
	return length >= wanted && memcmp(bytes, prefix, wanted) == 0;
}
