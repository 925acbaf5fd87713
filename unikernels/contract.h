/*
 * What the host and a function promise each other, version 1.
 *
 * The controller holds the same constants in src/nf/contract.ts and a test compares the two,
 * so keep this file to simple defines: one name, one literal.
 * unikernels/README.md tells the contract in prose.
 */
#ifndef CHAINSTITCH_CONTRACT_H
#define CHAINSTITCH_CONTRACT_H

#define CONTRACT_VERSION 1

/* Kernel command line: chainstitch.id=<id> chainstitch.left=<mac> chainstitch.right=<mac> */
#define CONTRACT_ARG_ID "chainstitch.id="
#define CONTRACT_ARG_LEFT "chainstitch.left="
#define CONTRACT_ARG_RIGHT "chainstitch.right="
#define CONTRACT_MAX_ID 64

/* The virtio-mmio bus of each network card: left faces the subscriber, right the uplink. */
#define CONTRACT_BUS_LEFT 0
#define CONTRACT_BUS_RIGHT 1

/* The first configuration comes as fw_cfg files; the revision is decimal ASCII. */
#define CONTRACT_CONFIG_FILE "opt/chainstitch/config"
#define CONTRACT_REVISION_FILE "opt/chainstitch/revision"
#define CONTRACT_MAX_CONFIG 262144
#define CONTRACT_MAX_REVISION 9007199254740992

/* Seconds since 1970, UTC, in decimal ASCII; and what an earlier copy has saved. Either may be missing. */
#define CONTRACT_TIME_FILE "opt/chainstitch/time"
#define CONTRACT_STATE_FILE "opt/chainstitch/state"
#define CONTRACT_MAX_STATE 12000

/* What the function looks things up in; missing if it needs nothing of the kind. What it is, is the function's matter. */
#define CONTRACT_DATA_FILE "opt/chainstitch/data"
#define CONTRACT_MAX_DATA 4194304

/* A request line may hold this many bytes, the newline not counted. */
#define CONTRACT_MAX_REQUEST 256

/* Said by the guest on its own initiative; each line begins with one of these. */
#define CONTRACT_SAY_READY "ready "
#define CONTRACT_SAY_REFUSED "refused reason="
#define CONTRACT_SAY_LOG "log "
#define CONTRACT_SAY_PANIC "panic "
#define CONTRACT_SAY_STATE "state "
/* The longest line of the guest's log, with its first word and its newline. */
#define CONTRACT_MAX_LOG 512

/* Asked by the host; answered in order, one line each. */
#define CONTRACT_ASK_HELLO "hello"
#define CONTRACT_ASK_HEALTH "health"
#define CONTRACT_ASK_COUNTERS "counters"
#define CONTRACT_ASK_CONFIG "config "
#define CONTRACT_ASK_TIME "time "
#define CONTRACT_ASK_SHUTDOWN "shutdown"

/* The answers. hello is answered with CONTRACT_SAY_READY (or CONTRACT_SAY_REFUSED). */
#define CONTRACT_ANSWER_HEALTH "health ok"
#define CONTRACT_ANSWER_COUNTERS "counters "
#define CONTRACT_ANSWER_CONFIG_OK "config ok revision="
#define CONTRACT_ANSWER_CONFIG_REFUSED "config refused reason="
#define CONTRACT_ANSWER_TIME "time ok"
#define CONTRACT_ANSWER_SHUTDOWN "shutdown ok"
#define CONTRACT_ANSWER_ERROR "error reason="

/*
 * The switch's own frames by which it finds out whether frames pass (continuity check messages of IEEE 802.1Q, clause 20,
 * as Open vSwitch addresses them): they go through whatever the function thinks, and are not counted.
 */
#define CONTRACT_PROBE_TYPE 35074
#define CONTRACT_PROBE_MAC "01:23:20:00:00:30"
#define CONTRACT_MAX_PROBE 128

/* A request that stays half received for this long is forgotten: who sent it has gone. */
#define CONTRACT_STALE_MS 1000

/* A changed state is said this long after the first change, with all changes until then. */
#define CONTRACT_STATE_MS 1000

#endif
