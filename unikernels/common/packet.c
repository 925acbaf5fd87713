/*
 * Every read is preceded by a check against the bytes that are there. Lengths inside the packet
 * may only shorten what the frame holds, never lengthen it.
 *
 * Malformed, and never passed: headers that are cut short or contradict each other; a first
 * fragment without its whole transport header; source routing (its real destination is hidden
 * from the rules); TCP flags that no honest stack sends; a third VLAN tag.
 */
#include "packet.h"

#include "ethernet.h"

#include <string.h>

#define ARP_LENGTH 28
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define EXTENSIONS_MAX 8

struct bytes {
	const uint8_t *at;
	size_t length;
};

static struct address ipv4_address(const uint8_t *at) {
	return (struct address){0, get32(at)};
}

static struct address ipv6_address(const uint8_t *at) {
	return (struct address){get64(at), get64(at + 8)};
}

static bool skip(struct bytes *bytes, size_t count) {
	if (bytes->length < count)
		return false;
	bytes->at += count;
	bytes->length -= count;
	return true;
}

/* Loose and strict source routing, which we refuse; other options are the receiver's affair. */
static bool ipv4_options_fine(const uint8_t *at, size_t length) {
	while (length > 0 && at[0] != 0) {
		if (at[0] == 1) {
			at++;
			length--;
			continue;
		}
		if (length < 2 || at[1] < 2 || at[1] > length || at[0] == 131 || at[0] == 137)
			return false;
		length -= at[1];
		at += at[1];
	}
	return true;
}

static void set_fragment(struct packet *packet, uint32_t id, uint8_t protocol, uint32_t offset, bool more) {
	packet->fragment_id = id;
	packet->fragment_protocol = protocol;
	if (offset > 0) {
		packet->fragment = LATER_FRAGMENT;
		packet->fragment_bytes = offset;
	} else if (more) {
		packet->fragment = FIRST_FRAGMENT;
	}
}

/*
 * The IP headers; afterwards `bytes` is the transport header and what follows it. A quoted
 * packet may end early: only then may the lengths promise more than there is.
 */
static bool read_ipv4(struct bytes *bytes, bool quoted, struct packet *packet) {
	const uint8_t *at = bytes->at;
	if (bytes->length < IPV4_HEADER || at[0] >> 4 != 4)
		return false;
	size_t header = (size_t)(at[0] & 15) * 4, total = get16(at + 2);
	if (header < IPV4_HEADER || header > bytes->length || total < header)
		return false;
	if (total > bytes->length && !quoted)
		return false;
	if (total < bytes->length)
		bytes->length = total;
	if (!ipv4_options_fine(at + IPV4_HEADER, header - IPV4_HEADER))
		return false;
	packet->family = 4;
	packet->protocol = at[9];
	packet->from = ipv4_address(at + 12);
	packet->to = ipv4_address(at + 16);
	uint16_t fragment = get16(at + 6);
	set_fragment(packet, get16(at + 4), at[9], (uint32_t)(fragment & 0x1fff) * 8, fragment & 0x2000);
	return skip(bytes, header);
}

