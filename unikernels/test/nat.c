/* Translation packet by packet, and what strangers and the subscriber may do to it. */
#include "../common/checksum.h"
#include "check.h"
#include "frames.h"
#include "platform.h"

#define SECOND 1000000ull
#define MINUTE (60 * SECOND)
#define MEMORY (4 << 20)

#define INSIDE 0x0a000000u
#define ROUTER (INSIDE + 1)
#define OUTSIDE 0xc0000200u
#define OWN (OUTSIDE + 10)
#define GATEWAY (OUTSIDE + 1)
#define FAR 0xc6336405u

#define ENDS \
	"\"inside\":{\"subnet\":\"10.0.0.0/24\",\"address\":\"10.0.0.1\"}," \
	"\"outside\":{\"subnet\":\"192.0.2.0/24\",\"address\":\"192.0.2.10\",\"gateway\":\"192.0.2.1\"}"

static uint64_t now;

static const uint8_t own_macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

/* A host's MAC ends in the last byte of its address. */
static void mac_of(uint8_t mac[6], uint32_t address) {
	memcpy(mac, (uint8_t[]){6, 0, 0, 0, 0, (uint8_t)address}, 6);
}

/* Where the transport's checksum is, and the sum over what it covers, as it is; all right when that is 0xffff. */
static uint16_t transport_sum(const uint8_t *ip, size_t length) {
	size_t header = (size_t)(ip[0] & 15) * 4;
	uint64_t sum = ip[9] == 1 ? 0 : checksum_add(ip[9] + (length - header), ip + 12, 8);
	return checksum_fold(checksum_add(sum, ip + header, length - header));
}

static uint8_t *transport_checksum(uint8_t *ip) {
	return ip + (ip[0] & 15) * 4 + (ip[9] == 6 ? 16 : ip[9] == 17 ? 6 : 2);
}

/* Fills the checksums in; a datagram in pieces has none of its own in each. */
static struct packet_bytes sealed(struct packet_bytes frame) {
	uint8_t *ip = frame.bytes + 14;
	size_t length = get16(ip + 2);
	set16(ip + 10, 0);
	set16(ip + 10, (uint16_t)~checksum_fold(checksum_add(0, ip, (size_t)(ip[0] & 15) * 4)));
	if (ip[9] == 17)
		set16(ip + (ip[0] & 15) * 4 + 4, (uint32_t)(length - 20));
	set16(transport_checksum(ip), 0);
	set16(transport_checksum(ip), (uint16_t)~transport_sum(ip, length));
	/* 0 would say that there is none. */
	if (ip[9] == 17 && get16(transport_checksum(ip)) == 0)
		set16(transport_checksum(ip), 0xffff);
	return frame;
}

static bool sums_are_right(const uint8_t *frame) {
	const uint8_t *ip = frame + 14;
	return checksum_fold(checksum_add(0, ip, (size_t)(ip[0] & 15) * 4)) == 0xffff &&
	       transport_sum(ip, get16(ip + 2)) == 0xffff;
}

static struct packet_bytes packet(unsigned protocol, uint32_t from, uint32_t to, struct packet_bytes payload) {
	struct packet_bytes frame = ipv4(protocol, from, to, &payload);
	bool upstream = from >> 8 == INSIDE >> 8;
	memcpy(frame.bytes, own_macs[upstream ? LEFT : RIGHT], 6);
	mac_of(frame.bytes + 6, upstream ? from : GATEWAY);
	return sealed(frame);
}

static enum verdict send(enum side from, struct packet_bytes *frame) {
	platform_forget();
	return platform_frame(from, frame->bytes, &frame->length, now, true);
}

static struct packet_bytes arp(unsigned operation, uint32_t sender, uint32_t target) {
	struct packet_bytes frame = ethernet(0x0806);
	memset(frame.bytes, 0xff, 6);
	mac_of(frame.bytes + 6, sender);
	put(&frame, (uint8_t[]){0, 1, 8, 0, 6, 4, 0, (uint8_t)operation}, 8);
	put(&frame, frame.bytes + 6, 6);
	put32(&frame, sender);
	put(&frame, (uint8_t[6]){0}, 6);
	put32(&frame, target);
	return frame;
}

static void restart(const char *config) {
	platform_start(7, MEMORY);
	CHECK(platform_configure(config) == NULL);
	/* The gateway is known. */
	struct packet_bytes asks = arp(1, GATEWAY, OWN);
	CHECK(send(RIGHT, &asks) == ANSWER);
}

/* A packet goes out; the port it goes out of. */
static unsigned goes_out(unsigned protocol, struct packet_bytes frame) {
	uint32_t to = get32(frame.bytes + 30);
	uint8_t ttl = frame.bytes[22], gateway[6];
	CHECK(send(LEFT, &frame) == PASS);
	mac_of(gateway, GATEWAY);
	CHECK(memcmp(frame.bytes, gateway, 6) == 0 && memcmp(frame.bytes + 6, own_macs[RIGHT], 6) == 0);
	CHECK(get32(frame.bytes + 26) == OWN && get32(frame.bytes + 30) == to);
	CHECK(frame.bytes[22] == ttl - 1 && sums_are_right(frame.bytes));
	return get16(frame.bytes + (protocol == 1 ? 38 : 34));
}

