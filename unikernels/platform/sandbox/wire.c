/* One frame at a time: it is read, judged in place, and written. */
#include "wire.h"

#include "../dispatch.h"
#include "../panic.h"
#include "../wire.h"
#include "descriptors.h"
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

_Static_assert(FD_LEFT == (int)LEFT && FD_RIGHT == (int)RIGHT, "a side is its descriptor");

#define BATCH 64

/* One byte more than a frame may have shows that it has too many. */
static uint8_t buffer[FRAME_HEADROOM + FRAME_MAX + FRAME_TAILROOM] __attribute__((aligned(64)));
_Static_assert(FRAME_TAILROOM > 1, "room for that byte");

static bool started;

static int open_tap(const char *name) {
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	if (strlen(name) >= sizeof(request.ifr_name)) {
		errno = ENAMETOOLONG;
		give_up("cannot open the TAP ", name);
	}
	strcpy(request.ifr_name, name);
	int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0 || ioctl(tap, TUNSETOFFLOAD, 0) < 0)
		give_up("cannot open the TAP ", name);
	return tap;
}

void wire_open_taps(const char *const names[2]) {
	int left = open_tap(names[LEFT]), right = open_tap(names[RIGHT]);
	if (dup2(left, FD_LEFT) < 0 || dup2(right, FD_RIGHT) < 0)
		give_up("cannot put the TAPs in their places", "");
}

/* They have been opened by name, and a TAP knows no address of whoever opens it. */
const char *wire_open(enum side side, uint8_t mac[6]) {
	(void)side;
	(void)mac;
	return NULL;
}

const char *wire_strangers(void) {
	return NULL;
}

void wire_start(void) {
	started = true;
}

static bool put(enum side to, const void *bytes, size_t length) {
	if (started && write((int)to, bytes, length) == (ssize_t)length) {
		dispatch_sent(to, length);
		return true;
	}
	dispatch_lost(to);
	return false;
}

bool send_frame(enum side to, const void *bytes, size_t length) {
	if (length >= DISPATCH_SHORTEST && length <= FRAME_MAX)
		return put(to, bytes, length);
	dispatch_lost(to);
	return false;
}

void wire_run(enum side from, uint64_t now) {
	for (int i = 0; i < BATCH; i++) {
		uint8_t *bytes = buffer + FRAME_HEADROOM;
		ssize_t length = read((int)from, bytes, FRAME_MAX + 1);
		if (length < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			panic(from == LEFT ? "the left device is gone" : "the right device is gone");
		}
		/* What does not fit is treated as what is too short: it is counted and goes nowhere. */
		size_t whole = length > FRAME_MAX ? 0 : (size_t)length;
		struct frame frame = {
			.bytes = bytes,
			.length = whole,
			.headroom = FRAME_HEADROOM,
			.tailroom = sizeof(buffer) - FRAME_HEADROOM - whole,
		};
		switch (dispatch_frame(from, &frame, now)) {
		case PASS:
			put(other_side(from), frame.bytes, frame.length);
			break;
		case ANSWER:
			put(from, frame.bytes, frame.length);
			break;
		case DROP:
			break;
		}
	}
}
