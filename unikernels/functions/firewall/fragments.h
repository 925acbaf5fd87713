/*
 * Later fragments have no ports. They pass if the first fragment of their packet has passed
 * before them and they do not begin inside its transport header, which they would overwrite
 * in the receiver's memory. One that overtakes its first fragment is dropped.
 */
#ifndef FIREWALL_FRAGMENTS_H
#define FIREWALL_FRAGMENTS_H

#include "../../common/packet.h"
#include "../function.h"

#include <stdbool.h>
#include <stdint.h>

void fragments_start(void);

/* Remembers a first fragment that was let through, and the rules' generation. */
void fragments_remember(enum side from, const struct packet *packet, uint32_t generation, uint64_t now);

bool fragments_allow(enum side from, const struct packet *packet, uint32_t generation, uint64_t now);

#endif
