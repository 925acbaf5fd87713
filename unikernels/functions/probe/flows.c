#include "flows.h"

#include "../../platform/panic.h"
#include "../function.h"

#include <string.h>

#define FLOWS 8192u
#define BUCKETS 8192u
/* The first place stays empty, so that zeroed memory is an empty table. */
#define NONE 0u

#define SECOND 1000000ull
/* A connection that has ended may still have a packet or two. */
#define ENDED_TIME (2 * SECOND)

static struct flow *flows;
static uint32_t *buckets;
/* What was never used lies behind this; what was given back is chained. */
static uint32_t free_flow, untouched;
static uint64_t count, secret[2];
static uint64_t idle_time, active_time;

/* From the oldest to the newest. The flows that have ended stand in an order of their own. */
struct order {
	uint32_t oldest, newest;
};
static struct order used[2], told;

void flows_start(struct arena *memory, uint64_t seed) {
	flows = arena_take_many(memory, FLOWS, sizeof(*flows));
	buckets = arena_take_many(memory, BUCKETS, sizeof(*buckets));
	if (!flows || !buckets)
		panic("the tables do not fit into the memory");
	free_flow = NONE;
	untouched = NONE + 1;
	count = 0;
	used[0] = used[1] = told = (struct order){NONE, NONE};
	secret[0] = seed | 1;
	secret[1] = (seed ^ 0xd6e8feb86659fd93) * 0x9e3779b97f4a7c15 | 1;
}

void flows_configure(const struct config *config) {
	idle_time = config->idle_seconds * SECOND;
	active_time = config->active_seconds * SECOND;
}

