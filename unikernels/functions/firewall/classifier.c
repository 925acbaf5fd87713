#include "classifier.h"

#include <string.h>

/* So many words have the sets of one field, all together. */
#define WORDS_MAX (48 << 10)
#define NOBODY UINT16_MAX

enum { BY_PROTOCOL, BY_PORT, BY_SOURCE, BY_TARGET, FIELDS };

struct range {
	struct address low, high;
};

struct drafts {
	struct address points[INTERVALS_MAX];
	/* The rules, in the order of bits, whose range begins or ends in an interval: lists through `next`. */
	uint16_t beginning[INTERVALS_MAX], ending[INTERVALS_MAX];
	uint16_t next_beginning[RULES_MAX], next_ending[RULES_MAX];
};

static bool before(const struct address *a, const struct address *b) {
	return a->high != b->high ? a->high < b->high : a->low < b->low;
}

/* IPv4 lies among IPv6; which family a rule is about is a matter of kinds. */
static struct address value_of(const struct opening *opening, int field) {
	switch (field) {
	case BY_PROTOCOL:
		return (struct address){0, opening->protocol};
	case BY_PORT:
		return (struct address){0, opening->port};
	case BY_SOURCE:
		return opening->from;
	default:
		return opening->to;
	}
}

/* False when the rule takes any value of this field. */
static bool range_of(const struct rule *rule, int field, struct range *range) {
	if (field == BY_PROTOCOL) {
		*range = (struct range){{0, rule->protocol}, {0, rule->protocol}};
		return rule->protocol != ANY_PROTOCOL;
	}
	if (field == BY_PORT) {
		*range = (struct range){{0, rule->port_low}, {0, rule->port_high}};
		return rule->port_low != 0 || rule->port_high != 65535;
	}
	const struct prefix *prefix = field == BY_SOURCE ? &rule->from : &rule->to;
	range->low = prefix->address;
	range->high = (struct address){prefix->address.high | ~prefix->mask.high, prefix->address.low | ~prefix->mask.low};
	return prefix->family != 0;
}

static void sift(struct address *points, size_t at, size_t count) {
	struct address moved = points[at];
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && before(&points[child], &points[child + 1]))
			child++;
		if (!before(&moved, &points[child]))
			break;
		points[at] = points[child];
	}
	points[at] = moved;
}

/* In place and never slow: by heap. */
static void sort(struct address *points, size_t count) {
	for (size_t i = count / 2; i > 0; i--)
		sift(points, i - 1, count);
	for (size_t last = count; last-- > 1;) {
		struct address largest = points[0];
		points[0] = points[last];
		points[last] = largest;
		sift(points, 0, last);
	}
}

/* Where something changes in this field: the begin of each interval. */
static size_t find_points(const struct classifier *classifier, int field) {
	struct address *points = classifier->drafts->points;
	size_t count = 0, kept = 1;
	struct range range;
	points[count++] = (struct address){0, 0};
	for (size_t i = 0; i < classifier->set->count; i++) {
		if (!range_of(&classifier->set->rules[i], field, &range))
			continue;
		points[count++] = range.low;
		if (~range.high.low)
			points[count++] = (struct address){range.high.high, range.high.low + 1};
		else if (~range.high.high)
			points[count++] = (struct address){range.high.high + 1, 0};
	}
	sort(points, count);
	for (size_t i = 1; i < count; i++)
		if (before(&points[kept - 1], &points[i]))
			points[kept++] = points[i];
	return kept;
}

/* The interval that this value is in: the last one that does not begin behind it. */
static size_t interval_of(const struct dimension *dimension, const struct address *value) {
	const struct address *base = dimension->begins;
	for (size_t left = dimension->count; left > 1;) {
		size_t half = left / 2;
		base = before(value, &base[half]) ? base : base + half;
		left -= half;
	}
	return (size_t)(base - dimension->begins);
}

