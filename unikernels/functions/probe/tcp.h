/*
 * What can be seen of a TCP connection from the middle of its path. The time from a segment to its acknowledgement is the round
 * trip from here to the end that has acknowledged; both ends' together are the connection's.
 */
#ifndef PROBE_TCP_H
#define PROBE_TCP_H

#include "flows.h"

/* A packet of a TCP flow with its whole header. */
void tcp_step(struct flow *flow, enum side from, const struct packet *packet, uint64_t now);

#endif
