/*
 * Page tables that say what each page is for: code is read and executed, constants are read,
 * data is read and written and never executed. The null page, the first MiB and the page under
 * the stack are not there at all. Memory behind the image is data, in whole large pages from 4 MiB
 * on. Devices live between 0xfe000000 and 4 GiB.
 */
#include "paging.h"

#include <stdint.h>

#define PAGE 4096ull
#define LARGE_PAGE (512 * PAGE)
#define GIB (512 * LARGE_PAGE)

#define PRESENT (1ull << 0)
#define WRITE (1ull << 1)
#define UNCACHED (1ull << 4)
#define LARGE (1ull << 7)
#define NO_EXECUTE (1ull << 63)

#define DEVICES_START 0xfe000000ull

/* Two tables of 4 KiB pages: 4 MiB, which image.ld asserts is enough. */
#define IMAGE_TABLES 2

typedef uint64_t page_table[512] __attribute__((aligned(4096)));

static page_table level4, level3, low, high, image[IMAGE_TABLES];

extern char code_start[], constants_start[], data_start[], stack_guard[], image_end[];

static uint64_t protection(uint64_t address, uintptr_t end) {
	if (address < (uintptr_t)code_start || address >= end)
		return 0;
	if (address == (uintptr_t)stack_guard)
		return 0;
	if (address < (uintptr_t)constants_start)
		return PRESENT;
	if (address < (uintptr_t)data_start)
		return PRESENT | NO_EXECUTE;
	return PRESENT | WRITE | NO_EXECUTE;
}

uintptr_t paging_protect(uintptr_t end) {
	end -= end % (end < IMAGE_TABLES * LARGE_PAGE ? PAGE : LARGE_PAGE);

	level4[0] = (uintptr_t)level3 | PRESENT | WRITE;
	level3[0] = (uintptr_t)low | PRESENT | WRITE;
	level3[3] = (uintptr_t)high | PRESENT | WRITE;

	for (uint64_t i = 0; i < IMAGE_TABLES; i++) {
		low[i] = (uintptr_t)image[i] | PRESENT | WRITE;
		for (uint64_t j = 0; j < 512; j++) {
			uint64_t address = i * LARGE_PAGE + j * PAGE;
			uint64_t bits = protection(address, end);
			image[i][j] = bits ? address | bits : 0;
		}
	}

	for (uint64_t address = IMAGE_TABLES * LARGE_PAGE; address + LARGE_PAGE <= end; address += LARGE_PAGE)
		low[address / LARGE_PAGE] = address | PRESENT | WRITE | LARGE | NO_EXECUTE;
	for (uint64_t address = DEVICES_START; address < 4 * GIB; address += LARGE_PAGE)
		high[(address - 3 * GIB) / LARGE_PAGE] = address | PRESENT | WRITE | UNCACHED | LARGE | NO_EXECUTE;

	__asm__ volatile("mov %0, %%cr3" ::"r"((uintptr_t)level4) : "memory");
	return end;
}
