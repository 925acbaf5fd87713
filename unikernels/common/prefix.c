#include "prefix.h"

#include <string.h>

/* Four decimal numbers with dots; nothing else. */
static bool read_ipv4(const char *at, size_t length, uint64_t *address) {
	*address = 0;
	for (int i = 0; i < 4; i++) {
		size_t size = 0;
		uint64_t octet;
		while (size < length && at[size] != '.')
			size++;
		if (!text_parse_number(at, size, 255, &octet) || (size == length) != (i == 3))
			return false;
		*address = *address << 8 | octet;
		if (i < 3) {
			at += size + 1;
			length -= size + 1;
		}
	}
	return true;
}

static bool read_group(const char *at, size_t length, uint16_t *group) {
	uint32_t value = 0;
	if (length == 0 || length > 4)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = at[i];
		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	*group = (uint16_t)value;
	return true;
}

#define NO_GAP 9

/* Groups of hexadecimal digits, at most one "::", possibly ending in the dotted form. */
static bool read_ipv6(const char *at, size_t length, struct address *address) {
	uint16_t groups[8] = {0};
	size_t count = 0, gap = NO_GAP;
	if (length >= 2 && at[0] == ':' && at[1] == ':') {
		gap = 0;
		at += 2;
		length -= 2;
	}
	while (length > 0) {
		size_t size = 0;
		uint64_t dotted;
		while (size < length && at[size] != ':')
			size++;
		if (size == length && count <= 6 && read_ipv4(at, size, &dotted)) {
			groups[count++] = (uint16_t)(dotted >> 16);
			groups[count++] = (uint16_t)dotted;
			break;
		}
		if (count == 8 || !read_group(at, size, &groups[count++]))
			return false;
		at += size;
		length -= size;
		if (length == 0)
			break;
		/* A colon; behind it a group, or a second colon, must follow. */
		at++;
		if (--length == 0)
			return false;
		if (*at == ':') {
			if (gap != NO_GAP)
				return false;
			gap = count;
			at++;
			length--;
		}
	}
	if (gap == NO_GAP ? count != 8 : count == 8)
		return false;

	uint64_t halves[2] = {0, 0};
	for (size_t i = 0; i < 8; i++) {
		size_t missing = 8 - count;
		uint16_t group = i < gap ? groups[i] : i < gap + missing ? 0 : groups[i - missing];
		halves[i / 4] = halves[i / 4] << 16 | group;
	}
	*address = (struct address){halves[0], halves[1]};
	return true;
}

/* A word whose first `bits` bits are ones. */
static uint64_t ones(uint64_t bits) {
	return bits == 0 ? 0 : bits >= 64 ? ~0ull : ~0ull << (64 - bits);
}

const char *prefix_read(const char *string, struct prefix *prefix) {
	size_t length = strlen(string), slash = 0;
	while (slash < length && string[slash] != '/')
		slash++;

	uint64_t size;
	if (read_ipv4(string, slash, &prefix->address.low)) {
		prefix->family = 4;
		prefix->address.high = 0;
		size = 32;
	} else if (read_ipv6(string, slash, &prefix->address)) {
		prefix->family = 6;
		size = 128;
	} else {
		return "not an IPv4 or IPv6 prefix";
	}

	uint64_t bits = size;
	if (slash < length && !text_parse_number(string + slash + 1, length - slash - 1, size, &bits))
		return "the length of a prefix must be a number, up to 32 or 128";
	if (prefix->family == 4) {
		prefix->mask = (struct address){~0ull, ~0ull << (32 - bits)};
	} else {
		prefix->mask = (struct address){ones(bits), bits > 64 ? ones(bits - 64) : 0};
	}
	if ((prefix->address.high & ~prefix->mask.high) || (prefix->address.low & ~prefix->mask.low))
		return "a prefix has bits beyond its length";
	return NULL;
}

bool ipv4_read(const char *string, uint32_t *address) {
	uint64_t value;
	if (!read_ipv4(string, strlen(string), &value))
		return false;
	*address = (uint32_t)value;
	return true;
}

void text_ipv4(struct text *text, uint32_t address) {
	for (int shift = 24; shift >= 0; shift -= 8) {
		text_number(text, address >> shift & 0xff);
		if (shift)
			text_char(text, '.');
	}
}

static uint16_t group_of(const struct address *address, size_t index) {
	uint64_t half = index < 4 ? address->high : address->low;
	return (uint16_t)(half >> (48 - index % 4 * 16));
}

static void text_group(struct text *text, uint16_t group) {
	int shift = 12;
	while (shift > 0 && !(group >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		text_char(text, "0123456789abcdef"[group >> shift & 15]);
}

void text_address(struct text *text, uint8_t family, const struct address *address) {
	if (family == 4) {
		text_ipv4(text, (uint32_t)address->low);
		return;
	}
	/* The longest run of zeros, the first of several, if it has two groups at least (section 4.2). */
	size_t gap = 8, size = 1;
	for (size_t i = 0; i < 8; i++) {
		size_t run = 0;
		while (i + run < 8 && group_of(address, i + run) == 0)
			run++;
		if (run > size) {
			gap = i;
			size = run;
		}
	}
	for (size_t i = 0; i < 8; i++) {
		if (i == gap) {
			text_string(text, "::");
			i += size - 1;
			continue;
		}
		if (i > 0 && !(gap < 8 && i == gap + size))
			text_char(text, ':');
		text_group(text, group_of(address, i));
	}
}
