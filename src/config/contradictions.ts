/**
 * Settings that are right one by one and wrong together.
 */
import { isLoopback } from '../model/loopback.ts';
import type { Settings } from './table.ts';

/** One line for each contradiction. */
export function contradictions(settings: Settings): readonly string[] {
  return [
    ...listening(settings),
    ...issuing(settings),
    ...together(settings, ['apiTlsCert', 'apiTlsKey']),
    ...together(settings, ['switchTlsCert', 'switchTlsKey', 'switchTlsCa']),
    ...(settings.apiTlsClientCa !== '' && settings.apiTlsCert === ''
      ? ['--api-tls-client-ca: callers can show a certificate only where the API has one; set --api-tls-cert']
      : []),
  ];
}

/** Whoever reaches the API can do everything: without knowing who it is, that is the own machine at most. */
function listening({ apiHost, auth, apiTlsCert, apiBehindProxy }: Settings): readonly string[] {
  if (isLoopback(apiHost)) return [];
  const problems: string[] = [];
  const where = `--api-host=${apiHost}: is no loopback address`;
  if (auth === 'none') problems.push(`${where}, and nobody has to say who they are; set --auth=token`);
  if (apiTlsCert === '' && apiBehindProxy === 'no') {
    problems.push(
      `${where}, and tokens would travel in the clear; set --api-tls-cert and --api-tls-key, ` +
        'or --api-behind-proxy=yes where a proxy terminates TLS',
    );
  }
  return problems;
}

function issuing({ auth, oidcIssuer, oidcAudience, oidcKeys }: Settings): readonly string[] {
  if (oidcIssuer === '') {
    if (oidcAudience === '' && oidcKeys === '') return [];
    return ['--oidc-audience and --oidc-keys say something of an issuer; set --oidc-issuer'];
  }
  return [
    ...(auth === 'none' ? ['--oidc-issuer: nobody is asked for a token; set --auth=token'] : []),
    ...(oidcAudience === ''
      ? ['--oidc-issuer: tokens for others would be accepted too; set --oidc-audience']
      : []),
  ];
}

function together(settings: Settings, names: readonly (keyof Settings)[]): readonly string[] {
  const missing = names.filter((name) => settings[name] === '');
  if (missing.length === 0 || missing.length === names.length) return [];
  const flags = (some: readonly string[]): string =>
    some.map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`).join(' and ');
  return [`${flags(names)} go together: ${flags(missing)} ${missing.length === 1 ? 'is' : 'are'} missing`];
}
