/* What the host starts a sandboxed function with. */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stddef.h>
#include <sys/types.h>

struct options {
	/* As a kernel's command line: see contract.h. */
	const char *append;
	/* The TAP devices of both sides, by enum side. */
	const char *taps[2];
	const char *console;
	size_t memory_mib;
	/* Whom to become; 0 to stay who we are, which must not be root. */
	uid_t user;
};

/*
 * Reads the arguments, and every file that they name, which boot_file_read() gives later. Ends the
 * process when there is anything wrong with them.
 */
struct options options_read(int count, char **words);

/* Says why on the standard error output and ends the process. `what` is followed by errno's reason if it is set. */
_Noreturn void give_up(const char *what, const char *about);

#endif
