/*
 * Interrupts are edge-triggered, so the line must fall before it can rise again: receive until
 * empty, and ask for a transmit interrupt only while the host keeps us waiting.
 *
 * Output waits in a buffer and goes out 16 bytes at a time, so that packets flow between the
 * pieces of a long answer. When the host does not read, nothing is lost and nothing spins: the
 * protocol takes no new request until the last answer has gone.
 */
#include "serial.h"

#include "../console.h"
#include "cpu.h"

#include <string.h>

#define PORT 0x3f8
#define DATA (PORT + 0)
#define INTERRUPT_ENABLE (PORT + 1)
#define FIFO_CONTROL (PORT + 2)
#define LINE_CONTROL (PORT + 3)
#define MODEM_CONTROL (PORT + 4)
#define LINE_STATUS (PORT + 5)

#define ENABLE_RECEIVE 0x01
#define ENABLE_TRANSMIT 0x02
#define FIFO_ON 0x01
#define FIFO_CLEAR 0x06
#define FIFO_TRIGGER_14 0xc0
#define LINE_8N1 0x03
#define LINE_SET_DIVISOR 0x80
#define MODEM_READY 0x0b
#define STATUS_RECEIVED 0x01
#define STATUS_CAN_SEND 0x20

#define FIFO_SIZE 16

static char waiting[CONSOLE_LINE_MAX];
static struct text line = {waiting, sizeof(waiting), 0, false};
static size_t sent;
static char last_sent = '\n';
static bool blocked;
static volatile bool pending;

bool serial_start(void) {
	/* 115,200 baud: QEMU sends at once at any rate, but derives its receive timer from it. */
	out8(LINE_CONTROL, LINE_SET_DIVISOR);
	out8(DATA, 1);
	out8(INTERRUPT_ENABLE, 0);
	out8(LINE_CONTROL, LINE_8N1);
	/*
	 * A host that spoke before we were up has its first byte in the device and the others in its
	 * socket. Turning on the FIFO forgets that byte, so we must know whether there was one. The
	 * first round changes nothing: it is there so that an emulator has translated the code, and
	 * no byte finds time to slip in between the two lines of the second.
	 */
	bool spoken = false;
	for (int round = 0; round < 2; round++) {
		spoken = in8(LINE_STATUS) & STATUS_RECEIVED;
		out8(FIFO_CONTROL, round == 0 ? 0 : FIFO_ON | FIFO_CLEAR);
	}
	/* QEMU stopped listening to the host when it had a byte for us; only a read makes it resume. */
	if (spoken && in8(DATA) == '\n')
		spoken = false;
	out8(MODEM_CONTROL, MODEM_READY);
	out8(INTERRUPT_ENABLE, ENABLE_RECEIVE);
	/* Whatever came in before the interrupt was on raises no edge. */
	pending = true;
	return spoken;
}

void serial_interrupt(void) {
	pending = true;
}

bool serial_pending(void) {
	return pending || (line.length > 0 && !blocked);
}

struct text *console_line(void) {
	return &line;
}

void serial_expect(bool bulk) {
	static bool now;
	if (bulk != now)
		out8(FIFO_CONTROL, bulk ? FIFO_ON | FIFO_TRIGGER_14 : FIFO_ON);
	now = bulk;
}

static void block(bool now) {
	if (blocked == now)
		return;
	blocked = now;
	/* While we wait to send, received bytes stay where they are and raise no interrupt. */
	out8(INTERRUPT_ENABLE, now ? ENABLE_TRANSMIT : ENABLE_RECEIVE);
}

bool serial_send(void) {
	if (sent == line.length)
		return true;
	if (!(in8(LINE_STATUS) & STATUS_CAN_SEND)) {
		pending = false;
		block(true);
		/* It may have become ready just before the interrupt was asked for. */
		if (in8(LINE_STATUS) & STATUS_CAN_SEND)
			pending = true;
		return false;
	}
	block(false);
	for (int i = 0; i < FIFO_SIZE && sent < line.length; i++) {
		last_sent = line.bytes[sent++];
		out8(DATA, (uint8_t)last_sent);
	}
	if (sent < line.length)
		return false;
	sent = 0;
	line.length = 0;
	line.cut = false;
	/* Requests may have arrived while we were busy sending. */
	pending = true;
	return true;
}

int serial_receive(void) {
	if (in8(LINE_STATUS) & STATUS_RECEIVED)
		return in8(DATA);
	pending = false;
	/* A byte between the two lines above raised an edge that we have just forgotten. */
	if (in8(LINE_STATUS) & STATUS_RECEIVED) {
		pending = true;
		return in8(DATA);
	}
	return -1;
}

static void send_patiently(char byte) {
	static uint32_t patience = 1000000;
	while (!(in8(LINE_STATUS) & STATUS_CAN_SEND))
		if (patience == 0 || --patience == 0)
			return;
	last_sent = byte;
	out8(DATA, (uint8_t)byte);
}

void console_last_words(const char *bytes, size_t length) {
	/* Answers that were already given go first; a line cut in two would confuse the reader. */
	while (sent < line.length)
		send_patiently(line.bytes[sent++]);
	if (last_sent != '\n')
		send_patiently('\n');
	for (size_t i = 0; i < length; i++)
		send_patiently(bytes[i]);
}