/* A packet comes in for this host and port. */
static void comes_in(unsigned protocol, struct packet_bytes frame, uint32_t to, unsigned port) {
	uint32_t from = get32(frame.bytes + 26);
	uint8_t host[6];
	CHECK(send(RIGHT, &frame) == PASS);
	mac_of(host, to);
	CHECK(memcmp(frame.bytes, host, 6) == 0 && memcmp(frame.bytes + 6, own_macs[LEFT], 6) == 0);
	CHECK(get32(frame.bytes + 26) == from && get32(frame.bytes + 30) == to);
	CHECK(get16(frame.bytes + (protocol == 1 ? 38 : 36)) == port && sums_are_right(frame.bytes));
}

static unsigned udp_out(uint32_t host, unsigned port, uint32_t to, unsigned to_port) {
	return goes_out(17, packet(17, host, to, udp(port, to_port)));
}

static bool is_dropped(enum side from, struct packet_bytes frame) {
	return send(from, &frame) == DROP;
}

static void mappings(void) {
	restart("{" ENDS "}");
	/* Ports are kept where that is possible, and whoever is spoken to, the port is the same. */
	CHECK(udp_out(INSIDE + 5, 5000, FAR, 53) == 5000);
	CHECK(udp_out(INSIDE + 5, 5000, FAR + 1, 54) == 5000);
	unsigned other = udp_out(INSIDE + 6, 5000, FAR, 53), low = udp_out(INSIDE + 6, 123, FAR, 123);
	CHECK(other != 5000 && other % 2 == 0 && other >= 1024);
	CHECK(low >= 1024 && low % 2 == 1);
	CHECK(platform_counter("mappings", now) == 3 && platform_counter("sessions", now) == 4);
	/* Nobody is refused, unless the operator wants it. */
	comes_in(17, packet(17, FAR + 9, OWN, udp(9, 5000)), INSIDE + 5, 5000);
	comes_in(17, packet(17, FAR + 9, OWN, udp(9, other)), INSIDE + 6, 5000);
	CHECK(is_dropped(RIGHT, packet(17, FAR, OWN, udp(53, 5001))));
	CHECK(platform_counter("unsolicited", now) == 1);
	/* Of TCP and UDP the ports are different ones. */
	CHECK(is_dropped(RIGHT, packet(6, FAR, OWN, tcp(53, 5000, 2))));
	CHECK(goes_out(6, packet(6, INSIDE + 6, FAR, tcp(5000, 80, 2))) == 5000);
	comes_in(6, packet(6, FAR, OWN, tcp(80, 5000, 0x12)), INSIDE + 6, 5000);
	/* Identifiers of pings may be anything. */
	CHECK(goes_out(1, packet(1, INSIDE + 5, FAR, icmp(8, 7))) == 7);
	CHECK(goes_out(1, packet(1, INSIDE + 6, FAR, icmp(8, 7))) != 7);
	comes_in(1, packet(1, FAR, OWN, icmp(0, 7)), INSIDE + 5, 7);
	/* A datagram without a checksum has none afterwards. */
	struct packet_bytes none = packet(17, INSIDE + 5, FAR, udp(5000, 53));
	set16(none.bytes + 40, 0);
	CHECK(send(LEFT, &none) == PASS && get16(none.bytes + 40) == 0);
	/* A wrong one stays wrong: it is the receiver's to find out. */
	struct packet_bytes wrong = packet(17, INSIDE + 5, FAR, udp(5000, 53));
	wrong.bytes[44] ^= 1;
	CHECK(send(LEFT, &wrong) == PASS && !sums_are_right(wrong.bytes));
}

static void strict(void) {
	restart("{" ENDS ",\"filtering\":\"endpoint\",\"forwards\":[{\"protocol\":\"udp\",\"port\":53,\"to\":\"10.0.0.9\"}]}");
	CHECK(udp_out(INSIDE + 5, 5000, FAR, 53) == 5000);
	comes_in(17, packet(17, FAR, OWN, udp(53, 5000)), INSIDE + 5, 5000);
	CHECK(is_dropped(RIGHT, packet(17, FAR, OWN, udp(54, 5000))));
	CHECK(is_dropped(RIGHT, packet(17, FAR + 1, OWN, udp(53, 5000))));
	/* A forward is for all. */
	struct packet_bytes first = packet(17, FAR + 1, OWN, udp(4000, 53));
	CHECK(send(RIGHT, &first) == DROP && platform_sent_count == 1 && platform_sent[0].to == LEFT);
	struct packet_bytes reply = arp(2, INSIDE + 9, ROUTER);
	CHECK(send(LEFT, &reply) == DROP && platform_sent_count == 1);
	CHECK(get16(platform_sent[0].bytes + 12) == 0x0800 && get32(platform_sent[0].bytes + 30) == INSIDE + 9);
	comes_in(17, packet(17, FAR + 1, OWN, udp(4000, 53)), INSIDE + 9, 53);
}

