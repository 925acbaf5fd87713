/* QEMU's fw_cfg device by its DMA interface, through I/O ports. Everything in it is big-endian. */
#include "../boot_file.h"

#include "cpu.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SELECTOR 0x510
#define DATA 0x511
#define DMA_HIGH 0x514
#define DMA_LOW 0x518

#define KEY_SIGNATURE 0x0000
#define KEY_FEATURES 0x0001
#define KEY_DIRECTORY 0x0019
#define FEATURE_DMA 0x02

#define DMA_ERROR 1u
#define DMA_READ 2u
#define DMA_SELECT 8u

/* More entries than any QEMU has; a count beyond it is not believed. */
#define FILES_MAX 1024

struct file {
	uint32_t size;
	uint16_t key;
	uint16_t reserved;
	char name[56];
};

static volatile struct {
	uint32_t control;
	uint32_t length;
	uint64_t address;
} request __attribute__((aligned(16)));

/* Reads on from where the last read ended; with DMA_SELECT in `control`, from the start. */
static bool dma(uint32_t control, void *bytes, uint32_t length) {
	request.control = __builtin_bswap32(control);
	request.length = __builtin_bswap32(length);
	request.address = __builtin_bswap64((uintptr_t)bytes);
	full_barrier();
	out32(DMA_HIGH, __builtin_bswap32((uint32_t)((uintptr_t)&request >> 32)));
	out32(DMA_LOW, __builtin_bswap32((uint32_t)(uintptr_t)&request));
	/* The transfer is done when the write returns; a loop is what the specification asks for. */
	for (uint32_t patience = 1000000; patience; patience--) {
		uint32_t now = __builtin_bswap32(request.control);
		if (now == 0)
			return true;
		if (now & DMA_ERROR)
			return false;
	}
	return false;
}

static uint32_t select(uint16_t key) {
	return (uint32_t)key << 16 | DMA_SELECT | DMA_READ;
}

static bool present(void) {
	char signature[4];
	out16(SELECTOR, KEY_SIGNATURE);
	for (size_t i = 0; i < sizeof(signature); i++)
		signature[i] = (char)in8(DATA);
	if (memcmp(signature, "QEMU", sizeof(signature)) != 0)
		return false;
	out16(SELECTOR, KEY_FEATURES);
	return in8(DATA) & FEATURE_DMA;
}

const char boot_file_missing[] = "no such fw_cfg file";

/* Finds a file by its name. */
static const char *find(const char *name, struct file *found) {
	static uint32_t count;
	static struct file file;
	size_t wanted = strlen(name) + 1;

	if (!present())
		return "no fw_cfg device with DMA";
	if (!dma(select(KEY_DIRECTORY), &count, sizeof(count)))
		return "fw_cfg directory cannot be read";
	uint32_t files = __builtin_bswap32(count);
	if (files > FILES_MAX)
		return "fw_cfg directory is too long";

	for (uint32_t i = 0; i < files; i++) {
		if (!dma(DMA_READ, &file, sizeof(file)))
			return "fw_cfg directory cannot be read";
		if (wanted > sizeof(file.name) || memcmp(file.name, name, wanted) != 0)
			continue;
		*found = file;
		return NULL;
	}
	return boot_file_missing;
}

static const char *read_found(const struct file *file, void *bytes, size_t capacity, size_t *length) {
	uint32_t size = __builtin_bswap32(file->size);
	if (size > capacity)
		return "fw_cfg file is too long";
	*length = size;
	if (size > 0 && !dma(select(__builtin_bswap16(file->key)), bytes, size))
		return "fw_cfg file cannot be read";
	return NULL;
}

const char *boot_file_read(const char *name, char *bytes, size_t capacity, size_t *length) {
	struct file file;
	const char *why = find(name, &file);
	return why ? why : read_found(&file, bytes, capacity, length);
}

const char *boot_file_keep(const char *name, size_t most, struct arena *memory, const uint8_t **bytes, size_t *length) {
	struct file file;
	const char *why = find(name, &file);
	if (why)
		return why;
	size_t size = __builtin_bswap32(file.size);
	uint8_t *kept = size > most ? NULL : arena_take(memory, size);
	if (!kept)
		return "fw_cfg file is longer than the memory is";
	*bytes = kept;
	return read_found(&file, kept, size, length);
}
