#define _GNU_SOURCE
#include "confine.h"

#include "descriptors.h"
#include "filter.h"
#include "options.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Any directory that every host has will do to lay the empty root upon. */
#define PLACE_FOR_ROOT "/dev"

static void must(long status, const char *what) {
	if (status < 0)
		give_up("cannot ", what);
}

void confine_user(uid_t user) {
	if (user) {
		must(setgroups(0, NULL), "give up groups");
		must(setresgid(user, user, user), "become another group");
		must(setresuid(user, user, user), "become another user");
	}
	if (getuid() == 0) {
		errno = 0;
		give_up("a function does not run as root: --user is missing", "");
	}
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges");
	must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "give up being looked at");
}

pid_t confine_fork(void) {
	/* With a user namespace of its own anybody may have the others too. */
	unsigned long spaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
			       CLONE_NEWCGROUP;
	long pid = syscall(SYS_clone, spaces | SIGCHLD, NULL, NULL, NULL, NULL);
	must(pid, "make namespaces (does the host forbid user namespaces to others than root?)");
	if (pid == 0)
		must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "die with its keeper");
	return (pid_t)pid;
}

static void empty_root(void) {
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "keep mounts to itself");
	must(mount("empty", PLACE_FOR_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=1,mode=0555"),
	     "make an empty root");
	must(chdir(PLACE_FOR_ROOT), "enter the empty root");
	must(syscall(SYS_pivot_root, ".", "."), "change the root");
	must(umount2(".", MNT_DETACH), "leave the host's files");
	must(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL),
	     "make the root read-only");
}

static void limit(int what, rlim_t most) {
	struct rlimit both = {most, most};
	must(setrlimit((__rlimit_resource_t)what, &both), "set limits");
}

static void no_capabilities(void) {
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		must(prctl(PR_CAPBSET_DROP, i, 0, 0, 0), "drop capabilities");
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0};
	must(syscall(SYS_capset, &header, none), "drop capabilities");
}

void confine_surroundings(void) {
	empty_root();
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_MSGQUEUE, 0);
	limit(RLIMIT_NOFILE, FD_COUNT);
	no_capabilities();
}

static void filter(const struct sock_filter *program, size_t length) {
	struct sock_fprog whole = {(unsigned short)length, (struct sock_filter *)program};
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole), "set the filter of system calls");
}

void confine_function(void) {
	filter(function_filter, sizeof(function_filter) / sizeof(*function_filter));
}

void confine_keeper(void) {
	filter(keeper_filter, sizeof(keeper_filter) / sizeof(*keeper_filter));
}
