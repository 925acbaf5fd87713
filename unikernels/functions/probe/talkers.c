#include "talkers.h"

#include <string.h>

static struct talker tables[2][TALKERS];

void talkers_start(void) {
	memset(tables, 0, sizeof(tables));
}

static bool is(const struct talker *talker, uint8_t family, const struct address *address) {
	return talker->family == family && talker->address.low == address->low && talker->address.high == address->high;
}

static uint64_t weight(const struct talker *talker) {
	return talker->bytes[LEFT] + talker->bytes[RIGHT] + talker->error;
}

static uint8_t find(const struct talker *table, uint8_t family, const struct address *address) {
	uint8_t least = 0;
	for (uint8_t i = 0; i < TALKERS; i++) {
		if (is(&table[i], family, address))
			return i;
		if (weight(&table[i]) < weight(&table[least]))
			least = i;
	}
	return least;
}

uint8_t talkers_count(enum side side, uint8_t hint, uint8_t family, const struct address *address, enum side from,
		      uint64_t bytes) {
	struct talker *table = tables[side];
	uint8_t place = is(&table[hint], family, address) ? hint : find(table, family, address);
	struct talker *talker = &table[place];
	if (!is(talker, family, address))
		*talker = (struct talker){.address = *address, .family = family, .error = weight(talker)};
	talker->packets[from]++;
	talker->bytes[from] += bytes;
	return place;
}

size_t talkers_largest(enum side side, const struct talker **largest, size_t limit) {
	size_t found = 0;
	for (size_t i = 0; i < TALKERS; i++) {
		const struct talker *talker = &tables[side][i];
		size_t place = found;
		if (talker->family == 0)
			continue;
		while (place > 0 && weight(largest[place - 1]) < weight(talker))
			place--;
		if (place == limit)
			continue;
		size_t behind = (found < limit ? found : limit - 1) - place;
		memmove(&largest[place + 1], &largest[place], behind * sizeof(*largest));
		largest[place] = talker;
		if (found < limit)
			found++;
	}
	return found;
}
