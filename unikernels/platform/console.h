/* The line to the host. Given by each binding. */
#ifndef PLATFORM_CONSOLE_H
#define PLATFORM_CONSOLE_H

#include "text.h"

#include <stddef.h>

/* The longest line that can be said. */
#define CONSOLE_LINE_MAX 32768

/* Where lines to the host are written. It is emptied when all of it has been sent. */
struct text *console_line(void);

/* Sends at once, waiting a bounded time for a host that does not read. For panics. */
void console_last_words(const char *bytes, size_t length);

#endif