static bool read_ipv6(struct bytes *bytes, bool quoted, struct packet *packet, struct bytes *fragmented) {
	const uint8_t *at = bytes->at;
	if (bytes->length < IPV6_HEADER || at[0] >> 4 != 6)
		return false;
	size_t payload = get16(at + 4);
	packet->family = 6;
	packet->protocol = at[6];
	packet->from = ipv6_address(at + 8);
	packet->to = ipv6_address(at + 24);
	skip(bytes, IPV6_HEADER);
	if (payload > bytes->length && !quoted)
		return false;
	if (payload < bytes->length)
		bytes->length = payload;

	for (int i = 0; i <= EXTENSIONS_MAX; i++) {
		size_t size = 8;
		at = bytes->at;
		switch (packet->protocol) {
		case 43: /* routing; type 0 with segments left is source routing */
			if (bytes->length < 8 || (at[2] == 0 && at[3] > 0))
				return false;
			__attribute__((fallthrough));
		case 0:  /* hop by hop */
		case 60: /* destination options */
			if (bytes->length < 8)
				return false;
			size = ((size_t)at[1] + 1) * 8;
			break;
		case 51: /* authentication */
			if (bytes->length < 8)
				return false;
			size = ((size_t)at[1] + 2) * 4;
			break;
		case 44: /* fragment */
			if (bytes->length < 8 || packet->fragment != WHOLE)
				return false;
			set_fragment(packet, get32(at + 4), at[0], get16(at + 2) & 0xfff8u, at[3] & 1);
			fragmented->at = at + 8;
			break;
		default:
			return true;
		}
		packet->protocol = at[0];
		if (!skip(bytes, size))
			return false;
		/* Behind a later fragment's header there is data, whatever it looks like. */
		if (packet->fragment == LATER_FRAGMENT)
			return true;
	}
	return false;
}

static bool tcp_flags_fine(uint8_t flags) {
	if (flags & TCP_SYN)
		return !(flags & (TCP_FIN | TCP_RST));
	return flags & (TCP_ACK | TCP_RST);
}

static bool read_tcp(struct bytes *bytes, struct packet *packet) {
	const uint8_t *at = bytes->at;
	if (bytes->length < 20)
		return false;
	size_t header = (size_t)(at[12] >> 4) * 4;
	if (header < 20 || header > bytes->length || !tcp_flags_fine(at[13]))
		return false;
	packet->from_port = get16(at);
	packet->to_port = get16(at + 2);
	packet->tcp_flags = at[13];
	return skip(bytes, header);
}

static bool read_udp(struct bytes *bytes, struct packet *packet) {
	const uint8_t *at = bytes->at;
	if (bytes->length < 8)
		return false;
	size_t length = get16(at + 4);
	if (length < 8 || (packet->fragment == WHOLE && length > bytes->length))
		return false;
	packet->from_port = get16(at);
	packet->to_port = get16(at + 2);
	return skip(bytes, 8);
}

/* What kind an ICMP message is; for a query or a reply, also the type that is asked for. */
static void classify_icmp(struct packet *packet, uint8_t type, uint8_t *asked) {
	packet->icmp = ICMP_OTHER;
	*asked = type;
	if (packet->protocol == PROTOCOL_ICMPV6) {
		if (type >= 1 && type <= 4) {
			packet->icmp = ICMP_ERROR;
		} else if (type == 128 || type == 129) {
			packet->icmp = type == 128 ? ICMP_QUERY : ICMP_REPLY;
			*asked = 128;
		} else if (type >= 133 && type <= 137) {
			packet->icmp = ICMP_DISCOVERY;
		}
		return;
	}
	switch (type) {
	case 3:
	case 11:
	case 12:
		packet->icmp = ICMP_ERROR;
		break;
	case 8:
	case 13:
		packet->icmp = ICMP_QUERY;
		break;
	case 0:
		packet->icmp = ICMP_REPLY;
		*asked = 8;
		break;
	case 14:
		packet->icmp = ICMP_REPLY;
		*asked = 13;
		break;
	}
}

static bool read_icmp_ports(struct bytes *bytes, struct packet *packet) {
	if (bytes->length < 8)
		return false;
	uint8_t asked;
	classify_icmp(packet, bytes->at[0], &asked);
	uint16_t id = get16(bytes->at + 4);
	if (packet->icmp == ICMP_QUERY) {
		packet->from_port = id;
		packet->to_port = asked;
	} else if (packet->icmp == ICMP_REPLY) {
		packet->from_port = asked;
		packet->to_port = id;
	}
	return skip(bytes, 8);
}

