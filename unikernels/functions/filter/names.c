#include "names.h"

#include <string.h>

#define HEADER 8
#define GROUP 16
#define LABEL_END 1

static uint32_t little32(const uint8_t *at) {
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t groups_of(uint32_t count) {
	return count / GROUP + (count % GROUP > 0);
}

static int compare(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length) {
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
	return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

bool key_below(const struct key *name, const struct key *other) {
	return other->length <= name->length && memcmp(name->bytes, other->bytes, other->length) == 0;
}

/* The next key, on top of the one before; false when it does not fit. */
static bool step(const struct table *table, size_t *at, bool first, struct key *key) {
	size_t shared = 0, left = table->length - *at;
	if (!first) {
		if (left < 1)
			return false;
		shared = table->bytes[(*at)++];
		left--;
	}
	if (left < 1 || shared > key->length)
		return false;
	size_t rest = table->bytes[*at];
	if (left - 1 < rest || shared + rest > KEY_MAX)
		return false;
	memcpy(key->bytes + shared, table->bytes + *at + 1, rest);
	key->length = (uint8_t)(shared + rest);
	*at += 1 + rest;
	return true;
}

bool table_open(struct table *table, const uint8_t *bytes, size_t length) {
	if (length < HEADER || memcmp(bytes, "CSN1", 4) != 0)
		return false;
	*table = (struct table){bytes, length, little32(bytes + 4)};
	size_t groups = groups_of(table->count), at = HEADER + groups * 4;
	if (groups > (length - HEADER) / 4)
		return false;
	struct key key = {0}, before = {0};
	for (uint32_t i = 0; i < table->count; i++) {
		if (i % GROUP == 0 && little32(bytes + HEADER + i / GROUP * 4) != at)
			return false;
		if (!step(table, &at, i % GROUP == 0, &key))
			return false;
		if (key.length == 0 || key.bytes[key.length - 1] != LABEL_END)
			return false;
		if (i > 0 && (compare(before.bytes, before.length, key.bytes, key.length) >= 0 || key_below(&key, &before)))
			return false;
		before = key;
	}
	return at == length;
}

bool table_lists(const struct table *table, const struct key *name) {
	if (table->count == 0)
		return false;
	/* The last group that does not begin behind the name. None is below another, so the one we look for is its last before the name. */
	size_t low = 0;
	for (size_t left = groups_of(table->count); left > 1;) {
		size_t half = left / 2;
		const uint8_t *head = table->bytes + little32(table->bytes + HEADER + (low + half) * 4);
		if (compare(head + 1, head[0], name->bytes, name->length) <= 0)
			low += half;
		left -= half;
	}
	struct key key = {0};
	size_t at = little32(table->bytes + HEADER + low * 4), end = (low + 1) * GROUP;
	if (end > table->count)
		end = table->count;
	for (size_t i = low * GROUP; i < end && step(table, &at, i % GROUP == 0, &key); i++) {
		if (key_below(name, &key))
			return true;
		if (compare(key.bytes, key.length, name->bytes, name->length) > 0)
			return false;
	}
	return false;
}

static bool may_stand(char c) {
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool key_read(struct key *key, const char *word) {
	size_t length = strlen(word);
	key->length = 0;
	if (length > 0 && word[length - 1] == '.')
		length--;
	if (length == 0 || length >= KEY_MAX)
		return false;
	for (size_t end = length;;) {
		size_t begin = end;
		while (begin > 0 && word[begin - 1] != '.')
			begin--;
		if (begin == end || end - begin > 63)
			return false;
		for (size_t i = begin; i < end; i++) {
			char c = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] + 32) : word[i];
			if (!may_stand(c))
				return false;
			key->bytes[key->length++] = (uint8_t)c;
		}
		key->bytes[key->length++] = LABEL_END;
		if (begin == 0)
			return true;
		end = begin - 1;
	}
}
