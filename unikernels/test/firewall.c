#include "../common/ethernet.h"
#include "check.h"
#include "frames.h"
#include "platform.h"

#define CLIENT 0x0a000002
#define SERVER 0xc0000201
#define ROUTER 0xc0000301
#define FIN 0x11
#define SYN 0x02
#define SYN_ACK 0x12
#define ACK 0x10
#define RST 0x04

/* Milliseconds. */
static uint64_t now = 1000;

static void configure(const char *json) {
	const char *why = platform_configure(json);
	if (why)
		CHECK_TEXT(why, "");
}

static void restart(const char *json) {
	platform_start(0x1234567890abcdef, 5 << 20);
	configure(json);
}

static bool passes(enum side from, struct packet_bytes packet) {
	struct packet_bytes before = packet;
	bool pass = platform_frame(from, packet.bytes, &packet.length, now * 1000, false) == PASS;
	CHECK(packet.length == before.length && memcmp(packet.bytes, before.bytes, packet.length) == 0);
	return pass;
}

static bool up(unsigned protocol, struct packet_bytes payload) {
	return passes(LEFT, ipv4(protocol, CLIENT, SERVER, &payload));
}

static bool down(unsigned protocol, struct packet_bytes payload) {
	return passes(RIGHT, ipv4(protocol, SERVER, CLIENT, &payload));
}

static uint64_t counter(const char *name) {
	return platform_counter(name, now * 1000);
}

#define WEB_ONLY \
	"{\"default\":\"deny\",\"rules\":[{\"allow\":{\"protocol\":\"tcp\",\"port\":80,\"direction\":\"upstream\"}}," \
	"{\"allow\":{\"protocol\":\"udp\",\"port\":53,\"direction\":\"upstream\"}}," \
	"{\"allow\":{\"protocol\":\"icmp\",\"direction\":\"upstream\"}}]}"

static void udp_and_replies(void) {
	restart(WEB_ONLY);
	CHECK(!down(17, udp(53, 5000)));
	CHECK(up(17, udp(5000, 53)));
	CHECK(down(17, udp(53, 5000)));
	CHECK(!down(17, udp(53, 5001)));
	CHECK(!up(17, udp(5000, 54)));
	now += 299999;
	CHECK(down(17, udp(53, 5000)));
	now += 300000;
	CHECK(!down(17, udp(53, 5000)));
	CHECK(up(17, udp(5000, 53)));
	now += 30000;
	CHECK(!down(17, udp(53, 5000)));
	CHECK(counter("allowed") == 4 && counter("denied") == 5 && counter("malformed") == 0);
	CHECK(counter("flows") == 0);
}

static void tcp_life(void) {
	restart(WEB_ONLY);
	CHECK(!down(6, tcp(80, 5000, SYN_ACK)));
	CHECK(up(6, tcp(5000, 80, SYN)));
	CHECK(up(6, tcp(5000, 80, SYN)));
	CHECK(down(6, tcp(80, 5000, SYN_ACK)));
	now += 29999;
	CHECK(up(6, tcp(5000, 80, ACK)));
	now += 7439999;
	CHECK(down(6, tcp(80, 5000, ACK)));
	CHECK(up(6, tcp(5000, 80, FIN)));
	CHECK(down(6, tcp(80, 5000, ACK)));
	now += 239999;
	CHECK(down(6, tcp(80, 5000, FIN)));
	CHECK(up(6, tcp(5000, 80, ACK)));
	now += 10000;
	CHECK(!down(6, tcp(80, 5000, ACK)));

	/* A SYN is judged even on a living flow, and begins it anew when it is over. */
	CHECK(up(6, tcp(5000, 80, SYN)));
	CHECK(!down(6, tcp(80, 5000, SYN)));
	CHECK(down(6, tcp(80, 5000, RST)));
	CHECK(up(6, tcp(5000, 80, SYN)));
	CHECK(counter("flows") == 1);
	now += 29999;
	CHECK(down(6, tcp(80, 5000, SYN_ACK)));
}

