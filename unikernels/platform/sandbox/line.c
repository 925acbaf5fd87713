/*
 * While the host does not read, no request is taken. What is said while nobody is connected is
 * lost, as on a serial line.
 */
#define _GNU_SOURCE
#include "line.h"

#include "../console.h"
#include "../panic.h"
#include "../protocol.h"
#include "descriptors.h"
#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES 4096
#define PATIENCE_MS 1000

static char waiting[CONSOLE_LINE_MAX];
static struct text line = {waiting, sizeof(waiting), 0, false};
static size_t sent;
static bool connected;

/* Requests that came in one piece with one that is being answered. */
static char requests[REQUEST_BYTES];
static size_t request_length, request_next;

int line_listen(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		give_up("cannot listen at ", path);
	}
	strcpy(address.sun_path, path);
	unlink(path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 8) < 0)
		give_up("cannot listen at ", path);
	return listener;
}

struct text *console_line(void) {
	return &line;
}

static void forget_line(void) {
	sent = line.length = 0;
	line.cut = false;
}

static void disconnect(void) {
	close(FD_CONNECTION);
	connected = false;
	request_length = request_next = 0;
	forget_line();
}

/* True when all is gone. */
static bool send_line(void) {
	if (!connected)
		forget_line();
	while (sent < line.length) {
		ssize_t wrote = write(FD_CONNECTION, line.bytes + sent, line.length - sent);
		if (wrote < 0 && errno == EAGAIN)
			return false;
		if (wrote < 0) {
			disconnect();
			return true;
		}
		sent += (size_t)wrote;
	}
	forget_line();
	return true;
}

struct pollfd line_interest(void) {
	if (!connected)
		return (struct pollfd){FD_LISTENER, POLLIN, 0};
	return (struct pollfd){FD_CONNECTION, line.length > 0 ? POLLOUT : POLLIN, 0};
}

static void accept_one(void) {
	int connection = accept4(FD_LISTENER, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (connection == FD_CONNECTION)
		connected = true;
	else if (connection >= 0)
		panic("a connection has come where none belongs");
}

static bool receive(void) {
	ssize_t got = read(FD_CONNECTION, requests, sizeof(requests));
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0) {
		disconnect();
		return false;
	}
	request_next = 0;
	request_length = (size_t)got;
	return true;
}

void line_run(short events, uint64_t now) {
	if (!send_line())
		return;
	if (!connected) {
		if (events & POLLIN)
			accept_one();
		return;
	}
	if (request_next == request_length && !(events && receive()))
		return;
	while (request_next < request_length) {
		protocol_byte(requests[request_next++], now / 1000, &line);
		if (line.length > 0 && !send_line())
			return;
		if (protocol_ended())
			power_off();
	}
}

void console_last_words(const char *bytes, size_t length) {
	struct timespec patience = {.tv_sec = PATIENCE_MS / 1000};
	struct pollfd ready = {FD_CONNECTION, POLLOUT, 0};
	/* Answers that were already given go first; a line cut in two would confuse the reader. */
	if (!send_line() && (ppoll(&ready, 1, &patience, NULL) <= 0 || !send_line()))
		return;
	if (connected && write(FD_CONNECTION, bytes, length) < 0)
		return;
}
