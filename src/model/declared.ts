/**
 * What operators declare. Northbound is the only writer; everyone else reads a snapshot.
 */
import type { Dpid, InstanceId, Ipv4, Ipv6, Mac, Name } from './ids.ts';

/** Any JSON value; a hop's config is one that the function's schema has accepted. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** An Open vSwitch bridge that this controller is to program. Undeclared switches are left untouched. */
export type SwitchSpec = {
  readonly name: Name;
  readonly dpid: Dpid;
  /** What happens to traffic that no chain owns: switch as a learning bridge, or drop. */
  readonly unchained: 'normal' | 'drop';
  /** Where the bridge's OVSDB server listens: `unix:/path`, `tcp:host:port` or `ssl:host:port`. */
  readonly ovsdb: string;
  /**
   * Whether instances for subscribers of this switch run here; default true. Where not, they run at the nearest
   * switch that has them.
   */
  readonly hostsInstances?: boolean;
};

/** A port of a declared switch, by the name that the switch gives it. */
export type Attachment = {
  readonly switch: Name;
  readonly port: string;
};

export type Labels = { readonly [key: string]: string };

/** A user, a device or a service. */
export type SubscriberSpec = {
  readonly name: Name;
  readonly attachment: Attachment;
  readonly mac: Mac;
  readonly ipv4?: readonly Ipv4[];
  readonly ipv6?: readonly Ipv6[];
  readonly labels?: Labels;
};

/** The way to the rest of the network; a switch has at most one. */
export type UplinkSpec = {
  readonly name: Name;
  readonly attachment: Attachment;
};

/** A virtual machine, or a process that the kernel lets do nothing but pass packets. */
export type Isolation = 'vm' | 'process';

/**
 * What a function makes of a frame's addresses. Frames of a transparent one come out as they went in, or not at all.
 * One that rewrites gives them out, at the uplink's side, as frames of an address of its own, and takes them in by it.
 */
export type Rewriting =
  | { readonly transparent: true; readonly rewrites?: never }
  | {
      readonly transparent: false;
      /** JSON pointer to the member of a hop's config that is this address: one of IPv4, for one host. */
      readonly rewrites: { readonly external: string };
    };

type AnyFunction = {
  readonly name: Name;
  readonly description?: string;
  /**
   * What is true of a frame is true of it in a VLAN: the function treats it the same, keeps the traffic of
   * different VLANs apart, and gives the tag back. Only such functions can be in pools. Default false.
   */
  readonly vlanTransparent?: boolean;
};

/** A function whose instances are machines of somebody else's, which pools name. */
export type ExternalFunctionSpec = AnyFunction & {
  readonly external: true;
  readonly transparent: true;
  readonly rewrites?: never;
} & {
  readonly [K in
    | 'image'
    | 'sandbox'
    | 'isolation'
    | 'contract'
    | 'memoryMiB'
    | 'lists'
    | 'sends'
    | 'configSchema'
    | 'blank'
    | 'boot']?: never;
};

/** How a kernel is booted that speaks no contract of ours: of Linux, of Multiboot, or any with a PVH entry. */
export type BootSpec = {
  /** `pc` has its network cards on a PCI bus, `microvm` as virtio-mmio devices. Default `pc`. */
  readonly machine?: 'pc' | 'microvm';
  /** File name within the image directory. */
  readonly initrd?: string;
  /** In which `${id}`, `${left}` and `${right}` (MAC addresses) and `${config.x}`, for a member x of the config, are filled in. */
  readonly commandLine?: string;
  /** What says that a guest is ready: a text on its serial console, or that frames of the switch's come through. */
  readonly ready: { readonly console: string } | { readonly passes: true };
};

type Spoken =
  | {
      /** Version of the contract between host and guest that the image speaks. */
      readonly contract: 1;
      readonly boot?: never;
    }
  | { readonly contract?: never; readonly boot: BootSpec };

