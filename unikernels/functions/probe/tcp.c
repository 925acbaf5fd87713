#include "tcp.h"

#include "../../common/ethernet.h"

static bool is_behind(uint32_t sequence, uint32_t end) {
	return (int32_t)(sequence - end) > 0;
}

static void measure(struct way *way, uint64_t microseconds) {
	uint32_t sample = microseconds == 0 ? 1 : microseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)microseconds;
	if (way->shortest_round_trip == 0 || sample < way->shortest_round_trip)
		way->shortest_round_trip = sample;
	/* Smoothed as a sender does it (RFC 6298). */
	way->round_trip = way->round_trip ? (uint32_t)(((uint64_t)way->round_trip * 7 + sample) / 8) : sample;
}

static void see_bytes(struct way *way, uint32_t end, bool new_start, bool probes_life, uint64_t now) {
	if (!way->sequence_known || new_start || is_behind(end, way->sequence)) {
		way->sequence = end;
		way->sequence_known = true;
		if (way->waits && !new_start)
			return;
		way->waits = true;
		way->awaited = end;
		way->since = now;
		return;
	}
	/* A keepalive repeats one byte on purpose (RFC 1122, section 4.2.3.6). */
	if (probes_life)
		return;
	way->all.repeated++;
	way->untold.repeated++;
	/* Of what was sent twice nobody knows which one is acknowledged (Karn's algorithm, RFC 6298, section 3). */
	way->waits = false;
}

void tcp_step(struct flow *flow, enum side from, const struct packet *packet, uint64_t now) {
	const uint8_t *at = packet->transport;
	struct way *way = &flow->ways[from], *other = &flow->ways[other_side(from)];
	uint8_t flags = packet->tcp_flags;
	bool begins = flags & TCP_SYN, ends = flags & TCP_FIN;
	uint32_t sequence = get32(at + 4);
	size_t header = (size_t)(at[12] >> 4) * 4;
	size_t data = packet->fragment == WHOLE ? packet->transport_length - header : 0;
	uint32_t length = (uint32_t)data + begins + ends;
	/* Another connection between the same ends begins. */
	bool anew = begins && (!way->sequence_known || sequence + length != way->sequence);
	if (anew)
		flow->finished &= (uint8_t)~(1 << from);
	if (length > 0)
		see_bytes(way, sequence + length, anew, data <= 1 && !begins && !ends && sequence + 1 == way->sequence, now);
	if (flags & TCP_ACK && other->waits && !is_behind(other->awaited, get32(at + 8))) {
		other->waits = false;
		measure(way, now - other->since);
	}
	if (ends)
		flow->finished |= (uint8_t)(1 << from);
	if (flags & TCP_RST)
		flow->finished = 1 << LEFT | 1 << RIGHT;
}
