#include "flows.h"

/* A fuzzer sets fewer, so that it sees them full. */
#ifndef BUCKETS
#define BUCKETS 1024
#endif
#define PLACES 8

#define SECONDS 1000ull

/* Idle times. TCP by RFC 5382 (REQ-5), UDP by RFC 4787 (REQ-5), ICMP by RFC 5508 (REQ-1). */
#define IDLE_TCP_OPENING (30 * SECONDS)
#define IDLE_TCP_ESTABLISHED (7440 * SECONDS)
#define IDLE_TCP_CLOSING (240 * SECONDS)
#define IDLE_TCP_CLOSED (10 * SECONDS)
#define IDLE_UDP_OPENING (30 * SECONDS)
#define IDLE_UDP_ESTABLISHED (300 * SECONDS)
#define IDLE_ICMP (60 * SECONDS)
#define IDLE_OTHER (600 * SECONDS)

static struct flow (*table)[PLACES];
static uint64_t secret[2];

bool flows_start(struct arena *memory, uint64_t seed) {
	table = arena_take_many(memory, BUCKETS, sizeof(*table));
	secret[0] = seed | 1;
	secret[1] = (seed ^ 0xd6e8feb86659fd93) * 0x9e3779b97f4a7c15 | 1;
	return table;
}

static uint64_t fold(uint64_t a, uint64_t b) {
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* With a secret, so that a subscriber cannot aim all flows at one bucket. */
static struct flow *bucket(const struct flow_key *key) {
	uint64_t rest = (uint64_t)key->left_port << 48 | (uint64_t)key->right_port << 32 |
			(uint64_t)key->vlan << 8 | key->protocol;
	uint64_t hash = fold(key->left.high ^ secret[0], key->left.low ^ secret[1]);
	hash ^= fold(key->right.high ^ secret[1], key->right.low ^ hash ^ secret[0]);
	hash = fold(hash ^ secret[0], rest ^ secret[1]);
	return table[hash % BUCKETS];
}

struct flow_key flow_key(enum side from, uint32_t vlan, uint8_t family, uint8_t protocol,
			 const struct address *source, const struct address *target, uint16_t source_port,
			 uint16_t target_port) {
	if (from == LEFT)
		return (struct flow_key){*source, *target, vlan, source_port, target_port, family, protocol};
	return (struct flow_key){*target, *source, vlan, target_port, source_port, family, protocol};
}

static uint64_t idle_time(const struct flow *flow) {
	switch (flow->key.protocol) {
	case PROTOCOL_TCP:
		switch (flow->state) {
		case FLOW_ESTABLISHED:
			return IDLE_TCP_ESTABLISHED;
		case FLOW_CLOSING:
			return IDLE_TCP_CLOSING;
		case FLOW_CLOSED:
			return IDLE_TCP_CLOSED;
		default:
			return IDLE_TCP_OPENING;
		}
	case PROTOCOL_UDP:
		return flow->state == FLOW_OPENING ? IDLE_UDP_OPENING : IDLE_UDP_ESTABLISHED;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return IDLE_ICMP;
	default:
		return IDLE_OTHER;
	}
}

static bool same_key(const struct flow_key *a, const struct flow_key *b) {
	return a->left.low == b->left.low && a->right.low == b->right.low && a->left_port == b->left_port &&
	       a->right_port == b->right_port && a->protocol == b->protocol && a->family == b->family &&
	       a->vlan == b->vlan && a->left.high == b->left.high && a->right.high == b->right.high;
}

static bool alive(const struct flow *flow, uint64_t now) {
	return flow->state != FLOW_FREE && now - flow->used < idle_time(flow);
}

struct flow *flows_find(const struct flow_key *key, uint64_t now) {
	struct flow *flow = bucket(key);
	for (int i = 0; i < PLACES; i++, flow++)
		if (same_key(&flow->key, key) && alive(flow, now))
			return flow;
	return NULL;
}

/* Whether `a` should give way rather than `b`. */
static bool gives_way(const struct flow *a, const struct flow *b) {
	bool a_talks = a->state == FLOW_ESTABLISHED, b_talks = b->state == FLOW_ESTABLISHED;
	if (a_talks != b_talks)
		return b_talks;
	return a->used < b->used;
}

struct flow *flows_add(const struct flow_key *key, enum side opener, uint64_t now, uint64_t *evicted) {
	struct flow *first = bucket(key), *place = NULL;
	for (struct flow *flow = first; flow < first + PLACES; flow++)
		if (same_key(&flow->key, key) || (!place && !alive(flow, now)))
			place = flow;
	if (!place) {
		place = first;
		for (struct flow *flow = first + 1; flow < first + PLACES; flow++)
			if (gives_way(flow, place))
				place = flow;
		(*evicted)++;
	}
	*place = (struct flow){.key = *key, .used = now, .state = FLOW_OPENING, .opener = (uint8_t)opener};
	return place;
}

static void tcp_step(struct flow *flow, enum side from, uint8_t flags) {
	bool opener = from == flow->opener;
	if (flags & TCP_RST) {
		flow->state = FLOW_CLOSED;
		return;
	}
	if (flow->state == FLOW_OPENING) {
		if (!opener && flow->picked_up)
			flow->state = FLOW_ESTABLISHED;
		else if (!opener && flags & TCP_SYN && flags & TCP_ACK)
			flow->state = FLOW_ANSWERED;
	} else if (flow->state == FLOW_ANSWERED && opener && !(flags & TCP_SYN)) {
		flow->state = FLOW_ESTABLISHED;
	}
	if (flags & TCP_FIN && flow->state != FLOW_CLOSED) {
		flow->finished |= (uint8_t)(1 << from);
		flow->state = flow->finished == (1 << LEFT | 1 << RIGHT) ? FLOW_CLOSED : FLOW_CLOSING;
	}
}

void flow_step(struct flow *flow, enum side from, const struct packet *packet, uint64_t now) {
	flow->used = now;
	if (packet->protocol == PROTOCOL_TCP)
		tcp_step(flow, from, packet->tcp_flags);
	else if (from != flow->opener)
		flow->state = FLOW_ESTABLISHED;
}

struct opening flow_opening(const struct flow *flow) {
	const struct flow_key *key = &flow->key;
	bool upstream = flow->opener == LEFT;
	bool ports = key->protocol == PROTOCOL_TCP || key->protocol == PROTOCOL_UDP;
	return (struct opening){
		.family = key->family,
		.protocol = key->protocol,
		.side = upstream ? LEFT : RIGHT,
		.from = upstream ? key->left : key->right,
		.to = upstream ? key->right : key->left,
		.port = !ports ? 0 : upstream ? key->right_port : key->left_port,
	};
}

uint64_t flows_count(uint64_t now) {
	uint64_t count = 0;
	for (int i = 0; i < BUCKETS; i++)
		for (int j = 0; j < PLACES; j++)
			count += alive(&table[i][j], now);
	return count;
}
