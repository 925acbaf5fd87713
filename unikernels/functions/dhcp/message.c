#include "message.h"

#include "../../common/checksum.h"

#include <string.h>

#define IPV4_HEADER 20
#define UDP_HEADER 8
#define MESSAGE_HEADER 240
/* What BOOTP's messages have at least, which some clients insist on (RFC 1542, section 2.1). */
#define MESSAGE_MIN 300
#define PROTOCOL_UDP 17
#define MAGIC 0x63825363

#define OP_REQUEST 1
#define OP_REPLY 2
#define HARDWARE_ETHERNET 1
#define BROADCAST_FLAG 0x8000

enum option {
	PAD = 0,
	MASK = 1,
	ROUTERS = 3,
	DNS = 6,
	DOMAIN = 15,
	INTERFACE_MTU = 26,
	NTP = 42,
	WISH = 50,
	LEASE_TIME = 51,
	OVERLOAD = 52,
	MESSAGE_TYPE = 53,
	SERVER = 54,
	ASKED = 55,
	RENEW_AFTER = 58,
	REBIND_AFTER = 59,
	CLIENT = 61,
	END = 255,
};

static void read_client_id(struct client *client, const uint8_t *at, size_t length) {
	size_t kept = length < CLIENT_ID_MAX ? length : CLIENT_ID_MAX;
	memset(client, 0, sizeof(*client));
	client->length = (uint8_t)length;
	memcpy(client->bytes, at + length - kept, kept);
}

static void read_option(struct request *request, uint8_t code, const uint8_t *at, size_t length, uint8_t *overload) {
	switch (code) {
	case WISH:
		if (length == 4)
			request->wanted = get32(at);
		break;
	case LEASE_TIME:
		if (length == 4)
			request->seconds = get32(at);
		break;
	case OVERLOAD:
		if (length == 1)
			*overload = at[0];
		break;
	case MESSAGE_TYPE:
		if (length == 1)
			request->type = at[0];
		break;
	case SERVER:
		if (length == 4)
			request->server = get32(at);
		break;
	case ASKED:
		request->asked = 0;
		for (size_t i = 0; i < length; i++)
			if (at[i] < 64)
				request->asked |= 1ull << at[i];
		break;
	case CLIENT:
		/* At least a type and a byte (RFC 2132, section 9.14). */
		if (length >= 2)
			read_client_id(&request->client, at, length);
		break;
	}
}

/* False when an option runs past the end. */
static bool read_options(struct request *request, const uint8_t *at, size_t length, uint8_t *overload) {
	while (length > 0 && at[0] != END) {
		if (at[0] == PAD) {
			at++;
			length--;
			continue;
		}
		if (length < 2 || (size_t)at[1] + 2 > length)
			return false;
		read_option(request, at[0], at + 2, at[1], overload);
		length -= (size_t)at[1] + 2;
		at += (size_t)at[1] + 2;
	}
	return true;
}

static bool read_message(const uint8_t *at, size_t length, struct request *request) {
	if (length < MESSAGE_HEADER || at[0] != OP_REQUEST || at[1] != HARDWARE_ETHERNET || at[2] != 6)
		return false;
	/* A relay would have to be answered, and the subscriber has none. */
	if (get32(at + 24) != 0 || get32(at + 236) != MAGIC)
		return false;
	*request = (struct request){
		.xid = get32(at + 4),
		.secs = get16(at + 8),
		.flags = get16(at + 10),
		.ciaddr = get32(at + 12),
		.asked = ~0ull,
	};
	memcpy(request->mac, at + 28, 6);
	uint8_t overload = 0, ignored = 0, by_mac[7] = {HARDWARE_ETHERNET};
	memcpy(by_mac + 1, at + 28, 6);
	read_client_id(&request->client, by_mac, sizeof(by_mac));
	if (!read_options(request, at + MESSAGE_HEADER, length - MESSAGE_HEADER, &overload))
		return false;
	/* Options may go on in file, and then in sname (RFC 2131, section 4.1). */
	if (overload & 1 && !read_options(request, at + 108, 128, &ignored))
		return false;
	if (overload & 2 && !read_options(request, at + 44, 64, &ignored))
		return false;
	return request->type >= DISCOVER && request->type <= INFORM;
}

enum kind message_read(const struct frame *frame, struct request *request) {
	struct ethernet ethernet = ethernet_read(frame->bytes, frame->length);
	const uint8_t *at = frame->bytes + ethernet.payload;
	size_t length = frame->length - ethernet.payload;
	if (ethernet.type != ETHERTYPE_IPV4 || length < IPV4_HEADER || at[0] >> 4 != 4 || at[9] != PROTOCOL_UDP)
		return NOT_DHCP;
	size_t header = (size_t)(at[0] & 15) * 4, total = get16(at + 2);
	uint16_t fragment = get16(at + 6) & 0x3fff;
	/* A later fragment has no ports; it belongs to a first one that did not get through. */
	if (fragment & 0x1fff || header < IPV4_HEADER || total > length || total < header + UDP_HEADER)
		return NOT_DHCP;
	const uint8_t *udp = at + header;
	uint16_t from = get16(udp), to = get16(udp + 2), size = get16(udp + 4);
	if (from == SERVER_PORT && to == CLIENT_PORT)
		return DHCP_REPLY;
	if (to != SERVER_PORT)
		return NOT_DHCP;
	bool whole = !fragment && size >= UDP_HEADER && header + size <= total;
	return whole && read_message(udp + UDP_HEADER, size - UDP_HEADER, request) ? DHCP_REQUEST : DHCP_STRANGE;
}

