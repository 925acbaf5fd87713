#include "instance.h"

#include "../contract.h"
#include "../functions/function.h"
#include "boot_file.h"
#include "clock.h"
#include "dispatch.h"
#include "protocol.h"
#include "wire.h"

#include <string.h>

static char id[CONTRACT_MAX_ID + 1];
static struct identity identity = {.id = id};
static uint64_t revision;
static bool ready;
static char refusal[400] = "not started";

bool instance_ready(void) {
	return ready;
}

void instance_refuse(const char *what, const char *why) {
	struct text text = TEXT_OVER(refusal);
	text_string(&text, what);
	text_string(&text, why);
	text_terminate(&text);
	ready = false;
}

static bool valid_id(const char *bytes, size_t length) {
	if (length == 0 || length > CONTRACT_MAX_ID)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = bytes[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
			return false;
	}
	return true;
}

/* The value of the one word that begins with `key`; NULL when there is none, or two. */
static const char *argument(const char *line, const char *key, size_t *length) {
	const char *found = NULL;
	for (const char *word = line; *word;) {
		size_t size = 0;
		while (word[size] && word[size] != ' ')
			size++;
		if (text_starts(word, size, key)) {
			if (found)
				return NULL;
			found = word + strlen(key);
			*length = size - strlen(key);
		}
		word += size;
		while (*word == ' ')
			word++;
	}
	return found;
}

static const char *read_command_line(const char *line) {
	size_t length = 0;
	const char *value = argument(line, CONTRACT_ARG_ID, &length);
	if (!value || !valid_id(value, length))
		return "chainstitch.id is missing or not an id";
	memcpy(id, value, length);
	id[length] = '\0';
	value = argument(line, CONTRACT_ARG_LEFT, &length);
	if (!value || !text_parse_mac(value, length, identity.macs[LEFT]))
		return "chainstitch.left is missing or not a MAC address";
	value = argument(line, CONTRACT_ARG_RIGHT, &length);
	if (!value || !text_parse_mac(value, length, identity.macs[RIGHT]))
		return "chainstitch.right is missing or not a MAC address";
	return NULL;
}

static bool open_side(enum side side, const char *name) {
	uint8_t mac[6];
	memcpy(mac, identity.macs[side], sizeof(mac));
	const char *why = wire_open(side, mac);
	if (why) {
		instance_refuse(name, why);
		return false;
	}
	if (memcmp(mac, identity.macs[side], sizeof(mac)) == 0)
		return true;

	char bytes[80];
	struct text text = TEXT_OVER(bytes);
	text_string(&text, "declared ");
	text_mac(&text, identity.macs[side]);
	text_string(&text, " but the card is ");
	text_mac(&text, mac);
	text_terminate(&text);
	instance_refuse(name, bytes);
	return false;
}

static bool refuse_file(const char *name, const char *why) {
	char bytes[300];
	struct text text = TEXT_OVER(bytes);
	text_string(&text, name);
	text_string(&text, ": ");
	text_terminate(&text);
	instance_refuse(bytes, why);
	return false;
}

/* A decimal number from a file; `number` stays as it is when the file is missing and `needed` is false. */
static bool read_number(const char *name, bool needed, uint64_t *number) {
	char bytes[32];
	size_t length = 0;
	const char *why = boot_file_read(name, bytes, sizeof(bytes), &length);
	if (why == boot_file_missing && !needed)
		return true;
	if (!why && !text_parse_number(bytes, length, CONTRACT_MAX_REVISION, number))
		why = "not a decimal number";
	return why ? refuse_file(name, why) : true;
}

static bool first_configuration(void) {
	size_t length = 0;
	const char *why =
		boot_file_read(CONTRACT_CONFIG_FILE, protocol_config, sizeof(protocol_config), &length);
	if (why)
		return refuse_file(CONTRACT_CONFIG_FILE, why);
	char reason[200];
	struct text text = TEXT_OVER(reason);
	if (function.configure(protocol_config, length, &text))
		return true;
	text_terminate(&text);
	return refuse_file(CONTRACT_CONFIG_FILE, reason);
}

