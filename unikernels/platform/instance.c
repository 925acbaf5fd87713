#include "instance.h"

#include "../contract.h"
#include "../functions/function.h"
#include "clock.h"
#include "fw_cfg.h"
#include "wire.h"

#include <string.h>

static char id[CONTRACT_MAX_ID + 1];
static uint8_t declared_macs[2][6];
static uint64_t revision;
static bool ready;
static char refusal[256] = "not started";

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
	if (!value || !text_parse_mac(value, length, declared_macs[LEFT]))
		return "chainstitch.left is missing or not a MAC address";
	value = argument(line, CONTRACT_ARG_RIGHT, &length);
	if (!value || !text_parse_mac(value, length, declared_macs[RIGHT]))
		return "chainstitch.right is missing or not a MAC address";
	return NULL;
}

static bool open_card(unsigned side, unsigned bus, const char *name) {
	struct card *card = &wire_cards[side];
	const char *why = card_open(card, bus);
	if (why) {
		instance_refuse(name, why);
		return false;
	}
	if (memcmp(card->mac, declared_macs[side], sizeof(card->mac)) == 0)
		return true;

	char bytes[80];
	struct text text = TEXT_OVER(bytes);
	text_string(&text, "declared ");
	text_mac(&text, declared_macs[side]);
	text_string(&text, " but the card is ");
	text_mac(&text, card->mac);
	text_terminate(&text);
	instance_refuse(name, bytes);
	return false;
}

static bool first_configuration(void) {
	static char bytes[CONTRACT_MAX_CONFIG];
	size_t length = 0;
	const char *why = fw_cfg_read(CONTRACT_REVISION_FILE, bytes, sizeof(bytes), &length);
	if (!why && !text_parse_number(bytes, length, CONTRACT_MAX_REVISION, &revision))
		why = "not a decimal number";
	if (why) {
		instance_refuse(CONTRACT_REVISION_FILE ": ", why);
		return false;
	}
	why = fw_cfg_read(CONTRACT_CONFIG_FILE, bytes, sizeof(bytes), &length);
	if (why) {
		instance_refuse(CONTRACT_CONFIG_FILE ": ", why);
		return false;
	}
	char reason[200];
	struct text text = TEXT_OVER(reason);
	if (!function.configure(bytes, length, &text)) {
		text_terminate(&text);
		instance_refuse(CONTRACT_CONFIG_FILE ": ", reason);
		return false;
	}
	return true;
}

void instance_start(const char *command_line, uint64_t seed) {
	const char *why = read_command_line(command_line);
	if (why) {
		instance_refuse("", why);
		return;
	}
	if (!open_card(LEFT, CONTRACT_BUS_LEFT, "left: ") || !open_card(RIGHT, CONTRACT_BUS_RIGHT, "right: "))
		return;
	why = card_strangers();
	if (why) {
		instance_refuse("", why);
		return;
	}
	function.start(seed);
	if (!first_configuration())
		return;
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

void instance_counters(struct text *out) {
	if (!only_when_ready(out))
		return;
	text_string(out, CONTRACT_ANSWER_COUNTERS "{\"left\":");
	wire_counters(out, LEFT);
	text_string(out, ",\"right\":");
	wire_counters(out, RIGHT);
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
