/* As little as a test needs. */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned checks;

#define CHECK(condition) \
	do { \
		checks++; \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)

#define CHECK_TEXT(got, wanted) \
	do { \
		const char *got_text = (got), *wanted_text = (wanted); \
		checks++; \
		if (strcmp(got_text, wanted_text) != 0) { \
			fprintf(stderr, "%s:%d: got \"%s\", wanted \"%s\"\n", __FILE__, __LINE__, got_text, \
				wanted_text); \
			exit(1); \
		} \
	} while (0)

#define DONE(name) (printf("%s: %u checks passed\n", (name), checks), 0)

#endif
