/*
 * DHCP messages (RFC 2131, section 2; options by RFC 2132), within the Ethernet frames that carry them.
 *
 *	 0  op   htype hlen hops      236  magic cookie 99.130.83.99
 *	 4  xid                       240  options: code, length, bytes; 0 pads, 255 ends
 *	 8  secs            flags
 *	12  ciaddr  16 yiaddr  20 siaddr  24 giaddr
 *	28  chaddr (16)  44 sname (64)  108 file (128)
 */
#ifndef DHCP_MESSAGE_H
#define DHCP_MESSAGE_H

#include "../../platform/frame.h"
#include "config.h"
#include "leases.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_PORT 67
#define CLIENT_PORT 68

enum message_type {
	DISCOVER = 1,
	OFFER,
	REQUEST,
	DECLINE,
	ACKNOWLEDGE,
	REFUSE,
	RELEASE,
	INFORM,
};

/* What a client has said. Addresses are 0 where it said none. */
struct request {
	enum message_type type;
	uint32_t xid, ciaddr;
	uint16_t secs, flags;
	uint8_t mac[6];
	struct client client;
	uint32_t wanted;      /* option 50 */
	uint32_t server;      /* option 54 */
	uint32_t seconds;     /* option 51 */
	/* Option 55, a bit for each code below 64; all of them where the client gave no list. */
	uint64_t asked;
};

enum kind {
	NOT_DHCP,
	/* From a client to a server, and to be believed. */
	DHCP_REQUEST,
	/* From a server to a client. */
	DHCP_REPLY,
	/* On DHCP's ports, but nothing that this server answers: in fragments, through a relay, cut short, no Ethernet. */
	DHCP_STRANGE,
};

/* `request` is complete only when the answer is DHCP_REQUEST. */
enum kind message_read(const struct frame *frame, struct request *request);

struct reply {
	enum message_type type;
	uint32_t address; /* yiaddr, 0 for none */
	uint32_t seconds; /* of the lease, 0 for none */
};

#define REPLY_MAX 700

/*
 * Writes the answer as a whole frame that goes back to where `asked` came from, and returns its length.
 * What tags `asked` has, the answer has too.
 */
size_t message_write(uint8_t bytes[REPLY_MAX], const struct frame *asked, const struct request *request,
		     const struct reply *reply, const struct config *config, const uint8_t mac[6]);

#endif