static void lifetimes(void) {
	restart("{" ENDS "}");
	CHECK(udp_out(INSIDE + 5, 5000, FAR, 53) == 5000);
	now += 5 * MINUTE - 1;
	comes_in(17, packet(17, FAR, OWN, udp(53, 5000)), INSIDE + 5, 5000);
	/* Nothing that comes from outside keeps it open. */
	now += 1;
	CHECK(is_dropped(RIGHT, packet(17, FAR, OWN, udp(53, 5000))));
	CHECK(platform_counter("mappings", now) == 0);
	CHECK(goes_out(6, packet(6, INSIDE + 5, FAR, tcp(5000, 80, 2))) == 5000);
	now += 4 * MINUTE;
	CHECK(is_dropped(RIGHT, packet(6, FAR, OWN, tcp(80, 5000, 0x12))));
	/* Established: two hours and four minutes without a packet. */
	goes_out(6, packet(6, INSIDE + 5, FAR, tcp(5000, 80, 2)));
	comes_in(6, packet(6, FAR, OWN, tcp(80, 5000, 0x12)), INSIDE + 5, 5000);
	goes_out(6, packet(6, INSIDE + 5, FAR, tcp(5000, 80, 0x10)));
	now += 124 * MINUTE - 1;
	comes_in(6, packet(6, FAR, OWN, tcp(80, 5000, 0x10)), INSIDE + 5, 5000);
	/* A reset that was forged does not end it for ever. */
	comes_in(6, packet(6, FAR, OWN, tcp(80, 5000, 4)), INSIDE + 5, 5000);
	goes_out(6, packet(6, INSIDE + 5, FAR, tcp(5000, 80, 0x10)));
	now += 100 * MINUTE;
	comes_in(6, packet(6, FAR, OWN, tcp(80, 5000, 0x11)), INSIDE + 5, 5000);
	now += 4 * MINUTE;
	CHECK(is_dropped(RIGHT, packet(6, FAR, OWN, tcp(80, 5000, 0x10))));
	goes_out(1, packet(1, INSIDE + 5, FAR, icmp(8, 7)));
	now += MINUTE;
	CHECK(is_dropped(RIGHT, packet(1, FAR, OWN, icmp(0, 7))));
	CHECK(platform_counter("sessions", now) == 0 && platform_counter("mappings", now) == 0);
}

static void strangers_take_no_place(void) {
	restart("{" ENDS ",\"forwards\":[{\"protocol\":\"tcp\",\"port\":80,\"to\":\"10.0.0.5\",\"toPort\":8080}]}");
	CHECK(udp_out(INSIDE + 5, 5000, FAR, 53) == 5000);
	uint64_t sessions = platform_counter("sessions", now);
	for (unsigned i = 0; i < 1000; i++) {
		comes_in(6, packet(6, FAR + i, OWN, tcp(1000 + i, 80, 2)), INSIDE + 5, 8080);
		comes_in(17, packet(17, FAR + i, OWN, udp(i + 1, 5000)), INSIDE + 5, 5000);
	}
	CHECK(platform_counter("sessions", now) == sessions);
	/* The host's answer begins one. */
	CHECK(goes_out(6, packet(6, INSIDE + 5, FAR, tcp(8080, 1000, 0x12))) == 80);
	CHECK(platform_counter("sessions", now) == sessions + 1);
}

static void hairpins(void) {
	restart("{" ENDS ",\"forwards\":[{\"protocol\":\"udp\",\"port\":53,\"to\":\"10.0.0.9\",\"toPort\":5353}]}");
	struct packet_bytes here = arp(1, INSIDE + 9, ROUTER);
	CHECK(send(LEFT, &here) == ANSWER);
	struct packet_bytes frame = packet(17, INSIDE + 5, OWN, udp(5000, 53));
	CHECK(send(LEFT, &frame) == ANSWER);
	CHECK(get32(frame.bytes + 26) == OWN && get16(frame.bytes + 34) == 5000);
	CHECK(get32(frame.bytes + 30) == INSIDE + 9 && get16(frame.bytes + 36) == 5353 && sums_are_right(frame.bytes));
	struct packet_bytes answer = packet(17, INSIDE + 9, OWN, udp(5353, 5000));
	CHECK(send(LEFT, &answer) == ANSWER);
	CHECK(get32(answer.bytes + 26) == OWN && get16(answer.bytes + 34) == 53);
	CHECK(get32(answer.bytes + 30) == INSIDE + 5 && get16(answer.bytes + 36) == 5000 && sums_are_right(answer.bytes));
	CHECK(platform_counter("hairpinned", now) == 2);
	/* And what the one complains about to the other. */
	struct packet_bytes refused = packet(1, INSIDE + 9, OWN, icmp_error(3, &frame, 20));
	CHECK(send(LEFT, &refused) == ANSWER && sums_are_right(refused.bytes));
	CHECK(get32(refused.bytes + 26) == OWN && get32(refused.bytes + 30) == INSIDE + 5);
	const uint8_t *quote = refused.bytes + 14 + 28;
	CHECK(get32(quote + 12) == INSIDE + 5 && get16(quote + 20) == 5000);
	CHECK(get32(quote + 16) == OWN && get16(quote + 22) == 53);
	/* Nobody is at another port. */
	CHECK(is_dropped(LEFT, packet(17, INSIDE + 5, OWN, udp(5000, 54))));
	struct packet_bytes ping = packet(1, INSIDE + 5, OWN, icmp(8, 1));
	CHECK(send(LEFT, &ping) == ANSWER && ping.bytes[34] == 0 && sums_are_right(ping.bytes));
}

