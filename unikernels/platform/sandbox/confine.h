/* What takes everything away that a function does not need. */
#ifndef SANDBOX_CONFINE_H
#define SANDBOX_CONFINE_H

#include <sys/types.h>

/* Becomes this user for good, with no other group and no privileges. 0 for staying who we are. */
void confine_user(uid_t user);

/*
 * Makes another process in namespaces of its own (user, processes, mounts, network, IPC, host name, cgroups),
 * which dies with this one. Returns its pid here and 0 there.
 */
pid_t confine_fork(void);

/* In the new process: an empty root, limits, no capability; what remains is the filter. */
void confine_surroundings(void);

/* From here on the kernel ends the process at any system call that is not on its list. */
void confine_function(void);
void confine_keeper(void);

#endif
