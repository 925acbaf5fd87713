/*
 * Does on command what a function may do, so that a test sees the platform do its part. A command is a
 * frame with ethertype 0x88b5 and a letter behind it; every other frame passes.
 */
#include "../../../common/members.h"
#include "../../../functions/function.h"

#define COMMAND_TYPE 0x88b5
#define TICK_AFTER 20000

static struct arena *memory;
static struct identity self;
static uint64_t ticks, kept, restored, taken;

static void start(const struct identity *identity, struct arena *given) {
	self = *identity;
	memory = given;
}

static void tell_wall_clock(void) {
	char bytes[64];
	struct text line = TEXT_OVER(bytes);
	text_string(&line, "the time is ");
	text_number(&line, wall_clock());
	text_terminate(&line);
	say(bytes);
}

/* Takes all there is, in pieces, and writes to the end of each. */
static void take_memory(void) {
	const size_t piece = 65536;
	for (uint8_t *at; (at = arena_take(memory, piece)); taken += piece) {
		if (at[0] || at[piece - 1])
			panic("memory is not zero");
		at[piece - 1] = 1;
	}
}

/* What somebody would do who has taken the function over: ask the kernel by its number, with four arguments. */
static void system_call(const uint8_t *words) {
	uint64_t number[5];
	for (size_t i = 0; i < 5; i++, words += 4)
		number[i] = (uint64_t)words[0] << 24 | words[1] << 16 | words[2] << 8 | words[3];
	register uint64_t fourth __asm__("r10") = number[4];
	__asm__ volatile("syscall"
			 : "+a"(number[0])
			 : "D"(number[1]), "S"(number[2]), "d"(number[3]), "r"(fourth)
			 : "rcx", "r11", "memory");
}

static enum verdict obey(enum side from, struct frame *frame, uint64_t now) {
	switch (frame->bytes[14]) {
	case 'a':
		return ANSWER;
	case 'd':
		return DROP;
	case 'g':
		/* Longer at both ends: the command comes twice. */
		if (!frame_push(frame, 4) || !frame_extend(frame, 100))
			return DROP;
		for (size_t i = 0; i < 15; i++)
			frame->bytes[i] = frame->bytes[i + 4];
		for (size_t i = 0; i < 100; i++)
			frame->bytes[frame->length - 1 - i] = 'g';
		return PASS;
	case 's':
		frame_trim(frame, 20);
		return PASS;
	case 'n':
		frame_pull(frame, frame->length);
		return PASS;
	case 'e':
		for (int i = 0; i < 3; i++) {
			send_frame(LEFT, frame->bytes, frame->length);
			send_frame(RIGHT, frame->bytes, frame->length);
		}
		return DROP;
	case 'f':
		for (int i = 0; i < 1000; i++)
			send_frame(from, frame->bytes, frame->length);
		return DROP;
	case 't':
		wake_at(now + TICK_AFTER);
		return DROP;
	case 'k':
		kept++;
		state_changed();
		return DROP;
	case 'l':
		for (int i = 0; i < 1000; i++)
			say("too much\n");
		return DROP;
	case 'm':
		take_memory();
		return DROP;
	case 'w':
		tell_wall_clock();
		return DROP;
	case 'x':
		panic("as it was told");
	case 'y':
		system_call(frame->bytes + 16);
		return ANSWER;
	case 'c':
		*(volatile uint8_t *)(uintptr_t)function.start = 0;
		return ANSWER;
	case 'z':
		/* Freezes: nothing comes out any more and nothing is answered. */
		for (;;)
			;
	default:
		return PASS;
	}
}

static enum verdict frame(enum side from, struct frame *frame, uint64_t now) {
	bool command = frame->length > 14 && (frame->bytes[12] << 8 | frame->bytes[13]) == COMMAND_TYPE;
	return command ? obey(from, frame, now) : PASS;
}

static void tick(uint64_t now) {
	uint8_t bytes[60] = {0};
	(void)now;
	ticks++;
	for (size_t i = 0; i < 6; i++)
		bytes[6 + i] = self.macs[RIGHT][i];
	bytes[12] = COMMAND_TYPE >> 8;
	bytes[13] = COMMAND_TYPE & 0xff;
	bytes[14] = 't';
	send_frame(RIGHT, bytes, sizeof(bytes));
}

static void save(struct text *out, uint64_t now) {
	(void)now;
	text_string(out, "{\"kept\":");
	text_number(out, kept);
	text_char(out, '}');
}

static void restore(const char *json, size_t length, uint64_t now) {
	(void)now;
	struct json reader;
	char name[32], reason[100];
	struct text why = TEXT_OVER(reason);
	json_start(&reader, json, length, &why);
	json_object(&reader);
	while (json_member(&reader, name, sizeof(name)))
		json_integer(&reader, UINT64_MAX / 2, &restored);
	if (json_end(&reader))
		kept = restored;
}

static void counters(struct text *out, uint64_t now) {
	(void)now;
	text_string(out, "{\"ticks\":");
	text_number(out, ticks);
	text_string(out, ",\"kept\":");
	text_number(out, kept);
	text_string(out, ",\"restored\":");
	text_number(out, restored);
	text_string(out, ",\"taken\":");
	text_number(out, taken);
	text_char(out, '}');
}

const struct function function = {
	.name = "trial",
	.start = start,
	.configure = configure_nothing,
	.frame = frame,
	.counters = counters,
	.tick = tick,
	.save = save,
	.restore = restore,
};
