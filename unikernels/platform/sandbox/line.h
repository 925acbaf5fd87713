/* The control socket: one connection at a time, over which the contract is spoken. */
#ifndef SANDBOX_LINE_H
#define SANDBOX_LINE_H

#include <poll.h>
#include <stdint.h>

/* The listening socket, which is to become FD_LISTENER. Ends the process when it cannot listen. */
int line_listen(const char *path);

/* What to wait for. */
struct pollfd line_interest(void);

/* Does what can be done without waiting. Ends the process when it was asked to, and answered. */
void line_run(short events, uint64_t now);

#endif
