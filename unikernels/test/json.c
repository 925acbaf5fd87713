#include "../platform/json.h"
#include "check.h"

static char reason[200];

static struct json reader(const char *bytes) {
	static struct text why;
	static struct json json;
	memset(reason, 0, sizeof(reason));
	why = TEXT_OVER(reason);
	json_start(&json, bytes, strlen(bytes), &why);
	json.why = &why;
	return json;
}

static void strings(void) {
	static const struct {
		const char *json, *value, *reason;
	} cases[] = {
		{"\"abc\"", "abc", NULL},
		{" \"\" ", "", NULL},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", NULL},
		{"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", NULL},
		{"\"123456789012345\"", "123456789012345", NULL},
		{"\"1234567890123456\"", NULL, "a string is too long to be one that is known, at byte 17"},
		{"\"abc", NULL, "a string does not end, at byte 4"},
		{"\"a\nb\"", NULL, "a control character in a string, at byte 3"},
		{"\"\\x\"", NULL, "bad escape, at byte 3"},
		{"\"\\", NULL, "bad escape, at byte 2"},
		{"\"\\u12", NULL, "bad \\u escape, at byte 5"},
		{"\"\\ud83d\"", NULL, "bad \\u escape, at byte 7"},
		{"\"\\ude00\"", NULL, "bad \\u escape, at byte 7"},
		{"\"\\u0000\"", NULL, "a string may not hold NUL, at byte 7"},
		{"abc", NULL, "a string is expected, at byte 0"},
		{"", NULL, "a string is expected, at byte 0"},
		{"\"a\" b", NULL, "something follows the end, at byte 4"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char value[16];
		struct json json = reader(cases[i].json);
		bool good = json_string(&json, value, sizeof(value)) && json_end(&json);
		CHECK(good == (cases[i].value != NULL));
		if (good)
			CHECK_TEXT(value, cases[i].value);
		else
			CHECK_TEXT(reason, cases[i].reason);
	}
}

static void numbers(void) {
	static const struct {
		const char *json;
		uint64_t max, value;
		bool good;
	} cases[] = {
		{"0", 10, 0, true},      {"10", 10, 10, true},      {"11", 10, 0, false},
		{"-1", 10, 0, false},    {"01", 10, 0, false},      {"1.0", 10, 0, false},
		{"1e1", 10, 0, false},   {"", 10, 0, false},        {"x", 10, 0, false},
		{"9007199254740992", 9007199254740992, 9007199254740992, true},
		{"9007199254740993", 9007199254740992, 0, false},
		{"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
		{"18446744073709551616", UINT64_MAX, 0, false},
		{"99999999999999999999999", UINT64_MAX, 0, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = 0;
		struct json json = reader(cases[i].json);
		CHECK(json_integer(&json, cases[i].max, &value) == cases[i].good);
		if (cases[i].good)
			CHECK(value == cases[i].value && json_end(&json));
	}
}

/* Reads {"name": [numbers]...} and adds up the numbers. */
static bool sum(const char *bytes, uint64_t *total) {
	char name[8];
	struct json json = reader(bytes);
	*total = 0;
	json_object(&json);
	while (json_member(&json, name, sizeof(name))) {
		json_array(&json);
		while (json_element(&json)) {
			uint64_t number = 0;
			json_integer(&json, 1000, &number);
			*total += number;
		}
	}
	return json_end(&json);
}

static void nesting(void) {
	static const char *good[] = {"{}", " { } ", "{\"a\":[]}", "{\"a\":[1,2],\"b\":[3]}", "{ \"a\" : [ 6 ] }"};
	static const char *bad[] = {"",          "{",           "}",           "{,}",          "{\"a\"}",
				    "{\"a\":}",  "{\"a\":[}",   "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}",
				    "{\"a\":[],}", "{} {}",     "{\"a\":[]\"b\":[]}", "{\"a\":[1]]", "[]"};
	uint64_t total;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(sum(good[i], &total));
	CHECK(total == 6);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(!sum(bad[i], &total));
		CHECK(strlen(reason) > 0);
	}
}

int main(void) {
	strings();
	numbers();
	nesting();
	return DONE("json");
}
