/**
 * Tries the steps of a Dockerfile where no engine runs: each stage is a copy of a bare Debian root, and RUN is a command
 * in it. As root:
 *
 *   debootstrap --variant=minbase bookworm /var/tmp/bookworm
 *   node deploy/try-images.ts /var/tmp/bookworm deploy/openvswitch/Dockerfile deploy/openvswitch
 *   node deploy/try-images.ts /var/tmp/bookworm deploy/controller/Dockerfile .
 *
 * The last stage is left in the directory that is printed. It knows the instructions that our files have, and refuses
 * others. Layers, users and health checks are the engine's, and are not tried.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { type Instruction, parseDockerfile } from './dockerfile.ts';

type Stage = { readonly root: string; readonly env: Record<string, string>; workdir: string };

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

function sh(script: string, ...argv: readonly string[]): void {
  execFileSync('sh', ['-ec', script, 'sh', ...argv], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** In namespaces of its own, so that what is mounted ends with the command. */
function runIn({ root, env, workdir }: Stage, command: string): void {
  // Where this host reaches npm through a proxy with a certificate of its own, so do the steps.
  const { NODE_EXTRA_CA_CERTS: certificates = '' } = process.env;
  const own = certificates === '' ? env : { ...env, NODE_EXTRA_CA_CERTS: '/tmp/extra.pem' };
  const given = Object.entries(own).map(([name, value]) => `${name}=${value}`);
  writeFileSync(join(root, 'tmp/step.sh'), `cd '${workdir}'\n${command}\n`);
  const script =
    '[ -z "$2" ] || cp "$2" "$1/tmp/extra.pem"; ' +
    'mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; cp /etc/resolv.conf "$1/etc/resolv.conf"; ' +
    'root=$1; shift 2; exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ' +
    'HOME=/root DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "$@" sh -e /tmp/step.sh';
  execFileSync('unshare', ['--mount', 'sh', '-ec', script, 'sh', root, certificates, ...given], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function copy(
  stage: Stage,
  { words }: Instruction,
  context: string,
  stages: ReadonlyMap<string, Stage>,
): void {
  const from = /^--from=(.+)$/.exec(words[0] ?? '')?.[1];
  const paths = from === undefined ? words : words.slice(1);
  const base = from === undefined ? context : stages.get(from)?.root;
  if (base === undefined) throw new Error(`there is no stage ${from}`);
  const target = paths.at(-1) ?? '';
  const to = join(stage.root, posix.resolve(stage.workdir, target));
  for (const path of paths.slice(0, -1)) {
    const source = join(base, path);
    if (from === undefined && path === '.') {
      // As .dockerignore has it.
      mkdirSync(to, { recursive: true });
      sh(
        'cd "$1"; git ls-files -z --cached --others --exclude-standard | tar --null -T - -c | tar -x -C "$2"',
        source,
        to,
      );
    } else if (target.endsWith('/') || paths.length > 2) {
      mkdirSync(to, { recursive: true });
      sh('cp -a "$1" "$2/"', source, to);
    } else {
      sh(
        'mkdir -p "$(dirname "$2")"; [ ! -d "$2" ] || rmdir "$2"; cp -a "$1" "$2"',
        source,
        to.replace(/\/$/, ''),
      );
    }
  }
}

function build(bare: string, file: string, context: string): string {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const instruction of parseDockerfile(readFileSync(file, 'utf8'))) {
    const { name, text, words } = instruction;
    say(`${name} ${text.slice(0, 90)}`);
    if (name === 'FROM') {
      if (!/^debian:12[.]/.test(words[0] ?? '')) throw new Error('only Debian 12 can be tried');
      const root = mkdtempSync(join(tmpdir(), 'try-image-'));
      sh('cp -a "$1/." "$2/"', bare, root);
      stage = { root, env: {}, workdir: '/' };
      stages.set(words[2] ?? String(stages.size), stage);
      continue;
    }
    if (stage === undefined) throw new Error(`${name} stands before FROM`);
    if (name === 'RUN') runIn(stage, text);
    else if (name === 'COPY') copy(stage, instruction, context, stages);
    else if (name === 'WORKDIR') {
      stage.workdir = text;
      mkdirSync(join(stage.root, text), { recursive: true });
    } else if (name === 'ENV') {
      const [variable = '', value = ''] = text.split('=');
      stage.env[variable] = value;
    } else if (!['VOLUME', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'].includes(name)) {
      throw new Error(`${name} is not known here`);
    }
  }
  return stage?.root ?? '';
}

const [bare, file, context] = process.argv.slice(2);
if (bare === undefined || file === undefined || context === undefined) {
  say('usage: try-images.ts BARE-ROOT DOCKERFILE CONTEXT');
  process.exit(2);
}
process.stdout.write(`${build(bare, file, context)}\n`);
