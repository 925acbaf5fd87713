/** Which controller is meant, and by which certificates: what cannot be used is refused before anything is asked. */
import t from 'tap';
import { openSession, type SessionOptions } from '../../../src/cli/session.ts';
import { Authority } from '../../harness/pki.ts';

t.test('certificates', async (t) => {
  const dir = t.testdir({ 'no.pem': 'nothing' });
  const authority = new Authority(dir, 'authority');
  const me = authority.issue('me');
  const other = authority.issue('other');
  const env = { CHAINSTITCH_CONFIG: undefined, HOME: dir, XDG_CONFIG_HOME: dir };
  const open = (options: SessionOptions, more: Record<string, string> = {}) =>
    openSession({ server: 'https://localhost', ...options }, { ...env, ...more });
  const all = { caFile: authority.ca, cert: me.cert, key: me.key };
  t.equal(open({}).tls, undefined);
  t.match(open(all).tls, { ca: /BEGIN CERT/, cert: /BEGIN CERT/, key: /BEGIN / });
  const named = {
    CHAINSTITCH_CA_FILE: authority.ca,
    CHAINSTITCH_CERT: other.cert,
    CHAINSTITCH_KEY: other.key,
  };
  t.same(open({}, named).tls?.ca, open(all).tls?.ca);
  t.same(open(all, named).tls, open(all).tls, 'an option wins');
  const cases: [string, SessionOptions, RegExp][] = [
    ['no key', { cert: me.cert }, /a certificate and its key go together/],
    ['no certificate', { key: me.key }, /go together/],
    ['a key of another', { cert: me.cert, key: other.key }, /me\.pem, .*other\.key cannot be used/],
    ['no PEM', { caFile: `${dir}/no.pem` }, /no\.pem holds nothing in PEM/],
    ['no file', { caFile: `${dir}/none.pem` }, /none\.pem cannot be read/],
    ['no TLS', { ...all, server: 'http://localhost' }, /does not speak TLS/],
  ];
  for (const [name, options, message] of cases)
    t.throws(() => open(options), { exit: 'usage', message }, name);
});
