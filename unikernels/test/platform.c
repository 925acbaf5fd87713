#include "platform.h"

#include "check.h"

#include <sys/mman.h>

#define PAGE ((size_t)4096)

struct sent platform_sent[SENT_MAX];
size_t platform_sent_count;
char platform_said[4096];
bool platform_state_changed;
uint64_t platform_wake_at = NEVER;
uint64_t platform_wall_clock;
const uint8_t *platform_data;
size_t platform_data_length;

void platform_start(uint64_t seed, size_t memory) {
	static struct arena arena;
	static struct identity identity = {.id = "test-1", .macs = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}};
	/* As the real ones give it: pages that are there once they are touched, and nothing behind the last. */
	if (arena.start)
		munmap(arena.start, arena.size + PAGE);
	arena.size = (memory + PAGE - 1) / PAGE * PAGE;
	arena = (struct arena){.start = mmap(NULL, arena.size + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .size = arena.size};
	CHECK(arena.start != MAP_FAILED && mprotect(arena.start, arena.size, PROT_READ | PROT_WRITE) == 0);
	identity.seed = seed;
	identity.data = platform_data;
	identity.data_length = platform_data_length;
	platform_forget();
	platform_wake_at = NEVER;
	function.start(&identity, &arena);
}

void platform_forget(void) {
	platform_sent_count = 0;
	platform_said[0] = '\0';
	platform_state_changed = false;
}

bool platform_tick(uint64_t now) {
	if (now < platform_wake_at)
		return false;
	platform_wake_at = NEVER;
	function.tick(now);
	return true;
}

enum verdict platform_frame(enum side from, uint8_t *bytes, size_t *length, uint64_t now, bool room) {
	size_t before = room ? FRAME_HEADROOM : 0, behind = room ? FRAME_TAILROOM : 0;
	uint8_t *copy = malloc(before + *length + behind);
	memcpy(copy + before, bytes, *length);
	struct frame frame = {copy + before, *length, before, behind};
	enum verdict verdict = function.frame(from, &frame, now);
	CHECK(frame.length <= FRAME_MAX);
	CHECK(frame.bytes - copy == (ptrdiff_t)frame.headroom);
	CHECK(frame.headroom + frame.length + frame.tailroom == before + *length + behind);
	if (verdict != DROP) {
		memcpy(bytes, frame.bytes, frame.length);
		*length = frame.length;
	}
	free(copy);
	return verdict;
}

const char *platform_configure(const char *json) {
	static char reason[200];
	struct text why = TEXT_OVER(reason);
	size_t length = strlen(json);
	char *exact = malloc(length ? length : 1);
	memcpy(exact, json, length);
	bool good = function.configure(exact, length, &why);
	free(exact);
	text_terminate(&why);
	return good ? NULL : reason;
}

const char *platform_save(uint64_t now) {
	static char json[FUNCTION_STATE_MAX + 1];
	struct text out = {json, sizeof(json) - 1, 0, false};
	function.save(&out, now);
	CHECK(!out.cut);
	json[out.length] = '\0';
	return json;
}

void platform_restore(const char *json, uint64_t now) {
	size_t length = strlen(json);
	char *exact = malloc(length ? length : 1);
	memcpy(exact, json, length);
	function.restore(exact, length, now);
	free(exact);
}

const char *platform_counters(uint64_t now) {
	static char json[FUNCTION_COUNTERS_MAX + 1];
	struct text out = {json, sizeof(json) - 1, 0, false};
	function.counters(&out, now);
	CHECK(!out.cut);
	json[out.length] = '\0';
	return json;
}

uint64_t platform_counter(const char *name, uint64_t now) {
	char key[40];
	snprintf(key, sizeof(key), "\"%s\":", name);
	const char *found = strstr(platform_counters(now), key);
	CHECK(found);
	return strtoull(found + strlen(key), NULL, 10);
}

bool send_frame(enum side to, const void *bytes, size_t length) {
	CHECK(length >= 14 && length <= FRAME_MAX);
	if (platform_sent_count == SENT_MAX)
		return false;
	struct sent *sent = &platform_sent[platform_sent_count++];
	sent->to = to;
	sent->length = length;
	memcpy(sent->bytes, bytes, length);
	return true;
}

void wake_at(uint64_t time) {
	platform_wake_at = time;
}

uint64_t wall_clock(void) {
	return platform_wall_clock;
}

void say(const char *words) {
	size_t used = strlen(platform_said);
	snprintf(platform_said + used, sizeof(platform_said) - used, "%s\n", words);
}

void state_changed(void) {
	platform_state_changed = true;
}

_Noreturn void panic(const char *why) {
	fprintf(stderr, "panic %s\n", why);
	abort();
}

_Noreturn void panic_number(const char *why, uint64_t number) {
	fprintf(stderr, "panic %s %lx\n", why, number);
	abort();
}