static void errors(void) {
	restart("{" ENDS "}");
	udp_out(INSIDE + 5, 5000, FAR, 53);
	unsigned port = udp_out(INSIDE + 6, 5000, FAR, 53);
	/* A router on the way says that a packet came to its end. */
	struct packet_bytes sent = packet(17, OWN, FAR, udp(port, 53));
	struct packet_bytes frame = packet(1, FAR + 77, OWN, icmp_error(11, &sent, 20));
	CHECK(send(RIGHT, &frame) == PASS && sums_are_right(frame.bytes));
	CHECK(get32(frame.bytes + 26) == FAR + 77 && get32(frame.bytes + 30) == INSIDE + 6);
	const uint8_t *quote = frame.bytes + 14 + 28;
	CHECK(get32(quote + 12) == INSIDE + 6 && get16(quote + 20) == 5000);
	CHECK(checksum_fold(checksum_add(0, quote, 20)) == 0xffff);
	struct packet_bytes original = packet(17, INSIDE + 6, FAR, udp(5000, 53));
	CHECK(get16(quote + 26) == get16(original.bytes + 40));
	/* About what was never sent: dropped. */
	sent = packet(17, OWN, FAR + 1, udp(port, 53));
	CHECK(is_dropped(RIGHT, packet(1, FAR + 77, OWN, icmp_error(11, &sent, 20))));
	sent = packet(1, OWN, FAR, icmp(11, 0));
	CHECK(is_dropped(RIGHT, packet(1, FAR + 77, OWN, icmp_error(11, &sent, 20))));
	/* A host inside says that its port is closed. */
	struct packet_bytes got = packet(17, FAR, INSIDE + 6, udp(53, 5000));
	frame = packet(1, INSIDE + 6, FAR, icmp_error(3, &got, 20));
	CHECK(send(LEFT, &frame) == PASS && sums_are_right(frame.bytes));
	quote = frame.bytes + 14 + 28;
	CHECK(get32(frame.bytes + 26) == OWN && get32(quote + 16) == OWN && get16(quote + 22) == port);
	/* A ping's reply that reports nothing known. */
	CHECK(is_dropped(RIGHT, packet(1, FAR, OWN, icmp(0, 9))));
	CHECK(is_dropped(LEFT, packet(1, INSIDE + 5, FAR, icmp(5, 9))));

	/* Our own: a packet that ends here, at most 50 at once and never about an error. */
	struct packet_bytes last = packet(17, INSIDE + 5, FAR, udp(5000, 53));
	last.bytes[22] = 1;
	last = sealed(last);
	unsigned answers = 0;
	for (unsigned i = 0; i < 100; i++) {
		struct packet_bytes again = last;
		CHECK(send(LEFT, &again) == DROP);
		answers += (unsigned)platform_sent_count;
		if (platform_sent_count == 0)
			continue;
		const uint8_t *told = platform_sent[0].bytes;
		CHECK(platform_sent[0].to == LEFT && sums_are_right(told) && told[34] == 11);
		CHECK(get32(told + 26) == ROUTER && get32(told + 30) == INSIDE + 5 && memcmp(told + 42, last.bytes + 14, 28) == 0);
	}
	CHECK(answers == 50 && platform_counter("expired", now) == 100);
	now += 3000;
	CHECK(is_dropped(LEFT, last) && platform_sent_count == 1);
	struct packet_bytes about = packet(1, INSIDE + 6, FAR, icmp_error(3, &got, 20));
	about.bytes[22] = 1;
	CHECK(is_dropped(LEFT, sealed(about)) && platform_sent_count == 0);
}

static struct packet_bytes piece(uint32_t from, uint32_t to, unsigned field, size_t length) {
	struct packet_bytes payload = field & 0x1fff ? (struct packet_bytes){.length = 0} : udp(5000, 53);
	while (payload.length < length)
		put8(&payload, (unsigned)payload.length);
	struct packet_bytes frame = ipv4_piece(17, from, to, field, &payload);
	memcpy(frame.bytes, own_macs[LEFT], 6);
	mac_of(frame.bytes + 6, from);
	set16(frame.bytes + 24, (uint16_t)~checksum_fold(checksum_add(0, frame.bytes + 14, 20)));
	return frame;
}

static void fragments(void) {
	restart("{" ENDS "}");
	struct packet_bytes first = piece(INSIDE + 5, FAR, 0x2000, 800), later = piece(INSIDE + 5, FAR, 100, 200);
	CHECK(send(LEFT, &first) == PASS && get32(first.bytes + 26) == OWN);
	CHECK(send(LEFT, &later) == PASS && get32(later.bytes + 26) == OWN);
	CHECK(checksum_fold(checksum_add(0, later.bytes + 14, 20)) == 0xffff);
	CHECK(later.bytes[34] == 0 && later.bytes[35] == 1);
	/* In the wrong order the later one waits for the first. */
	restart("{" ENDS "}");
	first = piece(INSIDE + 5, FAR, 0x2000, 800);
	later = piece(INSIDE + 5, FAR, 100, 200);
	CHECK(send(LEFT, &later) == DROP && platform_counter("waited", now) == 1);
	CHECK(send(LEFT, &first) == PASS && platform_sent_count == 1);
	CHECK(get32(platform_sent[0].bytes + 26) == OWN && get16(platform_sent[0].bytes + 20) == 100);
	/* Not for longer than two seconds. */
	restart("{" ENDS "}");
	first = piece(INSIDE + 5, FAR, 0x2000, 800);
	later = piece(INSIDE + 5, FAR, 100, 200);
	CHECK(send(LEFT, &later) == DROP);
	now += 2 * SECOND;
	CHECK(send(LEFT, &first) == PASS && platform_sent_count == 0);
}

