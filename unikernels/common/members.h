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

#endif
