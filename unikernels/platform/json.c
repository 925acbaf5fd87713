#include "json.h"

void json_start(struct json *json, const char *bytes, size_t length, struct text *why) {
	*json = (struct json){.start = bytes, .at = bytes, .end = bytes + length, .why = why};
}

bool json_fail(struct json *json, const char *reason) {
	if (json->failed)
		return false;
	json->failed = true;
	if (json->place) {
		text_string(json->why, json->place);
		text_char(json->why, ' ');
		text_number(json->why, json->place_number);
		text_string(json->why, ": ");
	}
	text_string(json->why, reason);
	text_string(json->why, ", at byte ");
	text_number(json->why, (uint64_t)(json->at - json->start));
	return false;
}

/* The next byte that is not blank, or NUL at the end or after a failure. */
static char peek(struct json *json) {
	if (json->failed)
		return '\0';
	while (json->at < json->end) {
		char c = *json->at;
		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return c;
		json->at++;
	}
	return '\0';
}

static bool expect(struct json *json, char wanted, const char *reason) {
	if (peek(json) != wanted)
		return json_fail(json, reason);
	json->at++;
	return true;
}

bool json_object(struct json *json) {
	json->first = true;
	return expect(json, '{', "an object is expected");
}

bool json_array(struct json *json) {
	json->first = true;
	return expect(json, '[', "an array is expected");
}

/* Steps over the comma before the next item, or out at `close`. */
static bool another(struct json *json, char close) {
	if (json->failed)
		return false;
	bool first = json->first;
	json->first = false;
	if (peek(json) == close) {
		json->at++;
		return false;
	}
	return first || expect(json, ',', "a comma or the end is expected");
}

bool json_member(struct json *json, char *name, size_t capacity) {
	return another(json, '}') && json_string(json, name, capacity) && expect(json, ':', "a colon is expected");
}

bool json_element(struct json *json) {
	return another(json, ']');
}

bool json_at_string(struct json *json) {
	return peek(json) == '"';
}

static bool hex4(struct json *json, uint32_t *code) {
	*code = 0;
	for (int i = 0; i < 4; i++) {
		char c = json->at < json->end ? *json->at : '\0';
		uint32_t digit;
		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A' + 10);
		else
			return json_fail(json, "bad \\u escape");
		*code = *code << 4 | digit;
		json->at++;
	}
	return true;
}

/* What follows \u, with the second half of a surrogate pair. */
static bool unicode(struct json *json, uint32_t *code) {
	if (!hex4(json, code))
		return false;
	if (*code >= 0xdc00 && *code < 0xe000)
		return json_fail(json, "bad \\u escape");
	if (*code < 0xd800 || *code >= 0xdc00)
		return true;
	uint32_t second;
	if (json->end - json->at < 2 || json->at[0] != '\\' || json->at[1] != 'u')
		return json_fail(json, "bad \\u escape");
	json->at += 2;
	if (!hex4(json, &second))
		return false;
	if (second < 0xdc00 || second >= 0xe000)
		return json_fail(json, "bad \\u escape");
	*code = 0x10000 + ((*code - 0xd800) << 10) + (second - 0xdc00);
	return true;
}

static void put_utf8(struct text *out, uint32_t code) {
	if (code < 0x80) {
		text_char(out, (char)code);
		return;
	}
	if (code < 0x800) {
		text_char(out, (char)(0xc0 | code >> 6));
	} else {
		if (code < 0x10000) {
			text_char(out, (char)(0xe0 | code >> 12));
		} else {
			text_char(out, (char)(0xf0 | code >> 18));
			text_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
		}
		text_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	text_char(out, (char)(0x80 | (code & 0x3f)));
}

static bool escape(struct json *json, struct text *out) {
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = json->at < json->end ? *json->at++ : '\0';
	if (c == 'u') {
		uint32_t code;
		if (!unicode(json, &code))
			return false;
		if (code == 0)
			return json_fail(json, "a string may not hold NUL");
		put_utf8(out, code);
		return true;
	}
	for (int i = 0; names[i]; i++) {
		if (c == names[i]) {
			text_char(out, values[i]);
			return true;
		}
	}
	return json_fail(json, "bad escape");
}

bool json_string(struct json *json, char *string, size_t capacity) {
	struct text out = {string, capacity - 1, 0, false};
	json->first = false;
	if (!expect(json, '"', "a string is expected"))
		return false;
	for (;;) {
		if (json->at == json->end)
			return json_fail(json, "a string does not end");
		char c = *json->at++;
		if (c == '"')
			break;
		if ((unsigned char)c < 0x20)
			return json_fail(json, "a control character in a string");
		if (c != '\\')
			text_char(&out, c);
		else if (!escape(json, &out))
			return false;
		if (out.cut)
			return json_fail(json, "a string is too long to be one that is known");
	}
	string[out.length] = '\0';
	return true;
}

bool json_integer(struct json *json, uint64_t max, uint64_t *number) {
	json->first = false;
	peek(json);
	if (json->failed)
		return false;
	const char *digits = json->at, *end = digits;
	while (end < json->end && ((*end >= '0' && *end <= '9') || *end == '.' || *end == '-' || *end == '+' ||
				   *end == 'e' || *end == 'E'))
		end++;
	if (!text_parse_number(digits, (size_t)(end - digits), max, number))
		return json_fail(json, "a whole number in range is expected");
	json->at = end;
	return true;
}

bool json_end(struct json *json) {
	peek(json);
	if (json->failed)
		return false;
	if (json->at != json->end)
		return json_fail(json, "something follows the end");
	return true;
}