static void tcp_from_the_middle(void) {
	restart(WEB_ONLY);
	CHECK(!down(6, tcp(80, 5000, ACK)));
	CHECK(!up(6, tcp(5000, 80, RST)));
	CHECK(!up(6, tcp(5000, 80, SYN_ACK)));
	CHECK(up(6, tcp(5000, 80, ACK)));
	CHECK(down(6, tcp(80, 5000, ACK)));
	now += 7439999;
	CHECK(up(6, tcp(5000, 80, ACK)));

	/* What the far side says first cannot open the way for what the rules deny. */
	restart("{\"default\":\"allow\",\"rules\":[{\"deny\":{\"protocol\":\"tcp\",\"port\":80}}]}");
	CHECK(down(6, tcp(80, 5000, ACK)));
	CHECK(!up(6, tcp(5000, 80, SYN)));
	CHECK(!up(6, tcp(5001, 80, ACK)));
}

static void pings_and_errors(void) {
	restart(WEB_ONLY);
	CHECK(!down(1, icmp(0, 9)));
	CHECK(!down(1, icmp(8, 9)));
	CHECK(up(1, icmp(8, 9)));
	CHECK(down(1, icmp(0, 9)));
	CHECK(!down(1, icmp(0, 10)));
	CHECK(!down(1, icmp(8, 9)));

	struct packet_bytes query = udp(5000, 53), sent = ipv4(17, CLIENT, SERVER, &query);
	struct packet_bytes error = icmp_error(3, &sent, 20);
	CHECK(!passes(RIGHT, ipv4(1, ROUTER, CLIENT, &error)));
	CHECK(passes(LEFT, sent));
	CHECK(passes(RIGHT, ipv4(1, ROUTER, CLIENT, &error)));
	CHECK(!passes(RIGHT, ipv4(1, ROUTER, CLIENT + 1, &error)));
	struct packet_bytes short_error = error;
	short_error.length -= 4;
	CHECK(!passes(RIGHT, ipv4(1, ROUTER, CLIENT, &short_error)));
	struct packet_bytes echo = icmp(8, 9), echo_sent = ipv4(1, CLIENT, SERVER, &echo);
	error = icmp_error(11, &echo_sent, 20);
	CHECK(passes(RIGHT, ipv4(1, ROUTER, CLIENT, &error)));
	/* An error about an error. */
	struct packet_bytes error_sent = ipv4(1, CLIENT, SERVER, &error);
	error = icmp_error(3, &error_sent, 20);
	CHECK(!passes(RIGHT, ipv4(1, ROUTER, CLIENT, &error)));
}

static void ipv6_packets(void) {
	restart("{\"default\":\"deny\",\"rules\":[{\"allow\":{\"protocol\":\"tcp\",\"to\":\"2001:db8::2/127\"}}]}");
	struct packet_bytes payload = icmp(135, 0);
	CHECK(passes(RIGHT, ipv6(58, 255, 9, 1, &payload)));
	CHECK(!passes(RIGHT, ipv6(58, 64, 9, 1, &payload)));
	CHECK(counter("malformed") == 1);
	payload = icmp(143, 0);
	CHECK(!passes(RIGHT, ipv6(58, 255, 9, 1, &payload)));
	payload = tcp(5000, 80, SYN);
	CHECK(passes(LEFT, ipv6(6, 64, 1, 2, &payload)));
	CHECK(!passes(LEFT, ipv6(6, 64, 1, 4, &payload)));
	struct packet_bytes sent = ipv6(6, 64, 1, 2, &payload), error = icmp_error(2, &sent, 40);
	CHECK(passes(RIGHT, ipv6(58, 64, 9, 1, &error)));
	payload = tcp(80, 5000, SYN_ACK);
	CHECK(passes(RIGHT, ipv6(6, 64, 2, 1, &payload)));

	/* Behind options; then behind more of them than anyone sends. */
	struct packet_bytes options = {.length = 0};
	put32(&options, 0x06000000);
	put32(&options, 0);
	payload = tcp(5001, 80, SYN);
	struct packet_bytes all = options;
	put(&all, payload.bytes, payload.length);
	CHECK(passes(LEFT, ipv6(60, 64, 1, 2, &all)));
	options.bytes[0] = 60;
	all = options;
	for (int i = 0; i < 20; i++)
		put(&all, options.bytes, options.length);
	CHECK(!passes(LEFT, ipv6(60, 64, 1, 2, &all)));
	/* Source routing. */
	struct packet_bytes routed = {.length = 0};
	put32(&routed, 0x06000001);
	put32(&routed, 0);
	put(&routed, payload.bytes, payload.length);
	CHECK(!passes(LEFT, ipv6(43, 64, 1, 2, &routed)));
	CHECK(counter("malformed") == 3);
}