/* The rule that the bit of this number stands for. */
static const struct rule *rule_at(const struct classifier *classifier, size_t bit) {
	return &classifier->set->rules[classifier->order[bit]];
}

static void list_rules(const struct classifier *classifier, const struct dimension *dimension, int field) {
	struct drafts *drafts = classifier->drafts;
	struct range range;
	memset(drafts->beginning, 0xff, dimension->count * sizeof(uint16_t));
	memset(drafts->ending, 0xff, dimension->count * sizeof(uint16_t));
	for (size_t i = 0; i < classifier->set->count; i++) {
		if (!range_of(rule_at(classifier, i), field, &range))
			continue;
		size_t first = interval_of(dimension, &range.low), last = interval_of(dimension, &range.high);
		drafts->next_beginning[i] = drafts->beginning[first];
		drafts->beginning[first] = (uint16_t)i;
		drafts->next_ending[i] = drafts->ending[last];
		drafts->ending[last] = (uint16_t)i;
	}
}

/*
 * Goes through the intervals with the set of rules that hold there, and writes each set down. False, and then
 * what was written is of no use, when they do not fit.
 */
static bool write_sets(struct dimension *dimension, const struct drafts *drafts) {
	uint64_t set[SET_WORDS] = {0}, present = 0;
	size_t used = 0;
	for (size_t i = 0; i < dimension->count; i++) {
		for (uint16_t rule = drafts->beginning[i]; rule != NOBODY; rule = drafts->next_beginning[rule]) {
			set[rule / 64] |= 1ull << rule % 64;
			present |= 1ull << rule / 64;
		}
		dimension->present[i] = present;
		dimension->at[i] = (uint32_t)used;
		for (uint64_t left = present; left; left &= left - 1) {
			if (used == WORDS_MAX)
				return false;
			dimension->words[used++] = set[__builtin_ctzll(left)];
		}
		for (uint16_t rule = drafts->ending[i]; rule != NOBODY; rule = drafts->next_ending[rule]) {
			set[rule / 64] &= ~(1ull << rule % 64);
			if (!set[rule / 64])
				present &= ~(1ull << rule / 64);
		}
	}
	return true;
}

static void build_dimension(struct classifier *classifier, int field) {
	struct dimension *dimension = &classifier->dimensions[field];
	struct drafts *drafts = classifier->drafts;
	struct range range;
	memset(dimension->any, 0, sizeof(dimension->any));
	dimension->any_present = 0;
	for (size_t i = 0; i < classifier->set->count; i++) {
		if (range_of(rule_at(classifier, i), field, &range))
			continue;
		dimension->any[i / 64] |= 1ull << i % 64;
		dimension->any_present |= 1ull << i / 64;
	}
	size_t points = find_points(classifier, field);
	/* One interval has one set, so this ends. */
	for (size_t together = 1;; together *= 2) {
		dimension->count = (points + together - 1) / together;
		for (size_t i = 0; i < dimension->count; i++)
			dimension->begins[i] = drafts->points[i * together];
		list_rules(classifier, dimension, field);
		if (write_sets(dimension, drafts))
			return;
	}
}

static int kind(unsigned family, enum side side) {
	return (family == 6) << 1 | side;
}

static bool may_match(const struct rule *rule, unsigned family, enum side side) {
	return rule->directions & 1 << side && (rule->from.family == 0 || rule->from.family == family) &&
	       (rule->to.family == 0 || rule->to.family == family);
}

static void build_kinds(struct classifier *classifier) {
	memset(classifier->kinds, 0, sizeof(classifier->kinds));
	memset(classifier->kinds_present, 0, sizeof(classifier->kinds_present));
	for (size_t i = 0; i < classifier->set->count; i++) {
		for (int which = 0; which < 4; which++) {
			unsigned family = which >> 1 ? 6 : 4;
			if (!may_match(rule_at(classifier, i), family, which & 1 ? RIGHT : LEFT))
				continue;
			classifier->kinds[which][i / 64] |= 1ull << i % 64;
			classifier->kinds_present[which] |= 1ull << i / 64;
		}
	}
}

