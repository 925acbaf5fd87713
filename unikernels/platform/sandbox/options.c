#include "options.h"

#include "../../contract.h"
#include "../boot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MAX_MIB 4096
#define FILES_MAX 8
#define USER_MAX 4294967294ul

const char boot_file_missing[] = "no such file";

static struct {
	char *name, *bytes;
	size_t length;
} files[FILES_MAX];
static size_t file_count;

_Noreturn void give_up(const char *what, const char *about) {
	fprintf(stderr, "%s%s%s%s\n", what, about, errno ? ": " : "", errno ? strerror(errno) : "");
	exit(1);
}

static _Noreturn void misused(const char *what, const char *about) {
	errno = 0;
	give_up(what, about);
}

/* `name=value`: begins a file of that name and gives a copy of the value. */
static char *begin_file(const char *pair, const char *option) {
	const char *equals = strchr(pair, '=');
	if (!equals || file_count == FILES_MAX)
		misused("this option needs name=value, and is not given more than eight times: ", option);
	files[file_count].name = strndup(pair, (size_t)(equals - pair));
	char *value = strdup(equals + 1);
	if (!files[file_count].name || !value)
		give_up("no memory", "");
	return value;
}

static void add_file(const char *pair) {
	const char *path = begin_file(pair, "--file");
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		give_up("cannot open ", path);
	char *bytes = malloc(CONTRACT_MAX_CONFIG + 1);
	size_t length = 0;
	if (!bytes)
		give_up("no memory", "");
	for (ssize_t got = 1; got > 0 && length <= CONTRACT_MAX_CONFIG; length += (size_t)got) {
		got = read(descriptor, bytes + length, CONTRACT_MAX_CONFIG + 1 - length);
		if (got < 0)
			give_up("cannot read ", path);
	}
	close(descriptor);
	files[file_count].bytes = bytes;
	files[file_count++].length = length;
}

/* Not read but mapped: all processes that are given this file have its pages together. It must not be cut short while one runs. */
static void add_map(const char *pair) {
	const char *path = begin_file(pair, "--map");
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (descriptor < 0 || fstat(descriptor, &status) < 0)
		give_up("cannot open ", path);
	char *bytes = NULL;
	if (status.st_size > 0)
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
	if (bytes == MAP_FAILED)
		give_up("cannot map ", path);
	close(descriptor);
	files[file_count].bytes = bytes;
	files[file_count++].length = (size_t)status.st_size;
}

static void add_value(const char *pair) {
	char *value = begin_file(pair, "--value");
	files[file_count].bytes = value;
	files[file_count++].length = strlen(value);
}

static unsigned long number(const char *text, const char *option, unsigned long max) {
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value > max)
		misused("this option needs a number in its range: ", option);
	return value;
}

struct options options_read(int count, char **words) {
	enum { APPEND, LEFT_TAP, RIGHT_TAP, CONSOLE, FILE_PAIR, MAP_PAIR, VALUE_PAIR, MEMORY, USER };
	static const struct option known[] = {
		{"append", required_argument, NULL, APPEND},	{"left", required_argument, NULL, LEFT_TAP},
		{"right", required_argument, NULL, RIGHT_TAP},	{"console", required_argument, NULL, CONSOLE},
		{"file", required_argument, NULL, FILE_PAIR},	{"value", required_argument, NULL, VALUE_PAIR},
		{"map", required_argument, NULL, MAP_PAIR},
		{"memory", required_argument, NULL, MEMORY},	{"user", required_argument, NULL, USER},
		{0},
	};
	struct options options = {0};
	for (int option; (option = getopt_long(count, words, "", known, NULL)) != -1;) {
		switch (option) {
		case APPEND:
			options.append = optarg;
			break;
		case LEFT_TAP:
		case RIGHT_TAP:
			options.taps[option - LEFT_TAP] = optarg;
			break;
		case CONSOLE:
			options.console = optarg;
			break;
		case FILE_PAIR:
			add_file(optarg);
			break;
		case MAP_PAIR:
			add_map(optarg);
			break;
		case VALUE_PAIR:
			add_value(optarg);
			break;
		case MEMORY:
			options.memory_mib = number(optarg, "--memory", MEMORY_MAX_MIB);
			break;
		case USER:
			options.user = (uid_t)number(optarg, "--user", USER_MAX);
			break;
		default:
			exit(1);
		}
	}
	if (!options.append || !options.taps[0] || !options.taps[1] || !options.console || !options.memory_mib)
		misused("needed: --append, --left, --right, --console and --memory", "");
	return options;
}

const char *boot_file_read(const char *name, char *bytes, size_t capacity, size_t *length) {
	for (size_t i = 0; i < file_count; i++) {
		if (strcmp(files[i].name, name) != 0)
			continue;
		if (files[i].length > capacity)
			return "file is too long";
		memcpy(bytes, files[i].bytes, files[i].length);
		*length = files[i].length;
		return NULL;
	}
	return boot_file_missing;
}

const char *boot_file_keep(const char *name, size_t most, struct arena *memory, const uint8_t **bytes, size_t *length) {
	(void)memory;
	for (size_t i = 0; i < file_count; i++) {
		if (strcmp(files[i].name, name) != 0)
			continue;
		if (files[i].length > most)
			return "file is too long";
		*bytes = (const uint8_t *)files[i].bytes;
		*length = files[i].length;
		return NULL;
	}
	return boot_file_missing;
}
