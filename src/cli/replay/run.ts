import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinewatchError } from '../../contracts/errors.ts';
import type { RecordedStream } from '../../recordings/recording.ts';
import { startEmbedded } from './embedded.ts';
import { findFiles, planStarts, readFiles, type RecordingFile } from './files.ts';
import { HELP, readOptions, type ReplayOptions } from './options.ts';
import { deviceSerial, playFile, type Service } from './play.ts';
import { describe, type FileReport, reportOf } from './report.ts';
import { type AthleteFields, createProvisioner } from '../rest-client.ts';

/** Where the command writes; the process's own streams but in tests. */
export interface Output {
  readonly stdout: (text: string) => void;
  /** One line, without its end. */
  readonly log: (line: string) => void;
}

const TEAM = 'Replay';

function athleteFields({ externalId, recording }: RecordingFile): AthleteFields {
  const { sex, heightM, massKg } = recording.metadata;
  return {
    externalId,
    name: externalId,
    ...(sex === 'M' || sex === 'F' ? { sex: sex === 'M' ? 'm' : 'f' } : {}),
    ...(typeof heightM === 'number' && heightM >= 0.5 && heightM <= 2.8 ? { heightM } : {}),
    ...(typeof massKg === 'number' && massKg >= 15 && massKg <= 350 ? { massKg } : {}),
  };
}

/** Athletes and devices of all files, and a gateway where `token` is null; the gateway's token. */
async function provision(
  baseUrl: string,
  apiKey: string,
  files: readonly RecordingFile[],
  runId: string,
  token: string | null,
): Promise<string> {
  const provisioner = await createProvisioner(baseUrl, apiKey, TEAM);
  const athletes = new Map<string, string>();
  const devices = new Set<string>();
  const ensureDevice = async (stream: RecordedStream, file: RecordingFile, athleteId: string): Promise<void> => {
    const serial = deviceSerial(file.externalId, stream.placement);
    if (devices.has(serial)) return;
    devices.add(serial);
    await provisioner.ensureDevice(serial, stream.kind, athleteId);
  };
  for (const file of files) {
    const athleteId = athletes.get(file.externalId) ?? (await provisioner.ensureAthlete(athleteFields(file)));
    athletes.set(file.externalId, athleteId);
    for (const stream of file.recording.streams) await ensureDevice(stream, file, athleteId);
  }
  return token ?? provisioner.createGateway(`replay-${runId}`);
}

/** http(s) base and ws(s) ingest address of either. */
function addresses(url: string): { readonly baseUrl: string; readonly ingestUrl: string } {
  const given = new URL(url);
  const secure = given.protocol === 'https:' || given.protocol === 'wss:';
  return { baseUrl: `${secure ? 'https' : 'http'}://${given.host}`, ingestUrl: `${secure ? 'wss' : 'ws'}://${given.host}/v1/ingest` };
}

async function playAll(
  service: Service,
  files: readonly RecordingFile[],
  runId: string,
  options: ReplayOptions,
  log: Output['log'],
): Promise<FileReport[]> {
  // Without an API key nothing was provisioned by this run: whose data a device carries is for its assignment to say, unless the user did.
  const namesAthlete = options.athlete !== null || options.target === null || options.target.apiKey !== null;
  const starts = planStarts(files, Date.now() * 1000);
  const reports: FileReport[] = [];
  for (const [i, file] of files.entries()) {
    const run = { startUs: starts[i] as number, boot: `${runId}-${i}`, speed: options.speed, namesAthlete };
    const played = await playFile(service, file, run, log);
    const report = reportOf(file, played);
    log(`${i + 1}/${files.length} ${describe(report)}`);
    reports.push(report);
  }
  return reports;
}

async function replayInto(
  target: NonNullable<ReplayOptions['target']>,
  files: readonly RecordingFile[],
  runId: string,
  options: ReplayOptions,
  log: Output['log'],
): Promise<FileReport[]> {
  const { baseUrl, ingestUrl } = addresses(target.url);
  if (target.apiKey !== null) await provision(baseUrl, target.apiKey, files, runId, target.token);
  return playAll({ baseUrl, ingestUrl, token: target.token }, files, runId, options, log);
}

async function replayEmbedded(
  files: readonly RecordingFile[],
  runId: string,
  options: ReplayOptions,
  log: Output['log'],
): Promise<FileReport[]> {
  const directory = await mkdtemp(join(tmpdir(), 'kinewatch-replay-'));
  try {
    log('Starting an embedded service.');
    const embedded = await startEmbedded(directory);
    try {
      const { baseUrl, ingestUrl } = addresses(embedded.url);
      const token = await provision(baseUrl, embedded.adminKey, files, runId, null);
      return await playAll({ baseUrl, ingestUrl, token }, files, runId, options, log);
    } finally {
      await embedded.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function run(args: readonly string[], { stdout, log }: Output): Promise<void> {
  const options = readOptions(args);
  if (options.help) {
    stdout(`${HELP}\n`);
    return;
  }
  const paths = await findFiles(options.paths, (path) => log(`${path}: no recording, passed over`));
  const files = await readFiles(paths, options.rateHz, options.athlete);
  if (files.length === 0) throw new KinewatchError('no-recordings', 'there is no recording in what was named');
  const runId = Date.now().toString(36);
  const reports = await (options.target === null
    ? replayEmbedded(files, runId, options, log)
    : replayInto(options.target, files, runId, options, log));
  if (options.json) stdout(`${JSON.stringify({ files: reports })}\n`);
}

/** Runs the command; its exit status: 0, 1 where a file was refused or the service failed, 2 on wrong use. Never rejects. */
export async function runReplay(args: readonly string[], output: Output): Promise<0 | 1 | 2> {
  try {
    await run(args, output);
    return 0;
  } catch (error) {
    const usage = error instanceof KinewatchError && error.code === 'usage';
    output.log(error instanceof Error ? error.message : String(error));
    if (usage) output.log('npm run replay -- --help tells how it is used.');
    return usage ? 2 : 1;
  }
}
