#include "../platform/protocol.h"

#include "../contract.h"
#include "../platform/instance.h"
#include "check.h"

static char configured[CONTRACT_MAX_CONFIG + 1];

bool instance_ready(void) {
	return true;
}

static bool state_told = true;

void instance_retell_state(void) {
	state_told = false;
}

void instance_last_state(struct text *out) {
	if (!state_told)
		text_string(out, "state {}\n");
	state_told = true;
}

void instance_time(const char *seconds, size_t length, struct text *out) {
	text_string(out, "time ");
	for (size_t i = 0; i < length; i++)
		text_char(out, seconds[i]);
}

void instance_introduce(struct text *out) {
	text_string(out, "ready");
}

void instance_health(struct text *out) {
	text_string(out, "health ok");
}

void instance_counters(struct text *out) {
	text_string(out, "counters {}");
}

void instance_configure(uint64_t revision, const char *json, size_t length, struct text *out) {
	memcpy(configured, json, length);
	configured[length] = '\0';
	text_string(out, "took ");
	text_number(out, revision);
}

static char said[4096];
static uint64_t now;

/* What is answered to these bytes. */
static const char *ask(const char *bytes, size_t length) {
	struct text out = {said, sizeof(said) - 1, 0, false};
	for (size_t i = 0; i < length; i++)
		protocol_byte(bytes[i], now, &out);
	said[out.length] = '\0';
	return said;
}

static const char *say(const char *bytes) {
	return ask(bytes, strlen(bytes));
}

static const char *repeat(size_t count, const char *tail) {
	static char bytes[CONTRACT_MAX_CONFIG + 300];
	memset(bytes, 'x', count);
	strcpy(bytes + count, tail);
	return bytes;
}

int main(void) {
	protocol_skip_line();
	CHECK_TEXT(say("ello\nhello\n"), "ready\n");
	CHECK_TEXT(say("hello\n"), "ready\n");
	CHECK_TEXT(say("hel"), "");
	CHECK_TEXT(say("lo\nhealth\ncounters\n"), "ready\nhealth ok\ncounters {}\n");
	CHECK_TEXT(say("\n"), "error reason=unknown request\n");
	CHECK_TEXT(say("hello \n"), "error reason=unknown request\n");
	CHECK_TEXT(say("HELLO\r\n"), "error reason=unknown request\n");
	CHECK_TEXT(ask("he\0llo\n", 7), "error reason=unknown request\n");

	CHECK_TEXT(say(repeat(256, "\nhello\n")), "error reason=unknown request\nready\n");
	CHECK_TEXT(say(repeat(257, "\nhello\n")), "error reason=request longer than 256 bytes\nready\n");
	CHECK_TEXT(say(repeat(5000, "\nhello\n")), "error reason=request longer than 256 bytes\nready\n");

	CHECK_TEXT(say("config 7 2\n{}\nhello\n"), "took 7\nready\n");
	CHECK_TEXT(configured, "{}");
	CHECK_TEXT(say("config 8 0\n\nhello\n"), "took 8\nready\n");
	CHECK_TEXT(configured, "");
	CHECK_TEXT(say("config 9 11\nhello\nhello\nhello\n"), "took 9\nready\n");
	CHECK_TEXT(configured, "hello\nhello");
	CHECK_TEXT(say("config 9007199254740992 1\n1\n"), "took 9007199254740992\n");

	const char *numbers = "config refused reason=revision and length must be decimal numbers\n";
	CHECK_TEXT(say("config \n"), numbers);
	CHECK_TEXT(say("config 1\n"), numbers);
	CHECK_TEXT(say("config 1 \n"), numbers);
	CHECK_TEXT(say("config -1 2\n"), numbers);
	CHECK_TEXT(say("config 1 2 3\n"), numbers);
	CHECK_TEXT(say("config 1 0x2\n"), numbers);
	CHECK_TEXT(say("config 9007199254740993 2\n"), numbers);
	CHECK_TEXT(say("config\n"), "error reason=unknown request\n");

	CHECK_TEXT(say("config 1 262144\n"), "");
	CHECK_TEXT(say(repeat(262144, "\nhello\n")), "took 1\nready\n");
	CHECK(strlen(configured) == 262144);
	CHECK_TEXT(say("config 1 262145\n"), "");
	CHECK_TEXT(say(repeat(262145, "\nhello\n")), "config refused reason=longer than 262144 bytes\nready\n");
	CHECK_TEXT(say("config 1 2\n{}x\nhello\n"),
		   "config refused reason=no newline after the declared length\nready\n");

	/* Who stops half way is forgotten, after a while and not before. */
	CHECK_TEXT(say("config 1 100\n{"), "");
	now += CONTRACT_STALE_MS;
	CHECK_TEXT(say("hello\n"), "");
	now += CONTRACT_STALE_MS + 1;
	CHECK_TEXT(say("hello\nhel"), "ready\n");
	now += CONTRACT_STALE_MS + 1;
	CHECK_TEXT(say("hello\n"), "ready\n");
	CHECK_TEXT(say(repeat(300, "")), "");
	now += CONTRACT_STALE_MS + 1;
	CHECK_TEXT(say("health\n"), "health ok\n");

	CHECK(!protocol_ended());
	CHECK_TEXT(say("time 12\ntime \n"), "time 12\ntime \n");
	CHECK_TEXT(say("hello\nshutdown\n"), "ready\nstate {}\nshutdown ok\n");
	CHECK(protocol_ended());
	return DONE("protocol");
}
