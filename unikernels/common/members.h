/* What every reader of a configuration needs to take an object apart by its members' names. */
#ifndef COMMON_MEMBERS_H
#define COMMON_MEMBERS_H

#include "../platform/json.h"

#include <string.h>

/* Longer than any word that is known: what does not fit is not one. */
#define WORD_MAX 48

static inline bool same(const char *word, const char *known) {
	return text_equals(word, strlen(word), known);
}

/* Notes that a member was seen; fails when it was before. */
static inline bool once(struct json *json, unsigned *seen, unsigned bit) {
	if (*seen & bit)
		return json_fail(json, "a member is given twice");
	*seen |= bit;
	return true;
}

/*
 * A list whose elements are told apart when one of them is wrong: "rule 7: ".
 *
 *	for (list_begin(json, "rule"); list_next(json);) read_rule(json);
 */
static inline void list_begin(struct json *json, const char *element) {
	if (!json_array(json))
		return;
	json->place = element;
	json->place_number = UINT64_MAX;
}

static inline bool list_next(struct json *json) {
	json->place_number++;
	if (json_element(json))
		return true;
	/* A failure has been written down with its place by now. */
	json->place = NULL;
	return false;
}

/* The configuration of a function that has nothing to configure: an empty object. */
static inline bool configure_nothing(const char *json, size_t length, struct text *why) {
	struct json reader;
	char name[WORD_MAX];
	json_start(&reader, json, length, why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name)))
		json_fail(&reader, "there is nothing to configure");
	return json_end(&reader);
}

#endif
