/* What the host has prepared for the start: named files, by fw_cfg or as files. Given by each binding. */
#ifndef PLATFORM_BOOT_FILE_H
#define PLATFORM_BOOT_FILE_H

#include "arena.h"

#include <stddef.h>
#include <stdint.h>

/* The reason that boot_file_read() returns when there is no such file. */
extern const char boot_file_missing[];

/*
 * Reads the file that the host calls `name` into `bytes`. Returns NULL or the reason why not:
 * it is missing, it has more than `capacity` bytes, it cannot be read.
 */
const char *boot_file_read(const char *name, char *bytes, size_t capacity, size_t *length);

/*
 * The same for a large one, which then stays where it is: in memory taken for it, or, in a process, in pages
 * that all processes have together. `*bytes` is not to be written to.
 */
const char *boot_file_keep(const char *name, size_t most, struct arena *memory, const uint8_t **bytes, size_t *length);

#endif
