/*
 * A function as a process. While it is still trusted it opens what it will need; then it takes
 * everything else away from itself, and only then looks at its configuration and at packets.
 * Its keeper, who is left outside, says how it ended.
 */
#define _GNU_SOURCE
#include "../../contract.h"
#include "../../functions/function.h"
#include "../clock.h"
#include "../console.h"
#include "../dispatch.h"
#include "../instance.h"
#include "../panic.h"
#include "confine.h"
#include "descriptors.h"
#include "line.h"
#include "options.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4096)
#define SECOND 1000000ull

uint64_t clock_now(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

_Noreturn void power_off(void) {
	_exit(0);
}

_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void) {
	panic("stack smashed");
}

/* Between two pages that nobody may touch. What is not used costs nothing. */
static struct arena make_memory(size_t mib) {
	size_t size = mib * MIB;
	uint8_t *all = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED || mprotect(all + PAGE, size, PROT_READ | PROT_WRITE) < 0)
		give_up("cannot have the memory", "");
	return (struct arena){.start = all + PAGE, .size = size};
}

static _Noreturn void serve(void) {
	for (;;) {
		uint64_t now = clock_now();
		bool ready = instance_ready();
		if (ready)
			dispatch_due(now);
		line_run(0, now);

		uint64_t deadline = ready ? dispatch_deadline() : NEVER;
		uint64_t wait = deadline > now ? deadline - now : 0;
		struct timespec rest = {(time_t)(wait / SECOND), (long)(wait % SECOND * 1000)};
		struct pollfd events[] = {line_interest(), {FD_LEFT, POLLIN, 0}, {FD_RIGHT, POLLIN, 0}};
		if (ppoll(events, ready ? 3 : 1, deadline == NEVER ? NULL : &rest, NULL) <= 0)
			continue;
		now = clock_now();
		if (events[1].revents)
			wire_run(LEFT, now);
		if (events[2].revents)
			wire_run(RIGHT, now);
		if (events[0].revents)
			line_run(events[0].revents, now);
	}
}

/* Waits for the end of the function and hands on how it came. */
static _Noreturn void keep(pid_t pid) {
	int status;
	close(FD_LEFT);
	close(FD_RIGHT);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	confine_keeper();
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	const char *why = WTERMSIG(status) == SIGSYS ? ": it tried a system call that its sandbox forbids" : "";
	char line[120];
	int length = snprintf(line, sizeof(line), "the function was ended by SIG%s%s\n",
			      sigabbrev_np(WTERMSIG(status)), why);
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		_exit(127);
	_exit(128 + WTERMSIG(status));
}

/* What the host has told us is nobody's business any more, least of all a path. */
static void forget_arguments(int count, char **words) {
	for (int i = 0; i < count; i++)
		explicit_bzero(words[i], strlen(words[i]));
}

int main(int count, char **words) {
	static char append[1024];
	static struct arena memory;
	uint64_t seed;

	struct options options = options_read(count, words);
	if (strlen(options.append) >= sizeof(append))
		give_up("--append is too long", "");
	strcpy(append, options.append);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		give_up("no random numbers", "");
	memory = make_memory(options.memory_mib);
	wire_open_taps(options.taps);
	int listener = line_listen(options.console);
	signal(SIGPIPE, SIG_IGN);

	confine_user(options.user);
	pid_t pid = confine_fork();
	if (pid > 0)
		keep(pid);
	confine_surroundings();
	/* The last thing that can complain on the standard error output is behind us. */
	if (dup2(listener, FD_LISTENER) < 0 || close_range(FD_CONNECTION, ~0u, 0) < 0)
		_exit(1);
	forget_arguments(count, words);
	confine_function();

	instance_start(append, seed, &memory);
	serve();
}
