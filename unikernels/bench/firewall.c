/*
 * What many rules cost a packet that begins a flow, on the host and without a wire: each round judges the same packets
 * by few rules and by many, and a ratio is the median of the rounds'.
 *
 *	make bench
 */
#include "../functions/firewall/classifier.h"

#include "../test/check.h"
#include "../test/frames.h"
#include "../test/platform.h"

#include <time.h>

#define PACKETS 50000
#define ROUNDS 9
#define FEW 10
#define MANY 4000

static uint64_t state = 1;

static uint32_t random32(void) {
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 33);
}

static double seconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Networks that are blocked, one after the other. */
static int blocklist(char *json, int i) {
	return sprintf(json, "{\"deny\":{\"to\":\"10.%d.%d.0/24\"}}", i >> 8 & 255, i & 255);
}

/* Every kind of rule, so mixed that no part of the list is about one field. */
static int mixture(char *json, int i) {
	switch (i % 4) {
	case 0:
		return sprintf(json, "{\"deny\":{\"to\":\"10.%d.%d.0/24\"}}", i >> 8 & 255, i & 255);
	case 1:
		return sprintf(json, "{\"deny\":{\"from\":\"11.%d.%d.7\"}}", i >> 8 & 255, i & 255);
	case 2:
		return sprintf(json, "{\"deny\":{\"protocol\":\"tcp\",\"port\":\"%d-%d\"}}", i + 1, i + 9);
	default:
		return sprintf(json, "{\"deny\":{\"protocol\":\"udp\",\"port\":%d,\"to\":\"10.%d.0.0/16\"}}", i + 1, i & 255);
	}
}

static void configure(int (*rule)(char *json, int i), int count) {
	static char json[300000];
	char *at = json + sprintf(json, "{\"default\":\"allow\",\"rules\":[");
	for (int i = 0; i < count; i++) {
		if (i)
			*at++ = ',';
		at += rule(at, i);
	}
	strcpy(at, "]}");
	CHECK(!platform_configure(json));
}

static struct packet_bytes packets[PACKETS];

static void make_packets(void) {
	for (int i = 0; i < PACKETS; i++) {
		bool is_tcp = random32() & 1;
		struct packet_bytes payload = is_tcp ? tcp(random32() & 0xffff, random32() & 0x3fff, TCP_SYN) : udp(random32() & 0xffff, random32() & 0x3fff);
		/* A quarter is about what rules name. */
		uint32_t from = random32() % 4 ? random32() : 0x0b000007 | (random32() & 0xfff) << 8;
		uint32_t to = random32() % 4 ? random32() : 0x0a000000 | (random32() & 0x1fffff);
		packets[i] = ipv4(is_tcp ? PROTOCOL_TCP : PROTOCOL_UDP, from, to, &payload);
	}
}

/* Nanoseconds for each. */
static double judge_all(void) {
	double begun = seconds();
	for (int i = 0; i < PACKETS; i++) {
		struct frame frame = {packets[i].bytes, packets[i].length, 0, 0};
		function.frame(LEFT, &frame, 1);
	}
	return (seconds() - begun) / PACKETS * 1e9;
}

static int by_value(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values) {
	qsort(values, ROUNDS, sizeof(*values), by_value);
	return values[ROUNDS / 2];
}

static void measure(const char *name, int (*rule)(char *json, int i)) {
	double few[ROUNDS], many[ROUNDS], ratios[ROUNDS];
	for (int round = 0; round < ROUNDS; round++) {
		platform_start(1, 5 << 20);
		configure(rule, FEW);
		few[round] = judge_all();
		platform_start(1, 5 << 20);
		configure(rule, MANY);
		many[round] = judge_all();
		ratios[round] = many[round] / few[round];
	}
	printf("%-10s %d rules %.0f ns a packet, %d rules %.0f ns, ratio %.2f\n", name, FEW, median(few), MANY, median(many), median(ratios));
}

int main(void) {
	make_packets();
	measure("blocklist", blocklist);
	measure("mixture", mixture);
}
