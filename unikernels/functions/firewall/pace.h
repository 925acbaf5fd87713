/* How fast flows may begin. Each side has a pace of its own: strangers who try much do not stop the subscriber. */
#ifndef FIREWALL_PACE_H
#define FIREWALL_PACE_H

#include "rules.h"

/* Forgets what was spent. */
void pace_start(void);

/* Whether one more flow may begin now, in microseconds; it counts if so. */
bool pace_allows(const struct pace *pace, enum side side, uint64_t now);

#endif
