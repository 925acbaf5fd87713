/* What is blocked and what is said instead. */
#ifndef FILTER_CONFIG_H
#define FILTER_CONFIG_H

#include "../../platform/text.h"
#include "dns.h"
#include "names.h"

#define NAMES_MAX 256
#define LISTS_MAX 16

struct config {
	struct key names[NAMES_MAX];
	size_t name_count, list_count;
	struct reply reply;
};

/* Reads function.json's configSchema. `config` is spoiled when the answer is false. */
bool config_read(struct config *config, const char *json, size_t length, struct text *why);

#endif
