/*
 * Finds the first rule that matches without asking one after the other.
 *
 * A field of a packet (protocol, port, source, destination) cuts the rules' ranges into intervals in which
 * nothing changes. For each interval there is a set of the rules that name it, as bits; what a packet can match is what
 * stands in the sets of all its fields. Sets are stored as the words that are not zero, with one word that says which
 * those are, so that a rule that is about one address costs one word. Rules that name the same fields lie together:
 * then most words drop out for every packet before they are read.
 *
 * The work for a packet is four searches by halves and at most as many steps as a set has words, however the
 * rules are written. Where their ranges overlap so much that the sets would not fit, neighbouring intervals share
 * a set: it then holds too many rules, never too few, and each find is compared with the packet before it counts.
 */
#ifndef FIREWALL_CLASSIFIER_H
#define FIREWALL_CLASSIFIER_H

#include "../function.h"
#include "rules.h"

#define SET_WORDS (RULES_MAX / 64)
#define INTERVALS_MAX (2 * RULES_MAX + 1)

/* One field: its intervals in ascending order, each up to where the next one begins. */
struct dimension {
	size_t count;
	struct address *begins;
	/* Of each interval: which words of its set are not zero, and where those are. */
	uint64_t *present;
	uint32_t *at;
	uint64_t *words;
	/* The rules that say nothing of this field. */
	uint64_t any[SET_WORDS], any_present;
};

struct classifier {
	const struct ruleset *set;
	/* By family and side, which are few: the rules that may match. */
	uint64_t kinds[4][SET_WORDS], kinds_present[4];
	struct dimension dimensions[4];
	/* Which rule a bit stands for, and the first rule of each word. */
	uint16_t order[RULES_MAX], first[SET_WORDS];
	/* Needed only while sets are made. */
	struct drafts *drafts;
};

/* Takes 2.7 MB, all that any rules can need and most of it never touched; false when there is not so much. */
bool classifier_start(struct classifier *classifier, struct arena *memory);

/* From now on it answers by these rules, which must stay as they are. */
void classifier_build(struct classifier *classifier, const struct ruleset *set);

/* The number of the first rule that matches; -1 if none does. */
int classifier_find(const struct classifier *classifier, const struct opening *opening);

#endif
