/*
 * Staying in sync is worth more than any single request. A line that is too long is skipped to
 * its end; a configuration that is too long is skipped by its declared length; one that is not
 * followed by a newline is refused and skipped up to the next. A request that stops half way
 * is forgotten after CONTRACT_STALE_MS, so that a controller that comes back can begin anew.
 */
#include "protocol.h"

#include "../contract.h"
#include "instance.h"

#include <stddef.h>
#include <string.h>

static enum {
	IN_LINE,
	IN_LONG_LINE,
	IN_LOST_LINE,
	IN_CONFIG,
	AFTER_CONFIG,
	IN_UNTERMINATED_CONFIG,
} state;

static char line[CONTRACT_MAX_REQUEST];
static size_t line_length;

char protocol_config[CONTRACT_MAX_CONFIG];
static uint64_t config_length, config_received, config_revision;

static uint64_t last_byte;
static bool ended;

static void answer(struct text *out, const char *prefix, const char *words) {
	text_string(out, prefix);
	text_string(out, words);
	text_char(out, '\n');
}

/* `config <revision> <byteLength>`; what follows the first word. */
static void expect_config(const char *words, size_t length, struct text *out) {
	const char *space = words;
	while (space < words + length && *space != ' ')
		space++;
	size_t first = (size_t)(space - words);
	if (first == length ||
	    !text_parse_number(words, first, CONTRACT_MAX_REVISION, &config_revision) ||
	    !text_parse_number(space + 1, length - first - 1, CONTRACT_MAX_REVISION, &config_length)) {
		answer(out, CONTRACT_ANSWER_CONFIG_REFUSED, "revision and length must be decimal numbers");
		return;
	}
	config_received = 0;
	state = config_length ? IN_CONFIG : AFTER_CONFIG;
}

static void take_config(struct text *out) {
	if (config_length > CONTRACT_MAX_CONFIG) {
		answer(out, CONTRACT_ANSWER_CONFIG_REFUSED, "longer than 262144 bytes");
		return;
	}
	instance_configure(config_revision, protocol_config, config_length, out);
	text_char(out, '\n');
}

static void request(struct text *out) {
	if (text_equals(line, line_length, CONTRACT_ASK_HELLO)) {
		instance_introduce(out);
		text_char(out, '\n');
		instance_retell_state();
	} else if (text_equals(line, line_length, CONTRACT_ASK_HEALTH)) {
		instance_health(out);
		text_char(out, '\n');
	} else if (text_equals(line, line_length, CONTRACT_ASK_COUNTERS)) {
		instance_counters(out);
		text_char(out, '\n');
	} else if (text_starts(line, line_length, CONTRACT_ASK_TIME)) {
		size_t skip = strlen(CONTRACT_ASK_TIME);
		instance_time(line + skip, line_length - skip, out);
		text_char(out, '\n');
	} else if (text_equals(line, line_length, CONTRACT_ASK_SHUTDOWN)) {
		instance_last_state(out);
		answer(out, CONTRACT_ANSWER_SHUTDOWN, "");
		ended = true;
	} else if (text_starts(line, line_length, CONTRACT_ASK_CONFIG)) {
		size_t skip = strlen(CONTRACT_ASK_CONFIG);
		expect_config(line + skip, line_length - skip, out);
	} else {
		answer(out, CONTRACT_ANSWER_ERROR, "unknown request");
	}
}

static void line_byte(char byte, struct text *out) {
	if (byte == '\n') {
		request(out);
		line_length = 0;
	} else if (line_length < sizeof(line)) {
		line[line_length++] = byte;
	} else {
		line_length = 0;
		state = IN_LONG_LINE;
	}
}

void protocol_skip_line(void) {
	state = IN_LOST_LINE;
}

void protocol_byte(char byte, uint64_t now, struct text *out) {
	if (now - last_byte > CONTRACT_STALE_MS) {
		state = IN_LINE;
		line_length = 0;
	}
	last_byte = now;

	switch (state) {
	case IN_LINE:
		line_byte(byte, out);
		break;
	case IN_LONG_LINE:
		if (byte == '\n') {
			state = IN_LINE;
			answer(out, CONTRACT_ANSWER_ERROR, "request longer than 256 bytes");
		}
		break;
	case IN_LOST_LINE:
		if (byte == '\n')
			state = IN_LINE;
		break;
	case IN_CONFIG:
		if (config_received < sizeof(protocol_config))
			protocol_config[config_received] = byte;
		if (++config_received == config_length)
			state = AFTER_CONFIG;
		break;
	case AFTER_CONFIG:
		if (byte == '\n') {
			state = IN_LINE;
			take_config(out);
		} else {
			state = IN_UNTERMINATED_CONFIG;
		}
		break;
	case IN_UNTERMINATED_CONFIG:
		if (byte == '\n') {
			state = IN_LINE;
			answer(out, CONTRACT_ANSWER_CONFIG_REFUSED, "no newline after the declared length");
		}
		break;
	}
}

bool protocol_in_config(void) {
	return state == IN_CONFIG;
}

bool protocol_ended(void) {
	return ended;
}