static void neighbours(void) {
	platform_start(7, MEMORY);
	CHECK(platform_configure("{" ENDS "}") == NULL);
	/* It tells everybody where it is, twice. */
	for (int i = 0; i < 2; i++) {
		platform_forget();
		CHECK(platform_tick(now) && platform_sent_count == 2);
		CHECK(platform_sent[0].to == RIGHT && get32(platform_sent[0].bytes + 28) == OWN);
		CHECK(platform_sent[1].to == LEFT && get32(platform_sent[1].bytes + 28) == ROUTER);
		now += 2 * SECOND;
	}
	CHECK(platform_wake_at == NEVER);
	/* The first packets wait for the gateway, in their order. */
	CHECK(is_dropped(LEFT, packet(17, INSIDE + 5, FAR, udp(5000, 1))));
	CHECK(platform_sent_count == 1 && get32(platform_sent[0].bytes + 38) == GATEWAY && get32(platform_sent[0].bytes + 28) == OWN);
	CHECK(is_dropped(LEFT, packet(17, INSIDE + 5, FAR, udp(5000, 2))) && platform_sent_count == 0);
	struct packet_bytes reply = arp(2, GATEWAY, OWN);
	CHECK(send(RIGHT, &reply) == DROP && platform_sent_count == 2);
	CHECK(get16(platform_sent[0].bytes + 36) == 1 && get16(platform_sent[1].bytes + 36) == 2);
	CHECK(platform_sent[1].to == RIGHT && platform_sent[1].bytes[5] == 1);
	/* Addresses of ours are told, others not. */
	struct packet_bytes asks = arp(1, GATEWAY, OWN);
	CHECK(send(RIGHT, &asks) == ANSWER && memcmp(asks.bytes + 22, own_macs[RIGHT], 6) == 0 && asks.bytes[21] == 2);
	CHECK(get32(asks.bytes + 28) == OWN && get32(asks.bytes + 38) == GATEWAY && asks.bytes[5] == 1);
	asks = arp(1, INSIDE + 5, ROUTER);
	CHECK(send(LEFT, &asks) == ANSWER && memcmp(asks.bytes + 22, own_macs[LEFT], 6) == 0);
	CHECK(is_dropped(LEFT, arp(1, INSIDE + 5, INSIDE + 6)) && is_dropped(RIGHT, arp(1, GATEWAY, ROUTER)));
	/* Whatever MAC address a packet goes to; but not to a group's. */
	struct packet_bytes stale = packet(17, INSIDE + 5, FAR, udp(5000, 3));
	memset(stale.bytes, 2, 6);
	CHECK(send(LEFT, &stale) == PASS);
	stale = packet(17, INSIDE + 5, FAR, udp(5000, 3));
	memset(stale.bytes, 0xff, 6);
	CHECK(is_dropped(LEFT, stale));
	/* Strangers' claims push nobody out: they were not asked for. */
	for (unsigned i = 20; i < 250; i++)
		CHECK(is_dropped(RIGHT, arp(2, OUTSIDE + i, OUTSIDE + i)));
	udp_out(INSIDE + 5, 5000, FAR, 4);
	/* A neighbour of ours is spoken to directly. */
	CHECK(is_dropped(LEFT, packet(17, INSIDE + 5, OUTSIDE + 20, udp(5000, 5))));
	CHECK(platform_sent_count == 1 && get32(platform_sent[0].bytes + 38) == OUTSIDE + 20);
}

static void what_does_not_belong(void) {
	restart("{" ENDS "}");
	CHECK(is_dropped(LEFT, packet(17, FAR, FAR + 1, udp(1, 2))) && platform_counter("spoofed", now) == 1);
	struct packet_bytes frame = packet(17, INSIDE + 5, OWN, udp(1, 2));
	CHECK(is_dropped(RIGHT, frame) && platform_counter("spoofed", now) == 2);
	CHECK(is_dropped(LEFT, packet(17, INSIDE, FAR, udp(1, 2))) && is_dropped(LEFT, packet(17, INSIDE + 255, FAR, udp(1, 2))));
	CHECK(is_dropped(LEFT, packet(17, INSIDE + 5, INSIDE + 6, udp(1, 2))));
	CHECK(is_dropped(LEFT, packet(17, INSIDE + 5, 0xe0000001, udp(1, 2))));
	CHECK(is_dropped(RIGHT, packet(17, FAR, OWN + 1, udp(1, 2))));
	struct packet_bytes gre = {.length = 20};
	CHECK(is_dropped(LEFT, packet(47, INSIDE + 5, FAR, gre)) && platform_counter("untranslatable", now) == 1);
	struct packet_bytes inner = packet(17, INSIDE + 5, FAR, udp(1, 2));
	CHECK(is_dropped(LEFT, tagged(5, &inner)) && platform_counter("untranslatable", now) == 2);
	/* Source routing: IHL 6, and the option in front of the ports. */
	struct packet_bytes routed = packet(17, INSIDE + 5, FAR, udp(1, 2));
	routed.bytes[14] = 0x46;
	routed.bytes[34] = 131;
	routed.bytes[35] = 4;
	CHECK(is_dropped(LEFT, routed) && platform_counter("malformed", now) == 1);
	/* Other options are the receiver's affair: two bytes of nothing, and then a record route. */
	struct packet_bytes options = packet(17, INSIDE + 5, FAR, udp(5000, 2));
	memmove(options.bytes + 46, options.bytes + 34, options.length - 34);
	memcpy(options.bytes + 34, (uint8_t[12]){1, 1, 7, 7, 4, 0, 0, 0, 0, 0, 0, 0}, 12);
	options.length += 12;
	options.bytes[14] = 0x48;
	set16(options.bytes + 16, (uint32_t)options.length - 14);
	set16(options.bytes + 24, 0);
	set16(options.bytes + 24, (uint16_t)~checksum_fold(checksum_add(0, options.bytes + 14, 32)));
	CHECK(send(LEFT, &options) == PASS && sums_are_right(options.bytes));
	CHECK(get32(options.bytes + 26) == OWN && get16(options.bytes + 46) == 5000);
	/* IPv6 is not translated, and what is no IP at all is nobody's business. */
	struct packet_bytes six = udp(1, 2), other = ethernet(0x88cc);
	six = ipv6(17, 64, 1, 2, &six);
	struct packet_bytes before = six;
	CHECK(send(LEFT, &six) == PASS && memcmp(six.bytes, before.bytes, six.length) == 0);
	CHECK(send(RIGHT, &other) == PASS && platform_counter("passed", now) == 2);
	struct packet_bytes ping = packet(1, INSIDE + 5, ROUTER, icmp(8, 1));
	CHECK(send(LEFT, &ping) == ANSWER && ping.bytes[34] == 0 && get32(ping.bytes + 30) == INSIDE + 5);
	ping = packet(1, FAR, OWN, icmp(8, 1));
	CHECK(send(RIGHT, &ping) == ANSWER && get32(ping.bytes + 26) == OWN && sums_are_right(ping.bytes));
}

