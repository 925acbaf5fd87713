#include "names.h"

#include "../../common/ethernet.h"
#include "../../platform/text.h"

#include <string.h>

#define NAMES 128
#define HEADER 12
#define LABEL_MAX 63

static struct name names[NAMES];

void names_start(void) {
	memset(names, 0, sizeof(names));
}

static char written(uint8_t c) {
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
	return plain ? (char)c : '?';
}

/* The question's name. A question comes first, so there is nothing that a compressed one could point to. */
static bool read_name(char text[NAME_MAX], const uint8_t *at, size_t left) {
	size_t length = 0;
	while (left > 0 && *at != 0) {
		size_t label = *at;
		if (label > LABEL_MAX || label + 1 > left || length + label + 2 > NAME_MAX)
			return false;
		if (length > 0)
			text[length++] = '.';
		for (size_t i = 1; i <= label; i++)
			text[length++] = written(at[i]);
		at += label + 1;
		left -= label + 1;
	}
	if (length == 0)
		text[length++] = '.';
	text[length] = '\0';
	/* The end of the name, and the question's type and class. */
	return left >= 5;
}

static uint64_t weight(const struct name *name) {
	return name->queries + name->error;
}

static struct name *place_of(const char *text) {
	size_t length = strlen(text);
	struct name *least = &names[0];
	for (size_t i = 0; i < NAMES; i++) {
		if (text_equals(text, length, names[i].text))
			return &names[i];
		if (weight(&names[i]) < weight(least))
			least = &names[i];
	}
	*least = (struct name){.error = weight(least)};
	memcpy(least->text, text, length + 1);
	return least;
}

bool names_read(const uint8_t *message, size_t length) {
	char text[NAME_MAX];
	if (length < HEADER || get16(message + 4) == 0 || !read_name(text, message + HEADER, length - HEADER))
		return false;
	struct name *name = place_of(text);
	bool response = message[2] & 0x80;
	if (!response)
		name->queries++;
	else if ((message[3] & 15) == 0)
		name->answers++;
	else
		name->failures++;
	return true;
}

size_t names_most_asked(const struct name **most, size_t limit) {
	size_t found = 0;
	for (size_t i = 0; i < NAMES; i++) {
		size_t place = found;
		if (names[i].text[0] == '\0')
			continue;
		while (place > 0 && weight(most[place - 1]) < weight(&names[i]))
			place--;
		if (place == limit)
			continue;
		size_t behind = (found < limit ? found : limit - 1) - place;
		memmove(&most[place + 1], &most[place], behind * sizeof(*most));
		most[place] = &names[i];
		if (found < limit)
			found++;
	}
	return found;
}
