#include "denials.h"

#define LINES_AT_ONCE 10
#define ONE_LINE_EACH 1000000

static uint64_t lines, filled, untold;

void denials_start(void) {
	lines = LINES_AT_ONCE;
	filled = untold = 0;
}

static bool may_tell(uint64_t now) {
	uint64_t more = (now - filled) / ONE_LINE_EACH;
	if (more > 0) {
		lines = lines + more < LINES_AT_ONCE ? lines + more : LINES_AT_ONCE;
		filled += more * ONE_LINE_EACH;
	}
	if (lines == 0)
		return false;
	lines--;
	return true;
}

static void tell_protocol(struct text *line, uint8_t protocol) {
	switch (protocol) {
	case PROTOCOL_TCP:
		text_string(line, "tcp");
		break;
	case PROTOCOL_UDP:
		text_string(line, "udp");
		break;
	case PROTOCOL_ICMP:
		text_string(line, "icmp");
		break;
	case PROTOCOL_ICMPV6:
		text_string(line, "icmpv6");
		break;
	default:
		text_string(line, "protocol ");
		text_number(line, protocol);
	}
}

static void tell_end(struct text *line, const struct packet *packet, const struct address *address, uint16_t port) {
	text_char(line, ' ');
	text_address(line, packet->family, address);
	if (packet->fragment != LATER_FRAGMENT && (packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP)) {
		text_string(line, " port ");
		text_number(line, port);
	}
}

void denials_tell(enum side from, const struct packet *packet, const char *why, uint64_t now) {
	char bytes[300];
	struct text line = TEXT_OVER(bytes);
	if (!may_tell(now)) {
		untold++;
		return;
	}
	text_string(&line, from == LEFT ? "denied upstream " : "denied downstream ");
	tell_protocol(&line, packet->protocol);
	text_string(&line, " from");
	tell_end(&line, packet, &packet->from, packet->from_port);
	text_string(&line, " to");
	tell_end(&line, packet, &packet->to, packet->to_port);
	text_char(&line, ' ');
	text_string(&line, why);
	if (untold) {
		text_string(&line, "; before it ");
		text_number(&line, untold);
		text_string(&line, " more were denied");
	}
	untold = 0;
	text_terminate(&line);
	say(bytes);
}