static void blocks(void) {
	restart("{" ENDS ",\"ports\":{\"first\":2000,\"last\":3015,\"perHost\":4}}");
	/* The first host has the first block, and so on; no port of another's is ever taken. */
	for (unsigned host = 2; host < 255; host++) {
		unsigned seen = 0;
		for (unsigned i = 0; i < 4; i++) {
			unsigned port = udp_out(INSIDE + host, 7000 + i, FAR, 53);
			CHECK(port >= 2000 + (host - 1) * 4 && port < 2004 + (host - 1) * 4);
			seen |= 1u << port % 4;
		}
		CHECK(seen == 15);
	}
	/* Then there are no more, and the sender hears of it. */
	CHECK(is_dropped(LEFT, packet(17, INSIDE + 9, FAR, udp(7004, 53))));
	CHECK(platform_sent_count == 1 && get16(platform_sent[0].bytes + 34) == 0x030d && platform_counter("exhausted", now) == 1);
	CHECK(udp_out(INSIDE + 9, 7000, FAR + 1, 53) > 0);
	CHECK(goes_out(1, packet(1, INSIDE + 2, FAR, icmp(8, 7))) / 4 == 2004 / 4);
}

#define INSIDE_ENDS(subnet, address) "\"inside\":{\"subnet\":\"" subnet "\",\"address\":\"" address "\"}"
#define OUTSIDE_ENDS(address, gateway) \
	"\"outside\":{\"subnet\":\"192.0.2.0/24\",\"address\":\"" address "\",\"gateway\":\"" gateway "\"}"

static void changes(void) {
#define FORWARD(port, to) "{\"protocol\":\"tcp\",\"port\":" port ",\"to\":\"10.0.0." to "\"}"
	restart("{" ENDS ",\"forwards\":[" FORWARD("80", "5") "," FORWARD("81", "5") "]}");
	udp_out(INSIDE + 5, 5000, FAR, 53);
	udp_out(INSIDE + 6, 6000, FAR, 53);
	CHECK(goes_out(6, packet(6, INSIDE + 5, FAR, tcp(80, 1000, 0x12))) == 80);
	CHECK(platform_counter("mappings", now) == 4);
	CHECK(goes_out(6, packet(6, INSIDE + 6, FAR, tcp(7000, 1, 2))) == 7000);
	/* One forward stays with its connections, one goes, one comes and takes a port away. */
	CHECK(platform_configure("{" ENDS ",\"forwards\":[" FORWARD("80", "5") "," FORWARD("7000", "7") "]}") == NULL);
	CHECK(platform_counter("mappings", now) == 4 && platform_counter("sessions", now) == 3);
	comes_in(17, packet(17, FAR, OWN, udp(53, 5000)), INSIDE + 5, 5000);
	comes_in(6, packet(6, FAR, OWN, tcp(1000, 80, 0x10)), INSIDE + 5, 80);
	CHECK(is_dropped(RIGHT, packet(6, FAR, OWN, tcp(1, 81, 2))));
	CHECK(goes_out(6, packet(6, INSIDE + 6, FAR, tcp(7000, 1, 2))) != 7000);
	/* Forwards are for ever, however their connections end. */
	now += 200 * MINUTE;
	comes_in(6, packet(6, FAR, OWN, tcp(1000, 80, 2)), INSIDE + 5, 80);
	CHECK(platform_counter("mappings", now) == 2);
	udp_out(INSIDE + 5, 5000, FAR, 53);
	udp_out(INSIDE + 6, 6000, FAR, 53);
	/* A smaller range of ports: who is outside of it begins anew. */
	CHECK(platform_configure("{" ENDS ",\"ports\":{\"first\":5500}}") == NULL);
	CHECK(is_dropped(RIGHT, packet(17, FAR, OWN, udp(53, 5000))));
	comes_in(17, packet(17, FAR, OWN, udp(53, 6000)), INSIDE + 6, 6000);
	/* Another address, inside or outside: nobody can be reached at what there was. */
	udp_out(INSIDE + 6, 6001, FAR, 53);
	CHECK(platform_counter("mappings", now) == 2);
	CHECK(platform_configure("{\"inside\":{\"subnet\":\"10.0.0.0/30\",\"address\":\"10.0.0.1\"}," OUTSIDE_ENDS("192.0.2.10", "192.0.2.1") "}") == NULL);
	CHECK(platform_counter("mappings", now) == 0);
	CHECK(platform_configure("{" ENDS "}") == NULL);
	udp_out(INSIDE + 6, 6000, FAR, 53);
	CHECK(platform_configure("{" INSIDE_ENDS("10.0.0.0/24", "10.0.0.1") "," OUTSIDE_ENDS("192.0.2.11", "192.0.2.1") "}") == NULL);
	CHECK(platform_counter("mappings", now) == 0);
	CHECK(platform_configure("{" ENDS "}") == NULL);
	udp_out(INSIDE + 6, 6000, FAR, 53);
	/* What is refused changes nothing. */
	CHECK(platform_configure("{}") != NULL);
	comes_in(17, packet(17, FAR, OWN, udp(53, 6000)), INSIDE + 6, 6000);
}

