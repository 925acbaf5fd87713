/*
 * The parts of the platform and of common/ that read what strangers write: the host's requests, JSON, addresses, packets.
 * The first byte says which.
 */
#include "../common/packet.h"
#include "../common/prefix.h"
#include "../platform/instance.h"
#include "../platform/json.h"
#include "../platform/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(condition) ((condition) ? (void)0 : fail(#condition))

static _Noreturn void fail(const char *condition) {
	fprintf(stderr, "this should hold: %s\n", condition);
	abort();
}

bool instance_ready(void) {
	return true;
}

void instance_retell_state(void) {
}

void instance_last_state(struct text *out) {
	(void)out;
}

void instance_time(const char *seconds, size_t length, struct text *out) {
	uint64_t number;
	text_string(out, text_parse_number(seconds, length, CONTRACT_MAX_REVISION, &number) ? "time ok" : "error");
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
	HOLDS(revision <= CONTRACT_MAX_REVISION && length <= CONTRACT_MAX_CONFIG);
	text_string(out, length && json[0] == '{' ? "config ok" : "config refused");
}

/* Every request gets one whole line, and after a pause the next one is understood. */
static void requests(const uint8_t *bytes, size_t length) {
	static char said[65536];
	static uint64_t now;
	for (size_t i = 0; i < length; i++) {
		struct text out = {said, sizeof(said), 0, false};
		protocol_byte((char)bytes[i], ++now / 8, &out);
		HOLDS(!out.cut && (out.length == 0 || said[out.length - 1] == '\n'));
	}
	struct text out = {said, sizeof(said), 0, false};
	now += 1001 * 8;
	for (const char *c = "hello\n"; *c; c++)
		protocol_byte(*c, now / 8, &out);
	HOLDS(out.length == 6 && memcmp(said, "ready\n", 6) == 0);
}

/* Reads any value; `json_at_string` and the first byte decide, as a caller would. */
static void value(struct json *json, int depth) {
	char word[40];
	uint64_t number;
	struct json ahead = *json;
	char nothing[100];
	struct text unheard = TEXT_OVER(nothing);
	ahead.why = &unheard;
	if (json_at_string(json)) {
		json_string(json, word, sizeof(word));
	} else if (depth > 0 && json_object(&ahead)) {
		json_object(json);
		while (json_member(json, word, sizeof(word)))
			value(json, depth - 1);
	} else if (depth > 0 && (ahead = *json, ahead.why = &unheard, json_array(&ahead))) {
		json_array(json);
		while (json_element(json))
			value(json, depth - 1);
	} else {
		json_integer(json, 1000000, &number);
	}
}

static void json(const char *bytes, size_t length) {
	char reason[200];
	struct text why = TEXT_OVER(reason);
	struct json reader;
	json_start(&reader, bytes, length, &why);
	value(&reader, 8);
	HOLDS(json_end(&reader) == (why.length == 0));
}

static bool same_prefix(const struct prefix *a, const struct prefix *b) {
	return a->family == b->family && a->address.high == b->address.high && a->address.low == b->address.low &&
	       a->mask.high == b->mask.high && a->mask.low == b->mask.low;
}

/* An address that could be read is read again from how it is written. */
static void addresses(const char *bytes, size_t length) {
	char word[100], written[100];
	struct text out = TEXT_OVER(written);
	struct prefix prefix = {0}, again = {0};
	uint8_t mac[6];
	text_parse_mac(bytes, length, mac);
	length = length < sizeof(word) - 1 ? length : sizeof(word) - 1;
	memcpy(word, bytes, length);
	word[length] = '\0';
	if (prefix_read(word, &prefix))
		return;
	text_address(&out, prefix.family, &prefix.address);
	text_terminate(&out);
	HOLDS(!prefix_read(written, &again));
	again.mask = prefix.mask;
	HOLDS(same_prefix(&prefix, &again));
	HOLDS(prefix_has(&prefix, prefix.family, &prefix.address));
}

static void packet(const uint8_t *bytes, size_t length) {
	struct packet read;
	if (length < 14 || packet_read(bytes, length, &read) != CONTENT_IP)
		return;
	HOLDS(read.family == 4 || read.family == 6);
	HOLDS(read.fragment == WHOLE || read.fragment_bytes < 65536 + 2048);
	HOLDS(read.icmp != ICMP_DISCOVERY || read.fragment == WHOLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
	if (length == 0)
		return 0;
	/* A copy of its own, so that one byte too far is seen. */
	uint8_t *exact = malloc(length > 1 ? length - 1 : 1);
	memcpy(exact, bytes + 1, length - 1);
	switch (bytes[0] & 3) {
	case 0:
		requests(exact, length - 1);
		break;
	case 1:
		json((char *)exact, length - 1);
		break;
	case 2:
		addresses((char *)exact, length - 1);
		break;
	default:
		packet(exact, length - 1);
	}
	free(exact);
	return 0;
}
