/* What this running copy is, and what the host's requests do to it. */
#ifndef PLATFORM_INSTANCE_H
#define PLATFORM_INSTANCE_H

#include "arena.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Checks everything that the command line declares against what is there, and takes the first
 * configuration. Afterwards the instance is either ready or refuses, and knows why.
 */
void instance_start(const char *command_line, uint64_t seed, struct arena *memory);

/* Start with a reason to refuse. */
void instance_refuse(const char *what, const char *why);

bool instance_ready(void);

/* The line `ready ...` or `refused ...`, without its newline. */
void instance_introduce(struct text *out);

/* Whoever has said hello may not have heard the state. */
void instance_retell_state(void);

/* A whole line, if the function has a state: the end comes next. */
void instance_last_state(struct text *out);

/* These write one answer without its newline. */
void instance_health(struct text *out);
void instance_time(const char *seconds, size_t length, struct text *out);
void instance_counters(struct text *out);
void instance_configure(uint64_t revision, const char *json, size_t length, struct text *out);

#endif