/** A function whose instances the controller runs. */
export type OwnFunctionSpec = Rewriting &
  Spoken &
  AnyFunction & {
    readonly external?: never;
    /** File name of the kernel image within the image directory. */
    readonly image: string;
    /** File name of the same function as a process that confines itself, within the image directory. */
    readonly sandbox?: string;
    /**
     * What its instances are kept in; `process` needs `sandbox`. Default: `vm` where it has no `sandbox` or the host
     * has an accelerator that works, else `process`.
     */
    readonly isolation?: Isolation;
    readonly memoryMiB: number;
    /**
     * JSON pointer to the member of a hop's config that names lists of the controller's host: a guest is started with
     * what they hold, and anew when others are named.
     */
    readonly lists?: string;
    /**
     * JSON pointer to the member of a hop's config by which the function sends frames of its own, beside those that pass. A
     * tap must not have it: what a tap gives out goes nowhere.
     */
    readonly sends?: string;
    /** JSON Schema 2020-12 that a hop's `config` has to satisfy. */
    readonly configSchema: JsonObject;
    /**
     * Config with which an instance may be booted before it is known for whom: it gets its subscriber's while it runs.
     * Absent for a function that cannot, such as one that takes what it has saved at its boot.
     */
    readonly blank?: JsonObject;
  };

/** A kind of network function in the catalogue. */
export type FunctionSpec = OwnFunctionSpec | ExternalFunctionSpec;

/**
 * A machine of somebody else's at ports of its pool's switch that nobody else uses. One with two arms passes frames
 * from one to the other; one with a single arm gives them back where they came in.
 */
export type Appliance = {
  /** Within the pool. */
  readonly name: Name;
  /** Its share of the subscribers is proportional to it; 1 to 100, default 1. */
  readonly weight?: number;
} & (
  | {
      /** Port names at the subscriber's side and at the uplink's side. */
      readonly left: string;
      readonly right: string;
      readonly port?: never;
    }
  | { readonly port: string; readonly left?: never; readonly right?: never }
);

/**
 * Instances of one function that many subscribers and chains share. Each subscriber is pinned to one of them.
 */
export type PoolSpec = (OwnPool | ExternalPool) & {
  readonly name: Name;
  readonly function: Name;
  /** Where its instances are. */
  readonly switch: Name;
  /** Instances that take no new subscribers, and whose subscribers go to others. */
  readonly drain?: readonly InstanceId[];
};

type OwnPool = {
  /** How many instances the controller runs for it. */
  readonly instances: number;
  readonly config?: JsonObject;
  readonly external?: never;
};
type ExternalPool = {
  readonly external: readonly Appliance[];
  readonly instances?: never;
  readonly config?: never;
};

/**
 * What becomes of a subscriber's traffic while its instance of a hop is not ready: it is dropped, it passes
 * the hop over, or it goes to another instance of the hop's pool, and is dropped while that has none.
 */
export type FailPolicy = 'closed' | 'open' | 'another';

type AnyHop = {
  /** Tells this hop from others across edits; default: the pool's name, or function name and ordinal, as in `firewall-1`. */
  readonly name?: Name;
  /**
   * The instance gets a copy of every frame that passes here, both ways, and nothing waits for it; what it gives back
   * goes nowhere. Such a hop cannot fail: it has no `onFailure`.
   */
  readonly tap?: true;
};

/** An instance that runs only while its subscriber has traffic. */
export type OnDemandSpec = {
  /**
   * What becomes of packets that come before the instance is ready: the controller holds them and lets them into the
   * chain then, or they pass the hop over. Default `hold`.
   */
  readonly firstPacket?: 'hold' | 'pass';
  /** Seconds without a packet of the subscriber's on this chain, either way, after which it is stopped. Default 300. */
  readonly idleAfter?: number;
};

