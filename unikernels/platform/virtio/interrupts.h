#ifndef VIRTIO_INTERRUPTS_H
#define VIRTIO_INTERRUPTS_H

#include <stdint.h>

/*
 * Sets up exceptions (which panic), the two network cards' interrupts and the console's.
 * Interrupts stay off but for two moments of the main loop: interrupts_glance() and
 * interrupts_wait(). Nothing else can be interrupted, so nothing else needs locks.
 */
void interrupts_start(void);

void interrupts_glance(void);
void interrupts_wait(void);

/* Counts down at a rate that is not known here and interrupts at the end; 0 stops it. */
void interrupts_timer_start(uint32_t ticks);
uint32_t interrupts_timer_left(void);

/* What a network card's interrupt must write to, to acknowledge it. */
void interrupts_acknowledge_at(unsigned card, uintptr_t address);

#endif
