#ifndef VIRTIO_TSC_H
#define VIRTIO_TSC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Measures the time stamp counter, and the local APIC's timer, against the PIT. False when there
 * is no PIT, or when the host kept disturbing the measurement: TSC_TOLERANCE_PERCENT could not be promised.
 */
bool tsc_start(void);

#define TSC_TOLERANCE_PERCENT 1

/* Interrupts once at this time, perhaps earlier; NEVER for not at all. Replaces what was asked before. */
void tsc_alarm(uint64_t time, uint64_t now);

#endif