static void fragments(void) {
	restart(WEB_ONLY);
	struct packet_bytes first = udp(5000, 53), later = {.length = 64}, header = tcp(5000, 80, SYN);
	CHECK(!passes(LEFT, ipv4_piece(17, CLIENT, SERVER, 2, &later)));
	CHECK(passes(LEFT, ipv4_piece(17, CLIENT, SERVER, 0x2000, &first)));
	CHECK(passes(LEFT, ipv4_piece(17, CLIENT, SERVER, 2, &later)));
	CHECK(!passes(LEFT, ipv4_piece(17, CLIENT, SERVER + 1, 2, &later)));
	CHECK(!passes(RIGHT, ipv4_piece(17, CLIENT, SERVER, 2, &later)));
	now += 30000;
	CHECK(!passes(LEFT, ipv4_piece(17, CLIENT, SERVER, 2, &later)));

	/* A header in pieces, and a piece over the header. */
	CHECK(passes(LEFT, ipv4_piece(6, CLIENT, SERVER, 0x2000, &header)));
	CHECK(!passes(LEFT, ipv4_piece(6, CLIENT, SERVER, 1, &later)));
	CHECK(!passes(LEFT, ipv4_piece(6, CLIENT, SERVER, 2, &later)));
	CHECK(passes(LEFT, ipv4_piece(6, CLIENT, SERVER, 3, &later)));
	uint64_t malformed = counter("malformed");
	header.length = 16;
	CHECK(!passes(LEFT, ipv4_piece(6, CLIENT, SERVER, 0x2000, &header)));
	CHECK(counter("malformed") == malformed + 1);

	/* A denied first piece opens nothing. */
	first = udp(5000, 54);
	now += 30000;
	CHECK(!passes(LEFT, ipv4_piece(17, CLIENT, SERVER, 0x2000, &first)));
	CHECK(!passes(LEFT, ipv4_piece(17, CLIENT, SERVER, 2, &later)));
}

static void other_frames(void) {
	struct packet_bytes arp = ethernet(0x0806), lldp = ethernet(0x88cc), query = udp(5000, 53);
	struct packet_bytes packet = ipv4(17, CLIENT, SERVER, &query);
	arp.length = 42;
	lldp.length = 60;
	restart(WEB_ONLY);
	CHECK(passes(LEFT, arp) && passes(RIGHT, arp) && passes(LEFT, tagged(7, &arp)));
	CHECK(!passes(LEFT, lldp));
	CHECK(passes(LEFT, tagged(7, &packet)));
	/* The reply belongs to the same VLAN. */
	struct packet_bytes answer = udp(53, 5000), reply = ipv4(17, SERVER, CLIENT, &answer);
	CHECK(!passes(RIGHT, reply) && !passes(RIGHT, tagged(8, &reply)) && passes(RIGHT, tagged(7, &reply)));
	/* And to the same inner one. */
	struct packet_bytes inner = tagged(9, &packet), inner_reply = tagged(9, &reply), other_reply = tagged(10, &reply);
	CHECK(passes(LEFT, tagged(7, &inner)) && passes(RIGHT, tagged(7, &inner_reply)));
	CHECK(!passes(RIGHT, tagged(7, &other_reply)) && !passes(RIGHT, tagged(8, &inner_reply)) && !passes(RIGHT, inner_reply));
	CHECK(counter("flows") == 2);
	/* All kinds of tags are read, and behind a third one nothing is believed. */
	static const unsigned types[] = {0x8100, 0x88a8, 0x9100};
	struct packet_bytes denied = udp(5000, 54), unwanted = ipv4(17, CLIENT, SERVER, &denied);
	configure("{\"default\":\"allow\",\"rules\":[{\"deny\":{\"protocol\":\"udp\",\"port\":54}}]}");
	for (size_t i = 0; i < 9; i++) {
		struct packet_bytes one = tagged(9, &unwanted);
		set16(one.bytes + 12, types[i % 3]);
		struct packet_bytes two = tagged(7, &one);
		set16(two.bytes + 12, types[i / 3]);
		CHECK(!passes(LEFT, one) && !passes(LEFT, two));
		CHECK(counter("malformed") == i);
		CHECK(!passes(LEFT, tagged(6, &two)));
	}
	struct packet_bytes tagged_arp = tagged(9, &arp), twice = tagged(7, &tagged_arp);
	CHECK(passes(LEFT, twice) && !passes(LEFT, tagged(6, &twice)));
	for (size_t length = 14; length < 22; length++) {
		struct packet_bytes cut = inner;
		cut = tagged(7, &cut);
		cut.length = length;
		CHECK(!passes(LEFT, cut));
	}
	configure(WEB_ONLY);
	arp.length = 30;
	CHECK(!passes(LEFT, arp));
	configure("{\"default\":\"allow\"}");
	CHECK(passes(LEFT, lldp));
}