static uint64_t mix(uint64_t a, uint64_t b) {
	unsigned __int128 product = (unsigned __int128)(a ^ secret[0]) * (b ^ secret[1]);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* With a secret, so that nobody can aim all at one bucket. */
static uint32_t *bucket_of(const struct ends *ends) {
	uint64_t sum = mix(ends->addresses[LEFT].low, ends->addresses[RIGHT].low);
	sum = mix(sum ^ ends->addresses[LEFT].high, ends->addresses[RIGHT].high + sum);
	uint64_t rest = (uint64_t)ends->ports[LEFT] << 48 | (uint64_t)ends->ports[RIGHT] << 32 |
			(uint64_t)ends->vlan << 8 | ends->protocol;
	return &buckets[mix(sum, rest) % BUCKETS];
}

static bool equal(const struct ends *a, const struct ends *b) {
	for (int side = LEFT; side <= RIGHT; side++)
		if (a->addresses[side].high != b->addresses[side].high ||
		    a->addresses[side].low != b->addresses[side].low || a->ports[side] != b->ports[side])
			return false;
	return a->vlan == b->vlan && a->family == b->family && a->protocol == b->protocol;
}

/* The two orders. `place` is a flow's `used` or `told`. */

#define PLACE(which, index) ((which) ? &flows[index].told : &flows[index].used)
enum { BY_USE, BY_REPORT };

static void leave(struct order *order, int which, uint32_t index) {
	const struct place *place = PLACE(which, index);
	*(place->older == NONE ? &order->oldest : &PLACE(which, place->older)->newer) = place->newer;
	*(place->newer == NONE ? &order->newest : &PLACE(which, place->newer)->older) = place->older;
}

static void join(struct order *order, int which, uint32_t index) {
	*PLACE(which, index) = (struct place){order->newest, NONE};
	*(order->newest == NONE ? &order->oldest : &PLACE(which, order->newest)->newer) = index;
	order->newest = index;
}

static struct ends ends_of(enum side from, const struct packet *packet) {
	struct ends ends = {.vlan = packet->vlan, .family = packet->family, .protocol = packet->protocol};
	ends.addresses[from] = packet->from;
	ends.addresses[other_side(from)] = packet->to;
	ends.ports[from] = packet->from_port;
	ends.ports[other_side(from)] = packet->to_port;
	return ends;
}

struct flow *flows_of(enum side from, const struct packet *packet, uint64_t now) {
	struct ends ends = ends_of(from, packet);
	uint32_t *bucket = bucket_of(&ends);
	for (uint32_t i = *bucket; i != NONE; i = flows[i].next)
		if (equal(&flows[i].ends, &ends))
			return &flows[i];
	uint32_t index = free_flow;
	if (index != NONE)
		free_flow = flows[index].next;
	else if (untouched < FLOWS)
		index = untouched++;
	else
		return NULL;
	flows[index] = (struct flow){.ends = ends, .first = now, .last = now, .told_at = now, .next = *bucket};
	*bucket = index;
	join(&used[false], BY_USE, index);
	join(&told, BY_REPORT, index);
	count++;
	return &flows[index];
}

static uint32_t index_of(const struct flow *flow) {
	return (uint32_t)(flow - flows);
}

void flow_used(struct flow *flow, uint64_t now) {
	bool ended = flow->finished == (1 << LEFT | 1 << RIGHT);
	leave(&used[flow->ended], BY_USE, index_of(flow));
	flow->ended = ended;
	flow->last = now;
	join(&used[ended], BY_USE, index_of(flow));
}

static uint64_t due_at(const struct order *order, uint64_t time) {
	return order->oldest == NONE ? NEVER : flows[order->oldest].last + time;
}

static uint64_t active_at(void) {
	return told.oldest == NONE ? NEVER : flows[told.oldest].told_at + active_time;
}

uint64_t flows_deadline(void) {
	uint64_t deadlines[] = {due_at(&used[false], idle_time), due_at(&used[true], ENDED_TIME), active_at()};
	uint64_t first = NEVER;
	for (size_t i = 0; i < sizeof(deadlines) / sizeof(*deadlines); i++)
		if (deadlines[i] < first)
			first = deadlines[i];
	return first;
}

struct flow *flows_due(enum reason *why, uint64_t now) {
	*why = ENDED;
	if (due_at(&used[true], ENDED_TIME) <= now)
		return &flows[used[true].oldest];
	*why = IDLE;
	if (due_at(&used[false], idle_time) <= now)
		return &flows[used[false].oldest];
	*why = ACTIVE;
	return active_at() <= now ? &flows[told.oldest] : NULL;
}

struct flow *flows_oldest(void) {
	uint32_t oldest = used[true].oldest == NONE ? used[false].oldest : used[true].oldest;
	return oldest == NONE ? NULL : &flows[oldest];
}

static void forget(struct flow *flow) {
	uint32_t index = index_of(flow), *link = bucket_of(&flow->ends);
	while (*link != index)
		link = &flows[*link].next;
	*link = flow->next;
	leave(&used[flow->ended], BY_USE, index);
	flow->ends.family = 0;
	flow->next = free_flow;
	free_flow = index;
	count--;
}

void flow_told(struct flow *flow, enum reason why, uint64_t now) {
	leave(&told, BY_REPORT, index_of(flow));
	if (why != ACTIVE) {
		forget(flow);
		return;
	}
	for (int side = LEFT; side <= RIGHT; side++)
		flow->ways[side].untold = (struct tally){0};
	flow->told_at = now;
	join(&told, BY_REPORT, index_of(flow));
}

uint64_t flows_count(void) {
	return count;
}

static uint64_t bytes_of(const struct flow *flow) {
	return flow->ways[LEFT].all.bytes + flow->ways[RIGHT].all.bytes;
}

size_t flows_largest(const struct flow **largest, size_t limit) {
	size_t found = 0;
	for (uint32_t i = NONE + 1; i < untouched; i++) {
		if (flows[i].ends.family == 0)
			continue;
		size_t place = found;
		while (place > 0 && bytes_of(largest[place - 1]) < bytes_of(&flows[i]))
			place--;
		if (place == limit)
			continue;
		size_t behind = (found < limit ? found : limit - 1) - place;
		memmove(&largest[place + 1], &largest[place], behind * sizeof(*largest));
		largest[place] = &flows[i];
		if (found < limit)
			found++;
	}
	return found;
}
