#include "complaints.h"

#include "../../common/checksum.h"

#include <string.h>

#define ICMP_HEADER 8
#define TTL 64

/* So many at once, and then one each so many microseconds. */
#define BURST 50
#define EVERY 1000

static uint64_t used, earned_at;

void complaints_start(void) {
	used = earned_at = 0;
}

static bool may_complain(uint64_t now) {
	uint64_t earned = (now - earned_at) / EVERY;
	earned_at += earned * EVERY;
	used = used > earned ? used - earned : 0;
	return used < BURST && ++used;
}

size_t complaint_write(uint8_t bytes[COMPLAINT_MAX], enum complaint why, uint32_t own, const struct datagram *packet,
		       uint64_t now) {
	bool error = packet->protocol == PROTOCOL_ICMP && packet->transport && packet->icmp == ICMP_ERROR;
	if (!packet->transport || error || !may_complain(now))
		return 0;
	uint8_t *icmp = bytes + IPV4_HEADER;
	size_t quote = (size_t)(packet->ip[0] & 15) * 4 + (packet->length < 8 ? packet->length : 8);
	size_t length = IPV4_HEADER + ICMP_HEADER + quote;
	memset(bytes, 0, length);
	bytes[0] = 0x45;
	set16(bytes + 2, (uint32_t)length);
	bytes[8] = TTL;
	bytes[9] = PROTOCOL_ICMP;
	set32(bytes + 12, own);
	set32(bytes + 16, packet->from.address);
	set16(bytes + 10, (uint16_t)~checksum_fold(checksum_add(0, bytes, IPV4_HEADER)));
	set16(icmp, why);
	memcpy(icmp + ICMP_HEADER, packet->ip, quote);
	set16(icmp + 2, (uint16_t)~checksum_fold(checksum_add(0, icmp, ICMP_HEADER + quote)));
	return length;
}
