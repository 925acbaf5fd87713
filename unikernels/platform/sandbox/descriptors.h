/* The only descriptors that a sandboxed function has, and the filter knows them by number. */
#ifndef SANDBOX_DESCRIPTORS_H
#define SANDBOX_DESCRIPTORS_H

/* The TAP of each side: LEFT and RIGHT as they are. */
#define FD_LEFT 0
#define FD_RIGHT 1
/* The control socket, and the one connection to it: the lowest free number when it is made. */
#define FD_LISTENER 2
#define FD_CONNECTION 3
#define FD_COUNT 4

#endif
