/** Explanations over the API: asked for, read with and without the scope medical, beside an alert, and summed up as data and as a picture. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { insertScore, seedTeam, type SeededTeam } from '../support/rest-seed.ts';

const EXPLAINED = 1_700_000_001;
const OTHER = 1_700_000_000;
const EMPTY = 1_700_000_050;
const PERIOD = 'from=2023-11-14T00:00:00Z&to=2023-11-16T00:00:00Z';

let api: RestApp;
let team: SeededTeam;
let coach: string;
const url = (windowIndex: number, query = ''): string => `/v1/athletes/${team.athleteId}/scores/${windowIndex}/explanation${query}`;
const count = async (): Promise<number> =>
  Number((await api.database.pool.query<{ n: string }>('SELECT count(*) AS n FROM explanation')).rows[0]?.n);

beforeAll(async () => {
  api = await startRestApp();
  team = await seedTeam(api, 'greens');
  coach = await api.key(team.teamId, ['read', 'write']);
  await insertScore(api.database.pool, team.athleteId, EMPTY, { state: null });
});
afterAll(() => api.close());
beforeEach(() => api.database.pool.query('DELETE FROM explanation WHERE window_index <> $1', [EXPLAINED]));

describe('asking for an explanation', () => {
  it('is taken on once, however often it is asked', async () => {
    const before = await count();
    for (let i = 0; i < 3; i += 1) {
      const answer = await api.call(coach, 'POST', url(OTHER));
      expect(answer.statusCode, answer.body).toBe(202);
      expect(answer.json()).toMatchObject({
        athleteId: team.athleteId,
        windowIndex: OTHER,
        status: 'pending',
        result: null,
        sentence: null,
      });
    }
    expect(await count()).toBe(before + 1);
    expect((await api.call(coach, 'GET', url(OTHER))).json()).toMatchObject({ status: 'pending', grain: 'sensor' });
    expect((await api.call(coach, 'POST', url(OTHER, '?grain=channel'))).json()).toMatchObject({ grain: 'channel' });
    expect(await count()).toBe(before + 2);
  });

  it('leaves what is there as it is, and tries again what was refused', async () => {
    expect((await api.call(coach, 'POST', url(EXPLAINED))).json()).toMatchObject({ status: 'done' });
    await api.call(coach, 'POST', url(OTHER));
    await api.database.pool.query(
      `UPDATE explanation SET status = 'refused', attempts = 3, refusal = '{"code": "explain-background", "detail": "none observed"}' WHERE window_index = $1`,
      [OTHER],
    );
    const refused = (await api.call(coach, 'GET', url(OTHER))).json<object>();
    expect(refused).toMatchObject({ status: 'refused', refusal: { code: 'explain-background', detail: 'none observed' } });
    expect((await api.call(coach, 'POST', url(OTHER))).json()).toMatchObject({ status: 'pending', refusal: null });
    const { rows } = await api.database.pool.query<{ attempts: number }>('SELECT attempts FROM explanation WHERE window_index = $1', [
      OTHER,
    ]);
    expect(rows).toEqual([{ attempts: 0 }]);
  });

  it('is refused for a window that is not there, one without a score, one not yet asked for, and without the scope', async () => {
    const before = await count();
    expect((await api.call(coach, 'POST', url(5))).json()).toMatchObject({ status: 404, code: 'not-found' });
    expect((await api.call(coach, 'POST', url(EMPTY))).json()).toMatchObject({ status: 409, code: 'window-not-scored' });
    expect((await api.call(coach, 'GET', url(OTHER))).json()).toMatchObject({ status: 404, code: 'not-found' });
    expect((await api.call(coach, 'POST', url(-1))).statusCode).toBe(400);
    const reader = await api.key(team.teamId, ['read']);
    expect((await api.call(reader, 'POST', url(OTHER))).json()).toMatchObject({ status: 403, code: 'insufficient-scope' });
    expect(await count()).toBe(before);
  });

  it('is refused as busy where too many wait, whoever asked, and alerts do not count', async () => {
    const fill = (n: number, by: string | null) =>
      api.database.pool.query(
        `INSERT INTO explanation (id, athlete_id, window_index, model_version, grain, start_us, asked_by)
         SELECT gen_random_uuid(), $1, $2 + i, 'v', 'sensor', 0, $3 FROM generate_series(1, $4::int) AS i`,
        [team.athleteId, by === null ? 5_000 : 9_000, by, n],
      );
    await fill(40, null);
    await fill(31, 'somebody');
    expect((await api.call(coach, 'POST', url(OTHER))).statusCode).toBe(202);
    const before = await count();
    const busy = await api.call(coach, 'POST', url(OTHER, '?grain=channel'));
    expect(busy.json()).toMatchObject({ status: 503, code: 'explain-busy' });
    expect(await count()).toBe(before);
    // What is asked for already is answered all the same.
    expect((await api.call(coach, 'POST', url(OTHER))).statusCode).toBe(202);
  });
});

describe('reading an explanation', () => {
  it('names the medical record to medical readers only; the sum stays', async () => {
    interface Answer {
      readonly sentence: string;
      readonly result: {
        readonly logit: number;
        readonly baseLogit: number;
        readonly contributions: { name: string; label: string; logit: number }[];
      };
    }
    const hidden = (await api.call(coach, 'GET', url(EXPLAINED))).json<Answer>();
    const shown = (await api.call(team.key, 'GET', url(EXPLAINED))).json<Answer>();
    expect(shown.sentence).toContain('days since the last injury moved it up (41.0 days, normally 300 days)');
    expect(shown.result.contributions.map(({ name }) => name)).toEqual(['foot-left', 'daysSinceInjury', 'pastInjuries']);
    expect(hidden.sentence).toContain('the medical record moved it up');
    expect(JSON.stringify(hidden)).not.toMatch(/injur|"value":41/i);
    expect(hidden.result.contributions.map(({ name, label, logit }) => [name, label, logit])).toEqual([
      ['foot-left', 'movement of the left foot', 2.5],
      ['medicalRecord', 'the medical record', 0.5],
    ]);
    for (const { result } of [hidden, shown])
      expect(result.contributions.reduce((sum, { logit }) => sum + logit, 0)).toBeCloseTo(result.logit - result.baseLogit, 9);
  });

  it('stands beside the alert it was made for, in the words its reader may see', async () => {
    const alert = (key: string) => api.call(key, 'GET', `/v1/alerts/${team.alertId}`);
    expect((await alert(coach)).json()).toMatchObject({
      explanation: { status: 'done', refusal: null, sentence: expect.stringContaining('the medical record') as string },
    });
    expect((await alert(team.key)).json<{ explanation: { sentence: string } }>().explanation.sentence).toContain('past injuries');
    await api.database.pool.query(`UPDATE alert SET raised_window_index = 77 WHERE id = $1`, [team.alertId]);
    expect((await alert(coach)).json()).toMatchObject({ explanation: null });
    await api.database.pool.query(`UPDATE alert SET raised_window_index = $2 WHERE id = $1`, [team.alertId, EXPLAINED]);
  });
});

describe('the summary of a team and period (Fig. 5)', () => {
  const summary = (key: string, query = PERIOD, accept = 'application/json', path = 'summary') =>
    api.app.inject({
      method: 'GET',
      url: `/v1/teams/${team.teamId}/explanations/${path}?${query}`,
      headers: { authorization: `Bearer ${key}`, accept },
    });

  it('is given as data', async () => {
    const answer = await summary(coach);
    expect(answer.json()).toMatchObject({
      teamId: team.teamId,
      modelVersion: 'binn-test',
      windows: 1,
      truncated: false,
      rows: [
        {
          name: 'foot-left',
          label: 'movement of the left foot',
          windows: 1,
          meanAbsolute: 2.5,
          mean: 2.5,
          points: [{ logit: 2.5, level: null }],
        },
        { name: 'medicalRecord', meanAbsolute: 0.5 },
      ],
    });
    expect((await summary(team.key)).json<{ rows: { name: string }[] }>().rows.map(({ name }) => name)).toContain('pastInjuries');
  });

  it('is empty outside the period, of another version or grain, and says what is wrong with a range', async () => {
    for (const query of [
      'from=2024-01-01T00:00:00Z&to=2024-02-01T00:00:00Z',
      `${PERIOD}&modelVersion=other`,
      `${PERIOD}&grain=channel`,
      '',
    ])
      expect((await summary(coach, query)).json(), query).toMatchObject({ windows: 0, modelVersion: null, rows: [] });
    expect((await summary(coach, 'from=2024-02-01T00:00:00Z&to=2024-01-01T00:00:00Z')).json()).toMatchObject({ code: 'time-out-of-range' });
  });

  it('does not mix versions: the newest explanation says which', async () => {
    await api.database.pool.query(
      `INSERT INTO explanation (id, athlete_id, window_index, model_version, grain, start_us, status, method, enumerated, evaluations, base_logit, logit,
         contributions, attention, background)
       SELECT gen_random_uuid(), athlete_id, window_index + 9, 'newer', grain, start_us + 9000000, status, method, enumerated, evaluations, base_logit, logit,
         contributions, attention, background FROM explanation WHERE window_index = $1`,
      [EXPLAINED],
    );
    expect((await summary(coach)).json()).toMatchObject({ windows: 1, modelVersion: 'newer' });
    expect((await summary(coach, `${PERIOD}&modelVersion=binn-test`)).json()).toMatchObject({ windows: 1, modelVersion: 'binn-test' });
  });

  it('is given as a picture to whoever accepts one, or asks for the .svg', async () => {
    for (const [accept, path] of [
      ['image/svg+xml', 'summary'],
      ['application/json', 'summary.svg'],
    ] as const) {
      const answer = await summary(coach, PERIOD, accept, path);
      expect(answer.statusCode, answer.body).toBe(200);
      expect(answer.headers['content-type']).toContain('image/svg+xml');
      expect(answer.body).toMatch(/^<svg .*greens, 2023-11-14 to 2023-11-16.*<\/svg>$/s);
      expect(answer.body).not.toMatch(/injur/i);
    }
  });

  it('is in the audit log of the team, as data and as a picture', async () => {
    const { pool } = api.database;
    await pool.query('DELETE FROM audit_entry');
    await summary(coach);
    await summary(coach, PERIOD, 'image/svg+xml', 'summary.svg');
    const { rows } = await pool.query('SELECT action, team_id, athlete_ids FROM audit_entry ORDER BY at');
    expect(rows).toEqual([
      { action: 'summariseExplanations', team_id: team.teamId, athlete_ids: [] },
      { action: 'drawExplanations', team_id: team.teamId, athlete_ids: [] },
    ]);
  });
});
