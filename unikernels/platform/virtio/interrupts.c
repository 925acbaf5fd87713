#include "interrupts.h"

#include "../panic.h"
#include "../text.h"
#include "cpu.h"
#include "serial.h"
#include "virtio_net.h"

#include <stdbool.h>
#include <stdint.h>

#define CODE_SELECTOR 8
#define TASK_SELECTOR 16
#define GATE_INTERRUPT 0x8e00u

#define VECTOR_CARD 0x40 /* and 0x41 */
#define VECTOR_CONSOLE 0x42
#define VECTOR_TIMER 0x43
#define VECTOR_SPURIOUS 0xff

#define LOCAL_APIC 0xfee00000ul
#define LOCAL_APIC_ID (LOCAL_APIC + 0x20)
#define LOCAL_APIC_EOI (LOCAL_APIC + 0xb0)
#define LOCAL_APIC_SPURIOUS (LOCAL_APIC + 0xf0)
#define LOCAL_APIC_ENABLE 0x100
#define LOCAL_APIC_TIMER (LOCAL_APIC + 0x320)
#define LOCAL_APIC_TIMER_INITIAL (LOCAL_APIC + 0x380)
#define LOCAL_APIC_TIMER_CURRENT (LOCAL_APIC + 0x390)
#define LOCAL_APIC_TIMER_DIVIDE (LOCAL_APIC + 0x3e0)
#define DIVIDE_BY_16 0x3

#define IO_APIC_SELECT 0xfec00000ul
#define IO_APIC_WINDOW 0xfec00010ul
#define IO_APIC_ENTRY(pin) (0x10u + 2 * (pin))

struct frame {
	uint64_t rip, cs, rflags, rsp, ss;
};

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t stack_and_type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

static struct gate gates[256] __attribute__((aligned(16)));

/* Faults run on a stack of their own: the usual one may be the reason for the fault. */
static uint8_t fault_stack[4096] __attribute__((aligned(16)));
static struct {
	uint32_t reserved0;
	uint64_t stacks[3];
	uint64_t reserved1;
	uint64_t interrupt_stacks[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed)) task;

static uint64_t segments[4] = {0, 0x00af9b000000ffff, 0, 0};

static uintptr_t acknowledge[2];

static _Noreturn void fault(unsigned vector, uint64_t error, const struct frame *frame) {
	static bool once;
	if (once)
		power_off();
	once = true;

	uint64_t address;
	__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	char bytes[160];
	struct text why = TEXT_OVER(bytes);
	text_string(&why, "exception ");
	text_number(&why, vector);
	text_string(&why, " error ");
	text_hex(&why, error);
	text_string(&why, " address ");
	text_hex(&why, address);
	text_string(&why, " at");
	text_terminate(&why);
	panic_number(bytes, frame->rip);
}

#define FAULT(vector) \
	__attribute__((interrupt)) static void fault_##vector(struct frame *frame) { \
		fault(vector, 0, frame); \
	}
#define FAULT_WITH_ERROR(vector) \
	__attribute__((interrupt)) static void fault_##vector(struct frame *frame, uint64_t error) { \
		fault(vector, error, frame); \
	}

FAULT(0)
FAULT(1)
FAULT(2)
FAULT(3)
FAULT(4)
FAULT(5)
FAULT(6)
FAULT(7)
FAULT_WITH_ERROR(8)
FAULT_WITH_ERROR(10)
FAULT_WITH_ERROR(11)
FAULT_WITH_ERROR(12)
FAULT_WITH_ERROR(13)
FAULT_WITH_ERROR(14)
FAULT(16)
FAULT_WITH_ERROR(17)
FAULT(18)
FAULT(19)

__attribute__((interrupt)) static void on_left(struct frame *frame) {
	(void)frame;
	mmio_write(acknowledge[0], VIRTIO_INTERRUPT_ALL);
	mmio_write(LOCAL_APIC_EOI, 0);
}

__attribute__((interrupt)) static void on_right(struct frame *frame) {
	(void)frame;
	mmio_write(acknowledge[1], VIRTIO_INTERRUPT_ALL);
	mmio_write(LOCAL_APIC_EOI, 0);
}

__attribute__((interrupt)) static void on_console(struct frame *frame) {
	(void)frame;
	serial_interrupt();
	mmio_write(LOCAL_APIC_EOI, 0);
}

