/*
 * A reader of JSON that walks over the bytes once, allocates nothing and never looks back.
 * The caller says what it expects; anything else fails. The first failure is written down with
 * its reason and its place, and makes every later call fail too, so that callers need not
 * check each step:
 *
 *	json_object(&json);
 *	while (json_member(&json, key, sizeof(key)))
 *		if (text is "port") json_integer(&json, 65535, &port); else json_fail(&json, "...");
 *	if (!json_end(&json)) refuse;
 *
 * Depth is the caller's: there is no recursion here, so nesting cannot exhaust the stack.
 */
#ifndef PLATFORM_JSON_H
#define PLATFORM_JSON_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	const char *start, *at, *end;
	struct text *why;
	bool failed;
	bool first;

	/* If set, put in front of a reason: "rule 7: ". */
	const char *place;
	uint64_t place_number;
};

void json_start(struct json *json, const char *bytes, size_t length, struct text *why);

/* Always returns false. Only the first reason counts. */
bool json_fail(struct json *json, const char *reason);

/* Enter an object or an array. */
bool json_object(struct json *json);
bool json_array(struct json *json);

/* The next member's name, up to its colon. False at the end of the object, which it leaves. */
bool json_member(struct json *json, char *name, size_t capacity);

/* True if another element follows. False at the end of the array, which it leaves. */
bool json_element(struct json *json);

/* A string, with its end marked by NUL; one that does not fit in `capacity` or holds NUL fails. */
bool json_string(struct json *json, char *string, size_t capacity);

/* A number without sign, fraction and exponent, not greater than `max`. */
bool json_integer(struct json *json, uint64_t max, uint64_t *number);

/* Whether the next value is a string. */
bool json_at_string(struct json *json);

/* True if nothing has failed and nothing but blanks is left. */
bool json_end(struct json *json);

#endif
