/** What reaches ASMS beside windows: said where it happens, stored in order, applied by a job. */

export interface AsymmetryMetric {
  /** e.g. jumpAsymmetry, gaitSymmetry */
  readonly name: string;
  /** Signed, (L-R)/(L+R)*100; null: not measured. */
  readonly valuePct: number | null;
  readonly typicalErrorPct: number | null;
  /** From too few repeats: it neither counts nor teaches. */
  readonly provisional: boolean;
}

/** One load series on a day of the team. */
export interface CeiledLoad {
  readonly series: string;
  readonly unit: string;
  readonly load: number;
  /** null: no limit. 0 is a limit: any load is above it. */
  readonly ceiling: number | null;
}

export interface DeviceClock {
  /** As the device calls itself. */
  readonly deviceId: string;
  /** Step of the device's clock since the last observation; null: none. */
  readonly jumpS: number | null;
  /** null: too short a span to tell. */
  readonly driftPpm: number | null;
}

export type Observed =
  /** Asymmetries of a session, signed, (L-R)/(L+R)*100. */
  | { readonly kind: 'asymmetry'; readonly sessionId: string; readonly metrics: readonly AsymmetryMetric[] }
  /** swapped null: the strides do not tell. */
  | { readonly kind: 'sides'; readonly sessionId: string; readonly swapped: boolean | null; readonly strides: number }
  /** The day's loads so far, of every series with a ceiling; complete: the day is over and its sessions are all known. */
  | { readonly kind: 'day-load'; readonly day: string; readonly complete: boolean; readonly loads: readonly CeiledLoad[] }
  /** Every device of the athlete at once. */
  | { readonly kind: 'clocks'; readonly devices: readonly DeviceClock[] }
  /** Seconds since the last frame; outside a session silence is no fault. */
  | { readonly kind: 'silence'; readonly sessionOpen: boolean; readonly silentS: number };

/** An observation on its way into the store, which gives it the athlete's next sequence. */
export interface NewObservation {
  readonly athleteId: string;
  /** What it is about (a session, a day and its figures, a silence): with the kind a key. What is known under it already is not told again. */
  readonly subject: string;
  readonly atUs: number;
  readonly observed: Observed;
}

/** As stored. */
export type Observation = Observed & { readonly sequence: number; readonly atUs: number };
