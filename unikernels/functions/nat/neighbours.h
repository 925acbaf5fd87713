/*
 * Who is at which address on a side (ARP, RFC 826). Frames whose receiver is not known yet wait, a few, and newer ones take
 * the places of older ones. Places of neighbours are few too, and of some that compete the one used least recently gives
 * way: whoever pretends to be many pushes out neighbours, who are found again with the next packet.
 */
#ifndef NAT_NEIGHBOURS_H
#define NAT_NEIGHBOURS_H

#include "../../platform/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void neighbours_start(const uint8_t macs[2][6]);

/* Whether one is learned who was neither asked for nor learned before. */
enum newcomers { NEWCOMERS_TOO, KNOWN_ONLY };

/* Learns, or confirms, and sends what has waited. Group addresses are nobody's. */
void neighbour_learn(enum side side, uint32_t address, const uint8_t mac[6], enum newcomers newcomers, uint64_t now);

/*
 * Puts both Ethernet addresses of a frame in place. False where the receiver is not known: then the frame waits
 * and ARP asks, from our address `own`, at most once a second.
 */
bool neighbour_address(enum side side, uint32_t address, uint32_t own, struct frame *frame, uint64_t now);

/* Tells everybody that `own` is here (RFC 5227, section 2.3). */
void neighbour_announce(enum side side, uint32_t own);

/* An ARP message (RFC 826). */
struct arp {
	bool asks;
	uint32_t sender, target;
	uint8_t mac[6];
};

/* False when it is no ARP for IPv4 over Ethernet, or asks in the name of a group. */
bool arp_read(struct arp *arp, const struct frame *frame);

/* Makes the question in the frame the answer: `arp->target` is at our MAC. */
void arp_answer(enum side side, const struct arp *arp, struct frame *frame);

#endif
