import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordedStream } from '../../recordings/recording.ts';
import { startEmbedded } from './embedded.ts';
import { findFiles, planStarts, readFiles, type RecordingFile } from './files.ts';
import { HELP, readOptions, type ReplayOptions } from './options.ts';
import { deviceSerial, playFile, type Service } from './play.ts';
import { describe, type FileFault, type FileReport, reportOf } from './report.ts';
import { type AthleteFields, createProvisioner } from '../rest-client.ts';
import { messageOf, runCommand, type ExitStatus, type Output } from '../run-command.ts';

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

type Outcome = FileReport | FileFault;

/** Says what is wrong with a file, and every reason in full only once. */
type Refuse = (path: string, reason: string) => void;

function createRefuse(log: Output['log']): Refuse {
  const first = new Map<string, string>();
  const told = new Set<string>();
  return (path, reason) => {
    const before = first.get(reason);
    const said = `${path}\0${reason}`;
    if (told.has(said)) return;
    told.add(said);
    log(before === undefined ? `${path}: ${reason}` : `${path}: the same as for ${before}`);
    if (before === undefined) first.set(reason, path);
  };
}

/** What a run works with, beside the service. */
interface Job {
  /** Every file that could be read. */
  readonly files: readonly RecordingFile[];
  readonly runId: string;
  readonly options: ReplayOptions;
  readonly log: Output['log'];
  readonly refuse: Refuse;
  /** By path; filled as the files are played. */
  readonly outcomes: Map<string, Outcome>;
}

async function playAll(service: Service, { files, runId, options, log, refuse, outcomes }: Job): Promise<void> {
  // Without an API key nothing was provisioned by this run: whose data a device carries is for its assignment to say, unless the user did.
  const namesAthlete = options.athlete !== null || options.target === null || options.target.apiKey !== null;
  const starts = planStarts(files, Date.now() * 1000);
  for (const [i, file] of files.entries()) {
    const run = { startUs: starts[i] as number, boot: `${runId}-${i}`, speed: options.speed, namesAthlete };
    try {
      const played = await playFile(service, file, run, (trouble) => refuse(file.path, trouble));
      const report = reportOf(file, played);
      log(`${i + 1}/${files.length} ${describe(report)}`);
      outcomes.set(file.path, report);
    } catch (error) {
      refuse(file.path, messageOf(error));
      outcomes.set(file.path, { file: file.path, error: messageOf(error) });
    }
  }
}

async function replayInto(target: NonNullable<ReplayOptions['target']>, job: Job): Promise<void> {
  const { baseUrl, ingestUrl } = addresses(target.url);
  if (target.apiKey !== null) await provision(baseUrl, target.apiKey, job.files, job.runId, target.token);
  await playAll({ baseUrl, ingestUrl, token: target.token }, job);
}

async function replayEmbedded(job: Job): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'kinewatch-replay-'));
  try {
    job.log('Starting an embedded service.');
    const embedded = await startEmbedded(directory);
    try {
      const { baseUrl, ingestUrl } = addresses(embedded.url);
      const token = await provision(baseUrl, embedded.adminKey, job.files, job.runId, null);
      await playAll({ baseUrl, ingestUrl, token }, job);
    } finally {
      await embedded.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Plays what can be read; the reason why the run as a whole failed, or null. */
async function playReadable(job: Job): Promise<string | null> {
  if (job.outcomes.size === 0 && job.files.length === 0) return 'there is no recording in what was named';
  if (job.files.length === 0) return null;
  try {
    const { target } = job.options;
    await (target === null ? replayEmbedded(job) : replayInto(target, job));
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function run(options: ReplayOptions, { stdout, log }: Output): Promise<ExitStatus> {
  const refuse = createRefuse(log);
  const found = await findFiles(options.paths, (path) => log(`${path}: no recording, passed over`));
  const read = await readFiles(found, options.rateHz, options.athlete);
  const outcomes = new Map<string, Outcome>();
  for (const file of read) {
    if (!('error' in file)) continue;
    refuse(file.path, file.error);
    outcomes.set(file.path, { file: file.path, error: file.error });
  }
  const files = read.filter((file): file is RecordingFile => 'recording' in file);
  const failure = await playReadable({ files, runId: Date.now().toString(36), options, log, refuse, outcomes });
  if (failure !== null) log(failure);
  const all = read.map(({ path }) => outcomes.get(path) ?? { file: path, error: `not played: ${failure ?? 'the run ended before'}` });
  if (options.json) stdout(`${JSON.stringify(failure === null ? { files: all } : { files: all, error: failure })}\n`);
  return failure === null && all.every((outcome) => !('error' in outcome)) ? 0 : 1;
}

/** Runs the command; its exit status: 0, 1 where a file was refused or the service failed, 2 on wrong use. Never rejects. */
export const runReplay = (args: readonly string[], output: Output): Promise<ExitStatus> =>
  runCommand({ name: 'replay', help: HELP, readOptions, run }, args, output);
