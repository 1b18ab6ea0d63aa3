/** Thresholds of a team and of an athlete: read with their origin, set, reset, and every version there was. */
import type { FastifyRequest } from 'fastify';
import type { AlarmRules } from '../../asms/alarm-rules.ts';
import { AlarmSettingsRefused, mergeAlarmRules, type SettingFault, type StoredSettings } from '../../asms/alarm-settings.ts';
import { callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import type { SettingsPair, SettingsSubject } from '../ports.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf } from '../schemas.ts';
import { AlarmSettingsVersion, AlarmSettingsView, ResetAlarmSettings, SetAlarmSettings, VersionsQuery } from './schemas.ts';
import { viewAlarmSettings } from './view.ts';

const LEVELS = [
  { kind: 'team', path: '/v1/teams/:id/alarm-settings', tag: 'teams', name: 'Team', words: 'a team' },
  { kind: 'athlete', path: '/v1/athletes/:id/alarm-settings', tag: 'athletes', name: 'Athlete', words: 'an athlete' },
] as const;

/** Where the body names what is at fault: its level is that of the route, and of two fields that do not fit the one that was sent. */
function pointerOf({ path, against }: SettingFault, settings: StoredSettings): string {
  const places = [path, against ?? path].map((place) => place.replace(/^(team|athlete)\./u, '').split('.'));
  const isSent = ([type = '', field = '']: readonly string[]): boolean => Object.hasOwn(settings[type] ?? {}, field);
  return `/settings/${(places.find(isSent) ?? places[0] ?? []).join('/')}`;
}

/** @throws ProblemError `alarm-settings-refused`, every fault with its place; of an athlete's own settings that do not fit the team's with whose they are */
function checkLevels(
  base: AlarmRules,
  subject: SettingsSubject,
  settings: StoredSettings,
  { team, athlete, athleteId }: SettingsPair,
): void {
  try {
    mergeAlarmRules(base, team, athlete);
  } catch (error) {
    if (!(error instanceof AlarmSettingsRefused)) throw error;
    const faults = error.faults.map((fault) => ({ in: 'body', path: pointerOf(fault, settings), message: fault.message }));
    const whose =
      subject.kind === 'team' && athleteId !== null
        ? `The settings of athlete ${athleteId} would not fit any more: change those first (PUT /v1/athletes/${athleteId}/alarm-settings), or give others. `
        : '';
    throw new ProblemError('alarm-settings-refused', `${whose}${error.message}`, faults);
  }
}

export const alarmSettings = resource('alarm-settings', async (app, { repositories, alarmRules }) => {
  const set = async (
    request: FastifyRequest,
    subject: SettingsSubject,
    given: { readonly settings: StoredSettings; readonly basedOnVersion: number | null; readonly why: string },
  ): Promise<AlarmSettingsView> => {
    const base = alarmRules();
    const change = { ...given, by: callerOf(request).name };
    const now = await repositories.alarmSettings.set(teamOf(request), subject, change, (pairs) => {
      for (const pair of pairs) checkLevels(base, subject, given.settings, pair);
    });
    return viewAlarmSettings(found(now, subject.kind, subject.id), base);
  };

  for (const { kind, path, tag, name, words } of LEVELS) {
    const tags = [tag];
    app.get(
      path,
      {
        onRequest: app.requires('read'),
        schema: {
          tags,
          security,
          operationId: `get${name}AlarmSettings`,
          summary: `Alarm settings of ${words}, and the rules in force`,
          params: IdParams,
          response: { 200: AlarmSettingsView, ...problems(401, 403, 404) },
        },
      },
      async (request) => {
        const { id } = request.params;
        return viewAlarmSettings(found(await repositories.alarmSettings.current(teamOf(request), { kind, id }), kind, id), alarmRules());
      },
    );

    app.put(
      path,
      {
        onRequest: app.requires('write'),
        schema: {
          tags,
          security,
          operationId: `set${name}AlarmSettings`,
          summary: `Set the alarm settings of ${words}`,
          description:
            'In the place of all that was set before, as a new version, in force for windows from now on. Refused as a whole where a value is out of range, ' +
            "a lower threshold is not lower, or, for a team, an athlete's own settings would not fit any more.",
          params: IdParams,
          body: SetAlarmSettings,
          response: { 200: AlarmSettingsView, ...problems(401, 403, 404, 409, 422) },
        },
      },
      (request) => set(request, { kind, id: request.params.id }, request.body),
    );

    app.post(
      `${path}/reset`,
      {
        onRequest: app.requires('write'),
        schema: {
          tags,
          security,
          operationId: `reset${name}AlarmSettings`,
          summary: `Take back all alarm settings of ${words}`,
          description: 'A version of its own, without settings: the level above is in force.',
          params: IdParams,
          body: ResetAlarmSettings,
          response: { 200: AlarmSettingsView, ...problems(401, 403, 404, 422) },
        },
      },
      (request) => set(request, { kind, id: request.params.id }, { settings: {}, basedOnVersion: null, why: request.body.why }),
    );

    app.get(
      `${path}/versions`,
      {
        onRequest: app.requires('read'),
        schema: {
          tags,
          security,
          operationId: `list${name}AlarmSettings`,
          summary: `Every version of the alarm settings of ${words}, newest first`,
          params: IdParams,
          querystring: VersionsQuery,
          response: { 200: PageOf(AlarmSettingsVersion), ...problems(401, 403, 404) },
        },
      },
      async (request) => {
        const { id } = request.params;
        const team = teamOf(request);
        found(await repositories.alarmSettings.current(team, { kind, id }), kind, id);
        const page = await repositories.alarmSettings.versions(team, { kind, id }, pageRequest('alarm-settings', request.query));
        return pageReply('alarm-settings', page);
      },
    );
  }
});