static bool read_data(struct arena *memory) {
	const char *why = boot_file_keep(CONTRACT_DATA_FILE, CONTRACT_MAX_DATA, memory, &identity.data, &identity.data_length);
	return why && why != boot_file_missing ? refuse_file(CONTRACT_DATA_FILE, why) : true;
}

/* A state that cannot be had is no reason not to work. */
static void earlier_state(void) {
	size_t length = 0;
	if (!function.restore)
		return;
	if (!boot_file_read(CONTRACT_STATE_FILE, protocol_config, CONTRACT_MAX_STATE, &length) && length > 0)
		function.restore(protocol_config, length, clock_now());
}

void instance_start(const char *command_line, uint64_t seed, struct arena *memory) {
	const char *why = read_command_line(command_line);
	if (why) {
		instance_refuse("", why);
		return;
	}
	if (!open_side(LEFT, "left: ") || !open_side(RIGHT, "right: "))
		return;
	why = wire_strangers();
	if (why) {
		instance_refuse("", why);
		return;
	}
	uint64_t seconds = 0;
	if (!read_number(CONTRACT_TIME_FILE, false, &seconds) || !read_number(CONTRACT_REVISION_FILE, true, &revision))
		return;
	if (!read_data(memory))
		return;
	dispatch_set_wall_clock(seconds);
	identity.seed = seed;
	function.start(&identity, memory);
	if (!first_configuration())
		return;
	earlier_state();
	wire_start();
	ready = true;
}

void instance_introduce(struct text *out) {
	if (!ready) {
		text_string(out, CONTRACT_SAY_REFUSED);
		text_string(out, refusal);
		return;
	}
	text_string(out, CONTRACT_SAY_READY "contract=");
	text_number(out, CONTRACT_VERSION);
	text_string(out, " function=");
	text_string(out, function.name);
	text_string(out, " id=");
	text_string(out, id);
	text_string(out, " revision=");
	text_number(out, revision);
}

static bool only_when_ready(struct text *out) {
	if (!ready)
		text_string(out, CONTRACT_ANSWER_ERROR "refused to be ready");
	return ready;
}

void instance_health(struct text *out) {
	if (only_when_ready(out))
		text_string(out, CONTRACT_ANSWER_HEALTH);
}

void instance_retell_state(void) {
	if (ready)
		dispatch_retell_state();
}

void instance_last_state(struct text *out) {
	if (!ready)
		return;
	dispatch_retell_state();
	dispatch_tell_state(out);
}

void instance_time(const char *seconds, size_t length, struct text *out) {
	uint64_t number;
	if (!text_parse_number(seconds, length, CONTRACT_MAX_REVISION, &number)) {
		text_string(out, CONTRACT_ANSWER_ERROR "the time must be a decimal number of seconds");
		return;
	}
	dispatch_set_wall_clock(number);
	text_string(out, CONTRACT_ANSWER_TIME);
}

void instance_counters(struct text *out) {
	if (!only_when_ready(out))
		return;
	text_string(out, CONTRACT_ANSWER_COUNTERS "{\"left\":");
	dispatch_counters(out, LEFT);
	text_string(out, ",\"right\":");
	dispatch_counters(out, RIGHT);
	text_string(out, ",\"function\":");
	function.counters(out, clock_now());
	text_char(out, '}');
}

void instance_configure(uint64_t wanted, const char *json, size_t length, struct text *out) {
	if (!ready) {
		text_string(out, CONTRACT_ANSWER_CONFIG_REFUSED "refused to be ready");
		return;
	}
	char reason[200];
	struct text why = TEXT_OVER(reason);
	if (!function.configure(json, length, &why)) {
		text_terminate(&why);
		text_string(out, CONTRACT_ANSWER_CONFIG_REFUSED);
		text_string(out, reason);
		return;
	}
	revision = wanted;
	text_string(out, CONTRACT_ANSWER_CONFIG_OK);
	text_number(out, revision);
}
