/*
 * Sends what there is to tell to the collector: IPFIX over UDP (RFC 7011, section 10.3), in frames of the function's own on
 * the uplink's side. Records are gathered for up to a second. Templates come again every minute, for a collector that was not
 * there or has lost them.
 */
#ifndef PROBE_EXPORTER_H
#define PROBE_EXPORTER_H

#include "config.h"
#include "flows.h"

#include <stdbool.h>
#include <stdint.h>

void exporter_start(const uint8_t mac[6], uint64_t seed);

/* Where something is different, another session begins; what was gathered is lost. The one before must still be there. */
void exporter_configure(const struct exports *exports);

/* Tells of the packets of a flow that are untold. False when there is no room now: try again after exporter_run(). */
bool exporter_tell(const struct flow *flow, enum reason why, uint64_t now);

/* Sends what has to be sent by now. */
void exporter_run(uint64_t now);

/* When to call exporter_run(); NEVER when there is nothing to send. */
uint64_t exporter_deadline(void);

struct exporter_numbers {
	uint64_t messages, records;
	/* Records that are gathered and not sent yet. */
	uint64_t gathered;
};
struct exporter_numbers exporter_numbers(void);

#endif