/* Where options are written; what there is to tell always fits, see REPLY_MAX. */
struct writer {
	uint8_t *at;
	uint64_t asked;
};

static uint8_t *option(struct writer *writer, uint8_t code, uint8_t length) {
	writer->at[0] = code;
	writer->at[1] = length;
	writer->at += 2 + length;
	return writer->at - length;
}

static void option32(struct writer *writer, uint8_t code, uint32_t value) {
	set32(option(writer, code, 4), value);
}

static bool is_asked(const struct writer *writer, uint8_t code) {
	return writer->asked >> code & 1;
}

static void option_list(struct writer *writer, uint8_t code, const struct addresses *list) {
	if (list->count == 0 || !is_asked(writer, code))
		return;
	uint8_t *at = option(writer, code, (uint8_t)(list->count * 4));
	for (size_t i = 0; i < list->count; i++)
		set32(at + i * 4, list->items[i]);
}

static void tell_parameters(struct writer *writer, const struct config *config) {
	if (is_asked(writer, MASK))
		option32(writer, MASK, config->mask);
	option_list(writer, ROUTERS, &config->routers);
	option_list(writer, DNS, &config->dns);
	size_t domain = strlen(config->domain);
	if (domain && is_asked(writer, DOMAIN))
		memcpy(option(writer, DOMAIN, (uint8_t)domain), config->domain, domain);
	if (config->mtu && is_asked(writer, INTERFACE_MTU))
		set16(option(writer, INTERFACE_MTU, 2), config->mtu);
	option_list(writer, NTP, &config->ntp);
}

static size_t write_message(uint8_t *message, const struct request *request, const struct reply *reply,
			    const struct config *config) {
	bool refused = reply->type == REFUSE;
	message[0] = OP_REPLY;
	message[1] = HARDWARE_ETHERNET;
	message[2] = 6;
	set32(message + 4, request->xid);
	set16(message + 10, request->flags);
	set32(message + 12, refused ? 0 : request->ciaddr);
	set32(message + 16, reply->address);
	memcpy(message + 28, request->mac, 6);
	set32(message + 236, MAGIC);
	struct writer writer = {message + MESSAGE_HEADER, request->asked};
	*option(&writer, MESSAGE_TYPE, 1) = (uint8_t)reply->type;
	option32(&writer, SERVER, config->server);
	if (reply->seconds) {
		option32(&writer, LEASE_TIME, reply->seconds);
		option32(&writer, RENEW_AFTER, reply->seconds / 2);
		option32(&writer, REBIND_AFTER, (uint32_t)((uint64_t)reply->seconds * 7 / 8));
	}
	if (!refused)
		tell_parameters(&writer, config);
	*writer.at++ = END;
	size_t length = (size_t)(writer.at - message);
	return length < MESSAGE_MIN ? MESSAGE_MIN : length;
}

/* RFC 2131, section 4.1: where an answer goes when there is no relay. */
static uint32_t destination(const struct request *request, const struct reply *reply) {
	if (reply->type == REFUSE)
		return UINT32_MAX;
	if (request->ciaddr)
		return request->ciaddr;
	return request->flags & BROADCAST_FLAG || !reply->address ? UINT32_MAX : reply->address;
}

size_t message_write(uint8_t bytes[REPLY_MAX], const struct frame *asked, const struct request *request,
		     const struct reply *reply, const struct config *config, const uint8_t mac[6]) {
	size_t start = ethernet_read(asked->bytes, asked->length).payload;
	uint8_t *ip = bytes + start, *udp = ip + IPV4_HEADER;
	memset(bytes, 0, REPLY_MAX);
	size_t length = write_message(udp + UDP_HEADER, request, reply, config);
	uint32_t to = destination(request, reply);

	memcpy(bytes + 12, asked->bytes + 12, start - 12);
	if (to == UINT32_MAX)
		memset(bytes, 0xff, 6);
	else
		memcpy(bytes, request->mac, 6);
	memcpy(bytes + 6, mac, 6);

	ip[0] = 0x45;
	set16(ip + 2, (uint32_t)(IPV4_HEADER + UDP_HEADER + length));
	ip[8] = 64;
	ip[9] = PROTOCOL_UDP;
	set32(ip + 12, config->server);
	set32(ip + 16, to);
	set16(ip + 10, (uint16_t)~checksum_fold(checksum_add(0, ip, IPV4_HEADER)));

	set16(udp, SERVER_PORT);
	set16(udp + 2, CLIENT_PORT);
	set16(udp + 4, (uint32_t)(UDP_HEADER + length));
	/* The pseudo header (RFC 768): both addresses, the protocol, the length. */
	uint64_t sum = checksum_add(PROTOCOL_UDP + UDP_HEADER + length, ip + 12, 8);
	uint16_t checksum = (uint16_t)~checksum_fold(checksum_add(sum, udp, UDP_HEADER + length));
	set16(udp + 6, checksum ? checksum : 0xffff);
	return start + IPV4_HEADER + UDP_HEADER + length;
}