static void malformed_frames(void) {
	restart("{\"default\":\"allow\"}");
	struct packet_bytes payload = tcp(5000, 80, SYN), good = ipv4(6, CLIENT, SERVER, &payload), bad;
	CHECK(passes(LEFT, good));
	for (size_t length = 14; length < good.length; length++) {
		bad = good;
		bad.length = length;
		CHECK(!passes(LEFT, bad));
	}
	static const struct {
		size_t at;
		uint8_t value;
	} spoils[] = {{14, 0x44}, {14, 0x4f}, {14, 0x65}, {17, 19}, {17, 200}, {46, 0x40}, {46, 0xf0},
		      {47, 0x03}, {47, 0x06}, {47, 0x00}, {47, 0x01}, {47, 0x29}};
	for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
		bad = good;
		bad.bytes[spoils[i].at] = spoils[i].value;
		CHECK(!passes(LEFT, bad));
	}
	payload = udp(1, 2);
	payload.bytes[5] = 7;
	CHECK(!up(17, payload));
	payload.bytes[5] = 13;
	CHECK(!up(17, payload));
	/* Padding behind a short packet is no part of it. */
	good.length += 6;
	CHECK(passes(LEFT, good));
	CHECK(counter("malformed") == good.length - 20 + sizeof(spoils) / sizeof(*spoils) + 2);
}

static void new_rules(void) {
	restart(WEB_ONLY);
	CHECK(up(17, udp(5000, 53)) && down(17, udp(53, 5000)));
	CHECK(up(6, tcp(5000, 80, SYN)) && down(6, tcp(80, 5000, SYN_ACK)));
	configure("{\"default\":\"deny\",\"rules\":[{\"allow\":{\"protocol\":\"tcp\"}}]}");
	CHECK(!down(17, udp(53, 5000)) && !up(17, udp(5000, 53)));
	CHECK(down(6, tcp(80, 5000, SYN_ACK)));
	char reason[100];
	struct text why = TEXT_OVER(reason);
	CHECK(!function.configure("{\"default\":\"allow\",\"rules\":[1]}", 31, &why));
	CHECK(!up(17, udp(5000, 53)) && up(6, tcp(5000, 80, ACK)));
}

/* A thousand may begin at once, and then ten a second; strangers have a thousand of their own. */
static void pace_of_new_flows(void) {
	restart("{\"default\":\"allow\",\"newFlows\":{\"perSecond\":10,\"burst\":1000}}");
	unsigned begun = 0;
	for (unsigned i = 0; i < 3000; i++)
		begun += up(17, udp(i + 1, 53));
	CHECK(begun == 1000 && counter("flowsLimited") == 2000 && counter("denied") == 2000);
	CHECK(up(17, udp(1, 53)) && down(17, udp(53, 1)));
	CHECK(down(17, udp(7, 7)));
	begun = 0;
	for (unsigned i = 0; i < 1000; i++) {
		now += 10;
		begun += up(17, udp(i + 10000, 53));
	}
	CHECK(begun == 100);
	/* The same pace again changes nothing, another one begins anew. */
	configure("{\"default\":\"allow\",\"newFlows\":{\"perSecond\":10,\"burst\":1000}}");
	CHECK(!up(17, udp(20000, 53)));
	configure("{\"default\":\"allow\",\"newFlows\":{\"perSecond\":1000000,\"burst\":1}}");
	CHECK(up(17, udp(20000, 53)) && !up(17, udp(20001, 53)));
	configure("{\"default\":\"allow\"}");
	CHECK(up(17, udp(20001, 53)));
}

