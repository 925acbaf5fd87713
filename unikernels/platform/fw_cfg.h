#ifndef PLATFORM_FW_CFG_H
#define PLATFORM_FW_CFG_H

#include <stddef.h>

/*
 * Reads the file that the host calls `name` into `bytes`. Returns NULL or the reason why not:
 * no such file, more than `capacity` bytes, no fw_cfg device.
 */
const char *fw_cfg_read(const char *name, char *bytes, size_t capacity, size_t *length);

#endif
