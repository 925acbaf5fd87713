/*
 * Blocks names in DNS: a question for a listed name, or for one below it, does not reach its server. It is answered here,
 * in the server's name: that there is no such name, or with an address that the operator lands people at.
 *
 * Questions are what goes from the subscriber to port 53, over UDP or TCP. What is there and cannot be judged (a message that
 * is no plain question, one in fragments, one that does not fill its segment) goes nowhere, or it would be a way round. Everything
 * else passes.
 */
#include "../../common/ethernet.h"
#include "../../common/packet.h"
#include "../function.h"
#include "answer.h"
#include "config.h"
#include "dns.h"
#include "names.h"
#include "taken.h"

#include <string.h>

#define DNS_PORT 53
#define TCP_PSH 0x08

/* The one in force, and the one that the next configuration is read into. */
static struct config sets[2];
static struct config *config = &sets[0];

/* What the host has made of the lists. */
static struct table table;
static bool table_is_sound;

static uint64_t questions, blocked, unjudged, malformed;

static void start(const struct identity *identity, struct arena *memory) {
	(void)memory;
	table = (struct table){0};
	table_is_sound = identity->data && table_open(&table, identity->data, identity->data_length);
	memset(sets, 0, sizeof(sets));
	taken_start();
	questions = blocked = unjudged = malformed = 0;
}

static bool configure(const char *json, size_t length, struct text *why) {
	struct config *spare = config == &sets[0] ? &sets[1] : &sets[0];
	if (!config_read(spare, json, length, why))
		return false;
	if (spare->list_count > 0 && !table_is_sound) {
		text_string(why, "the names of the lists did not come with the start, or are damaged");
		return false;
	}
	config = spare;
	return true;
}

static bool is_blocked(const struct question *question) {
	if (!question->listable)
		return false;
	for (size_t i = 0; i < config->name_count; i++)
		if (key_below(&question->name, &config->names[i]))
			return true;
	return config->list_count > 0 && table_lists(&table, &question->name);
}

static enum verdict refuse_to_judge(void) {
	unjudged++;
	return DROP;
}

/* Puts what was made in the frame's place. */
static enum verdict send_back(struct frame *frame, const struct made *made) {
	bool fits = made->length > frame->length ? frame_extend(frame, made->length - frame->length)
						  : frame_trim(frame, frame->length - made->length);
	if (!fits) {
		send_frame(LEFT, made->bytes, made->length);
		return DROP;
	}
	memcpy(frame->bytes, made->bytes, made->length);
	return ANSWER;
}

static enum verdict ask_udp(struct frame *frame, const struct packet *packet) {
	size_t length = get16(packet->transport + 4) - 8u;
	const uint8_t *message = packet->transport + 8;
	struct question question;
	if (!dns_read(message, length, &question))
		return refuse_to_judge();
	questions++;
	if (!is_blocked(&question))
		return PASS;
	blocked++;
	uint8_t answer[ANSWER_MAX];
	struct made made = answer_udp(frame, packet, answer, dns_answer(answer, message, &question, &config->reply));
	return send_back(frame, &made);
}

/* A client whose server we have become: it hears that we have ended, too. */
static enum verdict see_off(struct frame *frame, const struct packet *packet, const struct taken *taken, size_t data) {
	uint32_t sequence = get32(packet->transport + 4);
	struct segment segment = {.sequence = taken->next, .acknowledged = sequence + (uint32_t)data + 1, .flags = TCP_ACK};
	if (packet->tcp_flags & TCP_RST || (!(packet->tcp_flags & TCP_FIN) && data == 0))
		return DROP;
	if (!(packet->tcp_flags & TCP_FIN))
		segment = (struct segment){.sequence = get32(packet->transport + 8), .flags = TCP_RST};
	struct made made = answer_tcp(frame, packet, &segment);
	return send_back(frame, &made);
}

