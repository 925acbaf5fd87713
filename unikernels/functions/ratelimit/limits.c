#include "limits.h"

#include "../../common/members.h"

/* A burst that is not given: so much of a second at the rate, and at least some full frames. */
#define DEFAULT_BURST_PER_SECOND 20
#define DEFAULT_BURST_MIN 20000
/* A smaller one would never let the longest frame through. */
#define BURST_MIN FRAME_MAX

static void read_limit(struct json *json, struct bucket *bucket) {
	enum { RATE = 1, BURST = 2 };
	unsigned seen = 0;
	char name[WORD_MAX];
	uint64_t rate = 0, burst = 0;
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "bitsPerSecond") && once(json, &seen, RATE)) {
			if (json_integer(json, BUCKET_RATE_MAX, &rate) && rate == 0)
				json_fail(json, "bitsPerSecond must be at least 1");
		} else if (same(name, "burstBytes") && once(json, &seen, BURST)) {
			if (json_integer(json, BUCKET_BURST_MAX, &burst) && burst < BURST_MIN)
				json_fail(json, "burstBytes must hold the longest frame, 2036 bytes");
		} else {
			json_fail(json, "a limit has no such member");
		}
	}
	if (!(seen & RATE)) {
		json_fail(json, "a limit needs bitsPerSecond");
		return;
	}
	if (!(seen & BURST)) {
		burst = rate / 8 / DEFAULT_BURST_PER_SECOND;
		burst = burst < DEFAULT_BURST_MIN ? DEFAULT_BURST_MIN : burst;
		burst = burst > BUCKET_BURST_MAX ? BUCKET_BURST_MAX : burst;
	}
	*bucket = bucket_make(rate, burst, 0);
}

/* "upstream" and "downstream", the same in a class and outside; false for any other member. */
static bool read_direction(struct json *json, const char *name, unsigned *seen, struct class *class) {
	static const char *const names[] = {[LEFT] = "upstream", [RIGHT] = "downstream"};
	for (int side = LEFT; side <= RIGHT; side++) {
		if (!same(name, names[side]))
			continue;
		if (once(json, seen, 1u << side))
			read_limit(json, &class->buckets[side]);
		return true;
	}
	return false;
}

#define DIRECTIONS (1u << LEFT | 1u << RIGHT)

static void read_code_points(struct json *json, struct limits *limits, uint8_t index) {
	struct class *class = &limits->classes[index];
	uint64_t dscp;
	class->name = DSCPS;
	json_array(json);
	while (json_element(json)) {
		if (!json_integer(json, DSCPS - 1, &dscp))
			return;
		if (limits->class_of[dscp]) {
			json_fail(json, "a code point is given twice");
			return;
		}
		limits->class_of[dscp] = index;
		if (dscp < class->name)
			class->name = (uint8_t)dscp;
	}
	if (class->name == DSCPS)
		json_fail(json, "dscp needs at least one code point");
}

static void read_class(struct json *json, struct limits *limits) {
	enum { DSCP = 4 };
	unsigned seen = 0;
	char name[WORD_MAX];
	if (limits->count == 1 + CLASSES_MAX) {
		json_fail(json, "there are more than 16 classes");
		return;
	}
	uint8_t index = (uint8_t)limits->count++;
	json_object(json);
	while (json_member(json, name, sizeof(name))) {
		if (same(name, "dscp") && once(json, &seen, DSCP))
			read_code_points(json, limits, index);
		else if (!read_direction(json, name, &seen, &limits->classes[index]))
			json_fail(json, "a class has no such member");
	}
	if (!(seen & DSCP))
		json_fail(json, "a class needs dscp");
	if (!(seen & DIRECTIONS))
		json_fail(json, "a class needs upstream or downstream");
}

static void read_classes(struct json *json, struct limits *limits) {
	for (list_begin(json, "class"); list_next(json);)
		read_class(json, limits);
}

static void read_ecn(struct json *json, struct limits *limits) {
	char word[WORD_MAX];
	if (!json_string(json, word, sizeof(word)))
		return;
	limits->marks = same(word, "mark");
	if (!limits->marks && !same(word, "leave"))
		json_fail(json, "ecn must be mark or leave");
}

bool limits_read(struct limits *limits, const char *json, size_t length, struct text *why) {
	enum { CLASSES = 4, ECN = 8 };
	struct json reader;
	unsigned seen = 0;
	char name[WORD_MAX];
	*limits = (struct limits){.count = 1};
	json_start(&reader, json, length, why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name))) {
		if (same(name, "classes") && once(&reader, &seen, CLASSES))
			read_classes(&reader, limits);
		else if (same(name, "ecn") && once(&reader, &seen, ECN))
			read_ecn(&reader, limits);
		else if (!read_direction(&reader, name, &seen, &limits->classes[0]))
			json_fail(&reader, "there is no such member");
	}
	if (!(seen & (DIRECTIONS | CLASSES)))
		json_fail(&reader, "there is no limit: give upstream, downstream or classes");
	return json_end(&reader);
}

static const struct class *known_again(const struct limits *old, const struct class *class) {
	for (size_t i = 1; i < old->count; i++)
		if (old->classes[i].name == class->name)
			return &old->classes[i];
	return NULL;
}

void limits_inherit(struct limits *limits, const struct limits *old) {
	for (size_t i = 0; i < limits->count; i++) {
		struct class *class = &limits->classes[i];
		const struct class *before = i == 0 ? &old->classes[0] : known_again(old, class);
		if (!before)
			continue;
		for (int side = LEFT; side <= RIGHT; side++) {
			bucket_inherit(&class->buckets[side], &before->buckets[side]);
			class->tallies[side] = before->tallies[side];
		}
	}
}