static void told(const char *line) {
	if (!strstr(platform_said, line))
		CHECK_TEXT(platform_said, line);
	checks++;
	platform_forget();
}

static unsigned lines_told(void) {
	unsigned lines = 0;
	for (const char *c = platform_said; *c; c++)
		lines += *c == '\n';
	return lines;
}

static void denials_in_the_log(void) {
	now += 100000;
	restart("{\"default\":\"deny\",\"log\":\"denied\",\"newFlows\":{\"perSecond\":1},\"rules\":[{\"allow\":{\"protocol\":\"udp\","
		"\"port\":53}},{\"deny\":{\"protocol\":\"tcp\"}}]}");
	CHECK(!up(6, tcp(5000, 80, SYN)));
	told("denied upstream tcp from 10.0.0.2 port 5000 to 192.0.2.1 port 80 by rule 1\n");
	CHECK(!down(6, tcp(80, 5000, SYN_ACK)));
	told("denied downstream tcp from 192.0.2.1 port 80 to 10.0.0.2 port 5000 because it belongs to no flow and begins none\n");
	struct packet_bytes payload = udp(7, 9);
	CHECK(!passes(LEFT, ipv6(17, 64, 2, 1, &payload)));
	told("denied upstream udp from 2001:db8::2 port 7 to 2001:db8::1 port 9 by default\n");
	CHECK(up(17, udp(1, 53)) && !up(17, udp(2, 53)));
	told("port 53 because too many flows begin\n");
	CHECK(!passes(LEFT, ipv4_piece(17, CLIENT, SERVER, 0x0100, &payload)));
	told("denied upstream udp from 10.0.0.2 to 192.0.2.1 because the first fragment of its packet has not passed\n");
	CHECK(!up(1, icmp(8, 1)) && !up(89, icmp(8, 1)));
	told("denied upstream icmp from 10.0.0.2 to 192.0.2.1 by default\ndenied upstream protocol 89 from");
	for (unsigned i = 0; i < 100; i++)
		CHECK(!up(17, udp(5, 6)));
	CHECK(lines_told() == 3);
	platform_forget();
	now += 1000;
	CHECK(!up(17, udp(5, 6)));
	told("by default; before it 97 more were denied\n");
	CHECK(!up(17, udp(5, 6)) && lines_told() == 0);
	configure("{\"default\":\"deny\"}");
	now += 100000;
	CHECK(!up(17, udp(5, 6)) && lines_told() == 0);
}

static void full_table(void) {
	restart("{\"default\":\"allow\"}");
	CHECK(up(17, udp(1, 53)) && down(17, udp(53, 1)));
	for (unsigned i = 0; i < 60000; i++) {
		now++;
		if (i % 1000 == 0)
			CHECK(down(17, udp(53, 1)));
		CHECK(passes(LEFT, (i % 2 ? ipv4(17, CLIENT + i, SERVER, &(struct packet_bytes){{0, 9, 0, 9, 0, 8, 0, 0}, 8})
					  : ipv4(17, CLIENT, SERVER + i, &(struct packet_bytes){{1, 9, 0, 9, 0, 8, 0, 0}, 8}))));
	}
	CHECK(counter("flows") <= 8192 && counter("flowsEvicted") > 0);
	/* Openings came and went; the conversation is still there. */
	CHECK(down(17, udp(53, 1)));
	restart(WEB_ONLY);
	CHECK(counter("flows") == 0);
}

int main(void) {
	udp_and_replies();
	tcp_life();
	tcp_from_the_middle();
	pings_and_errors();
	ipv6_packets();
	fragments();
	other_frames();
	malformed_frames();
	new_rules();
	pace_of_new_flows();
	denials_in_the_log();
	full_table();
	return DONE("firewall");
}