/* The answer, our end of the connection, and an end of it for the server. */
static enum verdict take_over(struct frame *frame, const struct packet *packet, const struct connection *connection,
			      const uint8_t *data, size_t length, const struct question *question, uint64_t now) {
	uint8_t answer[2 + ANSWER_MAX];
	size_t size = dns_answer(answer + 2, data + 2, question, &config->reply);
	set16(answer, (uint32_t)size);
	uint32_t sequence = get32(packet->transport + 4), acknowledged = get32(packet->transport + 8);
	uint32_t end = sequence + (uint32_t)length + (packet->tcp_flags & TCP_FIN ? 1 : 0);
	struct segment to_server = {.sequence = sequence, .flags = TCP_RST};
	struct segment to_client = {acknowledged, end, TCP_ACK | TCP_PSH | TCP_FIN, answer, 2 + size};
	struct made reset = forward_tcp(frame, packet, &to_server), made = answer_tcp(frame, packet, &to_client);
	send_frame(RIGHT, reset.bytes, reset.length);
	taken_add(connection, acknowledged + (uint32_t)(2 + size) + 1, now);
	return send_back(frame, &made);
}

/*
 * Segments hold whole messages, or else they go nowhere: a client that sends a message in parts sends them again in one
 * segment when nobody acknowledges them. A blocked question has to be alone.
 */
static enum verdict ask_tcp(struct frame *frame, const struct packet *packet, uint64_t now) {
	struct connection connection = {packet->from, packet->to, packet->vlan, packet->from_port, packet->family};
	size_t header = (size_t)(packet->transport[12] >> 4) * 4, length = packet->transport_length - header;
	const uint8_t *data = packet->transport + header;
	struct taken *taken = taken_find(&connection, now);
	if (packet->tcp_flags & TCP_SYN) {
		if (taken)
			taken->until = 0;
		/* Data may come with it (RFC 7413), and would be judged by nobody. */
		return length == 0 ? PASS : refuse_to_judge();
	}
	for (size_t at = 0; at < length;) {
		struct question question;
		size_t size = length - at < 2 ? 0 : get16(data + at);
		if (size == 0 || size > length - at - 2 || !dns_read(data + at + 2, size, &question))
			return refuse_to_judge();
		bool alone = at == 0 && size + 2 == length;
		at += 2 + size;
		if (is_blocked(&question)) {
			if (!alone)
				return refuse_to_judge();
			questions++;
			blocked++;
			return take_over(frame, packet, &connection, data, length, &question, now);
		}
		questions += !taken;
	}
	return taken ? see_off(frame, packet, taken, length) : PASS;
}

static enum verdict from_subscriber(struct frame *frame, const struct packet *packet, uint64_t now) {
	if (packet->fragment == LATER_FRAGMENT || packet->to_port != DNS_PORT)
		return PASS;
	if (packet->protocol != PROTOCOL_UDP && packet->protocol != PROTOCOL_TCP)
		return PASS;
	if (packet->fragment == FIRST_FRAGMENT)
		return refuse_to_judge();
	return packet->protocol == PROTOCOL_UDP ? ask_udp(frame, packet) : ask_tcp(frame, packet, now);
}

/* What a server still says in a connection that was taken from it is for nobody. */
static enum verdict from_uplink(const struct packet *packet, uint64_t now) {
	if (packet->fragment == LATER_FRAGMENT || packet->protocol != PROTOCOL_TCP || packet->from_port != DNS_PORT)
		return PASS;
	struct connection connection = {packet->to, packet->from, packet->vlan, packet->to_port, packet->family};
	return taken_find(&connection, now) ? DROP : PASS;
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	struct packet packet;
	switch (packet_read(frame->bytes, frame->length, &packet)) {
	case CONTENT_MALFORMED:
		malformed++;
		return DROP;
	case CONTENT_IP:
		return from == LEFT ? from_subscriber(frame, &packet, now) : from_uplink(&packet, now);
	default:
		return PASS;
	}
}

static void member(struct text *out, const char *name, uint64_t value) {
	text_string(out, name);
	text_number(out, value);
}

static void counters(struct text *out, uint64_t now) {
	(void)now;
	member(out, "{\"questions\":", questions);
	member(out, ",\"blocked\":", blocked);
	member(out, ",\"unjudged\":", unjudged);
	member(out, ",\"malformed\":", malformed);
	member(out, ",\"listed\":", (config->list_count ? table.count : 0) + config->name_count);
	text_char(out, '}');
}

const struct function function = {
	.name = "filter",
	.start = start,
	.configure = configure,
	.frame = frame,
	.counters = counters,
};