/* Only the first eight bytes of a quoted transport header are sure to be there. */
static void read_quote(struct bytes bytes, uint8_t family, struct quote *quote) {
	struct packet inner = {0};
	struct bytes ignored = {0};
	bool read = family == 4 ? read_ipv4(&bytes, true, &inner) : read_ipv6(&bytes, true, &inner, &ignored);
	if (!read || inner.fragment == LATER_FRAGMENT || bytes.length < 8)
		return;
	if (inner.protocol == PROTOCOL_TCP || inner.protocol == PROTOCOL_UDP) {
		inner.from_port = get16(bytes.at);
		inner.to_port = get16(bytes.at + 2);
	} else if (inner.protocol == (family == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) {
		/* An error about an error is never sent. */
		if (!read_icmp_ports(&bytes, &inner) || (inner.icmp != ICMP_QUERY && inner.icmp != ICMP_REPLY))
			return;
	}
	*quote = (struct quote){inner.from, inner.to, inner.from_port, inner.to_port, inner.protocol, true};
}

static bool read_icmp(struct bytes *bytes, uint8_t hop_limit, struct packet *packet) {
	if (!read_icmp_ports(bytes, packet))
		return false;
	/* Discovery that has crossed a router, or comes in pieces, is forged: receivers drop it too. */
	if (packet->icmp == ICMP_DISCOVERY && (hop_limit != 255 || packet->fragment != WHOLE))
		return false;
	if (packet->icmp == ICMP_ERROR)
		read_quote(*bytes, packet->family, &packet->quote);
	return true;
}

static bool read_transport(struct bytes *bytes, uint8_t hop_limit, struct packet *packet) {
	switch (packet->protocol) {
	case PROTOCOL_TCP:
		return read_tcp(bytes, packet);
	case PROTOCOL_UDP:
		return read_udp(bytes, packet);
	case PROTOCOL_ICMP:
		return packet->family == 4 ? read_icmp(bytes, hop_limit, packet) : true;
	case PROTOCOL_ICMPV6:
		return packet->family == 6 ? read_icmp(bytes, hop_limit, packet) : true;
	default:
		return true;
	}
}

static bool read_ip(struct bytes bytes, uint8_t family, struct packet *packet) {
	struct bytes fragmented = {0};
	if (bytes.length < IPV4_HEADER)
		return false;
	uint8_t hop_limit = bytes.at[7];
	if (!(family == 4 ? read_ipv4(&bytes, false, packet) : read_ipv6(&bytes, false, packet, &fragmented)))
		return false;
	if (family == 4)
		fragmented.at = bytes.at;
	if (packet->fragment == LATER_FRAGMENT)
		return true;
	packet->transport = bytes.at;
	packet->transport_length = bytes.length;
	if (!read_transport(&bytes, hop_limit, packet))
		return false;
	if (packet->fragment == FIRST_FRAGMENT)
		packet->fragment_bytes = (uint32_t)(bytes.at - fragmented.at);
	return true;
}

enum content packet_read(const uint8_t *frame, size_t length, struct packet *packet) {
	struct bytes bytes = {frame, length};
	memset(packet, 0, sizeof(*packet));
	struct ethernet ethernet = ethernet_read(frame, length);
	if (is_vlan(ethernet.type))
		return CONTENT_MALFORMED;
	for (size_t at = ETHERNET_HEADER, shift = 0; at < ethernet.payload; at += VLAN_TAG, shift += 12)
		packet->vlan |= (get16(frame + at) & 0xfffu) << shift;
	skip(&bytes, ethernet.payload);
	switch (ethernet.type) {
	case ETHERTYPE_ARP:
		return bytes.length >= ARP_LENGTH ? CONTENT_ARP : CONTENT_MALFORMED;
	case ETHERTYPE_IPV4:
		return read_ip(bytes, 4, packet) ? CONTENT_IP : CONTENT_MALFORMED;
	case ETHERTYPE_IPV6:
		return read_ip(bytes, 6, packet) ? CONTENT_IP : CONTENT_MALFORMED;
	default:
		return CONTENT_OTHER;
	}
}
