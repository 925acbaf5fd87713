/*
 * What a binding does with a frame, with the passing of time and with the function's wishes;
 * the same for every binding.
 */
#ifndef PLATFORM_DISPATCH_H
#define PLATFORM_DISPATCH_H

#include "../functions/function.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

/* No Ethernet frame is shorter than its header. */
#define DISPATCH_SHORTEST 14

/*
 * Counts a frame that came in and asks the function about it. After PASS or ANSWER the frame's
 * length is one that can be sent. The binding then calls dispatch_sent() or dispatch_lost().
 */
enum verdict dispatch_frame(enum side from, struct frame *frame, uint64_t now);

void dispatch_sent(enum side to, size_t length);

/* A frame that was to go out of this side could not. */
void dispatch_lost(enum side to);

/* {"rxPackets":...} of one side. */
void dispatch_counters(struct text *out, enum side side);

/* When dispatch_due() wants to be called next, or NEVER. */
uint64_t dispatch_deadline(void);

/* Does what the time has come for. */
void dispatch_due(uint64_t now);

/* The host has given the time: seconds since 1970, UTC. */
void dispatch_set_wall_clock(uint64_t seconds);

/* Whoever listens now has not heard the state. */
void dispatch_retell_state(void);

/* Writes a line `state ...` if there is a state that has not been told. */
void dispatch_tell_state(struct text *out);

#endif
