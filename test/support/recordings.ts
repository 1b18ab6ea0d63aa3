import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where the real recordings lie. Present: a missing file fails its test. Absent: the tests that need them say so and are skipped. */
export const recordingsFolder = process.env.KINEWATCH_DATA ?? join('..', 'shared', 'data');
export const haveRecordings = existsSync(recordingsFolder);
if (!haveRecordings) console.warn(`No recordings at ${recordingsFolder} (KINEWATCH_DATA): the tests that need them are skipped.`);

export const recordingPath = (...parts: string[]): string => join(recordingsFolder, ...parts);