static void states(void) {
	char kept[FUNCTION_STATE_MAX + 1];
	restart("{" ENDS ",\"filtering\":\"endpoint\"}");
	while (platform_tick(now))
		now += 2 * SECOND;
	platform_wall_clock = 1700000000;
	udp_out(INSIDE + 5, 5000, FAR, 53);
	unsigned port = udp_out(INSIDE + 6, 5000, FAR, 53);
	goes_out(6, packet(6, INSIDE + 6, FAR, tcp(9000, 80, 2)));
	comes_in(6, packet(6, FAR, OWN, tcp(80, 9000, 0x12)), INSIDE + 6, 9000);
	goes_out(6, packet(6, INSIDE + 6, FAR, tcp(9000, 80, 0x10)));
	goes_out(1, packet(1, INSIDE + 6, FAR, icmp(8, 3)));
	/* The host is told a while later, not with each packet. */
	CHECK(!platform_state_changed && platform_wake_at == now + 10 * SECOND);
	now += 10 * SECOND;
	CHECK(platform_tick(now) && platform_state_changed && platform_wake_at == NEVER);
	strcpy(kept, platform_save(now));

	restart("{" ENDS ",\"filtering\":\"endpoint\"}");
	platform_wall_clock += 100;
	platform_restore(kept, now);
	CHECK(strlen(platform_said) == 0);
	/* The ping had a minute to live; the connection has hours again. */
	CHECK(platform_counter("sessions", now) == 3);
	struct packet_bytes here = arp(1, INSIDE + 6, ROUTER);
	send(LEFT, &here);
	comes_in(17, packet(17, FAR, OWN, udp(53, port)), INSIDE + 6, 5000);
	now += 100 * MINUTE;
	comes_in(6, packet(6, FAR, OWN, tcp(80, 9000, 0x10)), INSIDE + 6, 9000);

	/* Of another configuration what still fits is taken. */
	restart("{" ENDS ",\"ports\":{\"first\":8000}}");
	platform_restore(kept, now);
	CHECK(platform_counter("sessions", now) == (port >= 8000 ? 2 : 1) && strlen(platform_said) == 0);
	/* Nonsense is left. */
	static const char *const bad[] = {"", "{", "{\"sessions\":[\"x\"]}", "{\"sessions\":[7]}", "{\"sessions\":[\"9u0a0000051388c000020a1388c63364050035\"]}",
					  "{\"time\":1,\"sessions\":[\"3u0a0000051388c000020a1388c6336405003g\"]}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		restart("{" ENDS "}");
		platform_restore(bad[i], now);
		CHECK(platform_counter("sessions", now) == 0 && strlen(platform_said) > 0);
	}
	/* More than there is room for: the latest. */
	restart("{" ENDS "}");
	for (unsigned i = 0; i < 1000; i++)
		udp_out(INSIDE + 5, 2000 + i, FAR, 53);
	strcpy(kept, platform_save(now));
	restart("{" ENDS "}");
	platform_restore(kept, now);
	CHECK(platform_counter("sessions", now) == 291 && strlen(platform_said) == 0);
	here = arp(1, INSIDE + 5, ROUTER);
	send(LEFT, &here);
	comes_in(17, packet(17, FAR, OWN, udp(53, 2999)), INSIDE + 5, 2999);
}

/* One port that speaks to everybody: of its conversations the latest stay. */
static void crowds(void) {
	restart("{" ENDS ",\"filtering\":\"endpoint\"}");
	for (unsigned i = 0; i < 40000; i++) {
		now += 10;
		CHECK(udp_out(INSIDE + 5, 5000, FAR + i, 53) == 5000);
	}
	CHECK(platform_counter("mappings", now) == 1 && platform_counter("sessions", now) == 32767);
	CHECK(platform_counter("sessionsEvicted", now) == 40000 - 32767);
	comes_in(17, packet(17, FAR + 39999, OWN, udp(53, 5000)), INSIDE + 5, 5000);
	CHECK(is_dropped(RIGHT, packet(17, FAR, OWN, udp(53, 5000))));
	now += 5 * MINUTE;
	CHECK(platform_counter("sessions", now) == 0);
}

/* A subscriber that opens all it can: places are reused, and established connections go last. */
static void floods(void) {
	restart("{" ENDS "}");
	goes_out(6, packet(6, INSIDE + 6, FAR, tcp(9000, 80, 2)));
	comes_in(6, packet(6, FAR, OWN, tcp(80, 9000, 0x12)), INSIDE + 6, 9000);
	goes_out(6, packet(6, INSIDE + 6, FAR, tcp(9000, 80, 0x10)));
	for (unsigned i = 0; i < 100000; i++) {
		struct packet_bytes frame = packet(17, INSIDE + 2 + i % 200, FAR + i, udp(1024 + i % 60000, i % 7 + 1));
		now += 10;
		CHECK(send(LEFT, &frame) == PASS && sums_are_right(frame.bytes));
	}
	CHECK(platform_counter("mappings", now) <= 16384 && platform_counter("sessions", now) <= 32768);
	CHECK(platform_counter("sessionsEvicted", now) > 50000);
	comes_in(6, packet(6, FAR, OWN, tcp(80, 9000, 0x10)), INSIDE + 6, 9000);
	now += 200 * MINUTE;
	CHECK(platform_counter("mappings", now) == 0 && platform_counter("sessions", now) == 0);
}