/* It has done its work by ending the halt. */
__attribute__((interrupt)) static void on_timer(struct frame *frame) {
	(void)frame;
	mmio_write(LOCAL_APIC_EOI, 0);
}

/* A spurious interrupt is not in service, so it gets no end-of-interrupt. */
__attribute__((interrupt)) static void on_spurious(struct frame *frame) {
	(void)frame;
}

static void set_gate(unsigned vector, uintptr_t handler, unsigned stack) {
	gates[vector] = (struct gate){
		.offset_low = (uint16_t)handler,
		.selector = CODE_SELECTOR,
		.stack_and_type = (uint16_t)(GATE_INTERRUPT | stack),
		.offset_middle = (uint16_t)(handler >> 16),
		.offset_high = (uint32_t)(handler >> 32),
	};
}

static void load_tables(void) {
	struct {
		uint16_t limit;
		uintptr_t base;
	} __attribute__((packed)) pointer;

	uintptr_t base = (uintptr_t)&task;
	task.interrupt_stacks[0] = (uintptr_t)fault_stack + sizeof(fault_stack);
	task.io_map = sizeof(task);
	segments[2] = (sizeof(task) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	segments[3] = base >> 32;

	pointer.limit = sizeof(segments) - 1;
	pointer.base = (uintptr_t)segments;
	__asm__ volatile("lgdt %0" ::"m"(pointer));
	__asm__ volatile("ltr %w0" ::"r"(TASK_SELECTOR));

	pointer.limit = sizeof(gates) - 1;
	pointer.base = (uintptr_t)gates;
	__asm__ volatile("lidt %0" ::"m"(pointer));
}

/* Edge-triggered, active high, to this CPU: the high half must be there before the low one unmasks. */
static void route(unsigned pin, unsigned vector) {
	mmio_write(IO_APIC_SELECT, IO_APIC_ENTRY(pin) + 1);
	mmio_write(IO_APIC_WINDOW, mmio_read(LOCAL_APIC_ID) & 0xff000000);
	mmio_write(IO_APIC_SELECT, IO_APIC_ENTRY(pin));
	mmio_write(IO_APIC_WINDOW, vector);
}

void interrupts_start(void) {
#define SET_FAULT(vector) set_gate(vector, (uintptr_t)fault_##vector, 1)
	SET_FAULT(0);
	SET_FAULT(1);
	SET_FAULT(2);
	SET_FAULT(3);
	SET_FAULT(4);
	SET_FAULT(5);
	SET_FAULT(6);
	SET_FAULT(7);
	SET_FAULT(8);
	SET_FAULT(10);
	SET_FAULT(11);
	SET_FAULT(12);
	SET_FAULT(13);
	SET_FAULT(14);
	SET_FAULT(16);
	SET_FAULT(17);
	SET_FAULT(18);
	SET_FAULT(19);
	set_gate(VECTOR_CARD, (uintptr_t)on_left, 0);
	set_gate(VECTOR_CARD + 1, (uintptr_t)on_right, 0);
	set_gate(VECTOR_CONSOLE, (uintptr_t)on_console, 0);
	set_gate(VECTOR_TIMER, (uintptr_t)on_timer, 0);
	set_gate(VECTOR_SPURIOUS, (uintptr_t)on_spurious, 0);
	load_tables();

	mmio_write(LOCAL_APIC_SPURIOUS, LOCAL_APIC_ENABLE | VECTOR_SPURIOUS);
	route(SERIAL_IRQ, VECTOR_CONSOLE);
	mmio_write(LOCAL_APIC_TIMER_DIVIDE, DIVIDE_BY_16);
	/* One shot, unmasked; it does not run before it is given a count. */
	mmio_write(LOCAL_APIC_TIMER, VECTOR_TIMER);
}

void interrupts_timer_start(uint32_t ticks) {
	mmio_write(LOCAL_APIC_TIMER_INITIAL, ticks);
}

uint32_t interrupts_timer_left(void) {
	return mmio_read(LOCAL_APIC_TIMER_CURRENT);
}

void interrupts_acknowledge_at(unsigned card, uintptr_t address) {
	acknowledge[card] = address;
	route(VIRTIO_IRQ(card), VECTOR_CARD + card);
}

void interrupts_glance(void) {
	__asm__ volatile("sti; nop; cli" ::: "memory");
}

/* sti takes effect after the next instruction, so no interrupt can slip in before hlt. */
void interrupts_wait(void) {
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}
