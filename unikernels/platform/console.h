/* The serial line to the host: a 16550 on microvm's ISA bus. */
#ifndef PLATFORM_CONSOLE_H
#define PLATFORM_CONSOLE_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

#define CONSOLE_IRQ 4

/* The longest line that can be said: an answer to `counters` with 1024 rules fits. */
#define CONSOLE_LINE_MAX 32768

/* True if the host spoke too early: the line that it began has lost its first byte. */
bool console_start(void);

/* Called by the interrupt handler. */
void console_interrupt(void);

/* True when console_run() has something to do. */
bool console_pending(void);

/* Sends what waits to be sent. True when all of it is gone. */
bool console_send(void);

/*
 * QEMU hands over as many bytes at a time as the receive trigger says: one, so that a short
 * request interrupts at once, or 14 while a configuration comes in. The last bytes below the
 * trigger come by the 16550's timeout of four characters.
 */
void console_expect(bool bulk);

/* One received byte, or -1 when there is none. */
int console_receive(void);

/* Where lines to the host are written; console_send() takes them from here. */
struct text *console_line(void);

/* Says a whole line of `prefix` and `words`, or nothing when there is no room. */
void console_say(const char *prefix, const char *words);

/* Sends at once, waiting a bounded time for a host that does not read. For panics. */
void console_last_words(const char *bytes, size_t length);

#endif
