#include "boot_info.h"

#include <stdbool.h>
#include <string.h>

#define START_INFO_MAGIC 0x336ec578
#define MEMORY_MAP_SINCE 1
#define MEMORY_RAM 1
#define MEMORY_ENTRIES_MAX 128

/* boot.S maps this much. */
#define MAPPED 0x40000000ull

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, acpi, memory_map;
	uint32_t memory_entries, reserved;
};

struct memory_entry {
	uint64_t address, size;
	uint32_t type, reserved;
};

extern char code_start[], image_end[];

static bool readable(uint64_t address, uint64_t length) {
	return address > 0 && address < MAPPED && length <= MAPPED - address;
}

/* The end of the memory that the image is in; 0 when it is not whole in memory. */
static uint64_t memory_end(const struct start_info *info) {
	if (info->version < MEMORY_MAP_SINCE || info->memory_entries > MEMORY_ENTRIES_MAX)
		return 0;
	if (!readable(info->memory_map, info->memory_entries * sizeof(struct memory_entry)))
		return 0;
	const struct memory_entry *entry = (const struct memory_entry *)(uintptr_t)info->memory_map;
	for (uint32_t i = 0; i < info->memory_entries; i++, entry++)
		if (entry->type == MEMORY_RAM && entry->address <= (uintptr_t)code_start &&
		    entry->size >= (uintptr_t)image_end - entry->address)
			return entry->address + entry->size;
	return 0;
}

const char *boot_info_read(uintptr_t start_info, char *command_line, size_t capacity, struct spare_memory *spare) {
	const struct start_info *info = (const struct start_info *)start_info;
	if (!readable(start_info, sizeof(*info)) || info->magic != START_INFO_MAGIC)
		return "not started by PVH";
	uint64_t end = memory_end(info);
	if (end == 0)
		return "the machine has too little memory for this image";
	*spare = (struct spare_memory){(uintptr_t)image_end, end < MAPPED ? end : MAPPED};
	if (!readable(info->command_line, capacity))
		return "no kernel command line";
	const char *line = (const char *)(uintptr_t)info->command_line;
	for (size_t i = 0; i < capacity; i++) {
		command_line[i] = line[i];
		if (!line[i])
			return NULL;
	}
	return "kernel command line is too long";
}
