// Runs a module of models/binn in its own Python environment, which is made on first use and again when requirements.txt changes:
//   node scripts/binn.mjs train|evaluate|leak|card|export|gait|experiments|pretrain|robustness|segments|plots|hazard|evaluate_hazard [arguments]      node scripts/binn.mjs setup
// PYTHON names the interpreter (python3 unless told, 3.11 or newer). pip's own variables (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL) apply.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const models = fileURLToPath(new URL('../models', import.meta.url));
const venv = resolve(models, '.venv');
const python = resolve(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const stamp = resolve(venv, 'requirements.sha256');

const run = (command, args, options = {}) => {
  const done = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (done.error) throw new Error(`${command} cannot be started: Python 3.11 or newer is needed (PYTHON=...)`, { cause: done.error });
  if (done.status !== 0) process.exit(done.status ?? 1);
};

function setup() {
  const requirements = resolve(models, 'requirements.txt');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (!existsSync(python)) run(process.env['PYTHON'] ?? 'python3', ['-m', 'venv', venv]);
  // pip's chatter goes to stderr: stdout is the module's.
  run(python, ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', '-r', requirements], { stdio: ['ignore', 2, 2] });
  writeFileSync(stamp, wanted);
}

const [command, ...rest] = process.argv.slice(2);
const commands = [
  'train',
  'evaluate',
  'leak',
  'card',
  'export',
  'release',
  'gait',
  'experiments',
  'pretrain',
  'robustness',
  'segments',
  'plots',
  'hazard',
  'evaluate_hazard',
];
if (command !== 'setup' && !commands.includes(command)) {
  process.stderr.write(`usage: node scripts/binn.mjs ${commands.join('|')}|setup [arguments]\n`);
  process.exit(2);
}
setup();
// Passive: threads that spin while they wait take the cores from everybody else.
if (command !== 'setup')
  run(python, ['-m', 'binn', command, ...rest], { env: { OMP_WAIT_POLICY: 'passive', ...process.env, PYTHONPATH: models } });
