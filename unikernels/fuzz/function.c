/*
 * Whatever frames, configurations and saved states a function gets: the sanitizers judge memory and arithmetic, and here
 * we judge what the platform relies on. The same for every function: only function.h is known.
 *
 * An input is a list of steps, each a byte that says what is done, two for a length, and so many bytes.
 * Sound configurations are in fuzz/configs/<function>, and what it looks things up in, if it does, is `data` there; FUZZ_SEEDS=<directory> writes inputs to begin with.
 */
#include "../test/frames.h"
#include "../test/platform.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX 16
#define MEMORY (12u << 20)

static char *known[KNOWN_MAX];
static size_t known_count;
static uint64_t now;

#define HOLDS(condition) ((condition) ? (void)0 : fail(#condition))

static _Noreturn void fail(const char *condition) {
	fprintf(stderr, "this should hold: %s\n", condition);
	abort();
}

static char *read_file(const char *path) {
	FILE *file = fopen(path, "rb");
	char *text = calloc(1, 65536);
	if (!file || !text || fread(text, 1, 65535, file) == 0) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(2);
	}
	fclose(file);
	return text;
}

/* What the function looks things up in, if there is a file for it. */
static void read_data(void) {
	FILE *file = fopen(CONFIGS "/data", "rb");
	if (!file)
		return;
	static uint8_t bytes[65536];
	platform_data = bytes;
	platform_data_length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
}

static int is_json(const struct dirent *entry) {
	return strstr(entry->d_name, ".json") != NULL;
}

static void read_configurations(void) {
	struct dirent **entries;
	char path[600];
	int count = scandir(CONFIGS, &entries, is_json, alphasort);
	for (int i = 0; i < count && known_count < KNOWN_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%s", CONFIGS, entries[i]->d_name);
		known[known_count++] = read_file(path);
		free(entries[i]);
	}
	if (known_count == 0) {
		fprintf(stderr, "no configuration to begin with: write one to " CONFIGS "/1.json\n");
		exit(2);
	}
	free(entries);
}

/* As the platform does it: everything anew, and a first configuration before anything else. */
static void begin(size_t which) {
	platform_start(which, MEMORY);
	const char *why = platform_configure(known[which % known_count]);
	if (why)
		fprintf(stderr, "%s\n", why);
	HOLDS(!why);
}

static void configure(const uint8_t *bytes, size_t length) {
	char reason[200];
	struct text why = TEXT_OVER(reason);
	char *exact = malloc(length ? length : 1);
	memcpy(exact, bytes, length);
	bool good = function.configure(exact, length, &why);
	free(exact);
	HOLDS(good == (why.length == 0));
	for (size_t i = 0; i < why.length; i++)
		HOLDS(reason[i] >= ' ' && reason[i] <= '~');
}

static void restore(const uint8_t *bytes, size_t length) {
	char *exact = malloc(length ? length : 1);
	memcpy(exact, bytes, length);
	function.restore(exact, length, now);
	free(exact);
}

static void frame(uint8_t how, const uint8_t *bytes, size_t length) {
	uint8_t copy[FRAME_MAX] = {0};
	size_t size = length < 14 ? 14 : length > FRAME_MAX ? FRAME_MAX : length;
	memcpy(copy, bytes, length < size ? length : size);
	platform_frame(how & 8 ? RIGHT : LEFT, copy, &size, now, how & 16);
	for (const char *c = platform_said; *c; c++)
		HOLDS(*c == '\n' || (*c >= ' ' && *c <= '~'));
}

static void look(void) {
	const char *json = platform_counters(now);
	HOLDS(json[0] == '{' && json[strlen(json) - 1] == '}');
	if (function.tick)
		platform_tick(now);
	if (!function.save)
		return;
	/* What it saves it must be able to take back. */
	char *saved = strdup(platform_save(now));
	begin(0);
	platform_restore(saved, now);
	free(saved);
}