static bool take_dimension(struct dimension *dimension, struct arena *memory, size_t intervals, size_t words) {
	dimension->begins = arena_take_many(memory, intervals, sizeof(*dimension->begins));
	dimension->present = arena_take_many(memory, intervals, sizeof(*dimension->present));
	dimension->at = arena_take_many(memory, intervals, sizeof(*dimension->at));
	dimension->words = arena_take_many(memory, words, sizeof(*dimension->words));
	return dimension->words;
}

bool classifier_start(struct classifier *classifier, struct arena *memory) {
	*classifier = (struct classifier){.drafts = arena_take(memory, sizeof(struct drafts))};
	for (int field = 0; field < FIELDS; field++)
		if (!take_dimension(&classifier->dimensions[field], memory, INTERVALS_MAX, WORDS_MAX))
			return false;
	return classifier->drafts;
}

/* Which fields a rule names, as bits. */
static unsigned shape_of(const struct rule *rule) {
	unsigned shape = 0;
	struct range range;
	for (int field = 0; field < FIELDS; field++)
		shape |= (unsigned)range_of(rule, field, &range) << field;
	return shape;
}

static void order_rules(struct classifier *classifier) {
	const struct ruleset *set = classifier->set;
	size_t next = 0;
	for (unsigned shape = 0; shape < 1 << FIELDS; shape++)
		for (size_t i = 0; i < set->count; i++)
			if (shape_of(&set->rules[i]) == shape)
				classifier->order[next++] = (uint16_t)i;
	memset(classifier->first, 0xff, sizeof(classifier->first));
	for (size_t i = 0; i < next; i++)
		if (classifier->order[i] < classifier->first[i / 64])
			classifier->first[i / 64] = classifier->order[i];
}

void classifier_build(struct classifier *classifier, const struct ruleset *set) {
	classifier->set = set;
	order_rules(classifier);
	build_kinds(classifier);
	for (int field = 0; field < FIELDS; field++)
		build_dimension(classifier, field);
}

/* Where a walk through the set of one interval is. */
struct walk {
	uint64_t present;
	const uint64_t *words;
};

/* The word of this number, for numbers that never go down. */
static uint64_t word_at(struct walk *walk, unsigned number) {
	uint64_t skipped = walk->present & ((1ull << number) - 1);
	walk->present ^= skipped;
	for (; skipped; skipped &= skipped - 1)
		walk->words++;
	return walk->present >> number & 1 ? *walk->words : 0;
}

int classifier_find(const struct classifier *classifier, const struct opening *opening) {
	const struct ruleset *set = classifier->set;
	if (set->count == 0)
		return -1;
	int which = kind(opening->family, opening->side);
	struct walk walks[FIELDS];
	uint64_t present = classifier->kinds_present[which];
	for (int field = 0; field < FIELDS; field++) {
		const struct dimension *dimension = &classifier->dimensions[field];
		struct address value = value_of(opening, field);
		size_t interval = interval_of(dimension, &value);
		walks[field] = (struct walk){dimension->present[interval], dimension->words + dimension->at[interval]};
		present &= walks[field].present | dimension->any_present;
	}
	int best = RULES_MAX;
	for (; present; present &= present - 1) {
		unsigned number = (unsigned)__builtin_ctzll(present);
		if (classifier->first[number] >= best)
			continue;
		uint64_t word = classifier->kinds[which][number];
		for (int field = 0; field < FIELDS && word; field++)
			word &= word_at(&walks[field], number) | classifier->dimensions[field].any[number];
		for (; word; word &= word - 1) {
			int rule = classifier->order[number * 64 + (unsigned)__builtin_ctzll(word)];
			if (rule < best && rule_matches(&set->rules[rule], opening))
				best = rule;
		}
	}
	return best < RULES_MAX ? best : -1;
}