static uint64_t state = 1;

static unsigned below(unsigned limit) {
	state = state * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(state >> 33) % limit;
}

/* Frames that are nearly right: nothing from inside ever comes out on the other side with its own address. */
static void damaged(void) {
	restart("{" ENDS ",\"forwards\":[" FORWARD("80", "5") "]}");
	for (unsigned i = 0; i < 200000; i++) {
		unsigned protocol = (unsigned[]){1, 6, 17, below(256)}[below(4)], port = 1024 + below(4), other = below(4) ? 1024 + below(4) : 80;
		struct packet_bytes payload = protocol == 6 ? tcp(port, other, below(64)) : protocol == 17 ? udp(port, other) : icmp(below(20), port);
		enum side from = below(2) ? LEFT : RIGHT;
		struct packet_bytes frame = from == LEFT ? packet(protocol, INSIDE + 1 + below(8), below(3) ? FAR : OWN, payload)
							 : packet(protocol, FAR, OWN, payload);
		if (below(4) == 0) {
			struct packet_bytes cause = frame;
			frame = packet(1, from == LEFT ? INSIDE + 5 : FAR, from == LEFT ? FAR : OWN, icmp_error(3, &cause, 20));
		}
		if (below(6) == 0)
			frame = arp(1 + below(2), below(2) ? INSIDE + below(9) : GATEWAY, below(2) ? OWN : ROUTER);
		for (unsigned damages = below(3) ? 0 : below(4); damages; damages--)
			frame.bytes[12 + below((unsigned)frame.length - 12)] = (uint8_t)below(256);
		if (below(8) == 0)
			frame.length = 14 + below((unsigned)frame.length - 14);
		now += below(1000) ? below(1000) : below(100) * SECOND;
		bool room = below(2);
		platform_forget();
		enum verdict verdict = platform_frame(from, frame.bytes, &frame.length, now, room);
		bool translated = verdict == PASS && from == LEFT && frame.length >= 34 && get16(frame.bytes + 12) == 0x0800;
		CHECK(!translated || get32(frame.bytes + 26) == OWN);
		for (size_t j = 0; j < platform_sent_count; j++) {
			const struct sent *sent = &platform_sent[j];
			CHECK(sent->to == LEFT || get16(sent->bytes + 12) != 0x0800 || get32(sent->bytes + 26) == OWN);
		}
	}
	CHECK(platform_counter("upstream", now) > 1000 && platform_counter("downstream", now) > 1000);
	CHECK(platform_counter("hairpinned", now) > 0 && platform_counter("malformed", now) > 1000);
}

static void refusals(void) {
#define GOOD OUTSIDE_ENDS("192.0.2.10", "192.0.2.1")
	static const struct {
		const char *config, *why;
	} bad[] = {
		{"{}", "inside and outside are needed"},
		{"{" INSIDE_ENDS("10.0.0.0/24", "10.0.1.1") "}", "inside: address is not a host of subnet"},
		{"{" INSIDE_ENDS("10.0.0.0/24", "10.0.0.255") "}", "inside: address is not a host of subnet"},
		{"{" INSIDE_ENDS("127.0.0.0/24", "127.0.0.1") "}", "subnet has no addresses of hosts"},
		{"{" INSIDE_ENDS("10.0.0.0/24", "10.0.0.1") "," OUTSIDE_ENDS("192.0.3.1", "192.0.2.1") "}",
		 "outside: address is not a host of subnet"},
		{"{" INSIDE_ENDS("10.0.0.0/24", "10.0.0.1") "," OUTSIDE_ENDS("192.0.2.1", "192.0.2.1") "}",
		 "outside: gateway is not another host of subnet"},
		{"{" INSIDE_ENDS("192.0.0.0/16", "192.0.0.1") "," GOOD "}", "inside and outside have addresses in common"},
		{"{" ENDS ",\"ports\":{\"first\":80}}", "ports go from first, 1024 or more, to last"},
		{"{" ENDS ",\"ports\":{\"perHost\":255}}", "perHost: there are not so many ports for each host of inside"},
		{"{" ENDS ",\"forwards\":[" FORWARD("80", "1") "]}", "to of a forward is no other host of inside"},
		{"{" ENDS ",\"forwards\":[" FORWARD("80", "5") "," FORWARD("80", "6") "]}",
		 "two forwards have the same port, or the same target"},
		{"{" ENDS ",\"filtering\":\"some\"}", "filtering must be none or endpoint"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		platform_start(1, MEMORY);
		char why[200] = "";
		const char *reason = platform_configure(bad[i].config);
		CHECK(reason);
		snprintf(why, sizeof(why), "%.*s", (int)(strstr(reason, ", at byte") - reason), reason);
		CHECK_TEXT(why, bad[i].why);
	}
}

int main(void) {
	mappings();
	strict();
	lifetimes();
	strangers_take_no_place();
	hairpins();
	errors();
	fragments();
	neighbours();
	what_does_not_belong();
	blocks();
	changes();
	states();
	floods();
	crowds();
	damaged();
	refusals();
	return DONE("nat");
}