static void step(uint8_t what, const uint8_t *bytes, size_t length) {
	static const uint64_t waits[] = {0, 1, 1000, 100000, 1000000, 30000000, 4000000000, 1000000000000};
	now += waits[what >> 5];
	platform_forget();
	switch (what & 7) {
	case 4:
		configure(bytes, length);
		break;
	case 5:
		platform_configure(known[length % known_count]);
		break;
	case 6:
		if (function.restore) {
			begin(length);
			restore(bytes, length);
		}
		break;
	case 7:
		look();
		break;
	default:
		frame(what, bytes, length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
	now = 1000000;
	begin(0);
	while (length >= 3) {
		size_t size = (size_t)bytes[1] << 8 | bytes[2];
		size = size < length - 3 ? size : length - 3;
		step(bytes[0], bytes + 3, size);
		bytes += 3 + size;
		length -= 3 + size;
	}
	look();
	return 0;
}

static void add(struct packet_bytes *input, uint8_t what, const void *bytes, size_t length) {
	put8(input, what);
	put16(input, (unsigned)length);
	put(input, bytes, length);
}

static void write_seed(const char *directory, unsigned number, const struct packet_bytes *input) {
	char path[600];
	snprintf(path, sizeof(path), "%s/seed-%02u", directory, number);
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(input->bytes, 1, input->length, file) != input->length) {
		fprintf(stderr, "cannot write %s\n", path);
		exit(2);
	}
	fclose(file);
}

/* A question and its answer, of every kind that functions know. */
static void write_seeds(const char *directory) {
	struct packet_bytes web = tcp(5000, 80, 2), accepted = tcp(80, 5000, 0x12), dns = udp(5000, 53), lease = udp(68, 67);
	struct packet_bytes ask = icmp(8, 1), asked = icmp(0, 1), ask6 = icmp(128, 1), neighbour = icmp(135, 0);
	struct packet_bytes question = dns;
	put(&question, "\0\1\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1", 33);
	question.bytes[5] = (uint8_t)question.length;
	struct packet_bytes plain = ipv4(17, 1, 2, &dns), error = icmp_error(3, &plain, 20);
	const struct packet_bytes frames[] = {
		ipv4(6, 1, 2, &web), ipv4(6, 2, 1, &accepted), plain, ipv4(17, 0, 0xffffffff, &lease), ipv4(1, 1, 2, &ask),
		ipv4(1, 2, 1, &asked), ipv4(1, 2, 1, &error), ipv6(6, 64, 1, 2, &web), ipv6(58, 64, 1, 2, &ask6),
		ipv6(58, 255, 1, 2, &neighbour), ipv4_piece(17, 1, 2, 0x2000, &dns), ipv4_piece(17, 1, 2, 0x0002, &dns),
		tagged(5, &plain), ipv4(17, 1, 2, &question),
	};
	unsigned number = 0;
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		struct packet_bytes input = {.length = 0};
		add(&input, 16, frames[i].bytes, frames[i].length);
		add(&input, 16 | 8, frames[i].bytes, frames[i].length);
		write_seed(directory, number++, &input);
	}
	for (size_t i = 0; i < known_count; i++) {
		struct packet_bytes input = {.length = 0};
		if (strlen(known[i]) < 1500)
			add(&input, 4, known[i], strlen(known[i]));
		add(&input, 16, frames[0].bytes, frames[0].length);
		add(&input, 7, "", 0);
		write_seed(directory, number++, &input);
		if (!function.save)
			continue;
		input.length = 0;
		begin(i);
		add(&input, 6, platform_save(now), strlen(platform_save(now)));
		write_seed(directory, number++, &input);
	}
}

int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerInitialize(int *count, char ***words) {
	(void)count;
	(void)words;
	read_configurations();
	read_data();
	const char *directory = getenv("FUZZ_SEEDS");
	if (directory)
		write_seeds(directory);
	return 0;
}
