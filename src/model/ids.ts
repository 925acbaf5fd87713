/**
 * Branded ids: a plain string or number cannot stand where one of these is asked for, so that a path id
 * is never taken for an instance id. Make one only where the value has been checked.
 */

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/**
 * The name of a declared object: a DNS label, 1 to 63 of `a-z 0-9 -`, unique within its kind. Those of a tenant have
 * its name, which is such a label too, and a dot before them.
 */
export type Name = Branded<string, 'Name'>;
/** A datapath id as 16 lower-case hex digits, as Open vSwitch prints it. */
export type Dpid = Branded<string, 'Dpid'>;
/** Service path identifier, 1 to 2^24 - 1 (RFC 8300, section 2.3). */
export type PathId = Branded<number, 'PathId'>;
/** One running copy of a function, `i` and a decimal number that is never given out twice. */
export type InstanceId = Branded<string, 'InstanceId'>;
/** Whom a flow belongs to: 0 for the switch's own flows, else the number of a chain, below 2^32. */
export type OwnerId = Branded<number, 'OwnerId'>;
/** An OpenFlow port number, 1 to 0xffffff00 (OpenFlow 1.5.1, section 7.2.1). */
export type OfPort = Branded<number, 'OfPort'>;
/** `aa:bb:cc:dd:ee:ff`, lower case, unicast. */
export type Mac = Branded<string, 'Mac'>;
/** Dotted decimal, one host. */
export type Ipv4 = Branded<string, 'Ipv4'>;
/** RFC 5952 text, one host. */
export type Ipv6 = Branded<string, 'Ipv6'>;

export const NAME_PATTERN = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
/** Of subscribers and chains, which may belong to a tenant. */
export const OWNED_NAME_PATTERN =
  '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
export const DPID_PATTERN = '^[0-9a-f]{16}$';
export const MAX_PATH_ID = 0xffffff;
export const SWITCH_OWNER = 0 as OwnerId;

/** The longest chain that a path can carry: the service index is 8 bits and 0 means "nothing left". */
export const MAX_HOPS = 16;
