import type { MessageOf } from './message.ts';
import { type Version, version13, version15 } from './registry/numbers.ts';

/** The versions that this library speaks, best first. */
export const supportedVersions: readonly Version[] = [version15, version13];

/** A hello that offers these wire versions (OpenFlow 1.5.1, 7.5.1). */
export function makeHello(xid: number, versions: readonly number[] = supportedVersions): MessageOf<'hello'> {
  const bitmap = versions.reduce((bits, version) => bits | (1 << version), 0) >>> 0;
  return {
    type: 'hello',
    version: Math.max(...versions),
    xid,
    elements: [{ type: 'versionBitmap', bitmaps: [bitmap] }],
  };
}

const noVersion = 0;

/** The wire versions that a hello offers: by its bitmap, or every one up to that of its header. */
export function offeredVersions(hello: MessageOf<'hello'>): ReadonlySet<number> {
  const offered = new Set<number>();
  for (const element of hello.elements) {
    if (element.type !== 'versionBitmap') continue;
    // Versions are a byte: eight words hold them all.
    for (const [word, bits] of element.bitmaps.slice(0, 8).entries())
      for (let bit = 0; bit < 32; bit++) if ((bits >>> bit) & 1) offered.add(32 * word + bit);
  }
  offered.delete(noVersion);
  if (offered.size === 0) for (let version = 1; version <= hello.version; version++) offered.add(version);
  return offered;
}

/** The best version that both sides speak; undefined if there is none, and HELLO_FAILED is due. */
export function negotiate(
  hello: MessageOf<'hello'>,
  versions: readonly Version[] = supportedVersions,
): Version | undefined {
  const offered = offeredVersions(hello);
  return [...versions].sort((a, b) => b - a).find((version) => offered.has(version));
}
