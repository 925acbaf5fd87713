import fc from 'fast-check';
import t from 'tap';
import {
  bigintToIpv6,
  bigintToMac,
  ipv4ToNumber,
  ipv6ToBigint,
  macToBigint,
  numberToIpv4,
  TextError,
} from '../src/index.ts';

t.test('addresses read and print', async (t) => {
  t.equal(macToBigint('02:00:00:00:00:0a'), 0x02000000000an);
  t.equal(ipv4ToNumber('255.0.0.1'), 0xff000001);
  t.equal(ipv6ToBigint('2001:db8::1'), 0x20010db8000000000000000000000001n);
  t.equal(ipv6ToBigint('::ffff:10.0.0.1'), 0xffff0a000001n);
  t.equal(ipv6ToBigint('::'), 0n);
  t.equal(bigintToIpv6(0n), '::');
  t.equal(bigintToIpv6(0xffff0a000001n), '::ffff:10.0.0.1');
  // The longest run of zeros, the first of equals, and no run of one (RFC 5952, section 4.2).
  t.equal(bigintToIpv6(ipv6ToBigint('2001:0:0:1:0:0:0:1')), '2001:0:0:1::1');
  t.equal(bigintToIpv6(ipv6ToBigint('2001:0:0:1:1:0:0:1')), '2001::1:1:0:0:1');
  t.equal(bigintToIpv6(ipv6ToBigint('2001:0:1:1:1:1:1:1')), '2001:0:1:1:1:1:1:1');
});

t.test('what prints reads as the same', async () => {
  fc.assert(fc.property(fc.bigInt(0n, (1n << 128n) - 1n), (n) => ipv6ToBigint(bigintToIpv6(n)) === n));
  fc.assert(fc.property(fc.bigInt(0n, (1n << 48n) - 1n), (n) => macToBigint(bigintToMac(n)) === n));
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), (n) => ipv4ToNumber(numberToIpv4(n)) === n));
});

t.test('what is no address is refused', async (t) => {
  for (const text of ['', '1', '02:00:00:00:00', '02:00:00:00:00:00:00', '0g:00:00:00:00:00'])
    t.throws(() => macToBigint(text), TextError);
  for (const text of ['', '1.2.3', '1.2.3.256', '1.2.3.4.5', 'a.b.c.d'])
    t.throws(() => ipv4ToNumber(text), TextError);
  for (const text of [
    '',
    ':',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    '10.0.0.1::',
  ])
    t.throws(() => ipv6ToBigint(text), TextError);
});
