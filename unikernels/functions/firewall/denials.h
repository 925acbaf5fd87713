/* Tells what was denied and why, in few enough lines: ten at once, then one a second. */
#ifndef FIREWALL_DENIALS_H
#define FIREWALL_DENIALS_H

#include "../../common/packet.h"
#include "../function.h"

void denials_start(void);

/* `why` ends the line: "by rule 3". `now` is in microseconds. */
void denials_tell(enum side from, const struct packet *packet, const char *why, uint64_t now);

#endif
