/* The serial line to the host: a 16550 on microvm's ISA bus. */
#ifndef VIRTIO_SERIAL_H
#define VIRTIO_SERIAL_H

#include <stdbool.h>

#define SERIAL_IRQ 4

/* True if the host spoke too early: the line that it began has lost its first byte. */
bool serial_start(void);

/* Called by the interrupt handler. */
void serial_interrupt(void);

/* True when there is something to send or to receive. */
bool serial_pending(void);

/* Sends some of what waits to be sent. True when all of it is gone. */
bool serial_send(void);

/*
 * QEMU hands over as many bytes at a time as the receive trigger says: one, so that a short
 * request interrupts at once, or 14 while a configuration comes in. The last bytes below the
 * trigger come by the 16550's timeout of four characters.
 */
void serial_expect(bool bulk);

/* One received byte, or -1 when there is none. */
int serial_receive(void);

#endif
