// Run after `npm install`: npm leaves optional packages of other platforms out of package-lock.json where the registry in use does not hold them, and
// `npm ci` then refuses the lock. This names them again (without an integrity hash, which only the package itself can give).
import { readFileSync, writeFileSync } from 'node:fs';
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const OS = ['darwin', 'linux', 'win32', 'android', 'freebsd', 'openharmony', 'netbsd', 'openbsd', 'sunos', 'aix'];
let added = 0;
for (const [path, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (lock.packages[`node_modules/${name}`] || lock.packages[`${path}/node_modules/${name}`]) continue;
    if (!/^\d+\.\d+\.\d+/.test(version)) {
      console.log('left', name, version, 'of', path);
      continue;
    }
    const parts = name.split(/[/-]/);
    const os = OS.find((o) => parts.includes(o));
    const cpu =
      ['arm64', 'x64', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64'].find((c) => parts.includes(c)) ??
      (parts.some((p) => p === 'arm') ? 'arm' : undefined);
    if (!os || !cpu) {
      console.log('left', name, version);
      continue;
    }
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(entry.dev ? { dev: true } : {}),
      ...(entry.devOptional ? { devOptional: true } : {}),
      optional: true,
      os: [os],
      ...(parts.includes('gnu') || parts.includes('gnueabihf')
        ? { libc: ['glibc'] }
        : parts.includes('musl') || parts.includes('musleabihf')
          ? { libc: ['musl'] }
          : {}),
    };
    added += 1;
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
lock.packages = sorted;
writeFileSync('package-lock.json', JSON.stringify(lock, null, 2) + '\n');
console.log('added', added);
