/*
 * Runs on the machine that builds: libseccomp turns the list of what a confined process may ask of
 * the kernel into a program for the kernel, and this writes it down as a header. So there is a
 * library where the rules are made and none where they are needed.
 */
#include "descriptors.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void check(int status, const char *what) {
	if (status >= 0)
		return;
	fprintf(stderr, "filter: %s: error %d\n", what, -status);
	exit(1);
}

static scmp_filter_ctx nothing_but(void) {
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	check(filter ? 0 : -1, "init");
	return filter;
}

#define ALLOW(filter, call) check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(call), 0), #call)
#define ALLOW_IF(filter, call, ...) \
	do { \
		const struct scmp_arg_cmp when[] = {__VA_ARGS__}; \
		check(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(call), \
					     sizeof(when) / sizeof(*when), when), \
		      #call); \
	} while (0)

/* What a function may do. Memory cannot be mapped or made executable, nothing can be opened or started. */
static scmp_filter_ctx function_filter(void) {
	scmp_filter_ctx filter = nothing_but();
	static const int talk[] = {FD_LEFT, FD_RIGHT, FD_CONNECTION};
	for (size_t i = 0; i < sizeof(talk) / sizeof(*talk); i++) {
		ALLOW_IF(filter, read, SCMP_A0(SCMP_CMP_EQ, talk[i]));
		ALLOW_IF(filter, write, SCMP_A0(SCMP_CMP_EQ, talk[i]));
	}
	ALLOW(filter, ppoll);
	/* The clock is read without the kernel's help, but not on every host. */
	ALLOW_IF(filter, clock_gettime, SCMP_A0(SCMP_CMP_EQ, CLOCK_MONOTONIC));
	ALLOW_IF(filter, accept4, SCMP_A0(SCMP_CMP_EQ, FD_LISTENER), SCMP_A1(SCMP_CMP_EQ, 0),
		 SCMP_A2(SCMP_CMP_EQ, 0), SCMP_A3(SCMP_CMP_EQ, SOCK_NONBLOCK | SOCK_CLOEXEC));
	ALLOW_IF(filter, close, SCMP_A0(SCMP_CMP_EQ, FD_CONNECTION));
	ALLOW(filter, exit_group);
	return filter;
}

/* Who waits for its end and says how it came. */
static scmp_filter_ctx keeper_filter(void) {
	scmp_filter_ctx filter = nothing_but();
	ALLOW(filter, wait4);
	ALLOW_IF(filter, write, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO));
	ALLOW(filter, exit_group);
	return filter;
}

static void print(const char *name, scmp_filter_ctx filter) {
	struct sock_filter program[512];
	int file = memfd_create("filter", 0);
	check(file, "memfd_create");
	check(seccomp_export_bpf(filter, file), "export");
	ssize_t bytes = pread(file, program, sizeof(program), 0);
	check(bytes > 0 && (size_t)bytes < sizeof(program) ? 0 : -1, "read");
	close(file);
	seccomp_release(filter);

	printf("static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i < (size_t)bytes / sizeof(*program); i++)
		printf("\t{0x%04x, %u, %u, 0x%08x},\n", program[i].code, program[i].jt, program[i].jf,
		       program[i].k);
	printf("};\n");
}

int main(void) {
	printf("/* Written by filter.c; in the order of struct sock_filter. */\n#include <linux/filter.h>\n\n");
	print("function_filter", function_filter());
	print("keeper_filter", keeper_filter());
	return 0;
}