/** Each subscriber has an instance of its own. */
export type DedicatedHopSpec = AnyHop & {
  readonly function: Name;
  readonly config?: JsonObject;
  /** Default `closed`. */
  readonly onFailure?: Exclude<FailPolicy, 'another'>;
  /** Present where the subscriber's first packet starts the instance; absent where it always runs. */
  readonly onDemand?: OnDemandSpec;
  readonly pool?: never;
};
/** Subscribers share the instances of a pool, which has function and config. */
export type SharedHopSpec = AnyHop & {
  readonly pool: Name;
  /** Default `another`. */
  readonly onFailure?: FailPolicy;
  readonly function?: never;
  readonly config?: never;
  readonly onDemand?: never;
};
export type HopSpec = DedicatedHopSpec | SharedHopSpec;

/** Whom a chain is for: subscribers by name, or all that carry every one of these labels. */
export type Selection =
  | { readonly subscribers: readonly Name[]; readonly selector?: never }
  | { readonly selector: Labels; readonly subscribers?: never };

/** A port of TCP, UDP or SCTP, 1 to 65535, or a range of them as `first-last`, both included. */
export type PortRange = number | string;

/**
 * Some of a subscriber's traffic, both ways, as the subscriber sees it: `local` is its own end of a flow and
 * `remote` the other one. A member that is absent is any; what needs IP and names no version is of both.
 */
export type ServiceMatch = {
  /** VLAN id, 1 to 4094, of the frame's outer tag. */
  readonly vlan?: number;
  /** Of what the frame carries, after its tag if it has one; 0x0600 to 0xffff. */
  readonly etherType?: number;
  readonly protocol?: 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmpv6' | number;
  /** Differentiated services code point, 0 to 63 (RFC 2474). */
  readonly dscp?: number;
  /** A prefix, IPv4 or IPv6. */
  readonly remote?: string;
  readonly local?: string;
  readonly remotePort?: PortRange;
  readonly localPort?: PortRange;
};

export type ChainSpec = {
  readonly name: Name;
  /** In the upstream order: the subscriber's traffic meets the first hop first. */
  readonly hops: readonly HopSpec[];
  /** The chain is for what any of these matches; absent: for all that no service of the subscriber's takes. */
  readonly service?: readonly ServiceMatch[];
  /** Among the service chains of a subscriber: the higher is asked first. 0 to 999, default 0. */
  readonly priority?: number;
} & Selection;

/** Somebody who is told of events by signed requests. */
export type WebhookSpec = {
  readonly name: Name;
  readonly url: string;
  /** What deliveries are signed with; never shown. */
  readonly secret: string;
  /** What is told; by default everything. */
  readonly events?: {
    readonly kinds?: readonly (Kind | 'instances')[];
    readonly types?: readonly ('created' | 'replaced' | 'deleted' | 'changed')[];
  };
};

export type Specs = {
  readonly switches: SwitchSpec;
  readonly subscribers: SubscriberSpec;
  readonly uplinks: UplinkSpec;
  readonly functions: FunctionSpec;
  readonly pools: PoolSpec;
  readonly chains: ChainSpec;
  readonly webhooks: WebhookSpec;
};
/** The kinds of declared object, as they stand in the API's paths. */
export type Kind = keyof Specs;
export const KINDS = [
  'functions',
  'switches',
  'uplinks',
  'subscribers',
  'pools',
  'chains',
  'webhooks',
] as const satisfies readonly Kind[];

/** A declared object as it is kept. */
export type Stored<K extends Kind> = {
  readonly kind: K;
  /** Never given out twice, so that an object made again under an old name is another one. */
  readonly uid: number;
  /** Starts at 1 and grows with every change of the spec. */
  readonly generation: number;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly spec: Specs[K];
};

/** All declared objects at one moment. Immutable. */
export type Declared = {
  /** Grows with every write of the store. */
  readonly revision: number;
} & { readonly [K in Kind]: ReadonlyMap<Name, Stored<K>> };
