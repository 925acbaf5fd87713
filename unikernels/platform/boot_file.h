/* What the host has prepared for the start: named files, by fw_cfg or as files. Given by each binding. */
#ifndef PLATFORM_BOOT_FILE_H
#define PLATFORM_BOOT_FILE_H

#include <stddef.h>

/* The reason that boot_file_read() returns when there is no such file. */
extern const char boot_file_missing[];

/*
 * Reads the file that the host calls `name` into `bytes`. Returns NULL or the reason why not:
 * it is missing, it has more than `capacity` bytes, it cannot be read.
 */
const char *boot_file_read(const char *name, char *bytes, size_t capacity, size_t *length);

#endif
