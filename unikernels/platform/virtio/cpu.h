/* The few instructions that C has no words for. */
#ifndef VIRTIO_CPU_H
#define VIRTIO_CPU_H

#include <stdint.h>

static inline void out8(uint16_t port, uint8_t value) {
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t value) {
	__asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value) {
	__asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port) {
	uint8_t value;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t mmio_read(uintptr_t address) {
	return *(volatile uint32_t *)address;
}

static inline void mmio_write(uintptr_t address, uint32_t value) {
	*(volatile uint32_t *)address = value;
}

static inline uint64_t read_tsc(void) {
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

/* A full barrier: needed wherever we store and then load what the device may have stored. */
static inline void full_barrier(void) {
	__asm__ volatile("mfence" ::: "memory");
}

/* x86 keeps stores in order and loads in order: only the compiler must be held back. */
static inline void compiler_barrier(void) {
	__asm__ volatile("" ::: "memory");
}

#endif
